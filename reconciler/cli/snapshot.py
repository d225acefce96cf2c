"""Save what Azure holds to a file: exemptions, assignments, initiatives and the hierarchy, as Azure gave them.

'exempt plan --snapshot FILE' plans from it without asking Azure; other tools can read it too
(JSON). What could not be read is named in it.

Where no identity may read everything, each reads its part (--scope, --groups), and --merge makes one of them.

Exit codes: 0 everything was read; 1 something was not.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.azure.snapshot_file import snapshot_pieces
from reconciler.cli import common, exits
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, say_unread, write
from reconciler.model import ArmId, ScopeKind, count
from reconciler.problems import UsageError
from reconciler.runs import snapshot
from reconciler.runs.files import require_places, write_file

EXAMPLES: Final = (
    "exempt snapshot --out snapshot.json        then: exempt plan --snapshot snapshot.json",
    "exempt snapshot --merge groups.json shop.json data.json --out snapshot.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt snapshot`."""

    root: Path
    scope: ArmId | None
    groups: bool
    merge: list[Path]
    out: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt snapshot`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_scope(parser)
    parser.add_argument("--groups", action="store_true", help="only the management groups, without subscriptions")
    parser.add_argument(
        "--merge",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="ask nothing: make one of these (or of those in a folder), which were read in parts",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to save it (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Reads, writes, and says what is missing."""
    options = typed(Options, args)
    if options.merge and (options.scope or options.groups):
        raise UsageError("--merge reads nothing, so --scope and --groups have no effect", "leave them out")
    if options.groups and options.scope and options.scope.kind is not ScopeKind.MANAGEMENT_GROUP:
        raise UsageError(
            f"--groups reads management groups, and --scope names a {options.scope.kind}, which holds none",
            "leave --groups out to read what it holds, or --scope to read all management groups",
        )
    require_places([options.out])
    if options.merge:
        taken = snapshot.merge(options.root, options.merge, common.context())
    else:
        taken = snapshot.run(options.root, options.scope, common.context(), groups_only=options.groups)
    raw = taken.raw
    if options.out:
        write_file(options.out, snapshot_pieces(raw))
    else:
        write(snapshot_pieces(raw))
    say_unread(raw.unread)
    objects = ", ".join(
        (
            count(len(raw.exemptions), "exemption"),
            count(len(raw.assignments), "assignment"),
            count(len(raw.initiatives), "initiative"),
        )
    )
    scopes = count(sum(node.expected for node in raw.nodes), "scope")
    saved = f"; saved to {options.out}" if options.out else ""
    say(f"{objects} read from {scopes} with {count(raw.requests, 'request')}{saved}")
    return exits.of_run(taken.verdict)
