"""Words that are nearly the same: of one stem, the beginning of one another, or a slip of the fingers apart."""

from __future__ import annotations

import bisect
import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from reconciler.documents.suggest import distance

_SUFFIXES: Final = (
    "ations",
    "ation",
    "ings",
    "ions",
    "ing",
    "ion",
    "ies",
    "ied",
    "ed",
    "es",
    "e",
    "s",
    "y",
)
_SHORTEST_STEM: Final = 4
_SHORTEST_SINGULAR: Final = 3
_SHORTEST_BEGINNING: Final = 3

_KEY_LIKE: Final = re.compile(r"[0-9a-z-]{30,42}")
_KEY_SLIPS: Final = 4

_LAST_CHARACTER: Final = chr(sys.maxunicode)
_SAME_STEM: Final = 0.95
_BEGINNING: Final = 0.75
_ONE_SLIP: Final = 0.8
_TWO_SLIPS: Final = 0.65


class Vocabulary:
    """The words that occur, and which of them a typed word may mean. Each answer maps a word to a quality up to 1.

    A query has few words, so the sorted words are searched for each of them; to index all stems would take longer.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """`words` are sorted."""
        self._words = frozenset(words)
        self._sorted = words

    def literal(self, word: str, shortest_beginning: int = 0) -> Mapping[str, float]:
        """The word itself, words of the same stem, and words that begin with it, if it is long enough for that."""
        qualities: dict[str, float] = {}
        if len(word) >= max(_SHORTEST_BEGINNING, shortest_beginning):
            qualities |= dict.fromkeys(self._beginning_with(word), _BEGINNING)
        qualities |= dict.fromkeys(self._related(word), _SAME_STEM)
        if word in self._words:
            qualities[word] = 1.0
        return qualities

    def near(self, word: str) -> Mapping[str, float]:
        """Words within one slip, or two where the word is long; only the nearest kind."""
        letters = _letters(word)
        for slips, quality in ((1, _ONE_SLIP), (2, _TWO_SLIPS)):
            if len(word) < 4 * slips:
                break
            close = [
                candidate
                for candidate in self._words
                # Lengths and letters show quickly which words could be within so many slips.
                if abs(len(candidate) - len(word)) <= slips
                and (letters ^ _letters(candidate)).bit_count() <= 2 * slips
                and distance(word, candidate, slips) <= slips
            ]
            if close:
                return {related: quality for candidate in close for related in self._related(candidate)}
        return {}

    def halves(self, word: str) -> Iterator[tuple[str, str]]:
        """Ways to read the word as two known ones run together (keyvault, appservice)."""
        for cut in range(2, len(word) - 1):
            if word[:cut] in self._words and self._related(word[cut:]):
                yield word[:cut], word[cut:]

    def _related(self, word: str) -> list[str]:
        """The words of the same stem, sorted; a word begins with its stem."""
        own = stem(word)
        return [candidate for candidate in self._beginning_with(own) if stem(candidate) == own]

    def _beginning_with(self, prefix: str) -> Sequence[str]:
        first = bisect.bisect_left(self._sorted, prefix)
        return self._sorted[first : bisect.bisect_left(self._sorted, prefix + _LAST_CHARACTER, first)]


@functools.lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """The word without its ending, cut bluntly: encrypt for encryption, encrypted and encrypts."""
    for suffix in _SUFFIXES:
        shortest = _SHORTEST_SINGULAR if suffix == "s" else _SHORTEST_STEM
        if word.endswith(suffix) and len(word) - len(suffix) >= shortest:
            return word[: -len(suffix)]
    return word


def nearest_keys(text: str, keys: Iterable[str], limit: int) -> list[str]:
    """The keys a few slips away from something that is meant to be a key, nearest first."""
    if not _KEY_LIKE.fullmatch(text):
        return []
    blocks = set(text.split("-"))  # so few slips leave one of the five blocks as it was
    distances = ((distance(text, key, _KEY_SLIPS), key) for key in keys if not blocks.isdisjoint(key.split("-")))
    return [key for slips, key in sorted(distances) if slips <= _KEY_SLIPS][:limit]


def _letters(word: str) -> int:
    """The letters and digits of a word as a set of bits."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) - 48)
    return bits
