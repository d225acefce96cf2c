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
from reconciler.emulator.graph.language import Query, parse_query
from reconciler.emulator.graph.tables import COLUMNS, SOURCES
from reconciler.emulator.graph.tokens import QueryError
from reconciler.emulator.graph.values import Type
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, json_object, optional_object
from reconciler.model import JSON, ArmId, ScopeKind, arm_id

MOST_ROWS: Final = 1000
_REACHES: Final = frozenset({"atscopeandbelow", "atscopeandabove", "atscopeexact", "atscopeaboveandbelow"})
_OPTIONS: Final = {"$top": int, "$skip": int, "$skiptoken": str, "resultformat": str, "authorizationscopefilter": str}


def query(call: Call) -> Response:
    """Run one query over the scopes that the body names, a page at a time."""
    body = json_object(call.request.body)
    options = {key.lower(): value for key, value in optional_object(body, "options").items() if value is not None}
    check_types(options, _OPTIONS)
    _check(call, body, options)
    scopes = _scopes(call, body, str(options.get("authorizationscopefilter", "AtScopeAndBelow")).lower())

    def fetch(table: str, only: frozenset[str] | None) -> Iterator[dict[str, JSON]]:
        for kind, source in SOURCES[table].items():
            if only is None or not kind or kind in only:
                for row in source(call.tenant, lambda identifier: _in_scope(identifier, scopes)):
                    if row.is_public or allows(call.tenant, call.principal, f"{row.type}/read", row.id):
                        yield row.values

    try:
        parsed = parse_query(str(body.get("query") or ""), COLUMNS, fetch, call.tenant.clock.now())
    except QueryError as error:
        raise _invalid_query(call, error) from None
    # Fifteen queries in five seconds; counted only while throttling is on.
    remaining = call.tenant.graph.remaining
    return answer(
        200,
        _page(parsed, options),
        {
            "x-ms-user-quota-remaining": str(remaining),
            "x-ms-user-quota-resets-after": "00:00:05",
            "x-ms-ratelimit-remaining-tenant-resource-requests": str(remaining),
        },
    )


def _check(call: Call, body: dict[str, Any], options: dict[str, Any]) -> None:
    """Refuse options that would not be honoured."""
    reach = str(options.get("authorizationscopefilter", "atscopeandbelow")).lower()
    if reach not in _REACHES:
        raise errors.bad_value(options["authorizationscopefilter"], "options.authorizationScopeFilter")
    if reach != "atscopeandbelow" and call.version < "2022":
        raise _bad_request(call, "UnsupportedOption", "The option 'authorizationScopeFilter' came with 2022-10-01.")
    if str(options.get("resultformat", "objectArray")).lower() not in {"table", "objectarray"}:
        raise errors.bad_value(options["resultformat"], "options.resultFormat")
    if not 1 <= int(options.get("$top", 1)) <= MOST_ROWS:
        raise _bad_request(
            call, "InvalidTop", f"The option '$top' must be between 1 and {MOST_ROWS}, not {options['$top']}."
        )
    if int(options.get("$skip", 0)) < 0:
        raise _bad_request(call, "InvalidSkip", f"The option '$skip' must not be negative, but is {options['$skip']}.")
    if body.get("facets"):
        raise _bad_request(call, "FacetsNotModelled", "This emulator does not model facets, and does not ignore them.")


# --- which rows --------------------------------------------------------------------------------------------------


def _scopes(call: Call, body: dict[str, Any], reach: str) -> set[str]:
    """The folded groups and subscriptions that the query covers."""
    hierarchy = call.tenant.hierarchy
    names, guids = _listed(body, "managementgroups"), _listed(body, "subscriptions")
    unknown = [name for name in names if name.lower() not in hierarchy.groups]
    if unknown:
        raise _bad_request(
            call,
            "ManagementGroupNotFound",
            f"The management group(s) '{', '.join(unknown)}' do not exist or cannot be read.",
        )
    if guids and not any(guid.lower() in hierarchy.subscriptions for guid in guids):
        raise _bad_request(
            call,
            "NoValidSubscriptionsInQueryRequest",
            "There must be at least one subscription that is eligible to contain resources. "
            f"Given: '{', '.join(guids)}'.",
        )
    groups = [hierarchy.groups[name.lower()].id for name in names]
    roots = [*groups, *(arm_id(f"/subscriptions/{guid}") for guid in guids)] or [hierarchy.groups[hierarchy.root].id]
    scopes: set[str] = set()
    for root in roots:
        if reach != "atscopeexact":
            scopes |= hierarchy.within(root) if reach != "atscopeandabove" else set()
            scopes |= set(hierarchy.chain(root)) if reach in {"atscopeandabove", "atscopeaboveandbelow"} else set()
        scopes.add(root.key)
    return scopes


def _listed(body: dict[str, Any], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise errors.bad_value(values, name)
    return values


def _in_scope(identifier: ArmId, scopes: set[str]) -> bool:
    """Whether the group or subscription that holds the object is covered."""
    is_management = identifier.key.startswith("/providers/microsoft.management/")
    if identifier.subscription:
        holder = f"/subscriptions/{identifier.subscription}"
    elif is_management and identifier.kind is ScopeKind.MANAGEMENT_GROUP:
        holder = "/".join(identifier.key.split("/")[:5])
    else:
        holder = ""
    return holder in scopes


# --- the answer --------------------------------------------------------------------------------------------------


def _page(parsed: Query, options: dict[str, Any]) -> dict[str, JSON]:
    rows = parsed.run()
    start, size = int(options.get("$skip") or 0), int(options.get("$top") or MOST_ROWS)
    if token := options.get("$skiptoken"):
        try:
            position = json.loads(base64.b64decode(token))
            start, size = int(position["RowsToSkip"]), int(position.get("MaxRows", size))
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise errors.invalid_skip_token() from None
    selected = rows[start : start + size]
    data: JSON = selected
    if str(options.get("resultformat", "")).lower() == "table":
        kinds = [(name, "string" if c.type is Type.TIMESPAN else c.type.value) for name, c in parsed.columns.items()]
        data = {
            "columns": [{"name": name, "type": kind} for name, kind in kinds],
            "rows": [[row[name] for name in parsed.columns] for row in selected],
        }
    value: dict[str, JSON] = {
        "totalRecords": len(rows),
        "count": len(selected),
        "data": data,
        "facets": [],
        "resultTruncated": "false",
    }
    if start + size < len(rows):
        following = json.dumps({"$id": "1", "MaxRows": size, "RowsToSkip": start + size})
        value["$skipToken"] = base64.b64encode(following.encode()).decode()
    return value


def _bad_request(call: Call, code: str, message: str) -> errors.ArmError:
    """A refusal in Resource Graph's form: what is wrong stands in the details."""
    refusal = errors.ArmError(
        400,
        "BadRequest",
        f"Please provide below info when asking for support: timestamp = {arm_instant(call.tenant.clock.now())}, "
        f"correlationId = {uuid.uuid4()}.",
        {"Content-Type": "application/json; charset=utf-8"},
    )
    refusal.details = [{"code": code, "message": message}]
    return refusal


def _invalid_query(call: Call, error: QueryError) -> errors.ArmError:
    refusal = _bad_request(
        call,
        "InvalidQuery",
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and "
        "fix the error before retrying.",
    )
    refusal.details.append(
        {
            "code": "ParserFailure",
            "message": "ParserFailure",
            "line": error.line,
            "characterPositionInLine": error.column,
            "token": error.token,
            "expectedToken": "Ǐ",
        }
    )
    return refusal
