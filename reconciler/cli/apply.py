"""Make Azure match the declarations: recompute the plan, compare it with what was approved, write.

PLAN is a file that 'exempt plan --out' saved: only what it approves is written, never more. --approved REV heals: it
writes only what both the work tree and that commit want. Without a terminal --yes is needed. Exit codes: 0 done; 1 something failed or was refused, skipped, unread or held; 2 something awaits approval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from reconciler.applying import approvals
from reconciler.azure.snapshot_file import snapshot_pieces
from reconciler.cli import common, exits
from reconciler.cli.interrupts import interrupts
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, show, write_lines
from reconciler.model import ArmId, count
from reconciler.problems import UsageError
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import OUTCOMES
from reconciler.reports.outcomes import outcome_report
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.plan import PlanReport, plan_report
from reconciler.reports.plan_json import plan_json_pieces
from reconciler.reports.plan_text import plan_lines, refusal_line
from reconciler.reports.record_json import record_json
from reconciler.runs import apply
from reconciler.runs.files import require_places, write_file

EXAMPLES: Final = (
    "exempt apply                               ask, then write",
    "exempt apply plan.json --yes               write what was approved, never more",
    "exempt apply --yes --approved 3f2c1abd9e0f4c5b8a7d6e5f4c3b2a1908f7e6d5",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(common.GuardOptions):
    """The command line of `exempt apply`."""

    root: Path
    base: str | None
    scope: ArmId | None
    format: str
    plan: Path | None
    record: Path | None
    record_out: Path | None
    plan_out: Path | None
    snapshot_out: Path | None
    expect: str | None
    approved: str | None
    only: str | None
    yes: bool
    verbose: bool
    out: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt apply`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_scope(parser)
    common.add_format(parser, OUTCOMES.names)
    common.add_verbose(parser)
    parser.add_argument("plan", type=Path, nargs="?", metavar="PLAN", help="a saved plan whose changes are approved")
    parser.add_argument("--expect", metavar="DIGEST", help="apply only if the plan has exactly this digest")
    parser.add_argument(
        "--approved",
        metavar="REV",
        help="heal: only what the commit REV, which a production run completed, comes to as well; empty: nothing",
    )
    parser.add_argument("--only", metavar="REASONS", help="only changes with these reasons, such as duplicate,expired")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the outcomes as JSON")
    common.add_record(parser)
    common.add_record_out(parser)
    parser.add_argument(
        "--plan-out", type=Path, metavar="FILE", help="also save the plan that was recomputed, for 'exempt verify'"
    )
    common.add_snapshot_out(parser)
    common.add_guards(parser)


def run(args: argparse.Namespace) -> int:
    """Asks, writes, shows and saves."""
    options = typed(Options, args)
    request = apply.ApplyRequest(
        root=options.root,
        base=options.base,
        scope=options.scope,
        approvals=options.plan,
        expected=options.expect,
        only=approvals.parse_reasons(options.only) if options.only is not None else None,
        revision=options.approved,
        record=options.record,
        allowances=options.allowances,
    )
    if not options.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("there is no terminal to ask on", "add --yes to apply without a question")
    require_places((options.out, options.plan_out, options.record_out, options.snapshot_out))
    with interrupts() as stop:
        applied = apply.run(
            request, common.context(), _agreed if options.yes else partial(_ask, verbose=options.verbose), stop
        )
        if applied.summary is None:
            say("nothing was changed")
            return exits.of_run(applied.verdict)
        exit_code = exits.of_run(applied.verdict)
        context = ReportContext(names=applied.names, exit_code=exit_code, verbose=options.verbose)
        report = outcome_report(applied.summary, applied.plan)
        show(OUTCOMES.render(options.format, report, context))
        if options.format != "text":  # the text form has them itself
            say(*(refusal_line(refusal) for refusal in applied.summary.refusals))
        if applied.needless:
            say(
                f"{count(len(applied.needless), 'approved change')} no longer needed: Azure or the declarations moved on"
            )
        if options.out:  # last: a disk that is full must not hide what was written to Azure
            write_file(options.out, outcomes_json(report, exit_code))
        if options.record_out and (record := applied.record):
            write_file(options.record_out, record_json(record.tenant_id, record.owner, record.adopted))
        if options.snapshot_out and applied.read:
            write_file(options.snapshot_out, snapshot_pieces(applied.read))
        if options.plan_out and applied.plan:
            write_file(options.plan_out, plan_json_pieces(plan_report(applied.plan)))
    return exits.of_run(applied.verdict)


def _agreed(report: Callable[[], PlanReport], names: dict[str, str]) -> bool:  # noqa: ARG001 - nobody is asked
    return True


def _ask(report: Callable[[], PlanReport], names: dict[str, str], *, verbose: bool) -> bool:
    """Shows what is about to be written and asks."""
    write_lines(plan_lines(report(), ReportContext(names=names, verbose=verbose)), sys.stderr)
    try:
        sys.stderr.write("Apply these changes? Only 'yes' is accepted: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip() == "yes"
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
