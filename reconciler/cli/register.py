"""Write the register: a page with everything that is exempt, declared or found, with who asked, who approved, when, why and
until when. One file that needs no network; open it, archive it, or publish the folder. With --as-of and --bundle an archive
of what was exempt on a day, with the evidence.

Exit codes: 0 everything was read; 1 something was not, and the page says so.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.exits import Exit
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, say_unread
from reconciler.model import ArmId, count
from reconciler.problems import UsageError
from reconciler.reports.escape import json_document
from reconciler.reports.register_data import register_data
from reconciler.reports.register_html import register_html
from reconciler.runs import bundle, register
from reconciler.runs.files import make_folder, require_places, write_file

EXAMPLES: Final = (
    "exempt register --out site                 then open site/index.html",
    "exempt register --out site --snapshot snapshot.json",
    "exempt register --as-of 2026-11-28 --bundle audit.zip --artefacts artefacts",
    "exempt register --check audit.zip",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt register`."""

    root: Path
    scope: ArmId | None
    snapshot: Path | None
    record: Path | None
    out: Path | None
    as_of: datetime | None
    bundle: Path | None
    artefacts: Path | None
    check: Path | None
    digest: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt register`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder for index.html and register.json")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="show a saved snapshot instead of Azure")
    common.add_record(parser)
    group = parser.add_argument_group("an auditor's bundle", "what was exempt on a day, with its evidence; asks nobody")
    group.add_argument("--as-of", type=_moment, metavar="DATE", help="the end of this day (UTC), or a moment")
    group.add_argument("--bundle", type=Path, metavar="FILE", help="write the archive here")
    group.add_argument(
        "--artefacts", type=Path, metavar="DIR", help="the kept plans and outcomes: which run wrote what"
    )
    group.add_argument("--check", type=Path, metavar="FILE", help="whether a bundle is as it was made, to the byte")
    group.add_argument("--digest", metavar="HEX", help="with --check: the digest that was noted when it was made")


def _moment(text: str) -> datetime:
    """`2026-11-28`, through the end of that day, or `2026-11-28T12:00:00Z`."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no day (2026-11-28) or moment (2026-11-28T12:00:00Z)")
    return moment.astimezone(UTC)


def run(args: argparse.Namespace) -> int:
    """Reads and writes the page."""
    options = typed(Options, args)
    if options.check is not None:
        say(f"{options.check} is as it was made; digest {bundle.check_bundle(options.check, options.digest)}")
        return Exit.DONE
    require_places([options.bundle], folders=[options.out])
    if options.bundle is not None:
        if options.as_of is None:
            raise UsageError("--bundle needs the day that it is about", "add --as-of DATE")
        if options.as_of.date() > common.now().date():
            raise UsageError(
                f"--as-of: {options.as_of:%Y-%m-%d} is still to come, and nobody knows what will be exempt then",
                "name today or an earlier day",
            )
        new_bundle = bundle.make_bundle(
            bundle.BundleRequest(root=options.root, as_of=options.as_of, artefacts=options.artefacts)
        )
        write_file(options.bundle, new_bundle.data)
        say(
            f"{count(new_bundle.declarations, 'declaration')} in force at {options.as_of:%Y-%m-%d %H:%M} UTC, in {options.bundle}"
        )
        if new_bundle.unwritten:
            say(
                f"{count(new_bundle.unwritten, 'declaration')} without a run that wrote it: add --artefacts DIR, or it was not applied"
            )
        say(
            f"digest {new_bundle.digest}: note it elsewhere, then 'exempt register --check {options.bundle} --digest …' finds any change"
        )
        return Exit.DONE
    if options.out is None:
        raise UsageError("nothing to write: neither --out nor --bundle is given", "add --out DIR for the page")
    return _page(options, options.out)


def _page(options: Options, out: Path) -> int:
    registered = register.run(
        register.RegisterRequest(
            root=options.root, scope=options.scope, snapshot=options.snapshot, record=options.record
        ),
        common.context(),
    )
    make_folder(out)
    page = register_html(
        registered.register, register.site_assets(), registered.names, registered.in_force, registered.score
    )
    write_file(out / "index.html", page)
    write_file(
        out / "register.json",
        json_document(register_data(registered.register, registered.names, registered.in_force, registered.score)),
    )
    say_unread(registered.unread)
    inventory = registered.register.inventory
    say(
        f"{count(len(inventory.entries), 'exemption')}, {count(len(registered.register.records), 'declaration')} and "
        f"{count(len(registered.register.findings), 'finding')} in {out / 'index.html'}"
    )
    return exits.of_run(registered.verdict)
