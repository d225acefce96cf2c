"""`roleDefinitions`: Azure's own roles that matter to exemptions, the custom grants of the tenant file, and own roles."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.principals import Grant
from reconciler.emulator.state.roles import ROLE_IDS, ROLES
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import properties
from reconciler.model import JSON, arm_id

TYPE: Final = "Microsoft.Authorization/roleDefinitions"
FILTER: Final = re.compile(
    r"(?P<name>\w+)\s+eq\s+'(?P<value>[^']*)'|assignedTo\('(?P<assignee>[^']*)'\)", re.IGNORECASE
)
NAMESPACE: Final = uuid.UUID("6f0e0000-0000-4000-8000-0000000000aa")
"""Names of what the tenant file grants are made from this and the principal."""

_MADE: Final = "2015-02-02T21:55:09.8806423Z"


def list_(call: Call) -> Response:
    """The roles that can be assigned at the scope, by name or kind if `$filter` says so."""
    role_name, role_kind, text = "", "", call.request.query.get("$filter", "")
    for part in filter(None, re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE)):
        match = FILTER.fullmatch(part)
        if match and (match["name"] or "").lower() == "rolename":
            role_name = match["value"].lower()
        elif match and (match["name"] or "").lower() == "type":
            role_kind = match["value"].lower()
        elif part.lower() not in {"atscope()", "atscopeandbelow()"}:
            raise errors.invalid_filter(text)
    scope, chain = call.target.scope, {"", *call.tenant.hierarchy.chain(call.target.scope)}
    roles = []
    for record in definitions(call.tenant):
        places = [place.rstrip("/").lower() for place in record.properties["assignableScopes"]]
        is_assignable = any(place in chain or place.startswith(scope.key + "/") for place in places)
        is_named = role_name in {"", record.properties["roleName"].lower()}
        if is_assignable and is_named and role_kind in {"", record.properties["type"].lower()}:
            roles.append(_show(record))
    return answer(200, {"value": roles})


def get(call: Call) -> Response:
    """One role, asked for at any scope."""
    return answer(200, _show(require(call.tenant, call.target.name)))


def put(call: Call) -> Response:
    """Define a role of one's own; 201 in both cases."""
    requested = properties(call.request.body)
    name = requested.get("rolename")
    scopes, permissions = requested.get("assignablescopes") or [], requested.get("permissions") or []
    if not isinstance(name, str) or not name:
        raise errors.required_property("roleName")
    if not isinstance(permissions, list) or not isinstance(requested.get("description") or "", str):
        raise errors.unparsable_body("a property of the role is not of its type")
    if not scopes or not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise errors.ArmError(
            400, "RoleDefinitionWithNoAssignableScopes", "The role definition must have at least one assignable scope."
        )
    taken = [record for record in definitions(call.tenant) if record.properties["roleName"].lower() == name.lower()]
    if any(record.id.name.lower() != call.target.name.lower() for record in taken):
        raise errors.ArmError(
            409, "RoleDefinitionWithSameNameExists", f"A custom role with the same name '{name}' already exists."
        )
    before = call.tenant.role_definitions.get(call.target.id.key)
    stored = {
        "roleName": name,
        "type": "CustomRole",
        "description": requested.get("description"),
        "assignableScopes": scopes,
        "permissions": [_permission(permission) for permission in permissions],
        **stamps(call, before.properties if before else None),
    }
    identifier = arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}")
    record = Record(id=identifier, type=TYPE, properties=stored)
    call.tenant.role_definitions.put(record)
    answered = {**stored, "createdBy": None}  # as recorded: only who reads it later is told
    return answer(201, {**_show(record), "properties": answered})


def delete(call: Call) -> Response:
    """Take a role of one's own away: 200 with its last state, or 204."""
    removed = call.tenant.role_definitions.remove(call.target.id.key)
    return answer(200, _show(removed)) if removed else empty(204)


def _permission(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise errors.unparsable_body("the value of 'properties.permissions' is not an array of objects")
    permission = {name: value.get(name) or [] for name in ("actions", "notActions", "dataActions", "notDataActions")}
    for name, actions in permission.items():
        if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
            raise errors.unparsable_body(f"the value of 'properties.permissions.{name}' is not an array of strings")
    return permission


def definitions(tenant: Tenant) -> Iterator[Record]:
    """Azure's own roles, one for each custom grant of the tenant file, and those that were put."""
    for folded, (name, guid) in ROLE_IDS.items():
        actions, not_actions = ROLES[folded]
        yield _definition(guid, name, "BuiltInRole", Grant(scope="", actions=actions, not_actions=not_actions))
    for principal in tenant.principals.declared:
        for number, grant in enumerate(principal.grants or ()):
            if not grant.role:
                name = f"{principal.name} {number}"
                guid = str(uuid.uuid5(NAMESPACE, f"{principal.object_id} {number}"))
                yield _definition(guid, name, "CustomRole", grant)
    yield from tenant.role_definitions.by_id.values()


def _definition(guid: str, name: str, kind: str, grant: Grant) -> Record:
    permission = {
        "actions": [*grant.actions],
        "notActions": [*grant.not_actions],
        "dataActions": [],
        "notDataActions": [],
    }
    values: dict[str, JSON] = {
        "roleName": name,
        "type": kind,
        "description": "",
        "assignableScopes": [grant.place or "/"],
        "permissions": [permission],
        "createdOn": _MADE,
        "updatedOn": _MADE,
        "createdBy": None,
        "updatedBy": None,
    }
    return Record(id=arm_id(f"/providers/{TYPE}/{guid}"), type=TYPE, properties=values)


def require(tenant: Tenant, name: str) -> Record:
    """The role with this GUID.

    Raises:
        ArmError: 404.
    """
    for record in definitions(tenant):
        if record.id.name.lower() == name.lower():
            return record
    raise errors.ArmError(
        404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist."
    )


def stamps(call: Call, before: dict[str, JSON] | None) -> dict[str, JSON]:
    """When and by whom an object of access control was made and last written."""
    now, object_id = arm_instant(call.tenant.clock.now()), call.principal.object_id
    created = {name: before[name] for name in ("createdOn", "createdBy")} if before else {}
    return {"createdOn": now, "updatedOn": now, "createdBy": object_id, "updatedBy": object_id, **created}


def _show(record: Record) -> dict[str, JSON]:
    return {"properties": record.properties, "id": record.id.text, "type": record.type, "name": record.id.name}
