"""The most that a figure may be: whatever exceeds its limit is told at the end, and the benchmark exits with 1.

Limits are ratios to a floor that the same run measures, so that they hold on any machine, or memory and sizes, which do
not depend on one. They are about twice what was measured (docs/architecture.md): only a real loss fails.
"""

from __future__ import annotations

import sys

_exceeded: list[str] = []


def at_most(limit: float, figure: float, what: str) -> None:
    """Notes a figure beyond its limit."""
    if figure > limit:
        _exceeded.append(f"{what}: {figure:,.2f}, and at most {limit:,g} is right")


def exit_code() -> int:
    """1 where anything was beyond its limit, told on standard error."""
    for row in _exceeded:
        print(f"beyond its limit: {row}", file=sys.stderr)
    return int(bool(_exceeded))
