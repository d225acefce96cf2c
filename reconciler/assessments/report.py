"""A finished status: every declaration with what became of it, and the one verdict that text, JSON and exit code read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.assessments.case import EffectInputs
from reconciler.assessments.judge import judge_all
from reconciler.assessments.returned import returned
from reconciler.assessments.unneeded import DeclarationNeed, judge_needs
from reconciler.assessments.values import (
    WORST_STATES,
    DeclarationEffect,
    EffectState,
    Returned,
    ReturnedExemption,
)
from reconciler.model import ArmId, Unread, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectReport:
    """What became of every declared exemption at `as_of`. `needs` is None where it was not asked whether they are still
    needed. `is_waited_for`: somebody waited for those that are waiting, in vain if any is left.
    """

    tenant_id: str
    owner: str
    revision: str | None
    as_of: datetime
    within: timedelta
    declarations: tuple[DeclarationEffect, ...]
    returned: tuple[ReturnedExemption, ...] = ()
    needs: tuple[DeclarationNeed, ...] | None = None
    unread: tuple[Unread, ...] = ()
    is_waited_for: bool = False

    @property
    def counts(self) -> Mapping[EffectState, int]:
        """How many declarations are in which state, the worst first."""
        counts = Counter(declaration.state for declaration in self.declarations)
        return {state: counts[state] for state in WORST_STATES if counts[state]}

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to wait for."""
        return EffectState.WAITING not in self.counts

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be seen; changes where a person should look."""
        if self.unread or EffectState.NOT_VISIBLE in self.counts:
            return Verdict.INCOMPLETE
        is_back = any(line.how is Returned.REAPPEARED for line in self.returned)
        in_vain = self.is_waited_for and not self.is_settled
        if is_back or in_vain or any(state.needs_somebody for state in self.counts):
            return Verdict.CHANGES
        return Verdict.DONE


def effect_report(inputs: EffectInputs, deleted: Iterable[str] = (), *, with_needs: bool = False) -> EffectReport:
    """Judges everything; `deleted` are folded ids of exemptions that an earlier run deleted."""
    plan, view = inputs.plan, inputs.view
    effects = judge_all(inputs)
    needs = None
    if with_needs:
        by_target = {(t.declaration, t.target.key, t.key): t for effect in effects for t in effect.targets}
        needs = judge_needs(inputs, by_target)
    return EffectReport(
        tenant_id=plan.tenant_id,
        owner=plan.owner,
        revision=plan.revision,
        as_of=view.as_of,
        within=inputs.within,
        declarations=effects,
        returned=tuple(returned(inputs, frozenset(deleted))),
        needs=needs,
        unread=(*plan.unread, *view.unread),
    )


def states_by_exemption(report: EffectReport) -> Mapping[str, EffectState]:
    """The state of each declared exemption that Azure has, by folded id: the worst of what it serves."""
    states: dict[str, EffectState] = {}
    for declaration in report.declarations:
        for target in declaration.targets:
            for exemption in target.exemptions:
                earlier = states.get(exemption.id.key, target.state)
                states[exemption.id.key] = min(earlier, target.state, key=WORST_STATES.index)
    return states


def only(report: EffectReport, names: Iterable[str] = (), scope: ArmId | None = None) -> EffectReport:
    """The report of some declarations alone, by name, or of what lies at or below a scope as texts show."""
    chosen = frozenset(names)
    kept_declarations = tuple(
        replace(declaration, targets=targets)
        for declaration in report.declarations
        if not chosen or declaration.name in chosen
        if (targets := tuple(t for t in declaration.targets if scope is None or scope.contains(t.target)))
    )
    names_left = {declaration.name for declaration in kept_declarations}
    needs = None if report.needs is None else tuple(need for need in report.needs if need.name in names_left)
    return replace(report, declarations=kept_declarations, needs=needs)
