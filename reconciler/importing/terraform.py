"""Exemptions in a Terraform state (version 4) or in what `terraform show -json` prints of a state or a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.importing.arm_template import arm_fields
from reconciler.importing.rows import ForeignRow, Parsed, RowError, json_object, refused, text_of, texts_of
from reconciler.model import JSON

_SCOPES: Final = {
    "azurerm_resource_policy_exemption": "resource_id",
    "azurerm_resource_group_policy_exemption": "resource_group_id",
    "azurerm_subscription_policy_exemption": "subscription_id",
    "azurerm_management_group_policy_exemption": "management_group_id",
}
_AZAPI: Final = frozenset({"azapi_resource", "azapi_update_resource"})
_TYPE: Final = "microsoft.authorization/policyexemptions"


def terraform_rows(text: str, file: str) -> Iterator[Parsed]:
    """Every exemption in the file."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        yield refused(file, file, f"it is no JSON: {error}", "save it with: terraform show -json > FILE")
        return
    if not isinstance(document, dict) or not {"resources", "values", "planned_values"} & document.keys():
        yield refused(file, file, "it is no state of Terraform", "save it with: terraform show -json > FILE")
        return
    for address, kind, values in _resources(document):
        if kind in _SCOPES or (kind in _AZAPI and text_of(values.get("type")).lower().startswith(_TYPE)):
            yield _row(f"{file}: {address}", kind, values)


def _resources(document: Mapping[str, JSON]) -> Iterator[tuple[str, str, Mapping[str, JSON]]]:
    """Address, type and attributes of every managed resource."""
    for resource in document.get("resources") or ():
        if resource.get("mode", "managed") != "managed":
            continue
        kind = text_of(resource.get("type"))
        place = ".".join(filter(None, (text_of(resource.get("module")), kind, text_of(resource.get("name")))))
        for instance in resource.get("instances") or ():
            key = instance.get("index_key")
            yield f"{place}[{key!r}]" if key is not None else place, kind, instance.get("attributes") or {}
    for part in ("values", "planned_values"):
        if document.get(part):
            yield from _module((document[part] or {}).get("root_module") or {})
            return


def _module(module: Mapping[str, JSON]) -> Iterator[tuple[str, str, Mapping[str, JSON]]]:
    for resource in module.get("resources") or ():
        if resource.get("mode", "managed") == "managed":
            yield text_of(resource.get("address")), text_of(resource.get("type")), resource.get("values") or {}
    for child in module.get("child_modules") or ():
        yield from _module(child)


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
