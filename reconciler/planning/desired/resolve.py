"""From declarations to the exemptions they want: for each target and each assignment that evaluates what is
declared, an exemption at the narrower of the two scopes.

What cannot be decided is held, never skipped: an absent desired would read as a desired to delete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from reconciler.arm.canonical import folded_selectors
from reconciler.model import ArmId, Assignment, Declaration, Diagnostic, Snapshot, SubjectKind, arm_id
from reconciler.planning import hold_messages
from reconciler.planning.desired.protections import Protection, Protections
from reconciler.planning.desired.subjects import ResolvedSubject, SubjectMatch, match_subject
from reconciler.planning.findings import messages as finding_messages
from reconciler.planning.tree import Tree
from reconciler.planning.values import Finding, Held, HeldCause

Slot = tuple[str, str]
"""Folded exemption scope and folded assignment id: where exemptions can meet each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredExemption:
    """One wanted exemption: at `scope`, in `assignment`, because `declaration` lists `target`."""

    declaration: Declaration
    subject: ResolvedSubject
    scope: ArmId
    assignment: Assignment
    target: ArmId
    match: SubjectMatch
    selector_key: str

    @property
    def slot(self) -> Slot:
        """Where it can meet others."""
        return self.scope.key, self.assignment.id.key

    @property
    def cells(self) -> frozenset[str]:
        """The folded reference ids it wants."""
        return self.match.cells

    def without(self, cells: frozenset[str]) -> DesiredExemption | None:
        """The same without cells that are held; None where nothing is left. Its name stays that of the whole."""
        left = self.cells - cells
        if left == self.cells:
            return self
        return replace(self, match=self.match.of(left)) if left else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What all declarations want, with what is held and what a person should know.

    `protections` protects the cells of what is held. `left_out` is wanted outside the run's `--scope`.
    """

    desired: tuple[DesiredExemption, ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]
    protections: Protections
    left_out: tuple[DesiredExemption, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Index:
    """Assignments by where they can matter: at a scope, or strictly below it."""

    tree: Tree
    at: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    below: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    matches: dict[tuple[str, str], SubjectMatch | None] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Tree, assignments: Iterable[Assignment]) -> _Index:
        index = cls(tree=tree)
        for assignment in assignments:
            scope, *above = tree.chain(assignment.scope)
            index.at[scope].append(assignment)
            for outer in above:
                index.below[outer].append(assignment)
        return index

    def touching(self, target: ArmId) -> Iterator[tuple[Assignment, ArmId]]:
        """Each assignment that concerns `target`, with the scope where an exemption for it must sit."""
        for key in self.tree.chain(target):
            for assignment in self.at.get(key, ()):
                yield assignment, target
        for assignment in self.below.get(target.key, ()):
            yield assignment, assignment.scope


class Resolver:
    """Resolves declarations one by one against one snapshot; remembers how assignments match a subject."""

    def __init__(
        self,
        snapshot: Snapshot,
        tree: Tree,
        *,
        allow_whole: bool = False,
        never: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.snapshot, self.tree, self.allow_whole, self.never = snapshot, tree, allow_whole, never
        self.index = _Index.of(tree, snapshot.assignments.values())
        self.held: list[Held] = []
        self.findings: list[Finding] = []
        self.protections = Protections(tree=tree, snapshot=snapshot)
        self._matches: dict[tuple[int, str], SubjectMatch | None] = {}

    def resolve(self, declaration: Declaration, found: ResolvedSubject) -> tuple[DesiredExemption, ...]:
        """Every exemption the declaration wants; repeats and nested targets collapse."""
        selectors = repr(folded_selectors(declaration.selectors)) if declaration.selectors else ""
        slots: dict[Slot, DesiredExemption] = {}
        for target in sorted(set(declaration.scopes)):
            if not self._readable(declaration, found, target):
                continue
            said = len(self.held) + len(self.findings)
            desired_exemptions = [
                self._desired(declaration, found, target, assignment, scope, selectors)
                for assignment, scope in self._candidates(declaration, found, target)
                if self.tree.unread(scope) is None  # else held above: what already exempts it there is unknown
            ]
            wanted = [desired for desired in desired_exemptions if desired is not None]
            for desired in wanted:
                slots.setdefault(desired.slot, desired)
            if not wanted and said == len(self.held) + len(self.findings):
                self.findings.append(finding_messages.uncovered(declaration, found.title, target))
        return self._without_nested(slots)

    def _readable(self, declaration: Declaration, found: ResolvedSubject, target: ArmId) -> bool:
        """Whether what sits at the target is known; holds it otherwise."""
        if not self.tree.in_run(target) and not self._concerns_run(target):
            return False
        if (unknown := self.tree.maybe_above(target)) is not None:
            self._hold(declaration, found, target, None, HeldCause.UNREAD, hold_messages.unread(unknown))
            return False
        if not self.tree.managed(target):
            lost = f"/subscriptions/{target.subscription}" in self.snapshot.gone
            words = hold_messages.no_subscription(target) if lost else hold_messages.outside_scopes(target)
            self._hold(declaration, found, target, None, HeldCause.OUTSIDE_SCOPES, words)
            return False
        if target.key in self.snapshot.gone:
            self._hold(declaration, found, target, None, HeldCause.RESOURCE_GONE, hold_messages.resource_gone(target))
            return False
        if (unread := self.tree.unread(target)) is not None:
            self._hold(declaration, found, target, None, HeldCause.UNREAD, hold_messages.unread(unread))
            return False
        for unread in self.tree.unread_below(target):
            self._hold(declaration, found, unread.scope, None, HeldCause.UNREAD, hold_messages.unread(unread))
        return True

    def _concerns_run(self, target: ArmId) -> bool:
        """Whether a narrowed run must still know what a target outside of it wants: one that contains the run."""
        return self.tree.only is not None and target.key in self.tree.chain(self.tree.only)

    def _candidates(
        self, declaration: Declaration, found: ResolvedSubject, target: ArmId
    ) -> Iterator[tuple[Assignment, ArmId]]:
        if found.kind is not SubjectKind.ASSIGNMENT:
            yield from self.index.touching(target)
            return
        assert found.only is not None
        assignment = self.snapshot.assignments.get(found.only)
        if assignment is None:
            self._hold_missing_assignment(declaration, found, target)
        elif not declaration.validate_scope or self.tree.contains(assignment.scope.key, target):
            yield assignment, target
        elif self.tree.contains(target.key, assignment.scope):
            yield assignment, assignment.scope

    def _hold_missing_assignment(self, declaration: Declaration, found: ResolvedSubject, target: ArmId) -> None:
        written = arm_id(declaration.subject.value)
        if found.only in self.snapshot.gone:
            cause, words = HeldCause.ASSIGNMENT_GONE, hold_messages.assignment_gone(written)
        else:
            cause, words = HeldCause.UNREAD, hold_messages.assignment_unread(written)
        self._hold(declaration, found, target, written, cause, words)

    def _desired(  # noqa: PLR0913, PLR0917 - one row of the fan-out has this many facts
        self,
        declaration: Declaration,
        found: ResolvedSubject,
        target: ArmId,
        assignment: Assignment,
        scope: ArmId,
        selectors: str,
    ) -> DesiredExemption | None:
        initiative = self.snapshot.initiatives.get(assignment.id.key)
        if assignment.is_initiative and initiative is None:
            if found.kind is SubjectKind.INITIATIVE and assignment.definition.key != found.only:
                return None
            self._hold(
                declaration,
                found,
                scope,
                assignment.id,
                HeldCause.INITIATIVE_UNREAD,
                hold_messages.initiative_unread(assignment),
            )
            return None
        match = self._match(found, assignment)
        if match is None:
            return None
        if match.unknown:
            words = hold_messages.unknown_reference(assignment, match.unknown, initiative)
            self._hold(declaration, found, scope, assignment.id, HeldCause.UNKNOWN_REFERENCE, words, match.unknown)
            return None
        if match.whole and assignment.is_initiative and not self.allow_whole:
            self._hold(
                declaration,
                found,
                scope,
                assignment.id,
                HeldCause.WHOLE_ASSIGNMENT,
                hold_messages.whole_refused(assignment),
            )
            return None
        whole = initiative.members if match.whole and initiative is not None else ()
        behind = {*match.policies, *(member.definition.key for member in whole)} if self.never else ()
        forbidden = next((self.never[policy] for policy in sorted(behind) if policy in self.never), None)
        if forbidden is not None:
            words = hold_messages.never_exempt(assignment, forbidden)
            self._hold(declaration, found, scope, assignment.id, HeldCause.NEVER_EXEMPT, words)
            return None
        if self.is_moot(scope, assignment):
            self.findings.append(finding_messages.moot_not_scope(declaration, scope, assignment))
            return None
        return DesiredExemption(
            declaration=declaration,
            subject=found,
            scope=scope,
            assignment=assignment,
            target=target,
            match=match,
            selector_key=selectors,
        )

    def _match(self, found: ResolvedSubject, assignment: Assignment) -> SubjectMatch | None:
        key = (id(found), assignment.id.key)
        if key not in self._matches:
            initiative = self.snapshot.initiatives.get(assignment.id.key)
            self._matches[key] = match_subject(found, assignment, initiative)
        return self._matches[key]

    def is_moot(self, scope: ArmId, assignment: Assignment) -> bool:
        """Whether the assignment does not evaluate the scope anyway, because of its notScopes."""
        if not assignment.not_scopes:
            return False
        chain = self.tree.chain(scope)
        return any(excluded.key in chain for excluded in assignment.not_scopes)

    def _without_nested(self, slots: Mapping[Slot, DesiredExemption]) -> tuple[DesiredExemption, ...]:
        """Without those that the same declaration already covers at a containing scope of the same assignment."""
        if len(slots) == 1:
            return tuple(slots.values())
        return tuple(
            desired
            for (_, assignment), desired in sorted(slots.items())
            if not any((outer, assignment) in slots for outer in self.tree.chain(desired.scope)[1:])
        )

    def _hold(  # noqa: PLR0913, PLR0917 - a held line has this many facts
        self,
        declaration: Declaration,
        found: ResolvedSubject,
        scope: ArmId,
        assignment: ArmId | None,
        cause: HeldCause,
        words: Diagnostic,
        references: tuple[str, ...] = (),
    ) -> None:
        if not cause.is_gone:  # nothing can be left bare there
            self.protections.add(
                Protection(
                    scope=scope,
                    assignment=assignment.key if assignment else "",
                    subject=found,
                    declaration=declaration.name,
                )
            )
        self.held.append(
            Held(
                declaration=declaration.name,
                scope=scope,
                assignment=assignment,
                reference_ids=references,
                cause=cause,
                message=words.message,
                remedy=words.remedy,
                source=declaration.source,
            )
        )


def resolve(  # noqa: PLR0913 - what is wanted, from what, under which rules
    declarations: Iterable[Declaration],
    subjects: Mapping[str, ResolvedSubject],
    snapshot: Snapshot,
    tree: Tree,
    *,
    allow_whole: bool,
    never: Mapping[str, str] = MappingProxyType({}),
) -> Resolution:
    """What the given declarations want (the caller leaves out disabled and expired ones). `never` maps the folded
    policies that nobody may exempt to what they are called.
    """
    resolver = Resolver(snapshot, tree, allow_whole=allow_whole, never=never)
    desired: list[DesiredExemption] = []
    left_out: list[DesiredExemption] = []
    for declaration in sorted(declarations, key=lambda each: each.name):
        for each in resolver.resolve(declaration, subjects[declaration.name]):
            (desired if tree.in_run(each.scope) else left_out).append(each)
    return Resolution(
        desired=tuple(desired),
        held=tuple(resolver.held),
        findings=tuple(resolver.findings),
        protections=resolver.protections,
        left_out=tuple(left_out),
    )
