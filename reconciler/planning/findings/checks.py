"""What a reviewer should know beside the changes about what this plan leaves in authority: moot, unsupported, shadowed, near a quota."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import Carrier, Snapshot, SubjectKind
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption, left_out
from reconciler.planning.findings import about_declarations, about_exemptions
from reconciler.planning.findings.effects import disabled_references
from reconciler.planning.order.waits import SCOPE_QUOTA
from reconciler.planning.stages import PlanBasis
from reconciler.planning.tree import Slot
from reconciler.planning.values import Finding


def review_findings(basis: PlanBasis) -> list[Finding]:
    """All such findings, in no particular order."""
    inputs, declarations = basis.inputs, basis.inputs.declarations
    desired = [confirmed.desired for confirmed in basis.confirmed]
    retired = [
        about_declarations.retired(declaration, recommendation, inputs.catalogue)
        for declaration in declarations.active(inputs.now)
        if (subject := declarations.subjects[declaration.name]).kind is SubjectKind.RECOMMENDATION
        for recommendation in subject.recommendations
        if recommendation.retirement is not None
    ]
    return [
        *retired,  # whatever is assigned
        *_without_effect(desired, inputs.snapshot, inputs.catalogue),
        *_shadowed(desired, basis),
        *_quota(basis),
    ]


def _without_effect(
    desired_exemptions: Iterable[DesiredExemption], snapshot: Snapshot, catalogue: Catalogue
) -> Iterator[Finding]:
    """What Defender may ignore, once a declaration, and what the assignment does not evaluate now."""
    unsupported: set[str] = set()
    remembered: dict[tuple[str, frozenset[str]], tuple[str, ...] | None] = {}
    for desired in desired_exemptions:
        declaration, scope, assignment = desired.declaration, desired.scope, desired.assignment
        if desired.subject.unsupported and declaration.name not in unsupported:
            unsupported.add(declaration.name)
            yield about_declarations.unsupported(declaration, desired.subject.title, desired.subject.unsupported)
        key = assignment.id.key, desired.cells
        if key not in remembered:
            remembered[key] = disabled_references(desired, snapshot, catalogue)
        disabled = remembered[key]
        if disabled is not None:
            yield about_declarations.moot_effect(declaration, scope, assignment, disabled)
        if assignment.selectors:
            yield about_declarations.moot_selector(declaration, scope, assignment)


def _shadowed(desired_exemptions: Iterable[DesiredExemption], basis: PlanBasis) -> Iterator[Finding]:
    """Undeclared existing exemptions on a containing scope, each once, with the first desired one that it shadows."""
    changed = {change.id.key for change in basis.proposed}
    undeclared: dict[Slot, list[ExistingExemption]] = defaultdict(list)
    for existing in basis.existing:
        if not existing.ours and not existing.expired and existing.exemption.id.key not in changed:
            undeclared[existing.scope.key, existing.exemption.assignment.key].append(existing)
    reported: set[str] = set()
    for desired in desired_exemptions if undeclared else ():
        for outer in basis.tree.chain(desired.scope)[1:]:
            for existing in undeclared.get((outer, desired.assignment.id.key), ()):
                if left_out(existing.exemption, basis.tree.chain(desired.scope)):
                    continue
                if existing.exemption.id.key not in reported and not existing.cells.isdisjoint(desired.cells):
                    reported.add(existing.exemption.id.key)
                    yield about_exemptions.shadowed(existing.exemption, desired.declaration, desired.scope)


def _quota(basis: PlanBasis) -> Iterator[Finding]:
    counted = [existing for existing in basis.existing if existing.exemption.carrier is Carrier.POLICY]
    scopes = {existing.scope.key: existing.scope for existing in counted}
    counts = Counter(existing.scope.key for existing in counted)
    for change in basis.proposed:
        if change.exemption.carrier is not Carrier.POLICY:
            continue  # no limit of standard assignments is known
        scope = change.exemption.scope
        scopes.setdefault(scope.key, scope)
        counts[scope.key] += (change.existing is None) - (change.after is None)
    for key, count in sorted(counts.items()):
        if count >= SCOPE_QUOTA * 9 // 10:
            yield about_exemptions.quota(scopes[key], count)
