"""JSON as ARM writes it (compact, not escaped beyond need) and as it reads it (names of any casing)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from reconciler.emulator import errors
from reconciler.model import JSON

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def encode(value: JSON) -> bytes:
    """The value as compact UTF-8 bytes. Half a surrogate pair, which no UTF-8 has, goes out as a question mark."""
    return _ENCODE(value).encode("utf-8", "replace")


def decode(text: str | bytes) -> JSON:
    """JSON as the standard has it: no NaN or infinite numbers, no halves of surrogate pairs, no endless nesting.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _SURROGATE.search(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("it holds half a surrogate pair, which is no character") from None
    return value


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def json_object(body: bytes) -> dict[str, Any]:
    """The body as an object with folded top-level names.

    Raises:
        ArmError: 400, it is no JSON object.
    """
    try:
        value = decode(body)
    except ValueError as error:
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
