"""A snapshot: what Azure holds, as Azure gave it. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.azure.raw_snapshot import RawSnapshot
from reconciler.azure.session import connect
from reconciler.model import ArmId, Verdict
from reconciler.runs.context import Context
from reconciler.runs.loading import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRun:
    """What was read, and what was not (`raw.unread`)."""

    raw: RawSnapshot

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read."""
        return Verdict.INCOMPLETE if self.raw.unread else Verdict.DONE


def run(root: Path, scope: ArmId | None, context: Context) -> SnapshotRun:
    """Reads everything that a plan of the repository needs; `scope` narrows it.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: Azure refuses.
    """
    settings, declarations = load_settings(root, context)
    with (
        connect(settings, context.environment, context.observer.warning) as azure,
        context.observer.reading("reading Azure") as progress,
    ):
        return SnapshotRun(raw=azure.reader().raw_snapshot(settings, declarations, scope, progress))
