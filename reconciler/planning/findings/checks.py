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
    desired = [confirmed.desired for confirmed in basis.confirmed]
    return [
        *_retired(basis),
        *_unsupported(desired),
        *_moot(desired, basis.inputs.snapshot, basis.inputs.catalogue),
        *_shadowed(desired, basis),
        *_quota(basis),
    ]


def _retired(basis: PlanBasis) -> Iterator[Finding]:
    """Declarations of recommendations that Microsoft has retired, whatever is assigned."""
    catalogue = basis.inputs.catalogue
    declarations = basis.inputs.declarations
    for declaration in declarations.active(basis.inputs.now):
        subject = declarations.subjects[declaration.name]
        for recommendation in subject.recommendations if subject.kind is SubjectKind.RECOMMENDATION else ():
            if recommendation.retirement is not None:
                yield about_declarations.retired(declaration, recommendation, catalogue)


def _unsupported(desired_exemptions: Iterable[DesiredExemption]) -> Iterator[Finding]:
    reported: set[str] = set()
    for desired in desired_exemptions:
        name, why = desired.declaration.name, desired.subject.unsupported
        if why and name not in reported:
            reported.add(name)
            yield about_declarations.unsupported(desired.declaration, desired.subject.title, why)


def _moot(
    desired_exemptions: Iterable[DesiredExemption], snapshot: Snapshot, catalogue: Catalogue
) -> Iterator[Finding]:
    remembered: dict[tuple[str, frozenset[str]], tuple[str, ...] | None] = {}
    for desired in desired_exemptions:
        key = desired.assignment.id.key, desired.cells
        if key not in remembered:
            remembered[key] = disabled_references(desired, snapshot, catalogue)
        disabled = remembered[key]
        if disabled is not None:
            yield about_declarations.moot_effect(desired.declaration, desired.scope, desired.assignment, disabled)
        if desired.assignment.selectors:
            yield about_declarations.moot_selector(desired.declaration, desired.scope, desired.assignment)


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
