"""A run of apply as JSON (schemas/outcome.schema.json): for archives, dashboards and the steps after it."""

from __future__ import annotations

from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import instant_text
from reconciler.model import JSON
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import (
    header,
    held_to_json,
    key_to_json,
    refusal_to_json,
    source_to_json,
    unread_to_json,
)
from reconciler.reports.outcomes import DecisionOutcome, Outcome, OutcomeReport
from reconciler.reports.plan_json import decision_to_json

FORMAT_VERSION: Final = "1.2"


def outcomes_json(report: OutcomeReport, exit_code: int, tool_version: str = __version__) -> str:
    """The run as a JSON document: one line for each change. `exit_code` is what the process will exit with."""
    summary = report.summary
    return json_document(
        {
            **header(FORMAT_VERSION, tool_version),
            "verdict": summary.verdict.value,
            "exitCode": exit_code,
            "revision": summary.revision,
            "completed": summary.completed,
            "summary": {str(status): number for status, number in summary.counts.items()},
            "decisions": map(_decision_to_json, report.decisions),
            "outcomes": map(_outcome_to_json, summary.outcomes),
            "held": [held_to_json(hold) for hold in summary.held],
            "refusals": [refusal_to_json(refusal) for refusal in summary.refusals],
            "unread": [unread_to_json(unread) for unread in summary.unread],
            "note": summary.note,
            "takenAt": instant_text(summary.taken_at) if summary.taken_at else None,
        }
    )


def _decision_to_json(item: DecisionOutcome) -> dict[str, JSON]:
    """The decision as the plan's form has it, and how it ended; its `changes` are the fingerprints of its outcomes."""
    return {**decision_to_json(item.decision), "ending": item.ending.value}


def _outcome_to_json(outcome: Outcome) -> dict[str, JSON]:
    change = outcome.change
    return {
        "status": str(outcome.status),
        "actions": [change.action.value],
        "reason": change.reason.value,
        "fingerprint": change.fingerprint,
        "key": key_to_json(change.exemption),
        "declaration": change.declaration,
        "source": source_to_json(change.source),
        "message": outcome.message,
        "remedy": outcome.remedy,
        "cause": outcome.cause.value if outcome.cause else None,
        "correlation": outcome.correlation,
        "uncovered": outcome.leaves_uncovered,
    }
