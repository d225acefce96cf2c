"""What a diagnosis rests on beside the plan, indexed once: who made what, what was applied when, which rights lack."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.catalog.catalogue import Catalogue
from reconciler.drift.past_outcomes import PastOutcome
from reconciler.model import ArmId, Assignment, Declaration, Exemption, Settings, Snapshot, textual_containers
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.provenance import Commit, History


@dataclass(frozen=True, kw_only=True)
class DriftInputs:
    """The inputs of a diagnosis. `resolved` are the declarations with their subjects, as the plan resolved them.
    `healed` are folded ids of the changes that a healing run would write now; `forbidden` are folded ids of assignments
    from which the identity may not exempt although it may from others, None where that is not known. `outcomes` are what
    an earlier apply made of exemptions, by folded id. `policies_behind`
    remembers the policies behind references of an assignment (folded).
    """

    snapshot: Snapshot
    resolved: ResolvedDeclarations
    catalogue: Catalogue
    settings: Settings
    history: History
    now: datetime
    healed: frozenset[str] = frozenset()
    forbidden: frozenset[str] | None = frozenset()
    outcomes: Mapping[str, PastOutcome] = field(default_factory=dict)
    policies_behind: dict[tuple[str, tuple[str, ...]], tuple[ArmId, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def declaration(self, name: str | None) -> Declaration | None:
        """The declaration of that name, if there is one."""
        return self._declarations.get(name) if name else None

    def existing(self, exemption_id: ArmId) -> Exemption | None:
        """The exemption with that id, if Azure has it."""
        return self._existing.get(exemption_id.key)

    def assignment(self, assignment_id: ArmId | None) -> Assignment | None:
        """The assignment with that id, if it was read."""
        return self.snapshot.assignments.get(assignment_id.key) if assignment_id else None

    def commit(self, declaration: Declaration | None) -> Commit | None:
        """The commit that last changed a declaration, as far as git knows."""
        return self.history.last_commit(declaration.source.file) if declaration else None

    def is_declared_around(self, scope: ArmId, policies: Iterable[ArmId]) -> bool:
        """Whether some declaration means one of these policies at the scope, above or below it, as far as texts show.
        A management group counts as above everything.
        """
        chain = {scope.key, *textual_containers(scope.key)}
        return any(
            not chain.isdisjoint(self._declared_at[policy.key]) or scope.key in self._declared_below[policy.key]
            for policy in policies
            if policy.key in self._declared_at
        ) or any(policy.key in self._declared_by_group for policy in policies)

    @functools.cached_property
    def _declared_at(self) -> Mapping[str, set[str]]:
        """Folded policies to the folded scopes for which they are declared."""
        scopes: dict[str, set[str]] = defaultdict(set)
        for declaration in self.resolved.declarations:
            subject = self.resolved.subjects.get(declaration.name) if declaration.enabled else None
            for policy in subject.policies if subject else ():
                scopes[policy].update(scope.key for scope in declaration.scopes)
        return scopes

    @functools.cached_property
    def _declared_below(self) -> Mapping[str, set[str]]:
        """Folded policies to everything that contains a scope for which they are declared."""
        return {
            policy: {outer for scope in scopes for outer in textual_containers(scope)}
            for policy, scopes in self._declared_at.items()
        }

    @functools.cached_property
    def _declared_by_group(self) -> frozenset[str]:
        """Folded policies that are declared for a management group."""
        return frozenset(p for p, scopes in self._declared_at.items() if any("/managementgroups/" in s for s in scopes))

    @functools.cached_property
    def _declarations(self) -> Mapping[str, Declaration]:
        return {declaration.name: declaration for declaration in self.resolved.declarations}

    @functools.cached_property
    def _existing(self) -> Mapping[str, Exemption]:
        return {exemption.id.key: exemption for exemption in self.snapshot.exemptions}
