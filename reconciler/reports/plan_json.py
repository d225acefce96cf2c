"""The plan as JSON (schemas/plan.schema.json): the form that is saved, approved, archived and read by other tools.

A minor rise of the version adds fields, which readers ignore; a major one changes what is there. What a plan held
only for its own machinery (what waits for what) is not part of the form.
"""

from __future__ import annotations

from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import encode_properties
from reconciler.model import JSON, Exemption, Source, Unread
from reconciler.planning.values import Change, Finding, Held, Plan, Refusal
from reconciler.problems import Problem
from reconciler.reports.escape import json_document
from reconciler.reports.evidence import evidence_to_json
from reconciler.reports.fields import changed_paths

FORMAT_VERSION: Final = "1.0"


def plan_to_json(plan: Plan, tool_version: str = __version__) -> dict[str, JSON]:
    """The plan as a JSON object, changes sorted by folded id."""
    return {**_fields(plan, tool_version), "changes": [change_to_json(change) for change in plan.changes]}


def plan_json(plan: Plan, tool_version: str = __version__) -> str:
    """The plan as a JSON document: one line for each change, never all of them as objects at once."""
    return json_document(_fields(plan, tool_version) | {"changes": map(change_to_json, plan.changes)})


def _fields(plan: Plan, tool_version: str) -> dict[str, JSON]:
    """Every field in the order of the form; the changes are for the caller to fill in."""
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": tool_version,
        "tenantId": plan.tenant_id,
        "owner": plan.owner,
        "scopes": [scope.text for scope in plan.scopes],
        "revision": plan.revision,
        "dirty": plan.dirty,
        "complete": plan.complete,
        "verdict": plan.verdict.value,
        "digest": plan.digest,
        "summary": plan.summary,
        "changes": None,
        "held": [held_to_json(hold) for hold in plan.held],
        "findings": [finding_to_json(finding) for finding in plan.findings],
        "refusals": [refusal_to_json(refusal) for refusal in plan.refusals],
        "unread": [unread_to_json(unread) for unread in plan.unread],
        "problems": [problem_to_json(problem) for problem in plan.problems],
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


def key_to_json(exemption: Exemption) -> dict[str, JSON]:
    """What tells one exemption from another."""
    return {"scope": exemption.scope.text, "assignment": exemption.assignment.text, "name": exemption.name}


def source_to_json(source: Source | None) -> dict[str, JSON] | None:
    """Where something is declared."""
    return {"file": source.file, "line": source.line} if source else None


def held_to_json(hold: Held) -> dict[str, JSON]:
    """What cannot be decided now, why, and what would free it."""
    return {
        "declaration": hold.declaration,
        "scope": hold.scope.text,
        "assignment": hold.assignment.text if hold.assignment else None,
        "referenceIds": list(hold.reference_ids),
        "cause": hold.cause.value,
        "message": hold.message,
        "remedy": hold.remedy,
        "source": source_to_json(hold.source),
    }


def finding_to_json(finding: Finding) -> dict[str, JSON]:
    """One thing a person should know."""
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "subject": finding.subject.text,
        "assignment": finding.assignment.text if finding.assignment else None,
        "declaration": finding.declaration,
        "message": finding.message,
        "remedy": finding.remedy,
        "source": source_to_json(finding.source),
        "evidence": evidence_to_json(finding.evidence),
    }


def refusal_to_json(refusal: Refusal) -> dict[str, JSON]:
    """A guard that stops the run, and the option that accepts exactly this plan."""
    return {"rule": refusal.rule, "message": refusal.message, "accept": refusal.remedy}


def unread_to_json(unread: Unread) -> dict[str, JSON]:
    """What could not be read, and what to do about it."""
    return {"scope": unread.scope.text, "what": unread.what, "reason": unread.message, "remedy": unread.remedy}


def problem_to_json(problem: Problem) -> dict[str, JSON]:
    """A mistake in a declaration that only Azure shows."""
    return {
        "code": problem.code,
        "message": problem.message,
        "remedy": problem.remedy,
        "source": source_to_json(problem.source),
    }
