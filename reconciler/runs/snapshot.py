"""A snapshot: what Azure holds, as Azure gave it. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.azure.merged_snapshot import merge_snapshots
from reconciler.azure.raw_snapshot import RawSnapshot
from reconciler.azure.session import connect
from reconciler.azure.snapshot_file import load_raw_snapshot
from reconciler.model import ArmId, ScopeKind, Verdict
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.problems import UsageError
from reconciler.runs import former
from reconciler.runs.context import Context
from reconciler.runs.loading import load_all, load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRun:
    """What was read, and what was not (`raw.unread`)."""

    raw: RawSnapshot

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read."""
        return Verdict.INCOMPLETE if self.raw.unread else Verdict.DONE


def run(root: Path, scope: ArmId | None, context: Context, *, groups_only: bool = False) -> SnapshotRun:
    """Reads everything that a plan of the repository needs; `scope` narrows it, `groups_only` to the management groups.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: Azure refuses.
    """
    settings, declarations = load_settings(root, context)
    if groups_only and scope is None and all(root.kind is not ScopeKind.MANAGEMENT_GROUP for root in settings.scopes):
        # No fault: a pipeline in parts takes this part too, and the others hold everything.
        context.observer.warning(
            "no management group is read, since `scopes` in reconciler.yaml names none: --groups takes an empty part, and "
            "the snapshots of the subscriptions (--scope ID) make the whole"
        )
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import

    catalogue = load_all(root)[1]
    subjects = ResolvedDeclarations.of(declarations, catalogue).subjects
    standards = known_standards(declarations, subjects, settings)
    tree = repository.open_work_tree(root)
    recent = former.recent_versions(tree, repository.read(tree)) or ()
    with (
        connect(settings, context.environment, context.observer.warning) as azure,
        context.observer.reading("reading Azure") as progress,
    ):
        reader = azure.reader()
        return SnapshotRun(
            raw=reader.raw_snapshot(
                settings,
                declarations,
                scope,
                progress,
                standards,
                former=former.standards_of(recent, catalogue, settings),
                groups_only=groups_only,
            )
        )


def merge(root: Path, paths: Sequence[Path], context: Context) -> SnapshotRun:
    """Makes one snapshot of several that were read in parts, for the scopes of the repository; a folder stands for the
    files in it.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: a file is no snapshot, or they do not belong together.
    """
    settings, _ = load_settings(root, context)
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise UsageError(f"{paths[0]} holds no snapshot (*.json)", "take some: exempt snapshot --scope ID --out FILE")
    parts = [load_raw_snapshot(file) for file in files]
    for file, part in zip(files, parts, strict=True):
        if part.tenant_id.lower() != settings.tenant_id.lower():
            raise UsageError(
                f"{file} is of tenant {part.tenant_id}, but reconciler.yaml names {settings.tenant_id}", "leave it out"
            )
    return SnapshotRun(raw=merge_snapshots(parts, settings.scopes))
