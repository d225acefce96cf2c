"""Show what would change in Azure, and why. Writes nothing. With --format markdown there is always a comment on standard
output: where there is no plan, it says why.

Exit codes: 0 done; 1 invalid, refused or not everything could be read; with --detailed-exitcode 2 where there are
changes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.exits import Exit
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, show, write
from reconciler.model import ArmId, Verdict
from reconciler.problems import UsageError
from reconciler.reports.formats import PLAN
from reconciler.runs import plan
from reconciler.runs.files import require_places, write_file
from reconciler.runs.loading import InvalidRepositoryError
from reconciler.runs.readers import report_context

EXAMPLES: Final = (
    "exempt plan                                what would change, for people",
    "exempt plan --out plan.json                save it, to be reviewed and applied",
    "exempt plan --base origin/main --format markdown",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(common.GuardOptions):
    """The command line of `exempt plan`."""

    root: Path
    base: str | None
    scope: ArmId | None
    format: str
    out: Path | None
    snapshot: Path | None
    snapshot_out: Path | None
    record: Path | None
    record_out: Path | None
    detailed_exitcode: bool
    verbose: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt plan`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_scope(parser)
    common.add_format(parser, PLAN.names)
    common.add_verbose(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the plan as JSON, for 'exempt apply FILE'")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="plan against a saved snapshot instead of Azure")
    common.add_snapshot_out(parser)
    common.add_record(parser)
    common.add_record_out(parser)
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit 2 where there are changes")
    common.add_guards(parser)


def run(args: argparse.Namespace) -> int:
    """Plans, shows and saves."""
    options = typed(Options, args)
    if options.snapshot and options.snapshot_out:
        raise UsageError("--snapshot reads nothing from Azure, so --snapshot-out has nothing to save", "leave one out")
    request = plan.PlanRequest(
        root=options.root,
        base=options.base,
        scope=options.scope,
        snapshot=options.snapshot,
        record=options.record,
        allowances=options.allowances,
    )
    require_places((options.out, options.record_out, options.snapshot_out))
    context = common.context()
    try:
        planned = plan.run(request, context)
    except BaseException as error:
        if options.format == "markdown":  # a pipeline shows it in place of the comment of an earlier run
            from reconciler.reports.failure import failure_markdown  # noqa: PLC0415 - as below

            problems = error.problems if isinstance(error, InvalidRepositoryError) else ()
            write(failure_markdown(error, problems, report_context(options.root, context.environment, {})))
        raise
    # What is shown and saved is imported when Azure has answered.
    from reconciler.azure.snapshot_file import snapshot_pieces  # noqa: PLC0415
    from reconciler.reports.plan_json import plan_json_pieces  # noqa: PLC0415
    from reconciler.reports.problems import problem_lines  # noqa: PLC0415
    from reconciler.reports.record_json import record_json  # noqa: PLC0415

    reader = replace(report_context(options.root, context.environment, planned.names), verbose=options.verbose)
    report = planned.report
    show(PLAN.render(options.format, report, reader))
    if options.scope:
        say(
            f"narrowed by --scope to {options.scope.text}: nothing elsewhere was judged, or may be written by this plan"
        )
    if options.format == "json":  # the other forms have them for people
        say(*problem_lines(planned.plan.problems))
    if options.snapshot_out and planned.read:
        write_file(options.snapshot_out, snapshot_pieces(planned.read))
    if options.record_out:
        record = planned.record
        write_file(options.record_out, record_json(record.tenant_id, record.owner, record.adopted))
    if options.out:
        write_file(options.out, plan_json_pieces(report))
        say(f"saved to {options.out}; apply exactly this with: exempt apply {options.out}")
    if planned.verdict is Verdict.CHANGES and not options.detailed_exitcode:
        return Exit.DONE
    return exits.of_run(planned.verdict)
