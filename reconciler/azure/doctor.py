"""The checks of `exempt doctor`: can this identity, from this machine, do what plan and apply need? Writes nothing."""

from __future__ import annotations

import enum
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from reconciler.azure.clouds import ARM_ENDPOINT
from reconciler.azure.record import Record, snapshot_of
from reconciler.azure.rights import EXEMPT_ACTION, WRITE_ACTIONS, Permission, Role, missing_actions, read_permissions
from reconciler.azure.session import Azure
from reconciler.azure.transport import Arm
from reconciler.azure.versions import KNOWN, Api
from reconciler.catalog.catalogue import BENCHMARK
from reconciler.model import ArmId, Declaration, ScopeKind, Snapshot
from reconciler.problems import AzureError

DEFENDER_APPLICATION: Final = "8edd93e1-2103-40b4-bd70-6e34e586362d"
"""The application id, the same in every tenant, by which Defender for Cloud itself reads policy."""

_SKEW_WARNING: Final = 60
_SKEW_FAILURE: Final = 300
"""Entra ID tolerates five minutes: beyond, tokens are refused as expired or not yet valid."""


class State(enum.StrEnum):
    """How a check came out. Only `failed` fails the command."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question and its answer; `scopes` are the ids it is about, where it is about some."""

    name: str
    state: State
    message: str
    remedy: str = ""
    scopes: tuple[str, ...] = ()


Examined = Callable[[Check], None]


def examine(
    azure: Azure,
    declarations: Sequence[Declaration],
    environment: Mapping[str, str],
    *,
    read_only: bool,
    tell: Examined,
) -> None:
    """Tells every check as it is done, cheap ones first. The identity and its tenant are checked by `connect`."""
    tell(_identity(azure))
    tell(_cloud(azure, environment))
    tell(_clock(azure.arm))
    try:
        record = azure.reader().record(azure.settings, declarations)
    except AzureError as error:
        tell(Check(name="reading", state=State.FAILED, message=error.message, remedy=error.remedy))
        return
    snapshot = snapshot_of(record)
    tell(_versions(azure))
    tell(_reading(record))
    if not read_only:
        rights = Rights(azure.arm, snapshot, azure.settings.scopes)
        who = str(azure.claims.get("oid") or "OBJECT_ID")
        tell(_writing(rights.lacking(WRITE_ACTIONS), who))
        tell(_assignments(rights.lacking_on_assignments(), who))
    tell(_benchmark(snapshot))
    if groups := _declared_groups(declarations):
        tell(_defender(groups))


# --- the connection ----------------------------------------------------------------------------------------------


def _identity(azure: Azure) -> Check:
    claims = azure.claims
    name = claims.get("upn") or claims.get("app_displayname") or claims.get("appid") or "unknown"
    kind = "user" if claims.get("idtyp") == "user" or claims.get("upn") else "application"
    identity = f"{kind} {name}, object id {claims.get('oid', 'unknown')}"
    return Check(name="identity", state=State.OK, message=f"{identity}, of tenant {azure.settings.tenant_id}")


def _cloud(azure: Azure, environment: Mapping[str, str]) -> Check:
    said = f"{azure.settings.cloud.value} at {azure.endpoints.resource_manager}"
    if environment.get(ARM_ENDPOINT):
        return Check(
            name="cloud",
            state=State.WARNING,
            message=f"{said}, as {ARM_ENDPOINT} says",
            remedy=f"unset {ARM_ENDPOINT} for Azure itself",
        )
    return Check(name="cloud", state=State.OK, message=said)


def _clock(arm: Arm) -> Check:
    before = time.time()
    try:
        answer = arm.get("/tenants", Api.TENANTS)
    except AzureError as error:
        return Check(
            name="clock", state=State.FAILED, message=f"Azure does not answer: {error.message}", remedy=error.remedy
        )
    try:
        azures = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return Check(name="clock", state=State.UNKNOWN, message="Azure's answer bears no date")
    skew = (before + time.time()) / 2 - azures
    return clock_check(skew)


