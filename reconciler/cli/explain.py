"""Say why a resource is exempt: what is authoritative, what else covers it, until when, and what if it were removed.
With --declaration, say what a declaration comes to and why each assignment is in or out. Writes nothing.

Exit codes: 0 done; 1 invalid, or something that matters could not be read.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.arguments import scope_argument
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import show
from reconciler.model import ArmId
from reconciler.planning.explain.values import ResourceExplanation
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import DECLARATION, RESOURCE
from reconciler.runs import explain

EXAMPLES: Final = (
    "exempt explain /subscriptions/11111111-2222-4333-8444-555566667777",
    "exempt explain --declaration legacy-sql-tde",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt explain`."""

    root: Path
    format: str
    resource: ArmId | None
    recommendation: str | None
    declaration: str | None
    snapshot: Path | None
    record: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt explain`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, RESOURCE.names)
    parser.add_argument(
        "resource", nargs="?", type=_resource_argument, metavar="RESOURCE", help="the ARM id of a resource or scope"
    )
    parser.add_argument(
        "--recommendation", metavar="R", help="only this one: a key, an exact title, or a policy definition's id"
    )
    parser.add_argument("--declaration", metavar="NAME", help="instead of a resource: a declaration of the repository")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="read a saved snapshot instead of Azure")
    common.add_record(parser)


def _resource_argument(text: str) -> ArmId:
    """A resource or scope; a bare word is most likely a declaration's name."""
    if text and "/" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ARM id; what a declaration comes to is told by --declaration {shlex.quote(text)}"
        )
    return scope_argument(text)


def run(args: argparse.Namespace) -> int:
    """Explains and shows."""
    options = typed(Options, args)
    request = explain.ExplainRequest(
        root=options.root,
        resource=options.resource,
        recommendation=options.recommendation,
        declaration=options.declaration,
        snapshot=options.snapshot,
        record=options.record,
    )
    explained = explain.run(request, common.context())
    context = ReportContext(names=explained.names)
    match explained.explanation:
        case ResourceExplanation() as explanation:
            show(RESOURCE.render(options.format, explanation, context))
        case explanation:
            show(DECLARATION.render(options.format, explanation, context))
    return exits.of_run(explained.verdict)
