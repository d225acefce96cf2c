"""What reports of the catalogue share: whether something can be exempted, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.catalog.facts import EXPLANATIONS, Obstacle
from reconciler.model import JSON
from reconciler.reports.styled import Line, Style, line

FORMAT: Final = "1.0"
INDENT: Final = "  "


def exemptable_fields(obstacles: Iterable[Obstacle], *, exemptable: bool) -> dict[str, JSON]:
    """Whether an exemption takes effect, and what is in its way."""
    rows = [
        {"kind": obstacle.value, "blocks": obstacle.blocks, "why": EXPLANATIONS[obstacle]} for obstacle in obstacles
    ]
    return {"exemptable": exemptable, "obstacles": rows}


def obstacle_lines(obstacles: Iterable[Obstacle], depth: int) -> Iterator[Line]:
    """A line for each of them, `depth` levels in."""
    for obstacle in obstacles:
        style, label = (Style.ERROR, "not exemptable: ") if obstacle.blocks else (Style.WARNING, "note: ")
        yield line(INDENT * depth, (style, label), EXPLANATIONS[obstacle])
