"""ARM's JSON and our values, both ways. Pure, and free of the SDK, so that a saved snapshot can be planned from.

Shapes follow the published schemas of policyExemptions (2020-07-01-preview to 2026-01-01-preview), policyAssignments,
policySetDefinitions and policyDefinitions. Whatever an older or newer service leaves out is absent, never a fault;
what we do not model is kept in `extra`, because a PUT replaces the whole object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.arm import canonical
from reconciler.model import (
    JSON,
    ArmId,
    Assignment,
    Exemption,
    Initiative,
    Member,
    Policy,
    ResourceSelector,
    Selector,
    SystemData,
    arm_id,
)

_MODELLED: Final = frozenset(
    {
        "policyAssignmentId",
        "policyDefinitionReferenceIds",
        "exemptionCategory",
        "expiresOn",
        "displayName",
        "description",
        "metadata",
        "resourceSelectors",
        "assignmentScopeValidation",
    }
)

# --- exemptions --------------------------------------------------------------------------------------------------


def decode_exemption(value: JSON) -> Exemption:
    """The exemption that an ARM object describes."""
    properties = value.get("properties") or {}
    return Exemption(
        id=arm_id(value["id"]),
        assignment=arm_id(properties.get("policyAssignmentId") or ""),
        category=properties.get("exemptionCategory") or "",
        reference_ids=tuple(properties.get("policyDefinitionReferenceIds") or ()),
        display_name=properties.get("displayName") or "",
        description=properties.get("description") or "",
        expires_on=canonical.expiry_text(properties.get("expiresOn") or ""),
        selectors=decode_selectors(properties.get("resourceSelectors")),
        validation=properties.get("assignmentScopeValidation") or "",
        metadata=_mapping(properties.get("metadata")),
        extra=_extra(properties),
        system=decode_system_data(value.get("systemData")),
    )


def _extra(properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
    if properties.keys() <= _MODELLED:
        return {}
    return {name: value for name, value in properties.items() if name not in _MODELLED and value is not None}


def encode_exemption(exemption: Exemption) -> JSON:
    """The body of the PUT that makes an object exactly this exemption: what the diff compared, and nothing else."""
    return {"properties": canonical.encode_properties(exemption)}


def decode_system_data(value: JSON) -> SystemData | None:
    """Who made and changed an object; None where the service does not say."""
    if not value:
        return None
    return SystemData(
        created_by=value.get("createdBy") or "",
        created_by_type=value.get("createdByType") or "",
        created_at=canonical.instant(value.get("createdAt") or ""),
        last_modified_by=value.get("lastModifiedBy") or "",
        last_modified_by_type=value.get("lastModifiedByType") or "",
        last_modified_at=canonical.instant(value.get("lastModifiedAt") or ""),
    )


def decode_selectors(value: JSON) -> tuple[ResourceSelector, ...]:
    """Resource selectors in the order they are stored."""
    if not value:
        return ()
    return tuple(
        ResourceSelector(
            group.get("name") or "", tuple(_selector(selector) for selector in group.get("selectors") or ())
        )
        for group in value
    )


def _selector(value: JSON) -> Selector:
    negated = bool(value.get("notIn"))
    return Selector(
        kind=value.get("kind") or "", values=tuple(value.get("notIn" if negated else "in") or ()), negated=negated
    )


# --- assignments -------------------------------------------------------------------------------------------------


def decode_assignment(value: JSON) -> Assignment:
    """The assignment that an ARM object describes; a version inside the definition's id counts as the pinned one."""
    properties = value.get("properties") or {}
    definition, version = split_version(properties.get("policyDefinitionId") or "")
    return Assignment(
        id=arm_id(value["id"]),
        definition=definition,
        display_name=properties.get("displayName") or "",
        version=properties.get("definitionVersion") or version,
        not_scopes=tuple(arm_id(scope) for scope in properties.get("notScopes") or ()),
        parameters=_parameter_values(properties.get("parameters")),
        enforcement_mode=properties.get("enforcementMode") or "Default",
        selectors=decode_selectors(properties.get("resourceSelectors")),
        overrides=tuple(properties.get("overrides") or ()),
        system=decode_system_data(value.get("systemData")),
    )


def effective_version(value: JSON) -> str | None:
    """The version of the definition that an assignment uses now, where the service was asked and said so."""
    return (value.get("properties") or {}).get("effectiveDefinitionVersion") or None


def split_version(text: str) -> tuple[ArmId, str | None]:
    """A definition's id without its `/versions/…`, and that version."""
    identifier = arm_id(text)
    cut = identifier.key.rfind("/versions/")
    return (identifier, None) if cut < 0 else (ArmId(identifier.key[:cut], identifier.text[:cut]), identifier.name)


# --- definitions -------------------------------------------------------------------------------------------------


def decode_initiative(value: JSON) -> Initiative:
    """The initiative, at one version, that an ARM object describes (of the set itself or of one of its versions)."""
    properties = value.get("properties") or {}
    identifier, version = split_version(value["id"])
    return Initiative(
        id=identifier,
        members=tuple(_member(entry) for entry in properties.get("policyDefinitions") or ()),
        version=properties.get("version") or version,
        display_name=properties.get("displayName") or "",
        defaults=_defaults(properties.get("parameters")),
    )


def decode_policy(value: JSON) -> Policy:
    """The policy definition that an ARM object describes."""
    properties = value.get("properties") or {}
    effect = ((properties.get("policyRule") or {}).get("then") or {}).get("effect")
    return Policy(
        id=split_version(value["id"])[0],
        display_name=properties.get("displayName") or "",
        effect=effect if isinstance(effect, str) else None,
        defaults=_defaults(properties.get("parameters")),
    )


def _member(value: JSON) -> Member:
    definition, _ = split_version(value.get("policyDefinitionId") or "")
    parameters = _parameter_values(value.get("parameters"))
    effect = next((value for name, value in parameters.items() if name.lower() == "effect"), None)
    reference = value.get("policyDefinitionReferenceId") or ""
    return Member(definition=definition, reference_id=reference, effect=effect if isinstance(effect, str) else None)


def _parameter_values(value: JSON) -> Mapping[str, JSON]:
    return {name: parameter.get("value") for name, parameter in _mapping(value).items() if isinstance(parameter, dict)}


def _defaults(value: JSON) -> Mapping[str, JSON]:
    return {
        name: parameter["defaultValue"]
        for name, parameter in _mapping(value).items()
        if isinstance(parameter, dict) and "defaultValue" in parameter
    }


def _mapping(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}
