"""Whether a catalog.yaml is plainly of the right shape, so that the schema's judge need not be loaded or asked.

One-sided: what this accepts, schemas/catalog.schema.json accepts (a property test holds the two together); where it
doubts, the schema decides and says why. Every command reads this file, and the judge takes longer than all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from reconciler.model import JSON

Check: TypeAlias = Callable[[JSON], bool]

_KEY: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POLICY: Final = re.compile(r"[^/\s]{1,128}|/[^\s]{1,1000}/policyDefinitions/[^/\s]{1,128}")
_INITIATIVE: Final = re.compile(r"[^/\s]{1,128}|/[^\s]{1,1000}/policySetDefinitions/[^/\s]{1,128}")


def is_plainly_valid(data: JSON) -> bool:
    """Whether the schema certainly accepts the data; False says nothing."""
    return _is_object(data, _SECTIONS, ())


def _is_object(data: JSON, fields: Mapping[str, Check], required: tuple[str, ...]) -> bool:
    if not isinstance(data, dict) or not all(name in data for name in required):
        return False
    return all(name in fields and fields[name](value) for name, value in data.items())


def _text(longest: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def _form(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _list_of(check: Check, most: int) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(check(item) for item in value)


def _rows(fields: Mapping[str, Check], required: tuple[str, ...], most: int) -> Check:
    return _list_of(lambda row: _is_object(row, fields, required), most)


def _flag(value: JSON) -> bool:
    return isinstance(value, bool)


def _members(value: JSON) -> bool:
    if not isinstance(value, dict) or len(value) > 5000:
        return False
    return all(_REFERENCE(reference) and _POLICY_ID(policy) for reference, policy in value.items())


_REFERENCE: Final = _text(400)
_POLICY_ID: Final = _form(_POLICY)
_TITLE: Final = _text(512)
_TYPES: Final = _list_of(_text(200), 200)
_RECOMMENDATION: Final[Mapping[str, Check]] = {
    "key": _form(_KEY),
    "title": _TITLE,
    "severity": _one_of("Critical", "High", "Medium", "Low"),
    "environment": _one_of("Azure", "AWS", "GCP", "DevOps"),
    "policies": _list_of(_POLICY_ID, 100),
    "resourceTypes": _TYPES,
    "preview": _flag,
    "custom": _flag,
}
_POLICY_FIELDS: Final[Mapping[str, Check]] = {
    "id": _POLICY_ID,
    "title": _TITLE,
    "version": _text(50),
    "mode": _text(100),
    "defaultEffect": _text(100),
    "resourceTypes": _TYPES,
}
_INITIATIVE_FIELDS: Final[Mapping[str, Check]] = {
    "id": _form(_INITIATIVE),
    "title": _TITLE,
    "version": _text(50),
    "members": _members,
    "added": _members,
    "removed": _list_of(_REFERENCE, 5000),
}
_SECTIONS: Final[Mapping[str, Check]] = {
    "recommendations": _rows(_RECOMMENDATION, ("key",), 10_000),
    "policies": _rows(_POLICY_FIELDS, ("id", "title"), 10_000),
    "initiatives": _rows(_INITIATIVE_FIELDS, ("id",), 1000),
}
