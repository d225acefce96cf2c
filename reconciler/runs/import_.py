"""Declarations from what exists. Writes new files into the repository, never over one that is there; changes nothing in
Azure.
"""

from __future__ import annotations

import enum
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.declarations import FOLDER, SETTINGS_FILE, Loaded, check, load_bytes
from reconciler.declarations.walk import walk
from reconciler.importing.arm_template import arm_rows
from reconciler.importing.dates import DateOrder
from reconciler.importing.epac import epac_rows
from reconciler.importing.foreign import import_rows
from reconciler.importing.live import Choice, import_live
from reconciler.importing.naming import DEFAULT_FOLDER, check_folder
from reconciler.importing.row_rules import RowRules
from reconciler.importing.rows import Parsed
from reconciler.importing.terraform import terraform_rows
from reconciler.importing.values import Import, ImportedFile, Outcome
from reconciler.model import ArmId, Declaration, Settings, Snapshot, Unmanaged, Unread, Verdict
from reconciler.planning.guards import Allowances
from reconciler.planning.provenance import NoHistory
from reconciler.planning.stages import PlanInputs, ResolvedDeclarations
from reconciler.problems import Problem, ReconcilerError, UsageError, has_errors
from reconciler.runs.context import Context
from reconciler.runs.loading import InvalidRepositoryError, load_all
from reconciler.runs.reading import read_snapshot

_EPAC_ENDINGS: Final = frozenset({".json", ".jsonc", ".csv"})


