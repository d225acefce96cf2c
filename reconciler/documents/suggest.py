"""The nearest to a mistyped word, and the question that messages put to the user: `did you mean A or B?`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_LONGEST: Final = 100
"""What is longer is no typo, and comparing it takes long."""
_LIKENESS: Final = 0.6
_ALIKE: Final = 10
_MOST_SLIPS: Final = 4
_SHORTEST_PART: Final = 3
_PARTS: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None where none is near. Case is forgiven."""
    return next(iter(nearest_few(word, candidates, 1)), None)


def nearest_few(word: str, candidates: Iterable[str], limit: int) -> list[str]:
    """The known words that were most likely meant, best first: the same but for case, few slips away, an abbreviation, or
    one part of the other. A far one is worse than none: it sends people the wrong way.
    """
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    folded = {candidate.casefold(): candidate for candidate in candidates}
    typed, word = word[:_LONGEST], word[:_LONGEST].casefold()
    if word in folded:
        return [folded[word]]
    alike = difflib.get_close_matches(word, folded, n=max(limit, _ALIKE), cutoff=_LIKENESS)
    near = [candidate for candidate in alike if _is_slip(word, candidate) or _shortens(word, candidate)]
    if not near:
        near = [key for key, candidate in folded.items() if _is_part(typed, candidate) or _is_part(candidate, typed)]
    return [folded[candidate] for candidate in near[:limit]]


def _is_slip(word: str, candidate: str) -> bool:
    """Whether they are so few slips apart that most of the letters stand where they should."""
    longest = max(len(word), len(candidate))
    limit = 1 if longest == _SHORTEST_PART else min(_MOST_SLIPS, (longest - 1) // 3)
    return distance(word, candidate, limit) <= limit


def _shortens(word: str, candidate: str) -> bool:
    """Whether one is the other with letters left out behind the first, at most half of them: fmt for format."""
    short, long = sorted((word, candidate), key=len)
    letters = iter(long)
    return short[:1] == long[:1] and 2 * len(short) >= len(long) and all(letter in letters for letter in short)


def _is_part(part: str, whole: str) -> bool:
    """Whether the whole begins or ends with it, or has it among its words: scope in resourceScope, legacy-sql in legacy-sql-tde."""
    if len(part) < _SHORTEST_PART:
        return False
    words = _PARTS.findall(_HUMP.sub(" ", whole).casefold())
    parts = _PARTS.findall(_HUMP.sub(" ", part).casefold())
    starts = range(len(words) - len(parts) + 1)
    return whole.casefold().startswith(part.casefold()) or any(
        parts == words[start : start + len(parts)] for start in starts if parts
    )


def distance(first: str, second: str, limit: int) -> int:
    """How many insertions, deletions, replacements and swaps of neighbours apart; more than `limit` is not told."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, target in enumerate(second, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == target:
                best = min(best, last[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def did_you_mean(candidates: Sequence[str], otherwise: str = "") -> str:
    """The question with all candidates in it, each as the user would write it; `otherwise` where there are none."""
    return f"did you mean {' or '.join(candidates)}?" if candidates else otherwise
