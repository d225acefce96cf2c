"""What Azure holds, as deciding about it needs it."""
