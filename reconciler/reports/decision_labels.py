"""One decision in words: what it does, where, on which terms, why and by whom. Raw text; the edges escape it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from reconciler.model import CATEGORY_LABELS, ArmId, Exemption, ScopeKind, agree, count, first_few
from reconciler.planning.decisions import Decision, Highlight, State, taken_from
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.values import Action, Reason
from reconciler.reports.context import Names
from reconciler.reports.fields import changed_paths, field_label
from reconciler.reports.labels import distance, expiry_date, foreign_label, reason_label, scope_label, selection_label

Show = Callable[[str], str]
"""How a value that somebody wrote is shown among our words: as it is in text, as code in Markdown."""

KINDS: Final = {
    ScopeKind.MANAGEMENT_GROUP: ("management group", "management groups"),
    ScopeKind.SUBSCRIPTION: ("subscription", "subscriptions"),
    ScopeKind.RESOURCE_GROUP: ("resource group", "resource groups"),
    ScopeKind.RESOURCE: ("resource", "resources"),
}
"""A kind of scope, one and many."""

SELECTION_PATHS: Final = frozenset({"resourceSelectors", "exemptionData.subAssessmentExemptionRule"})
"""The fields that choose which resources or findings are meant."""

_FEW: Final = 3


def effect_label(decision: Decision) -> str:
    """In one word what it does to what is exempt."""
    if decision.exempts_more:
        return "more" if not decision.exempts_less else "changes"
    if decision.exempts_less:
        return "ends" if decision.after is None else "less"
    return "ended" if decision.after is None else "same"


def category_label(category: str, show: Show = str) -> str:
    """A category as people read it; one that Azure does not document as it is."""
    return CATEGORY_LABELS.get(category) or show(category)


def targets_label(decision: Decision, names: Names, show: Show = str) -> str:
    """Where: the one target, or how many of which kind with the first of them by name."""
    targets = decision.state.targets
    if len(targets) == 1:
        return show(scope_label(targets[0], names))
    kinds = Counter(target.kind for target in targets)
    counts = ", ".join(f"{kinds[kind]:,} {agree(kinds[kind], *KINDS[kind])}" for kind in ScopeKind if kinds[kind])
    return show(f"{counts}: {first_few([_short(target) for target in targets], _FEW)}")


def place_label(decision: Decision, names: Names, show: Show = str) -> str:
    """Where, and how many resources that covers now: `3 of 12 resources now` are those that its policies evaluate, of all
    that are there.
    """
    where, resources = targets_label(decision, names, show), decision.resources
    if all(target.kind is ScopeKind.RESOURCE for target in decision.state.targets):
        return where
    if resources is None:
        return f"{where} (number of resources unknown)" if decision.exempts_more else where
    of = "" if resources.evaluated in {None, resources.total} else f"{resources.evaluated:,} of "
    return f"{where} ({of}{count(resources.total, 'resource')} now)"


def _short(target: ArmId) -> str:
    return target.name if target.text else "the tenant"


def terms(decision: Decision, now: datetime, show: Show = str) -> list[str]:
    """From what to what: category, end, place, in how many initiatives, what it replaces, and what alone is chosen."""
    before, after = decision.before, decision.after
    if before is None or after is None:
        state = decision.state
        ending = _until(state, now, show)
        if after is None and state.expires_on:
            ending = f"{'was to end' if decision.exempts_less else 'ended'} {_end(state, now, show)}"
        parts = [category_label(state.category, show), ending, _objects(decision), _selection(state.selection, show)]
        return [part for part in parts if part]
    categories = [category_label(state.category, show) for state in (before, after)]
    is_prolonged = before.expires_on != after.expires_on
    parts = [
        categories[1] if before.category == after.category else " → ".join(categories),
        f"ends {show(expiry_date(before.expires_on))} → {_end(after, now, show)}"
        if is_prolonged
        else _until(after, now, show),
        _moved(before, after, show),
        _objects(decision),
        " → ".join(_selection(text, show) or "all of it" for text in dict.fromkeys((before.selection, after.selection)))
        if before.selection or after.selection
        else "",
    ]
    return [part for part in parts if part]


def _selection(words: str, show: Show) -> str:
    """`only CVE in CVE-2021-44228`: which resources or findings alone are meant; empty where all are."""
    return show(f"only {words}") if words else ""


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
    if state.is_of_assessments:
        return f"by {count(len(decision.changes), 'standard assignment')}"
    where = f"in {count(state.assignments, *unit)}"
    if before and after and before.assignments != after.assignments:
        where = f"in {before.assignments:,} → {count(after.assignments, *unit)}"
    deletes = decision.count(Action.DELETE)
    return f"{where}, replaces {deletes:,}" if deletes and after is not None else where


def rewording(decision: Decision, show: Show = str) -> str:
    """Which further fields an update changes; empty for none."""
    paths = {
        path if path.startswith("exemptionData.") else re.split(r"[.\[]", path, maxsplit=1)[0]
        for part in decision.parts[:_FEW]
        if part.before and part.after
        for path in changed_paths(part.before, part.after)
    }
    if decision.before and decision.after and decision.before.selection != decision.after.selection:
        paths -= SELECTION_PATHS  # the terms say it
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
        for text in (foreign_label(change, owner), further_selection(decision, change.exemption))
    )
    return [text for text in dict.fromkeys(words) if text]


def further_selection(decision: Decision, exemption: Exemption) -> str:
    """What the selectors of one exemption leave, where the terms of the decision do not say it of all."""
    is_told = decision.state.selection == describe_selectors(exemption.selectors)
    return "" if is_told else selection_label(exemption)


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
