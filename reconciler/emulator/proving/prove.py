"""Runs the scenarios on a real scope and on an emulator that was told what the scope holds, and compares."""

from __future__ import annotations

import functools
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler.emulator.proving import exchanges
from reconciler.emulator.proving.comparison import ABSENT, NOT_COMPARED, PRESENT, Normaliser, differences, guids
from reconciler.emulator.proving.exchanges import Exchange, Reply, Send, to_emulator
from reconciler.emulator.proving.scenarios import READ, WRITE, Scenario
from reconciler.emulator.proving.scrubbing import Scrubber
from reconciler.emulator.server import running
from reconciler.emulator.state.builtin import bundled
from reconciler.emulator.versions import ASSIGNMENTS, EXEMPTIONS
from reconciler.model import JSON, ArmId, ScopeKind, arm_id

FORMAT: Final = "1.0"
_POLICY: Final = "/providers/Microsoft.Authorization"
_GROUP: Final = "/providers/Microsoft.Management/managementGroups/"
PLENTY: Final = {kind: {"size": 1_000_000} for kind in ("reads", "writes", "deletes")}
"""Rate limits that are told, as Azure tells them, and never reached."""

_BLANK: Final = "00000000-0000-4000-8000-000000000000"
_BLANK_SCOPES: Final = {
    ScopeKind.MANAGEMENT_GROUP: f"{_GROUP}group",
    ScopeKind.SUBSCRIPTION: f"/subscriptions/{_BLANK}",
    ScopeKind.RESOURCE_GROUP: f"/subscriptions/{_BLANK}/resourceGroups/group",
}


class SandboxError(ValueError):
    """The sandbox cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks the real Azure, so that the emulator has a principal of the same kind."""

    tenant: str
    object_id: str
    name: str
    is_user: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where the answers to a scenario differ, scrubbed."""

    scenario: str
    where: str
    real: JSON
    emulated: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came out, scrubbed, but for `remaining`: the targets that could not be deleted, as they are."""

    is_write_tier: bool
    exchanges: tuple[dict[str, JSON], ...]
    differences: tuple[Difference, ...]
    remaining: tuple[str, ...]


def prove(send: Send, scope: ArmId, caller: Caller, now: datetime, *, write: bool = False) -> Proof:
    """Run the scenarios, those that write only if `write` says so.

    Raises:
        SandboxError: the scope cannot be read, is of another kind, or holds more than a page of objects.
    """
    scenarios = (*READ, *WRITE) if write else READ
    content = _content(send, scope, caller)
    variables = _variables(scope, content)
    real, remaining = exchanges.run(scenarios, send, variables)
    emulated = _on_emulator(scenarios, content, caller, variables)
    shared = guids([content, variables])
    ours, theirs = (_normalised(side, shared, now, variables["run"]) for side in (real, emulated))
    scrubber = _scrubber(scenarios, scope, caller, variables, now)
    scrubbed = tuple(
        Difference(
            scenario=exchange.scenario.name,
            where=scrubber.place(where),
            real=scrubber.scrub(lhs, where),
            emulated=scrubber.scrub(rhs, where),
        )
        for exchange, reply, counterpart in zip(real, ours, theirs, strict=True)
        for where, lhs, rhs in differences((), reply, counterpart)
    )
    return Proof(
        is_write_tier=write,
        exchanges=tuple(_entry(scrubber, exchange, reply) for exchange, reply in zip(real, ours, strict=True)),
        differences=scrubbed,
        remaining=tuple(remaining),
    )


def _normalised(side: Sequence[Exchange], shared: frozenset[str], now: datetime, run: str) -> list[dict[str, JSON]]:
    normaliser = Normaliser(shared, now)
    return [normaliser.reply(exchange, run) for exchange in side]


def _entry(scrubber: Scrubber, exchange: Exchange, reply: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "scenario": exchange.scenario.name,
        "request": {
            "method": exchange.scenario.method,
            "target": scrubber.scrub(exchange.target, ("target",)),
            "body": scrubber.scrub(exchange.body),
        },
        "response": scrubber.scrub(reply),
    }


def _on_emulator(
    scenarios: Sequence[Scenario], content: Mapping[str, Any], caller: Caller, variables: Mapping[str, str]
) -> list[Exchange]:
    with running(content) as azure, to_emulator(azure, caller.object_id) as send:
        return exchanges.run(scenarios, send, variables)[0]


# --- what the sandbox holds ---------------------------------------------------------------------------------------


def _content(send: Send, scope: ArmId, caller: Caller) -> dict[str, Any]:
    """A tenant file with what can be seen at the scope: itself, its assignments and exemptions, the groups above."""
    if scope.kind not in _BLANK_SCOPES:
        raise SandboxError(
            f"{scope} is a {scope.kind.value}; a management group, a subscription or a resource group is needed"
        )
    target = f"{scope}?api-version=2021-04-01"
    body = _content_of(send("GET", target, None), target)
    objects = {
        "policyAssignments": _listed(send, f"{scope}{_POLICY}/policyAssignments", ASSIGNMENTS),
        "policyExemptions": _listed(send, f"{scope}{_POLICY}/policyExemptions", EXEMPTIONS),
    }
    content = _tenant(scope, caller, [str(item["id"]) for items in objects.values() for item in items])
    if scope.kind is ScopeKind.RESOURCE_GROUP:
        content["resources"] = [{"location": body.get("location"), "id": scope.text}]
    return {**content, **objects}


