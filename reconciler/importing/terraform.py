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
        resources = list(_resources(document))
    except JsonInputError as error:
        yield refused(file, file, error.fault, _SAVE)
        return
    for address, kind, values in resources:
        if kind in _SCOPES or (kind in _AZAPI and text_of(values.get("type")).lower().startswith(_TYPE)):
            yield _row(f"{file}: {address}", kind, values)


def _resources(document: JsonInput) -> Iterator[tuple[str, str, Mapping[str, JSON]]]:
    """Address, type and attributes of every managed resource."""
    for resource in _items(document, "resources"):
        fields = resource.as_object()
        if fields.get("mode", "managed") != "managed":
            continue
        kind = text_of(fields.get("type"))
        place = ".".join(filter(None, (text_of(fields.get("module")), kind, text_of(fields.get("name")))))
        for instance in _items(resource, "instances"):
            key = instance.as_object().get("index_key")
            yield f"{place}[{key!r}]" if key is not None else place, kind, _object(instance, "attributes")
    for part in ("values", "planned_values"):
        if (state := document.optional(part)) is not None:
            if (root := state.optional("root_module")) is not None:
                yield from _module(root)
            return


def _module(module: JsonInput) -> Iterator[tuple[str, str, Mapping[str, JSON]]]:
    for resource in _items(module, "resources"):
        fields = resource.as_object()
        if fields.get("mode", "managed") == "managed":
            yield text_of(fields.get("address")), text_of(fields.get("type")), _object(resource, "values")
    for child in _items(module, "child_modules"):
        yield from _module(child)


def _items(document: JsonInput, name: str) -> Iterator[JsonInput]:
    member = document.optional(name)
    return member.items() if member is not None else iter(())


def _object(document: JsonInput, name: str) -> Mapping[str, JSON]:
    member = document.optional(name)
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
            application=True,
        )
    except RowError as error:
        return refused(source, name, error.message, error.remedy)
