"""What each command does, without its command line: one module a run.

A run takes a frozen request and a `Context` (clock, environment, observer), and returns a frozen value with a `verdict`.
It reads no arguments and prints nothing; `cli` parses, calls the run, shows the value and exits by its verdict.
"""
