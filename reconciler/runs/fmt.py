"""Declarations written in their canonical style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.catalog import Catalogue
from reconciler.codes import FileCode
from reconciler.declarations import FOLDER, SETTINGS_FILE
from reconciler.declarations.formatting import formatted
from reconciler.declarations.migration import migrate
from reconciler.declarations.walk import SourceFile, read, walk
from reconciler.documents.characters import decode, hidden
from reconciler.documents.strict import parse
from reconciler.model import Source, Verdict
from reconciler.problems import Problem, has_errors
from reconciler.runs.files import require_paths, write_file
from reconciler.runs.loading import OVERLAY, load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class FmtRequest:
    """What to format: `paths`, or without any the declarations at `root`. `migrate` replaces retired recommendations
    first. `check` changes nothing.
    """

    root: Path
    paths: tuple[Path, ...] = ()
    migrate: bool = False
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FmtRun:
    """The files that were not in style, and why others could not be formatted or migrated. `check`: nothing was changed."""

    changed: tuple[str, ...]
    problems: tuple[Problem, ...]
    check: bool

    @property
    def verdict(self) -> Verdict:
        """Invalid where a file could not be formatted, or is left out of style."""
        return Verdict.INVALID if has_errors(self.problems) or (self.check and self.changed) else Verdict.DONE


def run(request: FmtRequest) -> FmtRun:
    """Formats each file on its own; one that cannot be formatted stops no other.

    Raises:
        UsageError: there is no such path.
        ReconcilerError: a file cannot be written.
    """
    require_paths(request.paths)
    catalogue = load_all(request.root)[1] if request.migrate else None
    problems: list[Problem] = []
    changed: list[str] = []
    for file in _files(request):
        outcomes = [file] if isinstance(file, Problem) else _format(file, catalogue, check=request.check)
        for outcome in outcomes:
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                changed.append(outcome)
    return FmtRun(changed=tuple(changed), problems=tuple(problems), check=request.check)


def _format(file: SourceFile, catalogue: Catalogue | None, *, check: bool) -> Iterator[str | Problem]:
    """The name of a file that was (or is to be) changed, and why it cannot be formatted or migrated; nothing where it
    is in style. With a catalogue it is migrated first.
    """
    data = read(file)
    text = data if isinstance(data, Problem) else decode(data, file.name)
    if isinstance(text, Problem) or isinstance(data, Problem):
        if isinstance(text, Problem):
            yield text
        return
    document, problems = parse(text, file.name)
    bad = next(iter((*hidden(text, file.name), *problems)), None)
    if document is None or bad is not None:
        if bad is not None:
            yield bad
        return
    if catalogue is not None:
        migration = migrate(text, document, catalogue)
        if migration.problem:
            yield migration.problem
        text = migration.text
        document = parse(text, file.name)[0] or document
    style = formatted(text, document)
    if style is None:
        yield Problem(
            source=Source(file.name),
            code=FileCode.NOT_FORMATTED,
            message="it cannot be formatted without changing what it says, so it is left alone",
            remedy="move the comments inside a list in a list to lines of their own above its field, and run again",
        )
    elif style.encode() != data:
        if not check:
            write_file(Path(file.path), style)
        yield file.name


def _files(request: FmtRequest) -> Iterator[SourceFile | Problem]:
    if not request.paths:
        yield from walk(request.root, FOLDER)
    for path in request.paths:
        if path.is_dir() and not path.is_symlink():
            below = path / FOLDER if (path / FOLDER).is_dir() else path
            yield from walk(below.parent, below.name)
        elif path.name not in {OVERLAY, SETTINGS_FILE}:
            yield SourceFile(str(path), path.as_posix())
