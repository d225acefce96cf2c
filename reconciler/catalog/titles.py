"""Titles of recommendations: how they are compared, and which of several with the same title is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from reconciler.catalog.facts import Recommendation


def fold_title(title: str) -> str:
    """The form in which titles are compared: case and runs of white space do not matter."""
    return " ".join(title.split()).casefold()


def meant(group: tuple[Recommendation, ...]) -> tuple[Recommendation, ...]:
    """Of recommendations that share a title, those that the title may mean. Not the successor of another of them (what
    a declaration means does not change when its recommendation is retired; that is for people to do), nor one that only
    a recording knows, beside one that the documentation has.
    """
    successors = {key for member in group if member.retirement for key in member.retirement.successors}
    documented = any(not member.recorded for member in group)
    return tuple(member for member in group if member.key not in successors and not (documented and member.recorded))


def grouped(pairs: Iterable[tuple[str, Recommendation]]) -> Mapping[str, tuple[Recommendation, ...]]:
    """The recommendations of each title or key, in the order given."""
    groups: dict[str, list[Recommendation]] = defaultdict(list)
    for key, recommendation in pairs:
        groups[key].append(recommendation)
    return {key: tuple(group) for key, group in groups.items()}
