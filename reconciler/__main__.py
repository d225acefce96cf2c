"""`python -m reconciler` is the same as the command `exempt`."""

from reconciler.cli.main import run

run()
