"""What the commands share: their common options, and the surroundings of a run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.arguments import number_argument, scope_argument
from reconciler.cli.terminal import Terminal
from reconciler.runs.context import Context

if TYPE_CHECKING:
    from reconciler.planning.allowances import Allowances


def now() -> datetime:
    """The clock of this run, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one


def context() -> Context:
    """The surroundings of this process: its clock, its environment, its terminal."""
    return Context(now=now(), environment=os.environ, observer=Terminal())


# --- options -----------------------------------------------------------------------------------------------------


def add_root(parser: argparse.ArgumentParser) -> None:
    """`--root DIR`: where reconciler.yaml is."""
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="the folder of reconciler.yaml (default: this one)"
    )


def add_format(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """`--format NAME`: which form goes to standard output."""
    parser.add_argument(
        "--format", choices=names, default=names[0], help=f"the form of the output (default: {names[0]})"
    )


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """`--verbose`: every exemption, beside the decisions that they follow from."""
    parser.add_argument(
        "--verbose", action="store_true", help="as text, also list every exemption that follows from a decision"
    )


def add_base(parser: argparse.ArgumentParser) -> None:
    """`--base REF`: against which revision rules about time and hierarchy are judged."""
    parser.add_argument(
        "--base",
        metavar="REF",
        help="judge only what changed since this revision strictly "
        "(default: the merge base with the remote's default branch)",
    )


def add_record(parser: argparse.ArgumentParser) -> None:
    """`--record FILE`: what earlier production runs adopted; a folder of such files where it was written in parts."""
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="what the newest production run saved with 'exempt apply --record-out FILE' (or a folder of such files): "
        "exemptions that it names are known to be ours, whoever edited them since",
    )


def add_record_out(parser: argparse.ArgumentParser) -> None:
    """`--record-out FILE`: what is adopted after this run."""
    parser.add_argument(
        "--record-out", type=Path, metavar="FILE", help="also save what is adopted now, for --record of later runs"
    )


def add_snapshot_out(parser: argparse.ArgumentParser) -> None:
    """`--snapshot-out FILE`: what the run read, for a proof."""
    parser.add_argument(
        "--snapshot-out", type=Path, metavar="FILE", help="also save what was read from Azure, for 'exempt verify'"
    )


def add_scope(parser: argparse.ArgumentParser) -> None:
    """`--scope ID`: narrows a run."""
    parser.add_argument(
        "--scope",
        type=scope_argument,
        metavar="ID",
        help="only this scope and what lies below; nothing else is touched",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOptions:
    """The options that raise a guard, each to exactly a number."""

    allow_deletes: int | None
    allow_creates: int | None
    allow_adoptions: int | None
    allow_unmanaged_deletes: int | None
    delete_orphans: int | None
    strict: bool

    @property
    def allowances(self) -> Allowances:
        """The same as planning takes them."""
        from reconciler.planning.allowances import Allowances  # noqa: PLC0415 - commands that plan nothing have no guards

        return Allowances(
            deletes=self.allow_deletes,
            creates=self.allow_creates,
            adoptions=self.allow_adoptions,
            unmanaged=self.allow_unmanaged_deletes,
            delete_orphans=self.delete_orphans,
            strict=self.strict,
        )


def add_guards(parser: argparse.ArgumentParser) -> None:
    """The options of `GuardOptions`."""
    count_argument = number_argument("a whole number of 0 or more")
    group = parser.add_argument_group(
        "guards", "each accepts up to exactly N, so that an accident larger than expected stops"
    )
    group.add_argument("--allow-deletes", type=count_argument, metavar="N", help="replaces both delete limits")
    group.add_argument("--allow-creates", type=count_argument, metavar="N", help="replaces limits.creates")
    group.add_argument("--allow-adoptions", type=count_argument, metavar="N", help="replaces limits.adoptions")
    group.add_argument(
        "--allow-unmanaged-deletes", type=count_argument, metavar="N", help="replaces limits.unmanagedDeletes"
    )
    group.add_argument(
        "--delete-orphans",
        type=count_argument,
        metavar="N",
        help="also delete up to N of ours whose assignment is gone",
    )
    group.add_argument("--strict", action="store_true", help="refuse beside exemptions of a whole assignment")
