"""The exit codes, in one place. 2 is never an error, so a pipeline can tell drift from a fault."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model import Verdict


class Exit(enum.IntEnum):
    """What a command came to."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    INTERRUPTED = 130


def of_run(verdict: Verdict) -> Exit:
    """What a run with this verdict exits with."""
    from reconciler.model import Verdict  # noqa: PLC0415 - --version pays for nothing

    match verdict:
        case Verdict.DONE:
            return Exit.DONE
        case Verdict.INVALID | Verdict.REFUSED | Verdict.INCOMPLETE:
            return Exit.FAILED
        case Verdict.CHANGES | Verdict.AWAITING:
            return Exit.CHANGES
        case Verdict.INTERRUPTED:
            return Exit.INTERRUPTED
