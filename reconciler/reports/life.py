"""The life of a declaration as lines of text and as JSON (schemas/log.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.drift.life import Life
from reconciler.model import JSON
from reconciler.planning.provenance import Approval
from reconciler.reports.escape import json_indented
from reconciler.reports.json_values import header
from reconciler.reports.styled import Line, Style, line

FORMAT_VERSION: Final = "1.0"
_INDENT: Final = " " * 12
_NOBODY: Final = Approval()


def life_lines(life: Life) -> Iterator[Line]:
    """Each event with its day, who did it, who approved it, and by which commit and run."""
    yield line((Style.HEADING, life.name))
    for event in life.events:
        yield line(f"{event.when:%Y-%m-%d}  ", (Style.NAME, event.kind.value), f": {event.detail}")
        facts = [f"requested by {event.requested_by}" if event.requested_by else ""]
        if event.approval is not None:
            number = f" in pull request {event.approval.pull_request}" if event.approval.pull_request else ""
            approvers = ", ".join(event.approval.approvers)
            facts.append(f"by {event.approval.author or 'nobody that the commit names'}{number}")
            facts.append(f"approved by {approvers}" if approvers else "")
        facts.append(f"by {event.by}" if event.by else "")
        facts.append(f"run {event.run}" if event.run else "")
        facts.append(f"commit {event.commit[:12]}" if event.commit else "")
        yield from (line((Style.QUIET, f"{_INDENT}{fact}")) for fact in facts if fact)


def life_json(life: Life) -> str:
    """The same for programs."""
    events: list[JSON] = []
    for event in life.events:
        approval = event.approval or _NOBODY
        fields = {
            "at": instant_text(event.when),
            "kind": event.kind.value,
            "detail": event.detail,
            "requestedBy": event.requested_by or None,
            "author": approval.author or None,
            "pullRequest": approval.pull_request or None,
            "approvedBy": list(approval.approvers),
            "writtenBy": event.by or None,
            "run": event.run or None,
            "commit": event.commit or None,
        }
        events.append(fields)
    return json_indented(
        {**header(FORMAT_VERSION), "declaration": life.name, "events": events, "unknown": list(life.unknown)}
    )
