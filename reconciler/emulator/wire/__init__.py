"""HTTP, TLS and JSON."""
