"""The repository of exemptions, loaded and checked: what it declares, by which facts and rules, with what history."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.codes import FileCode
from reconciler.declarations import SETTINGS_FILE, Loaded, load, read_settings, same_meaning, same_rules
from reconciler.declarations.walk import printable_path
from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.model import ArmId, Declaration, Settings, Source
from reconciler.planning.allowances import NO_ALLOWANCES, Allowances
from reconciler.problems import Problem, ReconcilerError, UsageError, has_errors
from reconciler.runs.context import Context

if TYPE_CHECKING:  # what judges and plans is imported when Azure was asked who we are
    from reconciler.catalog.catalogue import Catalogue
    from reconciler.model import Snapshot
    from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
    from reconciler.planning.provenance import History
    from reconciler.repository import Comparison

OVERLAY: Final = "catalog.yaml"
SHOW_AGAIN: Final = "correct them; 'exempt validate' shows them again"


class InvalidRepositoryError(ReconcilerError):
    """The repository has errors, which the observer was told: `problems`, with the warnings."""

    def __init__(self, message: str, remedy: str, problems: Sequence[Problem]) -> None:
        super().__init__(message, remedy)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A valid repository of exemptions. `changed` are the declarations that differ from the base; None counts all of
    them as changed. `proposed` are those that the change under review is about, None for all. `base_targets` are folded
    scopes that files listed at the base which differ now, `earlier` the ids of standard assignments that such files, and
    those that the last commit changed, came to, and `former` those of versions before: a run that failed may have left
    some. `taken_out` are their names and folded targets, None where that is not known. `resolved` are the declarations with
    what the catalogue says they mean. `warnings` are what is wrong with it and fails nothing.
    """

    root: Path
    settings: Settings
    declarations: tuple[Declaration, ...]
    resolved: ResolvedDeclarations
    catalogue: Catalogue
    history: History
    changed: frozenset[str] | None
    proposed: frozenset[str] | None = None
    base_targets: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()
    earlier: tuple[ArmId, ...] = ()
    former: tuple[ArmId, ...] = ()
    taken_out: frozenset[tuple[str, str]] | None = None

    @property
    def standards(self) -> tuple[ArmId, ...]:
        """The ids that standard assignments of ours have, declared or disabled, and those of declarations that differ from
        the base or from the commit before this one: no list need show them.
        """
        from reconciler.planning.desired.assessments import known_standards  # noqa: PLC0415 - as above

        declared = known_standards(self.declarations, self.resolved.subjects, self.settings)
        return tuple(sorted({*declared, *self.earlier}))

    def plan_inputs(
        self, snapshot: Snapshot, now: datetime, allowances: Allowances = NO_ALLOWANCES, only: ArmId | None = None
    ) -> PlanInputs:
        """What its plan is decided from, beside what Azure holds."""
        from reconciler.planning.inputs import PlanInputs  # noqa: PLC0415 - as above

        return PlanInputs(
            declarations=self.resolved,
            catalogue=self.catalogue,
            snapshot=snapshot,
            settings=self.settings,
            history=self.history,
            now=now,
            allowed=allowances,
            only=only,
            taken_out=self.taken_out,
        )


def named(names: Iterable[str], declarations: Iterable[Declaration], option: str = "") -> tuple[Declaration, ...]:
    """The declarations of these names, each once, whatever the case; `option` is what gave them, empty for arguments.

    Raises:
        UsageError: some names are of none; all of them are told.
    """
    declared = {declaration.name.casefold(): declaration for declaration in declarations}
    folded = {name.casefold(): name for name in names}
    if unknown := [name for key, name in folded.items() if key not in declared]:
        names_declared = [declaration.name for declaration in declared.values()]
        near = dict.fromkeys(
            candidate
            for name in unknown
            for candidate in nearest_few(name, names_declared, 3) or _that_speak_of(name, declared.values())
        )
        lists = "'exempt export' lists every declaration with its recommendation"
        none = "nothing is declared here: 'exempt request' asks for an exemption, 'exempt list' shows those in Azure"
        raise UsageError(
            f"{option and option + ': '}there is no declaration {' or '.join(map(repr, unknown))}",
            did_you_mean(tuple(near), lists if declared else none),
        )
    return tuple(declared[key] for key in folded)


