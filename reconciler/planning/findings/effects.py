"""Whether an assignment evaluates a policy at all: effects that are Disabled make an exemption moot for now.

The effect of an initiative's member comes from, in this order: the assignment's overrides, the member's effect
parameter (a literal or a parameter of the initiative, which the assignment may set), the policy's own default.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.model import JSON, ArmId, Assignment, Initiative, Member, Snapshot
from reconciler.planning.desired.subjects import WHOLE
from reconciler.planning.desired.values import DesiredExemption

DISABLED: Final = "disabled"

_PARAMETER = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE)


def disabled_references(desired: DesiredExemption, snapshot: Snapshot, catalogue: Catalogue) -> tuple[str, ...] | None:
    """The reference ids of a desired exemption whose effect is Disabled (empty for a single policy); None where none is."""
    assignment = desired.assignment
    if not assignment.is_initiative:
        return () if effect_of_single(assignment, snapshot, catalogue) == DISABLED else None
    initiative = snapshot.initiatives.get(assignment.id.key)
    if initiative is None or WHOLE in desired.match.policies:
        return None
    cells = desired.cells
    disabled = tuple(
        member.reference_id
        for member in initiative.members
        if member.reference_id.lower() in cells
        and effect_of_member(member, assignment, initiative, catalogue) == DISABLED
    )
    return disabled or None


def evaluated_cells(
    assignment: Assignment, policies: Collection[str], snapshot: Snapshot, catalogue: Catalogue
) -> frozenset[str] | None:
    """The cells of an assignment in which it evaluates any of some policies (folded ids), those with a disabled effect
    left out; None where its initiative could not be read.
    """
    if not assignment.is_initiative:
        is_evaluated = assignment.definition.key in policies
        return frozenset(
            {WHOLE} if is_evaluated and effect_of_single(assignment, snapshot, catalogue) != DISABLED else ()
        )
    initiative = snapshot.initiatives.get(assignment.id.key)
    if initiative is None:
        return None
    return frozenset(
        member.reference_id.lower()
        for member in initiative.members
        if member.definition.key in policies and effect_of_member(member, assignment, initiative, catalogue) != DISABLED
    )


def effect_of_member(member: Member, assignment: Assignment, initiative: Initiative, catalogue: Catalogue) -> str:
    """The effect of an initiative's member where it is assigned, in lower case; empty where nobody says."""
    forced = _override(assignment, member.reference_id)
    if forced:
        return forced
    if member.effect is not None:
        return _value(member.effect, assignment.parameters, initiative.defaults)
    return _default(member.definition, catalogue)


def effect_of_single(assignment: Assignment, snapshot: Snapshot, catalogue: Catalogue) -> str:
    """The effect of a policy that is assigned by itself, in lower case; empty where nobody says."""
    forced = _override(assignment, None)
    if forced:
        return forced
    policy = snapshot.policies.get(assignment.definition.key)
    if policy is not None and policy.effect is not None:
        return _value(policy.effect, assignment.parameters, policy.defaults)
    assigned = _lookup(assignment.parameters, "effect")
    return str(assigned).lower() if assigned is not None else _default(assignment.definition, catalogue)


def disabled_by_choice(assignment: Assignment, snapshot: Snapshot) -> tuple[int, int]:
    """How many policies of an assignment somebody disabled: by its parameters or its initiative's members, and by its
    overrides. What a policy or a parameter disables by default is nobody's choice here.
    """
    if not assignment.is_initiative:
        chosen = str(_lookup(assignment.parameters, "effect")).lower()
        return int(chosen == DISABLED), int(_override(assignment, None) == DISABLED)
    initiative = snapshot.initiatives.get(assignment.id.key)
    members = initiative.members if initiative else ()
    forced = [_override(assignment, member.reference_id) for member in members]
    by_parameters = sum(
        effect is None and member.effect is not None and _value(member.effect, assignment.parameters, {}) == DISABLED
        for member, effect in zip(members, forced, strict=True)
    )
    return by_parameters, forced.count(DISABLED)


def _default(policy: ArmId, catalogue: Catalogue) -> str:
    facts = catalogue.policy(policy)
    return facts.default_effect.lower() if facts else ""


def _value(expression: str, assigned: Mapping[str, JSON], defaults: Mapping[str, JSON]) -> str:
    parameter = _PARAMETER.fullmatch(expression)
    if not parameter:
        return expression.lower()
    value = _lookup(assigned, parameter[1])
    return str(_lookup(defaults, parameter[1]) if value is None else value).lower()


def _lookup(values: Mapping[str, JSON], name: str) -> JSON:
    return next((value for key, value in values.items() if key.lower() == name.lower()), None)


def _override(assignment: Assignment, reference: str | None) -> str | None:
    """The effect that an override of the assignment forces on a reference id (None: on its single policy)."""
    for override in assignment.overrides:
        if str(override.get("kind", "")).lower() == "policyeffect" and _concerns(override, reference):
            return str(override.get("value", "")).lower()
    return None


def _concerns(override: Mapping[str, JSON], reference: str | None) -> bool:
    for selector in override.get("selectors") or ():
        if str(selector.get("kind", "")).lower() != "policydefinitionreferenceid" or reference is None:
            return False
        inside = {str(value).lower() for value in selector.get("in") or ()}
        outside = {str(value).lower() for value in selector.get("notIn") or ()}
        if (inside and reference.lower() not in inside) or reference.lower() in outside:
            return False
    return True
