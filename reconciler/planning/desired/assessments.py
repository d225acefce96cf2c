"""Recommendations that no policy stands behind, as planning sees them: each assessment is an assignment of itself.

So desired and existing standard assignments meet in slots as policy exemptions do, and everything that decides about
these decides about those. An assessment is evaluated everywhere, which an assignment of the tenant says (`scope` empty),
and has one cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.subjects import ResolvedSubject
from reconciler.model import (
    UNPUBLISHED,
    ArmId,
    Assignment,
    Carrier,
    Declaration,
    Settings,
    Snapshot,
    arm_id,
    is_assessment,
)
from reconciler.planning.decide.naming import standard_ids


def with_assessments(snapshot: Snapshot, subjects: Iterable[ResolvedSubject], catalogue: Catalogue) -> Snapshot:
    """The snapshot with an assignment for each assessment that is declared or that something live exempts from."""
    declared = {key for subject in subjects for key in subject.policies if is_assessment(key)}
    live = {exemption.assignment.key for exemption in snapshot.exemptions if exemption.carrier is Carrier.STANDARD}
    if not declared and not live:
        return snapshot
    assessments: dict[str, Assignment] = {}
    for key in sorted(declared | live):
        assessment = arm_id(key)
        titles = [recommendation.title for recommendation in catalogue.resting_on(assessment)]
        unknown = "what Microsoft has published no form for" if assessment == UNPUBLISHED else ""
        title = titles[0] if titles else unknown
        assessments[key] = Assignment(id=assessment, definition=assessment, display_name=title)
    return replace(snapshot, assignments={**snapshot.assignments, **assessments})


def known_standards(
    declarations: Iterable[Declaration], subjects: Mapping[str, ResolvedSubject], settings: Settings
) -> tuple[ArmId, ...]:
    """The ids that standard assignments of these declarations have where we made them, sorted.

    A list need not show what stands at a resource group or a resource, so the reader asks for these by name.
    """
    places: Counter[tuple[ArmId, ArmId]] = Counter()
    for declaration in declarations:
        subject = subjects.get(declaration.name)
        for key in subject.policies if subject else ():
            if is_assessment(key):
                places.update((scope, arm_id(key)) for scope in declaration.scopes)
    return tuple(
        sorted(
            identifier
            for (scope, assessment), number in places.items()
            for identifier in standard_ids(settings.owner, scope, assessment)[:number]
        )
    )
