"""A plan as people are told of it: the decisions behind it, what of them the change under review brings, and totals.

Raw text; the edges escape it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import ArmId, ScopeKind, Source, agree, count, first_few
from reconciler.planning.decisions import SEVERITIES, Decision, Highlight, State, decisions_of, taken_from
from reconciler.planning.values import Action, Finding, Held, Plan, Reason, Refusal
from reconciler.problems import Problem
from reconciler.reports.context import Names, Pipeline
from reconciler.reports.fields import changed_paths, field_label
from reconciler.reports.labels import distance, expiry_date, foreign_label, reason_label, scope_label, selection_label

Show = Callable[[str], str]
"""How a value that somebody wrote is shown among our words: as it is in text, as code in Markdown."""

_FEW = 3
_CATEGORIES = {"Waiver": "Risk accepted (Waiver)", "Mitigated": "Resolved through 3rd party (Mitigated)"}
_SCOPES = {
    ScopeKind.MANAGEMENT_GROUP: ("management group", "management groups"),
    ScopeKind.SUBSCRIPTION: ("subscription", "subscriptions"),
    ScopeKind.RESOURCE_GROUP: ("resource group", "resource groups"),
    ScopeKind.RESOURCE: ("resource", "resources"),
}
_INPUTS = {(Pipeline.GITHUB, "--allow-deletes"): "allow-deletes"}
"""Options of a guard that the shipped pipelines have an input for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """A plan with its decisions in reading order. `warnings` are those of validation, for the files under review."""

    plan: Plan
    decisions: tuple[Decision, ...]
    warnings: tuple[Problem, ...] = ()

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
    resources: Callable[[ArmId], int | None] = lambda _target: None,
) -> PlanReport:
    """The report of a plan; see `decisions_of` for `changed` and `resources`."""
    return PlanReport(plan=plan, decisions=decisions_of(plan, changed, resources), warnings=tuple(warnings))


# --- the verdict in words ----------------------------------------------------------------------------------------


def headline(report: PlanReport, show: Show = str) -> str:
    """What is exempted more, what less, for how long; or that nothing changes, and why that may not be all."""
    plan = report.plan
    obstacle = "Invalid: " if plan.problems else "Refused: " if plan.refusals else ""
    return f"{obstacle}{_effect(report, show)}{_reservations(plan)}."


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
    if endless:
        return f"{endless} of them without end"
    latest = max(ends)
    far = distance(latest, plan.taken_at)
    when = f"until {show(expiry_date(latest))}{f' ({far})' if far else ''}"
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


def _reservations(plan: Plan) -> str:
    parts = []
    if plan.held:
        declarations = len({held_cells.declaration for held_cells in plan.held})
        parts.append(f"{count(declarations, 'declaration')} {agree(declarations, 'is', 'are')} held")
    if plan.unread:
        parts.append("not everything could be read")
    return f"; {', '.join(parts)}" if parts else ""


def summary_line(plan: Plan, show: Show = str) -> str:
    """`Plan for 1a2b3c4d5e6f: 3 to create, 1 to update, 0 to delete (12 unchanged, 3 not ours, 2 held)`."""
    revision = f" for {show(plan.revision[:12])}" if plan.revision else ""
    dirty = " with uncommitted changes" if plan.dirty else ""
    return f"Plan{revision}{dirty}, {count(len(plan.scopes), 'scope')}: {action_counts(plan)} ({_rest(plan)})"


def action_counts(plan: Plan) -> str:
    """`1 to create, 0 to update, 2 to delete`, of exemptions."""
    return ", ".join(f"{plan.count(action):,} to {action.value}" for action in Action)


def _rest(plan: Plan) -> str:
    held_cells = [f"{len(plan.held):,} held"] if plan.held else []
    return ", ".join([f"{len(plan.unchanged):,} unchanged", f"{len(plan.foreign):,} not ours", *held_cells])


