"""Reads all that one run needs from Azure, complete or with a note of what is missing.

The sentences of the read: the hierarchy; two lists for every scope in it; the assignments that exemptions and
declarations name and no list shows; the assigned initiatives at their versions; whether the declared resources exist.
Requests: two a scope, and a constant that depends on how many definitions and strays there are, never on exemptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from reconciler.azure import wire
from reconciler.azure.definitions import Definitions, Wanted, read_initiatives, read_policies
from reconciler.azure.hierarchy import Hierarchy, anchor, infer_ancestors, missing_subscriptions, narrow, read_hierarchy
from reconciler.azure.lists import Lists, expansion, read_lists
from reconciler.azure.record import Record, snapshot_of
from reconciler.azure.targets import confirm_targets
from reconciler.azure.transport import Arm
from reconciler.azure.versions import Api, Versions
from reconciler.model import (
    JSON,
    ArmId,
    Declaration,
    Settings,
    Snapshot,
    SubjectKind,
    Unread,
    arm_id,
    owner_scope,
)
from reconciler.problems import AzureError

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being read, how much of it is done and how much there is; from the calling thread."""


_ASSIGNMENT: Final = "/providers/microsoft.authorization/policyassignments/"


def silent(what: str, done: int, total: int) -> None:
    """A progress that nobody sees."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one tenant. Holds nothing that could change it."""

    arm: Arm
    versions: Versions

    def snapshot(
        self,
        settings: Settings,
        declarations: Sequence[Declaration] = (),
        scope: ArmId | None = None,
        progress: Progress = silent,
    ) -> Snapshot:
        """Everything that a plan for these declarations needs; `scope` narrows it to what lies at or below.

        What Azure does not give is in `unread`.

        Raises:
            AzureError: there was no answer at all.
            CredentialError: no token can be had any more.
            ReconcilerError: `scope` is not known to lie within the managed scopes.
        """
        return snapshot_of(self.record(settings, declarations, scope, progress))

    def record(
        self,
        settings: Settings,
        declarations: Sequence[Declaration] = (),
        scope: ArmId | None = None,
        progress: Progress = silent,
    ) -> Record:
        """The same as ARM gave it, for a file."""
        progress("hierarchy", 0, 1)
        taken_at = datetime.now(UTC)
        hierarchy = read_hierarchy(self.arm, settings.scopes)
        if scope is not None:
            hierarchy = narrow(hierarchy, scope, settings.scopes)
        progress("hierarchy", 1, 1)
        return _Run(
            arm=self.arm,
            settings=settings,
            declarations=declarations,
            scope=scope,
            progress=progress,
            taken_at=taken_at,
        ).read(hierarchy, self.versions)


