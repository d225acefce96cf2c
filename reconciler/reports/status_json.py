"""A status as JSON (schemas/status.schema.json): for dashboards, tickets, and what a later run compares with."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import instant_text
from reconciler.assessments.report import EffectReport
from reconciler.assessments.unneeded import TargetNeed
from reconciler.assessments.values import DeclarationEffect, ReturnedExemption, Shown, TargetEffect
from reconciler.model import JSON
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import header, source_to_json, unread_to_json
from reconciler.reports.status_text import LAG

FORMAT_VERSION: Final = "1.0"


def status_json(report: EffectReport, tool_version: str = __version__) -> str:
    """The status as a JSON document: one line for each declaration."""
    fields = {
        **header(FORMAT_VERSION, tool_version),
        "tenantId": report.tenant_id,
        "owner": report.owner,
        "revision": report.revision,
        "asOf": instant_text(report.as_of),
        "lag": LAG,
        "evaluationHours": report.within.total_seconds() / 3600,
        "complete": not report.unread,
        "verdict": report.verdict.value,
        "summary": {state.value: number for state, number in report.counts.items()},
        "declarations": [_declaration(declaration, report) for declaration in report.declarations],
        "returned": [_returned(back) for back in report.returned],
        "unread": [unread_to_json(unread) for unread in report.unread],
    }
    if report.needs is not None:
        fields["needs"] = [
            {
                "declaration": need.name,
                "need": need.need.value,
                "unneeded": [target.text for target in need.unneeded],
                "remedy": need.remedy,
                "source": source_to_json(need.source),
                "targets": [_target_need(target) for target in need.targets],
            }
            for need in report.needs
        ]
    return json_document(fields)


def _declaration(declaration: DeclarationEffect, report: EffectReport) -> dict[str, JSON]:
    return {
        "declaration": declaration.name,
        "state": declaration.state.value,
        "since": _instant(declaration.since),
        "due": _instant(declaration.due),
        "owner": declaration.owner,
        "requestedBy": declaration.requested_by or None,
        "pullRequest": declaration.pull_request or None,
        "source": source_to_json(declaration.source),
        "targets": [_target(target, report) for target in declaration.targets],
    }


def _target(target: TargetEffect, report: EffectReport) -> dict[str, JSON]:
    seconds = max((target.due - report.as_of).total_seconds(), 0) if target.due else None
    return {
        "target": target.target.text,
        "recommendation": target.key or None,
        "title": target.title,
        "state": target.state.value,
        "since": _instant(target.since),
        "writtenAt": _instant(target.written_at),
        "due": _instant(target.due),
        "secondsLeft": int(seconds) if seconds is not None else None,
        "resources": {kind.value: target.counts.get(kind, 0) for kind in Shown},
        "unhealthy": [resource.text for resource in target.counted],
        "exemptions": [exemption.id.text for exemption in target.exemptions],
        "diagnoses": [
            {
                "cause": diagnosis.cause.value,
                "confidence": diagnosis.confidence.value,
                "message": diagnosis.message,
                "remedy": diagnosis.remedy,
                "evidence": [{"label": label, "text": text} for label, text in diagnosis.evidence],
                "resources": [resource.text for resource in diagnosis.resources],
            }
            for diagnosis in target.diagnoses
        ],
    }


def _returned(back: ReturnedExemption) -> dict[str, JSON]:
    return {
        "id": back.id.text,
        "how": back.how.value,
        "declaration": back.declaration or None,
        "message": back.message,
        "remedy": back.remedy,
    }


def _target_need(target: TargetNeed) -> dict[str, JSON]:
    return {
        "target": target.target.text,
        "title": target.title,
        "need": target.need.value,
        "ground": target.ground.value or None,
        "message": target.message,
        "evidence": [{"label": label, "text": text} for label, text in target.evidence],
    }


def _instant(instant: datetime | None) -> str | None:
    return instant_text(instant) if instant else None
