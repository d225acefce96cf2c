"""Finds recommendations, policies and initiatives by the words that people use, best first, forgiving typos.

Each word of a query is matched against the words of titles: equal, of one stem, a beginning, a known abbreviation, two
words run together, or a near miss in spelling. Rare words weigh more than common ones, and what can be exempted comes
before what cannot. Resemblance serves people only: a declaration is never resolved by it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from reconciler.catalog.spelling import Vocabulary
from reconciler.catalog.synonyms import other_words

Postings: TypeAlias = Mapping[int, float]
"""Entry number → how well it matches, from 0 to 1."""

_TITLE: Final = 1.0
_POLICY_TITLE: Final = 0.6
_RESOURCE_TYPE: Final = 0.5
_ABBREVIATED: Final = 0.95
_RULE: Final = "\n----\n"

_SPACES: Final = bytes(byte if byte > 127 or chr(byte).isalnum() else ord(" ") for byte in range(256))
"""Every sign of ASCII that is in no word becomes a space. Bytes translate quickest."""

_COMMON: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "is",
        "it",
        "not",
        "of",
        "on",
        "only",
        "or",
        "should",
        "that",
        "the",
        "to",
        "use",
        "used",
        "using",
        "with",
        "without",
        "your",
        "microsoft",
    ]
)
_UNHEARD: Final = 1.0
"""The weight of a word that no entry has: it says something, but less than any word that some have."""
_LEAST: Final = 0.2
_BESIDE_THE_BEST: Final = 0.5
_SHORTEST_LIKELY: Final = 5
"""Where a proposal must be near: a shorter word's first letters, or a slip in one not longer, say little."""

_SHORTEST_HALF: Final = 3
_NEARLY_ALL: Final = 2 / 3
_AS_LIKELY: Final = 0.8
_MANY: Final = 10


class Entry(NamedTuple):
    """Something to look for: a folded title without a key, a key, or the folded id of a policy or initiative; its rank
    among equals; and its words, as `spaced` makes them, of which those of the title weigh most.
    """

    item: str
    rank: float
    title: str
    policy_titles: str = ""
    resource_types: str = ""


def index_text(entries: Iterable[Entry]) -> str:
    """What `Index` looks through: for each field of the entries, sorted by title, a line an entry; then all words."""
    fields = tuple(zip(*entries, strict=True))
    words = {word for texts in fields[2:] for text in texts for word in text.split()}
    return _RULE.join([*("\n".join(map(str, texts)) for texts in fields), " ".join(sorted(words))])


class _Field:
    """One field of all entries as a text with a line for each, to look for words in.

    A command searches once, for few words: looking through the text for them takes a tenth of the time that it takes to
    note of each word where it stands.
    """

    def __init__(self, weight: float, lines: str) -> None:
        self.weight = weight
        self._text = " " + lines.replace("\n", " \n ") + " "

    def entries_with(self, word: str) -> Iterator[int]:
        """The numbers of the entries that have the word."""
        bounded, number, end = f" {word} ", 0, 0
        while (place := self._text.find(bounded, end)) >= 0:
            number += self._text.count("\n", end, place)
            yield number
            end = self._text.find("\n", place)
            if end < 0:
                return