@dataclass(slots=True, kw_only=True)
class _Run:
    """The state of one read."""

    arm: Arm
    settings: Settings
    declarations: Sequence[Declaration]
    scope: ArmId | None
    progress: Progress
    taken_at: datetime
    unread: list[Unread] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def read(self, hierarchy: Hierarchy, versions: Versions) -> Record:
        lists, hierarchy = self._lists(hierarchy)
        named = {one.key: one for one in (*self._declared_assignments(), *_exempted_assignments(lists))}
        self._strays(lists, named)
        definitions = self._initiatives(lists)
        policies = read_policies(self.arm, self._single_policies(lists, named))
        exists, gone = self._targets(hierarchy, lists)
        return Record(
            tenant_id=self.settings.tenant_id,
            cloud=self.settings.cloud,
            taken_at=self.taken_at,
            nodes=tuple(sorted(hierarchy.nodes.values(), key=lambda node: node.id)),
            assignments=_sorted(lists, Api.ASSIGNMENTS),
            exemptions=_sorted(lists, Api.EXEMPTIONS),
            initiatives=tuple(definitions.sets),
            used=definitions.used,
            policies=tuple(policies),
            unread=tuple(sorted({*hierarchy.unread, *lists.unread, *self.unread, *definitions.unread}, key=_order)),
            gone=frozenset(self.gone | lists.gone | gone),
            exists=exists,
            versions={api: versions.current(api) for api in (Api.EXEMPTIONS, Api.ASSIGNMENTS, Api.INITIATIVES)},
            requests=self.arm.watch.requests,
        )

    def _lists(self, hierarchy: Hierarchy) -> tuple[Lists, Hierarchy]:
        total = 2 * len(hierarchy.expected)
        placeless = [one for one in hierarchy.expected if hierarchy.nodes[one.key].parent is None]
        lists = read_lists(
            self.arm,
            hierarchy.expected,
            placeless,
            lambda done: self.progress("assignments and exemptions", done, total),
        )
        self._missing_roots(lists)
        return lists, infer_ancestors(hierarchy, lists.inherited)

    def _missing_roots(self, lists: Lists) -> None:
        """A managed scope that Azure does not find is a slip in the settings, or news for a person: it counts as unread,
        so that no run is content with it.
        """
        for root in sorted({anchor(scope) for scope in self.settings.scopes}):
            if root.key in lists.gone:
                lists.gone.remove(root.key)
                said = f"Azure finds no {root.kind} of this id"
                remedy = "correct `scopes` in reconciler.yaml, or take out what exists no longer"
                self.unread.append(Unread(scope=root, what="exemptions", reason=said, remedy=remedy))

    def _strays(self, lists: Lists, named: Mapping[str, ArmId]) -> None:
        """Asks for the assignments that are named but that no list shows: they are gone, or out of sight."""
        found = lists.found[Api.ASSIGNMENTS]
        strays = [one for key, one in sorted(named.items()) if _ASSIGNMENT in key and key not in found]
        read = self.arm.each(lambda one: self.arm.get(one.text, Api.ASSIGNMENTS, **expansion(Api.ASSIGNMENTS)), strays)
        for stray, answer in zip(strays, read, strict=True):
            if not isinstance(answer, AzureError):
                found[stray.key] = answer.body
            elif answer.status == 404:
                self.gone.add(stray.key)
            else:
                self.unread.append(
                    Unread(scope=owner_scope(stray), what=stray.text, reason=answer.message, remedy=answer.remedy)
                )

    def _initiatives(self, lists: Lists) -> Definitions:
        assigned = [
            Wanted(assignment, wire.effective_version(value))
            for value in lists.found[Api.ASSIGNMENTS].values()
            if (assignment := wire.assignment_from(value)).is_initiative
        ]
        self.progress("initiatives", 0, 1)
        definitions = read_initiatives(self.arm, sorted(assigned, key=lambda one: one.assignment.id))
        self.progress("initiatives", 1, 1)
        return definitions

    def _single_policies(self, lists: Lists, named: Iterable[str]) -> list[ArmId]:
        """The policies whose own assignment is exempted from, or declared."""
        found = lists.found[Api.ASSIGNMENTS]
        assigned = [wire.assignment_from(found[key]) for key in sorted(named) if key in found]
        declared = [one for one in self._declared(SubjectKind.POLICY) if one.startswith("/")]
        return [one.definition for one in assigned if not one.is_initiative] + [arm_id(one) for one in declared]

    def _targets(self, hierarchy: Hierarchy, lists: Lists) -> tuple[frozenset[str], frozenset[str]]:
        """What bears an exemption exists, for that goes with it; only the others are asked for."""
        bearing = {key.rpartition("/providers/")[0] for key in lists.found[Api.EXEMPTIONS]}
        scopes = [scope for one in self.declarations if one.enabled for scope in one.scopes]
        inside = [one for one in scopes if self.scope is None or _within(one, self.scope, hierarchy)]
        unsure = [one for one in inside if one.key not in bearing]
        self.progress("declared resources", 0, 1)
        self.gone |= missing_subscriptions(self.arm, hierarchy, unsure)
        exists, gone = confirm_targets(
            self.arm, unsure, lambda done, total: self.progress("declared resources", done, total)
        )
        return exists.union(one.key for one in inside if one.key in bearing), gone

    def _declared(self, kind: SubjectKind) -> list[str]:
        return [one.subject.value for one in self.declarations if one.enabled and one.subject.kind is kind]

    def _declared_assignments(self) -> list[ArmId]:
        return [arm_id(value) for value in self._declared(SubjectKind.ASSIGNMENT)]


def _within(target: ArmId, scope: ArmId, hierarchy: Hierarchy) -> bool:
    return scope.contains(target) or scope in hierarchy.chain(anchor(target))


def _exempted_assignments(lists: Lists) -> list[ArmId]:
    """The distinct assignments that live exemptions name."""
    exemptions = lists.found[Api.EXEMPTIONS].values()
    texts = {(value.get("properties") or {}).get("policyAssignmentId") or "" for value in exemptions}
    return [arm_id(text) for text in sorted(texts)]


def _sorted(lists: Lists, api: Api) -> tuple[JSON, ...]:
    return tuple(value for _, value in sorted(lists.found[api].items()))


def _order(unread: Unread) -> tuple[ArmId, str]:
    return unread.scope, unread.what
