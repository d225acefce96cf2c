"""Edits of a declaration's file that leave every other byte as it is: comments, order, quotes, line ends.

PyYAML says where a value begins and ends, and the text between is replaced. A library that parses and writes back the
whole document (ruamel.yaml) rewraps and re-indents what nobody asked it to touch, and would be a second reader of the
same language. The caller reads the result again: an edit that means anything else is never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

from reconciler.documents.scalar_text import scalar_text

_BEFORE: Final = {"expiresOn": ("category", "scopes"), "enabled": ()}
"""Behind which field a new one goes; at the end where it is absent."""


def with_field(text: str, field: str, value: str) -> str | None:
    """The text with a scalar field of the top set to `value`, which is written as given; None where its form is beyond us."""
    mapping = _mapping(text)
    if mapping is None:
        return None
    for key, node in mapping.value:
        if key.value == field:
            start, end = node.start_mark.index, node.end_mark.index
            current = text[start:end]
            ending = current[len(current.rstrip("\r\n")) :] if current.startswith(("|", ">")) else ""
            return text[:start] + value + ending + text[end:]
    if mapping.flow_style:
        end = mapping.value[-1][1].end_mark.index
        return f"{text[:end]}, {field}: {value}{text[end:]}"
    fields = {key.value: node for key, node in mapping.value}
    last = mapping.value[-1][1]
    before = next((fields[name] for name in _BEFORE.get(field, ()) if name in fields), last)
    indent = " " * mapping.value[0][0].start_mark.column
    return _line_after(text, before.end_mark.index, f"{indent}{field}: {value}")


def with_scopes(text: str, scopes: Sequence[str]) -> str | None:
    """The text with exactly these scopes: lines of those that stay keep their place and comments."""
    mapping = _mapping(text)
    node = next((value for key, value in mapping.value if key.value == "scopes"), None) if mapping else None
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return None
    if node.flow_style:
        items = ", ".join(scalar_text(scope, in_flow=True) for scope in scopes)
        return f"{text[: node.start_mark.index]}[{items}]{text[node.end_mark.index :]}"
    wanted_keys = {scope.lower() for scope in scopes}
    present = {str(item.value).lower() for item in node.value}
    indent = " " * node.start_mark.column
    added = [f"{indent}- {scalar_text(scope)}" for scope in scopes if scope.lower() not in present]
    if added:
        text = _line_after(text, node.value[-1].end_mark.index, _newline(text).join(added))
    for item in reversed(node.value):
        if str(item.value).lower() not in wanted_keys:
            start, end = text.rfind("\n", 0, item.start_mark.index) + 1, text.find("\n", item.start_mark.index)
            text = text[:start] + (text[end + 1 :] if end >= 0 else "")
    return text


def _mapping(text: str) -> yaml.MappingNode | None:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    return node if isinstance(node, yaml.MappingNode) and node.value else None


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_after(text: str, index: int, line: str) -> str:
    """A line of its own behind the line in which a value ends. A block of text ends where the next line begins."""
    newline = _newline(text)
    if index > 0 and text[index - 1] == "\n":
        while text[index:].startswith(("\n", "\r\n")):  # what is empty still belongs to the block
            index = text.index("\n", index) + 1
        return f"{text[:index]}{line}{newline}{text[index:]}"
    end = text.find("\n", index)
    if end < 0:
        return f"{text}{newline}{line}{newline}"
    return f"{text[: end + 1]}{line}{newline}{text[end + 1 :]}"
