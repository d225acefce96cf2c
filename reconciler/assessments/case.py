"""One declared target, with all that deciding about it needs: what it means, what Azure has of it, what Defender shows."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.assessments.evaluation import EvaluatedCell, Evaluation, written_at
from reconciler.assessments.values import DefenderView, Shown, shown_as
from reconciler.catalog.facts import Recommendation
from reconciler.model import ArmId, Declaration, SubjectKind, arm_id
from reconciler.model.posture import Assessment
from reconciler.planning.decide.proposals import ConfirmedExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.stages import PlanBasis
from reconciler.planning.values import Change, Held, Plan

VULNERABILITY: Final = "va.cve."
"""How the kinds of condition on findings begin."""


@dataclass(frozen=True, kw_only=True)
class EffectInputs:
    """What a status is decided from: the same run of the stages as the plan, and what Defender says. `within` is how long
    it may take; `forbidden` are folded ids of assignments from which this identity may not exempt, None where unknown.
    """

    basis: PlanBasis
    plan: Plan
    view: DefenderView
    within: timedelta
    forbidden: frozenset[str] | None = frozenset()

    @functools.cached_property
    def evaluation(self) -> Evaluation:
        """The tenant, indexed."""
        inputs = self.basis.inputs
        return Evaluation(
            tree=self.basis.tree,
            catalogue=inputs.catalogue,
            existing=self.basis.existing,
            locations=self.view.locations,
        )

    @functools.cached_property
    def rows(self) -> Mapping[tuple[str, str], list[Assessment]]:
        """What Defender shows, by folded target or what contains one, and key."""
        targets = {target.key for declaration in self.active for target in declaration.scopes}
        rows: dict[tuple[str, str], list[Assessment]] = defaultdict(list)
        for assessment in self.view.assessments:
            for scope in self.basis.tree.chain(assessment.resource):
                if scope in targets:
                    rows[scope, assessment.key].append(assessment)
        return rows

    @functools.cached_property
    def rows_of(self) -> Mapping[tuple[str, str], Assessment]:
        """What Defender shows of one resource, by its folded id and key."""
        return {(assessment.resource.key, assessment.key): assessment for assessment in self.view.assessments}

    @property
    def active(self) -> list[Declaration]:
        """The declarations that want something now."""
        return self.basis.inputs.declarations.active(self.basis.inputs.now)

    @functools.cached_property
    def confirmed(self) -> Mapping[str, list[ConfirmedExemption]]:
        """What the plan leaves in authority, by declaration."""
        confirmed: dict[str, list[ConfirmedExemption]] = defaultdict(list)
        for item in self.basis.confirmed:
            confirmed[item.desired.declaration.name].append(item)
        return confirmed

    @functools.cached_property
    def changes(self) -> Mapping[str, Change]:
        """The writes that are still needed, by folded exemption."""
        return {change.id.key: change for change in self.plan.changes}

    @functools.cached_property
    def held(self) -> Mapping[str, list[Held]]:
        """What is held, by declaration."""
        lines: dict[str, list[Held]] = defaultdict(list)
        for line in self.plan.held:
            lines[line.declaration].append(line)
        return lines

    @functools.cached_property
    def existing(self) -> Mapping[str, ExistingExemption]:
        """What Azure has, by folded exemption."""
        return {item.exemption.id.key: item for item in self.basis.existing}

    @functools.cached_property
    def marked(self) -> Mapping[str, list[ExistingExemption]]:
        """Ours, by the declaration that their mark names."""
        marked: dict[str, list[ExistingExemption]] = defaultdict(list)
        for item in self.basis.existing:
            if item.mark:
                marked[item.mark].append(item)
        return marked


@dataclass(frozen=True, kw_only=True)
class Case:
    """One recommendation of a declaration at one of its targets; `recommendation` is None where Defender has none."""

    inputs: EffectInputs
    declaration: Declaration
    target: ArmId
    recommendation: Recommendation | None

    @property
    def key(self) -> str:
        """The recommendation's key, or empty."""
        return self.recommendation.key if self.recommendation else ""

    @property
    def title(self) -> str:
        """What is exempted, as people know it."""
        subjects = self.inputs.basis.inputs.declarations.subjects
        return self.recommendation.title if self.recommendation else subjects[self.declaration.name].title

    @functools.cached_property
    def policies(self) -> frozenset[str]:
        """The folded policies that the declaration means here."""
        subject = self.inputs.basis.inputs.declarations.subjects[self.declaration.name]
        if self.recommendation is None:
            return subject.policies
        behind = frozenset(evaluator.key for evaluator in self.recommendation.evaluators)
        return behind & subject.policies if subject.policies else behind

    @functools.cached_property
    def rows(self) -> Sequence[Assessment]:
        """What Defender shows at and below the target, as far as the declaration's selectors do not leave it out."""
        evaluation, selectors = self.inputs.evaluation, self.declaration.selectors
        rows = self.inputs.rows.get((self.target.key, self.key), ())
        return [row for row in rows if evaluation.chooses(selectors, row.resource) is not False]

    @functools.cached_property
    def counts(self) -> Mapping[Shown, int]:
        """How many covered resources are shown as what."""
        return dict(Counter(shown_as(row) for row in self.rows))

    def resources(self, *kinds: Shown) -> tuple[ArmId, ...]:
        """The covered resources that are shown so, sorted."""
        return tuple(sorted({row.resource for row in self.rows if shown_as(row) in kinds}))

    @functools.cached_property
    def confirmed(self) -> Sequence[ConfirmedExemption]:
        """What the plan leaves in authority for this target, whatever the policy."""
        related = self.inputs.basis.tree.related
        items = self.inputs.confirmed.get(self.declaration.name, ())
        return [item for item in items if related(item.desired.scope, self.target)]

    @functools.cached_property
    def objects(self) -> Sequence[ExistingExemption]:
        """What Azure has of it: what confirms it, and what else bears its mark around the target."""
        existing, related = self.inputs.existing, self.inputs.basis.tree.related
        own = {item.exemption.id.key: existing.get(item.exemption.id.key) for item in self.confirmed}
        marked = self.inputs.marked.get(self.declaration.name, ())
        own |= {item.exemption.id.key: item for item in marked if related(item.scope, self.target)}
        return [item for _, item in sorted(own.items()) if item is not None]

    @property
    def is_conditional(self) -> bool:
        """Whether it exempts some findings of a recommendation alone, which leaves the recommendation as it is."""
        kinds = {part.kind.lower() for group in self.declaration.selectors for part in group.selectors}
        return any(kind.startswith(VULNERABILITY) for kind in kinds)

    @property
    def missing(self) -> Sequence[ConfirmedExemption]:
        """Those that Azure has not."""
        return [item for item in self.confirmed if item.exemption.id.key not in self.inputs.existing]

    @property
    def held(self) -> Sequence[Held]:
        """What is held of the declaration at, above or below the target."""
        related = self.inputs.basis.tree.related
        return [line for line in self.inputs.held.get(self.declaration.name, ()) if related(line.scope, self.target)]

    @property
    def written_at(self) -> datetime | None:
        """When the last of its objects was written."""
        times = (written_at(existing) for existing in self.objects)
        return max((time for time in times if time is not None), default=None)

    @property
    def due(self) -> datetime | None:
        """When Defender must have seen the last of them."""
        return self.written_at + self.inputs.within if self.written_at else None

    @property
    def is_due(self) -> bool:
        """Whether that time is over."""
        return self.due is None or self.due <= self.inputs.view.as_of

    @functools.cached_property
    def subscriptions(self) -> Sequence[ArmId]:
        """The subscriptions at, above or below the target, as far as they are known."""
        if self.target.subscription:
            return (arm_id(f"/subscriptions/{self.target.subscription}"),)
        tree = self.inputs.basis.tree
        expected = self.inputs.basis.inputs.snapshot.expected
        return [scope for scope in expected if scope.subscription and tree.contains(self.target.key, scope)]

    def cells(self, resource: ArmId) -> list[EvaluatedCell]:
        """What evaluates a resource for the policies of this case, as the catalogue and Defender's metadata name them."""
        row = self.inputs.rows_of.get((resource.key, self.key))
        policies = self.policies | {row.policy.key} if row and row.policy else self.policies
        return list(self.inputs.evaluation.cells(resource, policies))


