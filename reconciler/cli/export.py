"""Write what the repository declares in another form: CSV for a spreadsheet, JSON for a program, EPAC's form to leave.

Exit codes: 0 done; 1 a file could not be read and was left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import typed
from reconciler.cli.terminal import say_warning, show
from reconciler.reports.export import without_epac_rows
from reconciler.reports.formats import EXPORT
from reconciler.runs import export

EXAMPLES: Final = (
    "exempt export --format csv     a row for each declaration, for a spreadsheet",
    "exempt export --format epac    for enterprise-azure-policy-as-code; import epac reads it back",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt export`."""

    root: Path
    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt export`."""
    common.add_root(parser)
    common.add_format(parser, EXPORT.names)


def run(args: argparse.Namespace) -> int:
    """Exports and shows."""
    options = typed(Options, args)
    exported = export.run(options.root, common.context())
    show(EXPORT.render(options.format, exported.export))
    disabled = [item.name for item in exported.export.declarations if not item.enabled]
    if options.format == "epac" and disabled:
        say_warning(f"disabled declarations have no row, for they would exempt there: {', '.join(disabled)}")
    for name, reason in without_epac_rows(exported.export).items() if options.format == "epac" else ():
        say_warning(f"{name} has no row of its own in EPAC's form, which knows policy exemptions only: {reason}")
    return exits.of_run(exported.verdict)
