"""The life of a declaration as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.drift.life import Event
from reconciler.reports.styled import Line, Style, line

_INDENT: Final = " " * 12


def life_lines(name: str, events: Sequence[Event]) -> Iterator[Line]:
    """Each event with its day, who did it, who approved it, and by which commit."""
    yield line((Style.HEADING, name))
    for event in events:
        yield line(f"{event.when:%Y-%m-%d}  ", (Style.NAME, event.kind.value), f": {event.detail}")
        approval = event.approval
        if approval is not None:
            number = f" in pull request {approval.pull_request}" if approval.pull_request else ""
            yield line((Style.QUIET, f"{_INDENT}by {approval.author or 'nobody that the commit names'}{number}"))
            if approval.approvers:
                yield line((Style.QUIET, f"{_INDENT}approved by {', '.join(approval.approvers)}"))
        if event.by:
            yield line((Style.QUIET, f"{_INDENT}by {event.by}"))
        if event.commit:
            yield line((Style.QUIET, f"{_INDENT}commit {event.commit[:12]}"))
