"""The life of a declaration as lines of text and as JSON (schemas/log.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.drift.life import Event, Life
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
        for fact in _facts(event):
            yield line((Style.QUIET, f"{_INDENT}{fact}"))


def _facts(event: Event) -> Iterator[str]:
    if event.requested_by:
        yield f"requested by {event.requested_by}"
    if event.approval is not None:
        number = f" in pull request {event.approval.pull_request}" if event.approval.pull_request else ""
        yield f"by {event.approval.author or 'nobody that the commit names'}{number}"
        if event.approval.approvers:
            yield f"approved by {', '.join(event.approval.approvers)}"
    if event.by:
        yield f"by {event.by}"
    if event.run:
        yield f"run {event.run}"
    if event.commit:
        yield f"commit {event.commit[:12]}"


def life_json(life: Life) -> str:
    """The same for programs."""
    return json_indented(
        {
            **header(FORMAT_VERSION),
            "declaration": life.name,
            "events": [_event(event) for event in life.events],
            "unknown": list(life.unknown),
        }
    )


def _event(event: Event) -> dict[str, JSON]:
    approval = event.approval or _NOBODY
    return {
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
