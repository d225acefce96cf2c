"""Declare what exists: exemptions in Azure, or those in files of EPAC, Terraform, Bicep and ARM.

Writes new files below exemptions/, never over one that is there, and a line of the report for each exemption or row.
Changes nothing in Azure: 'exempt plan' shows what an apply would adopt.

Exit codes: 0 all that was asked for is declared; 1 something could not be, could not be read, or breaks a rule of the
repository.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.arguments import scope_argument, word_argument
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, say_unread, show
from reconciler.importing.dates import DateOrder
from reconciler.importing.left_out import Permissions
from reconciler.importing.live import Choice
from reconciler.importing.naming import DEFAULT_FOLDER
from reconciler.model import ArmId
from reconciler.reports.formats import IMPORT
from reconciler.reports.imports import ImportReport
from reconciler.runs import import_ as importing

EXAMPLES: Final = (
    "exempt import live                                    what people made in Azure by hand",
    "exempt import epac Definitions/policyExemptions/prod   the files of one environment of EPAC",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """The command line of `exempt import live`."""

    scope: ArmId | None
    title: str | None
    created_by: str | None
    assignment: str | None
    recommendation: str | None
    take_over: list[str]
    adopt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """The command line of `exempt import epac`, `terraform`, `bicep` and `arm`."""

    path: Path
    scope: ArmId | None
    owner: str | None
    take_over: str | None
    adopt: bool
    date_order: DateOrder | None
    as_subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of every `exempt import`."""

    source: str
    root: Path
    format: str
    into: str
    snapshot: Path | None
    dry_run: bool
    verbose: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt import`."""
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE", parser_class=type(parser))
    live = sources.add_parser("live", help="exemptions in Azure", description=_LIVE)
    _add_common(live)
    common.add_scope(live)
    live.add_argument("--title", metavar="TEXT", help="only those with this text in name, display name or description")
    live.add_argument("--created-by", metavar="TEXT", help="only those whose maker's name contains this")
    live.add_argument("--assignment", metavar="A", help="only those of this assignment: its id, name or display name")
    live.add_argument("--recommendation", metavar="R", help="only those of this recommendation: a key or exact title")
    live.add_argument(
        "--take-over",
        action="append",
        default=[],
        metavar="OWNER",
        help="also those of this other owner, such as EPAC's pacOwnerId; may be repeated",
    )
    live.add_argument("--adopt", action="store_true", help="also those that an application made")
    _add_files(sources)


def _add_files(sources: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that read other tools' files."""
    epac = sources.add_parser("epac", help="files of enterprise-azure-policy-as-code", description=_FILES)
    terraform = sources.add_parser(
        "terraform", help="a state, or what 'terraform show -json' prints", description=_FILES
    )
    bicep = sources.add_parser("bicep", help="Bicep, compiled by 'az bicep build'", description=_FILES)
    arm = sources.add_parser("arm", help="an ARM template", description=_FILES)
    for files in (epac, terraform, bicep, arm):
        files.add_argument(
            "path", type=Path, metavar="PATH", help="the file" + (", or a folder of them" * (files is epac))
        )
        _add_common(files)
        files.add_argument("--scope", type=scope_argument, metavar="ID", help="where a template is deployed")
        files.add_argument("--owner", metavar="TEXT", help="who answers for rows that name nobody")
        files.add_argument("--take-over", metavar="OWNER", help="write takeOver, such as EPAC's pacOwnerId")
        files.add_argument(
            "--adopt", action="store_true", help="write adopt: true, for what a pipeline or Terraform made"
        )
        files.add_argument(
            "--date-order",
            choices=[order.value for order in DateOrder],
            type=word_argument(DateOrder),
            help="what comes first in dates such as 6/1/2027",
        )
        files.add_argument(
            "--as",
            dest="as_subject",
            choices=("written", "recommendation"),
            default="written",
            help="recommendation: say policies by the recommendation behind them, which fans out",
        )


_FILES = "Declare what other tools' files say, a declaration for each row. Azure is asked only where a row needs it."
_TOOLS: Final = {
    "epac": importing.Tool.EPAC,
    "terraform": importing.Tool.TERRAFORM,
    "bicep": importing.Tool.TEMPLATE,
    "arm": importing.Tool.TEMPLATE,
}
_LIVE = "Declare exemptions that Azure has. After it, a plan adopts them and creates nothing."


def _add_common(parser: argparse.ArgumentParser) -> None:
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, IMPORT.names)
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="read a saved snapshot instead of Azure")
    parser.add_argument(
        "--into",
        default=DEFAULT_FOLDER,
        metavar="FOLDER",
        help="the folder below exemptions/, with {subscription}, {category} or {kind} filled in "
        "(default: imported/{subscription})",
    )
    parser.add_argument("--dry-run", action="store_true", help="report only, write nothing")
    parser.add_argument("--verbose", action="store_true", help="also list what is declared already")


def run(args: argparse.Namespace) -> int:
    """Imports and shows."""
    options = typed(Options, args)
    context = common.context()
    if options.source in _TOOLS:
        files = typed(FileOptions, args)
        file_request = importing.ImportFilesRequest(
            root=options.root,
            tool=_TOOLS[options.source],
            path=files.path,
            into=options.into,
            scope=files.scope,
            owner=files.owner,
            date_order=files.date_order,
            take_over=files.take_over,
            adopt=files.adopt,
            as_recommendation=files.as_subject == "recommendation",
            snapshot=options.snapshot,
            dry_run=options.dry_run,
        )
        return _show(importing.run_files(file_request, context), options)
    live = typed(LiveOptions, args)
    choice = Choice(
        scope=live.scope,
        title=live.title,
        created_by=live.created_by,
        assignment=live.assignment,
        recommendation=live.recommendation,
        permissions=Permissions(take_over=tuple(live.take_over), adopt=live.adopt),
    )
    request = importing.ImportLiveRequest(
        root=options.root, choice=choice, into=options.into, snapshot=options.snapshot, dry_run=options.dry_run
    )
    return _show(importing.run_live(request, context), options)


def _show(finished: importing.ImportRun, options: Options) -> int:
    report = ImportReport(
        imported=finished.imported,
        problems=finished.problems,
        verdict=finished.verdict,
        written=finished.written,
        verbose=options.verbose,
    )
    show(IMPORT.render(options.format, report))
    say_unread(finished.unread)
    if finished.imported.files and finished.written:
        say("look through the new files, commit them, and run 'exempt plan': it shows what an apply would adopt")
    return exits.of_run(finished.verdict)
