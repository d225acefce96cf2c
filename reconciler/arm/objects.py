"""ARM's JSON and our values, both ways. Pure, and free of the SDK, so that a saved snapshot can be planned from.

Shapes follow the published schemas of policyExemptions (2020-07-01-preview to 2026-01-01-preview), policyAssignments,
policySetDefinitions and policyDefinitions. Whatever an older or newer service leaves out is absent, never a fault;
what we do not model is kept in `extra`, because a PUT replaces the whole object. What is there with another type
raises `ShapeError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from reconciler.arm import canonical, standard_properties
from reconciler.arm.shapes import (
    as_object,
    object_in,
    objects_in,
    required_text,
    text_in,
    texts_in,
)
from reconciler.model import (
    JSON,
    ArmId,
    Assignment,
    Carrier,
    Exemption,
    Initiative,
    Member,
    Policy,
    ResourceSelector,
    Selector,
    SystemData,
    arm_id,
    carrier_of,
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
    """The exemption that an ARM object describes: a policy exemption, or a standard assignment with effect Exempt."""
    value = as_object(value)
    properties = object_in(value, "properties")
    identifier = arm_id(required_text(value, "id"))
    if carrier_of(identifier) is Carrier.STANDARD:
        return _decode_standard(identifier, value, properties)
    return Exemption(
        id=identifier,
        assignment=arm_id(text_in(properties, "policyAssignmentId")),
        category=text_in(properties, "exemptionCategory"),
        reference_ids=texts_in(properties, "policyDefinitionReferenceIds"),
        display_name=text_in(properties, "displayName"),
        description=text_in(properties, "description"),
        expires_on=canonical.expiry_text(text_in(properties, "expiresOn")),
        selectors=decode_selectors(properties),
        validation=text_in(properties, "assignmentScopeValidation"),
        metadata=object_in(properties, "metadata"),
        extra={name: value for name, value in properties.items() if name not in _MODELLED and value is not None},
        system=decode_system_data(value),
    )


def encode_exemption(exemption: Exemption) -> JSON:
    """The body of the PUT that makes an object exactly this exemption: what the diff compared, and nothing else."""
    if exemption.carrier is Carrier.STANDARD:
        return standard_properties.encode_body(exemption)
    return {"properties": canonical.encode_properties(exemption)}


def is_exemption(value: JSON) -> bool:
    """Whether a standard assignment exempts (others audit or attest)."""
    return text_in(object_in(as_object(value), "properties"), "effect").lower() == "exempt"


def _decode_standard(identifier: ArmId, value: Mapping[str, JSON], properties: Mapping[str, JSON]) -> Exemption:
    """Who wrote it stands in its metadata, by object id; whether that is a person nobody says."""
    data, authorship = object_in(properties, "exemptionData"), object_in(properties, "metadata")
    description, metadata = standard_properties.parted_description(text_in(properties, "description"))
    system = SystemData(
        created_by=text_in(authorship, "createdBy"),
        created_at=canonical.instant(text_in(authorship, "createdOn")),
        last_modified_by=text_in(authorship, "lastUpdatedBy"),
        last_modified_at=canonical.instant(text_in(authorship, "lastUpdatedOn")),
    )
    return Exemption(
        id=identifier,
        assignment=standard_properties.assessed(properties),
        category=text_in(data, "exemptionCategory"),
        display_name=text_in(properties, "displayName"),
        description=description,
        expires_on=canonical.expiry_text(text_in(properties, "expiresOn")),
        selectors=standard_properties.decode_conditions(
            data.get(standard_properties.RULE), texts_in(properties, standard_properties.EXCLUDED)
        ),
        metadata=metadata,
        extra=standard_properties.unmodelled(properties),
        system=decode_system_data(value) or (system if authorship else None),
    )


def decode_system_data(value: Mapping[str, JSON]) -> SystemData | None:
    """Who made and changed an object; None where the service does not say."""
    data = object_in(value, "systemData")
    if not data:
        return None
    return SystemData(
        created_by=text_in(data, "createdBy"),
        created_by_type=text_in(data, "createdByType"),
        created_at=canonical.instant(text_in(data, "createdAt")),
        last_modified_by=text_in(data, "lastModifiedBy"),
        last_modified_by_type=text_in(data, "lastModifiedByType"),
        last_modified_at=canonical.instant(text_in(data, "lastModifiedAt")),
    )


def decode_selectors(properties: Mapping[str, JSON]) -> tuple[ResourceSelector, ...]:
    """Resource selectors in the order they are stored."""
    return tuple(
        ResourceSelector(
            text_in(group, "name"),
            tuple(
                Selector(
                    kind=text_in(part, "kind"), values=texts_in(part, "notIn" if negated else "in"), negated=negated
                )
                for part in objects_in(group, "selectors")
                for negated in [bool(part.get("notIn"))]
            ),
        )
        for group in objects_in(properties, "resourceSelectors")
    )


# --- assignments -------------------------------------------------------------------------------------------------


def decode_assignment(value: JSON) -> Assignment:
    """The assignment that an ARM object describes; a version inside the definition's id counts as the pinned one."""
    value = as_object(value)
    properties = object_in(value, "properties")
    definition, version = split_version(text_in(properties, "policyDefinitionId"))
    # What stands at `metadata.subAssessmentSettings.filters`, whatever its form; anybody may write metadata.
    metadata = properties.get("metadata")
    settings = metadata.get("subAssessmentSettings") if isinstance(metadata, dict) else None
    filters = settings.get("filters") if isinstance(settings, dict) else None
    return Assignment(
        id=arm_id(required_text(value, "id")),
        definition=definition,
        display_name=text_in(properties, "displayName"),
        version=text_in(properties, "definitionVersion") or version,
        not_scopes=tuple(map(arm_id, texts_in(properties, "notScopes"))),
        parameters=_parameter_values(properties),
        selectors=decode_selectors(properties),
        overrides=tuple(map(_override, objects_in(properties, "overrides"))),
        disable_rules=filters if isinstance(filters, str) else json.dumps(filters) if filters else "",
        system=decode_system_data(value),
    )


