"""Check, before anything is written, that plan and apply can do their work: identity, tenant, cloud, clock, rights at
each scope and on each assignment, and that Defender's benchmark is assigned. Writes nothing.

'exempt doctor --role reader' (or writer, or assignment) prints a role with the least rights, as JSON for
'az role definition create --role-definition FILE'.

Exit codes: 0 nothing failed; 1 a check failed.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from reconciler.azure.checks import Check, State
from reconciler.azure.rights import Role, role_definitions
from reconciler.cli import common, exits
from reconciler.cli.arguments import word_argument
from reconciler.cli.exits import Exit
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import count
from reconciler.reports.escape import json_indented
from reconciler.reports.styled import Style, line
from reconciler.runs import doctor
from reconciler.runs.loading import load_settings

EXAMPLES: Final = (
    "exempt doctor                              everything",
    "exempt doctor --role writer                a role with the least rights, as JSON",
)
_STYLES: Final = {
    State.OK: Style.GOOD,
    State.UNKNOWN: Style.INFO,
    State.WARNING: Style.WARNING,
    State.FAILED: Style.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt doctor`."""

    root: Path
    format: str
    read_only: bool
    role: Role | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt doctor`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, ("text", "json"))
    parser.add_argument("--read-only", action="store_true", help="check only what plan and drift need")
    parser.add_argument(
        "--role",
        type=word_argument(Role),
        choices=list(Role),
        help="print this role's definition instead; asks Azure nothing",
    )


def run(args: argparse.Namespace) -> int:
    """Every check that can be made, each shown as it is done, then the verdict; or a role."""
    options = typed(Options, args)
    if options.role:
        settings, _ = load_settings(options.root, common.context())
        definitions = role_definitions(options.role, settings.scopes)
        write(json_indented(definitions[0] if len(definitions) == 1 else definitions))
        if len(definitions) > 1:
            say("a custom role may name one management group only: create each of these by itself")
        return Exit.DONE
    observe = _ignore if options.format == "json" else _show
    examined = doctor.run(options.root, common.context(), observe, read_only=options.read_only)
    if options.format == "json":
        write(json_indented({"format_version": "1.0", "checks": [asdict(check) for check in examined.checks]}))
    say(f"{count(examined.failed, 'check')} failed" if examined.failed else "nothing failed")
    return exits.of_run(examined.verdict)


def _ignore(check: Check) -> None:
    """The JSON form is shown at the end."""


def _show(check: Check) -> None:
    head = line((_STYLES[check.state], f"{check.state.value:<8}"), (Style.NAME, f"{check.name:<12}"), check.message)
    indented = (*check.details, *([check.remedy] if check.remedy else []))
    write_lines([head, *(line(" " * 20, text) for text in indented)])
