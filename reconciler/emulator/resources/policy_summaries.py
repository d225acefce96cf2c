"""`policyStates/latest/summarize`: how many resources, policies and groups are in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer
from reconciler.emulator.resources.policy_filters import Entry, apply_options, instant_of
from reconciler.emulator.resources.policy_states import FIELDS, context_of, state_rows
from reconciler.emulator.wire.http import Response
from reconciler.model import JSON

_RANK: Final = ("noncompliant", "compliant", "conflict", "exempt", "unknown")
_DAY: Final = 86_400
_SHOWN_INSTANT: Final = "%Y-%m-%d %H:%M:%SZ"


def summarize(call: Call) -> Response:
    """How many resources and policies are in which state, in all, by assignment, by policy and by group."""
    query = dict(call.request.query)
    top = query.pop("$top", "1000")
    rows = apply_options(state_rows(call), FIELDS, query)
    if not top.isdecimal():
        raise errors.ArmError(400, "InvalidQueryOption", f"The value '{top}' of '$top' is not a whole number.")
    context = context_of(call, "summary")
    condition = query.get("$filter", "").strip()
    conditions = [f"({condition})"] if condition else []
    groups = _grouped((row["policyAssignmentId"], row) for row in rows)
    value = {
        "@odata.id": None,
        "@odata.context": f"{context}/$entity",
        "results": _results(call, rows, conditions, counts_policies=True),
        "policyAssignments": [
            _assignment(call, str(name), group, conditions) for name, group in list(groups.items())[: int(top)]
        ],
    }
    return answer(200, {"@odata.context": context, "@odata.count": 1, "value": [value]})


def _assignment(call: Call, name: str, rows: list[Entry], conditions: list[str]) -> dict[str, JSON]:
    initiative = rows[0]["policySetDefinitionId"]
    conditions = [*conditions, f"PolicyAssignmentId eq '{name}'"]
    policies = _grouped(((row["policyDefinitionReferenceId"], row["policyDefinitionId"]), row) for row in rows)
    of_groups = _grouped((group, row) for row in rows for group in row["policyDefinitionGroupNames"] if group)
    return {
        "policyAssignmentId": name,
        "policySetDefinitionId": initiative,
        "results": _results(call, rows, conditions, counts_policies=True),
        "policyDefinitions": [_policy(call, group, conditions) for group in policies.values()],
        "policyGroups": [
            {
                "policyGroupName": group,
                "results": _results(
                    call,
                    part,
                    [
                        *conditions,
                        f"PolicySetDefinitionId eq '{initiative}'",
                        f"'{group}' in PolicyDefinitionGroupNames",
                    ],
                ),
            }
            for group, part in of_groups.items()
        ],
    }


def _policy(call: Call, rows: list[Entry], conditions: list[str]) -> dict[str, JSON]:
    """One policy of an assignment; all `rows` are of it."""
    definition, reference = rows[0]["policyDefinitionId"], rows[0]["policyDefinitionReferenceId"]
    conditions = [*conditions, f"PolicyDefinitionId eq '{definition}'"]
    if reference:
        conditions.append(f"PolicyDefinitionReferenceId eq '{reference}'")
    return {
        "policyDefinitionGroupNames": rows[0]["policyDefinitionGroupNames"],
        "policyDefinitionReferenceId": reference,
        "policyDefinitionId": definition,
        "effect": rows[0]["policyDefinitionAction"],
        "results": _results(call, rows, conditions),
    }


def _results(call: Call, rows: list[Entry], conditions: list[str], *, counts_policies: bool = False) -> dict[str, JSON]:
    by_resource = _worst((row["resourceId"], row) for row in rows)
    by_policy = _worst(((row["policyDefinitionId"], row["policyDefinitionReferenceId"]), row) for row in rows)
    by_group = _worst((group, row) for row in rows for group in row["policyDefinitionGroupNames"] if group)
    policies = {"nonCompliantPolicies": list(by_policy.values()).count("noncompliant")} if counts_policies else {}
    # The address of the rows behind a result; without `$from` and `$to` the last day, as Azure has it.
    end = instant_of(call.request.query, "$to") or call.tenant.clock.now()
    start = instant_of(call.request.query, "$from") or end.fromtimestamp(end.timestamp() - _DAY, end.tzinfo)
    path = call.target.text.rsplit("/", 1)[0]
    between = f"&$from={start.strftime(_SHOWN_INSTANT)}&$to={end.strftime(_SHOWN_INSTANT)}"
    link = f"https://{call.request.base}{path}/queryResults?api-version={call.version}{between}"
    return {
        "queryResultsUri": link + (f"&$filter={' and '.join(conditions)}" if conditions else ""),
        "nonCompliantResources": list(by_resource.values()).count("noncompliant"),
        **policies,
        "resourceDetails": _details(by_resource),
        "policyDetails": _details(by_policy),
        "policyGroupDetails": _details(by_group),
    }


def _grouped(pairs: Iterable[tuple[Hashable, Entry]]) -> dict[Hashable, list[Entry]]:
    groups: dict[Hashable, list[Entry]] = {}
    for key, row in pairs:
        groups.setdefault(key, []).append(row)
    return groups


def _worst(pairs: Iterable[tuple[JSON, Entry]]) -> dict[JSON, str]:
    """The state of each key, where the first of `_RANK` among its rows decides."""
    states: dict[JSON, str] = {}
    for key, row in pairs:
        state = row["complianceState"].lower()
        states[key] = min(states.get(key, state), state, key=_RANK.index)
    return states


def _details(states: dict[JSON, str]) -> list[JSON]:
    return [{"complianceState": state, "count": count} for state, count in Counter(states.values()).items()]
