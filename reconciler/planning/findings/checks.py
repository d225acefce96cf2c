"""What a reviewer should know about confirmed desired_exemptions beside the changes: moot, unsupported, shadowed, near a quota."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import Snapshot
from reconciler.planning.decide.proposals import ProposedChange
from reconciler.planning.desired.resolve import DesiredExemption, Slot
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.findings import messages as finding_messages
from reconciler.planning.findings.effects import disabled_references
from reconciler.planning.order.waits import SCOPE_QUOTA
from reconciler.planning.tree import Tree
from reconciler.planning.values import Finding


def notes(  # noqa: PLR0913, PLR0917 - these are the inputs
    desired_exemptions: Sequence[DesiredExemption],
    existing_exemptions: Sequence[ExistingExemption],
    proposed_changes: Sequence[ProposedChange],
    snapshot: Snapshot,
    catalogue: Catalogue,
    tree: Tree,
) -> list[Finding]:
    """All such findings, in no particular order."""
    return [
        *_unsupported(desired_exemptions),
        *_moot(desired_exemptions, snapshot, catalogue),
        *_shadowed(desired_exemptions, existing_exemptions, proposed_changes, tree),
        *_quota(existing_exemptions, proposed_changes),
    ]


def _unsupported(desired_exemptions: Iterable[DesiredExemption]) -> Iterator[Finding]:
    seen: set[str] = set()
    for desired in desired_exemptions:
        name, why = desired.declaration.name, desired.subject.unsupported
        if why and name not in seen:
            seen.add(name)
            yield finding_messages.unsupported(desired.declaration, desired.subject.title, why)


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
            yield finding_messages.moot_effect(desired.declaration, desired.scope, desired.assignment, disabled)
        if desired.assignment.selectors:
            yield finding_messages.moot_selector(desired.declaration, desired.scope, desired.assignment)


def _shadowed(
    desired_exemptions: Iterable[DesiredExemption],
    existing_exemptions: Iterable[ExistingExemption],
    proposed_changes: Iterable[ProposedChange],
    tree: Tree,
) -> Iterator[Finding]:
    """Undeclared existing exemptions on a containing scope, each once, with the first desired that it shadows."""
    written = {proposed.id.key for proposed in proposed_changes}
    others: dict[Slot, list[ExistingExemption]] = defaultdict(list)
    for existing in existing_exemptions:
        if not existing.ours and not existing.expired and existing.exemption.id.key not in written:
            others[existing.scope.key, existing.exemption.assignment.key].append(existing)
    seen: set[str] = set()
    for desired in desired_exemptions if others else ():
        for outer in tree.chain(desired.scope)[1:]:
            for existing in others.get((outer, desired.assignment.id.key), ()):
                if existing.exemption.id.key not in seen and not existing.cells.isdisjoint(desired.cells):
                    seen.add(existing.exemption.id.key)
                    yield finding_messages.shadowed(existing.exemption, desired.declaration, desired.scope)


def _quota(
    existing_exemptions: Iterable[ExistingExemption], proposed_changes: Iterable[ProposedChange]
) -> Iterator[Finding]:
    scopes = {
        scope.key: scope
        for scope in (
            *(proposed.exemption.scope for proposed in proposed_changes),
            *(existing.scope for existing in existing_exemptions),
        )
    }
    counts = Counter(existing.scope.key for existing in existing_exemptions)
    for proposed in proposed_changes:
        counts[proposed.exemption.scope.key] += (proposed.existing is None) - (proposed.after is None)
    for key, count in sorted(counts.items()):
        if count >= SCOPE_QUOTA * 9 // 10:
            yield finding_messages.quota(scopes[key], count)