def _tenant(scope: ArmId, caller: Caller, ids: Sequence[str]) -> dict[str, Any]:
    """The scope in a tenant with the management groups that ids name, in the order in which they are named."""
    above = dict.fromkeys(text[len(_GROUP) :].split("/")[0] for text in ids if text.lower().startswith(_GROUP.lower()))
    names = [name for name in above if name.lower() not in {caller.tenant.lower(), scope.name.lower()}]
    if scope.kind is ScopeKind.MANAGEMENT_GROUP:
        names.append(scope.name)
    groups = [{"name": name, "parent": parent} for name, parent in zip(names, [caller.tenant, *names], strict=False)]
    subscription = {"id": scope.subscription, "managementGroup": names[-1] if names else caller.tenant}
    return {
        "tenantId": caller.tenant,
        "managementGroups": groups,
        "subscriptions": [subscription] if scope.subscription else [],
        "principals": [
            {
                "objectId": caller.object_id,
                "name": caller.name,
                "type": "User" if caller.is_user else "Application",
            }
        ],
        "faultInjection": {"throttling": PLENTY},
    }


def _content_of(reply: Reply, target: str) -> dict[str, Any]:
    """The object that was answered.

    Raises:
        SandboxError: there is none.
    """
    if reply.status != 200 or not isinstance(reply.body, dict):
        raise SandboxError(
            f"the sandbox cannot be read: GET {target} answers {reply.status} {_code(reply.body)}".rstrip()
        )
    return reply.body


def _listed(send: Send, path: str, versions: Sequence[str]) -> list[dict[str, Any]]:
    """All of a list, by the newest version that the cloud has."""
    for version in reversed(versions):
        reply = send("GET", f"{path}?api-version={version}", None)
        if _code(reply.body) not in {"InvalidResourceType", "NoRegisteredProviderFound"}:
            break
    body = _content_of(reply, path)
    if body.get("nextLink"):
        raise SandboxError(f"the sandbox holds more than a page of {path.rpartition('/')[2]}; name a smaller scope")
    return list(body["value"])


def _code(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _variables(scope: ArmId, content: Mapping[str, Any]) -> dict[str, str]:
    variables = {
        "scope": scope.text,
        "policy": _POLICY,
        "missing": str(uuid.uuid4()),
        "run": f"prove{secrets.token_hex(4)}",
    }
    for name, items in (("assignment", content["policyAssignments"]), ("exemption", content["policyExemptions"])):
        ids = sorted(str(item["id"]) for item in items)
        local = [text for text in ids if text.lower().startswith(f"{scope.key}{_POLICY.lower()}/")]
        if local or ids:
            variables[name] = (local or ids)[0]
    return variables


# --- what may be written down -------------------------------------------------------------------------------------


def _scrubber(
    scenarios: Sequence[Scenario], scope: ArmId, caller: Caller, variables: Mapping[str, str], now: datetime
) -> Scrubber:
    """Allows what an emulator of an empty tenant says to the same scenarios, and the ids of what is built in."""
    places = {
        scope.text: "<scope>",
        caller.tenant: "<tenant>",
        caller.object_id: "<caller>",
        caller.name: "<caller>",
        variables["missing"]: "<missing>",
        variables["run"]: "<run>",
        **({scope.subscription: "<subscription>"} if scope.subscription else {}),
    }
    scrubber = Scrubber(places, [scenario.name for scenario in scenarios])
    scrubber.allow_texts(item.name for item in (*bundled().initiatives(), *bundled().policies()))
    scrubber.allow_texts(
        [ABSENT, PRESENT, NOT_COMPARED, *(kind.__name__ for kind in (str, int, float, bool, type(None)))]
    )
    for exchange in (blank := _blank(scope.kind)):
        for part in (exchange.scenario.target, exchange.body, exchange.reply.body):
            scrubber.allow(part)
    for reply in _normalised(blank, frozenset(), now, ""):
        scrubber.allow({name: part for name, part in reply.items() if name != "body"} | {"body": None})
    return scrubber


@functools.cache
def _blank(kind: ScopeKind) -> tuple[Exchange, ...]:
    """Every scenario on an emulator that knows nothing but a scope of that kind and an object of each type."""
    scope = arm_id(_BLANK_SCOPES[kind])
    caller = Caller(tenant=_BLANK, object_id=_BLANK, name=_BLANK, is_user=False)
    assignment = f"{scope}{_POLICY}/policyAssignments/{_BLANK}"
    waiver = {"policyAssignmentId": assignment, "exemptionCategory": "Waiver"}
    content = _tenant(scope, caller, []) | {
        "policyAssignments": [
            {"id": assignment, "properties": {"policyDefinitionId": f"{_POLICY}/policyDefinitions/x"}}
        ],
        "policyExemptions": [{"id": f"{scope}{_POLICY}/policyExemptions/{_BLANK}", "properties": waiver}],
    }
    if kind is ScopeKind.RESOURCE_GROUP:
        content["resources"] = [scope.text]
    return tuple(_on_emulator((*READ, *WRITE), content, caller, _variables(scope, content)))


def as_json(proof: Proof, tool_version: str) -> dict[str, JSON]:
    """The recording as it is written to a file."""
    fields = [
        {"scenario": item.scenario, "where": item.where, "real": item.real, "emulated": item.emulated}
        for item in proof.differences
    ]
    return {
        "format_version": FORMAT,
        "tool_version": tool_version,
        "tier": "write" if proof.is_write_tier else "read",
        "exchanges": list(proof.exchanges),
        "differences": json.loads(json.dumps(fields)),
    }
