"""The rules for `resourceSelectors`, as the exemption and assignment documentation states them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconciler.emulator.errors import ArmError, unparsable_body
from reconciler.emulator.paths import Target
from reconciler.model import JSON

KINDS: Final = {
    "resourcelocation": "2022-07",
    "resourcetype": "2022-07",
    "resourcewithoutlocation": "2022-07",
    "policydefinitionreferenceid": "2022-07",
    "userprincipalid": "2024-12",
    "groupprincipalid": "2024-12",
}
"""Folded kinds, each with the API version it came with."""

_VALUES: Final = 50
_SUBSCRIPTION_LEVEL: Final = "subscriptionlevelresources"

Invalid = Callable[[Target, str], ArmError]


def check_selectors(target: Target, value: JSON, version: str, invalid: Invalid) -> None:
    """Refuse what the service would; `invalid` makes the error of the type that carries the selectors.

    Raises:
        ArmError: 400.
    """
    if not isinstance(value, list) or not all(isinstance(selector, dict) for selector in value):
        raise unparsable_body("the value of 'properties.resourceSelectors' is not an array of objects")
    for selector in value:
        conditions = selector.get("selectors", [])
        if not isinstance(conditions, list) or not all(isinstance(condition, dict) for condition in conditions):
            raise unparsable_body("the value of 'resourceSelectors.selectors' is not an array of objects")
        kinds = [_condition_kind(target, condition, version, invalid) for condition in conditions]
        name = selector.get("name", "")
        if len(kinds) != len(set(kinds)):
            raise invalid(target, f"The resource selector '{name}' uses a kind more than once.")
        if {"resourcelocation", "resourcewithoutlocation"} <= set(kinds):
            raise invalid(
                target, f"The resource selector '{name}' uses both 'resourceLocation' and 'resourceWithoutLocation'."
            )


def _condition_kind(target: Target, condition: dict[str, JSON], version: str, invalid: Invalid) -> str:
    kind = str(condition.get("kind", "")).lower()
    if version < KINDS.get(kind, "never"):
        raise invalid(target, f"The resource selector kind '{condition.get('kind')}' is not supported.")
    values = [condition[side] for side in ("in", "notIn") if condition.get(side) is not None]
    if len(values) != 1:
        raise invalid(target, f"The resource selector of kind '{kind}' must have exactly one of 'in' and 'notIn'.")
    if not isinstance(values[0], list) or not all(isinstance(text, str) for text in values[0]):
        raise unparsable_body("the values of a resource selector are not an array of strings")
    if len(values[0]) > _VALUES:
        raise invalid(target, f"The resource selector of kind '{kind}' has more than '{_VALUES}' values.")
    if kind == "resourcewithoutlocation" and any(text.lower() != _SUBSCRIPTION_LEVEL for text in values[0]):
        raise invalid(target, "The only value of 'resourceWithoutLocation' is 'subscriptionLevelResources'.")
    return kind
