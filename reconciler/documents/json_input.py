"""The one door for JSON from outside: saved plans, snapshots, earlier reports, Azure's answers, tenant files.

    plan = read_json(data, origin="plan.json", remedy="save a new plan with: exempt plan --out FILE")
    plan.check_format(document="a plan", reads="1.0")
    for change in plan.member("changes").items():
        fingerprint = change.member("fingerprint").as_text()

`read_json` accepts what RFC 8259 calls interoperable JSON, within limits, and nothing else; the returned `JsonInput`
is a value with its place, whose methods say what shape is expected. Whatever is wrong raises `JsonInputError`, which
names where the JSON came from, where in it the mistake is, and what to do. No other exception leaves this module,
whatever the bytes.
"""

from __future__ import annotations

import enum
import functools
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from reconciler.documents.characters import visible
from reconciler.model import JSON
from reconciler.problems import ReconcilerError

E = TypeVar("E", bound=enum.Enum)
T = TypeVar("T")

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE_OF_ITSELF: Final = re.compile(r'\\[\\"]')
"""A backslash or a quote inside a string, and what escapes it: pairs from the left, as JSON reads them."""

_VERSION: Final = re.compile(r"([0-9]{1,6})(?:\.[0-9]{1,6})*")
_LONGEST_QUOTE: Final = 60
_BYTE_ORDER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class JsonInputError(ReconcilerError):
    """JSON from outside that cannot be used. `origin` is the file, option or address that it came from, `fault` the message
    without it.
    """

    def __init__(self, origin: str, message: str, remedy: str = "") -> None:
        super().__init__(f"{origin}: {message}", remedy)
        self.origin = origin
        self.fault = message


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """What one JSON text may hold: `size` in bytes, `depth` of nested arrays and objects, `digits` of one number."""

    size: int = 256 << 20
    depth: int = 60
    digits: int = 40


LIMITS: Final = JsonLimits()


def read_json(data: bytes | str, *, origin: str, remedy: str = "", limits: JsonLimits = LIMITS) -> JsonInput:
    """The value that a JSON text holds. `origin` is what messages call its source, `remedy` what they propose.

    Raises:
        JsonInputError: the text is too large or too deep, not UTF-8 (a byte order mark is forgiven) or not JSON, says a
            key twice in one object, or holds NaN, an infinity, half a surrogate pair or a number of too many digits.
    """
    try:
        return JsonInput(value=_parsed(data, limits), origin=origin, remedy=remedy)
    except json.JSONDecodeError as error:
        cause = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise JsonInputError(origin, f"not JSON: {cause}", remedy) from None
    except UnicodeDecodeError as error:
        encoding = "; it looks like UTF-16" if error.object.startswith(_BYTE_ORDER_MARKS) else ""
        raise JsonInputError(origin, f"not JSON: byte {error.start} is not valid UTF-8{encoding}", remedy) from None
    except ValueError as error:
        raise JsonInputError(origin, f"not usable as JSON: {error}", remedy) from None
    except RecursionError:
        raise JsonInputError(origin, _too_deep(limits), remedy) from None


def _parsed(data: bytes | str, limits: JsonLimits) -> JSON:
    if len(data) > limits.size:
        raise ValueError(f"it has {len(data):,} bytes; the limit is {limits.size:,}")
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
    value = _decoder(limits).decode(text)
    has_escapes = "\\" in text
    escaped = sum(match[0] == r"\"" for match in _ESCAPE_OF_ITSELF.finditer(text)) if has_escapes else 0
    # Every string has two quotes that are not escaped, and a key that is said again is in no object: its quotes are too many.
    if text.count('"') - escaped != 2 * _count_strings(value, limits):
        _decoder(limits, _object).decode(text)  # looks at every object, at twice the price
    if has_escapes and _SURROGATE_ESCAPE.search(text):
        # Half of a pair (`"\ud83d"` alone) is no character: no output and no file could hold it.
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ValueError(f"a text holds half of a surrogate pair, {half}") from None
    return value


