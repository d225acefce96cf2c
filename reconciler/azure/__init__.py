"""The only room that talks to Azure: credentials, transport, reader and writer.

Importing this package, `session`, `explain` or `snapshot_file` costs nothing; the SDK is loaded by
`session.connect` alone.
"""
