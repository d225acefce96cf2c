"""List everything that is exempt in Azure, ours or not: what, where, until when, why and by whom. Writes nothing.

Exit codes: 0 done; 1 not everything could be read.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import common, exits
from reconciler.cli.log_file import add_log_file
from reconciler.cli.options import typed
from reconciler.cli.terminal import say_warning, show
from reconciler.model import ArmId
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import INVENTORY
from reconciler.runs import list as listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt list`."""

    root: Path
    scope: ArmId | None
    format: str
    snapshot: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt list`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    common.add_format(parser, INVENTORY.names)
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="list a saved snapshot instead of Azure")


def run(args: argparse.Namespace) -> int:
    """Lists and shows."""
    options = typed(Options, args)
    request = listing.ListRequest(root=options.root, scope=options.scope, snapshot=options.snapshot)
    listed = listing.run(request, common.context())
    show(INVENTORY.render(options.format, listed.inventory, ReportContext(names=listed.names)))
    for unread in listed.unread:
        say_warning(f"not read: {unread.what} at {unread.scope}: {unread.message}")
    return exits.of_run(listed.verdict)
