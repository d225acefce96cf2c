"""The two lists of each scope, assignments and exemptions, merged into one of each.

A subscription's list holds what is above, at and below it; a management group's what is at and above it. So inherited
objects come back many times: they are merged by folded id, and copies that differ are read again by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.azure import wire
from reconciler.azure.transport import Arm, raise_if_unreachable
from reconciler.azure.versions import Api
from reconciler.model import JSON, ArmId, ScopeKind, Unread, arm_id, owner_scope
from reconciler.problems import AzureError

_PARSE: Final[dict[Api, Callable[[JSON], Any]]] = {
    Api.ASSIGNMENTS: wire.assignment_from,
    Api.EXEMPTIONS: wire.exemption_from,
}
_WHAT: Final = {Api.ASSIGNMENTS: "assignments", Api.EXEMPTIONS: "exemptions"}


@dataclass(slots=True, kw_only=True)
class Lists:
    """What the lists showed: objects by folded id; what could not be read; folded ids of scopes that are gone.

    `inherited` maps a folded scope to the ids of the assignments in its list.
    """

    found: dict[Api, dict[str, JSON]] = field(default_factory=lambda: {Api.ASSIGNMENTS: {}, Api.EXEMPTIONS: {}})
    unread: list[Unread] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    inherited: dict[str, list[ArmId]] = field(default_factory=dict)


def read_lists(
    arm: Arm, scopes: Sequence[ArmId], roots: Iterable[ArmId], finished: Callable[[int], None] | None = None
) -> Lists:
    """Both lists of every scope: two requests each, and one more a page. What fails is told per scope and list.

    `roots` are the scopes whose inherited assignments the caller wants to see.

    Raises:
        AzureError: nothing was answered at all.
    """
    wanted = [(scope, api) for scope in scopes for api in (Api.ASSIGNMENTS, Api.EXEMPTIONS)]
    answers = arm.each(lambda one: _list(arm, *one), wanted, finished)
    raise_if_unreachable(answers)
    lists = Lists(inherited={root.key: [] for root in roots})
    lists.gone = _gone(zip(wanted, answers, strict=True))
    differing: dict[str, Api] = {}
    for (scope, api), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, AzureError):
            _note(lists, scope, api, answer)
        else:
            differing.update(dict.fromkeys(_merge(lists.found[api], answer, _PARSE[api]), api))
            if api is Api.ASSIGNMENTS and scope.key in lists.inherited:
                lists.inherited[scope.key] = [arm_id(value["id"]) for value in answer]
    _read_again(arm, lists, differing)
    return lists


def _gone(answers: Iterable[tuple[tuple[ArmId, Api], object]]) -> set[str]:
    """Folded ids of scopes that went after the hierarchy was read. Both lists must say so: what is gone needs no
    exemption any more, so one stray answer must not make it so.
    """
    said = Counter(scope.key for (scope, _), found in answers if isinstance(found, AzureError) and found.is_gone)
    return {key for key, times in said.items() if times == len(_WHAT)}


def _list(arm: Arm, scope: ArmId, api: Api) -> list[JSON]:
    path = f"{scope}/providers/Microsoft.Authorization/{api}"
    # Azure refuses a group's list without a filter (azure-rest-api-specs issue 22997); this one is all that it holds.
    above = {"filter": "atScope()"} if scope.kind is ScopeKind.MANAGEMENT_GROUP else {}
    return arm.pages(path, api, **above, **expansion(api))


def expansion(api: Api) -> dict[str, str]:
    """What to ask for beside the object: the version of its definition that an assignment uses now."""
    return {"expand": "EffectiveDefinitionVersion"} if api is Api.ASSIGNMENTS else {}


def _merge(found: dict[str, JSON], values: Iterable[JSON], parse: Callable[[JSON], Any]) -> list[str]:
    """Adds the objects of one list; gives the folded ids of those that say something else than a copy before.

    One list may write an id in other letters than the next: only a difference in meaning counts.
    """
    differing = []
    for value in values:
        key = arm_id(value["id"]).key
        held = found.setdefault(key, value)
        if held is not value and held != value and parse(held) != parse(value):
            differing.append(key)
    return differing


def _note(lists: Lists, scope: ArmId, api: Api, error: AzureError) -> None:
    if scope.key not in lists.gone:
        lists.unread.append(Unread(scope=scope, what=_WHAT[api], reason=error.message, remedy=error.remedy))


def _read_again(arm: Arm, lists: Lists, differing: dict[str, Api]) -> None:
    """Settles objects that changed while the lists were read, or that one list shows otherwise than another."""
    wanted = sorted(differing.items())

    def read(one: tuple[str, Api]) -> JSON:
        key, api = one
        return arm.get(lists.found[api][key]["id"], api, **expansion(api)).body

    for (key, api), answer in zip(wanted, arm.each(read, wanted), strict=True):
        held = lists.found[api].pop(key)
        if not isinstance(answer, AzureError):
            lists.found[api][key] = answer
        elif answer.status != 404:
            _note(lists, owner_scope(arm_id(held["id"])), api, answer)
