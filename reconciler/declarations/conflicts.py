"""Two declarations that want the same: the same policy on one scope, or on a scope and on one that contains it.

Decided on what declarations mean, not on how they are written: two recommendations may rest on one policy, and a policy
may be addressed by itself, through an initiative or through an assignment. Only what the texts of the ids show is
decided here; what lies below a management group is seen by the plan, which holds both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.catalog import Catalogue
from reconciler.codes import RuleCode
from reconciler.declarations.subjects import DeclaredSubject
from reconciler.model import ArmId, Declaration, ResourceSelector, Source, textual_containers
from reconciler.problems import Problem

Topic: TypeAlias = tuple[str, str]
"""What several declarations may want: a container (empty for a policy wherever it is assigned) and, folded, a policy's
id or the reference id in that container."""

_EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One declaration wanting a topic at one of its scopes. `container`: only in this initiative or assignment."""

    declaration: Declaration
    index: int
    container: str | None

    @property
    def scope(self) -> ArmId:
        return self.declaration.scopes[self.index]


_ByContainer: TypeAlias = dict[str | None, list[_Target]]
"""By container, the first targets of at most two declarations: enough to name another one, however many there are."""


def conflicts(
    subjects: Iterable[DeclaredSubject], catalogue: Catalogue, changed: frozenset[str] | None = None
) -> tuple[Problem, ...]:
    """A problem for each declaration that wants what another one wants already, at the later of the two; and a warning
    where one declaration lists a scope beside another that contains it. What `changed` names (None: everything) is later
    than what stood there already, else what comes later in the order of files is.
    """
    ordered = sorted(subjects, key=lambda resolved: resolved.declaration.source.file)
    problems: dict[tuple[Source, Source], Problem] = {}
    judged: set[tuple[bool, tuple[int, ...]]] = set()
    for topic, group in _subjects_by_topic(ordered).items():
        signature = (not topic[0], tuple(map(id, group)))
        if len(group) < 2 or signature in judged:  # whoever shares one policy of an initiative mostly shares all
            continue
        # To judge a group again would find the same, and only take time.
        judged.add(signature)  # pragma: no mutate
        for target, counterpart in _overlaps(group, by_policy=not topic[0]):
            first, later = sorted(
                (target, counterpart),
                key=lambda target: (target.declaration.name in (changed or ()), target.declaration.source),
            )
            pair = (first.declaration.source, later.declaration.source)
            if pair not in problems:
                is_proposed = later.declaration.name in (changed or ())
                problems[pair] = _conflict(first, later, topic, catalogue, is_proposed=is_proposed)
    return (*problems.values(), *(problem for resolved in ordered for problem in _redundant(resolved.declaration)))


def _subjects_by_topic(subjects: list[DeclaredSubject]) -> dict[Topic, list[DeclaredSubject]]:
    """Who wants each topic. What is wanted as a whole is wanted under every reference id that somebody names."""
    groups: dict[Topic, list[DeclaredSubject]] = {}
    for resolved in subjects:
        for policy in sorted(resolved.meaning.policies):
            groups.setdefault(("", policy), []).append(resolved)
        if resolved.meaning.container is not None:
            for reference in sorted(resolved.meaning.references) or (_EVERYTHING,):
                groups.setdefault((resolved.meaning.container, reference), []).append(resolved)
    for (container, reference), group in groups.items():
        if container and reference != _EVERYTHING:
            group.extend(groups.get((container, _EVERYTHING), ()))
    return groups


