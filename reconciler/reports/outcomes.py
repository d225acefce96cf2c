"""What the reports read of a run of apply.

Rooms beside each other do not import each other, so what is rendered is described here by what is read of it; the
outcomes and the summary of the applying room match by structure. All forms say the verdict that the exit code follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.kinds import HeldCause
from reconciler.model import Status, Unread, Verdict
from reconciler.planning.values import Change, Held, Refusal


class Outcome(Protocol):
    """How one change ended."""

    @property
    def change(self) -> Change: ...
    @property
    def status(self) -> Status: ...
    @property
    def message(self) -> str: ...
    @property
    def remedy(self) -> str: ...
    @property
    def cause(self) -> HeldCause | None: ...
    @property
    def correlation(self) -> str: ...
    @property
    def leaves_uncovered(self) -> bool: ...


class Summary(Protocol):
    """A finished run."""

    @property
    def outcomes(self) -> Sequence[Outcome]: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def completed(self) -> bool: ...
    @property
    def held(self) -> tuple[Held, ...]: ...
    @property
    def refusals(self) -> tuple[Refusal, ...]: ...
    @property
    def unread(self) -> tuple[Unread, ...]: ...
    @property
    def note(self) -> str: ...
    @property
    def taken_at(self) -> datetime | None: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def counts(self) -> Mapping[Status, int]: ...