class Index:
    """Entries by their words. `text` is as `index_text` makes it."""

    def __init__(self, text: str) -> None:
        items, standings, titles, policy_titles, resource_types, words = text.split(_RULE)
        self._items = items.split("\n")
        self._standings = standings.split("\n")
        self._titles = titles.split("\n")
        self._fields = (
            _Field(_RESOURCE_TYPE, resource_types),
            _Field(_POLICY_TITLE, policy_titles),
            _Field(_TITLE, titles),
        )
        self._remembered: dict[str, Postings] = {}
        self._vocabulary = Vocabulary(words.split())

    def search(self, text: str, limit: int) -> list[tuple[float, str]]:
        """The best `limit` entries for a query with how well they fit, best first; equal ones by title."""
        scores: dict[int, float] = {}
        beginning = text.strip().lower()
        if len(beginning) >= 8 and " " not in beginning:  # a GUID's first block at least, or it would hide a word
            scores = {
                number: 2.0 + float(self._standings[number])
                for number, item in enumerate(self._items)
                if " " not in item and item.rpartition("/")[2].startswith(beginning)
            }
        scores = scores or self._by_words(text)
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        return [(score, self._items[number]) for number, score in ranked[:limit]]

    def likely(self, text: str, limit: int) -> list[tuple[float, str]]:
        """What a text that names nothing probably means, best first, for a message: entries that have nearly all of its
        words, none only by a slip in a short word or by its first letters. Empty where as much speaks for many of them.
        """
        words = [word for word in _meaningful(spaced(text).split()) if not word.isdecimal()]
        terms = [self._term(word, words, is_strict=True) for word in words]
        matched = Counter(number for term in terms for number in term)
        hits = [
            (score, self._items[number])
            for number, score in sorted(self._scored(words, terms).items(), key=lambda item: (-item[1], item[0]))
            if matched[number] >= _NEARLY_ALL * len(words)
        ]
        near = [hit for hit in hits if hit[0] >= _AS_LIKELY * hits[0][0]]
        return near[:limit] if len(near) <= _MANY else []

    def _by_words(self, text: str) -> dict[int, float]:
        words = _meaningful(spaced(text).split())
        return self._scored(words, [self._term(word, words) for word in words])

    def _scored(self, words: list[str], terms: list[Postings]) -> dict[int, float]:
        # A word says much where few entries have it.
        weights = [math.log(1 + len(self._items) / len(term)) if term else _UNHEARD for term in terms]
        total = sum(weights)
        scores: dict[int, float] = defaultdict(float)
        for term, weight in zip(terms, weights, strict=True):
            for number, quality in term.items():
                scores[number] += quality * weight / total
        enough = max(_LEAST, _BESIDE_THE_BEST * max(scores.values(), default=0.0))
        close: dict[int, float] = {}
        for number, score in scores.items():
            if score >= enough:  # among equals the rank decides first, then how much of the title the query says
                title = _meaningful(self._titles[number].split())
                share = min(1.0, len(words) / (1 + len(title)))
                close[number] = score + (float(self._standings[number]) + 0.1 * share)
        return close

    def _term(self, word: str, words: list[str], *, is_strict: bool = False) -> Postings:
        """How well each entry matches one word of the query, in the best of all ways to say it."""
        best = dict(self._word(word, is_strict=is_strict))
        for phrase in other_words(word, words):
            for number, quality in self._phrase(phrase).items():
                best[number] = max(best.get(number, 0.0), _ABBREVIATED * quality)
        return best

    def _phrase(self, words: tuple[str, ...]) -> Postings:
        """Entries that have every word of a phrase, as well as the worst of them fits."""
        postings = [self._literal(word) for word in words]
        common = set(postings[0]).intersection(*postings[1:])
        return {number: min(posting[number] for posting in postings) for number in common}

    def _literal(self, word: str) -> Postings:
        return self._with(self._vocabulary.literal(word))

    def _word(self, word: str, *, is_strict: bool) -> Postings:
        """The entries that have the word, or what it probably means; if strict, not by its first letters or a slip where
        that leaves little of it.
        """
        shortest = _SHORTEST_LIKELY if is_strict else 0
        literal = self._with(self._vocabulary.literal(word, shortest))
        if literal:
            return literal
        for halves in self._vocabulary.halves(word):
            if is_strict and min(map(len, halves)) < _SHORTEST_HALF:
                continue  # protecton is protection misspelt before it is "protect on"
            together = self._phrase(halves)
            if together:
                return together
        # People name the fault, titles the remedy: unencrypted disks, encrypted disks.
        remedy = self._literal(word[2:]) if word.startswith("un") else {}
        return remedy or (self._with(self._vocabulary.near(word)) if len(word) > shortest else {})

    def _with(self, qualities: Mapping[str, float]) -> Postings:
        """The entries that have any of these words, as well as the best of them fits."""
        best: dict[int, float] = {}
        for word, quality in qualities.items():
            # The entries that have a word, in the field where it weighs most.
            if word not in self._remembered:
                self._remembered[word] = {
                    number: field.weight for field in self._fields for number in field.entries_with(word)
                }
            for number, weight in self._remembered[word].items():
                best[number] = max(best.get(number, 0.0), quality * weight)
        return best


def spaced(text: str) -> str:
    """The folded text with spaces for all that is in no word."""
    return text.casefold().encode(errors="replace").translate(_SPACES).decode()


def _meaningful(words: list[str]) -> list[str]:
    """The words that distinguish titles, each once; all of them where none does."""
    distinctive = [word for word in words if word not in _COMMON]
    return list(dict.fromkeys(distinctive or words))
