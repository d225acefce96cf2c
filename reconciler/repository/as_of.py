"""What the main line held on a day: the files of its last commit until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.planning.provenance import Commit
from reconciler.problems import UsageError
from reconciler.repository.revision import blobs_at
from reconciler.repository.work_tree import RUN_IN_A_CLONE, no_history, open_work_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFiles:
    """The last commit of the main line until a moment, by its own date, and its `files` by their paths."""

    commit: Commit
    files: Mapping[str, bytes]


def files_as_of(root: Path, moment: datetime) -> PastFiles:
    """What the main line held then. Commit dates are what committers wrote: the artefacts of runs tell when.

    Raises:
        UsageError: there is no git, or nothing had been committed by then.
        ReconcilerError: the clone lacks a file.
    """
    tree = open_work_tree(root)
    if tree is None:
        raise UsageError(no_history(root), RUN_IN_A_CLONE)
    line = tree.ask("rev-list --first-parent -1 --timestamp", f"--before={int(moment.timestamp())}", "HEAD")
    if not line:
        raise UsageError(
            f"nothing had been committed by {moment:%Y-%m-%d %H:%M} UTC", "name a later day, or fetch the whole history"
        )
    seconds, _, sha = line.partition(" ")
    when = datetime.fromtimestamp(int(seconds), moment.tzinfo)
    files = {path: tree.blob(blob, path) for path, blob in blobs_at(tree, sha)}
    return PastFiles(commit=Commit(sha, when), files=files)
