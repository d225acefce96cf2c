"""Which effect a policy has in an assignment: its overrides, then the parameters that it sets, then the defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.emulator.state.tenant import Record
from reconciler.model import JSON

DISABLED: Final = "disabled"

_PARAMETER: Final = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE)


def default_effect(properties: Mapping[str, JSON]) -> str:
    """The effect of a policy in lower case, as its rule or the default of its parameter has it."""
    return _evaluated(_rule_effect(properties), properties, {})


def single_effect(assignment: Record, properties: Mapping[str, JSON]) -> str:
    """The effect of the one policy that an assignment assigns, in lower case."""
    forced = _override(assignment, None)
    return forced or _evaluated(_rule_effect(properties), properties, _set(assignment.properties))


def member_effect(
    assignment: Record, initiative: Mapping[str, JSON], entry: Mapping[str, Any], properties: Mapping[str, JSON]
) -> str:
    """The effect of an initiative's member in an assignment, in lower case. `properties` are the policy's."""
    forced = _override(assignment, str(entry.get("policyDefinitionReferenceId", "")))
    if forced:
        return forced
    expressions = _set(entry)
    assigned = _set(assignment.properties)
    values = {name: _evaluated(text, initiative, assigned) for name, text in expressions.items()}
    return _evaluated(_rule_effect(properties), properties, values)


def _rule_effect(properties: Mapping[str, JSON]) -> str:
    return str(((properties.get("policyRule") or {}).get("then") or {}).get("effect", "audit"))


def _set(holder: Mapping[str, JSON]) -> dict[str, str]:
    """The parameters that an assignment or a member sets, by folded name."""
    parameters: Mapping[str, Any] = holder.get("parameters") or {}
    return {name.lower(): str(item["value"]) for name, item in parameters.items() if "value" in (item or {})}


def _evaluated(text: str, holder: Mapping[str, JSON], values: Mapping[str, str]) -> str:
    """A literal in lower case, or the value of the parameter that the text names: as set, else the holder's default.

    Of a longer expression, which is not computed, the parameter `effect` decides.
    """
    if not text.startswith("["):
        return text.lower()
    named = _PARAMETER.fullmatch(text)
    name = named[1].lower() if named else "effect"
    if name in values:
        return values[name].lower()
    parameters: Mapping[str, Any] = holder.get("parameters") or {}
    default = next((item for key, item in parameters.items() if key.lower() == name), None) or {}
    return str(default.get("defaultValue", "audit")).lower()


def _override(assignment: Record, reference: str | None) -> str:
    """The effect that an override forces on a reference id (None: on the only policy), in lower case; else empty."""
    for override in assignment.properties.get("overrides") or ():
        if str(override.get("kind", "")).lower() == "policyeffect" and _concerns(override, reference):
            return str(override.get("value", "")).lower()
    return ""


def _concerns(override: Mapping[str, Any], reference: str | None) -> bool:
    for selector in override.get("selectors") or ():
        if str(selector.get("kind", "")).lower() != "policydefinitionreferenceid" or reference is None:
            return False
        inside, outside = ({str(name).lower() for name in selector.get(side) or ()} for side in ("in", "notIn"))
        if (inside and reference.lower() not in inside) or reference.lower() in outside:
            return False
    return True