def clock_check(skew: float) -> Check:
    """What a clock that is so many seconds ahead of Azure's means."""
    direction = "ahead of" if skew > 0 else "behind"
    said = f"this machine's clock is {abs(skew):.0f} s {direction} Azure's"
    if abs(skew) > _SKEW_FAILURE:
        return Check(
            name="clock",
            state=State.FAILED,
            message=f"{said}; tokens are refused beyond 300 s",
            remedy="synchronise it (NTP)",
        )
    if abs(skew) > _SKEW_WARNING:
        return Check(
            name="clock", state=State.WARNING, message=f"{said}; expiry is judged by it", remedy="synchronise it (NTP)"
        )
    return Check(name="clock", state=State.OK, message="this machine's clock agrees with Azure's")


def _versions(azure: Azure) -> Check:
    version = azure.versions.current(Api.EXEMPTIONS)
    newest = KNOWN[Api.EXEMPTIONS][0]
    if version == newest:
        return Check(name="api version", state=State.OK, message=f"exemptions are read and written with {version}")
    why = "reconciler.yaml says so" if azure.settings.api_version else "the cloud has no newer one"
    return Check(
        name="api version",
        state=State.OK,
        message=f"exemptions are read and written with {version} ({why}; newest: {newest})",
    )


# --- rights ------------------------------------------------------------------------------------------------------


def _reading(record: Record) -> Check:
    scopes = sum(node.expected for node in record.nodes)
    if not record.unread:
        return Check(
            name="reading",
            state=State.OK,
            message=f"every scope can be read ({scopes}), with {record.requests} requests",
        )
    first = record.unread[0]
    where = tuple(sorted({one.scope.text for one in record.unread}))
    said = f"{len(record.unread)} of the things to read cannot be: {first.what} at {first.scope}: {first.reason}"
    return Check(name="reading", state=State.FAILED, message=said, remedy=first.remedy, scopes=where)


class Rights:
    """What may be done where, asked from the top: below a scope that has every right nothing needs to be asked."""

    def __init__(self, arm: Arm, snapshot: Snapshot, roots: Sequence[ArmId]) -> None:
        self._arm = arm
        self._snapshot = snapshot
        self._managed = {one for one in snapshot.expected if set(roots) & set(_chain(snapshot, one))} | set(roots)
        self._known: dict[ArmId, list[Permission] | AzureError] = {}

    def lacking(self, actions: Sequence[str]) -> dict[ArmId, tuple[str, ...] | AzureError]:
        """The managed scopes that lack some of the actions, with those; or with the reason that it is unknown."""
        parents = self._snapshot.parents
        frontier = sorted(one for one in self._managed if parents.get(one.key) not in self._managed)
        found: dict[ArmId, tuple[str, ...] | AzureError] = {}
        while frontier:
            found |= {scope: lacks for scope, lacks in self._ask(frontier, actions).items() if lacks}
            below = sorted(one for one in self._managed if parents.get(one.key) in found)
            frontier = [one for one in below if one not in self._known]
        return found

    def lacking_on_assignments(self) -> dict[ArmId, tuple[str, ...] | AzureError]:
        """The scopes of assignments on which exempting is not allowed."""
        scopes = {one.scope for one in self._snapshot.assignments.values()}
        allowed = {
            scope
            for scope, known in self._known.items()
            if not isinstance(known, AzureError) and not missing_actions(known, [EXEMPT_ACTION])
        }
        asked = sorted(scope for scope in scopes if not self._is_within(scope, allowed))
        return {scope: lacks for scope, lacks in self._ask(asked, [EXEMPT_ACTION]).items() if lacks}

    def _ask(self, scopes: Sequence[ArmId], actions: Sequence[str]) -> dict[ArmId, tuple[str, ...] | AzureError]:
        new = [scope for scope in scopes if scope not in self._known]
        answers = self._arm.each(lambda scope: read_permissions(self._arm, scope), new)
        self._known.update(zip(new, answers, strict=True))
        found: dict[ArmId, tuple[str, ...] | AzureError] = {}
        for scope in scopes:
            known = self._known[scope]
            found[scope] = known if isinstance(known, AzureError) else missing_actions(known, actions)
        return found

    def _is_within(self, scope: ArmId, allowed: set[ArmId]) -> bool:
        step: ArmId | None = scope
        while step is not None:
            if step in allowed:
                return True
            step = step.parent or self._snapshot.parents.get(step.key)
        return False


