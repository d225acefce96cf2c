"""Finds recommendations, policies and initiatives by the words that people use, best first, forgiving typos.

Each word of a query is matched against the words of titles: equal, of one stem, a beginning, a known abbreviation, two
words run together, or a near miss in spelling. Rare words weigh more than common ones, and what can be exempted comes
before what cannot. Resemblance serves people only: a declaration is never resolved by it.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from reconciler.catalog.facts import Environment, Obstacle, Recommendation
from reconciler.catalog.spelling import Vocabulary
from reconciler.catalog.synonyms import other_words

SearchItem: TypeAlias = Recommendation | str
"""What an entry stands for; a policy or an initiative is given by its folded id, so that it is read only when shown."""

Postings: TypeAlias = Mapping[int, float]
"""Entry number → how well it matches, from 0 to 1."""

_TITLE: Final = 1.0
_POLICY_TITLE: Final = 0.6
_RESOURCE_TYPE: Final = 0.5
_ABBREVIATED: Final = 0.95

_SPACES: Final = bytes(
    byte if byte > 127 or chr(byte).isalnum() or byte == ord("\n") else ord(" ") for byte in range(256)
)
"""Every sign of ASCII that is in no word becomes a space; a line stays a line. Bytes translate quickest."""

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


class Entry(NamedTuple):
    """Something to look for: its title, further texts that weigh less, and its standing among equals."""

    item: SearchItem
    identifiers: tuple[str, ...]
    title: str
    policy_titles: str = ""
    resource_types: str = ""
    standing: float = 0.0


class _Field:
    """One field of all entries as a text with a line for each, to look for words in.

    A command searches once, for few words: looking through the text for them takes a tenth of the time that it takes to
    note of each word where it stands.
    """

    def __init__(self, weight: float, texts: Iterable[str]) -> None:
        self.weight = weight
        self.text = _spaced(" " + " \n ".join(texts) + " ")
        self._ends = list(itertools.accumulate(len(line) + 1 for line in self.text.split("\n")))

    def entries_with(self, word: str) -> Iterator[int]:
        """The numbers of the entries that have the word."""
        bounded = f" {word} "
        place = self.text.find(bounded)
        while place >= 0:
            number = bisect.bisect_right(self._ends, place)
            yield number
            place = self.text.find(bounded, self._ends[number])


class Index:
    """All entries by their words. Built once for a catalogue, on the first search."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._fields = (
            _Field(_RESOURCE_TYPE, (entry.resource_types for entry in self._entries)),
            _Field(_POLICY_TITLE, (entry.policy_titles for entry in self._entries)),
            _Field(_TITLE, (entry.title for entry in self._entries)),
        )
        self._remembered: dict[str, Postings] = {}
        self._vocabulary = Vocabulary(set[str]().union(*(field.text.split() for field in self._fields)))

    def search(self, text: str, limit: int) -> list[tuple[float, SearchItem]]:
        """The best `limit` entries for a query with how well they fit, best first; equal ones by title."""
        exact = self._by_identifier(text.strip().lower())
        scores = exact or self._by_words(text)
        ranked = sorted(scores.items(), key=lambda item: (-item[1], self._entries[item[0]].title.casefold()))
        return [(score, self._entries[number].item) for number, score in ranked[:limit]]

    def _by_identifier(self, text: str) -> dict[int, float]:
        """Entries whose key or name begins so; at least a GUID's first block, or it would hide a word."""
        if len(text) < 8 or " " in text:
            return {}
        return {
            number: 2.0 + entry.standing
            for number, entry in enumerate(self._entries)
            if any(identifier.startswith(text) for identifier in entry.identifiers)
        }

    def _by_words(self, text: str) -> dict[int, float]:
        words = _meaningful(_words(text))
        terms = [self._term(word, words) for word in words]
        weights = [_rarity(len(term), len(self._entries)) for term in terms]
        total = sum(weights)
        scores: dict[int, float] = defaultdict(float)
        for term, weight in zip(terms, weights, strict=True):
            for number, quality in term.items():
                scores[number] += quality * weight / total
        enough = max(_LEAST, _BESIDE_THE_BEST * max(scores.values(), default=0.0))
        return {number: score + self._closeness(number, words) for number, score in scores.items() if score >= enough}

    def _closeness(self, number: int, words: list[str]) -> float:
        """Decides among equals: standing first, then how much of the title the query says."""
        entry = self._entries[number]
        return entry.standing + 0.1 * min(1.0, len(words) / (1 + len(_meaningful(_words(entry.title)))))

    def _term(self, word: str, words: list[str]) -> Postings:
        """How well each entry matches one word of the query, in the best of all ways to say it."""
        best = dict(self._word(word))
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

    def _word(self, word: str) -> Postings:
        literal = self._literal(word)
        if literal:
            return literal
        for first, second in self._vocabulary.halves(word):
            together = self._phrase((first, second))
            if together:
                return together
        # People name the fault, titles the remedy: unencrypted disks, encrypted disks.
        remedy = self._literal(word[2:]) if word.startswith("un") else {}
        return remedy or self._with(self._vocabulary.near(word))

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


