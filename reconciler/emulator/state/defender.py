"""What Defender says of each assessed resource: the tenant file's findings, and what policies and exemptions do to them.

Defender looks at Azure Policy with a delay: an exemption counts as it was `evaluation_delay` ago, and an assignment
made since this Azure started counts from `evaluation_delay` after it was made. A finding is shown as it is where at
least one policy behind it is evaluated and not exempt.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.emulator.state import plans
from reconciler.emulator.state.behind import is_builtin, policies_behind
from reconciler.emulator.state.clock import arm_instant, parse_instant
from reconciler.emulator.state.compliance import Member, members
from reconciler.emulator.state.coverage import Coverage, coverage_of, selected, selectors_of
from reconciler.emulator.state.effects import DISABLED
from reconciler.emulator.state.hierarchy import Resource
from reconciler.emulator.state.initiatives import definition_id
from reconciler.emulator.state.objects import scope_key
from reconciler.emulator.state.standards import exempts
from reconciler.emulator.state.tenant import Exemption, Record, Tenant
from reconciler.model import JSON, ArmId, arm_id, owner_scope

HEALTHY: Final = "Healthy"
UNHEALTHY: Final = "Unhealthy"
NOT_APPLICABLE: Final = "NotApplicable"

_SETS: Final = "/providers/microsoft.authorization/policysetdefinitions/"
_SHIPPED_BENCHMARK: Final = f"{_SETS}1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
BENCHMARKS: Final = frozenset({_SHIPPED_BENCHMARK, f"{_SETS}e3ec7e09-768c-4b64-882c-fcada3772047"})
"""The folded ids of the Microsoft cloud security benchmark and of the preview of its second version."""

_OFF: Final = {
    "code": NOT_APPLICABLE,
    "cause": "OffByPolicy",
    "description": "The effective policy for the assessment was evaluated to off - use "
    "Microsoft.Authorization/policyAssignments to turn this assessment on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """An assessment as Defender shows it. `status` has its two dates, which API versions before 2021 leave out."""

    record: Record
    status: dict[str, JSON]

    @property
    def id(self) -> ArmId:
        """Its ARM id."""
        return self.record.id

    @property
    def code(self) -> str:
        """Healthy, Unhealthy or NotApplicable."""
        return str(self.status.get("code", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One policy of one assignment, as it looks at a resource."""

    assignment: Record
    member: Member


