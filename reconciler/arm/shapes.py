"""Members of JSON objects, each of the type that is expected: the fast way for the many objects of Azure's answers.

What is absent or null is empty. Anything of another type raises `ShapeError`, which says where in the object; whoever
knows where the object came from adds that.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model import JSON


class ShapeError(ValueError):
    """A JSON value of another type than expected; the message says where in its object."""


def as_object(value: JSON, where: str = "") -> Mapping[str, JSON]:
    """The value, if it is an object; empty where it is null."""
    if value is None:
        return {}
    if type(value) is not dict:
        raise _unexpected(where, "an object", value)
    return value


def object_in(parent: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    """A member that is an object."""
    return as_object(parent.get(name), name)


def list_in(parent: Mapping[str, JSON], name: str) -> list[JSON]:
    """A member that is a list, of whatever."""
    value = parent.get(name)
    if value is None:
        return []
    if type(value) is not list:
        raise _unexpected(name, "a list", value)
    return value


def objects_in(parent: Mapping[str, JSON], name: str) -> list[Mapping[str, JSON]]:
    """A member that is a list of objects."""
    values = list_in(parent, name)
    for value in values:
        if type(value) is not dict:
            raise _unexpected(name, "a list of objects", value)
    return values


def texts_in(parent: Mapping[str, JSON], name: str) -> tuple[str, ...]:
    """A member that is a list of strings."""
    values = list_in(parent, name)
    for value in values:
        if type(value) is not str:
            raise _unexpected(name, "a list of strings", value)
    return tuple(values)


def text_in(parent: Mapping[str, JSON], name: str) -> str:
    """A member that is a string."""
    value = parent.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise _unexpected(name, "a string", value)
    return value


def required_text(parent: Mapping[str, JSON], name: str) -> str:
    """A member that is a string and says something."""
    value = text_in(parent, name)
    if not value:
        raise ShapeError(f"{name} is missing")
    return value


def _unexpected(where: str, expected: str, value: JSON) -> ShapeError:
    kind = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}.get(type(value), "a number")
    return ShapeError(f"{where or 'the object'}: {expected} is expected, not {kind}")
