"""Check the declarations and reconciler.yaml: YAML, schema, rules, conflicts. Offline; no declarations is fine.

PATH may be the root of a repository, files or folders inside one (the whole repository is read, problems elsewhere are
only counted), or declaration files that lie anywhere else. Problems go to standard output.

Exit codes: 0 no errors (warnings are possible); 1 errors.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import common, exits
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import count
from reconciler.reports.problems import (
    problem_lines,
    problems_github,
    problems_json,
    problems_sarif,
    problems_summary,
)
from reconciler.runs import validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt validate`."""

    paths: list[Path]
    root: Path
    base: str | None
    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt validate`."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="what to check (default: the repository)")
    common.add_root(parser)
    common.add_base(parser)
    common.add_format(parser, "text", "json", "github", "sarif")


def run(args: argparse.Namespace) -> int:
    """Checks and shows."""
    options = typed(Options, args)
    request = validate.ValidateRequest(root=options.root, base=options.base, paths=tuple(options.paths))
    checked = validate.run(request, common.context())
    match options.format:
        case "json":
            write(problems_json(checked.problems))
        case "github":
            write(problems_github(checked.from_working_folder))
        case "sarif":
            write(problems_sarif(checked.from_working_folder))
        case _:
            write_lines(problem_lines(checked.problems))
    say(f"{count(checked.checked, 'declaration')} checked: {problems_summary(checked.problems)}")
    if checked.elsewhere:
        say(f"{count(checked.elsewhere, 'problem')} in other files: 'exempt validate' without PATH shows all")
    return exits.of_run(checked.verdict)
