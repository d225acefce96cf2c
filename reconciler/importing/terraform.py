"""Exemptions in a Terraform state (version 4) or in what `terraform show -json` prints of a state or a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.documents.json_input import JsonInput, JsonInputError
from reconciler.importing.arm_template import arm_fields
from reconciler.importing.rows import ForeignRow, Parsed, RowError, json_object, refused, strict_json, text_of, texts_of
from reconciler.model import JSON

_SCOPES: Final = {
    "azurerm_resource_policy_exemption": "resource_id",
    "azurerm_resource_group_policy_exemption": "resource_group_id",
    "azurerm_subscription_policy_exemption": "subscription_id",
    "azurerm_management_group_policy_exemption": "management_group_id",
}
_AZAPI: Final = frozenset({"azapi_resource", "azapi_update_resource"})
_SAVE: Final = "save it with: terraform show -json > FILE"
_TYPE: Final = "microsoft.authorization/policyexemptions"


def terraform_rows(text: str, file: str) -> Iterator[Parsed]:
    """Every exemption in the file."""
    try:
        document = strict_json(text, file)
        if (
            not isinstance(document.value, dict)
            or not {"resources", "values", "planned_values"} & document.value.keys()
        ):
            yield refused(file, file, "it is no state of Terraform", _SAVE)
            return
    except JsonInputError as error:
        yield refused(file, file, error.fault, _SAVE)
        return
    faults: list[str] = []
    for address, kind, holder in _resources(document, faults):
        source = f"{file}: {address}"
        try:
            values = _attributes(holder)
        except JsonInputError as error:
            yield refused(source, address, error.fault, _SAVE)
            continue
        if kind in _SCOPES or text_of(values.get("type")).lower().startswith(_TYPE):
            yield _row(source, kind, values)
    for fault in faults:  # it may hold an exemption, so it is told; the others are none the worse for it
        yield refused(file, file, fault, _SAVE)


def _resources(document: JsonInput, faults: list[str]) -> Iterator[tuple[str, str, JsonInput]]:
    """Address, type and what holds the attributes, of every managed resource that may be an exemption."""
    for resource in _objects(document, "resources", faults):
        fields = resource.as_object()
        kind = text_of(fields.get("type"))
        if not _may_be_one(fields):
            continue
        place = ".".join(filter(None, (text_of(fields.get("module")), kind, text_of(fields.get("name")))))
        for instance in _objects(resource, "instances", faults):
            key = instance.as_object().get("index_key")
            yield f"{place}[{key!r}]" if key is not None else place, kind, instance
    for part in ("values", "planned_values"):  # of a state, of a plan; an empty one hides nothing
        modules = [root for state in _object(document, part, faults) for root in _object(state, "root_module", faults)]
        if resources := [resource for module in modules for resource in _module(module, faults)]:
            yield from resources
            return


def _may_be_one(fields: Mapping[str, JSON]) -> bool:
    kind = text_of(fields.get("type"))
    return fields.get("mode", "managed") == "managed" and (kind in _SCOPES or kind in _AZAPI)


def _module(module: JsonInput, faults: list[str]) -> Iterator[tuple[str, str, JsonInput]]:
    for resource in _objects(module, "resources", faults):
        fields = resource.as_object()
        if _may_be_one(fields):
            yield text_of(fields.get("address")), text_of(fields.get("type")), resource
    for child in _objects(module, "child_modules", faults):
        yield from _module(child, faults)


def _objects(parent: JsonInput, name: str, faults: list[str]) -> Iterator[JsonInput]:
    """The objects in an array of another; what is none is noted."""
    try:
        member = parent.optional(name)
        items = [] if member is None else list(member.items())
    except JsonInputError as error:
        faults.append(error.fault)
        return
    yield from (item for item in items if _is_object(item, faults))


def _object(parent: JsonInput, name: str, faults: list[str]) -> Iterator[JsonInput]:
    """The object of that name, if there is one; what is none is noted."""
    member = parent.optional(name)
    if member is not None and _is_object(member, faults):
        yield member


def _is_object(item: JsonInput, faults: list[str]) -> bool:
    try:
        item.as_object()
    except JsonInputError as error:
        faults.append(error.fault)
        return False
    return True


def _attributes(holder: JsonInput) -> Mapping[str, JSON]:
    """The attributes of a resource, or of an instance of one.

    Raises:
        JsonInputError: they are no object.
    """
    member = holder.optional("attributes") or holder.optional("values")
    return member.as_object() if member is not None else {}


def _row(source: str, kind: str, values: Mapping[str, JSON]) -> Parsed:
    name = text_of(values.get("name"))
    try:
        if kind in _AZAPI:  # its body is ARM's own
            properties = json_object(values.get("body"), "body").get("properties")
            if not isinstance(properties, dict):
                return refused(source, name, "its body has no properties", "import it from Azure with 'import live'")
            return ForeignRow(source=source, scopes=texts_of(values.get("parent_id")), **arm_fields(name, properties))
        return ForeignRow(
            source=source,
            name=name,
            display_name=text_of(values.get("display_name")),
            description=text_of(values.get("description")),
            category=text_of(values.get("exemption_category")),
            expires_on=text_of(values.get("expires_on")),
            scopes=texts_of(values.get(_SCOPES[kind])),
            assignment=text_of(values.get("policy_assignment_id")),
            references=texts_of(values.get("policy_definition_reference_ids")),
            metadata=json_object(values.get("metadata"), "metadata"),
        )
    except RowError as error:
        return refused(source, name, error.message, error.remedy)
