"""What stands in the way of a plan: what is held, cause by cause, and what a guard refuses, with what to do or to click."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.kinds import HeldCause
from reconciler.model import Source, Unread, count, first_few
from reconciler.planning.values import Held, Refusal
from reconciler.problems import Problem
from reconciler.reports.context import Pipeline
from reconciler.reports.decision_labels import Show

_FEW: Final = 3
PARAMETERS: Final = {
    "--allow-deletes": "Accept exactly this many deletes",
    "--allow-creates": "Accept exactly this many creates",
    "--allow-adoptions": "Accept exactly this many adoptions",
    "--allow-unmanaged-deletes": "Accept exactly this many deletes of unmanaged exemptions",
    "--delete-orphans": "Also delete up to this many of ours whose assignment is gone",
}
"""The options of guards by number, as azure-pipelines/apply.yml calls its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGroup:
    """What is held for one reason: `places` (scope and assignment) of `declarations`."""

    cause: HeldCause
    message: str
    remedy: str
    declarations: tuple[str, ...]
    places: int
    source: Source | None

    def label(self, show: Show = str) -> str:
        """`a, b and 1 more at 12 places`."""
        names = first_few([show(name) for name in self.declarations], _FEW)
        places = f" at {count(self.places, 'place')}" if self.places > 1 else ""
        return f"{names}{places}"


def held_groups(
    holds: Iterable[Held], unread: Iterable[Unread] = (), problems: Iterable[Problem] = ()
) -> list[HeldGroup]:
    """One for each cause, what most is held for first. What stands above it is not said again: what a problem says, and the
    remedy of what is unread.
    """
    messages, remedies = {problem.message for problem in problems}, {part.remedy for part in unread}
    groups: dict[tuple[HeldCause, str, str], list[Held]] = defaultdict(list)
    for cells in holds:
        if cells.message not in messages:
            groups[cells.cause, cells.message, "" if cells.remedy in remedies else cells.remedy].append(cells)
    causes = [
        HeldGroup(
            cause=cause,
            message=message,
            remedy=remedy,
            declarations=tuple(sorted({cells.declaration for cells in group})),
            places=len(group),
            source=group[0].source if len(group) == 1 else None,
        )
        for (cause, message, remedy), group in groups.items()
    ]
    return sorted(causes, key=lambda group: (-group.places, group.cause, group.message))


def refusal_remedy(refusal: Refusal, pipeline: Pipeline) -> str:
    """What to do, or to click, so that exactly this plan is accepted; empty where nothing accepts it."""
    if not refusal.remedy:
        return ""
    option, _, number = refusal.remedy.partition(" ")
    match pipeline:
        case Pipeline.GITHUB:
            clicks = f"Actions, workflow 'apply', Run workflow, {option.removeprefix('--')}: {number}"
        case Pipeline.AZURE_DEVOPS:
            clicks = f"Pipelines, the pipeline of apply.yml, Run pipeline, '{PARAMETERS.get(option, option)}': {number}"
        case Pipeline.GITLAB:
            variable = option.removeprefix("--").replace("-", "_").upper()
            clicks = f"Build, Pipelines, New pipeline on main, {variable}: {number}"
        case Pipeline.NONE:
            return f"rerun with {refusal.remedy} to accept exactly this"
    return f"to accept exactly this, once it is merged: {clicks}"
