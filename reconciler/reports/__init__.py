"""Pure: values to text, json, markdown, github, sarif and html; the one place that escapes."""
