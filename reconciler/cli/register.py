"""Write the register: a page with everything that is exempt, declared or found, with who asked, who approved, when, why and
until when. One file that needs no network; open it, archive it, or publish the folder.

Exit codes: 0 everything was read; 1 something was not, and the page says so.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.log_file import add_log_file
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, say_warning
from reconciler.model import ArmId, count
from reconciler.reports.escape import json_document
from reconciler.reports.register_data import register_data
from reconciler.reports.register_html import register_html
from reconciler.runs import register
from reconciler.runs.files import write_file

EXAMPLES: Final = (
    "exempt register --out site                 then open site/index.html",
    "exempt register --out site --snapshot snapshot.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt register`."""

    root: Path
    scope: ArmId | None
    snapshot: Path | None
    record: Path | None
    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt register`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder for index.html and register.json"
    )
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="show a saved snapshot instead of Azure")
    common.add_record(parser)


def run(args: argparse.Namespace) -> int:
    """Reads and writes the page."""
    options = typed(Options, args)
    made = register.run(
        register.RegisterRequest(
            root=options.root, scope=options.scope, snapshot=options.snapshot, record=options.record
        ),
        common.context(),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    page = register_html(made.register, register.site_assets(), made.names, made.in_force, made.score)
    write_file(options.out / "index.html", page)
    write_file(
        options.out / "register.json",
        json_document(register_data(made.register, made.names, made.in_force, made.score)),
    )
    for unread in made.unread:
        say_warning(f"not read: {unread.what} at {unread.scope}: {unread.message}")
    inventory = made.register.inventory
    say(
        f"{count(len(inventory.entries), 'exemption')}, {count(len(made.register.records), 'declaration')} and "
        f"{count(len(made.register.findings), 'finding')} in {options.out / 'index.html'}"
    )
    return exits.of_run(made.verdict)
