"""`policyDefinitions` and `policySetDefinitions`: Azure's own at the tenant, custom ones at groups and subscriptions.

One module for both, since they differ in a few fields only. Built-in ones are read-only.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, empty, raw
from reconciler.emulator.resources.assignments import stamped_metadata
from reconciler.emulator.resources.definition_rules import (
    POLICIES,
    SETS,
    VERSIONS_SINCE,
    Family,
    check_members,
    check_rule,
    completed,
)
from reconciler.emulator.resources.lists import Reach, Row, page, page_size, parse_filter, rows_at, select
from reconciler.emulator.resources.quotas import check_quota
from reconciler.emulator.state.initiatives import definition_id, definition_properties, versions
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import check_types, encode, properties
from reconciler.model import JSON, ArmId, arm_id

SYSTEM_DATA_SINCE: Final = "2021-06"
_TYPES: Final = {
    "displayName": str,
    "policyType": str,
    "mode": str,
    "description": str,
    "metadata": dict,
    "version": str,
    "parameters": dict,
    "policyRule": dict,
    "policyDefinitions": list,
    "policyDefinitionGroups": list,
    "versions": list,
}
_VERSION: Final = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}(-[a-z]+)?")
_BUILT_IN_RANK: Final = -2
_TENANT_RANK: Final = -1
_COMPARABLE: Final[dict[str, Callable[[dict[str, JSON]], JSON]]] = {
    "policytype": lambda values: values.get("policyType"),
    "category": lambda values: (values.get("metadata") or {}).get("category"),
}
"""By folded name, what `$filter` compares."""


# --- requests ----------------------------------------------------------------------------------------------------


def put(family: Family, call: Call) -> Response:
    """Create a custom definition (201) or replace it (a policy set 200, a policy 201 again: so the specification)."""
    _refuse_at_tenant(call)
    values = properties(call.request.body)
    requested = {
        name: values[name.lower()] for name, since in family.fields if name.lower() in values and since <= call.version
    }
    check_types(requested, _TYPES)
    if not _VERSION.fullmatch(str(requested.get("version", "1.0.0"))):
        raise errors.bad_value(requested["version"], "version")
    if str(requested.get("policyType", "Custom")).lower() not in {"custom", "notspecified"}:
        raise errors.bad_value(requested["policyType"], "policyType")
    requested["policyType"] = "Custom"
    requested.pop("versions", None)  # which there are, the service says
    before = family.own(call.tenant).get(call.target.id.key)
    if before is None:
        present = len(family.own(call.tenant).at(call.target.scope.key))
        check_quota(call, family.words, present, family.quota(call.tenant))
    if family is SETS:
        check_members(call, requested)
    else:
        check_rule(call, requested)
    stored = completed(call.tenant, family, requested)
    stored["metadata"] = stamped_metadata(call, requested.get("metadata"), before)
    record = Record(
        id=before.id if before else arm_id(f"{call.target.scope}/providers/{family.type}/{call.target.name}"),
        type=family.type,
        properties=stored,
        system=call.tenant.stamp(call.principal, before.system if before else None),
    )
    family.own(call.tenant).put(record)
    return raw(200 if before and family is SETS else 201, _render(family, record, call.version))


def _refuse_at_tenant(call: Call) -> None:
    """Definitions of the tenant itself are Azure's own."""
    if not call.target.scope.key:
        raise errors.method_not_allowed(call.request.method, collection=False)


def get(family: Family, call: Call) -> Response:
    """The one definition in its newest version."""
    definition = family.own(call.tenant).get(call.target.id.key) or _built_in(family, call.tenant, call.target.id)
    if definition is None:
        raise _not_found(family, call.target.name)
    return raw(200, _render(family, definition, call.version))


