"""Check, before anything is written, that plan and apply can do their work: identity, tenant, cloud, clock, rights at
each scope and on each assignment, and that Defender's benchmark is assigned. Writes nothing.

'exempt doctor --role reader' (or writer, or assignment) prints a role with the least rights, as JSON for
'az role definition create --role-definition FILE'.

Exit codes: 0 nothing failed; 1 a check failed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from reconciler.azure.doctor import Check, State, run_checks
from reconciler.azure.rights import Role, role_definitions
from reconciler.azure.session import connect
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import Declaration, Settings, count
from reconciler.problems import CredentialError
from reconciler.reports.escape import json_indented
from reconciler.reports.lines import Line, Style, line

_STYLES: Final = {
    State.OK: Style.GOOD,
    State.UNKNOWN: Style.INFO,
    State.WARNING: Style.WARNING,
    State.FAILED: Style.ERROR,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt doctor`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, "text", "json")
    parser.add_argument("--read-only", action="store_true", help="check only what plan and drift need")
    parser.add_argument(
        "--role", type=Role, choices=list(Role), help="print this role's definition instead; asks Azure nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Every check that can be made, each shown as it is done, then the verdict."""
    settings, declarations = common.load_settings(args.root)
    if args.role:
        return _print_roles(args.role, settings)
    checks: list[Check] = []
    tell = checks.append if args.format == "json" else _shown(checks)
    _examine(settings, declarations, tell, read_only=args.read_only)
    if args.format == "json":
        write(json_indented({"format_version": "1.0", "checks": [asdict(one) for one in checks]}))
    failed = sum(one.state is State.FAILED for one in checks)
    say(f"{count(failed, 'check')} failed" if failed else "nothing failed")
    return Exit.FAILED if failed else Exit.DONE


def _print_roles(role: Role, settings: Settings) -> int:
    definitions = role_definitions(role, settings.scopes)
    write(json_indented(definitions[0] if len(definitions) == 1 else definitions))
    if len(definitions) > 1:
        say("a custom role may name one management group only: create each of these by itself")
    return Exit.DONE


def _examine(
    settings: Settings, declarations: tuple[Declaration, ...], tell: Callable[[Check], None], *, read_only: bool
) -> None:
    try:
        with connect(settings, os.environ) as azure:
            run_checks(azure, declarations, os.environ, read_only=read_only, on_check=tell)
    except CredentialError as error:
        tell(Check(name="identity", state=State.FAILED, message=error.message, remedy=error.remedy))


def _shown(checks: list[Check]) -> Callable[[Check], None]:
    def tell(check: Check) -> None:
        checks.append(check)
        write_lines(_lines(check))

    return tell


def _lines(check: Check) -> list[Line]:
    head = line((_STYLES[check.state], f"{check.state.value:<8}"), (Style.NAME, f"{check.name:<12}"), check.message)
    return [head, line(" " * 20, check.remedy)] if check.remedy else [head]
