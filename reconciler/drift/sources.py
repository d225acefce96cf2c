"""The line of a declaration that a finding is about: a field that differs, a scope that is gone, else its first line.

So that code scanning puts an alert where somebody would edit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.drift.inputs import DriftInputs
from reconciler.kinds import FindingKind
from reconciler.planning.values import Finding

_FIELDS: Final = {
    "expiresOn": "expiresOn",
    "exemptionCategory": "category",
    "description": "justification",
    "displayName": "displayName",
    "resourceSelectors": "resourceSelectors",
    "assignmentScopeValidation": "assignmentScopeValidation",
    "metadata.ticket": "ticket",
}
"""ARM properties and the fields of a declaration that say them."""


def with_source(finding: Finding, inputs: DriftInputs) -> Finding:
    """The finding at the narrowest place that the declaration has for it."""
    declaration = inputs.declaration(finding.declaration)
    if declaration is None or finding.source is None or finding.kind is FindingKind.EXPIRING:
        return finding
    target = finding.evidence.target.lower() or finding.subject.key
    names = [_FIELDS.get(difference.path, "") for difference in finding.evidence.changed]
    names += [f"scopes.{index}" for index, scope in enumerate(declaration.scopes) if scope.key == target]
    places = (declaration.places[name] for name in names if name in declaration.places)
    return replace(finding, source=next(places, finding.source))
