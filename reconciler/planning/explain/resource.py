"""Why a resource is exempt, and by whose word: every exemption that covers it, judged as the plan judges it.

Nothing is decided here. What is authoritative comes from the same run of the stages as the plan, and what is about to
happen from the plan itself, so that an explanation never contradicts either. `explain.declaration` does the same for a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.arm.canonical import folded_selectors
from reconciler.catalog.subjects import ResolvedSubject
from reconciler.kinds import FindingKind
from reconciler.model import ArmId, Assignment, Declaration, Exemption, is_assessment
from reconciler.planning.decide.proposals import ConfirmedExemption
from reconciler.planning.descriptions import whose
from reconciler.planning.desired.subjects import WHOLE, existing_cells, match_subject
from reconciler.planning.existing.exemptions import ExistingExemption, left_out
from reconciler.planning.explain.values import (
    AssignmentCoverage,
    CoveringExemption,
    RemovalImpact,
    ResourceExplanation,
    Role,
)
from reconciler.planning.hold_messages import label
from reconciler.planning.provenance import Commit
from reconciler.planning.stages import PlanBasis
from reconciler.planning.values import Change, Held, Plan


def explain_resource(
    basis: PlanBasis, plan: Plan, resource: ArmId, subject: ResolvedSubject | None = None
) -> ResourceExplanation:
    """Why the resource is exempt, in every assignment that evaluates it, or from one recommendation alone."""
    tree, declarations = basis.tree, basis.inputs.declarations
    chain = tree.chain(resource)
    view = _View(basis=basis, plan=plan, resource=resource, chain=chain)
    assignments = sorted(basis.inputs.snapshot.assignments.values(), key=lambda assignment: assignment.id.key)
    situations = (
        view.situation(assignment, subject)
        for assignment in assignments
        if tree.contains(assignment.scope.key, resource)
    )
    return ResourceExplanation(
        resource=resource,
        title=subject.title if subject else "",
        managed=tree.managed(resource) or tree.maybe_above(resource) is not None,
        taken_at=plan.taken_at,
        situations=tuple(situation for situation in situations if situation is not None),
        held=tuple(line for line in plan.held if line.assignment is None and line.scope.key in chain),
        unread=tree.unread_about(resource),
        is_gone=resource.key in basis.inputs.snapshot.gone,
        similar=basis.inputs.snapshot.similar.get(resource.key, ()),
        wanted_by=tuple(
            declaration.name
            for declaration in sorted(declarations.active(basis.inputs.now), key=lambda declaration: declaration.name)
            if (subject is None or not subject.policies.isdisjoint(declarations.subjects[declaration.name].policies))
            and any(scope.key in chain for scope in declaration.scopes)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One resource seen through one run of the stages."""

    basis: PlanBasis
    plan: Plan
    resource: ArmId
    chain: Sequence[str]

    def situation(self, assignment: Assignment, subject: ResolvedSubject | None) -> AssignmentCoverage | None:
        """What one assignment comes to; None where it has nothing to do with what was asked."""
        initiative = self.basis.inputs.snapshot.initiatives.get(assignment.id.key)
        cells: frozenset[str] | None = None
        if subject is not None and (initiative is not None or not assignment.is_initiative):
            matched = match_subject(subject, assignment, initiative)
            if matched is None:
                return None
            cells = matched.cells
        covers = [*self._confirmed(assignment, cells), *self._others(assignment, cells)]
        lines = self._held(assignment, cells)
        if not covers and not lines and cells is None:
            return None
        relevant = cells if cells is not None else frozenset[str]().union(*(cover.cells for cover in covers))
        effective = [cover for cover in covers if cover.now]
        bare = existing_cells(relevant, initiative).difference(*(cover.now for cover in effective))
        certain = (cover.now for cover in effective if not cover.exemption.selectors)
        chosen = existing_cells(relevant, initiative).difference(bare, *certain)
        ours = [cover for cover in effective if cover.role is Role.AUTHORITATIVE]
        excluded = next((scope for scope in assignment.not_scopes if scope.key in self.chain), None)
        return AssignmentCoverage(
            assignment=assignment,
            references=self._texts(relevant, assignment),
            covers=tuple(covers),
            bare=self._texts(bare, assignment),
            held=tuple(lines),
            losses=() if excluded else tuple(self._loss(cover, effective, assignment) for cover in ours),
            moot=f"the assignment excludes {excluded} by its notScopes, so it does not evaluate this resource"
            if excluded
            else "",
            selective=self._texts(chosen, assignment),
            is_selective=bool(chosen),
        )

    # --- what covers it ---

    def _confirmed(self, assignment: Assignment, cells: frozenset[str] | None) -> Iterator[CoveringExemption]:
        """What this plan leaves in authority over the resource."""
        for confirmed in self._finals(assignment):
            shared = confirmed.cells if cells is None else confirmed.cells & cells
            if shared:
                change = self._change(confirmed.exemption.id)
                current = change.before if change is not None and change.before is not None else confirmed.exemption
                now = self._now(current) if cells is None else self._now(current) & cells
                yield CoveringExemption(
                    exemption=current,
                    role=Role.AUTHORITATIVE,
                    cells=shared | now,
                    now=now,
                    references=self._texts(shared | now, assignment),
                    inherited=self._inherited(current),
                    whose="ours",
                    why=self._authority(confirmed, change),
                    declaration=confirmed.desired.declaration,
                    commit=self._commit(confirmed.desired.declaration),
                    change=change,
                )

    def _finals(self, assignment: Assignment) -> list[ConfirmedExemption]:
        confirmed_exemptions = (
            confirmed for confirmed in self.basis.confirmed if confirmed.desired.assignment.id == assignment.id
        )
        return [confirmed for confirmed in confirmed_exemptions if confirmed.desired.scope.key in self.chain]

    def _authority(self, confirmed: ConfirmedExemption, change: Change | None) -> str:
        desired = confirmed.desired
        at = "it" if desired.target == self.resource else f"{desired.target}, which contains it,"
        is_alone = is_assessment(desired.assignment.id.key)
        evaluation = (
            "Defender evaluates what it declares by itself"
            if is_alone
            else f"{label(desired.assignment)!r} evaluates what it declares"
        )
        sentence = f"declaration {desired.declaration.name!r} lists {at} and {evaluation}"
        return (
            sentence
            if change is None
            else f"{sentence}; the plan will {change.action.value} it ({change.reason.value})"
        )

    def _others(self, assignment: Assignment, cells: frozenset[str] | None) -> Iterator[CoveringExemption]:
        """Existing ones that are not in authority, the nearest first."""
        confirmed_ids = {confirmed.exemption.id.key for confirmed in self._finals(assignment)}
        others = [existing for existing in self._lives(assignment) if existing.exemption.id.key not in confirmed_ids]
        for existing in sorted(
            others, key=lambda existing: (self.chain.index(existing.scope.key), existing.exemption.id.key)
        ):
            shared = existing.cells if cells is None else existing.cells & cells
            if shared:
                exemption, change = existing.exemption, self._change(existing.exemption.id)
                declaration = self.basis.inputs.declarations.by_name().get(existing.mark)
                now = shared & self._now(exemption)
                commit = self._commit(declaration) if declaration else None
                yield CoveringExemption(
                    exemption=exemption,
                    role=Role.ALSO if now else Role.NO_EFFECT,
                    cells=shared,
                    now=now,
                    references=self._texts(shared, assignment),
                    inherited=self._inherited(exemption),
                    whose=whose(existing),
                    why=self._why(existing, change),
                    declaration=declaration,
                    commit=commit,
                    change=change,
                )

    def _lives(self, assignment: Assignment) -> Iterator[ExistingExemption]:
        for existing in self.basis.existing:
            if existing.exemption.assignment == assignment.id and existing.scope.key in self.chain:
                yield existing

    def _why(self, existing: ExistingExemption, change: Change | None) -> str:
        """Why it does not count, and what becomes of it."""
        if change is not None:
            return f"the plan will {change.action.value} it ({change.reason.value})"
        if existing.expired:
            return f"expired on {existing.exemption.expires_on[:10]}; Azure no longer honours it"
        if scope := left_out(existing.exemption, self.chain):
            return f"it leaves out what lies below {scope} (excludedScopes)"
        # That it shadows something is about another resource; that it is declared nowhere holds everywhere.
        findings = [finding for finding in self.plan.findings if finding.subject == existing.exemption.id]
        findings.sort(key=lambda finding: finding.kind is FindingKind.SHADOWED)
        sentences = [finding.message for finding in findings]
        sentences += [
            f"declaration {line.declaration!r} is held because of it"
            for line in self.plan.held
            if line.exemption == existing.exemption.id
        ]
        sentences += [
            f"declaration {existing.mark!r} is held here, so nothing of it is deleted or shrunk"
            for line in self.plan.held
            if existing.mark == line.declaration and line.assignment in (None, existing.exemption.assignment)
        ]
        return sentences[0] if sentences else "wanted by no declaration here; it is not touched"

    # --- what is missing, held or would be lost ---

    def _held(self, assignment: Assignment, cells: frozenset[str] | None) -> list[Held]:
        lines = (line for line in self.plan.held if line.assignment == assignment.id and line.scope.key in self.chain)
        folded = ((line, {reference.lower() for reference in line.reference_ids}) for line in lines)
        return [line for line, refs in folded if cells is None or not refs or refs & cells or WHOLE in cells]

    def _loss(
        self, cover: CoveringExemption, effective: Sequence[CoveringExemption], assignment: Assignment
    ) -> RemovalImpact:
        """The rest counts only as far as the plan leaves it there, and only in part where its selectors may leave out
        something that those of the exemption choose.
        """
        chosen = folded_selectors(cover.exemption.selectors)
        rest = [
            candidate
            for candidate in effective
            if candidate is not cover and not (candidate.change and candidate.change.after is None)
        ]
        others = [candidate for candidate in rest if not cover.now.isdisjoint(candidate.now)]
        wholly = [
            candidate
            for candidate in others
            if not candidate.exemption.selectors or folded_selectors(candidate.exemption.selectors) == chosen
        ]
        exposed = cover.now.difference(*(candidate.now for candidate in wholly))
        partly = (
            candidate.exemption
            for candidate in others
            if candidate not in wholly and not exposed.isdisjoint(candidate.now)
        )
        keeping = (candidate.exemption for candidate in wholly)
        return RemovalImpact(
            exemption=cover.exemption,
            exposed=self._texts(exposed, assignment),
            kept_by=tuple(keeping),
            partly=tuple(partly),
            returns=cover.declaration is not None,
        )

    # --- small facts ---

    def _now(self, exemption: Exemption) -> frozenset[str]:
        """The cells that an existing exemption exempts at this moment; none of one that is only planned, or leaves the
        resource out.
        """
        if left_out(exemption, self.chain):
            return frozenset()
        initiatives = self.basis.inputs.snapshot.initiatives
        matching = (existing for existing in self.basis.existing if existing.exemption.id == exemption.id)
        return frozenset[str]().union(
            *(
                existing_cells(existing.covering, initiatives.get(existing.exemption.assignment.key))
                for existing in matching
            )
        )

    def _texts(self, cells: frozenset[str], assignment: Assignment) -> tuple[str, ...]:
        """References as the initiative writes them; those that it has no more, as some exemption does."""
        initiative = self.basis.inputs.snapshot.initiatives.get(assignment.id.key)
        texts = {ref.lower(): ref for existing in self._lives(assignment) for ref in existing.exemption.reference_ids}
        texts |= initiative.texts if initiative else {}
        return tuple(texts.get(cell, cell) for cell in sorted(cells) if cell != WHOLE)

    def _change(self, identifier: ArmId) -> Change | None:
        return next((change for change in self.plan.changes if change.id == identifier), None)

    def _inherited(self, exemption: Exemption) -> bool:
        return exemption.scope != self.resource

    def _commit(self, declaration: Declaration) -> Commit | None:
        return self.basis.inputs.history.last_commit(declaration.source.file)
