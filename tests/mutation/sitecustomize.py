"""Imported by each interpreter that a test starts while `make mutants` counts which test calls what (tests/mutated.py): the
process notes each function in the file that it was told, at the first call, for it may end in any way.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def note_calls(path: Path) -> None:
    """Takes the place of what mutmut does at each call, which serves pytest's own process."""
    from mutmut.mutation import trampoline  # noqa: PLC0415 - not each interpreter has it

    noted: set[str] = set()

    def note(name: str, caller: str | None = None) -> None:
        del caller
        if name not in noted:
            noted.add(name)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")

    trampoline.record_trampoline_hit = note


if "CALLED_FUNCTIONS" in os.environ:
    with contextlib.suppress(ImportError):  # of another environment, which has no code of ours either
        note_calls(Path(os.environ["CALLED_FUNCTIONS"]))