def recommendation_entry(recommendation: Recommendation, policy_titles: Iterable[str]) -> Entry:
    """How a recommendation is found: by key, title, the titles of its policies and its resource types."""
    titles = " ".join((*policy_titles, *recommendation.former_titles))
    identifiers = (recommendation.key,) if recommendation.key else ()
    # What can be exempted before what cannot, Azure before other clouds, what is current before what is
    # deprecated.
    is_elsewhere = recommendation.environment in {Environment.AWS, Environment.GCP}
    standing = 0.1 if recommendation.exemptable and not is_elsewhere else 0.0
    standing += 0.04 if recommendation.environment is Environment.AZURE else -0.06
    standing -= 0.12 * (not {Obstacle.DEPRECATED, Obstacle.RETIRED}.isdisjoint(recommendation.obstacles))
    return Entry(
        item=recommendation,
        identifiers=identifiers,
        title=recommendation.title,
        policy_titles=titles,
        resource_types=" ".join(recommendation.resource_types),
        standing=standing - 0.03 * (not recommendation.key) - 0.03 * (Obstacle.SUSPECT_KEY in recommendation.obstacles),
    )


def policy_entry(identifier: str, title: str, resource_types: Iterable[str], standing: float) -> Entry:
    """How a policy is found: by its name, title and resource types."""
    name = identifier.rsplit("/", 1)[-1]
    return Entry(identifier, (name,), title, resource_types=" ".join(resource_types), standing=standing)


def policy_standing(*, behind: bool, in_benchmark: bool, deprecated: bool, manual: bool) -> float:
    """One `behind` a known recommendation comes after that; one that Defender's own initiative has (`in_benchmark`) is
    shown to people as a recommendation whose key is not public, so it comes before the others.
    """
    return (-0.04 if behind else 0.04 if in_benchmark else -0.06) - 0.1 * deprecated - 0.12 * manual


def initiative_entry(identifier: str, title: str) -> Entry:
    """How an initiative is found: by its name and title."""
    return Entry(identifier, (identifier.rsplit("/", 1)[-1],), title, standing=0.05)


def _words(text: str) -> list[str]:
    return _spaced(text).split()


def _spaced(text: str) -> str:
    return text.casefold().encode(errors="replace").translate(_SPACES).decode()


def _meaningful(words: list[str]) -> list[str]:
    """The words that distinguish titles, each once; all of them where none does."""
    distinctive = [word for word in words if word not in _COMMON]
    return list(dict.fromkeys(distinctive or words))


def _rarity(matches: int, entries: int) -> float:
    """How much a word says: much where few entries have it."""
    return math.log(1 + entries / matches) if matches else _UNHEARD
