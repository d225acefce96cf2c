"""What a person sees: the artefact on standard output, chatter on standard error, colour on a terminal only.

rich is loaded only where there is a terminal or colour. NO_COLOR and TERM=dumb turn colour off, FORCE_COLOR turns it on.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.problems import Problem, ReconcilerError
from reconciler.reports.formats import Document, Rendered
from reconciler.reports.styled import Line, Style, line, plain

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.applying.ports import Observer as WriteObserver
    from reconciler.model import Unread
    from reconciler.runs.context import ReadProgress

_COLOURS: Final = {
    Style.PLAIN: "",
    Style.HEADING: "bold",
    Style.NAME: "bold",
    Style.QUIET: "dim",
    Style.CREATE: "color(28)",
    Style.UPDATE: "color(130)",
    Style.DELETE: "color(160)",
    Style.WIDENS: "bold color(133)",
    Style.ERROR: "bold color(160)",
    Style.WARNING: "color(130)",
    Style.INFO: "color(30)",
    Style.GOOD: "color(28)",
}
"""Of the 256 colours, those that read on black and on white; a terminal of 16 gets the nearest."""


_WORD: Final = re.compile(r"\S+\s*")
_GAP: Final = re.compile(r" {2,}(?=[^ ])|(?<=^ {2}[-+~] \w{7} )")
"""What ends a column. The longest sign of a decision ("~ changes") leaves but one space of it."""
_LAST_COLUMN: Final = 26
"""Before which the last column of a row begins: what stands behind it may have wide gaps of its own."""


def is_interactive(stream: TextIO) -> bool:
    """Whether somebody watches the stream on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colour(stream: TextIO) -> bool:
    """Whether the stream wants colour: NO_COLOR forbids it, FORCE_COLOR asks for it where there is no terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") != "0" or is_interactive(stream)


def write_lines(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Styled lines to a stream (standard output): in colour where it wants that, and wrapped between words where it is a
    terminal. What is longer than a row by itself, such as an id, stays whole.
    """
    target = stream or sys.stdout
    width = None
    if is_interactive(target):
        import shutil  # noqa: PLC0415 - only a terminal pays for it

        width = shutil.get_terminal_size().columns
    if not has_colour(target) and width is None:
        target.write(plain(lines))
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.text import Text  # noqa: PLC0415

    coloured = has_colour(target)
    console = Console(file=target, soft_wrap=True, force_terminal=coloured)
    for spans in lines:
        text = Text.assemble(*((span.text, _COLOURS[span.style] if coloured else "") for span in spans))
        for row in [text] if width is None else _wrapped(text, width):
            console.print(row)


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """The rows of a line, those after the first under its last column. Only spaces end a row: an id stays whole."""
    indent = len(text.plain) - len(text.plain.lstrip(" "))
    if len(text.plain) <= width or indent * 2 > width:
        yield text
        return
    gaps = [gap.end() for gap in _GAP.finditer(text.plain, indent, _LAST_COLUMN)]
    hanging = max(indent, *gaps, 0)
    body, breaks, column, start = text[indent:], [], indent, indent
    for word in _WORD.finditer(body.plain):
        if column > start and column + len(word[0].rstrip()) > width:
            breaks.append(word.start())
            column = start = hanging
        column += len(word[0])
    for position, row in enumerate(body.divide(breaks)):
        row.rstrip()
        row.pad_left(hanging if position else indent)
        yield row


def write(text: str | Iterable[str]) -> None:
    """An artefact to standard output, exactly as it is: its text, or pieces that end with a line's end."""
    if isinstance(text, str):
        text = (text, "" if text.endswith("\n") or not text else "\n")
    sys.stdout.writelines(text)
    sys.stdout.flush()


def show(rendered: Rendered) -> None:
    """A report to standard output: a document as it is, styled lines in colour where there is a terminal."""
    match rendered:
        case str():
            write(rendered)
        case Document(pieces=pieces):
            write(pieces)
        case lines:
            write_lines(lines)
            sys.stdout.flush()  # a file that is written next may be the same stream


def say(*lines: Line | str) -> None:
    """Chatter to standard error."""
    sys.stdout.flush()
    write_lines((line(item) if isinstance(item, str) else item for item in lines), sys.stderr)


def say_error(error: ReconcilerError) -> None:
    """A fault to standard error: what, and what to do."""
    say(line((Style.ERROR, "error: "), error.message))
    if error.remedy:
        say(line((Style.QUIET, "help: "), error.remedy))


def say_warning(message: str) -> None:
    """A warning to standard error."""
    say(line((Style.WARNING, "warning: "), message))


def say_unread(unread: Iterable[Unread]) -> None:
    """What could not be read to standard error, each place and cause once, with what to do."""
    from reconciler.model import unread_groups  # noqa: PLC0415 - only what asks Azure has anything unread

    for part in unread_groups(unread):
        say_warning(f"not read: {part.what} at {part.scope}: {part.message}")
        if part.remedy:
            say(line((Style.QUIET, "help: "), part.remedy))


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
    if not is_interactive(sys.stderr):
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda content, done, total: progress.update(
            task, description=f"{label}: {content}", completed=done, total=total or None
        )
