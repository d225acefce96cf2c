"""The checks of `exempt doctor`: can this identity, from this machine, do what plan and apply need? Writes nothing."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from reconciler.azure.api_versions import KNOWN, Api
from reconciler.azure.checks import ASSIGNMENTS, STANDARDS, WRITING, Check, State, right_check
from reconciler.azure.client import ArmClient
from reconciler.azure.clouds import ARM_ENDPOINT
from reconciler.azure.raw_snapshot import RawSnapshot, snapshot_of
from reconciler.azure.rights import STANDARD_ACTIONS, WRITE_ACTIONS, RightsSurvey
from reconciler.azure.session import Azure
from reconciler.catalog.facts import BENCHMARK
from reconciler.model import (
    STANDARD_ASSIGNMENTS,
    ArmId,
    Declaration,
    ScopeKind,
    Snapshot,
    Unread,
    ancestors,
    count,
    unread_groups,
    without_needless,
)
from reconciler.problems import AzureError

DEFENDER_APPLICATION: Final = "8edd93e1-2103-40b4-bd70-6e34e586362d"
"""The application id, the same in every tenant, by which Defender for Cloud itself reads policy."""

_LISTS: Final = frozenset({"assignments", "descendants"})
"""What a check of all assignments rests on."""

_SKEW_WARNING: Final = 60
_SKEW_FAILURE: Final = 300
"""Entra ID tolerates five minutes: beyond, tokens are refused as expired or not yet valid."""


OnCheck = Callable[[Check], None]


def run_checks(  # noqa: PLR0913 - what the checks are about
    azure: Azure,
    declarations: Sequence[Declaration],
    environment: Mapping[str, str],
    *,
    standards: Sequence[ArmId],
    read_only: bool,
    on_check: OnCheck,
) -> None:
    """Makes every check, cheap ones first, and hands each to `on_check` as it is done. The identity and its tenant are
    checked by `connect`. `standards` are the ids of standard assignments that the declarations come to.
    """
    on_check(_identity(azure))
    on_check(_cloud(azure, environment))
    on_check(_clock(azure.client))
    try:
        raw = azure.reader().raw_snapshot(azure.settings, declarations, standards=standards)
    except AzureError as error:
        on_check(Check(name="reading", state=State.FAILED, message=error.message, remedy=error.remedy))
        return
    snapshot = snapshot_of(raw)
    on_check(_versions(azure))
    needed = without_needless(snapshot, is_declared=bool(standards)).unread
    on_check(_reading(raw, needed))
    if len(needed) < len(raw.unread):
        on_check(_unseen(raw))
    if not read_only:
        on_check(_writers(azure))
        rights = RightsSurvey(azure.client, snapshot, azure.settings.scopes)
        principal = str(azure.claims.get("oid") or "OBJECT_ID")
        on_check(right_check(WRITING, rights.lacking(WRITE_ACTIONS), principal))
        if standards:
            on_check(right_check(STANDARDS, rights.lacking(STANDARD_ACTIONS), principal))
        on_check(_as_far_as_read(right_check(ASSIGNMENTS, rights.lacking_on_assignments(), principal), raw))
    on_check(_as_far_as_read(_benchmark(snapshot), raw))
    if defender := _defender(declarations):
        on_check(defender)


# --- the connection ----------------------------------------------------------------------------------------------


def _identity(azure: Azure) -> Check:
    claims = azure.claims
    name = claims.get("upn") or claims.get("app_displayname") or claims.get("appid") or "unknown"
    kind = "user" if claims.get("idtyp") == "user" or claims.get("upn") else "application"
    identity = f"{kind} {name}, object id {claims.get('oid', 'unknown')}"
    return Check(name="identity", state=State.OK, message=f"{identity}, of tenant {azure.settings.tenant_id}")


def _writers(azure: Azure) -> Check:
    """Whose marks are believed: where the settings name nobody, whoever may write an exemption can forge ours."""
    identity = str(azure.claims.get("upn") or azure.claims.get("oid") or "OBJECT_ID")
    writers = azure.settings.writers
    if azure.is_writer:
        message = f"this identity is one of {count(len(writers), 'writer')} whose marks are believed"
        return Check(name="writers", state=State.OK, message=message)
    if writers:
        return Check(
            name="writers",
            state=State.WARNING,
            message="this identity is none of `writers` in reconciler.yaml: what it writes would count as forged",
            remedy=f"run doctor as the identity that applies, or add this one: writers: [{', '.join([*writers, identity])}]",
        )
    return Check(
        name="writers",
        state=State.WARNING,
        message="reconciler.yaml names no writers, so our mark is believed on whatever bears it, whoever wrote it",
        remedy=f"if this is the identity that applies, add to reconciler.yaml: writers: [{identity}]",
    )


def _cloud(azure: Azure, environment: Mapping[str, str]) -> Check:
    message = f"{azure.settings.cloud.value} at {azure.endpoints.resource_manager}"
    if environment.get(ARM_ENDPOINT):
        return Check(
            name="cloud",
            state=State.WARNING,
            message=f"{message}, as {ARM_ENDPOINT} says",
            remedy=f"unset {ARM_ENDPOINT} for Azure itself",
        )
    return Check(name="cloud", state=State.OK, message=message)


def _clock(client: ArmClient) -> Check:
    before = time.time()
    try:
        answer = client.get("/tenants", Api.TENANTS)
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
    message = f"this machine's clock is {abs(skew):.0f} s {direction} Azure's"
    if abs(skew) > _SKEW_FAILURE:
        return Check(
            name="clock",
            state=State.FAILED,
            message=f"{message}; tokens are refused beyond 300 s",
            remedy="synchronise it (NTP)",
        )
    if abs(skew) > _SKEW_WARNING:
        return Check(
            name="clock",
            state=State.WARNING,
            message=f"{message}; expiry is judged by it",
            remedy="synchronise it (NTP)",
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


def _unseen(raw: RawSnapshot) -> Check:
    """Defender's own exemptions, which the identity may not read and no declaration needs."""
    refused = [line for line in raw.unread if line.is_refused and line.what == STANDARD_ASSIGNMENTS]
    return Check(
        name="defender's list",
        state=State.WARNING,
        message=f"the standard assignments of {count(len(refused), 'scope')} cannot be read. No declaration needs it, but "
        "reports and snapshots of what is exempt are incomplete",
        remedy=refused[0].remedy,
        scopes=tuple(sorted({line.scope.text for line in refused})),
    )


