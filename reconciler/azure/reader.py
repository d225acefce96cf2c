"""Reads all that one run needs from Azure, complete or with a note of what is missing.

The steps of the read: the hierarchy; three lists for every scope in it; the assignments that exemptions and
declarations name and no list shows; the standard assignments that declarations come to and no list shows; the assigned
initiatives at their versions; whether the declared resources exist. Requests: three a scope, and a constant that depends
on how many definitions and strays there are, never on exemptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from reconciler.arm import objects
from reconciler.azure.api_versions import Api, ApiVersions
from reconciler.azure.client import ArmClient, read_object
from reconciler.azure.definitions import AssignedInitiative, InitiativeVersions, read_initiatives, read_policies
from reconciler.azure.hierarchy import (
    Hierarchy,
    anchor,
    groups_alone,
    infer_ancestors,
    missing_subscriptions,
    read_hierarchy,
    read_narrowed,
)
from reconciler.azure.lists import ScopeLists, expansion, read_lists
from reconciler.azure.raw_snapshot import RawSnapshot, snapshot_of
from reconciler.azure.targets import ConfirmedTargets, confirm_targets
from reconciler.azure.writer import is_missing
from reconciler.model import (
    STANDARD_ASSIGNMENTS,
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
"""Called with what is being read, how much of it is done and how much there is; from the calling thread."""


_ASSIGNMENT: Final = "/providers/microsoft.authorization/policyassignments/"


def no_progress(activity: str, done: int, total: int) -> None:
    """A progress that nobody sees."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one tenant. Holds nothing that could change it."""

    client: ArmClient
    versions: ApiVersions

    def snapshot(
        self,
        settings: Settings,
        declarations: Sequence[Declaration] = (),
        scope: ArmId | None = None,
        progress: Progress = no_progress,
        standards: Sequence[ArmId] = (),
    ) -> Snapshot:
        """Everything that a plan for these declarations needs; `scope` narrows it to what lies at or below.
        `standards` are the ids of standard assignments that may be there although no list shows them.

        What Azure does not give is in `unread`.

        Raises:
            AzureError: there was no answer at all.
            CredentialError: no token can be had any more.
            ReconcilerError: `scope` is not known to lie within the managed scopes.
        """
        return snapshot_of(self.raw_snapshot(settings, declarations, scope, progress, standards))

    def raw_snapshot(  # noqa: PLR0913 - what a read is about
        self,
        settings: Settings,
        declarations: Sequence[Declaration] = (),
        scope: ArmId | None = None,
        progress: Progress = no_progress,
        standards: Sequence[ArmId] = (),
        *,
        former: Sequence[ArmId] = (),
        groups_only: bool = False,
    ) -> RawSnapshot:
        """The same as ARM gave it, for a file; `groups_only` leaves the subscriptions to other parts of the read. `former`
        are ids as `standards` are, of what was declared once: to look for them is all that is owed.
        """
        progress("hierarchy", 0, 1)
        taken_at = datetime.now(UTC)
        if scope is None:
            hierarchy = read_hierarchy(self.client, settings.scopes)
        else:
            hierarchy = read_narrowed(self.client, scope, settings.scopes)
        if groups_only:
            hierarchy = groups_alone(hierarchy)
        progress("hierarchy", 1, 1)
        return _SnapshotReader(
            client=self.client,
            settings=settings,
            declarations=[declaration for declaration in declarations if declaration.enabled],
            scope=scope,
            progress=progress,
            taken_at=taken_at,
            standards=tuple(dict.fromkeys((*standards, *former))),
            # Who declares nothing of that kind needs no Defender at all.
            needs_standards=bool(standards),
        ).read(hierarchy, self.versions)


