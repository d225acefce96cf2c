"""How each change ended and what the run as a whole came to.

`Summary.verdict` is the one property that the text, the JSON form and the exit code (`cli.exits`) read, so that they
cannot disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.kinds import HeldCause
from reconciler.model import Diagnostic, Status, Unread, Verdict
from reconciler.planning.values import Action, Change, Held, Plan, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Diagnostic):
    """How one change ended.

    `message` says what happened, with Azure's own words where Azure refused; `remedy` what to do about it, empty
    where nothing is to be done. `cause` is set for a held change. `correlation` is Azure's id for a support case.
    `cut_short` says that it ended so because the run was asked to end.
    """

    change: Change
    status: Status
    message: str = ""
    cause: HeldCause | None = None
    correlation: str = ""
    cut_short: bool = False

    @property
    def is_gone(self) -> bool:
        """Held because its assignment or resource is gone: reported, but no failure of the run."""
        return self.status is Status.HELD and self.cause is not None and self.cause.is_gone

    @property
    def fails(self) -> bool:
        """Whether this alone makes the run incomplete."""
        return self.status in {Status.FAILED, Status.SKIPPED} or (self.status is Status.HELD and not self.is_gone)

    @property
    def leaves_uncovered(self) -> bool:
        """Whether something that is wanted stays without its exemption because of this."""
        return self.change.action is Action.CREATE and not self.status.is_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A finished run: the outcomes sorted by folded id, and what the plan already knew it could not do.

    `revision` is the commit whose declarations the run was about; None without git, where the working tree held
    something else, or where the run was narrowed to a scope or healed. `note` says why nothing was even tried,
    `taken_at` when Azure was read for it.
    """

    outcomes: tuple[Outcome, ...]
    revision: str | None = None
    held: tuple[Held, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unread: tuple[Unread, ...] = ()
    note: str = ""
    taken_at: datetime | None = None

    @property
    def verdict(self) -> Verdict:
        """What the run came to; the text and the exit code follow from it. Asked to end when all was done, it is done."""
        if any(outcome.cut_short for outcome in self.outcomes):
            return Verdict.INTERRUPTED
        if self.refusals:
            return Verdict.REFUSED
        if self.unread or any(not decision.cause.is_gone for decision in self.held):
            return Verdict.INCOMPLETE
        if any(outcome.fails for outcome in self.outcomes):
            return Verdict.INCOMPLETE
        if any(outcome.status is Status.AWAITING for outcome in self.outcomes):
            return Verdict.AWAITING
        return Verdict.DONE

    @property
    def completed(self) -> bool:
        """Whether Azure now holds all of the revision: nothing was withheld, refused, held, skipped, unread or failed.
        That is what healing takes as proof that a revision was approved.
        """
        is_held = self.held or any(outcome.status is Status.HELD for outcome in self.outcomes)
        return self.revision is not None and self.verdict is Verdict.DONE and not is_held

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many changes ended in each way; every status is there."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        return {status: counted[status] for status in Status}


def summarise(plan: Plan, outcomes: Iterable[Outcome]) -> Summary:
    """The whole run from its plan and the outcomes in whatever order they came."""
    return Summary(
        outcomes=tuple(sorted(outcomes, key=lambda outcome: outcome.change.id.key)),
        revision=None if plan.dirty else plan.revision,
        held=plan.held,
        refusals=plan.refusals,
        unread=plan.unread,
        taken_at=plan.taken_at,
    )


def refused_outcomes(changes: Iterable[Change]) -> list[Outcome]:
    """The outcomes of changes that would have been written, had a guard not stopped the whole run."""
    return [
        Outcome(change=change, status=Status.SKIPPED, message="not written: the run was refused before its first write")
        for change in changes
    ]
