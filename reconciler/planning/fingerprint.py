"""What an approval is bound to: the fingerprint of one change and the digest of a plan.

A fingerprint leaves out who asked, at which revision and where in the files: none of that changes what is written.
It does hold tenant, owner and the whole before, so that an approval never outlives the state it was given for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from reconciler.arm.canonical import comparable
from reconciler.model import JSON, Exemption

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(tenant_id: str, owner: str, before: Exemption | None, after: Exemption | None) -> str:
    """sha256 (hex) of tenant, owner, ARM id, action and canonical before and after."""
    subject = after or before
    assert subject is not None
    return fingerprint_of(
        tenant_id,
        owner,
        subject.id.key,
        comparable(before) if before else None,
        comparable(after) if after else None,
    )


def fingerprint_of(tenant_id: str, owner: str, key: str, before: JSON | None, after: JSON | None) -> str:
    """The same from comparable properties (`canonical.comparable`, or `canonical.fold` of what a saved plan carries)."""
    action = "create" if before is None else "delete" if after is None else "update"
    return _sha256([tenant_id.lower(), owner, key.lower(), action, before, after])


def digest(fingerprints: Iterable[str]) -> str:
    """sha256 (hex) of the sorted fingerprints: equal for equal plans, whatever the order of files or lists."""
    return _sha256(sorted(fingerprints))


def _sha256(value: JSON) -> str:
    text = _JSON.encode(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
