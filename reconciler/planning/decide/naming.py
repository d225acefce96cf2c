"""The ARM name of a new exemption: a readable stem and a hash of what it stands for.

A existing exemption keeps its name, whatever that is, since matching goes by cells. The hash recognises one of ours whose
marks somebody stripped.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container
from typing import Final

from reconciler.model import JSON, ArmId, exemption_path

_NAME: Final = 64
_STEM: Final = 48
_JSON: Final = json.JSONEncoder(separators=(",", ":"))


def name_hash(owner: str, scope: ArmId, assignment: ArmId, policies: tuple[str, ...], selectors: JSON) -> str:
    """Twelve hex digits that stand for owner, exemption scope, assignment, sorted definition ids and selectors."""
    text = _JSON.encode([owner, scope.key, assignment.key, sorted(policies), selectors])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def exemption_id(scope: ArmId, declaration: str, hashed: str, taken: Container[str]) -> ArmId:
    """The id of a new exemption, at most 64 characters of name; `taken` holds folded ids that are in use."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", declaration)[:_STEM].strip("-") or "exemption"
    for number in range(1, 1001):
        tail = f"-{hashed}-{number}" if number > 1 else f"-{hashed}"
        text = exemption_path(scope.text, f"{stem[: _NAME - len(tail)]}{tail}")
        candidate = ArmId(text.lower(), text)
        if candidate.key not in taken:
            return candidate
    raise AssertionError("Azure allows 1,000 exemptions a scope")


def bears_our_name(identifier: ArmId, hashed: str) -> bool:
    """Whether the name is one that `exemption_id` gives, with or without a suffix."""
    return re.fullmatch(rf".*-{hashed}(-\d+)?", identifier.name, re.IGNORECASE) is not None
