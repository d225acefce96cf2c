"""The drift report as JSON (schemas/drift.schema.json): for dashboards, tickets and the comparison of the next run."""

from __future__ import annotations

from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import instant_text
from reconciler.drift import HEALING_COMMAND
from reconciler.model import JSON
from reconciler.reports.drift import DriftReport, Identified, gone, identify
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import finding_to_json, header, refusal_to_json, unread_to_json

FORMAT_VERSION: Final = "1.0"
_SYSTEM_DATA: Final = (
    "createdBy",
    "createdByType",
    "createdAt",
    "lastModifiedBy",
    "lastModifiedByType",
    "lastModifiedAt",
)


def drift_json(report: DriftReport, tool_version: str = __version__) -> str:
    """The report as a JSON document, one line for each finding, the worst first. `gone` are those of the earlier report alone."""
    return json_document(
        {
            **header(FORMAT_VERSION, tool_version),
            "tenantId": report.tenant_id,
            "owner": report.owner,
            "scopes": [scope.text for scope in report.scopes],
            "revision": report.revision,
            "takenAt": instant_text(report.taken_at),
            "complete": report.complete,
            "verdict": report.verdict.value,
            "summary": {severity.value: number for severity, number in report.counts.items()},
            "findings": map(_identified_to_json, identify(report)),
            "gone": gone(report),
            "healing": {
                "command": HEALING_COMMAND,
                "heals": report.healed,
                "refusals": [refusal_to_json(r) for r in report.refusals],
            },
            "unread": [unread_to_json(unread) for unread in report.unread],
            "untold": {channel: list(keys) for channel, keys in report.untold.items()},
        }
    )


def _identified_to_json(identified: Identified) -> dict[str, JSON]:
    """A finding of the plan's form, with what a report knows of it in fields of their own."""
    fields = finding_to_json(identified.finding)
    evidence = fields.pop("evidence")
    system = {key: evidence.pop(key) for key in _SYSTEM_DATA if key in evidence}
    named = {key: evidence.pop(key, None) for key in ("healedBy", "patch", "portal")}
    evidence.pop("cause", None)
    changed = evidence.pop("changed", [])
    return {
        "id": identified.id,
        "new": identified.is_new,
        **fields,
        "cause": identified.finding.cause,
        **named,
        "systemData": system or None,
        "changed": changed,
        "evidence": evidence,
    }
