"""What the JSON forms share: the versions they begin with, and the values that more than one of them has."""

from __future__ import annotations

from reconciler import __version__
from reconciler.model import JSON, Exemption, Source, Unread
from reconciler.planning.values import Finding, Held, Refusal
from reconciler.problems import Problem
from reconciler.reports.evidence import evidence_to_json


def header(format_version: str, tool_version: str = __version__) -> dict[str, JSON]:
    """The first fields of a form. A minor rise of `format_version` adds fields; a major one changes what is there."""
    return {"format_version": format_version, "tool_version": tool_version}


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
        "exemption": hold.exemption.text if hold.exemption else None,
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
