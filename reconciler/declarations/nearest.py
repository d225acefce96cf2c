"""The nearest known word to a mistyped one, for proposals in messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None where none is near. Case is forgiven."""
    folded = {candidate.casefold(): candidate for candidate in known}
    word = word[:100].casefold()
    if word in folded:
        return folded[word]
    inside = [candidate for candidate in folded if len(word) >= 4 and (word in candidate or candidate in word)]
    found = difflib.get_close_matches(word, folded, n=1, cutoff=0.6) or inside[:1]
    return folded[found[0]] if found else None
