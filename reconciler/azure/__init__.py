"""The only room that talks to Azure: credentials, transport, reader, writer."""
