"""Splits a Kusto query into tokens, and says where it stops making sense."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
      | (?P<text>@'(?:[^']|'')*'|@"(?:[^"]|"")*"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
      | (?P<span>\d+(?:\.\d+)?(?:microseconds?|milliseconds?|ms|seconds?|sec|s|minutes?|min|m|hours?|hr|h|days?|d|ticks?)\b)
      | (?P<number>\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+)
      | (?P<name>[$A-Za-z_]\w*)
      | (?P<mark>!between\b|!contains_cs\b|!contains\b|!startswith_cs\b|!startswith\b|!endswith_cs\b|!endswith\b
          |!has_cs\b|!has\b|!in~|!in\b|==|!=|=~|!~|<=|>=|\.\.|[-+*/%<>=|,.()\[\]{}:;~!])""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)

_RESERVED: Final = frozenset(
    [
        "and",
        "or",
        "startswith",
        "endswith",
        "between",
        "asc",
        "desc",
        "first",
        "last",
        "project",
        "union",
        "true",
        "false",
        "int",
        "long",
        "real",
        "double",
        "string",
        "datetime",
        "date",
        "timespan",
        "time",
        "dynamic",
        "decimal",
        "has_any",
        "has_all",
        "has_cs",
        "hasprefix",
        "hassuffix",
        "bagexpansion",
    ]
)
"""Words that are no names unless they stand in brackets; before a parenthesis they are functions."""

_RESERVED_MEMBERS: Final = frozenset(
    [
        "in",
        "has",
        "contains",
        "by",
        "of",
        "to",
        "where",
        "set",
        "datatable",
        "print",
        "invoke",
        "find",
        "search",
        "sample",
        "as",
        "toscalar",
        "materialize",
    ]
)
"""Further words that are no names behind a dot."""

DEPTH_LIMIT: Final = 60
"""How deep expressions and sub-queries may nest, and how long a chain of one operator may be is a multiple of it."""

LENGTH_LIMIT: Final = 50_000
"""Tokens of a query."""


class QueryError(ValueError):
    """The query cannot be read: at which line and column, and the token that does not fit."""

    def __init__(self, text: str, position: int, token: str) -> None:
        super().__init__(f"cannot read the query at {token!r}")
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1)
        self.token = token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the query. `kind` is text, span, number, name, mark or end."""

    kind: str
    text: str
    position: int


class Tokens:
    """The query's tokens, read one after the other."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens: list[Token] = []
        self._next = 0
        self._depth = 0
        position = 0
        while position < len(query):
            match = _TOKEN.match(query, position)
            if not match or not match.lastgroup or len(self._tokens) > LENGTH_LIMIT:
                raise QueryError(query, position, query[position])
            if match.lastgroup != "space":
                self._tokens.append(Token(kind=match.lastgroup, text=match.group(), position=position))
            position = match.end()
        self._tokens.append(Token(kind="end", text="<EOF>", position=len(query)))

    @property
    def ahead(self) -> Token:
        """The next token, not taken yet."""
        return self._tokens[self._next]

    def after(self, count: int) -> Token:
        """The token that many behind the next one."""
        return self._tokens[min(self._next + count, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next token.

        Raises:
            QueryError: it is a number to which letters stick.
        """
        token, follower = self.ahead, self.after(1)
        if token.kind == "number" and follower.kind == "name" and follower.position == token.position + len(token.text):
            raise self.error(token)
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def accept(self, *texts: str) -> str | None:
        """The next token if it is a name or mark among these; else nothing is taken."""
        if self.ahead.kind in {"name", "mark"} and self.ahead.text in texts:
            return self.take().text
        return None

    def expect(self, *texts: str) -> str:
        """The next token, which must be one of these.

        Raises:
            QueryError: it is another.
        """
        text = self.accept(*texts)
        if text is None:
            raise self.error()
        return text

    def name(self) -> str:
        """The next token, which must be a name: plain, or quoted in brackets (`['a name']`)."""
        if self.ahead.text == "[" and self.after(1).kind == "text" and self.after(2).text == "]":
            self.take()
            name = unquoted(self.take().text)
            self.take()
            return name
        if self.ahead.kind != "name" or (self.ahead.text in _RESERVED and self.after(1).text != "("):
            raise self.error()
        return self.take().text

    def member(self) -> str:
        """The next token, which must be a name behind a dot: some words of the language are none there either.

        Raises:
            QueryError: it is another.
        """
        if self.ahead.text in _RESERVED | _RESERVED_MEMBERS:
            raise self.error()
        return self.name()

    def skip_to(self, position: int) -> None:
        """Go on behind a literal that was read from the text itself."""
        while self.ahead.kind != "end" and self.ahead.position < position:
            self._next += 1

    def deeper(self, step: int) -> None:
        """Count a level of nesting up or down.

        Raises:
            QueryError: it is one too many.
        """
        self._depth += step
        if self._depth > DEPTH_LIMIT:
            raise self.error()

    def error(self, token: Token | None = None) -> QueryError:
        """That a token (by default the next) does not fit."""
        token = token or self.ahead
        return QueryError(self.query, token.position, token.text)

    def error_at(self, position: int) -> QueryError:
        """That the token at a position does not fit."""
        token = next((token for token in self._tokens if token.position >= position), self.ahead)
        return self.error(token)


def unquoted(text: str) -> str:
    """The value of a string literal."""
    if text.startswith("@"):
        return text[2:-1].replace(text[1] * 2, text[1])
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPES.get(m[2], m[2]), text[1:-1])
