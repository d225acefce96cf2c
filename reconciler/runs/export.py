"""What the repository declares, for other tools. Reads files only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.model import Verdict
from reconciler.problems import has_errors
from reconciler.reports.export import Export
from reconciler.runs.context import Context
from reconciler.runs.loading import load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRun:
    """What is exported; `skipped` counts the files that could not be read."""

    export: Export
    skipped: int

    @property
    def verdict(self) -> Verdict:
        """Invalid where a file was left out because it could not be read."""
        return Verdict.INVALID if self.skipped else Verdict.DONE


def run(root: Path, context: Context) -> ExportRun:
    """Loads every declaration that can be read; the observer is told what is wrong with the others.

    Raises:
        UsageError: there is no such folder.
    """
    loaded, catalogue = load_all(root)
    context.observer.problems(loaded.problems)
    declarations = sorted(loaded.declarations, key=lambda declaration: declaration.name)
    failed = {problem.source.file for problem in loaded.problems if has_errors([problem])}
    return ExportRun(export=Export(declarations=declarations, catalogue=catalogue), skipped=len(failed))
