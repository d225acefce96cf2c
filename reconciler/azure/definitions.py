"""The initiatives that are assigned, each at the version its assignment is pinned to, and custom single policies.

Only needed ids are fetched, each distinct one once: lists of definitions are megabytes. An assignment pins a version
by a pattern (`1.*.*`); newer services say which version that means now, older ones leave the choice to us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.arm import objects
from reconciler.arm.shapes import object_in, text_in, texts_in
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, read_object
from reconciler.azure.errors import reading
from reconciler.model import JSON, ArmId, Assignment, Unread, first_few
from reconciler.problems import AzureError

BUILT_IN_POLICIES: Final = "/providers/microsoft.authorization/policydefinitions/"
_FEW: Final = 3
_VERSION: Final = re.compile(r"(\d+)\.(\d+|\*)\.(\d+|\*)(-[\w.-]+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AssignedInitiative:
    """An assignment of an initiative, and the version in effect where Azure says it (None: by the pinned pattern)."""

    assignment: Assignment
    effective: str | None = None

    @property
    def set_key(self) -> str:
        """The folded id of the policy set, without a version."""
        return self.assignment.definition.key

    @property
    def choice(self) -> tuple[str, str | None, str | None]:
        """What decides which version is meant: the set, the version in effect, the pinned pattern."""
        return self.set_key, self.effective, self.assignment.version

    def accepts(self, version: str | None) -> bool:
        """Whether this assignment uses that version of its initiative."""
        if self.effective is not None:
            return version == self.effective
        pattern = self.assignment.version
        return pattern is None or version is None or matches(pattern, version)


@dataclass(slots=True, kw_only=True)
class InitiativeVersions:
    """Policy sets at versions, which assignment uses which (folded id to position), and what could not be read."""

    sets: list[JSON] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)

    def add(self, value: JSON, users: Sequence[AssignedInitiative]) -> None:
        """A set at one version, and the assignments that use it."""
        self.used.update({user.assignment.id.key: len(self.sets) for user in users})
        self.sets.append(value)

    def note(self, users: Sequence[AssignedInitiative], error: AzureError) -> None:
        """One line per initiative and scope: the cells of its assignments cannot be decided."""
        lines = {(user.assignment.scope, user.assignment.definition.text) for user in users}
        self.unread += [
            Unread(scope=scope, what=initiative, message=error.message, remedy=error.remedy)
            for scope, initiative in sorted(lines)
        ]


def matches(pattern: str, version: str) -> bool:
    """Whether a version is one that a pinned pattern takes: `1.*.*` takes `1.4.0`; previews only where it says so."""
    pinned, candidate = _VERSION.fullmatch(pattern), _VERSION.fullmatch(version)
    if pinned is None or candidate is None:
        return pattern.lower() == version.lower()
    if candidate[4] and (pinned[4] or "").lower() != candidate[4].lower():
        return False
    return all(pinned[group] in {"*", candidate[group]} for group in (1, 2, 3))


def newest(pattern: str | None, versions: Sequence[str]) -> str | None:
    """The newest of the versions that the pattern takes; a stable one before a preview of the same number."""
    accepted = [version for version in versions if pattern is None or matches(pattern, version)]
    return max(accepted, key=_age, default=None)


def _age(version: str) -> tuple[list[int], bool]:
    match = _VERSION.fullmatch(version)
    numbers = [int(match[group]) for group in (1, 2, 3) if match[group].isdigit()] if match else []
    return numbers, match is not None and not match[4]


def read_initiatives(client: ArmClient, assigned: Sequence[AssignedInitiative]) -> InitiativeVersions:
    """Every assigned initiative at its version: one request per set, and one more per version that is not the newest."""
    result = InitiativeVersions()
    latest: dict[str, JSON] = {}
    sets = sorted({entry.assignment.definition for entry in assigned})
    answers = client.each(
        lambda identifier: read_object(client, identifier.text, Api.INITIATIVES, objects.decode_initiative), sets
    )
    pending: list[AssignedInitiative] = []
    for definition, answer in zip(sets, answers, strict=True):
        users = [entry for entry in assigned if entry.set_key == definition.key]
        if isinstance(answer, AzureError):
            result.note(users, answer)
            continue
        latest[definition.key] = answer
        version = objects.decode_initiative(answer).version
        current = [user for user in users if user.accepts(version)]
        if current:
            result.add(answer, current)
        pending += [user for user in users if not user.accepts(version)]
    _read_older(client, result, pending, latest)
    return result


def _read_older(
    client: ArmClient,
    result: InitiativeVersions,
    pending: Sequence[AssignedInitiative],
    latest: Mapping[str, JSON],
) -> None:
    """Fetches the older versions that some assignments are pinned to, each distinct one once."""
    choices = sorted({entry.choice for entry in pending}, key=str)
    paths = client.each(lambda choice: _path_of_version(client, latest[choice[0]], *choice[1:]), choices)
    users_of: dict[str, list[AssignedInitiative]] = {}
    for choice, path in zip(choices, paths, strict=True):
        users = [entry for entry in pending if entry.choice == choice]
        if isinstance(path, AzureError):
            result.note(users, path)
        else:
            users_of.setdefault(path, []).extend(users)
    answers = client.each(
        lambda path: read_object(client, path, Api.INITIATIVES, objects.decode_initiative), list(users_of)
    )
    for users, answer in zip(users_of.values(), answers, strict=True):
        if isinstance(answer, AzureError):
            result.note(users, answer)
        else:
            result.add(answer, users)


def _path_of_version(client: ArmClient, latest: JSON, effective: str | None, pattern: str | None) -> str:
    """Where the version in effect, or the newest that the pattern takes, is read; `latest` is the set's newest."""
    path = objects.split_version(latest["id"])[0].text
    if effective:
        return f"{path}/versions/{effective}"
    with reading(path):
        versions: Sequence[str] = texts_in(object_in(latest, "properties"), "versions")
    if not versions:
        values = client.pages(f"{path}/versions", Api.INITIATIVES)
        with reading(f"{path}/versions"):
            versions = [
                text_in(object_in(value, "properties"), "version") or text_in(value, "name") for value in values
            ]
    version = newest(pattern, versions)
    if version is None:
        major = (newest(None, versions) or "1").partition(".")[0]
        remedy = (
            f"pin the assignment to one of its versions ({first_few(versions, _FEW)}): "
            f"az policy assignment update --name NAME --scope SCOPE --definition-version '{major}.*.*'"
        )
        raise AzureError(404, "NoSuchVersion", f"{latest['id']} has no version that {pattern} takes", remedy)
    return f"{path}/versions/{version}"


def read_policies(client: ArmClient, definitions: Sequence[ArmId]) -> list[JSON]:
    """The custom ones of the given policy definitions, as far as readable; built-ins are in the catalogue."""
    custom = sorted(policy for policy in set(definitions) if not policy.key.startswith(BUILT_IN_POLICIES))
    answers = client.each(lambda policy: read_object(client, policy.text, Api.POLICIES, objects.decode_policy), custom)
    return [answer for answer in answers if not isinstance(answer, AzureError)]