def _that_speak_of(text: str, declarations: Iterable[Declaration]) -> list[str]:
    """The names of the first declarations that have a text in their name or in what they are about."""
    return [
        declaration.name
        for declaration in declarations
        if any(text.casefold() in words.casefold() for words in (declaration.name, *declaration.subject.values))
    ][:3]


def load_repository(
    root: Path, base: str | None, context: Context, log_in: Callable[[Settings], None] | None = None
) -> Repository:
    """Loads and checks everything; the observer is told what is wrong. `log_in` begins as soon as reconciler.yaml is read.

    Raises:
        InvalidRepositoryError: there are errors.
        UsageError: there is no such folder, or `base` names no commit.
    """
    loaded, catalogue = load_all(root, log_in)
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import
    from reconciler.planning.inputs import ResolvedDeclarations  # noqa: PLC0415 - as above
    from reconciler.runs import former  # noqa: PLC0415 - as above

    comparison, problems = judge(root, base, loaded, catalogue, context)
    context.observer.problems(problems)
    if has_errors(problems) or loaded.settings is None:
        from reconciler.reports.problems import problems_summary  # noqa: PLC0415 - as above

        raise InvalidRepositoryError(problems_summary(problems), SHOW_AGAIN, problems)
    history = repository.read(comparison.tree)
    before = former.declared(comparison.contents_at_base())
    last = former.before_this_commit(comparison.tree, root)
    recent = former.recent_versions(comparison.tree, history)
    return Repository(
        root=root,
        settings=loaded.settings,
        declarations=loaded.declarations,
        resolved=ResolvedDeclarations.of(loaded.declarations, catalogue),
        catalogue=catalogue,
        history=history,
        changed=comparison.changed,
        proposed=comparison.proposed(),
        base_targets=frozenset(scope.key for declaration in before for scope in declaration.scopes),
        earlier=former.standards_of([*before, *last], catalogue, loaded.settings),
        former=former.standards_of(recent or (), catalogue, loaded.settings),
        taken_out=None if recent is None else former.targets_of([*before, *last, *recent]),
        warnings=problems,
    )