def delete(family: Family, call: Call) -> Response:
    """Take a custom definition away: 200 with its last state, or 204. One that is assigned stays: 400."""
    _refuse_at_tenant(call)
    definition = family.own(call.tenant).get(call.target.id.key)
    if definition is None:
        return empty(204)
    users = [
        assignment
        for assignment in call.tenant.assignments.by_id.values()
        if definition_id(assignment).key == definition.id.key
    ]
    # The tenant's own policy sets that a policy is a member of.
    members = (
        [
            record
            for record in call.tenant.set_definitions.by_id.values()
            for member in record.properties.get("policyDefinitions", ())
            if arm_id(str(member.get("policyDefinitionId", ""))).key == definition.id.key
        ]
        if family is POLICIES
        else []
    )
    if members:
        raise errors.ArmError(
            400,
            "PolicyDefinitionIsReferenced",
            f"The policy definition '{definition.id.name}' cannot be deleted because the policy set definition "
            f"'{members[0].id}' refers to it.",
        )
    if users:
        raise errors.ArmError(
            400,
            "PolicySetDefinitionInUse" if family is SETS else "PolicyDefinitionIsReferenced",
            f"The {family.words} '{definition.id.name}' cannot be deleted because it is assigned by '{users[0].id}'.",
        )
    family.own(call.tenant).remove(definition.id.key)
    return raw(200, _render(family, definition, call.version))


def list_(family: Family, call: Call) -> Response:
    """Azure's own and the custom ones of the scope and above; below the tenant only."""
    condition = parse_filter(call.request.query.get("$filter"), frozenset(_COMPARABLE))
    own, scope = family.own(call.tenant), call.target.scope
    reach = Reach.AT_AND_ABOVE if condition.reach is Reach.EVERYTHING else condition.reach
    rows = list(select(own, call.tenant.hierarchy, scope, reach))
    if scope.key and reach is Reach.AT_AND_ABOVE:
        rows += rows_at(own, "", _TENANT_RANK)
    if not scope.key or reach is not Reach.EXACT:
        records = (_built_in(family, call.tenant, identifier) for identifier in family.built_in(call.tenant))
        rows += [
            Row((_BUILT_IN_RANK, number), record)
            for number, record in enumerate(records)
            if record and record.id.key not in own.by_id
        ]
    for name, value in condition.equals:
        rows = [row for row in rows if str(_COMPARABLE[name](row.item.properties)).lower() == value.lower()]
    rows.sort(key=operator.attrgetter("place"))
    size = page_size(call.request, min(1000, call.tenant.limits.page))
    return raw(200, page(rows, call.request, size, lambda item: _render(family, item, call.version)))


def list_versions(family: Family, call: Call) -> Response:
    """All versions of one definition, newest first."""
    rows = [Row((0, number), record) for number, record in enumerate(_version_records(family, call))]
    if not rows:
        raise _not_found(family, call.target.names[0])
    return raw(200, page(rows, call.request, 1000, lambda item: _render(family, item, call.version)))


def get_version(family: Family, call: Call) -> Response:
    """One version of a definition."""
    matches = [record for record in _version_records(family, call) if record.id.name == call.target.name]
    if not matches:
        raise errors.ArmError(
            404,
            f"{family.label}VersionNotFound",
            f"The {family.words} version '{call.target.name}' of '{call.target.names[0]}' could not be found.",
        )
    return raw(200, _render(family, matches[0], call.version))


def _not_found(family: Family, name: str) -> errors.ArmError:
    return errors.ArmError(404, f"{family.label}NotFound", f"The {family.words} '{name}' could not be found.")


def _built_in(family: Family, tenant: Tenant, identifier: ArmId) -> Record | None:
    if not identifier.key.startswith("/providers/microsoft.authorization/"):
        return None
    values = definition_properties(tenant, identifier)
    name = f"/providers/{family.type}/{identifier.name}"
    return Record(id=ArmId(name.lower(), name), type=family.type, properties=values) if values else None


def _version_records(family: Family, call: Call) -> list[Record]:
    base = arm_id(call.target.text[: call.target.text.lower().rfind("/versions")])
    return [
        Record(
            id=arm_id(f"{base}/versions/{version}"),
            type=f"{family.type}/versions",
            properties={**values, "version": version},
        )
        for version, values in versions(call.tenant, base).items()
    ]


def _render(family: Family, record: Record, version: str) -> bytes:
    values = {
        name: record.properties[name] for name, since in family.fields if name in record.properties and since <= version
    }
    if record.type.endswith("/versions"):
        values.pop("versions", None)
    elif "versions" in values and "versions" in record.properties:
        values["versions"] = record.properties["versions"]
    if family is SETS and version < VERSIONS_SINCE:
        values["policyDefinitions"] = [
            {name: value for name, value in member.items() if name != "definitionVersion"}
            for member in values.get("policyDefinitions", ())
        ]
    value = {"properties": values, "id": record.id.text, "type": record.type, "name": record.id.name}
    if record.system and version >= SYSTEM_DATA_SINCE:
        value["systemData"] = record.system
    return encode(value)
