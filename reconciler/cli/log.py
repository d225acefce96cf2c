"""Say what became of a declaration: asked, changed, approved, applied by which run, renewed, expired, retired; from git and
Azure alone, and who approved from where the repository is hosted, if that answers. Writes nothing.

Exit codes: 0 done, whatever could not be asked; 1 the history has no such declaration.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import show
from reconciler.reports.formats import LIFE
from reconciler.runs import log

EXAMPLES: Final = ("exempt log legacy-sql-tde", "exempt log legacy-sql-tde --format json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt log`."""

    name: str
    root: Path
    format: str
    snapshot: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt log`."""
    parser.add_argument("name", metavar="NAME", help="a declaration's name, of today or of the past")
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, LIFE.names)
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="read a saved snapshot instead of Azure")


def run(args: argparse.Namespace) -> int:
    """Looks up and shows."""
    options = typed(Options, args)
    request = log.LogRequest(root=options.root, name=options.name, snapshot=options.snapshot)
    logged = log.run(request, common.context())
    show(LIFE.render(options.format, logged.life))
    return exits.of_run(logged.verdict)
