"""New declarations in the repository: judged as 'exempt validate' will judge them, and written, all or none."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.declarations import FOLDER, load_bytes
from reconciler.declarations.check import check
from reconciler.importing.values import Import, ImportedFile, Outcome
from reconciler.model import Declaration
from reconciler.problems import Problem, ReconcilerError
from reconciler.runs.contents import RepositoryContents
from reconciler.runs.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFiles:
    """What is imported, without what is no valid declaration by itself; the others as they are read back from their
    files, in the order of these, and what is wrong with them even so, by name.
    """

    imported: Import
    declarations: tuple[Declaration, ...]
    problems: Mapping[str, Sequence[Problem]]


def read_back(imported: Import) -> NewFiles:
    """Each new file as it will be read: those that are no valid declaration are left out, and their rows say why, in the
    words of `validate`.
    """
    invalid: dict[str, Problem] = {}
    declarations: list[Declaration] = []
    warnings: dict[str, tuple[Problem, ...]] = {}
    for file in imported.files:
        declaration, problems = load_bytes(file.text.encode("utf-8", "surrogatepass"), file.path)
        if declaration is None:
            invalid[file.declaration.name] = problems[0]
        else:
            declarations.append(declaration)
            warnings[file.declaration.name] = problems
    rows = []
    for row in imported.rows:
        problem = invalid.get(row.declaration)
        if problem is None or row.outcome not in {Outcome.IMPORTED, Outcome.DUPLICATE}:
            rows.append(row)
        else:
            message = f"{problem.path}: {problem.message}"
            rows.append(replace(row, outcome=Outcome.REFUSED, declaration="", message=message, remedy=problem.remedy))
    files = tuple(file for file in imported.files if file.declaration.name not in invalid)
    valid = Import(files=files, rows=tuple(rows))
    return NewFiles(imported=valid, declarations=tuple(declarations), problems=warnings)


def rule_problems(new: NewFiles, contents: RepositoryContents, context: Context) -> dict[str, list[Problem]]:
    """What `exempt validate` will say to each new file, by the declaration's name."""
    by_name: dict[str, list[Problem]] = defaultdict(list)
    for name, problems in new.problems.items():
        by_name[name] += problems
    names = {file.path: file.declaration.name for file in new.imported.files}
    everything = replace(contents.loaded, declarations=(*contents.loaded.declarations, *new.declarations))
    changed = frozenset(names.values())
    for problem in check(everything, contents.catalogue, context.now, changed):
        if problem.source.file in names:
            by_name[names[problem.source.file]].append(problem)
    return {name: problems for name, problems in by_name.items() if problems}


def write_new(root: Path, files: Sequence[ImportedFile]) -> None:
    """Writes all files, or none: what is there already is never replaced.

    Raises:
        ReconcilerError: a file cannot be written, or is there.
    """
    undo: list[Callable[[], None]] = []
    path = root
    try:
        for file in files:
            path = root / file.path
            _refuse_links(root, path)
            for folder in [folder for folder in reversed(path.parents) if not folder.exists()]:
                folder.mkdir()
                undo.append(folder.rmdir)
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "w", encoding="utf-8", newline="\n"
            ) as stream:
                undo.append(path.unlink)
                stream.write(file.text)
    except BaseException as error:
        for step in reversed(undo):
            step()
        if not isinstance(error, OSError):
            raise
        raise ReconcilerError(
            f"{path} cannot be written: {error.strerror}; nothing was imported", "make room for it and import again"
        ) from error


def _refuse_links(root: Path, path: Path) -> None:
    """A link below exemptions/ may lead out of the repository."""
    link = next(
        (folder for folder in path.parents if folder.is_relative_to(root / FOLDER) and folder.is_symlink()), None
    )
    if link is not None:
        raise ReconcilerError(
            f"{link} is a symbolic link, so nothing is written below it", "name another folder: --into"
        )