class Tool(enum.StrEnum):
    """Whose files are imported."""

    EPAC = "epac"
    TERRAFORM = "terraform"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLiveRequest:
    """Which exemptions in Azure (or in a saved `snapshot`) to declare in the repository at `root`, below the folder that
    the template `into` names. `dry_run` writes nothing.
    """

    root: Path
    choice: Choice
    into: str = DEFAULT_FOLDER
    snapshot: Path | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """What an import came to. `problems` are what the rules of the repository say to the new files, by the declaration's
    name; `unread` what could not be read; `written` whether the files are there.
    """

    imported: Import
    problems: Mapping[str, Sequence[Problem]]
    unread: tuple[Unread, ...] = ()
    written: bool = True

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read or expressed, invalid where a new file breaks a rule."""
        if self.unread or self.imported.count(Outcome.REFUSED):
            return Verdict.INCOMPLETE
        is_broken = any(has_errors(tuple(problems)) for problems in self.problems.values())
        return Verdict.INVALID if is_broken else Verdict.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryContents:
    """What a repository has already, whether or not all of it is valid. `names` are the stems of its files."""

    settings: Settings
    loaded: Loaded
    catalogue: Catalogue
    names: frozenset[str]


def run_live(request: ImportLiveRequest, context: Context) -> ImportRun:
    """Reads, judges, proves and writes.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: the template of the folder is none, or the recommendation asked for does not exist.
        ReconcilerError: Azure or a file refuses.
    """
    folder = check_folder(request.into)
    contents = load_contents(request.root, context)
    snapshot = read_snapshot(
        contents.settings,
        contents.loaded.declarations,
        context,
        file=request.snapshot,
    )
    imported = import_live(plan_inputs(contents, snapshot, context), request.choice, contents.names, folder)
    omitted = imported.count(Outcome.LEFT) + imported.count(Outcome.REFUSED)
    if omitted and contents.settings.unmanaged is Unmanaged.DELETE:
        context.observer.warning(
            f"reconciler.yaml says `unmanaged: delete`: an apply may delete those of the {omitted} not imported that people made"
        )
    return finish(imported, contents, context, root=request.root, dry_run=request.dry_run, unread=snapshot.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFilesRequest:
    """Which files of which tool to declare. `path` is a file, or for EPAC a folder; `scope` where an ARM template is
    deployed. The others are those of `RowRules`. Azure is read where a row needs it, or `snapshot` instead.
    """

    root: Path
    tool: Tool
    path: Path
    into: str = DEFAULT_FOLDER
    scope: ArmId | None = None
    owner: str | None = None
    date_order: DateOrder | None = None
    take_over: str | None = None
    adopt: bool = False
    as_recommendation: bool = False
    snapshot: Path | None = None
    dry_run: bool = False


def run_files(request: ImportFilesRequest, context: Context) -> ImportRun:
    """Reads the files, says each row as a declaration, and writes.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: there is no such file, or it cannot be read as text.
        ReconcilerError: a file cannot be written.
    """
    folder = check_folder(request.into)
    contents = load_contents(request.root, context)
    rows = [row for file in _files(request) for row in _rows(file, request)]
    rules = RowRules(
        catalogue=contents.catalogue,
        owner=request.owner or "unknown",
        date_order=request.date_order,
        take_over=request.take_over,
        adopt=request.adopt,
        as_recommendation=request.as_recommendation,
    )
    declarations = contents.loaded.declarations
    if request.snapshot is not None:
        rules = replace(rules, snapshot=read_snapshot(contents.settings, declarations, context, file=request.snapshot))
    result = import_rows(rows, rules, declarations, contents.names, folder)
    if result.needs_azure and rules.snapshot is None:
        try:
            snapshot = read_snapshot(contents.settings, declarations, context, file=None)
        except ReconcilerError as error:
            context.observer.warning(f"Azure was not read, so rows that need it are not imported: {error.message}")
        else:
            result = import_rows(rows, replace(rules, snapshot=snapshot), declarations, contents.names, folder)
    return finish(result.imported, contents, context, root=request.root, dry_run=request.dry_run)


def _files(request: ImportFilesRequest) -> list[Path]:
    path = request.path
    if path.is_dir() and request.tool is Tool.EPAC:
        return sorted(file for file in path.rglob("*") if file.suffix.lower() in _EPAC_ENDINGS and file.is_file())
    if not path.is_file():
        raise UsageError(f"there is no file {str(path)!r}", "correct the path")
    return [path]


def _rows(file: Path, request: ImportFilesRequest) -> Iterator[Parsed]:
    name = file.relative_to(request.path).as_posix() if request.path.is_dir() else file.name
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    match request.tool:
        case Tool.EPAC:
            yield from epac_rows(text, name, request.scope)
        case Tool.TERRAFORM:
            yield from terraform_rows(text, name)
        case Tool.TEMPLATE:
            yield from arm_rows(text, name, request.scope)


def load_contents(root: Path, context: Context) -> RepositoryContents:
    """The repository's settings, which must be valid, and what it declares already.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
    """
    loaded, catalogue = load_all(root)
    if loaded.settings is None:
        problems = [problem for problem in loaded.problems if problem.source.file == SETTINGS_FILE]
        context.observer.problems(problems)
        raise InvalidRepositoryError(
            f"{SETTINGS_FILE} has errors", "correct them; 'exempt validate' shows them", problems
        )
    files = [item.name if not isinstance(item, Problem) else item.source.file for item in walk(root, FOLDER)]
    names = frozenset(Path(file).stem for file in files)
    return RepositoryContents(settings=loaded.settings, loaded=loaded, catalogue=catalogue, names=names)


def plan_inputs(contents: RepositoryContents, snapshot: Snapshot, context: Context) -> PlanInputs:
    """What the planner judges an import by."""
    return PlanInputs(
        declarations=ResolvedDeclarations.of(contents.loaded.declarations, contents.catalogue),
        catalogue=contents.catalogue,
        snapshot=snapshot,
        settings=contents.settings,
        history=NoHistory(),
        now=context.now,
        allowed=Allowances(),
        only=None,
    )


def finish(  # noqa: PLR0913 - what is imported, and where to
    imported: Import,
    contents: RepositoryContents,
    context: Context,
    *,
    root: Path,
    dry_run: bool,
    unread: tuple[Unread, ...] = (),
) -> ImportRun:
    """Judges the new files by the rules of the repository and writes them, all or none.

    Raises:
        ReconcilerError: a file cannot be written; then none is.
    """
    imported = valid_only(imported)
    problems = rule_problems(imported.files, contents, context)
    if not dry_run:
        write_new(root, imported.files)
    return ImportRun(imported=imported, problems=problems, unread=unread, written=not dry_run)


def valid_only(imported: Import) -> Import:
    """Without the files that are no valid declaration by themselves; their rows say why, in the words of `validate`."""
    invalid: dict[str, Problem] = {}
    for file in imported.files:
        declaration, problems = load_bytes(file.text.encode("utf-8", "surrogatepass"), file.path)
        if declaration is None:
            invalid[file.declaration.name] = problems[0]
    if not invalid:
        return imported
    rows = tuple(
        replace(
            row,
            outcome=Outcome.REFUSED,
            declaration="",
            message=f"{invalid[row.declaration].path}: {invalid[row.declaration].message}",
            remedy=invalid[row.declaration].remedy,
        )
        if row.declaration in invalid and row.outcome in {Outcome.IMPORTED, Outcome.DUPLICATE}
        else row
        for row in imported.rows
    )
    return Import(files=tuple(file for file in imported.files if file.declaration.name not in invalid), rows=rows)


def rule_problems(
    files: Sequence[ImportedFile], contents: RepositoryContents, context: Context
) -> dict[str, list[Problem]]:
    """What `exempt validate` will say to each new file, by the declaration's name."""
    by_name: dict[str, list[Problem]] = defaultdict(list)
    added: list[Declaration] = []
    for file in files:
        loaded, problems = load_bytes(file.text.encode(), file.path)
        by_name[file.declaration.name] += problems
        added.append(loaded or file.declaration)
    names = {file.path: file.declaration.name for file in files}
    everything = replace(contents.loaded, declarations=(*contents.loaded.declarations, *added))
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
