"""Make Azure match the declarations: recompute the plan, compare it with what was approved, write.

PLAN is a file that 'exempt plan --out' saved: only what it approves is written, never more. Without a terminal --yes
is needed. Exit codes: 0 done; 1 something failed or was refused, skipped, unread or held; 2 something awaits approval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from reconciler.applying import approvals
from reconciler.applying.approvals import Selection
from reconciler.applying.engine import ApplyContext, apply_changes
from reconciler.applying.outcomes import Summary, refused_outcomes, summarise
from reconciler.applying.ports import Stop, Writer
from reconciler.applying.rate_limiter import RateLimiter
from reconciler.applying.whole_assignment import allowed_without_references
from reconciler.cli import common, exits, planning
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.interrupts import interrupts
from reconciler.cli.log_file import add_log_file
from reconciler.cli.progress import writing
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import count
from reconciler.planning.guards import Allowances, GuardContext, refusals
from reconciler.planning.marks import with_revision
from reconciler.planning.provenance import History
from reconciler.planning.values import Change, Plan
from reconciler.problems import UsageError
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.outcomes_markdown import outcomes_markdown
from reconciler.reports.outcomes_text import outcome_lines
from reconciler.reports.plan_text import plan_lines, refusal_line

_LARGEST_PLAN: Final = 256 << 20
"""Bytes: far more than any plan has, and little enough to be held in memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt apply`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_scope(parser)
    common.add_format(parser, "text", "json", "markdown")
    parser.add_argument("plan", type=Path, nargs="?", metavar="PLAN", help="a saved plan whose changes are approved")
    parser.add_argument("--expect", metavar="DIGEST", help="apply only if the plan has exactly this digest")
    parser.add_argument(
        "--only", metavar="REASONS", help="only changes with these reasons, such as recreate,fan-out,expired"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the outcomes as JSON")
    planning.add_guards(parser)


def run(args: argparse.Namespace) -> int:
    """Load, check, read, plan, compare with the approvals, guard, ask, write, report."""
    at = common.now()
    repository = common.load_repository(args.root, args.base, at)
    saved = _approvals(args.plan, repository)
    only = approvals.parse_reasons(args.only) if args.only is not None else None
    if not args.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("there is no terminal to ask on", "add --yes to apply without a question")
    with interrupts() as stop, planning.connected(repository) as azure:
        snapshot = planning.read(azure, repository, args.scope)
        allowed = planning.allowances(args)
        plan = planning.plan_for(repository, snapshot, at, allowed, args.scope)
        if args.expect is not None:  # an empty one is a variable that was not set, and no approval of everything
            approvals.check_expected(plan, args.expect)
        selection = approvals.select(plan, saved, only)
        if selection.withheld or args.scope:
            selection = replace(selection, approved=_stamped_apart(selection.approved, repository.history))
        plan = _judged(plan, selection, repository, allowed)
        names = common.display_names(snapshot)
        if not args.yes and not _agrees(plan, selection, names):
            say("nothing was changed")
            return Exit.FAILED
        whole = allowed_without_references(selection.approved, snapshot, repository.declarations, repository.settings)
        stop.finish_first()
        summary = _carry_out(plan, selection, partial(azure.writer, whole=whole), stop)
        _report(summary, selection, args, names)
    return exits.of_run(summary.verdict)


def _approvals(path: Path | None, repository: common.Repository) -> approvals.SavedPlan | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_PLAN + 1)
        if len(content) > _LARGEST_PLAN:
            raise UsageError(f"{path} is not a plan: it is larger than {_LARGEST_PLAN >> 20} MiB", approvals.NEW_PLAN)
        text = content.decode("utf-8-sig")  # a mark of byte order may come from a shell that passed it on
        return approvals.read_plan(text, repository.settings.tenant_id, repository.settings.owner)
    except FileNotFoundError:
        raise UsageError(f"there is no plan {str(path)!r}", approvals.NEW_PLAN) from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a folder, not a plan", approvals.NEW_PLAN) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a plan: it is not UTF-8 text", approvals.NEW_PLAN) from None
    except approvals.ApprovalError as error:
        raise approvals.ApprovalError(f"{path}: {error.message}", error.remedy) from None


def _stamped_apart(changes: Sequence[Change], history: History) -> tuple[Change, ...]:
    """A run that leaves something out must not claim the whole revision: a later plan takes the stamp as proof that
    all of it was applied (reason *recreate*). Each object is stamped with its own declaration's last commit instead.
    """

    def stamped(change: Change) -> Change:
        if change.after is None:
            return change
        commit = history.last_commit(change.source.file) if change.source else None
        return replace(change, after=with_revision(change.after, commit.sha if commit else None))

    return tuple(stamped(change) for change in changes)


def _judged(plan: Plan, selection: Selection, repository: common.Repository, allowed: Allowances) -> Plan:
    """The plan with the refusals that concern what this run would write."""
    facts = GuardContext(owned=plan.owned, declarations=plan.declared, findings=plan.findings)
    return replace(plan, refusals=refusals(selection.approved, repository.settings.limits, allowed, facts))


def _agrees(plan: Plan, selection: Selection, names: dict[str, str]) -> bool:
    """Shows what is about to be written and asks; where nothing is, there is nothing to ask."""
    if plan.refusals or not selection.approved:
        return True
    write_lines(plan_lines(replace(plan, changes=selection.approved), names), sys.stderr)
    try:
        sys.stderr.write("Apply these changes? Only 'yes' is accepted: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip() == "yes"
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise


def _carry_out(plan: Plan, selection: Selection, writer: Callable[[RateLimiter], Writer], stop: Stop) -> Summary:
    """The outcome of every change of the plan."""
    if plan.refusals:
        return summarise(plan, (*selection.withheld, *refused_outcomes(selection.approved)))
    limiter = RateLimiter()
    with writing(len(selection.approved)) as observer:
        context = ApplyContext(writer=writer(limiter), rate_limiter=limiter, stop=stop, observer=observer)
        return summarise(plan, (*selection.withheld, *apply_changes(selection.approved, context)))


def _report(summary: Summary, selection: Selection, args: argparse.Namespace, names: dict[str, str]) -> None:
    document = outcomes_json(summary, exits.of_run(summary.verdict))
    match args.format:
        case "json":
            write(document)
        case "markdown":
            write(outcomes_markdown(summary, names))
        case _:
            write_lines(outcome_lines(summary, names))
    if args.format != "text":  # the text form has them itself
        say(*(refusal_line(refusal) for refusal in summary.refusals))
    if selection.already_done:
        say(
            f"{count(len(selection.already_done), 'approved change')} no longer needed: Azure or the declarations moved on"
        )
    if args.out:  # last: a disk that is full must not hide what was written to Azure
        write_file(args.out, document)
