"""What declarations said lately: of versions that are there no more something may be left in Azure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.catalog.catalogue import Catalogue
from reconciler.declarations import declared_in
from reconciler.model import ArmId, Declaration, Settings
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.problems import ReconcilerError

if TYPE_CHECKING:
    from reconciler.repository import FileHistory
    from reconciler.repository.work_tree import WorkTree


def declared(contents: Iterable[bytes]) -> list[Declaration]:
    """The declarations in files as git keeps them; what is none is left out."""
    return [declaration for data in contents if (declaration := declared_in(data)) is not None]


def before_this_commit(tree: WorkTree | None, root: Path) -> list[Declaration]:
    """The declarations that this commit changed or took out, as they stood before: on the main line the base is the commit
    itself. None where that history is not there.
    """
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import

    try:
        return declared(repository.compare(tree, root, "HEAD^1").contents_at_base()) if tree is not None else []
    except ReconcilerError:
        return []


def recent_versions(tree: WorkTree | None, history: FileHistory) -> list[Declaration] | None:
    """The versions of declarations that the newest commits of the main line replaced or took out; None where the clone lacks
    some, or there are too many to look at.
    """
    if tree is None or not history.is_recent_whole:
        return None
    try:
        return declared(tree.blob(blob, path) for blob, path in history.replaced.items())
    except ReconcilerError:
        return None


def standards_of(declarations: Iterable[Declaration], catalogue: Catalogue, settings: Settings) -> tuple[ArmId, ...]:
    """The ids of the standard assignments that declarations came to, each by itself: two versions of one declaration have
    one name. What stands at a resource no list need show.
    """
    return tuple(
        identifier
        for declaration in declarations
        for identifier in known_standards(
            [declaration], ResolvedDeclarations.of([declaration], catalogue).subjects, settings
        )
    )


def targets_of(declarations: Iterable[Declaration]) -> frozenset[tuple[str, str]]:
    """Names of declarations, each with a folded target that it lists."""
    return frozenset((declaration.name, scope.key) for declaration in declarations for scope in declaration.scopes)
