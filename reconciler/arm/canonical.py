"""The one canonicaliser: what an exemption says, in one spelling.

The diff, the fingerprint and the PUT body all come from here, so that what is compared is what is written. Azure
echoes what it was sent (empty lists, any letter case, trailing zeros), hence: empty is absent, sets are sorted, expiry
digits are trimmed, category and scope validation have Azure's spelling. Ids and reference ids keep their letters in
`properties` and are folded only in `comparable`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from reconciler.arm import standard_properties
from reconciler.model import JSON, Carrier, Category, Exemption, ResourceSelector, Selector

UNCOMPARED: Final = frozenset({"revision", "requestedBy", "run"})
"""Marks that alone never cause an update."""

AZURE_STAMPS: Final = frozenset({"createdBy", "createdOn", "updatedBy", "updatedOn", "lastSyncedToArgOn"})
"""Metadata that Azure's own front ends write behind everybody's back."""

_CATEGORIES: Final = {category.value.lower(): category.value for category in Category}
_VALIDATIONS: Final = {"default": "", "donotvalidate": "DoNotValidate"}
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|[+-]00:?00)?")


def category(text: str) -> str:
    """Azure's spelling of a category; an unknown one stays as it is."""
    return _CATEGORIES.get(text.lower(), text)


def validation(text: str) -> str:
    """Azure's spelling of a scope validation; Default is the same as none."""
    return _VALIDATIONS.get(text.lower(), text)


