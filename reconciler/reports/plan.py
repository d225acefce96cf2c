"""A plan as people are told of it: the decisions behind it, what of them the change under review brings, and totals.

Raw text; the edges escape it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.kinds import FindingKind
from reconciler.model import ScopeKind, agree, count
from reconciler.planning.covered import TypeCounts
from reconciler.planning.decisions import Decision, decisions_of
from reconciler.planning.score.values import ScoreEstimate
from reconciler.planning.values import SEVERITIES, Action, Finding, Plan
from reconciler.problems import Problem
from reconciler.reports.decision_labels import KINDS, Show, category_label
from reconciler.reports.labels import distance, expiry_date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """A plan with its decisions in reading order. `warnings` are those of validation, for the files under review; `score`
    is what it does to the secure score, None where that was not estimated.
    """

    plan: Plan
    decisions: tuple[Decision, ...]
    warnings: tuple[Problem, ...] = ()
    score: ScoreEstimate | None = None

    @property
    def proposed(self) -> list[Decision]:
        """What the change under review brings."""
        return [decision for decision in self.decisions if decision.is_proposed]

    @property
    def others(self) -> list[Decision]:
        """What the next apply brings beside it."""
        return [decision for decision in self.decisions if not decision.is_proposed]


def plan_report(
    plan: Plan,
    changed: frozenset[str] | None = None,
    warnings: Iterable[Problem] = (),
    resources: Mapping[str, TypeCounts] = MappingProxyType({}),
) -> PlanReport:
    """The report of a plan; see `decisions_of` for `changed` and `resources`."""
    return PlanReport(plan=plan, decisions=decisions_of(plan, changed, resources), warnings=tuple(warnings))


# --- the verdict in words ----------------------------------------------------------------------------------------


def headline(report: PlanReport, show: Show = str) -> str:
    """What is exempted more, what less, for how long; or that nothing changes, and why that may not be all."""
    plan = report.plan
    obstacles = [f"invalid ({count(len(plan.problems), 'error')})"] if plan.problems else []
    obstacle = " and ".join([*obstacles, *(["refused"] if plan.refusals else [])]).capitalize()
    verdict = f"{obstacle}{': ' if obstacle else ''}{_effect(report, show)}"
    reservations = []
    if plan.held:
        declarations = len({held_cells.declaration for held_cells in plan.held})
        reservations.append(f"{count(declarations, 'declaration')} {agree(declarations, 'is', 'are')} held")
    if plan.unread:
        reservations.append("not everything could be read")
    return f"{verdict}; {', '.join(reservations)}." if reservations else f"{verdict}."


def _effect(report: PlanReport, show: Show) -> str:
    plan, proposed = report.plan, report.proposed
    if plan.is_empty:
        return _nothing(plan)
    if not proposed:
        return "This change alters nothing in Azure"
    widening = [decision for decision in proposed if decision.exempts_more]
    less = [decision for decision in proposed if decision.exempts_less and not decision.exempts_more]
    ended = sum(decision.after is None for decision in less)
    equal = len(proposed) - len(widening) - len(less)
    parts = [
        (
            len(widening),
            f"{agree(len(widening), 'exempts', 'exempt')} more, {_how_long(widening, plan, show)}" if widening else "",
        ),
        (ended, agree(ended, "ends", "end")),
        (len(less) - ended, f"{agree(len(less) - ended, 'exempts', 'exempt')} less"),
        (equal, f"{agree(equal, 'exempts', 'exempt')} as much as before"),
    ]
    effects = [(number, effect) for number, effect in parts if number]
    first, *rest = effects
    return "; ".join(
        [f"{count(first[0], 'decision')} {first[1]}", *(f"{number:,} {effect}" for number, effect in rest)]
    )


def _how_long(decisions: Sequence[Decision], plan: Plan, show: Show) -> str:
    ends = [decision.state.expires_on for decision in decisions]
    endless = ends.count("")
    if endless == len(ends):
        return "without end"
    latest = max(ends)
    far = distance(latest, plan.taken_at)
    when = f"until {show(expiry_date(latest))}{f' ({far})' if far else ''}"
    if endless:
        return f"{endless:,} of them without end, the others {when} at the latest"
    return when if len(ends) == 1 else f"{when} at the latest"


def _nothing(plan: Plan) -> str:
    if not plan.complete:
        return "No changes in what could be read"
    if plan.held:
        return "No changes in what can be decided now"
    idle = len({finding.declaration for finding in plan.findings if finding.kind is FindingKind.UNCOVERED})
    if idle:
        return f"No changes, but {count(idle, 'declaration')} {agree(idle, 'exempts', 'exempt')} nothing at some target"
    return "No changes. Azure matches the declarations"


def summary_line(plan: Plan, show: Show = str) -> str:
    """`Plan for 1a2b3c4d5e6f: 3 to create, 1 to update, 0 to delete (12 unchanged, 3 not ours, 2 held)`."""
    revision = f" for {show(plan.revision[:12])}" if plan.revision else ""
    dirty = " with uncommitted changes" if plan.dirty else ""
    rest = f"{len(plan.unchanged):,} unchanged, {len(plan.foreign):,} not ours"
    rest += f", {len(plan.held):,} held" if plan.held else ""
    return f"Plan{revision}{dirty}, {count(len(plan.scopes), 'scope')}: {action_counts(plan)} ({rest})"


def action_counts(plan: Plan) -> str:
    """`1 to create, 0 to update, 2 to delete`, of exemptions."""
    return ", ".join(f"{plan.count(action):,} to {action.value}" for action in Action)


def totals(decisions: Sequence[Decision], show: Show = str) -> str:
    """By severity, category and kind of scope, and the longest expiry: one line for many decisions."""
    severities = Counter(decision.severity for decision in decisions)
    categories = Counter(category_label(decision.state.category, show) for decision in decisions)
    kinds = Counter(target.kind for target in {target for decision in decisions for target in decision.state.targets})
    counts = [
        f"{severities[severity]:,} {severity.lower() or 'of unknown severity'}"
        for severity in (*SEVERITIES, "")
        if severities[severity]
    ]
    ends = [decision.after.expires_on for decision in decisions if decision.after]
    longest = f"the longest ends {show(expiry_date(max(ends)))}" if ends else ""
    if endless := ends.count(""):
        longest = f"{count(endless, 'decision')} never {agree(endless, 'ends', 'end')}"
    parts = [
        ", ".join(counts) if severities.keys() != {""} else "",
        ", ".join(f"{number:,} {label}" for label, number in sorted(categories.items())),
        "on " + ", ".join(f"{kinds[kind]:,} {agree(kinds[kind], *KINDS[kind])}" for kind in ScopeKind if kinds[kind]),
        longest,
    ]
    return "; ".join(part for part in parts if part)


def relevant_findings(report: PlanReport) -> tuple[list[Finding], list[Finding]]:
    """The findings about what the change under review declares, and the others."""
    names = {decision.name for decision in report.proposed}
    about = [finding for finding in report.plan.findings if finding.declaration in names]
    return about, [finding for finding in report.plan.findings if finding.declaration not in names]
