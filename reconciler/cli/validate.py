"""Check the declarations and reconciler.yaml: YAML, schema, rules, conflicts. Offline; no declarations is fine.

PATH may be the root of a repository, files or folders inside one (the whole repository is read, problems elsewhere are
only counted), or declaration files that lie anywhere else. Problems go to standard output.

Exit codes: 0 no errors (warnings are possible); 1 errors.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, show
from reconciler.model import count
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import PROBLEMS
from reconciler.reports.problems import problems_summary
from reconciler.runs import validate

EXAMPLES: Final = (
    "exempt validate                            the repository in this folder",
    "exempt validate --format github            mistakes as annotations of a pull request",
)


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
    common.add_format(parser, PROBLEMS.names)


def run(args: argparse.Namespace) -> int:
    """Checks and shows."""
    options = typed(Options, args)
    request = validate.ValidateRequest(root=options.root, base=options.base, paths=tuple(options.paths))
    checked = validate.run(request, common.context())
    show(PROBLEMS.render(options.format, checked.problems, ReportContext(folder=checked.folder)))
    say(f"{count(checked.checked, 'declaration')} checked: {problems_summary(checked.problems)}")
    if checked.elsewhere:
        say(f"{count(checked.elsewhere, 'problem')} in other files: 'exempt validate' without PATH shows all")
    return exits.of_run(checked.verdict)