@functools.cache
def _decoder(
    limits: JsonLimits, pairs_hook: Callable[[list[tuple[str, JSON]]], JSON] | None = None
) -> json.JSONDecoder:
    def integer(digits: str) -> int:
        if len(digits) > limits.digits:
            raise ValueError(f"a number has {len(digits):,} digits; the limit is {limits.digits}")
        return int(digits)

    def fraction(digits: str) -> float:
        number = float(digits)
        if not math.isfinite(number):
            raise ValueError(f"the number {digits[:_LONGEST_QUOTE]} is too large")
        return number

    return json.JSONDecoder(
        parse_int=integer, parse_float=fraction, parse_constant=_refuse_constant, object_pairs_hook=pairs_hook
    )


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """An object whose keys each stand once: of two, a reviewer may read the other one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        [(repeated, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"one object says {_quoted(repeated)} twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _count_strings(value: JSON, limits: JsonLimits) -> int:
    """How many strings a value holds, keys among them, if it is not too deep for whoever uses it to recurse into it. Level by
    level: a third of the time that parsing takes.
    """
    level, strings = [value], 0
    for _ in range(limits.depth + 1):
        others = [item for item in level if type(item) is not str]
        strings += len(level) - len(others)
        collections = [item for item in others if type(item) is dict or type(item) is list]
        if not collections:
            return strings
        level = []
        for collection in collections:
            if type(collection) is dict:
                strings += len(collection)
                level += collection.values()
            else:
                level += collection
    raise ValueError(_too_deep(limits))


def _too_deep(limits: JsonLimits) -> str:
    return f"arrays and objects are nested more than {limits.depth} deep"


# --- shapes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonInput:
    """A JSON value with the place where it stands: `path` is empty or like `changes[3].before`."""

    value: JSON
    origin: str
    remedy: str = ""
    path: str = ""

    def error(self, message: str) -> JsonInputError:
        """An error about this value, for the caller to raise: the message begins with its place."""
        return JsonInputError(self.origin, f"{self.path}: {message}" if self.path else message, self.remedy)

    def as_object(self) -> dict[str, JSON]:
        """The value, if it is an object."""
        return self._typed(dict, "an object")

    def as_list(self) -> list[JSON]:
        """The value, if it is an array."""
        return self._typed(list, "an array")

    def as_text(self) -> str:
        """The value, if it is a string."""
        return self._typed(str, "a string")

    def as_boolean(self) -> bool:
        """The value, if it is true or false."""
        return self._typed(bool, "true or false")

    def as_integer(self) -> int:
        """The value, if it is a whole number."""
        if isinstance(self.value, bool):
            raise self._unexpected("a whole number")
        return self._typed(int, "a whole number")

    def as_choice(self, kind: type[E]) -> E:
        """The member of an enum of strings that the value names."""
        try:
            return kind(self.as_text())
        except ValueError:
            raise self._unexpected("one of " + ", ".join(str(member.value) for member in kind)) from None

    def member(self, name: str) -> JsonInput:
        """The member of that name of an object, which must be there."""
        members = self.as_object()
        if name not in members:
            raise self.error(f"{_quoted(name)} is missing")
        return self._inside(f"{self.path}.{visible(name)}".removeprefix("."), members[name])

    def optional(self, name: str) -> JsonInput | None:
        """The member of that name of an object, or None where it is absent or null."""
        return None if self.as_object().get(name) is None else self.member(name)

    def items(self) -> Iterator[JsonInput]:
        """The items of an array, each with its place."""
        for index, item in enumerate(self.as_list()):
            yield self._inside(f"{self.path}[{index}]", item)

    def entries(self) -> Iterator[tuple[str, JsonInput]]:
        """The members of an object that serves as a map, each with its place."""
        for name in self.as_object():
            yield name, self.member(name)

    def check_format(self, *, document: str, reads: str) -> None:
        """Checks that an object is `document` (`a plan`) in a form that this version reads: `format_version` must have the
        major number of `reads`.
        """
        version = self.as_object().get("format_version")
        match = _VERSION.fullmatch(version) if isinstance(version, str) else None
        if match is None:
            fault = (
                "it has no format_version" if version is None else f"format_version {_quoted(version)} is no version"
            )
            raise self.error(f"not {document}: {fault}")
        if int(match[1]) != int(reads.split(".", maxsplit=1)[0]):
            tool = self.as_object().get("tool_version")
            by = f", written by exempt {visible(tool[:_LONGEST_QUOTE])}" if isinstance(tool, str) else ""
            raise JsonInputError(
                self.origin,
                f"it has format {version}{by}; this version of exempt reads {reads.split('.', maxsplit=1)[0]}.x",
                "use the version of exempt that wrote it, or make a new one with this version",
            )

    def _typed(self, kind: type[T], expected: str) -> T:
        if not isinstance(self.value, kind):
            raise self._unexpected(expected)
        return self.value

    def _unexpected(self, expected: str) -> JsonInputError:
        return self.error(f"{expected} is expected, not {_quoted(self.value)}")

    def _inside(self, path: str, value: JSON) -> JsonInput:
        return JsonInput(value=value, origin=self.origin, remedy=self.remedy, path=path)


def _quoted(value: JSON) -> str:
    """A value as messages quote it: JSON, shown in ASCII, collections by their kind."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return json.dumps(value[:_LONGEST_QUOTE]) + ("…" if len(value) > _LONGEST_QUOTE else "")
        case _:
            return json.dumps(value)