def _override(value: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """An override as it is, once its shape is sure."""
    for selector in objects_in(value, "selectors"):
        texts_in(selector, "in")
        texts_in(selector, "notIn")
    return value


def effective_version(value: JSON) -> str | None:
    """The version of the definition that an assignment uses now, where the service was asked and said so."""
    return text_in(object_in(as_object(value), "properties"), "effectiveDefinitionVersion") or None


def split_version(text: str) -> tuple[ArmId, str | None]:
    """A definition's id without its `/versions/…`, and that version."""
    identifier = arm_id(text)
    cut = identifier.key.rfind("/versions/")
    if cut < 0:
        return identifier, None
    return ArmId(identifier.key[:cut], identifier.text[:cut]), identifier.name


# --- definitions -------------------------------------------------------------------------------------------------


def decode_initiative(value: JSON) -> Initiative:
    """The initiative, at one version, that an ARM object describes (of the set itself or of one of its versions)."""
    value = as_object(value)
    properties = object_in(value, "properties")
    identifier, version = split_version(required_text(value, "id"))
    members = []
    for row in objects_in(properties, "policyDefinitions"):
        parameters = _parameter_values(row)
        effect = next((parameter for name, parameter in parameters.items() if name.lower() == "effect"), None)
        members.append(
            Member(
                definition=split_version(text_in(row, "policyDefinitionId"))[0],
                reference_id=text_in(row, "policyDefinitionReferenceId"),
                effect=effect if isinstance(effect, str) else None,
            )
        )
    return Initiative(
        id=identifier,
        members=tuple(members),
        version=text_in(properties, "version") or version,
        display_name=text_in(properties, "displayName"),
        defaults=_defaults(properties),
        system=decode_system_data(value),
    )


def decode_policy(value: JSON) -> Policy:
    """The policy definition that an ARM object describes."""
    value = as_object(value)
    properties = object_in(value, "properties")
    effect = object_in(object_in(properties, "policyRule"), "then").get("effect")
    return Policy(
        id=split_version(required_text(value, "id"))[0],
        display_name=text_in(properties, "displayName"),
        effect=effect if isinstance(effect, str) else None,
        defaults=_defaults(properties),
    )


def _parameter_values(value: Mapping[str, JSON]) -> Mapping[str, JSON]:
    parameters = object_in(value, "parameters").items()
    return {name: parameter.get("value") for name, parameter in parameters if isinstance(parameter, dict)}


def _defaults(properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
    return {
        name: parameter["defaultValue"]
        for name, parameter in object_in(properties, "parameters").items()
        if isinstance(parameter, dict) and "defaultValue" in parameter
    }
