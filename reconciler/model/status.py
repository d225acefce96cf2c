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
    """What a whole run came to. Text, JSON and exit code all follow from it.

    `INVALID`: the repository is wrong. `REFUSED`: a guard stops it. `INCOMPLETE`: something could not be read, decided or
    written. `CHANGES`: done, and there is something to change or to look at. `AWAITING`: something awaits approval.
    """

    DONE = "done"
    CHANGES = "changes"
    AWAITING = "awaiting approval"
    INVALID = "invalid"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
