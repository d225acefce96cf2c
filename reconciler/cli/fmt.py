"""Write declarations in their canonical style: order of fields, indentation, quotes, one scope a line. Comments stay.

With --migrate, a recommendation that Microsoft has retired is replaced by its successor or by its category, where a
declaration can name that; what cannot be migrated is named with what to do.

PATH may be files or folders; without one, all of exemptions/. Files that are not sound YAML, and files whose meaning or
comments would change, are left alone and named.

Exit codes: 0 done, or everything is in style already; 1 something could not be formatted, or with --check is not in
style.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, write_lines
from reconciler.model import count
from reconciler.reports.problems import problem_lines
from reconciler.reports.styled import line
from reconciler.runs import fmt

EXAMPLES: Final = (
    "exempt fmt                                 all declarations",
    "exempt fmt --check                         change nothing, exit 1 where something is not in style",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt fmt`."""

    paths: list[Path]
    root: Path
    migrate: bool
    check: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt fmt`."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: exemptions/)")
    common.add_root(parser)
    parser.add_argument("--migrate", action="store_true", help="replace retired recommendations by what serves instead")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something is not in style")


def run(args: argparse.Namespace) -> int:
    """Formats, and says what was changed and what could not be."""
    options = typed(Options, args)
    request = fmt.FmtRequest(
        root=options.root, paths=tuple(options.paths), migrate=options.migrate, check=options.check
    )
    done = fmt.run(request)
    write_lines(line(name) for name in done.changed)
    say(*problem_lines(done.problems))
    if done.changed:
        say(f"{count(len(done.changed), 'file')} {'not in style' if done.check else 'formatted'}")
    elif not done.problems:
        say("every file is in style")
    return exits.of_run(done.verdict)