@functools.lru_cache(maxsize=1 << 10)
def expiry_text(text: str) -> str:
    """An expiry in the service's own form: UTC, `Z`, at most seven fractional digits, no trailing zeros."""
    match = _INSTANT.fullmatch(text)
    if not match:
        try:
            instant = datetime.fromisoformat(text)
            return instant_text(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
        except (ValueError, OverflowError):  # no date; or one that has no UTC form, before the year 1 or after 9999
            return text
    digits = (match[3] or "")[:7].rstrip("0")
    return f"{match[1]}T{match[2]}{'.' + digits if digits else ''}Z"


def instant_text(instant: datetime) -> str:
    """An instant in the same form as `expiry_text`."""
    text = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{instant.microsecond:06d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


@functools.lru_cache(maxsize=1 << 12)
def instant(text: str) -> datetime | None:
    """The instant an expiry text means, to the microsecond; None for no expiry or one that is no date."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.upper())  # cuts digits beyond the microsecond
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def has_expired(exemption: Exemption, now: datetime) -> bool:
    """Whether Azure no longer honours it."""
    end = instant(exemption.expires_on)
    return end is not None and end <= now


def encode_properties(exemption: Exemption) -> dict[str, JSON]:
    """The ARM `properties`, canonical; also the body of a PUT. Unmodelled existing properties come last."""
    if exemption.carrier is Carrier.STANDARD:
        return standard_properties.encode(exemption)
    properties: dict[str, JSON] = {
        "policyAssignmentId": exemption.assignment.text,
        "policyDefinitionReferenceIds": sorted(exemption.reference_ids, key=lambda ref: (ref.lower(), ref)),
        "exemptionCategory": category(exemption.category),
        "displayName": exemption.display_name,
        "description": exemption.description,
        "expiresOn": expiry_text(exemption.expires_on) if exemption.expires_on else "",
        "assignmentScopeValidation": validation(exemption.validation),
        "resourceSelectors": [_selector(selector) for selector in sorted(map(_ordered, exemption.selectors))],
        "metadata": dict(sorted(exemption.metadata.items())),
        **dict(sorted(exemption.extra.items())),
    }
    return {key: value for key, value in properties.items() if value not in ("", [], {}, None)}


def _ordered(selector: ResourceSelector) -> ResourceSelector:
    """Values sorted first and conditions by them, so that any stored order gives the same text."""
    parts = (
        Selector(kind=part.kind, values=tuple(sorted(part.values)), negated=part.negated) for part in selector.selectors
    )
    return ResourceSelector(selector.name, tuple(sorted(parts)))


def _selector(selector: ResourceSelector) -> dict[str, JSON]:
    return {
        "name": selector.name,
        "selectors": [
            {"kind": part.kind, "notIn" if part.negated else "in": list(part.values)} for part in selector.selectors
        ],
    }


def encode_selectors(selectors: tuple[ResourceSelector, ...]) -> list[JSON]:
    """Selectors as ARM and declarations write them, in their order."""
    return [_selector(selector) for selector in selectors]


def comparable(exemption: Exemption) -> dict[str, JSON]:
    """`encode_properties` with letter case folded where Azure ignores it, without what never causes an update."""
    return fold(encode_properties(exemption))


def fold(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """The comparable form of canonical properties, as a saved plan carries them."""
    if standard_properties.is_encoded(properties):
        properties = standard_properties.comparable(properties)
    folded = {**properties, "policyAssignmentId": str(properties.get("policyAssignmentId", "")).lower()}
    if references := properties.get("policyDefinitionReferenceIds"):
        folded["policyDefinitionReferenceIds"] = sorted({ref.lower() for ref in references})
    if selectors := properties.get("resourceSelectors"):
        folded["resourceSelectors"] = [[group["name"] for group in selectors], _folded_json(selectors)]
    folded["metadata"] = _folded_metadata(properties.get("metadata", {}))
    return {key: value for key, value in folded.items() if value not in ("", [], {}, None)}


def readable(exemption: Exemption) -> dict[str, JSON]:
    """`encode_properties` with our mark as `metadata`, wherever the object carries it: for people who compare."""
    properties = encode_properties(exemption)
    if exemption.carrier is Carrier.STANDARD:
        properties |= {"description": exemption.description, "metadata": dict(sorted(exemption.metadata.items()))}
    return properties


def assignment_of(properties: Mapping[str, JSON]) -> str:
    """The folded id of what canonical properties exempt from."""
    if standard_properties.is_encoded(properties):
        return standard_properties.assessed(properties).key
    return str(properties.get("policyAssignmentId", "")).lower()


def _folded_json(selectors: list[JSON]) -> list[JSON]:
    return sorted(
        sorted(
            [
                part["kind"].lower(),
                "notIn" in part,
                sorted({str(value).lower() for value in part.get("in", part.get("notIn", []))}),
            ]
            for part in group["selectors"]
        )
        for group in selectors
    )


def compared_metadata(metadata: Mapping[str, JSON]) -> dict[str, JSON]:
    """The metadata whose difference matters."""
    return {key: value for key, value in sorted(metadata.items()) if key not in UNCOMPARED and key not in AZURE_STAMPS}


def _folded_metadata(metadata: Mapping[str, JSON]) -> dict[str, JSON]:
    """`compared_metadata` with the marked target, an ARM id, in one case."""
    folded = compared_metadata(metadata)
    if isinstance(target := folded.get("target"), str):
        folded["target"] = target.lower()
    return folded


def folded_selectors(selectors: tuple[ResourceSelector, ...]) -> list[JSON]:
    """Selectors as a value that is equal for equal subject: order, letter case, repeats and group names do not count."""
    return _folded_json([_selector(selector) for selector in selectors])


def equivalent(first: Exemption, second: Exemption) -> bool:
    """Whether both say the same, so that no write is needed. Ids are not compared.

    What is equal as it stands needs no canonical form: that is nearly everything, in nearly every run.
    """
    return (
        first.assignment.key == second.assignment.key
        and first.description == second.description
        and first.display_name == second.display_name
        and (first.expires_on == second.expires_on or _expiry(first) == _expiry(second))
        and (first.category == second.category or category(first.category) == category(second.category))
        and (
            first.reference_ids == second.reference_ids
            or {ref.lower() for ref in first.reference_ids} == {ref.lower() for ref in second.reference_ids}
        )
        and (first.selectors == second.selectors or _selector_key(first) == _selector_key(second))
        and (first.validation == second.validation or validation(first.validation) == validation(second.validation))
        and (first.extra == second.extra or _without_empty(first.extra) == _without_empty(second.extra))
        and (first.metadata == second.metadata or _folded_metadata(first.metadata) == _folded_metadata(second.metadata))
    )


def _expiry(exemption: Exemption) -> str:
    return expiry_text(exemption.expires_on) if exemption.expires_on else ""


def _selector_key(exemption: Exemption) -> list[JSON]:
    names = [group.name for group in sorted(map(_ordered, exemption.selectors))]
    return [names, folded_selectors(exemption.selectors)]


def _without_empty(extra: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in extra.items() if value not in ("", [], {}, None)}
