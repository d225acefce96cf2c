"""Merges a new version of a generated file with what people changed in it since it was generated."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reconciler.problems import ReconcilerError
from reconciler.repository.work_tree import WorkTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The merged text; `conflicts` says that it holds git's conflict markers, for a person to settle."""

    text: str
    conflicts: bool


def blob_id(text: str) -> str:
    """The name under which git keeps a file of this text (SHA-1 of its kind, size and contents)."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def merge_text(tree: WorkTree | None, base_id: str, *, ours: str, theirs: str) -> Merged:
    """Both sides' changes since the text that git keeps as `base_id`. Without git, or where that text was never
    committed, all that differs is a conflict.
    """
    try:
        base = tree.blob(base_id).decode() if tree and base_id else ""
    except (ReconcilerError, ValueError):
        base = ""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in (("yours", ours), ("base", base), ("new", theirs)):
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8", newline="\n")
            names.append(str(path))
        import git  # noqa: PLC0415 - slow to import

        labels = [
            part for label in ("yours", "as it was generated", "this version of exempt") for part in ("-L", label)
        ]
        status, text, _ = git.Git(folder).execute(
            ["git", "merge-file", "-p", *labels, *names],
            with_extended_output=True, with_exceptions=False, strip_newline_in_stdout=False,
        )  # fmt: skip
    if status < 0 or status > 127:  # git's count of conflicts is capped at 127
        raise ReconcilerError("git cannot merge files", "install a newer git")
    return Merged(text=str(text), conflicts=status > 0)
