"""What a custom definition must be, and what the service adds to it: the two families, their rules, reference ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call
from reconciler.emulator.resources.murmur import murmur64
from reconciler.emulator.resources.policy_parameters import check_member, undeclared_references
from reconciler.emulator.state.builtin import FIRST_VERSION, major_pin
from reconciler.emulator.state.initiatives import definition_properties, version_of
from reconciler.emulator.state.objects import Objects
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, arm_id, owner_scope

VERSIONS_SINCE: Final = "2023-04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One of the two types. `label` is how error codes and texts call it."""

    type: str
    label: str
    fields: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """The label in words: `policy set definition`."""
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.label).strip()

    def own(self, tenant: Tenant) -> Objects[Record]:
        """The tenant's own objects of this type."""
        return tenant.set_definitions if self is SETS else tenant.definitions

    def built_in(self, tenant: Tenant) -> Iterable[ArmId]:
        """The ids of Azure's own."""
        if tenant.built_ins is None:
            return ()
        return tenant.built_ins.initiatives() if self is SETS else tenant.built_ins.policies()

    def quota(self, tenant: Tenant) -> int:
        """How many a scope may hold."""
        return tenant.limits.set_definitions if self is SETS else tenant.limits.definitions


POLICIES: Final = Family(
    type="Microsoft.Authorization/policyDefinitions",
    label="PolicyDefinition",
    fields=(
        ("displayName", ""),
        ("policyType", ""),
        ("mode", "2016-12"),
        ("description", ""),
        ("metadata", "2016-04"),
        ("version", VERSIONS_SINCE),
        ("parameters", "2016-12"),
        ("policyRule", ""),
        ("versions", VERSIONS_SINCE),
    ),
)
SETS: Final = Family(
    type="Microsoft.Authorization/policySetDefinitions",
    label="PolicySetDefinition",
    fields=(
        ("displayName", ""),
        ("policyType", ""),
        ("description", ""),
        ("metadata", ""),
        ("version", VERSIONS_SINCE),
        ("parameters", ""),
        ("policyDefinitions", ""),
        ("policyDefinitionGroups", "2019-09"),
        ("versions", VERSIONS_SINCE),
    ),
)


def check_rule(call: Call, requested: dict[str, JSON]) -> None:
    """Refuse a policy without a rule, or whose rule has no condition or names no effect.

    Raises:
        ArmError: 400.
    """
    rule = requested.get("policyRule")
    if rule is None:
        raise errors.required_property("policyRule")
    then = rule.get("then")
    if not isinstance(rule.get("if"), dict) or not isinstance(then, dict) or not isinstance(then.get("effect"), str):
        raise errors.ArmError(
            400,
            "InvalidPolicyRule",
            f"The policy rule of the policy definition '{call.target.name}' is invalid. It must have the properties "
            "'if' and 'then', and 'then' must name an 'effect'.",
        )
    if undeclared := undeclared_references(rule, requested.get("parameters")):
        raise errors.ArmError(
            400,
            "InvalidPolicyRule",
            f"The policy rule of the policy definition '{call.target.name}' is invalid. It refers to the parameter(s) "
            f"'{','.join(undeclared)}', which the definition does not have.",
        )


def check_members(call: Call, requested: dict[str, JSON]) -> None:
    """Refuse a policy set without members, or with one that does not exist.

    Raises:
        ArmError: 400.
    """
    members = requested.get("policyDefinitions")
    if not isinstance(members, list) or not members:
        raise _invalid_set(call, "The policy set definition must reference at least one policy definition.")
    references: set[str] = set()
    for member in members:
        if not isinstance(member, dict):
            raise errors.bad_value(member, "policyDefinitions")
        _check_types(member)
        identifier = str(member.get("policyDefinitionId") or "")
        if "/policysetdefinitions/" in identifier.lower():
            raise errors.ArmError(
                400,
                "InvalidCreatePolicySetDefinitionRequest",
                f"The policy set definition '{call.target.name}' request is invalid. Referenced policy definitions "
                "must be of type 'Microsoft.Authorization/policyDefinitions'.",
            )
        if definition_properties(call.tenant, arm_id(identifier)) is None:
            raise _invalid_set(call, f"The policy definition '{identifier}' could not be found.")
        scope = owner_scope(arm_id(identifier))
        if scope.key and not call.tenant.hierarchy.contains(scope, call.target.scope):
            raise _invalid_set(
                call, f"The policy definition '{identifier}' is not at or above the policy set definition's scope."
            )
        reference = str(member.get("policyDefinitionReferenceId") or "")
        check_member(call.tenant, call.target.name, reference, arm_id(identifier), member.get("parameters"))
        if reference and reference.lower() in references:
            raise _invalid_set(call, f"The policy definition reference id '{reference}' is used more than once.")
        references.add(reference.lower())


_MEMBER: Final = {
    "policyDefinitionReferenceId": str,
    "policyDefinitionId": str,
    "definitionVersion": str,
    "parameters": dict,
    "groupNames": list,
}


def _check_types(member: dict[str, JSON]) -> None:
    for name, kind in _MEMBER.items():
        if not isinstance(member.get(name), kind | None):
            raise errors.bad_value(member[name], f"policyDefinitions.{name}")
    if not all(isinstance(name, str) for name in member.get("groupNames") or ()):
        raise errors.bad_value(member["groupNames"], "policyDefinitions.groupNames")


def _invalid_set(call: Call, why: str) -> errors.ArmError:
    return errors.ArmError(
        400,
        "InvalidCreatePolicySetDefinitionRequest",
        f"The policy set definition '{call.target.name}' create request is invalid. {why}",
    )


def completed(tenant: Tenant, family: Family, requested: dict[str, JSON]) -> dict[str, JSON]:
    """The properties with what the service adds: type, mode, versions, and each member's reference id and pin."""
    stored = {"policyType": "Custom", **requested}
    stored.setdefault("version", version_of(stored))
    stored.setdefault("versions", [stored["version"]])
    if family is POLICIES:
        stored.setdefault("mode", "Indexed")
    else:
        members = []
        for member in stored.get("policyDefinitions", ()):
            identifier = arm_id(str(member.get("policyDefinitionId", "")))
            definition = definition_properties(tenant, identifier)
            completed_member = {
                "policyDefinitionReferenceId": derived_reference_id(identifier),
                "policyDefinitionId": identifier.text,
                "definitionVersion": major_pin(version_of(definition) if definition else FIRST_VERSION),
            }
            requested_member = {name: value for name, value in member.items() if value is not None}
            if not member.get("policyDefinitionReferenceId"):
                requested_member.pop("policyDefinitionReferenceId", None)
            members.append(completed_member | requested_member)
        stored["policyDefinitions"] = members
    return stored


def derived_reference_id(definition: ArmId) -> str:
    """The number that the service gives a member without a reference id: always the same for the same policy."""
    return str(murmur64(definition.text.encode()))
