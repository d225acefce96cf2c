"""Make Azure match the declarations: recompute the plan, compare it with what was approved, write.

PLAN is a file that 'exempt plan --out' saved: only what it approves is written, never more. Without a terminal --yes
is needed. Exit codes: 0 done; 1 something failed or was refused, skipped, unread or held; 2 something awaits approval.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from reconciler.applying import approvals
from reconciler.applying.approvals import Selection
from reconciler.applying.engine import World, carry_out
from reconciler.applying.outcomes import Summary, summarise
from reconciler.applying.pace import Pace
from reconciler.applying.ports import Writer
from reconciler.applying.whole import without_references
from reconciler.cli import common, planning
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.log_file import add_log_file
from reconciler.cli.progress import writing
from reconciler.cli.terminal import say, write, write_lines
from reconciler.planning.guards import Allowances, Circumstances, refusals
from reconciler.planning.marks import with_revision
from reconciler.planning.provenance import History
from reconciler.planning.values import Change, Plan
from reconciler.problems import UsageError
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.outcomes_markdown import outcomes_markdown
from reconciler.reports.outcomes_text import outcome_lines
from reconciler.reports.plan_text import plan_lines, refusal_line
from reconciler.reports.words import count


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
    only = approvals.parse_reasons(args.only) if args.only else None
    if not args.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("there is no terminal to ask on", "add --yes to apply without a question")
    with planning.connected(repository) as azure:
        snapshot = planning.read(azure, repository, args.scope)
        allowed = planning.allowances(args)
        plan = planning.plan_for(repository, snapshot, at, allowed, args.scope)
        if args.expect:
            approvals.check_expected(plan, args.expect)
        selection = approvals.select(plan, saved, only)
        if selection.withheld or args.scope:
            selection = replace(selection, approved=_stamped_apart(selection.approved, repository.history))
        plan = _judged(plan, selection, repository, allowed)
        names = common.display_names(snapshot)
        rules = repository.settings.rules
        whole = without_references(selection.approved, snapshot, repository.declarations, rules)
        summary = _carry_out(plan, selection, partial(azure.writer, whole=whole), names, ask=not args.yes)
    if summary is None:
        say("nothing was changed")
        return Exit.FAILED
    _show(summary, args.format, names)
    if selection.moot:
        say(f"{count(len(selection.moot), 'approved change')} no longer needed: Azure or the declarations moved on")
    if args.out:  # last: a disk that is full must not hide what was written to Azure
        write_file(args.out, outcomes_json(summary))
    return summary.verdict.exit_code


def _approvals(path: Path | None, repository: common.Repository) -> approvals.SavedPlan | None:
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no plan {str(path)!r}", approvals.NEW_PLAN) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a plan: it is not UTF-8 text", approvals.NEW_PLAN) from None
    return approvals.read_plan(text, repository.settings.tenant_id, repository.settings.owner)


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
    facts = Circumstances(plan.owned, plan.declared, plan.findings)
    return replace(plan, refusals=refusals(selection.approved, repository.settings.limits, allowed, facts))


def _carry_out(
    plan: Plan, selection: Selection, writer: Callable[[Pace], Writer], names: dict[str, str], *, ask: bool
) -> Summary | None:
    """The outcome of every change; None where the person said no."""
    if plan.refusals:
        say(*(refusal_line(refusal) for refusal in plan.refusals))
        return summarise(plan, list(selection.withheld))
    if ask and selection.approved:
        write_lines(plan_lines(replace(plan, changes=selection.approved), names), sys.stderr)
        if not _agrees():
            return None
    outcomes = list(selection.withheld)
    pace = Pace()
    with interruptible() as stop, writing(len(selection.approved)) as observer:
        world = World(writer(pace), pace, stop=stop, observer=observer)
        outcomes += carry_out(selection.approved, world)
        interrupted = stop.is_set()
    return summarise(plan, outcomes, interrupted=interrupted)


def _agrees() -> bool:
    sys.stderr.write("Apply these changes? Only 'yes' is accepted: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """A flag that Ctrl-C and SIGTERM set: what is in flight is finished, nothing more is started."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    earlier = {each: signal.signal(each, ask_to_stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in earlier.items():
            signal.signal(each, handler)


def _show(summary: Summary, form: str, names: dict[str, str]) -> None:
    match form:
        case "json":
            write(outcomes_json(summary))
        case "markdown":
            write(outcomes_markdown(summary, names))
        case _:
            write_lines(outcome_lines(summary, names))
