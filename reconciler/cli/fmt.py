"""Write declarations in their canonical style: order of fields, indentation, quotes, one scope a line. Comments stay.

With --migrate, a recommendation that Microsoft has retired is replaced by its successor or by its category, where a
declaration can name that; what cannot be migrated is named with what to do.

PATH may be files or folders; without one, all of exemptions/. Files that are not sound YAML, and files whose meaning or
comments would change, are left alone and named.

Exit codes: 0 done, or everything is in style already; 1 something could not be formatted, or with --check is not in
style.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.catalog import Catalogue
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.terminal import say, write_lines
from reconciler.declarations import FOLDER, SETTINGS_FILE
from reconciler.declarations.formatting import formatted
from reconciler.declarations.migration import migrate
from reconciler.declarations.walk import SourceFile, read, walk
from reconciler.documents.characters import decode, hidden
from reconciler.documents.strict import parse
from reconciler.model import Source, count
from reconciler.problems import Problem, UsageError, has_errors
from reconciler.reports.lines import line
from reconciler.reports.problems import problem_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt fmt`."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: exemptions/)")
    common.add_root(parser)
    parser.add_argument("--migrate", action="store_true", help="replace retired recommendations by what serves instead")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something is not in style")


def run(args: argparse.Namespace) -> int:
    """Format each file on its own; problems are told, and the rest is done all the same."""
    catalogue = common.load_all(args.root)[1] if args.migrate else None
    problems: list[Problem] = []
    changed: list[str] = []
    for file in _files(args.paths, args.root):
        outcomes = [file] if isinstance(file, Problem) else _format(file, catalogue, check=args.check)
        for outcome in outcomes:
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                changed.append(outcome)
    write_lines(line(name) for name in changed)
    say(*problem_lines(problems))
    if changed:
        say(f"{count(len(changed), 'file')} {'not in style' if args.check else 'formatted'}")
    elif not problems:
        say("every file is in style")
    return Exit.FAILED if has_errors(problems) or (args.check and changed) else Exit.DONE


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
            code="not-formatted",
            message="it cannot be formatted without changing what it says, so it is left alone",
            remedy="move its comments to lines of their own, and run again",
        )
    elif style.encode() != data:
        if not check:
            write_file(Path(file.path), style)
        yield file.name


def _files(paths: Sequence[Path], root: Path) -> Iterator[SourceFile | Problem]:
    if not paths:
        yield from walk(root, FOLDER)
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"there is no file or folder {str(path)!r}", "correct the path")
        if path.is_dir() and not path.is_symlink():
            below = path / FOLDER if (path / FOLDER).is_dir() else path
            yield from walk(below.parent, below.name)
        elif path.name not in {common.OVERLAY, SETTINGS_FILE}:
            yield SourceFile(str(path), path.as_posix())
