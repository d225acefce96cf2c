"""What a person sees: the artefact on standard output, chatter on standard error, colour on a terminal only.

rich is loaded only where there is a terminal that shows colour; NO_COLOR and TERM=dumb turn it off.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.problems import Problem, ReconcilerError
from reconciler.reports.formats import Rendered
from reconciler.reports.styled import Line, Style, line, plain

if TYPE_CHECKING:
    from reconciler.applying.ports import Observer as WriteObserver
    from reconciler.runs.context import ReadProgress

_COLOURS: Final = {
    Style.HEADING: "bold",
    Style.NAME: "bold",
    Style.QUIET: "dim",
    Style.CREATE: "green",
    Style.UPDATE: "yellow",
    Style.DELETE: "red",
    Style.WIDENS: "bold magenta",
    Style.ERROR: "bold red",
    Style.WARNING: "yellow",
    Style.INFO: "cyan",
    Style.GOOD: "green",
}


def has_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal that wants colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_lines(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Styled lines to a stream (standard output), in colour where it is a terminal."""
    target = stream or sys.stdout
    if not has_colour(target):
        target.write(plain(lines))
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=target, highlight=False, soft_wrap=True)
    for spans in lines:
        console.print(Text.assemble(*((span.text, _COLOURS.get(span.style, "")) for span in spans)))


def write(text: str) -> None:
    """An artefact to standard output, exactly as it is."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    sys.stdout.flush()


def show(rendered: Rendered) -> None:
    """A report to standard output: a document as it is, styled lines in colour where there is a terminal."""
    if isinstance(rendered, str):
        write(rendered)
    else:
        write_lines(rendered)


def say(*lines: Line | str) -> None:
    """Chatter to standard error."""
    sys.stdout.flush()
    write_lines((line(each) if isinstance(each, str) else each for each in lines), sys.stderr)


def say_error(error: ReconcilerError) -> None:
    """A fault to standard error: what, and what to do."""
    say(line((Style.ERROR, "error: "), error.message))
    if error.remedy:
        say(line((Style.QUIET, "help: "), error.remedy))


def say_warning(message: str) -> None:
    """A warning to standard error."""
    say(line((Style.WARNING, "warning: "), message))


class Terminal:
    """Tells what happens during a run (`runs.context.Observer`)."""

    def problems(self, problems: Sequence[Problem]) -> None:
        if problems:
            from reconciler.reports.problems import problem_lines  # noqa: PLC0415 - most repositories have none

            say(*problem_lines(sorted(problems)))

    def warning(self, message: str) -> None:
        say_warning(message)

    def reading(self, label: str) -> AbstractContextManager[ReadProgress]:
        return reading(label)

    def writing(self, total: int) -> AbstractContextManager[WriteObserver | None]:
        from reconciler.cli.progress import writing  # noqa: PLC0415 - only apply writes

        return writing(total)


@contextlib.contextmanager
def reading(label: str) -> Iterator[ReadProgress]:
    """Shows how far a read is, on a terminal; silent elsewhere. Yields what the reader calls."""
    if not has_colour(sys.stderr):
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda what, done, total: progress.update(
            task, description=f"{label}: {what}", completed=done, total=total or None
        )
