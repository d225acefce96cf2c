"""`Microsoft.Security/pricings`: which plans of Defender a subscription has."""

from __future__ import annotations

import re
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer
from reconciler.emulator.state import plans
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.plans import FREE, NAMES, REPLACED, STANDARD, TYPE
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import properties
from reconciler.model import JSON, ArmId, ScopeKind

_SINCE_2024: Final = "2024"
_ORDER: Final = (
    "extensions",
    "enablementTime",
    "subPlan",
    "pricingTier",
    "freeTrialRemainingTime",
    "deprecated",
    "replacedBy",
    "enforce",
    "resourcesCoverageStatus",
)
_FILTER: Final = re.compile(r"name\s+in\s+\((?P<names>[\w\s,]+)\)", re.IGNORECASE)
_SETTABLE: Final = ("extensions", "subPlan", "enforce")


def list_(call: Call) -> Response:
    """The plans of a subscription, or those that `$filter=name in (A,B)` names."""
    subscription = _subscription(call)
    condition = call.request.query.get("$filter")
    names = {name.lower() for name in NAMES}
    if condition is not None:
        match = _FILTER.fullmatch(condition.strip())
        if match is None:
            raise errors.invalid_filter(condition)
        names = {name.strip().lower() for name in match["names"].split(",")}
    value = [show(call.tenant, subscription, name, call.version) for name in NAMES if name.lower() in names]
    return answer(200, {"value": value})


def get(call: Call) -> Response:
    """One plan."""
    return answer(200, show(call.tenant, _subscription(call), _name(call), call.version))


def put(call: Call) -> Response:
    """Turn a plan on (Standard) or off (Free)."""
    subscription, name = _subscription(call), _name(call)
    requested = properties(call.request.body)
    tier = next((tier for tier in (FREE, STANDARD) if tier.lower() == str(requested.get("pricingtier")).lower()), None)
    if tier is None:
        raise errors.bad_value(requested.get("pricingtier"), "pricingTier")
    identifier = plans.plan_id(subscription, name)
    before = plans.properties(call.tenant, identifier)
    stored = {field: requested[field.lower()] for field in _SETTABLE if field.lower() in requested}
    if tier == STANDARD:
        was_on = before["pricingTier"] == STANDARD and "enablementTime" in before
        stored["enablementTime"] = before["enablementTime"] if was_on else arm_instant(call.tenant.clock.now())
    call.tenant.plans.put(Record(id=identifier, type=TYPE, properties={**stored, "pricingTier": tier}))
    return answer(200, show(call.tenant, subscription, name, call.version))


def show(tenant: Tenant, subscription: str, name: str, version: str) -> dict[str, JSON]:
    """A plan of a subscription (its GUID) as an API version shows it."""
    identifier = plans.plan_id(subscription, name)
    stored = plans.properties(tenant, identifier)
    is_on = stored["pricingTier"] == STANDARD
    values = {**stored, "freeTrialRemainingTime": "PT0S"}
    if name in REPLACED:
        values |= {"deprecated": True, "replacedBy": [REPLACED[name]]}
    if version >= _SINCE_2024:
        status = "FullyCovered" if is_on else "NotCovered"
        values = {"enforce": "False", "resourcesCoverageStatus": status, **values}
    ordered = {field: values[field] for field in _ORDER if field in values}
    return {"id": identifier.text, "name": name, "type": TYPE, "properties": ordered}


def _subscription(call: Call) -> str:
    """The GUID of the subscription that is asked.

    Raises:
        ArmError: it is another kind of scope, such as a machine with a plan of its own.
    """
    scope: ArmId = call.target.scope
    if scope.kind is not ScopeKind.SUBSCRIPTION:
        raise errors.not_modelled(f"{TYPE} of a {scope.kind}")
    return scope.text.split("/")[2]


def _name(call: Call) -> str:
    name = next((name for name in NAMES if name.lower() == call.target.name.lower()), None)
    if name is None:
        raise errors.ArmError(404, "ResourceNotFound", f"The pricing '{call.target.name}' does not exist.")
    return name
