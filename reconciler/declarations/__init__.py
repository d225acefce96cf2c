"""What we want: a safe walk over files, strict YAML with places, schema and cross-file rules."""