def _writing(lacking: Mapping[ArmId, tuple[str, ...] | AzureError], who: str) -> Check:
    if not lacking:
        return Check(
            name="writing", state=State.OK, message="exemptions may be written and deleted at every managed scope"
        )
    return _lacks("writing", lacking, "exemptions cannot be changed", Role.WRITER, who)


def _assignments(lacking: Mapping[ArmId, tuple[str, ...] | AzureError], who: str) -> Check:
    if not lacking:
        return Check(
            name="assignments", state=State.OK, message=f"every assignment may be exempted from ({EXEMPT_ACTION})"
        )
    return _lacks("assignments", lacking, "the assignments cannot be exempted from", Role.ASSIGNMENT, who)


def _lacks(name: str, lacking: Mapping[ArmId, tuple[str, ...] | AzureError], what: str, role: Role, who: str) -> Check:
    denied = {scope: actions for scope, actions in lacking.items() if not isinstance(actions, AzureError)}
    if not denied:
        scope, error = next((one, fault) for one, fault in lacking.items() if isinstance(fault, AzureError))
        return Check(
            name=name,
            state=State.UNKNOWN,
            message=f"Azure does not say what is allowed at {scope}: {error.message}",
            remedy=error.remedy,
        )
    scopes = tuple(scope.text for scope in sorted(denied))
    actions = sorted({action for found in denied.values() for action in found})
    first = shlex.quote(scopes[0])
    remedy = (
        f"grant Resource Policy Contributor there: az role assignment create --assignee {shlex.quote(who)} --role "
        f'"Resource Policy Contributor" --scope {first}; or a role with only what is needed: exempt doctor --role {role}'
    )
    more = f" and {len(scopes) - 1} more" if len(scopes) > 1 else ""
    return Check(
        name=name,
        state=State.FAILED,
        message=f"{what} at {scopes[0]}{more}: {', '.join(actions)} missing",
        remedy=remedy,
        scopes=scopes,
    )


# --- Defender for Cloud ------------------------------------------------------------------------------------------


def _benchmark(snapshot: Snapshot) -> Check:
    assigned = {one.scope for one in snapshot.assignments.values() if one.definition.key.endswith(f"/{BENCHMARK}")}
    subscriptions = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
    bare = tuple(scope.text for scope in subscriptions if not assigned & set(_chain(snapshot, scope)))
    if not bare:
        said = f"the Microsoft cloud security benchmark is assigned for every subscription ({len(subscriptions)})"
        return Check(name="benchmark", state=State.OK, message=said)
    name = f"/providers/Microsoft.Authorization/policySetDefinitions/{BENCHMARK}"
    return Check(
        name="benchmark",
        state=State.WARNING,
        message=f"the Microsoft cloud security benchmark is not assigned for {bare[0]}"
        + (f" and {len(bare) - 1} more" if len(bare) > 1 else "")
        + ": Defender's recommendations come from it, so few can be exempted there",
        remedy=f"assign it: az policy assignment create --name SecurityCenterBuiltIn --policy-set-definition {name} --scope {bare[0]}",
        scopes=bare,
    )


def _chain(snapshot: Snapshot, scope: ArmId) -> list[ArmId]:
    chain = [scope]
    while (parent := snapshot.parents.get(chain[-1].key)) is not None and parent not in chain:
        chain.append(parent)
    return chain


def _declared_groups(declarations: Sequence[Declaration]) -> tuple[str, ...]:
    scopes = {scope for one in declarations if one.enabled for scope in one.scopes}
    return tuple(scope.text for scope in sorted(scopes) if scope.kind is ScopeKind.MANAGEMENT_GROUP)


def _defender(groups: tuple[str, ...]) -> Check:
    return Check(
        name="defender",
        state=State.UNKNOWN,
        message="exemptions at a management group show in Defender only if Defender itself may read that group; an identity of "
        "Azure Resource Manager cannot see that",
        remedy=f"if they do not show: az role assignment create --assignee {DEFENDER_APPLICATION} --role Reader --scope "
        f"{shlex.quote(groups[0])}",
        scopes=groups,
    )
