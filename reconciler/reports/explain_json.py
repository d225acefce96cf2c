"""An explanation as JSON (schemas/explain.schema.json): why a resource is exempt, or what a declaration comes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import encode_properties, instant_text
from reconciler.model import JSON, Unread
from reconciler.planning.explain.declaration import DeclarationExplanation
from reconciler.planning.explain.values import AssignmentCoverage, CoveringExemption, ResourceExplanation
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Change, Held
from reconciler.reports.escape import json_indented
from reconciler.reports.json_values import header, source_to_json

FORMAT_VERSION: Final = "1.0"


def explanation_json(explanation: ResourceExplanation, tool_version: str = __version__) -> str:
    """Why a resource is exempt, as a JSON document."""
    return json_indented(
        {
            **header(FORMAT_VERSION, tool_version),
            "takenAt": instant_text(explanation.taken_at),
            "resource": explanation.resource.text,
            "recommendation": explanation.title or None,
            "managed": explanation.managed,
            "assignments": [_situation(situation) for situation in explanation.situations],
            "held": [_held(line) for line in explanation.held],
            "exists": not explanation.is_gone,
            "unread": _unread(explanation.unread),
            "wantedBy": list(explanation.wanted_by),
        }
    )


def fan_out_json(fan_out: DeclarationExplanation, tool_version: str = __version__) -> str:
    """What a declaration comes to, as a JSON document."""
    declaration = fan_out.declaration
    assignments = [
        {
            "assignment": row.assignment.id.text,
            "displayName": row.assignment.display_name,
            "part": row.part.value,
            "why": row.why,
            "scope": row.scope.text if row.scope else None,
            "target": row.target.text if row.target else None,
            "referenceIds": list(row.references),
            "exemption": row.exemption.id.text if row.exemption else None,
            "change": _change(row.change) if row.change else None,
        }
        for row in fan_out.rows
    ]
    return json_indented(
        {
            **header(FORMAT_VERSION, tool_version),
            "takenAt": instant_text(fan_out.taken_at),
            "declaration": declaration.name,
            "source": source_to_json(declaration.source),
            "commit": _commit(fan_out.commit),
            "title": fan_out.title,
            "wantsNothing": fan_out.wants_nothing or None,
            "expiresOn": instant_text(declaration.expires_on) if declaration.expires_on else None,
            "assignments": assignments,
            "held": [_held(line) for line in fan_out.held],
            "leftovers": [_change(change) for change in fan_out.leftovers],
            "alsoExempts": list(fan_out.also),
            "unread": _unread(fan_out.unread),
        }
    )


def _unread(lines: Iterable[Unread]) -> list[JSON]:
    return [f"{line.scope}: {line.what}: {line.message}" for line in lines]


def _situation(situation: AssignmentCoverage) -> dict[str, JSON]:
    return {
        "assignment": situation.assignment.id.text,
        "displayName": situation.assignment.display_name,
        "exempt": situation.is_exempt,
        "referenceIds": list(situation.references),
        "notExempt": list(situation.bare),
        "exemptBySelectors": list(situation.selective),
        "moot": situation.moot or None,
        "exemptions": [_cover(cover) for cover in situation.covers],
        "ifRemoved": [
            {
                "id": loss.exemption.id.text,
                "evaluatedAgain": list(loss.exposed),
                "keptBy": [exemption.id.text for exemption in loss.kept_by],
                "partlyKeptBy": [exemption.id.text for exemption in loss.partly],
                "createdAgain": loss.returns,
            }
            for loss in situation.losses
        ],
        "held": [_held(line) for line in situation.held],
    }


def _cover(cover: CoveringExemption) -> dict[str, JSON]:
    exemption, declaration = cover.exemption, cover.declaration
    return {
        "id": exemption.id.text,
        "role": cover.role.value,
        "live": cover.is_live,
        "inherited": cover.inherited,
        "whose": cover.whose,
        "why": cover.why,
        "referenceIds": list(cover.references),
        "expiresOn": exemption.expires_on or None,
        "declaration": declaration.name if declaration else None,
        "source": source_to_json(declaration.source if declaration else None),
        "commit": _commit(cover.commit),
        "change": _change(cover.change) if cover.change else None,
        "properties": encode_properties(exemption),
    }


def _change(change: Change) -> dict[str, JSON]:
    return {"id": change.id.text, "action": change.action.value, "reason": change.reason.value}


def _held(line: Held) -> dict[str, JSON]:
    return {
        "declaration": line.declaration,
        "scope": line.scope.text,
        "cause": line.cause.value,
        "message": line.message,
        "remedy": line.remedy,
    }


def _commit(commit: Commit | None) -> dict[str, JSON] | None:
    return {"sha": commit.sha, "when": instant_text(commit.when)} if commit else None
