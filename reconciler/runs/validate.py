"""A check of the declarations, offline: YAML, schema, rules, conflicts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.declarations import FOLDER, SETTINGS_FILE, load_files
from reconciler.declarations.check import check
from reconciler.declarations.walk import SourceFile, walk
from reconciler.model import Verdict
from reconciler.problems import Problem, UsageError, has_errors
from reconciler.runs.context import Context
from reconciler.runs.files import require_paths
from reconciler.runs.loading import OVERLAY, judge, load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateRequest:
    """What to check: `paths`, or without any the repository at `root`; judged against `base`."""

    root: Path
    base: str | None = None
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateRun:
    """How many declarations of what was asked for were checked, the `problems` in it, and how many others there are elsewhere.
    `root` is the repository that the problems' paths start from; None: they start from the working folder.
    """

    checked: int
    problems: tuple[Problem, ...]
    elsewhere: int
    root: Path | None

    @property
    def verdict(self) -> Verdict:
        """Invalid where something that was asked for has an error."""
        return Verdict.INVALID if has_errors(self.problems) else Verdict.DONE

    @property
    def folder(self) -> str:
        """Where the problems' paths start below the working folder: empty, or `path/to/it/`."""
        prefix = Path(os.path.relpath(self.root)).as_posix() if self.root else "."
        return "" if prefix.startswith(".") else f"{prefix}/"


def run(request: ValidateRequest, context: Context) -> ValidateRun:
    """Reads and checks.

    Raises:
        UsageError: there is no such path, or the paths belong to different repositories.
        ReconcilerError: git or a file refuses.
    """
    targets = _targets(request)
    if targets.root is None:
        loaded = load_files(targets.loose)
        problems = (*targets.refused, *loaded.problems, *check(loaded, load_catalogue(), context.now, None))
    else:
        loaded, catalogue = load_all(targets.root)
        _, problems = judge(targets.root, request.base, loaded, catalogue, context)
    requested = tuple(problem for problem in problems if targets.contain(problem.source.file))
    return ValidateRun(
        checked=sum(map(targets.contain, loaded.files)),
        problems=requested,
        elsewhere=len(problems) - len(requested),
        root=targets.root,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """What is asked for: the whole repository at `root`, or `only` some paths of it, or `loose` files."""

    root: Path | None
    only: frozenset[str] = frozenset()
    loose: tuple[tuple[Path, str], ...] = ()
    refused: tuple[Problem, ...] = ()

    def contain(self, file: str) -> bool:
        """Whether a file is in what was asked for."""
        return not self.only or not self.only.isdisjoint((file, *map(str, PurePosixPath(file).parents)))


def _targets(request: ValidateRequest) -> _Targets:
    if not request.paths:
        return _Targets(root=request.root)
    require_paths(request.paths)
    repositories = {_repository_of(path) for path in request.paths}
    if repositories == {None}:
        # Declaration files outside of any repository, and those in folders that are named.
        files: list[tuple[Path, str]] = []
        refused: list[Problem] = []
        for path in request.paths:
            is_folder = path.is_dir() and not path.is_symlink()
            for file in walk(path.parent, path.name) if is_folder else [SourceFile(str(path), path.as_posix())]:
                if isinstance(file, Problem):
                    refused.append(file)
                else:
                    files.append((Path(file.path), file.name))
        return _Targets(root=None, loose=tuple(files), refused=tuple(refused))
    if len(repositories) > 1:
        raise UsageError("the paths belong to different repositories", "check them one after the other")
    (root,) = repositories
    assert root is not None
    only = frozenset(_absolute(path).relative_to(root).as_posix() for path in request.paths)
    return _Targets(root=root) if "." in only else _Targets(root=root, only=only)


def _repository_of(path: Path) -> Path | None:
    """The root of the repository of exemptions that reads this path; None for files that none reads."""
    absolute = _absolute(path)
    for folder in (absolute, *absolute.parents):
        if folder == absolute and not folder.is_dir():
            continue
        inside = absolute.relative_to(folder).parts[:1]
        declares = (folder / FOLDER).is_dir() and inside in {(), (FOLDER,)}
        if declares or (folder / SETTINGS_FILE).is_file():
            return folder if inside in {(), (FOLDER,), (SETTINGS_FILE,), (OVERLAY,)} else None
    return None


def _absolute(path: Path) -> Path:
    """Absolute without following links, so that a link is seen as one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow
