"""Tables for spreadsheets: CSV as RFC 4180 has it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from reconciler.model import JSON
from reconciler.reports.escape import spreadsheet_cell


def spreadsheet(columns: Sequence[str], rows: Iterable[Iterable[JSON]]) -> str:
    """The names of the columns, then the rows; how each value is written says `spreadsheet_cell`."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([spreadsheet_cell(value) for value in row] for row in rows)
    return target.getvalue()