def _overlaps(group: list[DeclaredSubject], *, by_policy: bool) -> Iterator[tuple[_Target, _Target]]:
    """Each target with the first other one at its scope (and selectors), and at each scope that contains it."""
    keys = [scope.key for resolved in group for scope in resolved.declaration.scopes]
    distinct = set(keys)
    if len(distinct) == len(keys) and all(map(distinct.isdisjoint, map(textual_containers, keys))):
        return  # as nearly always: nobody else is at, above or below any of these scopes
    exact: dict[tuple[str, tuple[ResourceSelector, ...]], _ByContainer] = {}
    loose: dict[str, _ByContainer] = {}
    targets = [
        _Target(declaration=resolved.declaration, index=at, container=resolved.meaning.container)
        for resolved in group
        for at in range(len(resolved.declaration.scopes))
    ]
    for target in targets:
        _add_first_two(exact.setdefault((target.scope.key, _selectors(target)), {}), target)
        _add_first_two(loose.setdefault(target.scope.key, {}), target)
    for target in targets:
        for counterpart in _conflicting(exact[target.scope.key, _selectors(target)], target, by_policy=by_policy):
            yield target, counterpart
        for above in textual_containers(target.scope.key):
            for counterpart in _conflicting(loose.get(above, {}), target, by_policy=False):
                yield target, counterpart


def _add_first_two(bucket: _ByContainer, target: _Target) -> None:
    targets = bucket.setdefault(target.container, [])
    if len(targets) < 2 and all(earlier.declaration is not target.declaration for earlier in targets):
        targets.append(target)


def _conflicting(bucket: _ByContainer, target: _Target, *, by_policy: bool) -> Iterator[_Target]:
    """Targets in a bucket that mean the same assignments as this one. Two targets on one container are not compared
    `by_policy` at one scope, but by their reference ids, since an initiative may hold one policy several times.
    """
    for container, targets in bucket.items():
        both = target.container is not None and container is not None
        if both and (container != target.container or by_policy):
            continue
        for counterpart in targets:
            if counterpart.declaration is not target.declaration:
                yield counterpart


def _selectors(target: _Target) -> tuple[ResourceSelector, ...]:
    return tuple(sorted(target.declaration.selectors))


# --- words -------------------------------------------------------------------------------------------------------


def _conflict(first: _Target, later: _Target, topic: Topic, catalogue: Catalogue, *, is_proposed: bool) -> Problem:
    """The problem at the later declaration, naming the earlier one to extend instead."""
    container, item = topic
    if container:
        subject = "everything in it" if item == _EVERYTHING else f"the reference id {item!r}"
    else:
        policy = catalogue.policy(ArmId(item, item))
        subject = f"the policy {(policy.title if policy else item)!r}"
    name = first.declaration.name
    if first.scope == later.scope:
        where = f"on {later.scope.text}"
        remedy = f"change {name!r} instead of writing a second one"
    else:
        inner, outer = (later, first) if first.scope.contains(later.scope) else (first, later)
        where = f"on {outer.scope.text}, which contains {inner.scope.text}"
        covering = outer.declaration.name
        remedy = (
            f"take the scope out of {inner.declaration.name!r}: {covering!r} covers it already"
            if inner is later or not is_proposed
            else f"narrow the scopes of {covering!r}, or take this scope out of {inner.declaration.name!r} in the same change"
        )
    place = first.declaration.place(f"scopes.{first.index}")
    return Problem(
        source=later.declaration.place(f"scopes.{later.index}"),
        code=RuleCode.CONFLICT,
        message=f"{name!r} ({place.file}:{place.line}) wants {subject} too, {where}; a policy on a scope and all it contains belongs to one declaration",
        remedy=remedy,
        path=f"scopes[{later.index}]",
    )


def _redundant(declaration: Declaration) -> Iterator[Problem]:
    """Scopes that another scope of the same declaration contains: harmless, but not what one means to write."""
    listed = {scope.key: scope for scope in declaration.scopes}
    if all(map(listed.keys().isdisjoint, map(textual_containers, listed))):
        return  # as nearly always
    for index, scope in enumerate(declaration.scopes):
        outer = next((listed[above] for above in textual_containers(scope.key) if above in listed), None)
        if outer is not None:
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.REDUNDANT_SCOPE,
                message=f"{outer.text}, listed here too, contains this scope",
                remedy="delete one of the two lines",
                path=f"scopes[{index}]",
            )
