"""What Azure Policy accepts as an assignment, with the errors it answers otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call
from reconciler.emulator.paths import Target
from reconciler.emulator.resources.policy_parameters import check_assigned
from reconciler.emulator.resources.quotas import check_quota
from reconciler.emulator.resources.selectors import check_selectors
from reconciler.emulator.state.initiatives import definition_id, definition_properties
from reconciler.emulator.state.tenant import Record
from reconciler.emulator.wire.jsontext import check_types
from reconciler.model import JSON, ScopeKind, owner_scope

_TYPE: Final = "Microsoft.Authorization/policyAssignments"
_TYPES: Final = {
    "displayName": str,
    "policyDefinitionId": str,
    "definitionVersion": str,
    "notScopes": list,
    "parameters": dict,
    "description": str,
    "metadata": dict,
    "enforcementMode": str,
    "nonComplianceMessages": list,
    "resourceSelectors": list,
    "overrides": list,
}
_SELECTORS: Final = "2024-12"
"""Assignments have every kind of selector from their first version with selectors on."""

_LISTED: Final = {"notScopes": str, "overrides": dict, "nonComplianceMessages": dict}
"""Of what the lists consist."""

_MODES: Final = {
    "default": ("Default", "2019-01"),
    "donotenforce": ("DoNotEnforce", "2019-01"),
    "enroll": ("Enroll", "2025-11"),
}
"""Folded enforcement modes, each in its spelling and with the API version it came with."""

_NAME_LIMIT: Final = 64
_NAME_LIMIT_AT_GROUPS: Final = 24


def check_properties(target: Target, requested: dict[str, JSON], version: str) -> None:
    """Each property by itself, and the spelling of those that the service has its own for.

    Raises:
        ArmError: 400.
    """
    check_types(requested, _TYPES)
    for name, kind in _LISTED.items():
        if not all(isinstance(part, kind) for part in requested.get(name) or ()):
            raise errors.bad_value(requested[name], name)
    if not all(isinstance(part, dict) for part in (requested.get("parameters") or {}).values()):
        raise errors.bad_value(requested["parameters"], "parameters")
    for override in requested.get("overrides") or ():
        selectors = override.get("selectors")
        are_objects = isinstance(selectors, list) and all(isinstance(part, dict) for part in selectors)
        if not isinstance(override.get("kind"), str) or not (selectors is None or are_objects):
            raise errors.bad_value(override, "overrides")
    if "resourceSelectors" in requested:
        check_selectors(target, requested["resourceSelectors"], _SELECTORS, lambda _, why: _invalid(why))
    if "nonComplianceMessages" in requested:
        requested["nonComplianceMessages"] = [_message(part) for part in requested["nonComplianceMessages"]]
    # The mode in Azure's spelling.
    if "enforcementMode" not in requested:
        return
    mode, since = _MODES.get(str(requested["enforcementMode"]).lower(), ("", "never"))
    if version < since:
        raise errors.bad_value(requested["enforcementMode"], "enforcementMode")
    requested["enforcementMode"] = mode


def _message(value: JSON) -> dict[str, JSON]:
    """A non-compliance message in the order of the wire."""
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        raise errors.bad_value(value, "nonComplianceMessages")
    return {name: value[name] for name in ("policyDefinitionReferenceId", "message") if value.get(name) is not None}


def check(call: Call, requested: dict[str, JSON], *, is_new: bool) -> None:
    """Refuse what the service would; what it spells its own way is spelled so in `requested`.

    Raises:
        ArmError: the first thing that is wrong.
    """
    check_properties(call.target, requested, call.version)
    name, definition = call.target.name, str(requested.get("policyDefinitionId", ""))
    if not definition:
        raise errors.required_property("policyDefinitionId")
    limit = _NAME_LIMIT_AT_GROUPS if call.target.scope.kind is ScopeKind.MANAGEMENT_GROUP else _NAME_LIMIT
    if len(name) > limit:
        raise _invalid(f"The policy assignment name '{name}' exceeds the maximum length of '{limit}' characters.")
    assigned = definition_id(Record(id=call.target.id, type=_TYPE, properties=requested))
    current = definition_properties(call.tenant, assigned)
    if current is None:
        kind = "policy set definition" if "/policysetdefinitions/" in definition.lower() else "policy definition"
        raise _invalid(f"The {kind} '{definition}' could not be found.")
    if not call.tenant.hierarchy.contains(owner_scope(assigned), call.target.scope) and owner_scope(assigned).key:
        # A definition is assigned at its own scope or below. The text is as quoted in public issues.
        raise errors.ArmError(
            400,
            "InvalidCreatePolicyAssignmentRequest",
            f"The policy definition specified in policy assignment '{name}' is out of scope. Policy "
            "definitions should be specified only at or above the policy assignment scope. If the management groups "
            "hierarchy changed recently or if assigning a management group policy to new subscription, please allow "
            "up to 30 minutes for the hierarchy changes to apply and try again.",
        )
    check_assigned(call.tenant, name, assigned, requested.get("parameters"))
    if is_new:
        present = len(call.tenant.assignments.at(call.target.scope.key))
        check_quota(call, "policy assignment", present, call.tenant.limits.assignments)


def check_identity(body: Mapping[str, Any]) -> None:
    """A managed identity lives in a region, so an assignment with one names a location.

    Raises:
        ArmError: 400.
    """
    location, identity = body.get("location"), body.get("identity")
    if location is not None and not isinstance(location, str):
        raise errors.unparsable_body("the value of 'location' is not a string")
    if identity is None:
        return
    if not isinstance(identity, dict):
        raise errors.unparsable_body("the value of 'identity' is not an object")
    kind = str(identity.get("type", "")).lower()
    if kind not in {"none", "systemassigned", "userassigned"}:
        raise errors.bad_value(identity.get("type"), "identity.type")
    if not isinstance(identity.get("userAssignedIdentities") or {}, dict):
        raise errors.unparsable_body("the value of 'identity.userAssignedIdentities' is not an object")
    if kind != "none" and not location:
        raise errors.ArmError(
            400,
            "LocationRequired",
            "The location of the policy assignment must be specified if it has a managed identity.",
        )


def _invalid(why: str) -> errors.ArmError:
    return errors.ArmError(
        400, "InvalidCreatePolicyAssignmentRequest", f"The policy assignment create request is invalid. {why}"
    )
