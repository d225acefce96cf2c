"""The ARM name of a new exemption: a readable stem and a hash of what it stands for; of a standard assignment, which
Azure wants to be a GUID, one of version 5.

An existing exemption keeps its name, whatever that is, since matching goes by cells. The hash recognises one of ours whose
marks somebody stripped.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Container
from typing import Final

from reconciler.model import JSON, ArmId, Carrier, arm_id, owner_scope

_NAME: Final = 64
_STEM: Final = 48
_STANDARDS: Final = uuid.UUID("5b0a9a4e-6f0d-5d0b-9d3c-0d4f3a1b7c21")
"""The name space of the GUIDs that standard assignments of ours are called by."""

_MOST: Final = 8
"""Standard assignments of one owner at one scope for one assessment: each but the first has conditions of its own."""

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
        text = Carrier.POLICY.path(scope.text, f"{stem[: _NAME - len(tail)]}{tail}")
        candidate = ArmId(text.lower(), text)
        if candidate.key not in taken:
            return candidate
    raise AssertionError("Azure allows 1,000 exemptions a scope")


def bears_our_name(identifier: ArmId, hashed: str) -> bool:
    """Whether the name is one that `exemption_id` gives, with or without a suffix."""
    return re.fullmatch(rf".*-{hashed}(-\d+)?", identifier.name, re.IGNORECASE) is not None


def standard_ids(owner: str, scope: ArmId, assessment: ArmId) -> tuple[ArmId, ...]:
    """The ids that a new standard assignment may have, the first one first: they depend on its owner and its cell alone,
    so that one can be asked for which no list shows.
    """
    names = (_JSON.encode([owner, scope.key, assessment.key, number]) for number in range(_MOST))
    return tuple(arm_id(Carrier.STANDARD.path(scope.text, str(uuid.uuid5(_STANDARDS, name)))) for name in names)


def bears_our_guid(identifier: ArmId, owner: str, assessment: ArmId) -> bool:
    """Whether the name is one that `standard_ids` gives."""
    return identifier in standard_ids(owner, owner_scope(identifier), assessment)
