"""What Azure Policy accepts as an exemption, with the errors it answers otherwise.

Recorded or quoted texts are verbatim; where only a code is known the text is composed after its kin, and where not even
the code is known `InvalidCreatePolicyExemptionRequest` stands in (docs/emulator.md says which is which).
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.emulator.call import Call
from reconciler.emulator.errors import ArmError, bad_value, required_property, unparsable_body
from reconciler.emulator.paths import Target
from reconciler.emulator.resources.quotas import check_quota
from reconciler.emulator.resources.selectors import check_selectors
from reconciler.emulator.state.clock import canonical_instant
from reconciler.emulator.state.initiatives import reference_ids
from reconciler.emulator.state.tenant import Exemption, Record, Tenant
from reconciler.model import JSON, arm_id, owner_scope

_NAME: Final = re.compile(r"[^<>*%&:\\?.+/\x00-\x1f]*[^<>*%&:\\?.+/ \x00-\x1f]+")
_CATEGORIES: Final = {"waiver": "Waiver", "mitigated": "Mitigated"}
_VALIDATIONS: Final = {"default": "Default", "donotvalidate": "DoNotValidate"}
_MODES: Final = {"admin": "Admin", "userselfserve": "UserSelfServe"}


def check(call: Call, requested: dict[str, JSON], before: Exemption | None) -> dict[str, JSON]:
    """The properties as they will be stored.

    Raises:
        ArmError: the first thing that is wrong with them.
    """
    tenant, target = call.tenant, call.target
    stored = _well_formed(target, requested, call.version)
    if before is None:
        if len(target.name) > 64 or not _NAME.fullmatch(target.name):
            raise ArmError(
                400,
                "InvalidPolicyExemptionName",
                f"The policy exemption name '{target.name}' is invalid. It must have 1 to 64 characters, none of "
                "'<,>,*,%,&,:,\\,?,.,+,/' and no trailing space.",
            )
    elif arm_id(stored["policyAssignmentId"]).key != before.assignment:
        raise ArmError(
            400,
            "InvalidPolicyAssignmentIdUpdate",
            f"The policy exemption '{target.name}' update request is invalid. "
            "The policy assignment ID of an existing policy exemption cannot be changed.",
        )
    assignment = tenant.assignments.get(arm_id(stored["policyAssignmentId"]).key)
    if assignment is None:
        raise invalid(target, f"The policy assignment '{stored['policyAssignmentId']}' could not be found.")
    if stored.get("assignmentScopeValidation") != "DoNotValidate":
        scope = owner_scope(assignment.id)
        if not tenant.hierarchy.contains(scope, target.scope):
            why = (
                f"The policy exemption scope '{target.scope}' is not at or under the policy assignment scope '{scope}'."
            )
            raise invalid(target, why)
    _check_references(tenant, target, assignment, stored.get("policyDefinitionReferenceIds") or [])
    if before is None:
        check_quota(call, "policy exemption", len(tenant.exemptions.at(target.scope.key)), tenant.limits.exemptions)
    return stored


def invalid(target: Target, why: str) -> ArmError:
    """The create request is invalid; the same words serve an update."""
    return ArmError(
        400,
        "InvalidCreatePolicyExemptionRequest",
        f"The policy exemption '{target.name}' create request is invalid. {why}",
    )


# --- each property by itself -------------------------------------------------------------------------------------


def _well_formed(target: Target, requested: dict[str, JSON], version: str) -> dict[str, JSON]:
    stored = dict(requested)
    _text(target, stored, "policyAssignmentId")
    if not stored.get("policyAssignmentId"):
        raise required_property("policyAssignmentId")
    _enumerated(stored, "exemptionCategory", _CATEGORIES, required=True)
    _enumerated(stored, "assignmentScopeValidation", _VALIDATIONS)
    _enumerated(stored, "exemptionManagementMode", _MODES)
    _text(target, stored, "displayName", 128)
    _text(target, stored, "description", 512)
    references = stored.get("policyDefinitionReferenceIds", [])
    if not isinstance(references, list) or not all(isinstance(reference, str) for reference in references):
        raise unparsable_body("the value of 'properties.policyDefinitionReferenceIds' is not an array of strings")
    if "expiresOn" in stored:
        text = stored["expiresOn"]
        stored["expiresOn"] = canonical_instant(text) if isinstance(text, str) else None
        if stored["expiresOn"] is None:
            raise bad_value(text, "expiresOn")
    if not isinstance(stored.get("metadata", {}), dict):
        raise unparsable_body("the value of 'properties.metadata' is not an object")
    if "resourceSelectors" in stored:
        check_selectors(target, stored["resourceSelectors"], version, invalid)
    return stored


def _text(target: Target, stored: dict[str, JSON], name: str, limit: int | None = None) -> None:
    value = stored.get(name, "")
    if not isinstance(value, str):
        raise unparsable_body(f"the value of 'properties.{name}' is not a string")
    if limit is not None and len(value) > limit:
        raise invalid(target, f"The property '{name}' exceeds the maximum length of '{limit}' characters.")


def _enumerated(stored: dict[str, JSON], name: str, values: dict[str, str], *, required: bool = False) -> None:
    if name not in stored:
        if required:
            raise required_property(name)
        return
    value = stored[name]
    if not isinstance(value, str) or value.lower() not in values:
        raise bad_value(value, name)
    stored[name] = values[value.lower()]


# --- against the rest of the tenant ------------------------------------------------------------------------------


def _check_references(tenant: Tenant, target: Target, assignment: Record, requested: list[str]) -> None:
    if not requested:
        return
    existing = reference_ids(tenant, assignment)
    if existing is None:
        raise _bad_reference(
            target,
            "The associated policy assignment is an assignment of a policy definition. The policy definition "
            "reference is only valid for policy assignments of policy set definitions.",
        )
    missing = [reference for reference in requested if reference.lower() not in existing]
    if missing:
        raise _bad_reference(
            target,
            f"The policy definition reference(s) '{','.join(missing)}' could not be found in the policy set "
            f"definition '{assignment.properties['policyDefinitionId']}'.",
        )


def _bad_reference(target: Target, why: str) -> ArmError:
    return ArmError(
        400,
        "InvalidPolicyDefinitionReference",
        f"The policy exemption '{target.name}' create request is invalid. {why}",
    )
