"""What the commands share: their common options, and the repository they work on, loaded and checked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.cli.terminal import say
from reconciler.declarations import Loaded, check, load, same_meaning
from reconciler.model import ArmId, Declaration, Settings, Snapshot, parse_scope
from reconciler.planning.provenance import History
from reconciler.problems import Problem, ReconcilerError, UsageError, has_errors
from reconciler.reports.problems import problem_lines, problems_summary

OVERLAY = "catalog.yaml"


class InvalidRepositoryError(ReconcilerError):
    """The declarations have errors, which have been shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A valid repository of exemptions: what it declares, by which facts and rules, with what history.

    `changed` are the declarations that differ from the base; None counts all of them as changed.
    """

    root: Path
    settings: Settings
    declarations: tuple[Declaration, ...]
    catalogue: Catalogue
    history: History
    changed: frozenset[str] | None


def add_root(parser: argparse.ArgumentParser) -> None:
    """`--root DIR`: where reconciler.yaml is."""
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="the folder of reconciler.yaml (default: this one)"
    )


def add_format(parser: argparse.ArgumentParser, *names: str) -> None:
    """`--format NAME`: which form goes to standard output."""
    parser.add_argument(
        "--format", choices=names, default=names[0], help=f"the form of the output (default: {names[0]})"
    )


def add_base(parser: argparse.ArgumentParser) -> None:
    """`--base REF`: against which revision rules about time and hierarchy are judged."""
    parser.add_argument(
        "--base",
        metavar="REF",
        help="judge only what changed since this revision strictly "
        "(default: the merge base with the remote's default branch)",
    )


def add_scope(parser: argparse.ArgumentParser) -> None:
    """`--scope ID`: narrows a run."""
    parser.add_argument(
        "--scope",
        type=scope_argument,
        metavar="ID",
        help="only this scope and what lies below; nothing else is touched",
    )


def scope_argument(text: str) -> ArmId:
    """A scope on the command line."""
    try:
        return parse_scope(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from None


def count_argument(text: str) -> int:
    """A number of objects on the command line."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def now() -> datetime:
    """The clock of this run, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one


def load_repository(root: Path, base: str | None, at: datetime) -> Repository:
    """Loads, checks and shows what is wrong.

    Raises:
        InvalidRepositoryError: there are errors; all of them have been shown on standard error.
    """
    loaded, catalogue = load_all(root)
    history, changed = history_of(root, base)
    problems = (*loaded.problems, *catalogue.problems, *check(loaded, catalogue, at, changed))
    show_problems(problems)
    if has_errors(problems) or loaded.settings is None:
        raise InvalidRepositoryError(problems_summary(problems), "correct them; 'exempt validate' shows them again")
    return Repository(
        root=root,
        settings=loaded.settings,
        declarations=loaded.declarations,
        catalogue=catalogue,
        history=history,
        changed=changed,
    )


def load_settings(root: Path) -> tuple[Settings, tuple[Declaration, ...]]:
    """The settings, which must be valid, and those declarations that can be read, for commands that judge none.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors, which have been shown.
    """
    if not root.is_dir():
        raise UsageError(f"--root: {str(root)!r} is no folder", "name the folder that holds reconciler.yaml")
    loaded = load(root)
    if loaded.settings is None:
        show_problems([one for one in loaded.problems if one.source.file == "reconciler.yaml"])
        raise InvalidRepositoryError("reconciler.yaml has errors", "correct them; 'exempt validate' shows them again")
    return loaded.settings, loaded.declarations


def load_all(root: Path) -> tuple[Loaded, Catalogue]:
    """The declarations and the catalogue of their cloud, with their problems not yet judged."""
    if not root.is_dir():
        raise UsageError(f"--root: {str(root)!r} is no folder", "name the folder that holds reconciler.yaml")
    loaded = load(root)
    overlay = root / OVERLAY
    cloud = loaded.settings.cloud if loaded.settings else None
    catalogue = load_catalogue(cloud, overlay) if cloud else load_catalogue(overlay=overlay)
    return loaded, catalogue


def history_of(root: Path, base: str | None) -> tuple[History, frozenset[str] | None]:
    """What git knows, and what changed against the base."""
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import

    return repository.read(root), repository.changed_since(root, base, same_meaning)


def show_problems(problems: Sequence[Problem]) -> None:
    """Every problem, on standard error."""
    if problems:
        say(*problem_lines(sorted(problems)))


def display_names(snapshot: Snapshot) -> dict[str, str]:
    """Folded ids of groups, subscriptions and assignments to the names people know them by."""
    assignments = {key: found.display_name for key, found in snapshot.assignments.items() if found.display_name}
    return {**snapshot.names, **assignments}
