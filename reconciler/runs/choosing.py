"""The resources of a request: named by id, address, unique name or tag, or offered from what Defender calls unhealthy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.azure.session import Azure, connect
from reconciler.catalog.subjects import resolve_subject
from reconciler.declarations.check import wants
from reconciler.documents.suggest import did_you_mean
from reconciler.model import ArmId, Declaration, Diagnostic, Subject
from reconciler.problems import AzureError, ReconcilerError
from reconciler.requesting.pasted import scopes_in
from reconciler.requesting.subjects import SubjectChoice, Unclear, find_subject
from reconciler.runs.context import Context
from reconciler.runs.proposing import Desk

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointers:
    """What points at resources, as somebody said it: texts with one each, a paste that may hold some, tags that they all
    bear, and scopes that were chosen already.
    """

    resources: tuple[str, ...] = ()
    pasted: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[ArmId, ...] = ()


@contextlib.contextmanager
def azure_if_reachable(desk: Desk, context: Context) -> Iterator[Azure | None]:
    """Azure, where somebody is logged in; otherwise None, and the observer is told why."""
    try:
        azure = connect(desk.contents.settings, context.environment, context.observer.warning)
    except ReconcilerError as error:
        context.observer.warning(f"Azure is not asked: {error.message}")
        yield None
        return
    with azure:
        yield azure


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Resources to choose from, and display names by folded id."""

    resources: tuple[ArmId, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def unhealthy_resources(choice: SubjectChoice, desk: Desk, azure: Azure | None, context: Context) -> Offer:
    """The resources that Defender calls unhealthy by a recommendation; none where it cannot be asked."""
    from reconciler.azure.choices import subscriptions_below, unhealthy  # noqa: PLC0415 - loads the SDK

    if azure is None or choice.recommendation is None:
        return Offer()
    try:
        subscriptions = subscriptions_below(azure.client, desk.contents.settings.scopes)
        assessments = unhealthy(azure.client, tuple(subscriptions), choice.recommendation.key)
    except AzureError as error:
        context.observer.warning(f"which resources are unhealthy is not known: {error.message}")
        return Offer()
    return Offer(
        resources=tuple(assessment.resource for assessment in assessments),
        names={scope.key: name for scope, name in subscriptions.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """What pointers point at: the scopes that somebody `named` one by one, those that bear the tags (`tagged`, named ones
    among them), and what is not clear.
    """

    named: tuple[ArmId, ...] = ()
    tagged: tuple[ArmId, ...] = ()
    unclear: tuple[Unclear, ...] = ()

    @property
    def by_tag_alone(self) -> tuple[ArmId, ...]:
        """Those that nobody named."""
        named = {scope.key for scope in self.named}
        return tuple(scope for scope in self.tagged if scope.key not in named)

    @property
    def can_be_chosen_anew(self) -> bool:
        """Whether the tags say all of it."""
        return {scope.key for scope in self.named} <= {scope.key for scope in self.tagged}


def find_scopes(named_by: Pointers, desk: Desk, azure: Azure | None) -> Located:
    """The scopes that somebody named, by id, address, unique name or tag.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    scopes = {scope.key: scope for scope in (*named_by.scopes, *scopes_in(named_by.pasted))}
    unclear: list[Unclear] = []
    for text in named_by.resources:
        located = scopes_in(text)
        if not located and "/" not in text:
            located, problem = _by_name(text, desk, azure)
            unclear += [problem] if problem else []
        elif not located:
            unclear.append(Unclear(message=f"{text[:200]!r} names no resource", remedy=HOW_TO_NAME))
        scopes |= {scope.key: scope for scope in located}
    unclear += _gone(tuple(scopes.values()), azure)
    tagged = scopes_by_tag(named_by.tags, desk, azure) if named_by.tags else ()
    if isinstance(tagged, Unclear):
        unclear.append(tagged)
        tagged = ()
    return Located(named=tuple(scopes.values()), tagged=tagged, unclear=tuple(unclear))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenScopes:
    """The scopes of a request, the tags that choose them anew (none where they say not all of it), what is not clear, and
    what a person should know.
    """

    scopes: tuple[ArmId, ...]
    selected_by: Mapping[str, str]
    unclear: tuple[Unclear, ...]
    notes: tuple[Diagnostic, ...]


def choose_scopes(
    named_by: Pointers, choice: SubjectChoice | None, desk: Desk, azure: Azure | None, now: datetime
) -> ChosenScopes:
    """What somebody named, all of it; and of what the tags alone choose, that which the recommendation is about and no other
    declaration has.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    located = find_scopes(named_by, desk, azure)
    tagged, already = located.by_tag_alone, dict[ArmId, str]()
    if choice is not None:
        tagged = of_types(tagged, choice)
        already = declared_already(tagged, choice.subject, desk.contents.loaded.declarations, desk, now)
    scopes = (*located.named, *(scope for scope in tagged if scope not in already))
    unclear = list(located.unclear)
    if already and not scopes:
        names = ", ".join(map(repr, sorted(set(already.values()))))
        message = f"everything that bears the tag is declared already, by {names}"
        remedy = "change that declaration, or choose by another tag"
        unclear.append(Unclear(message=message, remedy=remedy))
    notes = [
        Diagnostic(message=f"left out, since declaration {name!r} exempts it already: {scope}", remedy="")
        for scope, name in already.items()
    ]
    if named_by.tags and not located.can_be_chosen_anew:
        message = "selectedBy is not written: some resources were named beside the tag, and do not bear it"
        remedy = "ask for them in a declaration of their own, so that 'exempt renew --selected' can follow the tag"
        notes.append(Diagnostic(message=message, remedy=remedy))
    return ChosenScopes(
        scopes=scopes,
        selected_by=named_by.tags if located.can_be_chosen_anew else {},
        unclear=tuple(unclear),
        notes=tuple(notes),
    )


HOW_TO_NAME: Final = "paste the address of its page in the portal, or its id (on that page, under JSON View)"


def _gone(scopes: Sequence[ArmId], azure: Azure | None) -> Iterator[Unclear]:
    """Those that Azure does not find, with near misses; none where it cannot be asked."""
    from reconciler.azure.targets import confirm_targets  # noqa: PLC0415 - loads the SDK

    if azure is None or not scopes:
        return
    confirmed = confirm_targets(azure.client, scopes, lambda _done, _total: None)
    for scope in scopes:
        if scope.key in confirmed.gone:
            near = [candidate.text for candidate in confirmed.similar.get(scope.key, ())]
            message = f"Azure finds no {scope.text}: it is mistyped, was deleted or moved, or you may not read it"
            yield Unclear(message=message, remedy=did_you_mean(near, HOW_TO_NAME))


def _by_name(name: str, desk: Desk, azure: Azure | None) -> tuple[tuple[ArmId, ...], Unclear | None]:
    from reconciler.azure.choices import MOST_NAMED, named, subscriptions_below  # noqa: PLC0415 - loads the SDK

    if azure is None:
        return (), Unclear(message=f"{name!r} is a name, and Azure cannot be asked whose", remedy=HOW_TO_NAME)
    exact, near = named(azure.client, tuple(subscriptions_below(azure.client, desk.contents.settings.scopes)), name)
    if len(exact) == 1:
        return exact, None
    which = [scope.text for scope in (exact or near)[:_SHOWN]]
    number = f"at least {len(exact)}" if len(exact) >= MOST_NAMED else str(len(exact))
    count = f"{number} resources are called {name!r}" if exact else f"no resource is called {name!r}"
    return (), Unclear(message=count, remedy=did_you_mean(which, HOW_TO_NAME))


def scopes_by_tag(tags: Mapping[str, str], desk: Desk, azure: Azure | None) -> tuple[ArmId, ...] | Unclear:
    """The resources that bear all the tags now.

    Raises:
        AzureError: Resource Graph refuses.
    """
    from reconciler.azure.choices import subscriptions_below, tagged  # noqa: PLC0415 - loads the SDK

    words = ", ".join(f"{tag}={value}" for tag, value in tags.items())
    if azure is None:
        return Unclear(message=f"which resources bear {words} only Azure knows", remedy="log in: az login")
    subscriptions = tuple(subscriptions_below(azure.client, desk.contents.settings.scopes))
    sets = [{scope.key: scope for scope in tagged(azure.client, subscriptions, *pair)} for pair in tags.items()]
    first, *others = sets
    scopes = tuple(scope for key, scope in sorted(first.items()) if all(key in matches for matches in others))
    return scopes or Unclear(message=f"no resource bears {words}", remedy="correct the tag or its value")


def of_types(scopes: Sequence[ArmId], choice: SubjectChoice) -> tuple[ArmId, ...]:
    """Of resources that were chosen by a tag, those of a type that the recommendation is about; all where that is not known."""
    types = set(choice.recommendation.resource_types) if choice.recommendation else set()
    fitting = tuple(scope for scope in scopes if scope.resource_type in types)
    return fitting if types and fitting else tuple(scopes)


def declared_already(
    scopes: Sequence[ArmId], subject: Subject, declarations: Iterable[Declaration], desk: Desk, now: datetime
) -> dict[ArmId, str]:
    """Those that one of the declarations exempts from all of the same already, by itself or by what contains it, with its
    name. One that means some of the policies alone, or that selects resources or findings, leaves it to the check for
    conflicts whether both may stand.
    """
    catalogue = desk.contents.catalogue
    meant = resolve_subject(subject, catalogue)
    policies = meant.policies if meant else frozenset()
    already: dict[ArmId, str] = {}
    for declaration in declarations if policies else ():
        covering = resolve_subject(declaration.subject, catalogue)
        if covering is None or not wants(declaration, now) or declaration.selectors:
            continue
        if not policies <= covering.policies or covering.only is not None:
            continue
        for scope in scopes:
            if any(target == scope or target.contains(scope) for target in declaration.scopes):
                already.setdefault(scope, declaration.name)
    return already


def of_types_of(scopes: Sequence[ArmId], declaration: Declaration, desk: Desk) -> tuple[ArmId, ...]:
    """The same, for what a declaration exempts."""
    search = find_subject(desk.contents.catalogue, declaration.subject.value)
    return of_types(scopes, search.subjects[0]) if search.is_clear else tuple(scopes)