def _reading(raw: RawSnapshot, unread: Sequence[Unread]) -> Check:
    scopes = sum(node.expected for node in raw.nodes)
    if not unread:
        return Check(
            name="reading",
            state=State.OK,
            message=f"every scope can be read ({scopes}), with {raw.requests} requests",
        )
    details = tuple(f"{part.what} at {part.scope}: {part.message}" for part in unread_groups(unread))
    return Check(
        name="reading",
        state=State.FAILED,
        message=f"not read: {details[0]}"
        if len(details) == 1
        else f"{len(unread)} lists and definitions cannot be read",
        remedy="; ".join(dict.fromkeys(line.remedy for line in unread if line.remedy)),
        scopes=tuple(sorted({line.scope.text for line in unread})),
        details=details if len(details) > 1 else (),
    )


def _as_far_as_read(check: Check, raw: RawSnapshot) -> Check:
    """A check of all assignments, unless it failed: unknown where not all of them, or not all scopes, were read."""
    if check.state is State.FAILED or _LISTS.isdisjoint(unread.what for unread in raw.unread):
        return check
    message = "not known: not every scope and assignment could be read"
    return Check(name=check.name, state=State.UNKNOWN, message=message, remedy="settle first what cannot be read")


# --- Defender for Cloud ------------------------------------------------------------------------------------------


def _benchmark(snapshot: Snapshot) -> Check:
    assigned = {
        assignment.scope
        for assignment in snapshot.assignments.values()
        if assignment.definition.key.endswith(f"/{BENCHMARK}")
    }
    subscriptions = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
    bare = tuple(scope.text for scope in subscriptions if assigned.isdisjoint(ancestors(scope, snapshot.parents)))
    if not bare:
        message = f"the Microsoft cloud security benchmark is assigned for every subscription ({len(subscriptions)})"
        return Check(name="benchmark", state=State.OK, message=message)
    return Check(
        name="benchmark",
        state=State.WARNING,
        message="the Microsoft cloud security benchmark is not assigned for "
        f"{bare[0] if len(bare) == 1 else f'{len(bare)} subscriptions'}: Defender's recommendations come from it, so few "
        "can be exempted there",
        remedy="assign it: az policy assignment create --name SecurityCenterBuiltIn "
        f"--policy-set-definition {BENCHMARK} --scope {bare[0]}",  # az takes built-ins by name alone
        scopes=bare,
        details=bare if len(bare) > 1 else (),
    )


def _defender(declarations: Sequence[Declaration]) -> Check | None:
    scopes = {scope for declaration in declarations if declaration.enabled for scope in declaration.scopes}
    groups = tuple(scope.text for scope in sorted(scopes) if scope.kind is ScopeKind.MANAGEMENT_GROUP)
    if not groups:
        return None
    return Check(
        name="defender",
        state=State.UNKNOWN,
        message="exemptions at a management group show in Defender only if Defender itself may read that group; an identity of "
        "Azure Resource Manager cannot see that",
        remedy=f"if they do not show: az role assignment create --assignee {DEFENDER_APPLICATION} --role Reader --scope "
        f"{shlex.quote(groups[0])}",
        scopes=groups,
    )