def judge(
    root: Path, base: str | None, loaded: Loaded, catalogue: Catalogue, context: Context
) -> tuple[Comparison, tuple[Problem, ...]]:
    """What differs from the base, and everything that is wrong, sorted.

    Raises:
        UsageError: `base` names no commit.
        ReconcilerError: git cannot tell. Where the checkout lacks files, that is what is told: it is the cause.
    """
    from reconciler import repository  # noqa: PLC0415 - as above
    from reconciler.declarations.check import check  # noqa: PLC0415 - as above

    tree = repository.open_work_tree(root)
    # What the working tree lacks although the commit holds it is no removal, so nothing may be planned from it.
    missing = tuple(
        Problem(
            source=Source(printable_path(absent.path)),
            code=FileCode.NOT_CHECKED_OUT,
            message=absent.reason,
            remedy=absent.remedy,
        )
        for absent in repository.missing_files(tree, root)
    )
    try:
        comparison = repository.compare(tree, root, base, same_meaning)
    except UsageError:
        raise
    except ReconcilerError:
        if not missing:
            raise
        comparison = repository.Comparison(tree=tree, changed=frozenset())
    judged = check(loaded, catalogue, context.now, comparison.changed)
    return comparison, tuple(sorted((*loaded.problems, *catalogue.problems, *missing, *judged)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedState:
    """The repository as a commit holds it. `came_back` and `came_back_files` as in `repository.Revision`."""

    repository: Repository
    came_back: frozenset[str]
    came_back_files: frozenset[str]


def load_revision(root: Path, sha: str, context: Context) -> ApprovedState:
    """The repository as a commit holds it, read from git's objects. Rules about time and hierarchy were judged when it
    was approved, so nothing counts as changed. What its own earlier versions came to is not looked for (`former`, `taken_out`):
    an apply by it writes only what the plan of the working tree makes too, whose newest commits tell that.

    Raises:
        UsageError: it is no whole hash of a commit that git knows.
        ReconcilerError: it cannot be read, or is invalid for this version.
    """
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import
    from reconciler.declarations.check import check  # noqa: PLC0415 - as above
    from reconciler.planning.inputs import ResolvedDeclarations  # noqa: PLC0415 - as above
    from reconciler.planning.provenance import NoHistory  # noqa: PLC0415 - as above

    revision = repository.read_revision(root, sha, same_meaning, same_rules)
    loaded, catalogue = load_files(revision.files)
    problems = (*loaded.problems, *catalogue.problems, *check(loaded, catalogue, context.now, frozenset()))
    if has_errors(problems) or loaded.settings is None:
        first = min(problem for problem in problems if has_errors([problem]))
        raise ReconcilerError(
            f"the approved revision {sha[:12]} is invalid for this version: {first.source}: {first.message}",
            "apply once with approval, which approves anew",
        )
    approved = Repository(
        root=root,
        settings=loaded.settings,
        declarations=loaded.declarations,
        resolved=ResolvedDeclarations.of(loaded.declarations, catalogue),
        catalogue=catalogue,
        history=NoHistory(head=revision.sha),
        changed=frozenset(),
    )
    return ApprovedState(repository=approved, came_back=revision.came_back, came_back_files=revision.came_back_files)


def load_settings(root: Path, context: Context) -> tuple[Settings, tuple[Declaration, ...]]:
    """The settings, which must be valid, and those declarations that can be read, for runs that judge none.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: there is no such folder.
    """
    loaded = _load(root)
    if loaded.settings is None:
        problems = [problem for problem in loaded.problems if problem.source.file == SETTINGS_FILE]
        context.observer.problems(problems)
        raise InvalidRepositoryError(f"{SETTINGS_FILE} has errors", SHOW_AGAIN, problems)
    return loaded.settings, loaded.declarations


def load_for_catalogue(root: Path, context: Context) -> tuple[Settings, Loaded, Catalogue]:
    """Settings and overlay, which must be valid, and those declarations that can be read: a refresh of the catalogue
    may be what the others lack.

    Raises:
        InvalidRepositoryError: reconciler.yaml or catalog.yaml has errors.
        UsageError: there is no such folder.
    """
    loaded, catalogue = load_all(root)
    if loaded.settings is None or has_errors(catalogue.problems):
        settings = (problem for problem in loaded.problems if problem.source.file == SETTINGS_FILE)
        problems = [*catalogue.problems, *settings]
        context.observer.problems(problems)
        raise InvalidRepositoryError("the repository has errors", SHOW_AGAIN, problems)
    return loaded.settings, loaded, catalogue


def load_all(root: Path, log_in: Callable[[Settings], None] | None = None) -> tuple[Loaded, Catalogue]:
    """The declarations and the catalogue of their cloud, with their problems not yet judged. `log_in` begins once
    reconciler.yaml is read and has no error by itself.

    Raises:
        UsageError: there is no such folder.
    """
    loaded = _load(root, log_in)
    from reconciler.catalog.catalogue import load as load_catalogue  # noqa: PLC0415 - as above

    overlay = root / OVERLAY
    cloud = loaded.settings.cloud if loaded.settings else None
    return loaded, load_catalogue(cloud, overlay) if cloud else load_catalogue(overlay=overlay)


def load_files(files: Mapping[str, bytes]) -> tuple[Loaded, Catalogue]:
    """The same of files that lie in no folder, as a commit has them; `files` by path from the folder of reconciler.yaml."""
    with tempfile.TemporaryDirectory(prefix="exempt-files-") as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load_all(Path(folder))


def _load(root: Path, log_in: Callable[[Settings], None] | None = None) -> Loaded:
    if not root.is_dir():
        raise UsageError(f"--root: {str(root)!r} is no folder", "name the folder that holds reconciler.yaml")
    file = read_settings(root)
    if log_in is not None and file.settings is not None:
        log_in(file.settings)
    return load(root, file)
