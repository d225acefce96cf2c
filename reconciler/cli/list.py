"""List everything that is exempt in Azure, ours or not: what, where, until when, why and by whom. Writes nothing.

Exit codes: 0 done; 1 not everything could be read.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from reconciler.azure.session import connect
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.cli import common, planning
from reconciler.cli.exits import Exit
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import reading, say_warning, write, write_lines
from reconciler.drift import Facts, register
from reconciler.model import ArmId, Settings, Snapshot
from reconciler.planning.provenance import NoHistory
from reconciler.reports.register import register_csv, register_json, register_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt list`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    common.add_format(parser, "text", "json", "csv")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="list a saved snapshot instead of Azure")


def run(args: argparse.Namespace) -> int:
    """Read, look up, render."""
    at = common.now()
    settings, declarations = common.load_settings(args.root)
    snapshot = _snapshot(args.snapshot, settings, args.scope)
    catalogue = load_catalogue(settings.cloud, args.root / common.OVERLAY)
    found = register(
        Facts(
            snapshot=snapshot,
            declarations=declarations,
            catalogue=catalogue,
            settings=settings,
            history=NoHistory(),
            now=at,
        )
    )
    match args.format:
        case "json":
            write(register_json(found))
        case "csv":
            write(register_csv(found))
        case _:
            write_lines(register_lines(found, at, common.display_names(snapshot)))
    for unread in snapshot.unread:
        say_warning(f"not read: {unread.what} at {unread.scope}: {unread.message}")
    return Exit.DONE if found.complete else Exit.FAILED


def _snapshot(path: Path | None, settings: Settings, scope: ArmId | None) -> Snapshot:
    """A snapshot from a file, or from Azure without what only declarations need."""
    if path is not None:
        return planning.saved_snapshot(path, settings)
    with connect(settings, os.environ) as azure, reading("reading Azure") as progress:
        return azure.reader().snapshot(settings, (), scope, progress)