def cases(inputs: EffectInputs, declaration: Declaration) -> Iterator[Case]:
    """Every target of a declaration with every recommendation that it means."""
    recommendations = recommendations_of(inputs.basis, declaration)
    for target in sorted(set(declaration.scopes)):
        named = [Case(inputs=inputs, declaration=declaration, target=target, recommendation=r) for r in recommendations]
        if declaration.subject.kind in {SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT}:
            named = [case for case in named if case.rows]  # of a whole initiative most concern no resource here
        yield from named or [Case(inputs=inputs, declaration=declaration, target=target, recommendation=None)]


def recommendations_of(basis: PlanBasis, declaration: Declaration) -> Sequence[Recommendation]:
    """The recommendations that a declaration means: those that it names, or that rest on the policies that it exempts."""
    catalogue, subject = basis.inputs.catalogue, basis.inputs.declarations.subjects[declaration.name]
    if subject.kind in {SubjectKind.RECOMMENDATION, SubjectKind.CATEGORY}:
        return subject.recommendations
    policies = set(subject.policies)
    if not policies:  # of an initiative: what its exemptions list
        for desired in basis.resolution.desired:
            if desired.declaration.name == declaration.name:
                initiative = basis.inputs.snapshot.initiatives.get(desired.assignment.id.key)
                if initiative is None:
                    policies.add(desired.assignment.definition.key)
                else:
                    policies |= {
                        m.definition.key for m in initiative.members if m.reference_id.lower() in desired.cells
                    }
    recommendations = {rec.key: rec for policy in policies for rec in catalogue.resting_on(ArmId(policy, policy))}
    return [recommendations[key] for key in sorted(recommendations)]
