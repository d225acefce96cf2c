"""Whether the parameters that somebody sets are those that a custom definition declares.

Of Azure's own definitions the parameters are not bundled, so those that are set there are taken as they are. The codes
and the texts for assignments are as quoted in public issues, those for policy sets but for their ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from reconciler.emulator.errors import ArmError
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import JSON, ArmId, owner_scope

_REFERENCE: Final = re.compile(r"(?<!\[)\[[^\[\]]*parameters\(\s*'([^']+)'\s*\)", re.IGNORECASE)


def check_assigned(tenant: Tenant, name: str, definition: ArmId, parameters: JSON) -> None:
    """Refuse an assignment that sets what its definition does not declare, or leaves out what has no default.

    Raises:
        ArmError: 400.
    """
    declared, set_parameters = _declared(tenant, definition), _folded(parameters)
    if declared is None:
        return
    if undefined := [set_parameters[key] for key in set_parameters if key not in declared]:
        raise ArmError(
            400,
            "UndefinedPolicyParameter",
            f"The policy assignment '{name}' has the parameter(s) '{','.join(undefined)}' which are not defined in the "
            f"policy definition '{definition.name}'.",
        )
    if missing := _missing(tenant, definition, set_parameters):
        raise ArmError(
            400,
            "MissingPolicyParameter",
            f"The policy assignment '{name}' is missing the parameter(s) '{','.join(missing)}' as defined in the policy "
            f"definition '{definition.name}'.",
        )


def check_member(tenant: Tenant, name: str, reference: str, definition: ArmId, parameters: JSON) -> None:
    """The same for a member of a policy set.

    Raises:
        ArmError: 400.
    """
    declared, set_parameters = _declared(tenant, definition), _folded(parameters)
    if declared is None:
        return
    where = f"the policy definition '{definition.name}' using policy definition reference ID '{reference}'."
    if undefined := [set_parameters[key] for key in set_parameters if key not in declared]:
        raise ArmError(
            400,
            "UndefinedPolicyParameter",
            f"The policy set definition '{name}' is attempting to assign the parameter(s) '{','.join(undefined)}' which "
            f"are not defined in {where}",
        )
    if missing := _missing(tenant, definition, set_parameters):
        raise ArmError(
            400,
            "MissingPolicyParameter",
            f"The policy set definition '{name}' is missing the parameter(s) '{','.join(missing)}' as defined in {where}",
        )


def undeclared_references(rule: JSON, parameters: JSON) -> list[str]:
    """The parameters that a policy rule names and its definition does not declare."""
    declared = _folded(parameters)
    return [name for name in dict.fromkeys(_REFERENCE.findall(json.dumps(rule))) if name.lower() not in declared]


def _declared(tenant: Tenant, definition: ArmId) -> Mapping[str, str] | None:
    """The parameters of a custom definition by folded name; None where they are not known."""
    record = _custom(tenant, definition)
    return None if record is None else _folded(record.properties.get("parameters"))


def _custom(tenant: Tenant, definition: ArmId) -> Record | None:
    if not owner_scope(definition).key:
        return None
    return tenant.definitions.get(definition.key) or tenant.set_definitions.get(definition.key)


def _folded(parameters: JSON) -> dict[str, str]:
    return {name.lower(): name for name in parameters or {}}


def _missing(tenant: Tenant, definition: ArmId, set_parameters: Mapping[str, str]) -> list[str]:
    record = _custom(tenant, definition)
    parameters = (record.properties.get("parameters") or {}) if record else {}
    return [
        name
        for name, parameter in parameters.items()
        if name.lower() not in set_parameters and "defaultValue" not in (parameter or {})
    ]
