"""From declarations to the exemptions they want: for each target and each assignment that evaluates what is
declared, an exemption at the narrower of the two scopes.

What cannot be decided is held, never skipped: an absent desired exemption would read as a wish to delete.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.arm.canonical import folded_selectors
from reconciler.catalog.facts import Recommendation
from reconciler.catalog.subjects import ResolvedSubject
from reconciler.kinds import HeldCause
from reconciler.model import ArmId, Assignment, Declaration, Snapshot, SubjectKind, arm_id, is_assessment
from reconciler.planning import hold_messages
from reconciler.planning.desired.assignments import AssignmentIndex
from reconciler.planning.desired.cell_rules import CellRules
from reconciler.planning.desired.protections import Protections
from reconciler.planning.desired.subjects import SubjectMatch, match_subject
from reconciler.planning.desired.values import Case, DesiredExemption, Hold, Resolution
from reconciler.planning.findings import about_declarations
from reconciler.planning.tree import Slot, Tree
from reconciler.planning.values import Finding


def resolve(
    declarations: Iterable[Declaration],
    subjects: Mapping[str, ResolvedSubject],
    snapshot: Snapshot,
    tree: Tree,
    rules: CellRules,
) -> Resolution:
    """What the given declarations want (the caller leaves out disabled and expired ones)."""
    resolver = _Resolver(
        snapshot=snapshot,
        tree=tree,
        rules=rules,
        index=AssignmentIndex.of(tree, snapshot.assignments.values()),
    )
    desired: list[DesiredExemption] = []
    left_out: list[DesiredExemption] = []
    holds: list[Hold] = []
    findings: list[Finding] = []
    for declaration in sorted(declarations, key=lambda declaration: declaration.name):
        slots: dict[Slot, DesiredExemption] = {}
        for outcome in resolver.resolve(declaration, subjects[declaration.name]):
            match outcome:
                case DesiredExemption():
                    slots.setdefault(outcome.slot, outcome)
                case Hold():
                    holds.append(outcome)
                case Finding():
                    findings.append(outcome)
        for (_, assignment), exemption in sorted(slots.items()):
            # not those that the same declaration already covers at a containing scope of the same assignment
            if len(slots) == 1 or not any((outer, assignment) in slots for outer in tree.chain(exemption.scope)[1:]):
                (desired if tree.in_run(exemption.scope) else left_out).append(exemption)
    protections = tuple(hold.protection for hold in holds if hold.protection is not None)
    return Resolution(
        desired=tuple(desired),
        held=tuple(hold.held for hold in holds),
        findings=tuple(findings),
        protections=Protections(tree=tree, snapshot=snapshot, protections=protections),
        left_out=tuple(left_out),
    )


_Outcome = DesiredExemption | Hold | Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolver:
    """Resolves declarations one by one against one snapshot; remembers how assignments match a subject."""

    snapshot: Snapshot
    tree: Tree
    rules: CellRules
    index: AssignmentIndex
    _matches: dict[tuple[int, str], SubjectMatch | None] = field(default_factory=dict)

    def resolve(self, declaration: Declaration, subject: ResolvedSubject) -> Iterator[_Outcome]:
        """What the declaration comes to at each of its targets; repeats are for the caller to collapse."""
        selector_key = repr(folded_selectors(declaration.selectors)) if declaration.selectors else ""
        for target in sorted(set(declaration.scopes)):
            case = Case(declaration=declaration, subject=subject, target=target, selector_key=selector_key)
            # a narrowed run must still know what a target that contains it wants
            if self.tree.only is not None and not self.tree.related(target, self.tree.only):
                continue
            if (hold := self._unknown_target(case)) is not None:
                yield hold
                continue
            unread_below = [*self.tree.unread_below(target)]
            for unread in unread_below:
                yield case.hold(HeldCause.UNREAD, hold_messages.unread(unread), scope=unread.scope)
            outcomes = [*self._at_target(case)]
            yield from outcomes
            if unread_below:  # what evaluates it may be assigned there
                continue
            named = subject.recommendations if subject.kind is SubjectKind.RECOMMENDATION else ()
            bare = [
                recommendation.title
                for recommendation in named
                if len(named) > 1 and not self._is_evaluated(recommendation, target)
            ]
            if bare or not outcomes:
                yield about_declarations.uncovered(declaration, "; ".join(bare) or subject.title, target)

    def _is_evaluated(self, recommendation: Recommendation, target: ArmId) -> bool:
        """Whether anything at the target evaluates one of several recommendations; yes where that could not be read."""
        policies = {policy.key for policy in recommendation.evaluators}
        if any(map(is_assessment, policies)):
            return True
        for assignment, _ in self.index.touching(target):
            initiative = self.snapshot.initiatives.get(assignment.id.key)
            if assignment.is_initiative and initiative is None:
                return True
            members = initiative.members if initiative else ()
            if not policies.isdisjoint({member.definition.key for member in members} or {assignment.definition.key}):
                return True
        return False

    def _unknown_target(self, case: Case) -> Hold | None:
        """Why nothing can be said of the target itself, if so."""
        target = case.target
        if (unread := self.tree.maybe_above(target)) is not None:
            return case.hold(HeldCause.UNREAD, hold_messages.unread(unread))
        if not self.tree.managed(target):
            is_gone = f"/subscriptions/{target.subscription}" in self.snapshot.gone
            message = hold_messages.no_subscription(target) if is_gone else hold_messages.outside_scopes(target)
            return case.hold(HeldCause.OUTSIDE_SCOPES, message)
        rule = self.rules.rules.folder_rule(case.declaration.source.file, lambda rule: rule.below)
        if rule is not None and not any(self.tree.contains(place.key, target) for place in rule.below or ()):
            return case.hold(HeldCause.OUTSIDE_PLACES, hold_messages.outside_places(target, rule))
        if target.key in self.snapshot.gone:
            return case.hold(
                HeldCause.RESOURCE_GONE, hold_messages.resource_gone(target, self.snapshot.similar.get(target.key, ()))
            )
        if (unread := self.tree.unread(target)) is not None:
            return case.hold(HeldCause.UNREAD, hold_messages.unread(unread))
        return None

    def _at_target(self, case: Case) -> Iterator[_Outcome]:
        """What each assignment that concerns the target comes to."""
        subject = case.subject
        if subject.kind is SubjectKind.ASSIGNMENT:
            assert subject.only is not None
            assignment = self.snapshot.assignments.get(subject.only)
            if assignment is None:
                address = arm_id(case.declaration.subject.value)
                cause, message = HeldCause.UNREAD, hold_messages.assignment_unread(address)
                if subject.only in self.snapshot.gone:
                    cause, message = HeldCause.ASSIGNMENT_GONE, hold_messages.assignment_gone(address)
                yield case.hold(cause, message, assignment=address)
                return
            candidates: Iterable[tuple[Assignment, ArmId]] = ()
            is_reached = not case.declaration.validate_scope or self.tree.contains(assignment.scope.key, case.target)
            if not is_reached and self.tree.contains(case.target.key, assignment.scope):
                candidates = [(assignment, assignment.scope)]  # Azure refuses one above the assignment
            elif is_reached or case.declaration.ahead:
                candidates = [(assignment, case.target)]
        else:
            assessments = ((self.snapshot.assignments[key], case.target) for key in subject.assessments)
            candidates = itertools.chain(self.index.touching(case.target), assessments)
        for assignment, scope in candidates:
            if self.tree.unread(scope) is None:  # else held above: what already exempts it there is unknown
                yield from self._in_assignment(case, assignment, scope)

    def _in_assignment(self, case: Case, assignment: Assignment, scope: ArmId) -> Iterator[_Outcome]:
        """One row of the fan-out."""
        subject, initiative = case.subject, self.snapshot.initiatives.get(assignment.id.key)
        if assignment.is_initiative and initiative is None:
            if subject.kind is not SubjectKind.INITIATIVE or assignment.definition.key == subject.only:
                lines = (line for line in self.snapshot.unread if line.what.lower() == assignment.definition.key)
                nearest = min(lines, key=lambda line: (line.scope != assignment.scope, line.scope.key), default=None)
                message = hold_messages.initiative_unread(assignment, nearest)
                yield case.hold(HeldCause.INITIATIVE_UNREAD, message, scope=scope, assignment=assignment.id)
            return
        match = self._match(subject, assignment)
        if match is None:
            return
        if match.unknown:
            message = hold_messages.unknown_reference(assignment, match.unknown, initiative)
            yield case.hold(
                HeldCause.UNKNOWN_REFERENCE,
                message,
                scope=scope,
                assignment=assignment.id,
                references=match.unknown,
                marked=initiative is not None,
            )
            if initiative is None or not match.cells:
                return
        if match.whole and assignment.is_initiative and not self.rules.rules.allow_whole_assignment:
            message = hold_messages.whole_refused(assignment)
            yield case.hold(HeldCause.WHOLE_ASSIGNMENT, message, scope=scope, assignment=assignment.id)
            return
        if (broken := self.rules.broken(case.declaration, match, assignment, initiative)) is not None:
            yield case.hold(*broken, scope=scope, assignment=assignment.id, references=match.references)
            return
        yield from self._desired(case, assignment, scope, match)

    def _desired(
        self, case: Case, assignment: Assignment, scope: ArmId, match: SubjectMatch
    ) -> Iterator[DesiredExemption | Finding]:
        """What is wanted there, or why nothing is; what is wanted ahead of a change is said."""
        declaration, chain = case.declaration, self.tree.chain(scope)
        # all others come from what is assigned around the target
        is_address = case.subject.kind is SubjectKind.ASSIGNMENT
        is_elsewhere = is_address and not self.tree.contains(assignment.scope.key, scope)
        if any(excluded.key in chain for excluded in assignment.not_scopes):
            if not declaration.ahead:
                yield about_declarations.moot_not_scope(declaration, scope, assignment)
                return
            yield about_declarations.ahead_of_not_scope(declaration, scope, assignment)
        if is_elsewhere and declaration.validate_scope:
            yield about_declarations.ahead_of_move(declaration, scope, assignment)
        yield DesiredExemption(
            declaration=declaration,
            subject=case.subject,
            scope=scope,
            assignment=assignment,
            target=case.target,
            match=match,
            selector_key=case.selector_key,
            declared=match.cells,
            validate_scope=declaration.validate_scope and not is_elsewhere,
        )

    def _match(self, subject: ResolvedSubject, assignment: Assignment) -> SubjectMatch | None:
        key = (id(subject), assignment.id.key)
        if key not in self._matches:
            initiative = self.snapshot.initiatives.get(assignment.id.key)
            self._matches[key] = match_subject(subject, assignment, initiative)
        return self._matches[key]
