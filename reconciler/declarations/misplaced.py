"""Files that somebody took for settings or declarations but that lie where nothing reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.codes import FileCode
from reconciler.declarations.walk import SourceFile, printable_path, read
from reconciler.documents.suggest import nearest
from reconciler.model import Source
from reconciler.problems import Problem

_DECLARES: Final = re.compile(rb"^(?:scopes|justification) *:", re.MULTILINE)
_MAX_LOOKED_AT: Final = 200


def misplaced_files(root: Path, folder: str, read_files: frozenset[str]) -> Iterator[Problem]:
    """Declarations beside `folder` instead of in it, and a folder whose name is nearly right. `known` are the files
    of the root that are read.
    """
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
    if not (root / folder).exists() and (near := nearest(folder, names)):
        yield Problem(
            source=Source(printable_path(near)),
            code=FileCode.STRAY_FOLDER,
            message=f"there is no folder {folder}/; {near}/ is not read",
            remedy=f"if it holds declarations, rename it to {folder}",
        )
    files = [
        entry for entry in entries if entry.name.endswith((".yaml", ".yml")) and entry.is_file(follow_symlinks=False)
    ]
    for entry in files[:_MAX_LOOKED_AT]:
        data = b"" if entry.name in read_files else read(SourceFile(entry.path, entry.name))
        if isinstance(data, bytes) and len(set(_DECLARES.findall(data))) > 1:
            yield Problem(
                source=Source(printable_path(entry.name)),
                code=FileCode.STRAY_FILE,
                message=f"this looks like a declaration, but only {folder}/ is read",
                remedy=f"move it into {folder}/",
            )


def misnamed_settings(root: Path, expected: str) -> str | None:
    """A file at the root that was probably meant as the settings."""
    try:
        names = [entry.name for entry in os.scandir(root) if entry.name.lower().endswith((".yaml", ".yml"))]
    except OSError:
        return None
    stems = {name.rsplit(".", 1)[0]: printable_path(name) for name in names if name not in {expected, "catalog.yaml"}}
    near = nearest(expected.rsplit(".", 1)[0], stems)
    return stems[near] if near else None
