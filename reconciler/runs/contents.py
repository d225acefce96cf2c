"""What a repository has already, whether or not all of it is valid: for runs that add to it or change it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.catalog.catalogue import Catalogue
from reconciler.declarations import FOLDER, SETTINGS_FILE, Loaded
from reconciler.declarations.walk import walk
from reconciler.model import Settings, Snapshot
from reconciler.planning.allowances import Allowances
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.provenance import NoHistory
from reconciler.problems import Problem
from reconciler.runs.context import Context
from reconciler.runs.loading import SHOW_AGAIN, InvalidRepositoryError, load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryContents:
    """What a repository has already, whether or not all of it is valid. `names` are the stems of its files."""

    settings: Settings
    loaded: Loaded
    catalogue: Catalogue
    names: frozenset[str]


def load_contents(root: Path, context: Context) -> RepositoryContents:
    """The repository's settings, which must be valid, and what it declares already.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
    """
    loaded, catalogue = load_all(root)
    if loaded.settings is None:
        problems = [problem for problem in loaded.problems if problem.source.file == SETTINGS_FILE]
        context.observer.problems(problems)
        raise InvalidRepositoryError(f"{SETTINGS_FILE} has errors", SHOW_AGAIN, problems)
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
