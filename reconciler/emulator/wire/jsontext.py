"""JSON as ARM writes it (compact, not escaped beyond need) and as it reads it (names of any casing)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.emulator import errors
from reconciler.model import JSON

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: JSON) -> bytes:
    """The value as compact UTF-8 bytes."""
    return _ENCODE(value).encode("utf-8", "surrogatepass")


def json_object(body: bytes) -> dict[str, Any]:
    """The body as an object with folded top-level names.

    Raises:
        ArmError: 400, it is no JSON object.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.unparsable_body(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise errors.unparsable_body("the body is not a JSON object")
    return {key.lower(): item for key, item in value.items()}


def optional_object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object under a folded name, empty where it is absent or null.

    Raises:
        ArmError: 400, it is something else.
    """
    inner = value.get(name)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise errors.unparsable_body(f"the property '{name}' is not an object")
    return inner


def properties(body: bytes) -> dict[str, Any]:
    """`properties` of the body with folded names; null counts as absent, as ARM's deserialiser has it.

    Raises:
        ArmError: 400, the body has no `properties` object.
    """
    value = json_object(body).get("properties")
    if not isinstance(value, dict):
        raise errors.unparsable_body("the property 'properties' is missing or is not an object")
    return {key.lower(): item for key, item in value.items() if item is not None}


def check_types(values: dict[str, JSON], types: Mapping[str, type]) -> None:
    """Refuse values that are not of the type that their property has.

    Raises:
        ArmError: 400.
    """
    for name, kind in types.items():
        if name in values and not isinstance(values[name], kind):
            raise errors.bad_value(values[name], name)
