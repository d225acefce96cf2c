"""ARM's JSON and our values, both ways: decoding, the canonical form, encoding. Pure, and free of the SDK."""
