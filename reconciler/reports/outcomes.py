"""What the reports read of a run of apply: decision by decision how it ended, as the plan told what it would do.

Rooms beside each other do not import each other, so what is rendered is described here by what is read of it; the
outcomes and the summary of the applying room match by structure. All forms say the verdict that the exit code follows.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from reconciler.kinds import HeldCause
from reconciler.model import Status, Unread, Verdict, agree, count
from reconciler.planning.decisions import Decision, decisions_of
from reconciler.planning.values import Action, Change, Held, Plan, Refusal

_COUNTED: Final = {Status.DONE: "written", Status.UNCHANGED: "already so"}


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


class Ending(enum.StrEnum):
    """How a decision ended: as its exemptions did."""

    DONE = "done"
    PART = "in part"
    NOT = "not done"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutcome:
    """One decision with how each of its exemptions ended."""

    decision: Decision
    outcomes: tuple[Outcome, ...]

    @property
    def ending(self) -> Ending:
        """Whether Azure now holds all, some or none of what it asks for."""
        settled = [outcome.status.is_settled for outcome in self.outcomes]
        if all(settled):
            return Ending.DONE
        return Ending.PART if any(settled) else Ending.NOT

    @property
    def stuck(self) -> list[Outcome]:
        """What of it was not written."""
        return [outcome for outcome in self.outcomes if not outcome.status.is_settled]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """A finished run as people are told of it: `decisions` in the plan's reading order."""

    summary: Summary
    decisions: tuple[DecisionOutcome, ...]

    @property
    def taken_at(self) -> datetime:
        """When Azure was read for it, from which ends are told. Only a run that read has decisions."""
        assert self.summary.taken_at is not None
        return self.summary.taken_at

    @property
    def done(self) -> list[DecisionOutcome]:
        """The decisions that Azure now holds."""
        return [item for item in self.decisions if item.ending is Ending.DONE]

    @property
    def stuck(self) -> list[DecisionOutcome]:
        """Those of which something was not written."""
        return [item for item in self.decisions if item.ending is not Ending.DONE]


def outcome_report(summary: Summary, plan: Plan | None) -> OutcomeReport:
    """The run by the decisions of its plan; None where nothing was planned."""
    by_key = {outcome.change.id.key: outcome for outcome in summary.outcomes}
    decisions = decisions_of(plan) if plan is not None and by_key else ()
    return OutcomeReport(
        summary=summary,
        decisions=tuple(
            DecisionOutcome(decision=decision, outcomes=tuple(by_key[change.id.key] for change in decision.changes))
            for decision in decisions
        ),
    )


# --- in words ----------------------------------------------------------------------------------------------------


def verdict_sentence(report: OutcomeReport) -> str:
    """The sentence that a person reads instead of the exit code: `Done: 12 decisions; 35 exemptions written.`, for example."""
    summary = report.summary
    if summary.note:
        return summary.note
    match summary.verdict:
        case Verdict.DONE:
            sentence = "Done" if summary.outcomes else "Nothing to do"
        case Verdict.AWAITING:
            sentence = "Done, but for what awaits approval"
        case Verdict.INTERRUPTED:
            sentence = "Interrupted; the next run finishes the work"
        case Verdict.REFUSED:
            sentence = "Refused, nothing was written"
        case _:
            sentence = "Incomplete"
    counts = [", ".join(parts) for parts in (_decision_counts(report), _exemption_counts(summary)) if parts]
    bare = sum(outcome.leaves_uncovered for outcome in summary.outcomes)
    counts += [f"{count(bare, 'wanted exemption')} {agree(bare, 'is', 'are')} not there"] if bare else []
    return f"{sentence}: {'; '.join(counts)}." if counts else f"{sentence}."


def _decision_counts(report: OutcomeReport) -> list[str]:
    """`12 decisions`, or `9 of 12 decisions done` with `1 in part`."""
    total, done = len(report.decisions), len(report.done)
    if not total:
        return []
    parts = sum(item.ending is Ending.PART for item in report.decisions)
    counts = [count(total, "decision") if done == total else f"{done:,} of {count(total, 'decision')} done"]
    return [*counts, f"{parts:,} in part"] if parts else counts


def _exemption_counts(summary: Summary) -> list[str]:
    """`12 exemptions written`, `1 failed`, `2 held`, `1 unread`."""
    counts = Counter(summary.counts)
    counts[Status.HELD] += len(summary.held)
    ended = [(number, _COUNTED.get(status, str(status))) for status, number in counts.items() if number]
    ended += [(len(summary.unread), "unread")] if summary.unread else []
    unit = ["exemption"] if summary.outcomes else []
    return [
        f"{count(number, *unit) if position == 0 and unit else f'{number:,}'} {how}"
        for position, (number, how) in enumerate(ended)
    ]


def written_label(item: DecisionOutcome) -> str:
    """What became of the exemptions of a decision: `3 exemptions created, 1 failed`."""
    did = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
    ways = Counter(
        did[outcome.change.action]
        if outcome.status is Status.DONE
        else _COUNTED.get(outcome.status, str(outcome.status))
        for outcome in sorted(item.outcomes, key=lambda outcome: not outcome.status.is_settled)
    )
    (first, number), *rest = ways.items()
    return ", ".join([f"{count(number, 'exemption')} {first}", *(f"{number:,} {way}" for way, number in rest)])
