"""Show what would change in Azure, and why. Writes nothing.

Exit codes: 0 done; 1 invalid, refused or not everything could be read; with --detailed-exitcode 2 where there are
changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reconciler.cli import common, planning
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import Snapshot
from reconciler.planning.values import Plan
from reconciler.reports.plan_json import plan_json
from reconciler.reports.plan_markdown import plan_markdown
from reconciler.reports.plan_text import plan_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt plan`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_scope(parser)
    common.add_format(parser, "text", "json", "markdown")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the plan as JSON, for 'exempt apply FILE'")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="plan against a saved snapshot instead of Azure")
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit 2 where there are changes")
    planning.add_guards(parser)


def run(args: argparse.Namespace) -> int:
    """Load, check, read, resolve, plan, guard, render."""
    at = common.now()
    repository = common.load_repository(args.root, args.base, at)
    snapshot = _snapshot(args, repository)
    plan = planning.plan_for(repository, snapshot, at, planning.allowances(args), args.scope)
    _show(plan, args.format, common.display_names(snapshot))
    if args.out:
        write_file(args.out, plan_json(plan))
        say(f"saved to {args.out}; apply exactly this with: exempt apply {args.out}")
    return _exit_code(plan, repository, detailed=args.detailed_exitcode)


def _snapshot(args: argparse.Namespace, repository: common.Repository) -> Snapshot:
    if args.snapshot:
        return planning.saved_snapshot(args.snapshot, repository.settings)
    with planning.connected(repository) as azure:
        return planning.read(azure, repository, args.scope)


def _show(plan: Plan, form: str, names: dict[str, str]) -> None:
    match form:
        case "json":
            write(plan_json(plan))
        case "markdown":
            write(plan_markdown(plan, names))
        case _:
            write_lines(plan_lines(plan, names))


def _exit_code(plan: Plan, repository: common.Repository, *, detailed: bool) -> Exit:
    if plan.refusals or not plan.complete or planning.is_invalid(plan, repository):
        return Exit.FAILED
    return Exit.CHANGES if detailed and not plan.is_empty else Exit.DONE