def totals(decisions: Sequence[Decision], show: Show = str) -> str:
    """By severity, category and kind of scope, and the longest expiry: one line for many decisions."""
    severities = Counter(decision.severity for decision in decisions)
    categories = Counter(category_label(decision.state.category, show) for decision in decisions)
    kinds = Counter(kind for decision in decisions for kind in {target.kind for target in decision.state.targets})
    counts = [
        f"{severities[severity]:,} {severity.lower() or 'of unknown severity'}"
        for severity in (*SEVERITIES, "")
        if severities[severity]
    ]
    parts = [
        ", ".join(counts) if severities.keys() != {""} else "",
        ", ".join(f"{number:,} {label}" for label, number in sorted(categories.items())),
        "on " + ", ".join(f"{kinds[kind]:,} {agree(kinds[kind], *_SCOPES[kind])}" for kind in ScopeKind if kinds[kind]),
        _longest([decision.after for decision in decisions if decision.after], show),
    ]
    return "; ".join(part for part in parts if part)


def _longest(states: Sequence[State], show: Show) -> str:
    endless = sum(not state.expires_on for state in states)
    if endless:
        return f"{count(endless, 'decision')} never {agree(endless, 'ends', 'end')}"
    return f"the longest ends {show(expiry_date(max(state.expires_on for state in states)))}" if states else ""


# --- one decision ------------------------------------------------------------------------------------------------


def effect_label(decision: Decision) -> str:
    """In one word what it does to what is exempt."""
    if decision.exempts_more:
        return "more" if not decision.exempts_less else "changes"
    if decision.exempts_less:
        return "ends" if decision.after is None else "less"
    return "ended" if decision.after is None else "same"


def category_label(category: str, show: Show = str) -> str:
    """A category in the portal's words, with Azure's own in brackets."""
    return _CATEGORIES.get(category) or show(category)


def place_label(decision: Decision, names: Names, show: Show = str) -> str:
    """Where, and how many resources that covers now."""
    targets = decision.state.targets
    where = scope_label(targets[0], names) if len(targets) == 1 else _several(targets)
    covered = "" if decision.resources is None else count(decision.resources, "resource")
    is_plain = len(targets) == 1 and targets[0].kind is ScopeKind.RESOURCE
    return f"{show(where)} ({covered} now)" if covered and not is_plain else show(where)


def _several(targets: Sequence[ArmId]) -> str:
    kinds = Counter(target.kind for target in targets)
    counts = ", ".join(f"{kinds[kind]:,} {agree(kinds[kind], *_SCOPES[kind])}" for kind in ScopeKind if kinds[kind])
    return f"{counts}: {first_few([_short(target) for target in targets], _FEW)}"


def _short(target: ArmId) -> str:
    return target.name if target.text else "the tenant"


def terms(decision: Decision, now: datetime, show: Show = str) -> list[str]:
    """From what to what: category, end, place, in how many initiatives, and what it replaces."""
    before, after = decision.before, decision.after
    if before is None or after is None:
        state = decision.state
        ending = _until(state, now, show)
        if after is None and state.expires_on:
            ending = f"{'was to end' if decision.exempts_less else 'ended'} {_end(state, now, show)}"
        return [category_label(state.category, show), ending, _objects(decision)]
    categories = [category_label(state.category, show) for state in (before, after)]
    is_prolonged = before.expires_on != after.expires_on
    parts = [
        categories[1] if before.category == after.category else " → ".join(categories),
        f"ends {show(expiry_date(before.expires_on))} → {_end(after, now, show)}"
        if is_prolonged
        else _until(after, now, show),
        _moved(before, after, show),
        _objects(decision),
    ]
    return [part for part in parts if part]


def _until(state: State, now: datetime, show: Show) -> str:
    return f"until {_end(state, now, show)}" if state.expires_on else "never ends"


def _end(state: State, now: datetime, show: Show) -> str:
    far = distance(state.expires_on, now)
    return f"{show(expiry_date(state.expires_on))}{f' ({far})' if far else ''}"


