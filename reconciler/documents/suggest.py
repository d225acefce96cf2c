"""The nearest to a mistyped word, and the question that messages put to the user: `did you mean A or B?`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_LONGEST: Final = 100
"""What is longer is no typo, and comparing it takes long."""
_LIKENESS: Final = 0.6
_SHORTEST_PART: Final = 4


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None where none is near. Case is forgiven."""
    return next(iter(nearest_few(word, candidates, 1)), None)


def nearest_few(word: str, candidates: Iterable[str], limit: int) -> list[str]:
    """The known words that were most likely meant, best first: the same but for case, alike, or one within the other."""
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    folded = {candidate.casefold(): candidate for candidate in candidates}
    word = word[:_LONGEST].casefold()
    if word in folded:
        return [folded[word]]
    alike = difflib.get_close_matches(word, folded, n=limit, cutoff=_LIKENESS)
    if not alike and len(word) >= _SHORTEST_PART:
        alike = [candidate for candidate in folded if word in candidate or candidate in word][:limit]
    return [folded[candidate] for candidate in alike]


def did_you_mean(candidates: Sequence[str], otherwise: str = "") -> str:
    """The question with all candidates in it, each as the user would write it; `otherwise` where there are none."""
    return f"did you mean {' or '.join(candidates)}?" if candidates else otherwise
