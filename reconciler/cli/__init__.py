"""argv, environment, clock and exit codes; one module a command."""
