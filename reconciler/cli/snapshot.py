"""Save what Azure holds to a file: exemptions, assignments, initiatives and the hierarchy, as Azure gave them.

'exempt plan --snapshot FILE' plans from it without asking Azure; other tools can read it too (JSON,
schemas/snapshot.schema.json). What could not be read is named in it.

Exit codes: 0 everything was read; 1 something was not.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from reconciler.azure.raw_snapshot import RawSnapshot
from reconciler.azure.session import connect
from reconciler.azure.snapshot_file import snapshot_text
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import reading, say, say_warning, write
from reconciler.model import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt snapshot`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to save it (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Read, write, and say what is missing."""
    settings, declarations = common.load_settings(args.root)
    with connect(settings, os.environ) as azure, reading("reading Azure") as progress:
        record = azure.reader().raw_snapshot(settings, declarations, args.scope, progress)
    if args.out:
        write_file(args.out, snapshot_text(record))
    else:
        write(snapshot_text(record))
    _tell(record, args.out)
    return Exit.FAILED if record.unread else Exit.DONE


def _tell(record: RawSnapshot, out: Path | None) -> None:
    for unread in record.unread:
        say_warning(f"not read: {unread.what} at {unread.scope}: {unread.message}")
        if unread.remedy:
            say(f"  {unread.remedy}")
    found = ", ".join(
        (
            count(len(record.exemptions), "exemption"),
            count(len(record.assignments), "assignment"),
            count(len(record.initiatives), "initiative"),
        )
    )
    scopes = count(sum(node.expected for node in record.nodes), "scope")
    saved = f"; saved to {out}" if out else ""
    say(f"{found} read from {scopes} with {count(record.requests, 'request')}{saved}")