@dataclass(slots=True, kw_only=True)
class _SnapshotReader:
    """The state of one read; `declarations` are the enabled ones."""

    client: ArmClient
    settings: Settings
    declarations: Sequence[Declaration]
    scope: ArmId | None
    progress: Progress
    taken_at: datetime
    standards: Sequence[ArmId]
    needs_standards: bool
    unread: list[Unread] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def read(self, hierarchy: Hierarchy, versions: ApiVersions) -> RawSnapshot:
        lists, hierarchy = self._lists(hierarchy)
        self._unlisted_standards(lists, hierarchy)
        # The distinct assignments that live exemptions or declarations name, sorted.
        exempted = {
            (value.get("properties") or {}).get("policyAssignmentId") or "" for value in lists.exemptions.values()
        }
        named = sorted(
            {arm_id(text) for text in (*_subjects(self.declarations, SubjectKind.ASSIGNMENT), *sorted(exempted))}
        )
        self._strays(lists, named)
        definitions = self._initiatives(lists)
        policies = read_policies(self.client, self._single_policies(lists, named))
        targets = self._targets(hierarchy, lists)
        unread = {*hierarchy.unread, *lists.unread, *self.unread, *definitions.unread}
        return RawSnapshot(
            tenant_id=self.settings.tenant_id,
            cloud=self.settings.cloud,
            taken_at=self.taken_at,
            nodes=tuple(sorted(hierarchy.nodes.values(), key=lambda node: node.id)),
            assignments=tuple(value for _, value in sorted(lists.assignments.items())),
            exemptions=tuple(value for _, value in sorted(lists.exemptions.items())),
            initiatives=tuple(definitions.sets),
            used=definitions.used,
            policies=tuple(policies),
            unread=tuple(sorted(unread, key=lambda entry: (entry.scope, entry.what))),
            gone=frozenset(self.gone | lists.gone | targets.gone),
            exists=targets.exists,
            similar=targets.similar,
            versions={api: versions.current(api) for api in (Api.EXEMPTIONS, Api.ASSIGNMENTS, Api.INITIATIVES)},
            requests=self.client.monitor.requests,
            decoded=lists.decoded,
        )

    def _lists(self, hierarchy: Hierarchy) -> tuple[ScopeLists, Hierarchy]:
        total = 3 * len(hierarchy.expected)
        placeless = [scope for scope in hierarchy.expected if hierarchy.nodes[scope.key].parent is None]
        lists = read_lists(
            self.client,
            hierarchy.expected,
            placeless,
            needs_standards=self.needs_standards,
            finished=lambda done: self.progress("assignments and exemptions", done, total),
        )
        # A managed scope that Azure does not find is a slip in the settings, or news for a person: it counts as
        # unread, so that no run is content with it.
        for root in sorted({anchor(scope) for scope in self.settings.scopes}):
            if root.key in lists.gone:
                lists.gone.remove(root.key)
                reason = f"Azure finds no {root.kind} of this id"
                remedy = "correct `scopes` in reconciler.yaml, or take out what exists no longer"
                self.unread.append(Unread(scope=root, what="exemptions", message=reason, remedy=remedy))
        return lists, infer_ancestors(hierarchy, lists.inherited)

    def _unlisted_standards(self, lists: ScopeLists, hierarchy: Hierarchy) -> None:
        """Asks by name for the standard assignments of declarations at groups and resources that no list shows."""
        listed = {scope.key for scope in hierarchy.expected}
        unlisted = [
            identifier
            for identifier in self.standards
            if identifier.key not in lists.exemptions
            and owner_scope(identifier).key not in listed
            and anchor(owner_scope(identifier)).key in listed
        ]
        answers = self.client.each(
            lambda identifier: read_object(self.client, identifier.text, Api.STANDARDS, objects.decode_exemption),
            unlisted,
        )
        for identifier, answer in zip(unlisted, answers, strict=True):
            if isinstance(answer, AzureError):
                if not (is_missing(identifier, answer) or answer.is_gone):
                    scope = anchor(owner_scope(identifier))
                    unread = Unread(
                        scope=scope,
                        what=STANDARD_ASSIGNMENTS,
                        message=answer.message,
                        remedy=answer.remedy,
                        is_refused=answer.status == 403,
                    )
                    self.unread.append(unread)
            elif objects.is_exemption(answer):
                lists.exemptions[identifier.key] = answer

    def _strays(self, lists: ScopeLists, named: Iterable[ArmId]) -> None:
        """Asks for the assignments that are named but that no list shows: they are gone, or out of sight."""
        strays = [
            assignment
            for assignment in named
            if _ASSIGNMENT in assignment.key and assignment.key not in lists.assignments
        ]
        answers = self.client.each(
            lambda stray: read_object(
                self.client, stray.text, Api.ASSIGNMENTS, objects.decode_assignment, **expansion(Api.ASSIGNMENTS)
            ),
            strays,
        )
        for stray, answer in zip(strays, answers, strict=True):
            if not isinstance(answer, AzureError):
                lists.assignments[stray.key] = answer
            elif answer.status == 404:
                self.gone.add(stray.key)
            else:
                self.unread.append(
                    Unread(scope=owner_scope(stray), what=stray.text, message=answer.message, remedy=answer.remedy)
                )

    def _initiatives(self, lists: ScopeLists) -> InitiativeVersions:
        assigned = [
            AssignedInitiative(assignment, objects.effective_version(value))
            for value in lists.assignments.values()
            if (assignment := objects.decode_assignment(value)).is_initiative
        ]
        self.progress("initiatives", 0, 1)
        definitions = read_initiatives(self.client, sorted(assigned, key=lambda entry: entry.assignment.id))
        self.progress("initiatives", 1, 1)
        return definitions

    def _single_policies(self, lists: ScopeLists, named: Iterable[ArmId]) -> list[ArmId]:
        """The policies whose own assignment is exempted from, or declared."""
        values = lists.assignments
        assigned = [objects.decode_assignment(values[key]) for key in (entry.key for entry in named) if key in values]
        declared = [text for text in _subjects(self.declarations, SubjectKind.POLICY) if text.startswith("/")]
        return [
            *(assignment.definition for assignment in assigned if not assignment.is_initiative),
            *map(arm_id, declared),
        ]

    def _targets(self, hierarchy: Hierarchy, lists: ScopeLists) -> ConfirmedTargets:
        """What bears an exemption exists, for that goes with it; only the others are asked for."""
        bearing = {key.rpartition("/providers/")[0] for key in lists.exemptions}
        targets = [
            target
            for declaration in self.declarations
            for target in declaration.scopes
            if self.scope is None or self.scope.contains(target) or hierarchy.is_within(anchor(target), self.scope)
        ]
        unsure = [target for target in targets if target.key not in bearing]
        self.progress("declared resources", 0, 1)
        self.gone |= missing_subscriptions(self.client, hierarchy, unsure)
        confirmed = confirm_targets(
            self.client, unsure, lambda done, total: self.progress("declared resources", done, total)
        )
        exists = confirmed.exists.union(target.key for target in targets if target.key in bearing)
        return replace(confirmed, exists=exists)


def _subjects(declarations: Iterable[Declaration], kind: SubjectKind) -> list[str]:
    return [declaration.subject.value for declaration in declarations if declaration.subject.kind is kind]
