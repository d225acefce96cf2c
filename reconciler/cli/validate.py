"""Check the declarations and reconciler.yaml: YAML, schema, rules, conflicts. Offline; no declarations is fine.

PATH may be the root of a repository, files or folders inside one (the whole repository is read, problems elsewhere are
only counted), or declaration files that lie anywhere else. Problems go to standard output.

Exit codes: 0 no errors (warnings are possible); 1 errors.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.terminal import say, write, write_lines
from reconciler.declarations import FOLDER, SETTINGS_FILE, check, load_files, same_meaning
from reconciler.declarations.walk import SourceFile, walk
from reconciler.model import count
from reconciler.problems import Problem, UsageError, has_errors
from reconciler.reports.problems import (
    problem_lines,
    problems_github,
    problems_json,
    problems_sarif,
    problems_summary,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt validate`."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="what to check (default: the repository)")
    common.add_root(parser)
    common.add_base(parser)
    common.add_format(parser, "text", "json", "github", "sarif")


def run(args: argparse.Namespace) -> int:
    """Read, check, show."""
    targets = _targets(args.paths, args.root)
    checked, problems = _check(targets, args.base, common.now())
    shown = [problem for problem in problems if targets.shows(problem)]
    _show(shown, args.format, targets.root)
    say(f"{count(checked, 'declaration')} checked: {problems_summary(shown)}")
    if len(shown) < len(problems):
        say(f"{count(len(problems) - len(shown), 'problem')} in other files: 'exempt validate' without PATH shows all")
    return Exit.FAILED if has_errors(shown) else Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """What a command line asks for: the whole repository at `root`, or `only` some paths of it, or `loose` files."""

    root: Path | None
    only: tuple[str, ...] = ()
    loose: tuple[tuple[Path, str], ...] = ()
    refused: tuple[Problem, ...] = ()

    def shows(self, problem: Problem) -> bool:
        """Whether the problem stands in what was asked for."""
        file = problem.source.file
        return not self.only or any(file == path or file.startswith(path + "/") for path in self.only)


def _check(targets: _Targets, base: str | None, at: datetime) -> tuple[int, tuple[Problem, ...]]:
    """How many declarations were read, and everything that is wrong."""
    if targets.root is None:
        loaded = load_files(targets.loose)
        problems = (*targets.refused, *loaded.problems, *check(loaded, load_catalogue(), at, None))
        return len(loaded.declarations), problems
    loaded, catalogue = common.load_all(targets.root)
    from reconciler.repository import changed_since  # noqa: PLC0415 - GitPython is slow to import

    changed = changed_since(targets.root, base, same_meaning)
    return len(loaded.declarations), (*loaded.problems, *catalogue.problems, *check(loaded, catalogue, at, changed))


def _show(problems: Sequence[Problem], form: str, root: Path | None) -> None:
    match form:
        case "json":
            write(problems_json(problems))
        case "github":
            write(problems_github(_from_here(problems, root)))
        case "sarif":
            write(problems_sarif(_from_here(problems, root)))
        case _:
            write_lines(problem_lines(problems))


def _from_here(problems: Sequence[Problem], root: Path | None) -> list[Problem]:
    """Problems with paths from the working folder, which is where a pipeline checks the code out."""
    here = Path(os.path.relpath(root)).as_posix() if root else "."
    if here.startswith("."):
        return list(problems)
    moved = (replace(problem.source, file=f"{here}/{problem.source.file}") for problem in problems)
    return [replace(problem, source=source) for problem, source in zip(problems, moved, strict=True)]


# --- what PATH means ---------------------------------------------------------------------------------------------


def _targets(paths: Sequence[Path], root: Path) -> _Targets:
    if not paths:
        return _Targets(root=root)
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"there is no file or folder {str(path)!r}", "correct the path")
    places = [_repository_of(path) for path in paths]
    roots = {place for place in places if place is not None}
    if not roots:
        return _loose(paths)
    if len(roots) > 1 or None in places:
        raise UsageError("the paths belong to different repositories", "check them one after the other")
    (found,) = roots
    only = tuple(_absolute(path).relative_to(found).as_posix() for path in paths)
    return _Targets(root=found) if "." in only else _Targets(root=found, only=only)


def _repository_of(path: Path) -> Path | None:
    """The root of the repository of exemptions that reads this path; None for files that none reads."""
    absolute = _absolute(path)
    for folder in (absolute, *absolute.parents):
        if folder == absolute and not folder.is_dir():
            continue
        inside = absolute.relative_to(folder).parts[:1]
        declares = (folder / FOLDER).is_dir() and inside in {(), (FOLDER,)}
        if declares or (folder / SETTINGS_FILE).is_file():
            return folder if inside in {(), (FOLDER,), (SETTINGS_FILE,), (common.OVERLAY,)} else None
    return None


def _loose(paths: Sequence[Path]) -> _Targets:
    """Declaration files outside of any repository, and those in folders that are named."""
    files: list[tuple[Path, str]] = []
    refused: list[Problem] = []
    for found in (found for path in paths for found in _files(path)):
        if isinstance(found, Problem):
            refused.append(found)
        else:
            files.append((Path(found.path), found.name))
    return _Targets(root=None, loose=tuple(files), refused=tuple(refused))


def _files(path: Path) -> Iterator[SourceFile | Problem]:
    if path.is_dir() and not path.is_symlink():
        yield from walk(path.parent, path.name)
    else:
        yield SourceFile(str(path), path.as_posix())


def _absolute(path: Path) -> Path:
    """Absolute without following links, so that a link is seen as one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow
