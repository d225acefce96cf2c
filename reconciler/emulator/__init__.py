"""An independent Azure on loopback, for demos and tests."""
