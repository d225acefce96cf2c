"""What a declaration is about, looked up in the catalogue, with what the catalogue has against it.

Only reviewed data in the repository and the shipped facts decide, so a verdict here changes with a commit and never by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.catalog import (
    EXPLANATIONS,
    BuiltInInitiative,
    Catalogue,
    Obstacle,
    Recommendation,
    initiative_id,
    policy_id,
)
from reconciler.declarations.nearest import nearest
from reconciler.declarations.oddities import is_policy, resource_type
from reconciler.model import ArmId, Declaration, Rules, ScopeKind, SubjectKind, parse_object
from reconciler.problems import Level, Problem

_MAX_KEYS: Final = 8
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SUBSCRIPTION_TYPE: Final = "microsoft.resources/subscriptions"
_GROUP_TYPE: Final = "microsoft.resources/subscriptions/resourcegroups"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What one declaration exempts, as far as is known offline.

    `policies` are folded definition ids. `container` is the folded id of the one initiative or assignment that an
    address is about, `references` (folded) narrow that; `whole` says that nothing narrows it. `known` says that
    `policies` are all there are. `behind` are the recommendations that rest on any of them.
    """

    declaration: Declaration
    policies: frozenset[str]
    container: str | None = None
    references: frozenset[str] = frozenset()
    known: bool = True
    behind: tuple[Recommendation, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything in an initiative or assignment is meant."""
        return self.container is not None and not self.references


def look_up(declaration: Declaration, catalogue: Catalogue) -> About | Problem:
    """What the declaration is about, or why that cannot be said."""
    subject = declaration.subject
    match subject.kind:
        case SubjectKind.RECOMMENDATION:
            found = catalogue.find(subject.value)
            if len(found) != 1:
                return _not_one(declaration, found, catalogue)
            return _about(declaration, catalogue, found[0].policies)
        case SubjectKind.POLICY:
            return _about(declaration, catalogue, (policy_id(subject.value),))
        case SubjectKind.INITIATIVE:
            return _about_initiative(declaration, catalogue)
        case SubjectKind.ASSIGNMENT:
            references = frozenset(reference.lower() for reference in subject.reference_ids)
            return About(
                declaration=declaration,
                policies=frozenset(),
                container=parse_object(subject.value).key,
                references=references,
                known=False,
            )


def _about(declaration: Declaration, catalogue: Catalogue, policies: Iterable[ArmId]) -> About:
    listed = tuple(policies)
    return About(
        declaration=declaration, policies=frozenset(policy.key for policy in listed), behind=_behind(catalogue, listed)
    )


def _about_initiative(declaration: Declaration, catalogue: Catalogue) -> About:
    identifier = initiative_id(declaration.subject.value)
    references = frozenset(reference.lower() for reference in declaration.subject.reference_ids)
    initiative = catalogue.initiative(identifier)
    if initiative is None:
        return About(
            declaration=declaration, policies=frozenset(), container=identifier.key, references=references, known=False
        )
    members = [
        member.definition
        for member in initiative.members
        if not references or member.reference_id.lower() in references
    ]
    policies = frozenset(policy.key for policy in members)
    return About(
        declaration=declaration,
        policies=policies,
        container=identifier.key,
        references=references,
        behind=_behind(catalogue, members),
    )


def _behind(catalogue: Catalogue, policies: Iterable[ArmId]) -> tuple[Recommendation, ...]:
    found = {one.key: one for policy in policies for one in catalogue.resting_on(policy)}
    return tuple(found[key] for key in sorted(found))


# --- what the catalogue has against it ---------------------------------------------------------------------------


def objections(about: About, catalogue: Catalogue, rules: Rules) -> Iterator[Problem]:
    """What the catalogue says against a declaration, apart from the rules of the repository."""
    match about.declaration.subject.kind:
        case SubjectKind.RECOMMENDATION:
            yield from _obstacles(about.declaration, catalogue, rules)
        case SubjectKind.POLICY:
            yield from _policy(about.declaration, catalogue, rules)
        case SubjectKind.INITIATIVE:
            yield from _initiative(about, catalogue)
        case SubjectKind.ASSIGNMENT:
            pass
    yield from _scope_types(about, catalogue)


def _not_one(declaration: Declaration, found: tuple[Recommendation, ...], catalogue: Catalogue) -> Problem:
    """No recommendation has that key or title, or several have."""
    place, text = declaration.place("recommendation"), declaration.subject.value
    if found:
        keys = _shortened(
            [
                f"{one.key} ({one.environment or 'environment not known'}, {one.severity or 'no'} severity)"
                for one in found
            ]
        )
        return Problem(
            source=place,
            code="ambiguous-recommendation",
            message=f"{len(found)} recommendations have the title {text!r}",
            remedy=f"write the key of the one you mean: {keys}",
            path="recommendation",
        )
    if documented := catalogue.without_key(text):
        return _without_key(declaration, documented)
    inside = next((key for key in _GUID.findall(text) if key != text and catalogue.find(key)), None)
    if inside:
        return Problem(
            source=place,
            code="unknown-recommendation",
            message=f"{text!r} holds a recommendation's key, but more than that",
            remedy=f"write recommendation: {inside}",
            path="recommendation",
        )
    behind = catalogue.resting_on(policy_id(text)) if "/" not in text else ()
    if behind or ("/" not in text and catalogue.policy(policy_id(text)) is not None):
        keys = f"; the recommendation on it is {behind[0].title!r} ({behind[0].key})" if behind else ""
        return Problem(
            source=place,
            code="unknown-recommendation",
            message=f"{text!r} is the name of a policy, not of a recommendation",
            remedy=f"write policyDefinition: {text}{keys}",
            path="recommendation",
        )
    near = [f"{one.title!r} ({one.key})" for one in catalogue.nearest(text, 3)]
    return Problem(
        source=place,
        code="unknown-recommendation",
        message=f"no recommendation has the key or the title {text!r}",
        remedy=f"did you mean {' or '.join(near)}?"
        if near
        else "`exempt catalog search WORDS` finds it; a new one needs `exempt catalog refresh`",
        path="recommendation",
    )


def _without_key(declaration: Declaration, documented: Recommendation) -> Problem:
    """The documentation has the title and perhaps the policy, which can be named as well; nothing public has the key."""
    refresh = "run `exempt catalog refresh` to read it from your tenant"
    names = " or ".join(policy.name for policy in documented.policies)
    return Problem(
        source=declaration.place("recommendation"),
        code="unsupported-recommendation",
        message=f"Defender documents {declaration.subject.value!r}, but no public source names its key"
        + ("" if names else " or its policy"),
        remedy=f"write policyDefinition: {names} in place of recommendation, or {refresh}"
        if names
        else f"{refresh}, or name the policy in policyDefinition",
        path="recommendation",
    )


def _obstacles(declaration: Declaration, catalogue: Catalogue, rules: Rules) -> Iterator[Problem]:
    (found,) = catalogue.find(declaration.subject.value)
    yield from _obstacle_problems(declaration, "recommendation", found.title, found.obstacles, rules)


def _policy(declaration: Declaration, catalogue: Catalogue, rules: Rules) -> Iterator[Problem]:
    written = declaration.subject.value
    known = catalogue.policy(policy_id(written))
    if known is not None:
        yield from _obstacle_problems(declaration, "policyDefinition", known.title, known.obstacles, rules)
    elif found := catalogue.find(written):
        yield Problem(
            source=declaration.place("policyDefinition"),
            code="unknown-policy",
            message=f"{written!r} is a recommendation, {found[0].title!r}, not a policy",
            remedy=f"write recommendation: {written}",
            path="policyDefinition",
        )
    elif "/" not in written:
        titled = [policy for policy in catalogue.policies.values() if policy.title.casefold() == written.casefold()]
        near = None if titled else nearest(written, (policy.id.name for policy in catalogue.policies.values()))
        yield Problem(
            source=declaration.place("policyDefinition"),
            code="unknown-policy",
            message=f"{written!r} is a policy's title, not its name"
            if titled
            else f"no known built-in policy has the name {written!r}",
            remedy=f"write {titled[0].id.name}" if titled else _unknown_name_hint(near),
            path="policyDefinition",
            level=Level.ERROR if titled or " " in written else Level.WARNING,
        )


def _initiative(about: About, catalogue: Catalogue) -> Iterator[Problem]:
    declaration = about.declaration
    written = declaration.subject.value
    initiative = catalogue.initiative(initiative_id(written))
    if initiative is not None:
        yield from _references(declaration, initiative)
    elif "/" not in written:
        named = {found.title: found.id.name for found in catalogue.initiatives.values()}
        title = nearest(written, named) if " " in written else None
        near = named[title] if title else nearest(written, named.values())
        yield Problem(
            source=declaration.place("policySetDefinition"),
            code="unknown-initiative",
            message=f"no known built-in initiative has the name {written!r}",
            remedy=f"did you mean {near} ({title!r})?" if title else _unknown_name_hint(near),
            path="policySetDefinition",
            level=Level.ERROR if " " in written else Level.WARNING,
        )


def _unknown_name_hint(near: str | None) -> str:
    meant = f"did you mean {near}? " if near else ""
    return f"{meant}a custom one is named by its full ARM id; a newer built-in than this catalogue knows is fine"


def _references(declaration: Declaration, initiative: BuiltInInitiative) -> Iterator[Problem]:
    known = {member.reference_id.lower(): member.reference_id for member in initiative.members}
    for index, reference in enumerate(declaration.subject.reference_ids):
        if reference.lower() not in known:
            near = nearest(reference, known.values())
            yield Problem(
                source=declaration.place(f"referenceIds.{index}"),
                code="unknown-reference",
                message=f"{initiative.title!r} has no policy with the reference id {reference!r}, as far as version {initiative.version} is known",
                remedy=f"did you mean {near!r}?"
                if near
                else "check the id; another version of the initiative may have it",
                path=f"referenceIds[{index}]",
                level=Level.WARNING,
            )


def _obstacle_problems(
    declaration: Declaration, field: str, title: str, obstacles: Iterable[Obstacle], rules: Rules
) -> Iterator[Problem]:
    for obstacle in obstacles:
        strict = rules.strict_unsupported and obstacle is Obstacle.UNSUPPORTED
        level = Level.ERROR if obstacle.blocks or strict else Level.WARNING
        if obstacle.blocks:
            message, remedy = f"{title!r} cannot be exempted: {EXPLANATIONS[obstacle]}", "delete this declaration"
        else:
            message = f"an exemption of {title!r} may do nothing: {EXPLANATIONS[obstacle]}"
            remedy = (
                "delete it: rules.strictUnsupported in reconciler.yaml refuses such recommendations"
                if strict
                else "look at the recommendation a day after it was applied"
            )
        yield Problem(
            source=declaration.place(field),
            code=f"obstacle-{obstacle.value}",
            message=message,
            remedy=remedy,
            path=field,
            level=level,
        )


def _scope_types(about: About, catalogue: Catalogue) -> Iterator[Problem]:
    """A scope whose type none of the policies evaluates; one that contains such resources is fine."""
    if not about.known or not about.policies:
        return
    types: set[str] = set()
    for policy in about.policies:
        known = catalogue.policy(ArmId(policy, policy))
        if known is None or not known.resource_types:
            return
        types.update(known.resource_types)
    for index, scope in enumerate(about.declaration.scopes):
        if not _evaluates(scope, types) and not is_policy(scope):
            listed = _shortened(sorted(types))
            yield Problem(
                source=about.declaration.place(f"scopes.{index}"),
                code="scope-type",
                message=f"nothing at this {scope.kind} is evaluated: what is exempted looks at {listed}",
                remedy="check that the id is the one you mean; if so, the exemption does nothing",
                path=f"scopes[{index}]",
                level=Level.WARNING,
            )


def _evaluates(scope: ArmId, types: set[str]) -> bool:
    match scope.kind:
        case ScopeKind.MANAGEMENT_GROUP | ScopeKind.SUBSCRIPTION:
            return True
        case ScopeKind.RESOURCE_GROUP:
            return bool(types - {_SUBSCRIPTION_TYPE})
        case ScopeKind.RESOURCE:
            own = resource_type(scope)
            return own in types or any(kind.startswith(own + "/") or "*" in kind for kind in types)


def _shortened(words: list[str]) -> str:
    more = len(words) - _MAX_KEYS
    return ", ".join(words[:_MAX_KEYS]) + (f" and {more} more" if more > 0 else "")