def _moved(before: State, after: State, show: Show) -> str:
    """`stlab002 → rg-lab`, `no longer rg-old`, `also rg-new`; empty where the targets stay."""

    def names(targets: set[ArmId]) -> str:
        return first_few([show(_short(target)) for target in sorted(targets)], _FEW)

    lost, gained = set(before.targets) - set(after.targets), set(after.targets) - set(before.targets)
    if lost and gained:
        return f"{names(lost)} → {names(gained)}"
    if lost:
        return f"no longer {names(lost)}"
    return f"also {names(gained)}" if gained else ""


def _objects(decision: Decision) -> str:
    """`in 3 initiatives, replaces 3`: how many exemptions are its consequence."""
    state, before, after = decision.state, decision.before, decision.after
    unit = ("initiative", "initiatives") if state.is_of_initiatives else ("assignment", "assignments")
    where = f"in {count(state.assignments, *unit)}"
    if before and after and before.assignments != after.assignments:
        where = f"in {before.assignments:,} → {count(after.assignments, *unit)}"
    deletes = decision.count(Action.DELETE)
    return f"{where}, replaces {deletes:,}" if deletes and after is not None else where


def rewording(decision: Decision, show: Show = str) -> str:
    """Which further fields an update changes; empty for none."""
    paths = {
        re.split(r"[.\[]", path, maxsplit=1)[0]
        for change in decision.changes[:_FEW]
        if change.before and change.after
        for path in changed_paths(change.before, change.after)
    }
    labels = sorted({field_label(path) for path in paths} - {"category", "expires"})
    return f"changes {first_few([show(label) for label in labels], _FEW)}" if labels else ""


def reasons(decision: Decision) -> list[str]:
    """Why, where the declaration itself does not say it: `because its declaration was removed`, each once. That a target
    left the declaration is said by from where to where it went.
    """
    changes = [change for change in decision.changes if not (change.reason is Reason.REMOVED and decision.after)]
    return [reason for reason in dict.fromkeys(map(reason_label, changes)) if reason]


def details(decision: Decision, owner: str) -> list[str]:
    """What a reviewer must know of single exemptions: whose it was, where it is not ours; what selectors leave of it."""
    words = (
        text
        for change in decision.changes
        for text in (foreign_label(change, owner), selection_label(change.exemption))
    )
    return [text for text in dict.fromkeys(words) if text]


def highlight_labels(decision: Decision, show: Show = str) -> list[str]:
    """What a reviewer must not overlook."""
    owner = taken_from(decision)
    return [
        f"takes over from {show(owner)}" if highlight is Highlight.TAKE_OVER and owner else highlight.value
        for highlight in decision.highlights
    ]


def people(decision: Decision) -> list[tuple[str, str]]:
    """Who answers for it, the ticket, who asked: pairs of label and text, without what is not known."""
    pairs = [("owner", decision.owner), ("ticket", decision.ticket), ("asked by", decision.requester)]
    return [(label, text) for label, text in pairs if text]


# --- what is held or refused -------------------------------------------------------------------------------------


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


def held_groups(holds: Iterable[Held]) -> list[HeldGroup]:
    """One for each cause, what most is held for first."""
    groups: dict[tuple[HeldCause, str, str], list[Held]] = defaultdict(list)
    for cells in holds:
        groups[cells.cause, cells.message, cells.remedy].append(cells)
    listed = [
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
    return sorted(listed, key=lambda group: (-group.places, group.cause, group.message))


def refusal_remedy(refusal: Refusal, pipeline: Pipeline) -> str:
    """What to do, or to click, so that exactly this plan is accepted; empty where nothing accepts it."""
    if not refusal.remedy:
        return ""
    option, _, number = refusal.remedy.replace("=", " ").partition(" ")
    field = _INPUTS.get((pipeline, option))
    if field:
        return f"to accept exactly this: Actions, workflow 'apply', Run workflow, {field}: {number}"
    return f"rerun with {refusal.remedy} to accept exactly this"


def relevant_findings(report: PlanReport) -> tuple[list[Finding], list[Finding]]:
    """The findings about what the change under review declares, and the others."""
    names = {decision.name for decision in report.proposed}
    about = [finding for finding in report.plan.findings if finding.declaration in names]
    return about, [finding for finding in report.plan.findings if finding.declaration not in names]
