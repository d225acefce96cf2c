"""Two declarations that want the same: the same policy on one scope, or on a scope and on one that contains it.

Decided on what declarations mean, not on how they are written: two recommendations may rest on one policy, and a policy
may be addressed by itself, through an initiative or through an assignment. Only what the texts of the ids show is
decided here; what lies below a management group is seen by the plan, which holds both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.catalog import Catalogue
from reconciler.declarations.lookups import About
from reconciler.model import ArmId, Declaration, ResourceSelector, Source, textual_containers
from reconciler.problems import Level, Problem

Topic: TypeAlias = tuple[str, str]
"""What several declarations may want: a container (empty for a policy wherever it is assigned) and, folded, a policy's
id or the reference id in that container."""

_EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """One declaration wanting a topic at one of its scopes. `container`: only in this initiative or assignment."""

    declaration: Declaration
    index: int
    container: str | None

    @property
    def scope(self) -> ArmId:
        return self.declaration.scopes[self.index]


_Bucket: TypeAlias = dict[str | None, list[_Claim]]
"""By container, the first claims of at most two declarations: enough to name another one, however many there are."""


def conflicts(abouts: Iterable[About], catalogue: Catalogue) -> tuple[Problem, ...]:
    """A problem for each declaration that wants what another one wants already, at the later of the two; and a warning
    where one declaration lists a scope beside another that contains it.
    """
    ordered = sorted(abouts, key=lambda about: about.declaration.source)
    found: dict[tuple[Source, Source], Problem] = {}
    judged: set[tuple[bool, tuple[int, ...]]] = set()
    for topic, group in _groups(ordered).items():
        same = (not topic[0], tuple(map(id, group)))
        if len(group) < 2 or same in judged:  # whoever shares one policy of an initiative mostly shares all
            continue
        judged.add(same)
        for one, other in _meetings(group, by_policy=not topic[0]):
            first, later = sorted((one, other), key=lambda claim: claim.declaration.source)
            pair = (first.declaration.source, later.declaration.source)
            if pair not in found:
                found[pair] = _conflict(first, later, _title(topic, catalogue))
    return (*found.values(), *(problem for about in ordered for problem in _redundant(about.declaration)))


def _groups(abouts: list[About]) -> dict[Topic, list[About]]:
    """Who wants each topic. What is wanted as a whole is wanted under every reference id that somebody names."""
    groups: dict[Topic, list[About]] = {}
    for about in abouts:
        for policy in sorted(about.policies):
            groups.setdefault(("", policy), []).append(about)
        if about.container is not None:
            for reference in sorted(about.references) or (_EVERYTHING,):
                groups.setdefault((about.container, reference), []).append(about)
    for (container, reference), group in groups.items():
        if container and reference != _EVERYTHING:
            group.extend(groups.get((container, _EVERYTHING), ()))
    return groups


def _meetings(group: list[About], *, by_policy: bool) -> Iterator[tuple[_Claim, _Claim]]:
    """Each claim with the first other one at its scope (and selectors), and at each scope that contains it."""
    times = Counter(scope.key for about in group for scope in about.declaration.scopes)
    if not any(count > 1 or not times.keys().isdisjoint(textual_containers(key)) for key, count in times.items()):
        return  # as nearly always: nobody else is at, above or below any of these scopes
    exact: dict[tuple[str, tuple[ResourceSelector, ...]], _Bucket] = {}
    loose: dict[str, _Bucket] = {}
    claims = [
        _Claim(declaration=about.declaration, index=at, container=about.container)
        for about in group
        for at in range(len(about.declaration.scopes))
    ]
    for claim in claims:
        _keep_two(exact.setdefault((claim.scope.key, _selectors(claim)), {}), claim)
        _keep_two(loose.setdefault(claim.scope.key, {}), claim)
    for claim in claims:
        for other in _others(exact[claim.scope.key, _selectors(claim)], claim, by_policy=by_policy):
            yield claim, other
        for above in textual_containers(claim.scope.key):
            for other in _others(loose.get(above, {}), claim, by_policy=False):
                yield claim, other


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
            if other.declaration is not claim.declaration:
                yield other


def _selectors(claim: _Claim) -> tuple[ResourceSelector, ...]:
    selectors = claim.declaration.selectors
    return tuple(sorted(selectors)) if selectors else ()


# --- words -------------------------------------------------------------------------------------------------------


def _title(topic: Topic, catalogue: Catalogue) -> str:
    """What two declarations both want, in words."""
    container, wanted = topic
    if container:
        return "everything in it" if wanted == _EVERYTHING else f"the reference id {wanted!r}"
    known = catalogue.policy(ArmId(wanted, wanted))
    return f"the policy {(known.title if known else wanted)!r}"


def _conflict(first: _Claim, later: _Claim, what: str) -> Problem:
    """The problem at the later declaration, naming the earlier one to extend instead."""
    name = first.declaration.name
    if first.scope == later.scope:
        where = f"on {later.scope.text}"
        remedy = f"change {name!r} instead of writing a second one"
    else:
        inner, outer = (later, first) if first.scope.contains(later.scope) else (first, later)
        where = f"on {outer.scope.text}, which contains {inner.scope.text}"
        remedy = f"take the scope out of {inner.declaration.name!r}: {outer.declaration.name!r} covers it already"
    place = first.declaration.place(f"scopes.{first.index}")
    return Problem(
        source=later.declaration.place(f"scopes.{later.index}"),
        code="conflict",
        message=f"{name!r} ({place.file}:{place.line}) wants {what} too, {where}; a policy on a scope and all it contains belongs to one declaration",
        remedy=remedy,
        path=f"scopes[{later.index}]",
    )


def _redundant(declaration: Declaration) -> Iterator[Problem]:
    """Scopes that another scope of the same declaration contains: harmless, but not what one means to write."""
    listed = {scope.key: scope for scope in declaration.scopes} if len(declaration.scopes) > 1 else {}
    for index, scope in enumerate(declaration.scopes if listed else ()):
        outer = next((listed[above] for above in textual_containers(scope.key) if above in listed), None)
        if outer is not None:
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code="redundant-scope",
                message=f"{outer.text}, listed here too, contains this scope",
                remedy="delete one of the two lines",
                path=f"scopes[{index}]",
                level=Level.WARNING,
            )
