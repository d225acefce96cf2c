"""From the events of YAML's parser to one document of plain data, with the place of every key and value.

Without recursion, so that limits on depth and size hold before anything is built, with libyaml and with PyYAML's own
parser alike. What makes a reader and a tool disagree is refused where it stands: anchors, aliases, merge keys, tags,
directives, duplicate keys, keys that are no text, further documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from reconciler.codes import FileCode, ProblemCode
from reconciler.documents.characters import describe, hidden_in_value
from reconciler.documents.document import Inside, Mark
from reconciler.documents.scalars import resolve
from reconciler.model import JSON, Source
from reconciler.problems import Problem

_MAX_PROBLEMS: Final = 50
_YAML_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep values may be nested in one file, and how many there may be."""

    depth: int = 20
    values: int = 20_000


_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class StopError(Exception):
    """Reading on would be pointless or dangerous; the reason is among the problems."""


@dataclass(slots=True, kw_only=True)
class Builder:
    """Turns events into data, beside it the place of each part. Mutable, and gone once the document is there.

    `data` and `places` are the collection that is being filled, the outermost a list of the one document; `key` is the key
    that waits for its value, `stack` what the collection lies in.
    """

    file: str
    limits: Limits
    problems: list[Problem] = field(default_factory=list)
    data: Any = field(default_factory=list)
    places: Any = field(default_factory=list)
    key: str | None = None
    key_mark: Mark = (1, 1)
    stack: list[tuple[Any, Any]] = field(default_factory=list)
    values: int = 0
    sound: bool = True
    is_one_line: bool = True
    documents: int = 0

    # --- events ---

    def add_events(self, events: Iterable[yaml.Event]) -> None:
        """Builds from all of them.

        Raises:
            StopError: reading on would be pointless or dangerous.
            yaml.YAMLError: this is not YAML.
        """
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def start_document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self.refuse(
                event,
                FileCode.YAML_DOCUMENTS,
                "a second document starts here (`---`); a file holds one",
                "move it into a file of its own",
            )
            raise StopError
        if event.version or event.tags:
            self.refuse(
                event, FileCode.YAML_DIRECTIVE, "YAML directives (`%YAML`, `%TAG`) are not read", "delete the line"
            )

    def start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self.start(event, {}, {})

    def start_sequence(self, event: yaml.SequenceStartEvent) -> None:
        self.start(event, [], [])

    def start(self, event: yaml.CollectionStartEvent, data: JSON, places: Inside) -> None:
        """Opens a collection and puts it where it belongs."""
        if event.anchor is not None or event.tag is not None:
            self.check_marks(event)
        if self.expects_key():
            self.refuse(
                event,
                FileCode.YAML_KEY,
                "a bracket or brace opens where a key should stand",
                "put the text in quotes; placeholders such as {{ x }} mean nothing here, declarations are no templates",
            )
            raise StopError
        if len(self.stack) >= self.limits.depth:
            self.refuse(
                event,
                FileCode.YAML_DEPTH,
                f"values are nested more than {self.limits.depth} deep; nothing here needs that",
                "flatten it; if brackets were pasted, look for one that is not closed",
            )
            raise StopError
        self.add(event, data, places)
        self.stack.append((self.data, self.places))
        self.data, self.places = data, places

    def end(self, event: yaml.Event) -> None:  # noqa: ARG002 - the handlers share one shape
        self.data, self.places = self.stack.pop()

    def scalar(self, event: yaml.ScalarEvent) -> None:
        """A key or a value."""
        if event.anchor is not None or event.tag is not None:
            self.check_marks(event)
        text = event.value
        if not text.isascii():  # a pair of surrogates, as JSON escapes a character beyond U+FFFF, is that character
            text = _SURROGATE_PAIR.sub(
                lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), event.value
            )
        if not text.isprintable():
            self.is_one_line = False
        value: JSON = text
        if event.implicit[0]:
            try:
                value = resolve(text)
            except ValueError as error:
                remedy = f'put it in quotes if text is meant: "{text[:60]}"'
                self.refuse(event, FileCode.YAML_NUMBER, str(error), remedy)
                self.sound = False
        elif (character := hidden_in_value(text)) is not None:
            self.refuse(
                event,
                FileCode.HIDDEN_CHARACTER,
                f"an escape spells {describe(character)}, which is refused",
                "leave it out",
            )
        if self.key is None and type(self.data) is dict:  # as `expects_key`: most events are these, and a call is dear
            self.add_key(event, text, value)
        else:
            self.add(event, value, None if value is text else text)

    def alias(self, event: yaml.AliasEvent) -> None:
        """Aliases could make a small file huge and hide what a reviewer should see."""
        self.refuse(
            event,
            FileCode.YAML_ALIAS,
            f"`*{event.anchor}` refers to another place; aliases are not read",
            "write the value out here",
        )
        self.sound = False
        if self.expects_key():
            raise StopError
        self.add(event, None, None)

    # --- parts of them ---

    def expects_key(self) -> bool:
        """Whether the next node is a key."""
        return self.key is None and type(self.data) is dict

    def add_key(self, event: yaml.ScalarEvent, text: str, value: JSON) -> None:
        """Remembers a key until its value comes."""
        mark = event.start_mark
        assert mark is not None
        self.key, self.key_mark = text, (mark.line + 1, mark.column + 1)
        if text == "<<" and event.implicit[0]:
            self.sound = False
            self.refuse(
                event,
                FileCode.YAML_MERGE,
                "`<<` merges another mapping in; merge keys are not read",
                "write the fields out",
            )
        elif value is not text:
            self.sound = False
            self.refuse(
                event,
                FileCode.YAML_KEY,
                f"the key {text or 'that is empty'} is no text in YAML",
                f'put it in quotes: "{text}":',
            )
        elif text in self.data:
            self.sound = False
            (line, _), _ = self.places[text]
            self.refuse(
                event,
                FileCode.YAML_DUPLICATE,
                f"{text!r} is written twice; the first is in line {line}",
                "keep one of the two: YAML libraries differ in which one counts",
            )

    def add(self, event: yaml.Event, value: JSON, inside: Inside) -> None:
        """Puts a value into the collection; of two with one key the first stays."""
        self.values += 1
        if self.values > self.limits.values:
            self.refuse(
                event,
                FileCode.YAML_SIZE,
                f"more than {self.limits.values:,} values in one file; nothing here needs that",
                "split the file",
            )
            raise StopError
        mark = event.start_mark
        assert mark is not None
        place = (mark.line + 1, mark.column + 1, inside)
        if self.key is None:
            self.data.append(value)
            self.places.append(place)
            return
        if self.key not in self.data:
            self.data[self.key] = value
            self.places[self.key] = self.key_mark, place
        self.key = None

    def check_marks(self, event: yaml.NodeEvent) -> None:
        """Anchors and tags change what a text means elsewhere or by convention."""
        if event.anchor is not None:
            self.refuse(
                event,
                FileCode.YAML_ANCHOR,
                f"`&{event.anchor}` names this value for use elsewhere; anchors are not read",
                "delete the anchor and write the value where it is needed",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            spelled = f"!!{tag.removeprefix(_YAML_TAG)}" if tag.startswith(_YAML_TAG) else tag
            self.refuse(
                event,
                FileCode.YAML_TAG,
                f"`{spelled}` gives the value another type; tags are not read",
                "delete the tag; put the value in quotes if text is meant",
            )

    def refuse(self, event: yaml.Event, code: ProblemCode, message: str, remedy: str) -> None:
        """Notes a problem at an event; a file with very many has its say cut short."""
        line, column = _mark(event)
        self.problems.append(Problem(source=Source(self.file, line, column), code=code, message=message, remedy=remedy))
        if len(self.problems) >= _MAX_PROBLEMS:
            raise StopError


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    assert mark is not None
    return mark.line + 1, mark.column + 1


_HANDLERS: Final[dict[type[yaml.Event], Any]] = {
    yaml.DocumentStartEvent: Builder.start_document,
    yaml.MappingStartEvent: Builder.start_mapping,
    yaml.SequenceStartEvent: Builder.start_sequence,
    yaml.MappingEndEvent: Builder.end,
    yaml.SequenceEndEvent: Builder.end,
    yaml.ScalarEvent: Builder.scalar,
    yaml.AliasEvent: Builder.alias,
}
