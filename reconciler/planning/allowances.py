"""The numbers that options of a run put in place of a guard's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """Ceilings from the command line; None leaves the limits of reconciler.yaml. `delete_orphans` is how many of ours
    may go because their assignment is gone.
    """

    deletes: int | None = None
    creates: int | None = None
    adoptions: int | None = None
    unmanaged: int | None = None
    delete_orphans: int | None = None
    strict: bool = False


NO_ALLOWANCES: Final = Allowances()
