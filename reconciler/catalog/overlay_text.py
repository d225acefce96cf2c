"""Writes the repository's overlay as catalog.yaml, for review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.catalog.overlay import Overlay
from reconciler.documents.scalar_text import scalar_text
from reconciler.model import JSON, ArmId, Member

_HEADER: Final = """\
# yaml-language-server: $schema=schemas/catalog.schema.json
# Where this tenant's recommendations, policies and initiatives differ from the facts that exempt ships.
# Written by `exempt catalog refresh`. Review it like code: it changes what declarations mean.
"""
_SHORT_ID: Final = re.compile(r"/providers/microsoft\.authorization/policy(?:set)?definitions/([^/]+)", re.IGNORECASE)


def overlay_text(overlay: Overlay) -> str:
    """The overlay as catalog.yaml: sorted, one fact a line, the same bytes for the same facts."""
    sections: dict[str, list[dict[str, JSON]]] = {
        "recommendations": [
            {
                "key": entry.key,
                "title": entry.title,
                "severity": entry.severity,
                "environment": entry.environment and entry.environment.value,
                "policies": None if entry.policies is None else [_short(policy) for policy in entry.policies],
                "resourceTypes": None if entry.resource_types is None else list(entry.resource_types),
                "recommendationCategory": entry.category,
                "preview": entry.preview,
                "custom": entry.custom,
            }
            for entry in overlay.recommendations
        ],
        "policies": [
            {
                "id": _short(policy.id),
                "title": policy.title,
                "version": policy.version or None,
                "mode": policy.mode or None,
                "defaultEffect": policy.default_effect or None,
                "resourceTypes": list(policy.resource_types) or None,
            }
            for policy in overlay.policies
        ],
        "initiatives": [
            {
                "id": _short(initiative.id),
                "title": initiative.title,
                "version": initiative.version,
                "members": None if initiative.members is None else _member_rows(initiative.members),
                "added": _member_rows(initiative.added) or None,
                "removed": list(initiative.removed) or None,
            }
            for initiative in overlay.initiatives
        ],
    }
    lines = [line for name, rows in sections.items() if rows for line in (f"{name}:", *_rows(rows))]
    return _HEADER + "\n".join(lines or ["{}"]) + "\n"


def _member_rows(members: Iterable[Member]) -> dict[str, JSON]:
    ordered = sorted(members, key=lambda member: member.reference_id.lower())
    return {member.reference_id: _short(member.definition) for member in ordered}


def _short(identifier: ArmId) -> str:
    """The bare name of a built-in, the full id of anything else."""
    built_in = _SHORT_ID.fullmatch(identifier.text)
    return built_in.group(1) if built_in else identifier.text


def _rows(rows: Iterable[dict[str, JSON]]) -> Iterator[str]:
    for row in rows:
        lead = "  - "
        for name, value in row.items():
            if value is not None:
                label = lead + name
                match value:
                    case bool():
                        yield f"{label}: {str(value).lower()}"
                    case list() if value:
                        yield f"{label}:"
                        yield from (f"      - {scalar_text(item, plain_days=False)}" for item in value)
                    case dict() if value:
                        yield f"{label}:"
                        yield from (
                            f"      {scalar_text(key, plain_days=False)}: {scalar_text(item, plain_days=False)}"
                            for key, item in value.items()
                        )
                    case list() | dict():
                        yield f"{label}: {'[]' if isinstance(value, list) else '{}'}"
                    case _:
                        yield f"{label}: {scalar_text(value, plain_days=False)}"
                lead = "    "
