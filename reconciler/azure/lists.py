"""The three lists of each scope, assignments, exemptions and standard assignments, merged into one of each.

A subscription's list holds what is above, at and below it; a management group's what is at and above it. So inherited
objects come back many times: they are merged by folded id, and copies that differ are read again by themselves. What the
list of standard assignments shows beyond its own scope no public source says: what must be known is asked for by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.arm import objects
from reconciler.arm.shapes import required_text
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, raise_if_unreachable, read_object
from reconciler.azure.errors import reading
from reconciler.model import JSON, STANDARD_ASSIGNMENTS, ArmId, Exemption, ScopeKind, Unread, arm_id, owner_scope
from reconciler.problems import AzureError

_PARSE: Final[dict[Api, Callable[[JSON], Any]]] = {
    Api.ASSIGNMENTS: objects.decode_assignment,
    Api.EXEMPTIONS: objects.decode_exemption,
    Api.STANDARDS: objects.decode_exemption,
}
_WHAT: Final = {
    Api.ASSIGNMENTS: "assignments",
    Api.EXEMPTIONS: "exemptions",
    Api.STANDARDS: STANDARD_ASSIGNMENTS,
}
_NOT_REGISTERED: Final = "MissingSubscriptionRegistration"
"""Azure's code, with 409, where a subscription does not use a provider at all."""


@dataclass(slots=True, kw_only=True)
class ScopeLists:
    """What the lists showed: objects by folded id (`exemptions` of both kinds); what could not be read; folded ids of
    scopes that are gone.

    `inherited` maps a folded scope to the ids of the assignments in its list. `decoded` maps the identity
    of an exemption's JSON object to that object (which keeps the identity from being given again) and its value.
    """

    assignments: dict[str, JSON] = field(default_factory=dict)
    exemptions: dict[str, JSON] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    inherited: dict[str, list[ArmId]] = field(default_factory=dict)
    decoded: dict[int, tuple[JSON, Exemption]] = field(default_factory=dict)

    def objects(self, api: Api) -> dict[str, JSON]:
        """The assignments or the exemptions, whichever kind these are."""
        return self.assignments if api is Api.ASSIGNMENTS else self.exemptions


def read_lists(
    client: ArmClient,
    scopes: Sequence[ArmId],
    roots: Iterable[ArmId],
    *,
    needs_standards: bool = False,
    finished: Callable[[int], None] | None = None,
) -> ScopeLists:
    """All lists of every scope: three requests each, and one more a page. What fails is noted per scope and list.

    `roots` are the scopes whose inherited assignments the caller wants to see. Unless it `needs_standards`, there may be no
    list of standard assignments at all.

    Raises:
        AzureError: nothing was answered at all.
    """
    requests = [(scope, api) for scope in scopes for api in _WHAT]
    lists = ScopeLists(inherited={root.key: [] for root in roots})
    differing: dict[str, Api] = {}
    faults: list[tuple[ArmId, Api, AzureError]] = []
    # Merged while others are under way: what every list repeats is never kept a thousand times.
    with closing(client.in_turn(lambda request: _list(client, *request), requests, finished)) as answers:
        for (scope, api), answer in zip(requests, answers, strict=True):
            if isinstance(answer, AzureError):
                faults.append((scope, api, answer))
                continue
            try:
                with reading(f"the list of {_WHAT[api]} at {scope}"):
                    differing.update(dict.fromkeys(_merge(lists, api, answer), api))
            except AzureError as error:
                faults.append((scope, api, error))
                continue
            if api is Api.ASSIGNMENTS and scope.key in lists.inherited:
                lists.inherited[scope.key] = [arm_id(value["id"]) for value in answer]
    if len(faults) == len(requests):
        raise_if_unreachable([fault for _, _, fault in faults])
    lists.gone = _gone(faults)
    for scope, api, fault in faults:
        if needs_standards or api is not Api.STANDARDS or not _is_no_list(fault):
            _note(lists, scope, api, fault)
    _read_again(client, lists, differing)
    return lists


def _is_no_list(error: AzureError) -> bool:
    """Whether there is no list rather than one that is not shown: no such type in this cloud, or the provider is not
    registered. Any other conflict is news for a person.
    """
    return error.status in {400, 404} or (error.status == 409 and error.code == _NOT_REGISTERED)


def _gone(faults: Iterable[tuple[ArmId, Api, AzureError]]) -> set[str]:
    """Folded ids of scopes that went after the hierarchy was read. Both lists of Resource Manager must say so: what is
    gone needs no exemption any more, so one stray answer must not make it so.
    """
    times = Counter(scope.key for scope, api, fault in faults if fault.is_gone and api is not Api.STANDARDS)
    return {key for key, count in times.items() if count == len(_WHAT) - 1}


def _list(client: ArmClient, scope: ArmId, api: Api) -> list[JSON]:
    if api is Api.STANDARDS:
        rows = client.pages(f"{scope}/providers/Microsoft.Security/{api}", api)
        with reading(f"the list of {_WHAT[api]} at {scope}"):
            return [row for row in rows if objects.is_exemption(row)]
    path = f"{scope}/providers/Microsoft.Authorization/{api}"
    # Azure refuses a group's list without a filter (azure-rest-api-specs issue 22997); this one is all that it holds.
    above = {"filter": "atScope()"} if scope.kind is ScopeKind.MANAGEMENT_GROUP else {}
    return client.pages(path, api, **above, **expansion(api))


def expansion(api: Api) -> dict[str, str]:
    """What to ask for beside the object: the version of its definition that an assignment uses now."""
    return {"expand": "EffectiveDefinitionVersion"} if api is Api.ASSIGNMENTS else {}


def _merge(lists: ScopeLists, api: Api, values: Iterable[JSON]) -> list[str]:
    """Adds the objects of one list; gives the folded ids of those that say something else than a copy before.

    One list may write an id in other letters than the next: only a difference in meaning counts.
    """
    differing = []
    objects, parse = lists.objects(api), _PARSE[api]
    for value in values:
        key = arm_id(required_text(value, "id")).key
        existing = objects.get(key)
        if existing is None:
            decoded = parse(value)  # what is not as documented fails its list here, not the run later
            objects[key] = value
            if api is not Api.ASSIGNMENTS:
                lists.decoded[id(value)] = value, decoded
        elif existing != value and parse(existing) != parse(value):
            differing.append(key)
    return differing


def _note(lists: ScopeLists, scope: ArmId, api: Api, error: AzureError) -> None:
    if scope.key not in lists.gone:
        is_refused = error.status == 403
        unread = Unread(scope=scope, what=_WHAT[api], message=error.message, remedy=error.remedy, is_refused=is_refused)
        lists.unread.append(unread)


def _read_again(client: ArmClient, lists: ScopeLists, differing: dict[str, Api]) -> None:
    """Settles objects that changed while the lists were read, or that one list shows otherwise than another."""
    requests = [(lists.objects(api).pop(key)["id"], api) for key, api in sorted(differing.items())]
    answers = client.each(
        lambda request: read_object(client, *request, _PARSE[request[1]], **expansion(request[1])), requests
    )
    for (identifier, api), answer in zip(requests, answers, strict=True):
        if not isinstance(answer, AzureError):
            lists.objects(api)[arm_id(identifier).key] = answer
        elif answer.status != 404:
            _note(lists, owner_scope(arm_id(identifier)), api, answer)
