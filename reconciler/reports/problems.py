"""Mistakes in the repository as text, JSON, GitHub annotations and SARIF. All of them at once, sorted by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model import WORST_FIRST, Severity, count
from reconciler.problems import Problem
from reconciler.reports.escape import json_document, workflow_data, workflow_property
from reconciler.reports.sarif import Result, sarif_document
from reconciler.reports.styled import Line, Style, line, plain

ANNOTATIONS: Final = 10
"""GitHub shows so many annotations of each kind for one step and drops the rest without a word."""

_STYLES: Final = {Severity.ERROR: Style.ERROR, Severity.WARNING: Style.WARNING, Severity.INFO: Style.QUIET}
_PLURALS: Final = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "info"}
_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
"""GitHub's workflow commands."""


def problem_lines(problems: Iterable[Problem]) -> Iterator[Line]:
    """`file:line:column: message`, then `help: …` where there is something to do."""
    for problem in sorted(problems):
        label = "" if problem.severity is Severity.ERROR else f"{problem.severity.value}: "
        yield line(
            (Style.NAME, f"{problem.source}: "),
            (_STYLES[problem.severity], label + message(problem)),
            (Style.QUIET, f" [{problem.code}]"),
        )
        if problem.remedy:
            yield line((Style.QUIET, "help: "), problem.remedy)


def message(problem: Problem) -> str:
    """The message, led by the field it is about unless it names that field itself."""
    field = problem.path
    return problem.message if not field or problem.message.startswith(field) else f"{field}: {problem.message}"


def problems_text(problems: Sequence[Problem]) -> str:
    """The problems as plain text; nothing for none."""
    return plain(problem_lines(problems))


def problems_summary(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning in 2 files`, or `no problems`."""
    if not problems:
        return "no problems"
    counts = {severity: sum(problem.severity is severity for problem in problems) for severity in WORST_FIRST}
    totals = ", ".join(
        count(number, severity.value, _PLURALS[severity]) for severity, number in counts.items() if number
    )
    return f"{totals} in {count(len({problem.source.file for problem in problems}), 'file')}"


# --- JSON --------------------------------------------------------------------------------------------------------


def problems_json(problems: Sequence[Problem]) -> str:
    """`{"format_version", "valid", "problems": [{level, code, file, line, column, path, message, help}]}`."""
    valid = not any(problem.severity is Severity.ERROR for problem in problems)
    rows = [
        {
            "level": problem.severity.value,
            "code": problem.code,
            "file": problem.source.file,
            "line": problem.source.line,
            "column": problem.source.column,
            "path": problem.path,
            "message": problem.message,
            "help": problem.remedy,
        }
        for problem in sorted(problems)
    ]
    return json_document({"format_version": "1.0", "valid": valid, "problems": rows})


# --- GitHub ------------------------------------------------------------------------------------------------------


def _below(folder: str, problems: Sequence[Problem]) -> list[Problem]:
    """The problems with paths from the working folder."""
    if not folder:
        return list(problems)
    return [
        replace(problem, source=replace(problem.source, file=f"{folder}{problem.source.file}")) for problem in problems
    ]


def problems_github(problems: Sequence[Problem], folder: str = "") -> str:
    """Annotations at the place of each mistake, within GitHub's limit; what is over it stands in the log as text."""
    ordered = sorted(_below(folder, problems))
    text = ""
    for severity in WORST_FIRST:
        of_severity = [problem for problem in ordered if problem.severity is severity]
        annotated = of_severity if len(of_severity) <= ANNOTATIONS else of_severity[: ANNOTATIONS - 1]
        text += "".join(map(_annotation, annotated))
        if rest := of_severity[len(annotated) :]:
            note = f"and {count(len(rest), f'more {severity.value}', f'more {_PLURALS[severity]}')}, in the log of this step and by running exempt validate"
            text += f"::{_COMMANDS[severity]} title=exempt::{workflow_data(note)}\n{problems_text(rest)}"
    return text


def _annotation(problem: Problem) -> str:
    place = {
        "file": problem.source.file,
        "line": str(problem.source.line),
        "col": str(problem.source.column),
        "title": f"exempt: {problem.code}",
    }
    properties = ",".join(f"{name}={workflow_property(value)}" for name, value in place.items())
    lines = (message(problem), f"help: {problem.remedy}") if problem.remedy else (message(problem),)
    return f"::{_COMMANDS[problem.severity]} {properties}::{workflow_data(*lines)}\n"


# --- SARIF -------------------------------------------------------------------------------------------------------


def problems_sarif(problems: Sequence[Problem], folder: str = "") -> str:
    """A SARIF 2.1.0 log, one rule for each code."""
    results = [
        Result(
            rule=problem.code,
            level=problem.severity.value,
            message=message(problem),
            remedy=problem.remedy,
            source=problem.source,
            identity=(problem.code, problem.source.file, problem.path, problem.message),
        )
        for problem in sorted(_below(folder, problems))
    ]
    return sarif_document(results)
