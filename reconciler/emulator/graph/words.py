"""Reads a query's text word by word, and says where it stops making sense."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
      | (?P<text>@?'(?:[^'\\]|\\.)*'|@?"(?:[^"\\]|\\.)*")
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_$][\w$-]*(?<!-)|!(?:contains|startswith|endswith|has|in)\b)
      | (?P<mark>==|!=|=~|!~|<=|>=|[-+*/<>=|,.()\[\]{}~!])""",
    re.VERBOSE,
)


class QueryError(ValueError):
    """The query cannot be read: at which line and column, and the token that does not fit."""

    def __init__(self, text: str, position: int, token: str) -> None:
        super().__init__(f"cannot read the query at {token!r}")
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1)
        self.token = token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word of the query. `kind` is text, number, name, mark or end."""

    kind: str
    text: str
    position: int


class Words:
    """The query's words, read one after the other."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._words: list[Token] = []
        self._next = 0
        position = 0
        while position < len(query):
            found = _TOKEN.match(query, position)
            if not found or not found.lastgroup:
                raise QueryError(query, position, query[position])
            if found.lastgroup != "space":
                self._words.append(Token(kind=found.lastgroup, text=found.group(), position=position))
            position = found.end()
        self._words.append(Token(kind="end", text="<EOF>", position=len(query)))

    @property
    def ahead(self) -> Token:
        """The next word, not taken yet."""
        return self._words[self._next]

    @property
    def position(self) -> int:
        """Where the next word begins."""
        return self.ahead.position

    def since(self, start: int) -> str:
        """The query's text from there to the next word."""
        return self._query[start : self.position].strip()

    def take(self) -> Token:
        """The next word."""
        word = self.ahead
        self._next = min(self._next + 1, len(self._words) - 1)
        return word

    def accept(self, *texts: str) -> str | None:
        """The next word if it is one of these (case does not matter), folded; else nothing is taken."""
        if self.ahead.kind in {"name", "mark"} and self.ahead.text.lower() in texts:
            return self.take().text.lower()
        return None

    def expect(self, *texts: str) -> str:
        """The next word, which must be one of these.

        Raises:
            QueryError: it is another.
        """
        found = self.accept(*texts)
        if found is None:
            raise self.error()
        return found

    def name(self) -> str:
        """The next word, which must be a name."""
        if self.ahead.kind != "name":
            raise self.error()
        return self.take().text

    def error(self) -> QueryError:
        """That the next word does not fit."""
        return QueryError(self._query, self.ahead.position, self.ahead.text)
