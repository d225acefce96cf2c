"""Two declarations that want the same: the same policy on one scope, or on a scope and on one that contains it (§5).

Decided on what declarations mean, not on how they are written: two recommendations may rest on one policy, and a policy
may be addressed by itself, through an initiative or through an assignment. Only what the texts of the ids show is
decided here; what lies below a management group is seen by the plan, which holds both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.catalog import Catalogue
from reconciler.declarations.lookups import About
from reconciler.model import ArmId, Declaration, ResourceSelector, Source, textual_chain
from reconciler.problems import Level, Problem

Topic: TypeAlias = str
"""What is wanted, as the word under which claims meet: a folded policy id, or a container and a reference id in it."""

_EVERYTHING = "*"
_ANYTHING = "?"


@dataclass(frozen=True, slots=True)
class _Claim:
    """One declaration wanting one topic at one scope. `container`: only in this initiative or assignment."""

    declaration: Declaration
    index: int
    container: str | None

    @property
    def scope(self) -> ArmId:
        return self.declaration.scopes[self.index]


_Bucket: TypeAlias = dict[str | None, list[_Claim]]
"""By container, the first claims of at most two declarations: enough to name another one, however many there are."""


@dataclass(slots=True)
class _Index:
    """Claims by topic and scope; `exact` tells selectors apart too."""

    exact: dict[tuple[Topic, str, tuple[ResourceSelector, ...]], _Bucket] = field(default_factory=dict)
    loose: dict[tuple[Topic, str], _Bucket] = field(default_factory=dict)

    def add(self, topic: Topic, claim: _Claim) -> None:
        scope = claim.scope.key
        _keep_two(self.exact.setdefault((topic, scope, _selectors(claim)), {}), claim)
        _keep_two(self.loose.setdefault((topic, scope), {}), claim)

    def meeting(self, topic: Topic, claim: _Claim) -> Iterator[_Claim]:
        """The first other claim at the same scope, and the first at each scope that contains it."""
        same = self.exact.get((topic, claim.scope.key, _selectors(claim)), {})
        yield from _others(same, claim, by_policy=" " not in topic)
        for above in textual_chain(claim.scope)[1:]:
            yield from _others(self.loose.get((topic, above.key), {}), claim, by_policy=False)


def conflicts(abouts: Iterable[About], catalogue: Catalogue) -> tuple[Problem, ...]:
    """A problem for each pair of declarations that want the same, at the later of the two; and a warning where one
    declaration lists a scope beside another that contains it.
    """
    ordered = sorted(abouts, key=lambda about: about.declaration.source)
    index = _Index()
    for about in ordered:
        for topic in _claimed(about):
            for position in range(len(about.declaration.scopes)):
                index.add(topic, _Claim(about.declaration, position, about.container))
    found: dict[tuple[Source, Source], Problem] = {}
    for about in ordered:
        for topic, mine, other in _meetings(about, index):
            first, later = sorted((other, mine), key=lambda claim: claim.declaration.source)
            pair = (first.declaration.source, later.declaration.source)
            if pair not in found:
                found[pair] = (
                    _redundant(mine, other) if pair[0] == pair[1] else _conflict(first, later, _title(topic, catalogue))
                )
    return tuple(found.values())


def _meetings(about: About, index: _Index) -> Iterator[tuple[Topic, _Claim, _Claim]]:
    for position in range(len(about.declaration.scopes)):
        claim = _Claim(about.declaration, position, about.container)
        for topic in _sought(about):
            for other in index.meeting(topic, claim):
                yield topic, claim, other


def _claimed(about: About) -> tuple[Topic, ...]:
    """The topics under which a declaration's claims are found."""
    if about.container is None:
        return tuple(about.policies)
    references = (*(about.references or (_EVERYTHING,)), _ANYTHING)
    return (*about.policies, *(f"{about.container} {reference}" for reference in references))


def _sought(about: About) -> tuple[Topic, ...]:
    """The topics under which others stand in its way."""
    if about.container is None:
        return tuple(about.policies)
    references = (*about.references, _EVERYTHING) if about.references else (_ANYTHING,)
    return (*about.policies, *(f"{about.container} {reference}" for reference in references))


def _keep_two(bucket: _Bucket, claim: _Claim) -> None:
    kept = bucket.setdefault(claim.container, [])
    if len(kept) < 2 and all(other.declaration is not claim.declaration for other in kept):
        kept.append(claim)


def _others(bucket: _Bucket, claim: _Claim, *, by_policy: bool) -> Iterator[_Claim]:
    """Claims in a bucket that mean the same assignments as this one. Two claims on one container are not compared
    `by_policy` at one scope, but by their reference ids, since an initiative may hold one policy several times.
    """
    for container, kept in bucket.items():
        both = claim.container is not None and container is not None
        if both and (container != claim.container or by_policy):
            continue
        for other in kept:
            if other.declaration is not claim.declaration or other.scope != claim.scope:
                yield other


def _selectors(claim: _Claim) -> tuple[ResourceSelector, ...]:
    return tuple(sorted(claim.declaration.selectors))


def _title(topic: Topic, catalogue: Catalogue) -> str:
    """What two declarations both want, in words."""
    policy, _, reference = topic.partition(" ")
    if reference:
        return "everything in it" if reference in {_EVERYTHING, _ANYTHING} else f"the reference id {reference!r}"
    known = catalogue.policy(ArmId(policy, policy))
    return f"the policy {(known.title if known else policy)!r}"


def _conflict(first: _Claim, later: _Claim, what: str) -> Problem:
    """The problem at the later declaration, naming the earlier one to extend instead."""
    if first.scope == later.scope:
        where = f"on {later.scope.text}"
        remedy = f"change {first.declaration.name!r} instead of writing a second one"
    else:
        inner, outer = (later, first) if first.scope.contains(later.scope) else (first, later)
        where = f"on {outer.scope.text}, which contains {inner.scope.text}"
        remedy = f"take the scope out of {inner.declaration.name!r}: {outer.declaration.name!r} covers it already"
    return Problem(
        later.declaration.place(f"scopes.{later.index}"), "conflict",
        f"{first.declaration.name!r} ({first.declaration.source.file}:{first.declaration.place(f'scopes.{first.index}').line}) "
        f"wants {what} too, {where}; a policy on a scope and all it contains belongs to one declaration",
        remedy, f"scopes[{later.index}]",
    )  # fmt: skip


def _redundant(mine: _Claim, other: _Claim) -> Problem:
    inner, outer = (mine, other) if other.scope.contains(mine.scope) else (other, mine)
    return Problem(
        inner.declaration.place(f"scopes.{inner.index}"), "redundant-scope",
        f"{outer.scope.text}, listed here too, contains this scope", "delete one of the two lines",
        f"scopes[{inner.index}]", Level.WARNING,
    )  # fmt: skip
