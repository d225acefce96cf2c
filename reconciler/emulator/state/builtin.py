"""Azure's built-in definitions as ARM objects, made from the bundled catalogue's facts.

The catalogue knows what identifies a definition (titles, versions, members, effects), not its texts or rules, so a rule
here names the resource types and the effect only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Protocol

from reconciler import catalog
from reconciler.model import JSON, ArmId

FIRST_VERSION = "1.0.0"


class BuiltIns(Protocol):
    """The built-in definitions of one cloud: the properties of one by folded id, and all ids."""

    def initiative(self, identifier: ArmId) -> dict[str, JSON] | None: ...
    def initiatives(self) -> Iterable[ArmId]: ...
    def policy(self, identifier: ArmId) -> dict[str, JSON] | None: ...
    def policies(self) -> Iterable[ArmId]: ...


class CatalogueBuiltIns:
    """The built-ins of the public cloud that the bundled catalogue knows. Each is rendered once."""

    def __init__(self) -> None:
        self._catalogue = catalog.load()
        self._rendered: dict[str, dict[str, JSON]] = {}

    def initiative(self, identifier: ArmId) -> dict[str, JSON] | None:
        """The properties of a built-in policy set."""
        if identifier.key not in self._rendered:
            built_in = self._catalogue.initiative(identifier)
            if built_in is None:
                return None
            version = built_in.version or FIRST_VERSION
            self._rendered[identifier.key] = {
                "displayName": built_in.title,
                "policyType": "BuiltIn",
                "metadata": {"version": built_in.version, "category": built_in.category},
                "version": version,
                "parameters": {},
                "policyDefinitions": [
                    {
                        "policyDefinitionReferenceId": member.reference_id,
                        "policyDefinitionId": member.definition.text,
                        "definitionVersion": major_pin(
                            policy.version if (policy := self._catalogue.policy(member.definition)) else FIRST_VERSION
                        ),
                        "parameters": {},
                    }
                    for member in built_in.members
                ],
                "versions": [version],
            }
        return self._rendered[identifier.key]

    def initiatives(self) -> Iterable[ArmId]:
        """The ids of all built-in policy sets."""
        return (initiative.id for initiative in self._catalogue.initiatives.values())

    def policy(self, identifier: ArmId) -> dict[str, JSON] | None:
        """The properties of a built-in policy."""
        built_in = self._catalogue.policy(identifier)
        if built_in is None:
            return None
        version = built_in.version or FIRST_VERSION
        effect = built_in.default_effect or "Audit"
        types: JSON = {"field": "type", "in": list(built_in.resource_types)}
        is_expression = effect.startswith("[")
        return {
            "displayName": built_in.title,
            "policyType": "BuiltIn",
            **({"mode": built_in.mode} if built_in.mode else {}),
            "metadata": {"version": built_in.version},
            "version": version,
            "parameters": {} if is_expression else {"effect": {"type": "String", "defaultValue": effect}},
            "policyRule": {"if": types, "then": {"effect": effect if is_expression else "[parameters('effect')]"}},
            "versions": [version],
        }

    def policies(self) -> Iterable[ArmId]:
        """The ids of all built-in policies."""
        return (policy.id for policy in self._catalogue.policies.values())


def major_pin(version: str) -> str:
    """`2.*.*` for `2.1.0`: how ARM pins what names no version."""
    return f"{version.partition('.')[0] or '1'}.*.*"


@functools.cache
def bundled() -> CatalogueBuiltIns:
    """The bundled built-ins, shared by every emulator of a process."""
    return CatalogueBuiltIns()
