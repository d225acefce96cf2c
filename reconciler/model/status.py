"""How a change ends and what a run comes to: the words that carrying out, the reports and the exit code share."""

from __future__ import annotations

import enum


class Status(enum.StrEnum):
    """How a change ended. Exactly one per change."""

    DONE = "done"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    HELD = "held"
    AWAITING = "awaiting approval"
    FAILED = "failed"

    @property
    def is_settled(self) -> bool:
        """Whether Azure now holds what the change wanted, so that what waits for it may go on."""
        return self in {Status.DONE, Status.UNCHANGED}


class Verdict(enum.StrEnum):
    """What the whole run came to."""

    DONE = "done"
    AWAITING = "awaiting approval"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
