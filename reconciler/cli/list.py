"""List everything that is exempt in Azure, ours or not: what, where, until when, why, whose risk it is, who asked and who
approved, by which commit. Writes nothing. With --tenant it needs no repository.

Exit codes: 0 done; 1 not everything could be read.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final
from uuid import UUID

from reconciler.cli import common, exits
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say_unread, show
from reconciler.drift.inventory import Selection
from reconciler.model import ArmId, Category, Cloud
from reconciler.planning.values import SEVERITIES
from reconciler.problems import UsageError
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import INVENTORY
from reconciler.runs import list as listing

EXAMPLES: Final = (
    "exempt list --format csv                   the register, for a spreadsheet",
    "exempt list --severity High --never-ends   what an auditor asks first",
    "exempt list --tenant 6f0e1a2b-3c4d-4e5f-8a6b-7c8d9e0f1a2b",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt list`."""

    root: Path
    scope: ArmId | None
    format: str
    snapshot: Path | None
    record: Path | None
    tenant: str | None
    cloud: str
    recommendation: str
    category: str
    owner: str
    severity: str
    expires_before: datetime | None
    never_ends: bool
    declared: bool
    undeclared: bool
    silenced: bool
    in_force: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt list`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    common.add_format(parser, INVENTORY.names)
    parser.add_argument(
        "--tenant", type=_tenant, metavar="ID", help="needs no repository: list this tenant, below --scope where given"
    )
    parser.add_argument(
        "--cloud", choices=[cloud.value for cloud in Cloud], default=Cloud.PUBLIC.value, help="the cloud of --tenant"
    )
    group = parser.add_argument_group("which", "without any, everything")
    group.add_argument("--recommendation", default="", metavar="TEXT", help="whose title has TEXT, or a reference id")
    group.add_argument(
        "--category",
        choices=[category.value for category in Category],
        default="",
        help="risk accepted, or resolved elsewhere",
    )
    group.add_argument("--owner", default="", metavar="TEXT", help="who answers for the risk, or whose mark it bears")
    group.add_argument("--severity", choices=SEVERITIES, default="", help="the worst of its recommendations")
    group.add_argument("--expires-before", type=_day, metavar="DATE", help="ends before that day, such as 2027-01-31")
    group.add_argument("--never-ends", action="store_true", help="has no end")
    declared = group.add_mutually_exclusive_group()
    declared.add_argument("--declared", action="store_true", help="a declaration of this repository stands behind it")
    declared.add_argument("--undeclared", action="store_true", help="none does")
    parser.add_argument(
        "--in-force",
        action="store_true",
        help="ask Defender too whether each declared one took effect, as 'exempt status'",
    )
    parser.add_argument(
        "--silenced",
        action="store_true",
        help="also count what else keeps Defender silent: notScopes, disabled effects, overrides, selectors, plans off",
    )
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="list a saved snapshot instead of Azure")
    common.add_record(parser)


def run(args: argparse.Namespace) -> int:
    """Lists and shows."""
    options = typed(Options, args)
    if options.silenced and options.format == "csv":
        raise UsageError(
            "--silenced counts what is no exemption, which has no place in a CSV", "use --format json or text"
        )
    if options.in_force and (options.tenant or options.snapshot):
        raise UsageError(
            "--in-force asks Defender about this repository's declarations",
            "leave out --tenant and --snapshot, or --in-force",
        )
    request = listing.ListRequest(
        root=options.root,
        scope=options.scope,
        snapshot=options.snapshot,
        record=options.record,
        tenant=options.tenant,
        cloud=Cloud(options.cloud),
        silenced=options.silenced,
        in_force=options.in_force,
        selection=Selection(
            recommendation=options.recommendation,
            category=options.category,
            owner=options.owner,
            severity=options.severity,
            expires_before=options.expires_before,
            never_ends=options.never_ends,
            is_declared=True if options.declared else False if options.undeclared else None,
        ),
    )
    listed = listing.run(request, common.context())
    say_unread(listed.unread)  # first, for it is the cause of what the list lacks
    show(INVENTORY.render(options.format, listed.inventory, ReportContext(names=listed.names)))
    return exits.of_run(listed.verdict)


def _tenant(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no tenant id; 'az account show --query tenantId' shows it"
        ) from None


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day of the form 2027-01-31") from None
