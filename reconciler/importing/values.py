"""What an import comes to: files to add, and a line of the report for each exemption or row."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import Declaration


class Outcome(enum.StrEnum):
    """What became of one exemption or row.

    `IMPORTED`: a declaration means exactly it. `DUPLICATE`: a declaration that is imported covers it, and the plan
    removes it. `DECLARED`: the repository declares it already. `LEFT`: nobody asked for it, or it wants nothing.
    `REFUSED`: it cannot be expressed.
    """

    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    DECLARED = "declared"
    LEFT = "left"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One line of the report. `source` is an exemption's id or a row's place, `declaration` the name of the one that
    holds it now; `message` says why it is not imported, `notes` what changed on the way.
    """

    source: str
    title: str
    outcome: Outcome
    declaration: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A new declaration with its text; `declaration.source.file` is its path in the repository. `comments` are titles
    behind keys.
    """

    declaration: Declaration
    text: str

    @property
    def path(self) -> str:
        """Where it belongs, relative to the repository's root."""
        return self.declaration.source.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Files, sorted by path, and the report, sorted by source."""

    files: tuple[ImportedFile, ...]
    rows: tuple[ImportRow, ...]

    def count(self, outcome: Outcome) -> int:
        """How many rows ended so."""
        return sum(row.outcome is outcome for row in self.rows)


def sorted_rows(rows: Sequence[ImportRow]) -> tuple[ImportRow, ...]:
    """In the order of the report."""
    return tuple(sorted(rows, key=lambda row: (row.source.lower(), row.declaration, row.message)))
