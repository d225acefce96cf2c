"""Rewrites what a declaration names where Microsoft has retired it and something serves in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import yaml

from reconciler.catalog import Catalogue
from reconciler.catalog.retirement import (
    ReplacementField,
    is_declarable,
    replacement,
    retirement_cause,
    retirement_remedy,
)
from reconciler.codes import RuleCode
from reconciler.documents.document import Document, Path, dotted
from reconciler.documents.strict import events
from reconciler.model import Severity
from reconciler.problems import Problem

_FIELD: Final = "recommendation"
_LIST: Final = "recommendations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """The text of a declaration after migration. `problem` says why a retired recommendation stays as it is."""

    text: str
    problem: Problem | None = None


def migrate(text: str, document: Document, catalogue: Catalogue) -> Migration:
    """The declaration's text with each retired recommendation replaced by its successor or category.

    Comments and everything else stay. A declaration of something else, or of what the catalogue does not know, is
    returned as it is. In a list only a successor can stand.
    """
    paths: list[Path] = [(_FIELD,)] if _FIELD in document.data else []
    paths += [(_LIST, index) for index in range(len(document.data.get(_LIST, ())))]
    problem: Problem | None = None
    for path in paths:
        recommendations = catalogue.find(str(document.at(path)))
        retirement = recommendations[0].retirement if len(recommendations) == 1 else None
        if retirement is None:
            continue
        instead = replacement(retirement)
        is_declarable_here = instead is not None and is_declarable(instead, catalogue)
        if instead and is_declarable_here and len(path) == 1:
            text = _with_field(text, instead.field.value, instead.value)
        elif instead and is_declarable_here and instead.field is ReplacementField.RECOMMENDATION:
            text = _with_item(text, int(path[1]), instead.value)
        else:
            problem = problem or Problem(
                source=document.place(path) if len(path) > 1 else document.key_place(path),
                code=RuleCode.OBSTACLE_RETIRED,
                message=f"{recommendations[0].title!r} cannot be migrated. {retirement_cause(retirement)}",
                remedy=retirement_remedy(recommendations[0], catalogue, is_listed=len(path) > 1),
                path=dotted(path),
                severity_override=Severity.WARNING,
            )
    return Migration(text=text, problem=problem)


def _with_item(text: str, index: int, value: str) -> str:
    """The text with another value for one item of the list of recommendations."""
    depth, items, is_key, is_next = 0, -1, False, False
    for event in events(text):
        if depth == 1 and isinstance(event, yaml.SequenceStartEvent) and is_next:
            items = 0
        elif items >= 0 and isinstance(event, yaml.ScalarEvent):
            if items == index:
                begin, end = _span(text, event)
                return text[:begin] + value + ("\n" if event.style in {"|", ">"} else "") + text[end:]
            items += 1
        if depth == 1 and not isinstance(event, yaml.CollectionEndEvent):
            is_key = not is_key
            is_next = is_key and isinstance(event, yaml.ScalarEvent) and event.value == _LIST
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
    raise AssertionError("a declaration that lists recommendations has that field")


def _with_field(text: str, name: str, value: str) -> str:
    """The text with another name and value for the field of the outermost mapping that names the recommendation."""
    depth, is_key = 0, False
    key: yaml.ScalarEvent | None = None
    for event in events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        if depth == 1:
            is_key = not is_key
            if key is not None and isinstance(event, yaml.ScalarEvent):
                ends_line = "\n" if event.style in {"|", ">"} else ""
                (key_from, key_to), (value_from, value_to) = (_span(text, scalar) for scalar in (key, event))
                return text[:key_from] + name + text[key_to:value_from] + value + ends_line + text[value_to:]
            key = event if is_key and isinstance(event, yaml.ScalarEvent) and event.value == _FIELD else None
        depth += isinstance(event, yaml.CollectionStartEvent)
    raise AssertionError("a declaration that names a recommendation has that field")


def _span(text: str, event: yaml.Event) -> tuple[int, int]:
    """Where an event begins and ends in the text."""
    starts = [0, *(place + 1 for place, character in enumerate(text) if character == "\n")]
    first, last = event.start_mark, event.end_mark
    assert first is not None
    assert last is not None
    return starts[first.line] + first.column, starts[last.line] + last.column
