"""Progress while writing: a bar with rate and time left on a terminal, a plain line now and then in CI."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

from reconciler.applying.ports import Observer, Progress
from reconciler.cli.terminal import is_interactive, say

_EVERY: Final = 15.0  # seconds between plain lines


@contextlib.contextmanager
def writing(total: int) -> Iterator[Observer | None]:
    """Yields the observer that shows the progress; None where there is nothing to show."""
    if not total or not is_interactive(sys.stderr):
        yield _Plain() if total else None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("writing", total=total, rate="")

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.finished, rate=", ".join(_rate(progress)))

        yield show


class _Plain:
    """A line every quarter of a minute."""

    def __init__(self) -> None:
        self.told_at = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.elapsed - self.told_at >= _EVERY:
            self.told_at = progress.elapsed
            say(", ".join((f"{progress.finished} of {progress.total} changes", *_rate(progress))))


def _rate(progress: Progress) -> Iterator[str]:
    """How fast it goes and how long it will still take, as far as there is something to tell."""
    if progress.rate:
        yield f"{progress.rate:.1f}/s"
    if progress.paused:
        yield f"waiting {progress.paused:.0f} s because Azure asked to"
    elif progress.obstacle:
        yield f"{progress.obstacle}; trying again"
    elif progress.seconds_left is not None:
        yield f"{progress.seconds_left:.0f} s left"
