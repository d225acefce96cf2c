"""`roleAssignments`: what the principals of the tenant file may do, and what is granted since.

Each grant of the tenant file is shown as an assignment of its role, a principal without a list of roles as an owner of
everything. An assignment that is put here takes effect at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.resources import role_definitions
from reconciler.emulator.resources.role_definitions import FILTER, NAMESPACE, stamps
from reconciler.emulator.state.clock import arm_instant
from reconciler.emulator.state.principals import Grant, Principal, PrincipalType
from reconciler.emulator.state.roles import ROLE_IDS
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, properties
from reconciler.model import JSON, arm_id, is_guid, owner_scope

TYPE: Final = "Microsoft.Authorization/roleAssignments"
_DETAILS_SINCE: Final = "2020"


def list_(call: Call) -> Response:
    """The assignments at, above and below the scope; with `atScope()` those below are left out."""
    call.tenant.hierarchy.require(call.target.scope)
    text = call.request.query.get("$filter", "").strip()
    match = FILTER.fullmatch(text)
    principal = ""
    if match and (match["assignee"] is not None or match["name"].lower() == "principalid"):
        principal = (match["assignee"] or match["value"]).lower()
    elif text.lower() not in {"", "atscope()"}:
        raise errors.invalid_filter(text)
    chain = {"", *call.tenant.hierarchy.chain(call.target.scope)}
    below = set() if text.lower() == "atscope()" else call.tenant.hierarchy.within(call.target.scope)
    covered = chain | below
    records = [
        record
        for record in assignments(call.tenant)
        if (place := owner_scope(record.id)).key in covered
        or f"/subscriptions/{place.subscription}" in below
        or (below and place.key.startswith(call.target.scope.key + "/"))
    ]
    nearest_first = {key: rank for rank, key in enumerate(reversed(call.tenant.hierarchy.chain(call.target.scope)))}
    records.sort(key=lambda record: nearest_first.get(owner_scope(record.id).key, len(nearest_first)))
    return answer(
        200,
        {
            "value": [
                _show(record, call.version)
                for record in records
                if principal in {"", record.properties["principalId"].lower()}
            ]
        },
    )


def get(call: Call) -> Response:
    """One assignment."""
    for record in assignments(call.tenant):
        if record.id.key == call.target.id.key:
            return answer(200, _show(record, call.version))
    raise errors.ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call.target.name}' is not found.")


def put(call: Call) -> Response:
    """Assign a role: 201. What is assigned already is refused, as Azure refuses it."""
    requested = properties(call.request.body)
    values = {"roleDefinitionId": requested.get("roledefinitionid"), "principalId": requested.get("principalid")}
    check_types({name: value for name, value in values.items() if value is not None}, dict.fromkeys(values, str))
    for name, value in values.items():
        if not value:
            raise errors.required_property(name)
    if requested.get("condition") or requested.get("conditionversion"):
        raise errors.not_modelled(f"{TYPE} (with a condition, which would not be evaluated)")
    check_types(requested, {"description": str, "principaltype": str})
    principal_id = str(values["principalId"])
    if not is_guid(call.target.name):
        raise errors.ArmError(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{call.target.name}' is not valid. The role assignment ID must be a GUID.",
        )
    definition = role_definitions.require(call.tenant, arm_id(str(values["roleDefinitionId"])).name)
    principal = _principal(call.tenant, principal_id, str(requested.get("principaltype") or ""))
    before = call.tenant.role_assignments.get(call.target.id.key)
    _check_others(call, before, (definition.id.name.lower(), principal.object_id.lower()))
    stored = {
        **values,
        "principalType": _principal_type(principal),
        "scope": call.target.scope.text or "/",
        **stamps(call, before.properties if before else None),
        "description": requested.get("description"),
    }
    identifier = arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}")
    record = Record(id=identifier, type=TYPE, properties=stored)
    call.tenant.role_assignments.put(record)
    grant_all(call.tenant)
    value = _show(record, call.version)
    value["properties"]["createdBy"] = None  # as recorded: only who reads it later is told
    return answer(200 if before else 201, value)


def _principal(tenant: Tenant, principal_id: str, claimed_type: str) -> Principal:
    """The principal of the directory by this id; `claimed_type` is what the request says of it, if anything.

    Raises:
        ArmError: 400: there is none, or it is of another type.
    """
    principal = tenant.principals.find(principal_id)
    if principal is None or principal.object_id.lower() != principal_id.lower():
        raise errors.ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id} does not exist in the directory {tenant.id}. Check that you have "
            "the correct principal ID.",
        )
    actual_type = _principal_type(principal)
    if claimed_type and claimed_type.lower() != actual_type.lower():
        raise errors.ArmError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal_id}' has type '{actual_type}' , which is different from "
            f"specified PrinciaplType '{claimed_type}'.",
        )
    return principal


def _check_others(call: Call, before: Record | None, meaning: tuple[str, str]) -> None:
    """Refuse a second assignment of the same role to the same principal here, and another meaning under an old name."""
    for record in assignments(call.tenant):
        is_same = owner_scope(record.id).key == call.target.scope.key and _means(record) == meaning
        if is_same and record.id.key != call.target.id.key:
            raise errors.ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    if before and _means(before) != meaning:
        raise errors.ArmError(
            409,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )


def delete(call: Call) -> Response:
    """Take an assignment away: 200 with its last state, or 204. One of the tenant file stays, and says so."""
    removed = call.tenant.role_assignments.remove(call.target.id.key)
    if removed is None:
        if any(record.id.key == call.target.id.key for record in assignments(call.tenant)):
            raise errors.not_modelled(f"{TYPE} (deletion of one that the tenant file grants)")
        return empty(204)
    grant_all(call.tenant)
    return answer(200, _show(removed, call.version))


def grant_all(tenant: Tenant) -> None:
    """Let the assignments that were put take effect."""
    granted: dict[str, tuple[Grant, ...]] = {}
    for record in tenant.role_assignments.by_id.values():
        definition = role_definitions.require(tenant, arm_id(record.properties["roleDefinitionId"]).name)
        object_id = record.properties["principalId"].lower()
        for permission in definition.properties["permissions"]:
            grant = Grant(
                scope=owner_scope(record.id).key,
                actions=tuple(permission["actions"]),
                not_actions=tuple(permission["notActions"]),
                role=definition.properties["roleName"],
            )
            granted[object_id] = (*granted.get(object_id, ()), grant)
    tenant.granted = granted


def assignments(tenant: Tenant) -> Iterator[Record]:
    """Every assignment: the tenant file's grants, and those that were put."""
    principals = tenant.principals.declared or (tenant.principals.default, tenant.principals.portal_user)
    for principal in principals:
        grants = principal.grants if principal.grants is not None else (Grant(scope="", actions=("*",), role="Owner"),)
        for number, grant in enumerate(grants):
            label = f"{principal.object_id} {number}"
            role = ROLE_IDS.get(grant.role.lower())
            guid = role[1] if role else str(uuid.uuid5(NAMESPACE, label))
            started = arm_instant(tenant.started)
            values: dict[str, JSON] = {
                "roleDefinitionId": f"/providers/{role_definitions.TYPE}/{guid}",
                "principalId": principal.object_id,
                "principalType": _principal_type(principal),
                "scope": grant.place or "/",
                "createdOn": started,
                "updatedOn": started,
                "createdBy": tenant.principals.portal_user.object_id,
                "updatedBy": tenant.principals.portal_user.object_id,
                "description": None,
            }
            name = uuid.uuid5(NAMESPACE, f"assignment {label}")
            yield Record(id=arm_id(f"{grant.place}/providers/{TYPE}/{name}"), type=TYPE, properties=values)
    yield from tenant.role_assignments.by_id.values()


def _means(record: Record) -> tuple[str, str]:
    return arm_id(record.properties["roleDefinitionId"]).name.lower(), record.properties["principalId"].lower()


def _principal_type(principal: Principal) -> str:
    return "User" if principal.type is PrincipalType.USER else "ServicePrincipal"


def _show(record: Record, version: str) -> dict[str, JSON]:
    """Conditions and descriptions came later than the first versions."""
    values = dict(record.properties)
    description = values.pop("description", None)
    if version >= _DETAILS_SINCE:
        details = {"condition": None, "conditionVersion": None, "delegatedManagedIdentityResourceId": None}
        values |= {**details, "description": description}
    return {"properties": values, "id": record.id.text, "type": record.type, "name": record.id.name}