class Defender:
    """Defender's view at one instant. Made for one request: it remembers what many assessments have in common."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._now = tenant.clock.now()
        self._delay = timedelta(seconds=tenant.evaluation_delay)
        self._superseded: dict[str, list[Exemption]] = {}
        for ended, exemption in tenant.superseded_exemptions:
            if ended > tenant.clock.seconds() - tenant.evaluation_delay:
                self._superseded.setdefault(scope_key(exemption.id.key), []).append(exemption)
        self._benchmark = functools.cache(self._benchmark_policies)
        self._members = functools.cache(self._members_of)
        self._coverages = functools.cache(self._coverages_at)
        self._applicable = functools.cache(self._assignments_over)

    def assessed(self, records: Iterable[Record]) -> list[Assessed]:
        """The assessments that are shown, in their order."""
        return [assessed for record in records if (assessed := self.assess(record)) is not None]

    def assess(self, record: Record) -> Assessed | None:
        """One assessment as it is shown; None where nothing evaluates it."""
        if not is_builtin(self.tenant, record.id):
            return self._as_found(record)
        scope = owner_scope(record.id)
        assignments = self._applicable(scope)
        is_on = plans.is_foundational_on(self.tenant, scope.subscription or "")
        if not is_on or not any(definition_id(assignment).key in BENCHMARKS for assignment in assignments):
            return None
        policies = policies_behind(self.tenant, record.id)
        assessed = self._through_policies(record, policies, assignments) if policies else self._as_found(record)
        if (
            assessed is not None
            and assessed.code != NOT_APPLICABLE
            and exempts(self.tenant, scope, record.id.name.lower())
        ):
            status = {"code": NOT_APPLICABLE, "cause": "Exempt", **self._dates(record, None)}
            return Assessed(record=record, status=status)
        return assessed

    def _through_policies(
        self, record: Record, policies: tuple[str, ...], assignments: list[Record]
    ) -> Assessed | None:
        """What all policies behind an assessment make of it, in every assignment that evaluates them. Where no assignment
        holds any and the benchmark does not either, Defender finds it by itself.
        """
        scope = owner_scope(record.id)
        resource = self.tenant.hierarchy.resources.get(scope.key) or Resource(id=scope)
        holding = [
            (assignment, matching)
            for assignment in assignments
            if (matching := [member for member in self._members(assignment.id) if member.definition.key in policies])
        ]
        if not holding and self._benchmark().isdisjoint(policies):
            return self._as_found(record)
        cells: list[_Cell] = []
        for assignment, matching in holding:
            excluded = [arm_id(str(text)) for text in assignment.properties.get("notScopes") or ()]
            is_excluded = any(self.tenant.hierarchy.contains(part, resource.id) for part in excluded)
            if selected(selectors_of(assignment), resource) and not is_excluded:
                cells += [_Cell(assignment=assignment, member=member) for member in matching]
        if not cells:
            return None
        evaluated = [cell for cell in cells if cell.member.effect != DISABLED]
        if not evaluated:
            return Assessed(record=record, status={**_OFF, **self._dates(record, None)})
        finding = self._as_found(record)
        return finding if finding.code == NOT_APPLICABLE else self._exempt(record, resource, evaluated) or finding

    def _as_found(self, record: Record) -> Assessed:
        return Assessed(record=record, status={**(record.properties.get("status") or {}), **self._dates(record, None)})

    def _exempt(self, record: Record, resource: Resource, cells: list[_Cell]) -> Assessed | None:
        """The assessment as exempt, if an exemption that is old enough covers each cell."""
        in_force_since = self._now - self._delay
        scopes = self.tenant.hierarchy.chain(resource.id)
        covering = [
            [
                coverage
                for scope in scopes
                for coverage in self._coverages(scope)
                if coverage.assignment == cell.assignment.id.key
                and coverage.written <= in_force_since
                and not coverage.has_expired(in_force_since)
                and coverage.means(cell.member.reference_id, resource)
            ]
            for cell in cells
        ]
        if not all(covering):
            return None
        since = max(min(coverage.written for coverage in cell) for cell in covering) + self._delay
        status = {"code": NOT_APPLICABLE, "cause": "Exempt", "description": f"Exempt {covering[0][0].category}"}
        return Assessed(record=record, status={**status, **self._dates(record, since)})

    def _dates(self, record: Record, changed: datetime | None) -> dict[str, JSON]:
        finding = record.properties.get("status") or {}
        at_start = arm_instant(self.tenant.started)
        since = arm_instant(changed) if changed else finding.get("statusChangeDate", at_start)
        return {"statusChangeDate": since, "firstEvaluationDate": finding.get("firstEvaluationDate", at_start)}

    # --- what many assessments have in common

    def _assignments_over(self, scope: ArmId) -> list[Record]:
        """The assignments at and above a scope that are old enough."""
        chain = self.tenant.hierarchy.chain(scope)
        assignments = []
        for record in (record for key in chain for record in self.tenant.assignments.at(key).values()):
            created = parse_instant(str((record.system or {}).get("createdAt", "")))
            if created is None or created <= self.tenant.started or created + self._delay <= self._now:
                assignments.append(record)
        return assignments

    def _benchmark_policies(self) -> frozenset[str]:
        """The folded ids of the policies in the benchmark as Azure ships it."""
        built_ins = self.tenant.built_ins
        bundled = built_ins.initiative(arm_id(_SHIPPED_BENCHMARK)) if built_ins is not None else None
        entries = (bundled or {}).get("policyDefinitions", ())
        return frozenset(str(entry["policyDefinitionId"]).lower() for entry in entries)

    def _members_of(self, assignment: ArmId) -> list[Member]:
        return list(members(self.tenant, self.tenant.assignments.by_id[assignment.key]))

    def _coverages_at(self, scope: str) -> list[Coverage]:
        """The exemptions at a folded scope, with what those were that have been replaced or deleted since."""
        present = self.tenant.exemptions.at(scope).values()
        return [coverage_of(exemption) for exemption in (*present, *self._superseded.get(scope, ()))]
