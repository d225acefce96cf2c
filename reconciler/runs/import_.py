"""Declarations from what exists. Writes new files into the repository, never over one that is there; changes nothing in
Azure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.documents.json_input import LIMITS
from reconciler.documents.named_files import read_file
from reconciler.importing.arm_template import arm_rows
from reconciler.importing.dates import DateOrder
from reconciler.importing.epac import epac_rows
from reconciler.importing.foreign import import_rows
from reconciler.importing.live import Choice, import_live
from reconciler.importing.naming import DEFAULT_FOLDER, check_folder
from reconciler.importing.row_rules import RowRules
from reconciler.importing.rows import Parsed
from reconciler.importing.terraform import terraform_rows
from reconciler.importing.values import Import, Outcome
from reconciler.model import ArmId, Unmanaged, Unread, Verdict
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.problems import Problem, ReconcilerError, UsageError, has_errors
from reconciler.runs.contents import RepositoryContents, load_contents, plan_inputs
from reconciler.runs.context import Context
from reconciler.runs.new_files import read_back, rule_problems, write_new
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


def run_live(request: ImportLiveRequest, context: Context) -> ImportRun:
    """Reads, judges, proves and writes.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: the template of the folder is none, or the recommendation asked for does not exist.
        ReconcilerError: Azure or a file refuses.
    """
    folder = check_folder(request.into)
    contents = load_contents(request.root, context)
    settings, declarations = contents.settings, contents.loaded.declarations
    resolved = ResolvedDeclarations.of(declarations, contents.catalogue)
    standards = known_standards(declarations, resolved.subjects, settings)
    snapshot = read_snapshot(settings, declarations, context, file=request.snapshot, standards=standards)
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
    rows = list(_rows(request))
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


def _rows(request: ImportFilesRequest) -> Iterator[Parsed]:
    """The rows of the file that is named, or of all files of EPAC's in the folder that is."""
    path = request.path
    files = [path]
    if path.is_dir() and request.tool is Tool.EPAC:
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _EPAC_ENDINGS and file.is_file())
        if not files:
            raise UsageError(
                f"{str(path)!r} holds no file of EPAC's ({', '.join(sorted(_EPAC_ENDINGS))})", "correct the path"
            )
    elif path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder", "name a file in it")
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        data = read_file(file, label="file", remedy="correct the path", limit=LIMITS.size)
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
    new = read_back(imported)
    problems = rule_problems(new, contents, context)
    if not dry_run:
        write_new(root, new.imported.files)
    return ImportRun(imported=new.imported, problems=problems, unread=unread, written=not dry_run)
