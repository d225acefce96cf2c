"""Git: provenance, comparison against a base, request branches."""
