"""Strict YAML: one document of plain data, with the place of every key and value, from the parser's events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from reconciler.codes import FileCode
from reconciler.documents.builder import Builder, Limits, StopError
from reconciler.documents.document import Document
from reconciler.documents.syntax import syntax_problem
from reconciler.model import Source
from reconciler.problems import Problem

EMPTY: Final = FileCode.EMPTY
"""The code of the problem that a file says nothing: who reads it knows best what should be there."""

LIMITS: Final = Limits()


def parse(
    text: str, file: str, limits: Limits = LIMITS, *, accelerated: bool = True, may_be_empty: bool = False
) -> tuple[Document | None, tuple[Problem, ...]]:
    """Reads one document. Without one, the problems say why; with problems, it is there to look for more."""
    builder = Builder(file=file, limits=limits)
    try:
        builder.add_events(events(text, accelerated=accelerated))
    except StopError:
        return None, tuple(builder.problems)
    except yaml.MarkedYAMLError as error:
        return None, (*builder.problems, syntax_problem(error, text, file))
    except yaml.YAMLError as error:
        return None, (
            *builder.problems,
            Problem(source=Source(file), code=FileCode.YAML, message=f"this is not YAML: {error}".split("\n", 1)[0]),
        )
    return _document(builder, may_be_empty=may_be_empty), tuple(builder.problems)


def _document(builder: Builder, *, may_be_empty: bool) -> Document | None:
    """What was read, if it is a mapping."""
    root, top = (builder.data[0], builder.places[0]) if builder.data else (None, (1, 1, {}))
    if root is None and may_be_empty:
        return Document(file=builder.file, data={}, start=(1, 1), find_top=lambda: (1, 1, {}), sound=builder.sound)
    if isinstance(root, dict):
        return Document(
            file=builder.file,
            data=root,
            start=top[:2],
            find_top=lambda: top,
            sound=builder.sound,
            is_one_line=builder.is_one_line,
        )
    if root is None:
        builder.problems.append(
            Problem(
                source=Source(builder.file),
                code=EMPTY,
                message="the file holds nothing",
                remedy="write its fields, or delete the file",
            )
        )
    else:
        kind = "a list" if isinstance(root, list) else "a single value"
        builder.problems.append(
            Problem(
                source=Source(builder.file, *top[:2]),
                code=FileCode.NOT_A_MAPPING,
                message=f"the file holds {kind}, not fields with values",
                remedy="write one `field: value` a line",
            )
        )
    return None


_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def events(text: str, *, accelerated: bool = True) -> Iterator[yaml.Event]:
    """The parser's events, by libyaml where it is there; it refuses the escapes by which JSON writes an emoji."""
    libyaml: Any = getattr(yaml, "cyaml", None)
    is_for_libyaml = accelerated and libyaml is not None and not _SURROGATE_ESCAPE.search(text)
    # The parser alone: a loader is also made ready to build Python's values from what it reads.
    return iter((libyaml.CParser if is_for_libyaml else yaml.SafeLoader)(text).get_event, None)
