"""Propose later ends for exemptions that are still needed, one pull request for each owner. Comments and layout of the
files stay. --selected proposes the scopes that tags choose now.

Exit codes: 0 proposed, or nothing to propose; 1 a name is unknown, or a rule refuses some: the rest is proposed.
"""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.request import show_proposed
from reconciler.cli.terminal import say, write
from reconciler.problems import UsageError
from reconciler.reports.styled import Style, line
from reconciler.runs import changing, renew

EXAMPLES: Final = (
    "exempt renew legacy-sql-tde                    as long as the rules allow",
    "exempt renew legacy-sql-tde --until 2027-06-30",
    "exempt renew --expiring 30d                    all that end within 30 days",
    "exempt renew --selected                        what tags choose now",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt renew`."""

    names: list[str]
    root: Path
    until: str
    expiring: timedelta | None
    selected: bool
    dry_run: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt renew`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a declaration's name")
    common.add_root(parser)
    add_log_file(parser)
    parser.add_argument(
        "--until", default="", metavar="DAY", help="the last day (default: the longest that is allowed)"
    )
    parser.add_argument("--expiring", type=_days, metavar="DAYS", help="all that end within so many days, such as 30d")
    parser.add_argument("--selected", action="store_true", help="choose the scopes anew by the tags in selectedBy")
    parser.add_argument("--dry-run", action="store_true", help="print what would change and propose nothing")


def run(args: argparse.Namespace) -> int:
    """Proposes and shows."""
    options = typed(Options, args)
    if bool(options.names) + (options.expiring is not None) + (options.selected and not options.names) != 1:
        raise UsageError("name declarations, or give --expiring or --selected", "such as: exempt renew --expiring 30d")
    if options.selected and options.until:
        raise UsageError("--selected chooses scopes and leaves the end as it is", "leave --until out")
    request = renew.RenewRequest(
        root=options.root,
        names=tuple(options.names),
        until=options.until,
        expiring=options.expiring,
        selected=options.selected,
        dry_run=options.dry_run,
    )
    return show_changes(renew.renew(request, common.context()), options.root, dry_run=options.dry_run)


def show_changes(changed: changing.ChangeRun, root: Path, *, dry_run: bool) -> int:
    """What was proposed, each with its pull request; in a dry run the differences."""
    for name, reason in changed.unchanged.items():
        say(f"{name}: {reason}")
    for edit in changed.edits:
        say(f"{edit.declaration.name}: {edit.was} -> {edit.becomes}")
        if dry_run:
            file = edit.declaration.source.file
            before = (root / file).read_text(encoding="utf-8").splitlines(keepends=True)
            after = edit.text.splitlines(keepends=True)
            write("".join(difflib.unified_diff(before, after, f"a/{file}", f"b/{file}")))
    for proposed in changed.proposed:
        say(proposed.text.title)
        show_proposed(proposed)
    for name, reason in changed.refused.items():
        say(line((Style.ERROR, "error: "), f"{name}: {reason}"))
    if not (changed.edits or changed.unchanged or changed.refused):
        say("there is nothing to change")
    return exits.of_run(changed.verdict)


def _days(text: str) -> timedelta:
    number = text.removesuffix("d")
    if not number.isascii() or not number.isdigit() or len(number) > 4:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days such as 30d")
    return timedelta(days=int(number))
