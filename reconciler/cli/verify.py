"""Prove or refute a saved plan, and what was written of it, with a checker that shares no code with what made it.

SNAPSHOT is what the plan was made from ('exempt snapshot --out FILE', then 'exempt plan --snapshot FILE --out PLAN');
or what 'exempt plan --snapshot-out SNAPSHOT --out PLAN' saved beside it. With --outcomes what an apply wrote is held to
the plan that it recomputed (--plan-out, --snapshot-out), with --approved to the plan that people approved, and with
--after to Azure's state after it. Asks Azure nothing. Each broken rule is named with what breaks it.

Exit codes: 0 proven; 1 a rule does not hold, or a file cannot be read.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler import __version__
from reconciler.cli import common, exits
from reconciler.cli.options import typed
from reconciler.cli.terminal import write, write_lines
from reconciler.model import count
from reconciler.reports.escape import json_document
from reconciler.reports.styled import Style, line
from reconciler.runs import verify

EXAMPLES: Final = ("exempt verify plan.json --snapshot snapshot.json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt verify`."""

    root: Path
    format: str
    plan: Path
    snapshot: Path
    outcomes: Path | None
    after: Path | None
    approved: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt verify`."""
    common.add_root(parser)
    common.add_format(parser, ("text", "json"))
    parser.add_argument("plan", type=Path, metavar="PLAN", help="the plan that 'exempt plan --out PLAN' saved")
    parser.add_argument("--snapshot", type=Path, required=True, metavar="FILE", help="what the plan was made from")
    parser.add_argument("--outcomes", type=Path, metavar="FILE", help="what 'exempt apply --out FILE' wrote of it")
    parser.add_argument("--after", type=Path, metavar="FILE", help="a snapshot taken after the apply")
    parser.add_argument(
        "--approved", type=Path, metavar="PLAN", help="the plan that people approved, of which PLAN was recomputed"
    )


def run(args: argparse.Namespace) -> int:
    """Checks, and says what does not hold."""
    options = typed(Options, args)
    request = verify.VerifyRequest(
        root=options.root,
        plan=options.plan,
        snapshot=options.snapshot,
        outcomes=options.outcomes,
        after=options.after,
        approved=options.approved,
    )
    checked = verify.run(request)
    if options.format == "json":
        violations = [
            {"rule": violation.rule, "subject": violation.subject, "message": violation.message}
            for violation in checked.violations
        ]
        write(json_document({"format_version": "1.0", "tool_version": __version__, "violations": violations}))
        return exits.of_run(checked.verdict)
    lines = []
    for violation in checked.violations:
        lines += [line((Style.ERROR, violation.rule), f": {violation.message}"), line(f"  {violation.subject}")]
    if checked.violations:
        number = count(len(checked.violations), "violation")
        remedy = "look at what this run wrote" if options.outcomes else "do not apply this plan"
        lines.append(line((Style.ERROR, "Refuted"), f": {number}; {remedy}."))
    else:
        lines.append(line((Style.GOOD, "Proven"), f": {count(checked.changes, 'change')}, no rule broken."))
    lines += [line(f"Only at and below {scope}, to which the plan was narrowed.") for scope in checked.only]
    write_lines(lines)
    return exits.of_run(checked.verdict)
