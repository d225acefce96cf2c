"""Whether a declared exemption is still needed, as far as anything that was read says so.

| evidence                                                                      | verdict              |
|-------------------------------------------------------------------------------|----------------------|
| the target is gone, and nothing of its name, or like it, is there              | unneeded             |
| Microsoft has retired the recommendation                                       | unneeded             |
| nothing that evaluates it is assigned, and everything around was read          | unneeded             |
| a wider declaration of the same category exempts as much, at least as long     | unneeded             |
| Defender finds every covered resource healthy, or out of place, without it     | unneeded             |
| an assignment beside it says NonCompliant, or Defender says Unhealthy          | needed               |
| an assignment that is not exempt says Compliant, by every policy behind it     | unneeded             |
| only Exempt is said                                                            | undecided            |

Below an exemption Azure Policy says Exempt, not what it would find. Only an assignment of the same policy that is not
exempt tells. A policy whose rule asks for the assessment itself is compliant because of the exemption, and tells nothing;
so does a Mitigated one that Defender shows as healthy.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.assessments.case import Case, EffectInputs, cases
from reconciler.assessments.values import Cause, EffectState, PolicyState, Shown, TargetEffect
from reconciler.catalog.retirement import retirement_cause
from reconciler.kinds import HeldCause
from reconciler.model import ArmId, Category, Declaration, Diagnostic, Source, count, first_few

_SHOWN: Final = 3


class Need(enum.StrEnum):
    """Whether it is still needed."""

    NEEDED = "needed"
    UNNEEDED = "unneeded"
    UNDECIDED = "undecided"


class Ground(enum.StrEnum):
    """What says that it is unneeded."""

    COMPLIANT = "compliant"
    NOT_APPLICABLE = "not applicable"
    GONE = "gone"
    RETIRED = "retired"
    NOT_ASSIGNED = "not assigned"
    COVERED = "covered"
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNeed(Diagnostic):
    """The verdict of one target, with what says so."""

    target: ArmId
    title: str
    need: Need
    ground: Ground = Ground.NONE
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationNeed:
    """A declaration with its targets; the remedy retires it, or takes out what is unneeded of it."""

    name: str
    source: Source
    targets: tuple[TargetNeed, ...]

    @property
    def need(self) -> Need:
        """Needed where anything of it is; unneeded where all of it is."""
        needs = {target.need for target in self.targets}
        return next((need for need in (Need.NEEDED, Need.UNDECIDED) if need in needs), Need.UNNEEDED)

    @property
    def unneeded(self) -> tuple[ArmId, ...]:
        """The targets of which nothing is needed."""
        needed = {target.target for target in self.targets if target.need is not Need.UNNEEDED}
        return tuple(dict.fromkeys(target.target for target in self.targets if target.target not in needed))

    @property
    def remedy(self) -> str:
        """The command, or the edit where only a part is unneeded; empty where nothing is."""
        if self.need is Need.UNNEEDED:
            return f"exempt retire {self.name}"
        targets = [target.text for target in self.unneeded]
        return f"take out of scopes in {self.source.file}: {first_few(targets, _SHOWN)}" if targets else ""


def judge_needs(
    inputs: EffectInputs, effects: Mapping[tuple[str, str, str], TargetEffect]
) -> tuple[DeclarationNeed, ...]:
    """Every declaration that wants something now; `effects` by declaration, folded target and key."""
    judge = _Judge(inputs=inputs, effects=effects, wider=_wider(inputs))
    return tuple(
        DeclarationNeed(
            name=declaration.name,
            source=declaration.source,
            targets=tuple(judge.need(case) for case in cases(inputs, declaration)),
        )
        for declaration in inputs.active
    )


@dataclass(frozen=True, kw_only=True)
class _Judge:
    inputs: EffectInputs
    effects: Mapping[tuple[str, str, str], TargetEffect]
    wider: Mapping[tuple[str, str], tuple[str, ArmId]]
    _states: dict[tuple[str, str], list[PolicyState]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for state in self.inputs.view.states or ():
            self._states.setdefault((state.resource, state.definition), []).append(state)

    def need(self, case: Case) -> TargetNeed:
        effect = self.effects[case.declaration.name, case.target.key, case.key]
        base = TargetNeed(target=case.target, title=case.title, need=Need.UNDECIDED, message="")
        return (
            self._structural(case, effect, base) or self._of_defender(case, effect, base) or self._of_policy(case, base)
        )

    def _structural(self, case: Case, effect: TargetEffect, base: TargetNeed) -> TargetNeed | None:
        """What does not depend on any finding."""
        causes = {diagnosis.cause: diagnosis for diagnosis in effect.diagnoses}
        similar = self.inputs.basis.inputs.snapshot.similar.get(case.target.key, ())
        if effect.state is EffectState.GONE and similar:
            texts = first_few([scope.text for scope in similar], _SHOWN)
            return replace(base, message=f"it does not exist; {texts} may be meant")
        if effect.state is EffectState.GONE:
            return _unneeded(base, Ground.GONE, causes[Cause.GONE].message, ("answer to GET", "404"))
        recommendation = case.recommendation
        if recommendation is not None and recommendation.retirement is not None:
            why = retirement_cause(recommendation.retirement)
            successors = tuple(("replaced by", key) for key in recommendation.retirement.successors)
            return _unneeded(base, Ground.RETIRED, why, *successors)
        if (covering := self.wider.get((case.declaration.name, case.target.key))) is not None:
            name, scope = covering
            where = "it" if name == case.declaration.name else f"declaration {name!r}"
            return _unneeded(base, Ground.COVERED, f"{where} exempts {scope}, which contains it", ("declaration", name))
        unread = self.inputs.basis.tree.unread_about(case.target) or not self.inputs.basis.inputs.snapshot.complete
        if unread or case.declaration.ahead:
            return None
        if (diagnosis := causes.get(Cause.NOT_ASSIGNED)) is not None:
            return _unneeded(base, Ground.NOT_ASSIGNED, diagnosis.message, *diagnosis.evidence)
        line_of_gone = next((line for line in case.held if line.cause is HeldCause.ASSIGNMENT_GONE), None)
        return (
            _unneeded(base, Ground.NOT_ASSIGNED, line_of_gone.message, ("answer to GET", "404"))
            if line_of_gone
            else None
        )

    def _of_defender(self, case: Case, effect: TargetEffect, base: TargetNeed) -> TargetNeed | None:
        """What Defender says of the covered resources without regard to the exemption."""
        kinds = set(case.counts)
        if Shown.UNHEALTHY in kinds:
            counted = case.resources(Shown.UNHEALTHY)
            return replace(
                base, need=Need.NEEDED, message=f"Defender finds {count(len(counted), 'resource')} unhealthy"
            )
        if effect.state in {EffectState.NOT_VISIBLE, EffectState.UNDECIDED, EffectState.MOVED} or not kinds:
            return replace(base, message=f"{effect.state.value}: {effect.state.meaning}")
        if kinds == {Shown.HEALTHY} and (case.declaration.category is Category.WAIVER or not case.is_due):
            resources = case.resources(Shown.HEALTHY)
            message = f"Defender finds {count(len(resources), 'resource')} healthy, without showing any as exempt"
            return _unneeded(base, Ground.COMPLIANT, message, *(("healthy", r.text) for r in resources[:_SHOWN]))
        if kinds == {Shown.NOT_APPLICABLE}:
            why = sorted({row.cause for row in case.rows if row.cause})
            message = (
                f"Defender says that it does not apply there, exempt or not ({first_few(why, _SHOWN) or 'no cause'})"
            )
            resources = case.resources(Shown.NOT_APPLICABLE)
            return _unneeded(
                base, Ground.NOT_APPLICABLE, message, *(("not applicable", r.text) for r in resources[:_SHOWN])
            )
        return None

    def _of_policy(self, case: Case, base: TargetNeed) -> TargetNeed:
        """What Azure Policy says where no exemption is in its way."""
        evidence: list[tuple[str, str]] = []
        for resource in case.resources(Shown.EXEMPT, Shown.HEALTHY):
            definitions = {cell.definition for cell in case.cells(resource) if not cell.excluded} or case.policies
            for definition in sorted(definitions):
                states = [s for s in self._states.get((resource.key, definition), ()) if s.state in _TELLING]
                against = next((state for state in states if state.state == "noncompliant"), None)
                if against is not None:
                    return replace(
                        base,
                        need=Need.NEEDED,
                        message=f"Azure Policy finds {resource} not compliant in {against.assignment}, which is not exempt",
                        evidence=(("not compliant", against.assignment),),
                    )
                policy = self.inputs.basis.inputs.catalogue.policy(ArmId(definition, definition))
                # A rule that asks for the assessment tells nothing: the exemption itself makes that not applicable.
                if not states or policy is None or policy.assessment:
                    return replace(base, message=_SILENT)
                evidence.append(("compliant", f"{resource}: {states[0].assignment}"))
        if not evidence:
            return replace(base, message=_SILENT)
        message = "Azure Policy finds it compliant, in an assignment that is not exempt"
        return _unneeded(base, Ground.COMPLIANT, message, *evidence[:_SHOWN])


_TELLING: Final = frozenset({"compliant", "noncompliant"})
_SILENT: Final = "Azure says only that it is exempt, not what it would find without the exemption"


def _unneeded(base: TargetNeed, ground: Ground, message: str, *evidence: tuple[str, str]) -> TargetNeed:
    return replace(base, need=Need.UNNEEDED, ground=ground, message=message, evidence=evidence)


def _wider(inputs: EffectInputs) -> Mapping[tuple[str, str], tuple[str, ArmId]]:
    """By declaration and folded target, the declaration and scope that exempts as much there, for as long, anyway."""
    declarations = {declaration.name: declaration for declaration in inputs.active}
    by_scope: dict[str, list[str]] = defaultdict(list)
    for declaration in declarations.values():
        for scope in declaration.scopes:
            by_scope[scope.key].append(declaration.name)
    result = {}
    for declaration in declarations.values():
        for target in declaration.scopes:
            outer = inputs.basis.tree.chain(target)[1:]
            names = ((declarations[name], scope) for scope in outer for name in by_scope.get(scope, ()))
            covering = _first_covering(inputs, declaration, names)
            if covering is not None:
                result[declaration.name, target.key] = covering
    return result


def _first_covering(
    inputs: EffectInputs, declaration: Declaration, candidates: Iterable[tuple[Declaration, str]]
) -> tuple[str, ArmId] | None:
    subjects = inputs.basis.inputs.declarations.subjects
    meant = subjects[declaration.name].policies
    for wider, key in candidates:
        covers = bool(meant) and meant <= subjects[wider.name].policies and wider.category is declaration.category
        lasts = wider.expires_on is None or (
            declaration.expires_on is not None and wider.expires_on >= declaration.expires_on
        )
        if wider.name == declaration.name or (covers and lasts and not wider.selectors):
            return wider.name, next(scope for scope in wider.scopes if scope.key == key)
    return None
