"""Propose that exemptions end, one pull request for each owner. The files stay for the record, with `enabled: false`; once
that is applied they may be deleted. Comments and layout stay.

Exit codes: 0 proposed, or retired already; 1 a name is unknown.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.renew import show_changes
from reconciler.runs import renew

EXAMPLES: Final = ("exempt retire legacy-sql-tde",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt retire`."""

    names: list[str]
    root: Path
    dry_run: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt retire`."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="a declaration's name")
    common.add_root(parser)
    add_log_file(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would change and propose nothing")


def run(args: argparse.Namespace) -> int:
    """Proposes and shows."""
    options = typed(Options, args)
    request = renew.RetireRequest(root=options.root, names=tuple(options.names), dry_run=options.dry_run)
    return show_changes(renew.retire(request, common.context()), options.root, dry_run=options.dry_run)
