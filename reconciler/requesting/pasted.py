"""The scopes in whatever a person pastes: ids, addresses of the portal (whose parts may be encoded once or twice), or a
text around them.

An address of a resource ends in the page that was open (`…/servers/legacy-sql/overview`), and an id of an assessment
lies on its resource; both give the resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from reconciler.model import ArmId, parse_scope

_ENCODED_PART: Final = re.compile(r"[^/?&#=\s]*%(?:25)*2f[^/?&#=\s]*", re.IGNORECASE)
_PATH: Final = re.compile(
    r"/(?:subscriptions/|providers/Microsoft\.Management/managementGroups/)[^\s?#&\"'<>,;]*", re.IGNORECASE
)
_MANAGEMENT_GROUP: Final = re.compile(r"/mgId/([^/\s?#&]+)")
_ON_THE_SCOPE: Final = frozenset({"microsoft.security", "microsoft.authorization", "microsoft.policyinsights"})
"""Providers whose objects lie on what they are about."""
_CONNECTORS: Final = ["microsoft.security", "securityconnectors"]
"""But these are resources: a cloud beside Azure is a scope of its own, which its resource group is not."""

_LONGEST: Final = 20_000
"""What is longer is no paste of an address."""


def scopes_in(text: str) -> tuple[ArmId, ...]:
    """Every scope that a text names, in its order, each once."""
    text = text[:_LONGEST].strip()
    scopes = {scope.key: scope for candidate in _candidates(text) if (scope := _scope(candidate))}
    return tuple(scopes.values())


def _candidates(text: str) -> Iterator[str]:
    if text.startswith("/") and "\n" not in text and "%" not in text:
        yield text
    for line in text.splitlines():
        for part in _ENCODED_PART.findall(line):
            decoded = unquote(unquote(part))
            yield from _PATH.findall(decoded)
            yield from (f"/providers/Microsoft.Management/managementGroups/{group}" for group in _group_names(decoded))
        plain = _ENCODED_PART.sub("", line)
        yield from (unquote(path) for path in _PATH.findall(plain))
        yield from (f"/providers/Microsoft.Management/managementGroups/{group}" for group in _group_names(plain))


def _group_names(text: str) -> Iterator[str]:
    yield from (unquote(name) for name in _MANAGEMENT_GROUP.findall(text))


def _scope(path: str) -> ArmId | None:
    """The scope that a path begins with, without the page of the portal or the object on the scope behind it."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None
    length = 2 if parts[0].lower() == "subscriptions" else 4
    if parts[0].lower() == "subscriptions" and len(parts) >= 4 and parts[2].lower() == "resourcegroups":
        length = 4
    while _continues(parts, length):
        following = next((at for at in range(length + 2, len(parts)) if parts[at].lower() == "providers"), len(parts))
        length += 2 + (following - length - 2) // 2 * 2
    try:
        return parse_scope("/" + "/".join(parts[:length]))
    except ValueError:
        return None


def _continues(parts: list[str], length: int) -> bool:
    """Whether a resource follows: `providers/NAMESPACE/TYPE/NAME`."""
    kind = [part.lower() for part in parts[length + 1 : length + 3]]
    return (
        len(parts) >= length + 4
        and parts[length].lower() == "providers"
        and (kind[0] not in _ON_THE_SCOPE or kind == _CONNECTORS)
        and parts[length + 2].lower() != "providers"
        and parts[length + 3].lower() != "providers"
    )
