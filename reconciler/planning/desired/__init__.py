"""What the declarations want: subjects looked up, exemptions resolved, conflicts held."""
