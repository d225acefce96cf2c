"""What an import came to, as text and JSON (schemas/import.schema.json)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler import __version__
from reconciler.importing.values import Import, ImportRow, Outcome
from reconciler.model import JSON, Verdict, count
from reconciler.problems import Problem
from reconciler.reports.escape import json_document
from reconciler.reports.styled import BLANK, Line, Style, line

FORMAT_VERSION: Final = "1.0"
_STYLES: Final = {
    Outcome.IMPORTED: Style.GOOD,
    Outcome.DUPLICATE: Style.WARNING,
    Outcome.DECLARED: Style.QUIET,
    Outcome.LEFT: Style.INFO,
    Outcome.REFUSED: Style.ERROR,
}
_HEADINGS: Final = {
    Outcome.REFUSED: "Not imported, because it cannot be",
    Outcome.LEFT: "Not imported, because nobody asked for it",
    Outcome.DECLARED: "Declared already",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What is told of an import. `problems` are what the rules of the repository say to new declarations, by name;
    `written` whether the files are there; `verbose` lists what is declared already, too.
    """

    imported: Import
    problems: Mapping[str, Sequence[Problem]]
    verdict: Verdict
    written: bool
    verbose: bool = False


def import_lines(report: ImportReport) -> Iterator[Line]:
    """A line a row: new files with what they mean, then what was not imported and why."""
    imported = report.imported
    rows: dict[str, list[ImportRow]] = defaultdict(list)
    for row in imported.rows:
        rows[row.declaration].append(row)
    yield line((Style.HEADING, summary_words(imported, is_written=report.written)))
    for file in imported.files:
        name = file.declaration.name
        yield BLANK
        yield line((Style.CREATE, "+ "), (Style.NAME, file.path))
        for row in rows[name]:
            yield from _row(row)
        for problem in report.problems.get(name, ()):
            yield line("    ", (Style.WARNING, f"{problem.severity.value}: {problem.message}"))
            if problem.remedy:
                yield line("      ", (Style.QUIET, f"help: {problem.remedy}"))
    for outcome, heading in _HEADINGS.items():
        listed = [row for row in imported.rows if row.outcome is outcome]
        if not listed:
            continue
        yield BLANK
        yield line((Style.HEADING, f"{heading}: {len(listed)}"))
        if outcome is not Outcome.DECLARED or report.verbose:
            for row in listed:
                yield from _row(row)


def _row(row: ImportRow) -> Iterator[Line]:
    yield line("    ", (_STYLES[row.outcome], f"{row.outcome.value:<9} "), row.source)
    if row.message:
        yield line("      ", row.message)
    if row.remedy:
        yield line("      ", (Style.QUIET, f"help: {row.remedy}"))
    for note in row.notes:
        yield line("      ", (Style.QUIET, f"note: {note}"))


def summary_words(imported: Import, *, is_written: bool) -> str:
    """`12 files written for 40 of 57 rows; 3 duplicates, 2 declared already, 12 left out, 0 refused`."""
    counts = {outcome: imported.count(outcome) for outcome in Outcome}
    files = count(len(imported.files), "file")
    return (
        f"{files} {'written' if is_written else 'to write'} for {counts[Outcome.IMPORTED]} of {len(imported.rows)}; "
        f"{count(counts[Outcome.DUPLICATE], 'duplicate')}, {counts[Outcome.DECLARED]} declared already, "
        f"{counts[Outcome.LEFT]} left out, {counts[Outcome.REFUSED]} refused"
    )


def import_json(report: ImportReport, tool_version: str = __version__) -> str:
    """The same as a JSON document."""
    imported = report.imported
    files = []
    for file in imported.files:
        problems = [
            {
                "level": problem.severity.value,
                "code": problem.code,
                "line": problem.source.line,
                "path": problem.path,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in report.problems.get(file.declaration.name, ())
        ]
        files.append({"path": file.path, "declaration": file.declaration.name, "text": file.text, "problems": problems})
    return json_document(
        {
            "format_version": FORMAT_VERSION,
            "tool_version": tool_version,
            "verdict": report.verdict.value,
            "written": report.written,
            "summary": {outcome.value: imported.count(outcome) for outcome in Outcome},
            "files": files,
            "rows": [_row_to_json(row) for row in imported.rows],
        }
    )


def _row_to_json(row: ImportRow) -> dict[str, JSON]:
    return {
        "source": row.source,
        "title": row.title,
        "outcome": row.outcome.value,
        "declaration": row.declaration or None,
        "message": row.message,
        "remedy": row.remedy,
        "notes": list(row.notes),
    }
