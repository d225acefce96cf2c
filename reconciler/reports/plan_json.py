"""The plan as JSON (schemas/plan.schema.json): the form that is saved, approved, archived and read by other tools.

A minor rise of the version adds fields, which readers ignore; a major one changes what is there. What a plan held
only for its own machinery (what waits for what) is not part of the form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import encode_properties
from reconciler.model import JSON
from reconciler.planning.decisions import Decision, State
from reconciler.planning.values import Change
from reconciler.reports.escape import json_pieces
from reconciler.reports.fields import changed_paths
from reconciler.reports.json_values import (
    finding_to_json,
    header,
    held_to_json,
    key_to_json,
    problem_to_json,
    refusal_to_json,
    source_to_json,
    unread_to_json,
)
from reconciler.reports.plan import PlanReport
from reconciler.reports.score import score_to_json

FORMAT_VERSION: Final = "1.3"


def plan_to_json(report: PlanReport, tool_version: str = __version__) -> dict[str, JSON]:
    """The plan as a JSON object: decisions in reading order, changes sorted by folded id."""
    return {
        **_fields(report, tool_version),
        "decisions": [decision_to_json(decision) for decision in report.decisions],
        "changes": [change_to_json(change) for change in report.plan.changes],
    }


def plan_json_pieces(report: PlanReport, tool_version: str = __version__) -> Iterator[str]:
    """The plan as a JSON document, one line for each decision and change: in pieces, never all of these at once."""
    rows = {
        "decisions": map(decision_to_json, report.decisions),
        "changes": map(change_to_json, report.plan.changes),
    }
    return json_pieces(_fields(report, tool_version) | rows)


def _fields(report: PlanReport, tool_version: str) -> dict[str, JSON]:
    """Every field in the order of the form; decisions and changes are for the caller to fill in."""
    plan = report.plan
    return {
        **header(FORMAT_VERSION, tool_version),
        "tenantId": plan.tenant_id,
        "owner": plan.owner,
        "scopes": [scope.text for scope in plan.scopes],
        "revision": plan.revision,
        "dirty": plan.dirty,
        "complete": plan.complete,
        "verdict": plan.verdict.value,
        "digest": plan.digest,
        "summary": plan.summary,
        "decisions": None,
        "changes": None,
        "held": [held_to_json(hold) for hold in plan.held],
        "findings": [finding_to_json(finding) for finding in plan.findings],
        "refusals": [refusal_to_json(refusal) for refusal in plan.refusals],
        "unread": [unread_to_json(unread) for unread in plan.unread],
        "problems": [problem_to_json(problem) for problem in plan.problems],
        "score": score_to_json(report.score),
    }


def decision_to_json(decision: Decision) -> dict[str, JSON]:
    """One decision as people judge it; `changes` are the fingerprints of its consequences."""
    resources = decision.resources
    return {
        "name": decision.name,
        "title": decision.title,
        "severity": decision.severity or None,
        "proposed": decision.is_proposed,
        "exemptsMore": decision.exempts_more,
        "exemptsLess": decision.exempts_less,
        "before": _state_to_json(decision.before),
        "after": _state_to_json(decision.after),
        "resources": {"total": resources.total, "evaluated": resources.evaluated} if resources else None,
        "highlights": [highlight.value for highlight in decision.highlights],
        "justification": decision.justification,
        "owner": decision.owner or None,
        "ticket": decision.ticket or None,
        "requestedBy": decision.requester or None,
        "source": source_to_json(decision.source),
        "changes": [change.fingerprint for change in decision.changes],
    }


def _state_to_json(state: State | None) -> dict[str, JSON] | None:
    if state is None:
        return None
    return {
        "targets": [target.text for target in state.targets],
        "category": state.category,
        "expiresOn": state.expires_on or None,
        "assignments": state.assignments,
        "only": state.selection or None,
    }


def change_to_json(change: Change) -> dict[str, JSON]:
    """One change with its whole before and after, and what a reviewer judges it by."""
    before, after = change.before, change.after
    return {
        "actions": [change.action.value],
        "reason": change.reason.value,
        "fingerprint": change.fingerprint,
        "widens": [widening.value for widening in change.widens],
        "alsoExempts": list(change.also_exempts),
        "key": key_to_json(change.exemption),
        "before": encode_properties(before) if before else None,
        "after": encode_properties(after) if after else None,
        "changed": changed_paths(before, after) if before and after else [],
        "declaration": change.declaration,
        "source": source_to_json(change.source),
        "waitsFor": list(change.waits_for),
    }
