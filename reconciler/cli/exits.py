"""The exit codes, in one place (§9). 2 is never an error, so a pipeline can tell drift from a fault."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What a command came to."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    INTERRUPTED = 130
