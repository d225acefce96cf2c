"""How rows are read, and what `exempt export` noted in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.importing.dates import DateOrder
from reconciler.importing.rows import ForeignRow
from reconciler.model import JSON, Snapshot

NEEDS_AZURE: Final = "log in, or add --snapshot FILE, so that Azure can be asked"
OWN_NOTE: Final = "exempt"
"""The key of metadata under which `exempt export` notes what EPAC has no word for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """How rows are read: `owner` answers for what names nobody; `take_over` and `adopt` are written into every
    declaration; `as_recommendation` says policies by the recommendation behind them. `snapshot` is what Azure holds,
    where it was read.
    """

    catalogue: Catalogue
    owner: str = "unknown"
    date_order: DateOrder | None = None
    take_over: str | None = None
    adopt: bool = False
    as_recommendation: bool = False
    snapshot: Snapshot | None = None


def own_note(row: ForeignRow) -> Mapping[str, JSON]:
    """What `exempt export` noted in a row beside what EPAC can say; empty in other rows."""
    note = row.metadata.get(OWN_NOTE)
    return note if isinstance(note, dict) else {}
