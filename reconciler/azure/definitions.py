"""The initiatives that are assigned, each at the version its assignment is pinned to, and custom single policies.

Only needed ids are fetched, each distinct one once: lists of definitions are megabytes. An assignment pins a version
by a pattern (`1.*.*`); newer services say which version that means now, older ones leave the choice to us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.azure import wire
from reconciler.azure.transport import Arm
from reconciler.azure.versions import Api
from reconciler.model import JSON, ArmId, Assignment, Unread
from reconciler.problems import AzureError

BUILT_IN_POLICIES: Final = "/providers/microsoft.authorization/policydefinitions/"
_VERSION: Final = re.compile(r"(\d+)\.(\d+|\*)\.(\d+|\*)(-[\w.-]+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An assigned initiative: the pinned pattern (None: the newest) and the version in effect, where Azure said it."""

    assignment: Assignment
    effective: str | None = None

    @property
    def set_key(self) -> str:
        """The folded id of the policy set, without a version."""
        return self.assignment.definition.key

    def takes(self, version: str | None) -> bool:
        """Whether this assignment uses that version of its initiative."""
        if self.effective is not None:
            return version == self.effective
        pattern = self.assignment.version
        return pattern is None or version is None or matches(pattern, version)


@dataclass(slots=True, kw_only=True)
class Definitions:
    """Policy sets at versions, which assignment uses which (folded id to position), and what could not be read."""

    sets: list[JSON] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)


def matches(pattern: str, version: str) -> bool:
    """Whether a version is one that a pinned pattern takes: `1.*.*` takes `1.4.0`; previews only where it says so."""
    wanted, given = _VERSION.fullmatch(pattern), _VERSION.fullmatch(version)
    if wanted is None or given is None:
        return pattern.lower() == version.lower()
    if given[4] and (wanted[4] or "").lower() != given[4].lower():
        return False
    return all(wanted[place] in {"*", given[place]} for place in (1, 2, 3))


def newest(pattern: str | None, versions: Sequence[str]) -> str | None:
    """The newest of the versions that the pattern takes; a stable one before a preview of the same number."""
    taken = [one for one in versions if pattern is None or matches(pattern, one)]
    return max(taken, key=_age, default=None)


def _age(version: str) -> tuple[list[int], bool]:
    found = _VERSION.fullmatch(version)
    numbers = [int(found[place]) for place in (1, 2, 3) if found[place].isdigit()] if found else []
    return numbers, found is not None and not found[4]


def read_initiatives(arm: Arm, assigned: Sequence[Wanted]) -> Definitions:
    """Every assigned initiative at its version: one request per set, and one more per version that is not the newest."""
    result = Definitions()
    sets = sorted({one.assignment.definition for one in assigned})
    latest: dict[str, JSON] = {}
    for definition, answer in zip(sets, arm.each(lambda one: _get(arm, one.text), sets), strict=True):
        if isinstance(answer, AzureError):
            _note(result, [one for one in assigned if one.set_key == definition.key], answer)
        else:
            latest[definition.key] = answer
    readable = [one for one in assigned if one.set_key in latest]
    pending = _use(result, readable, latest)
    _read_versions(arm, result, pending, latest)
    return result


def _get(arm: Arm, path: str) -> JSON:
    return arm.get(path, Api.INITIATIVES).body


def _use(result: Definitions, assigned: Sequence[Wanted], latest: Mapping[str, JSON]) -> list[Wanted]:
    """Settles the assignments that use the newest version of their set; gives the others."""
    positions: dict[str, int] = {}
    pending = []
    for one in assigned:
        value = latest[one.set_key]
        if not one.takes((value.get("properties") or {}).get("version")):
            pending.append(one)
            continue
        if one.set_key not in positions:
            positions[one.set_key] = len(result.sets)
            result.sets.append(value)
        result.used[one.assignment.id.key] = positions[one.set_key]
    return pending


def _read_versions(arm: Arm, result: Definitions, pending: Sequence[Wanted], latest: Mapping[str, JSON]) -> None:
    """Fetches the older versions that some assignments are pinned to, each distinct one once."""
    choose = _chooser(arm, latest)
    groups: dict[str, list[Wanted]] = {}
    undecided = sorted({(one.set_key, one.effective, one.assignment.version) for one in pending}, key=str)
    chosen = dict(zip(undecided, arm.each(lambda one: choose(*one), undecided), strict=True))
    for one in pending:
        path = chosen[one.set_key, one.effective, one.assignment.version]
        if isinstance(path, AzureError):
            _note(result, [one], path)
        else:
            groups.setdefault(path, []).append(one)
    for (_, users), answer in zip(groups.items(), arm.each(lambda path: _get(arm, path), list(groups)), strict=True):
        if isinstance(answer, AzureError):
            _note(result, users, answer)
        else:
            result.used.update({one.assignment.id.key: len(result.sets) for one in users})
            result.sets.append(answer)


def _chooser(arm: Arm, latest: Mapping[str, JSON]) -> Callable[[str, str | None, str | None], str]:
    """A function from (set, effective version, pattern) to the path of that version of the set."""

    def choose(set_key: str, effective: str | None, pattern: str | None) -> str:
        value = latest[set_key]
        version = effective or newest(pattern, _versions(arm, value))
        if version is None:
            raise AzureError(404, "NoSuchVersion", f"{value['id']} has no version that {pattern} takes", _NO_VERSION)
        return f"{wire.split_version(value['id'])[0]}/versions/{version}"

    return choose


_NO_VERSION: Final = "pin the assignment to a version that the initiative has: az policy assignment update"


def _versions(arm: Arm, value: JSON) -> list[str]:
    """The versions a set has, as it says itself or as its list of versions shows."""
    properties = value.get("properties") or {}
    if listed := properties.get("versions"):
        return list(listed)
    pages = arm.pages(f"{wire.split_version(value['id'])[0]}/versions", Api.INITIATIVES)
    return [str((one.get("properties") or {}).get("version") or one.get("name") or "") for one in pages]


def _note(result: Definitions, users: Sequence[Wanted], error: AzureError) -> None:
    """One line per initiative and scope: the cells of its assignments cannot be decided."""
    lines = {(one.assignment.scope, one.assignment.definition.text) for one in users}
    result.unread += [
        Unread(scope=scope, what=what, reason=error.message, remedy=error.remedy) for scope, what in sorted(lines)
    ]


def read_policies(arm: Arm, definitions: Sequence[ArmId]) -> list[JSON]:
    """The custom ones of the given policy definitions, as far as readable; built-ins are in the catalogue."""
    custom = sorted(one for one in set(definitions) if not one.key.startswith(BUILT_IN_POLICIES))
    answers = arm.each(lambda one: arm.get(one.text, Api.POLICIES).body, custom)
    return [answer for answer in answers if not isinstance(answer, AzureError)]
