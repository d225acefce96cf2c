"""`Microsoft.ResourceGraph/resources`: the inventory that spans subscriptions, with what it is known to get wrong.

It hides what the caller may not read, leaves `assignmentScopeValidation` out of exemptions, and, if faults are injected,
lags behind and keeps ghosts of exemptions whose resource group is gone.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from reconciler.emulator import errors
from reconciler.emulator.access.rights import allows
from reconciler.emulator.call import Call, answer
from reconciler.emulator.graph.pipeline import Query, Rows, parse_query
from reconciler.emulator.graph.tables import TABLES
from reconciler.emulator.graph.words import QueryError
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, json_object, optional_object
from reconciler.model import JSON, ArmId, ScopeKind, arm_id

MOST_ROWS: Final = 1000
_OPTIONS: Final = {"$top": int, "$skip": int, "$skiptoken": str, "resultformat": str, "authorizationscopefilter": str}


def query(call: Call) -> Response:
    """Run one query over the scopes that the body names, a page at a time."""
    body = json_object(call.request.body)
    given = optional_object(body, "options")
    options = {key.lower(): value for key, value in given.items() if value is not None}
    check_types(options, _OPTIONS)
    try:
        parsed = parse_query(str(body.get("query", "")))
        rows = parsed.run(_visible(call, parsed, body, options))
    except QueryError as error:
        raise _invalid_query(call, error) from None
    return answer(200, _page(rows, options), _quota_headers(call))


# --- which rows --------------------------------------------------------------------------------------------------


def _visible(call: Call, parsed: Query, body: dict[str, Any], options: dict[str, Any]) -> Iterator[dict[str, JSON]]:
    make = TABLES.get(parsed.table)
    if make is None:
        raise QueryError(parsed.table, 0, parsed.table)
    scopes = _scopes(call, body, str(options.get("authorizationscopefilter", "AtScopeAndBelow")).lower())
    for row in make(call.tenant, lambda identifier: _in_scope(identifier, scopes)):
        if allows(call.tenant, call.principal, f"{row.type}/read", row.id):
            yield row.values


def _scopes(call: Call, body: dict[str, Any], reach: str) -> set[str]:
    """The folded groups and subscriptions that the query covers."""
    hierarchy = call.tenant.hierarchy
    names = [str(name).lower() for name in _listed(body, "managementgroups")]
    groups = [hierarchy.groups[name].id for name in names if name in hierarchy.groups]
    named = [arm_id(f"/subscriptions/{guid}") for guid in _listed(body, "subscriptions")]
    roots = [*groups, *named] or [hierarchy.groups[hierarchy.root].id]
    scopes: set[str] = set()
    for root in roots:
        if reach != "atscopeexact":
            scopes |= hierarchy.within(root) if reach != "atscopeandabove" else set()
            scopes |= set(hierarchy.chain(root)) if reach in {"atscopeandabove", "atscopeaboveandbelow"} else set()
        scopes.add(root.key)
    return scopes


def _listed(body: dict[str, Any], name: str) -> list[JSON]:
    found = body.get(name) or []
    if not isinstance(found, list):
        raise errors.bad_value(found, name)
    return found


def _in_scope(identifier: ArmId, scopes: set[str]) -> bool:
    """Whether the group or subscription that holds the object is covered."""
    subscription = identifier.subscription
    return (f"/subscriptions/{subscription}" if subscription else _group_of(identifier)) in scopes


def _group_of(identifier: ArmId) -> str:
    if identifier.key.startswith("/providers/microsoft.management/") and identifier.kind is ScopeKind.MANAGEMENT_GROUP:
        return "/".join(identifier.key.split("/")[:5])
    return ""


# --- the answer --------------------------------------------------------------------------------------------------


def _page(rows: Rows, options: dict[str, Any]) -> dict[str, JSON]:
    start, size = int(options.get("$skip") or 0), min(int(options.get("$top") or MOST_ROWS), MOST_ROWS)
    if options.get("$skiptoken"):
        start, size = _read_token(options["$skiptoken"], size)
    shown = rows[start : start + size]
    value: dict[str, JSON] = {
        "totalRecords": len(rows),
        "count": len(shown),
        "data": _table(shown) if str(options.get("resultformat", "")).lower() == "table" else shown,
        "facets": [],
        "resultTruncated": "false",
    }
    if start + size < len(rows):
        token = json.dumps({"$id": "1", "MaxRows": size, "RowsToSkip": start + size})
        value["$skipToken"] = base64.b64encode(token.encode()).decode()
    return value


def _read_token(token: str, size: int) -> tuple[int, int]:
    try:
        value = json.loads(base64.b64decode(token))
        return int(value["RowsToSkip"]), int(value.get("MaxRows", size))
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise errors.invalid_skip_token() from None


def _table(rows: Rows) -> dict[str, JSON]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [{"name": name, "type": _column_type([row.get(name) for row in rows])} for name in names]
    return {"columns": columns, "rows": [[row.get(name) for name in names] for row in rows]}


def _column_type(values: list[Any]) -> str:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return "boolean"
    if present and all(isinstance(value, (int, float)) for value in present):
        return "integer" if all(isinstance(value, int) for value in present) else "number"
    return "object" if any(isinstance(value, (dict, list)) for value in present) else "string"


def _quota_headers(call: Call) -> dict[str, str]:
    """Fifteen queries in five seconds; counted only while throttling is on."""
    left = call.tenant.graph.remaining
    return {
        "x-ms-user-quota-remaining": str(left),
        "x-ms-user-quota-resets-after": "00:00:05",
        "x-ms-ratelimit-remaining-tenant-resource-requests": str(left),
    }


def _invalid_query(call: Call, error: QueryError) -> errors.ArmError:
    refusal = errors.ArmError(
        400,
        "BadRequest",
        f"Please provide below info when asking for support: timestamp = {arm_instant(call.tenant.clock.now())}, "
        f"correlationId = {uuid.uuid4()}.",
        {"Content-Type": "application/json; charset=utf-8"},
    )
    refusal.details = [
        {
            "code": "InvalidQuery",
            "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and "
            "fix the error before retrying.",
        },
        {
            "code": "ParserFailure",
            "message": "ParserFailure",
            "line": error.line,
            "characterPositionInLine": error.column,
            "token": error.token,
            "expectedToken": "Ǐ",
        },
    ]
    return refusal
