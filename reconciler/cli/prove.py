"""Compare the embedded Azure with a real one: run the emulator's own scenarios at a sandbox and on an emulator that
holds the same, and write a scrubbed recording with the differences.

Reads only, unless --write. Then it makes and deletes assignments (that enforce nothing) and exemptions at the sandbox,
all with names that begin with 'prove', and deletes them however it ends.

Exit codes: 0 no differences; 1 it could not be done, or not everything could be deleted; 2 differences.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler import __version__
from reconciler.cli import common
from reconciler.cli.arguments import scope_argument
from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.parser import Parser
from reconciler.cli.terminal import say, write, write_lines
from reconciler.emulator.proving.prove import as_json
from reconciler.model import ArmId, count
from reconciler.reports.escape import json_indented
from reconciler.reports.styled import Style, line
from reconciler.runs import prove
from reconciler.runs.files import require_places, write_file

_LONGEST: Final = 160
"""Characters of a value in the text form; the recording has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt emulator prove`."""

    root: Path
    scope: ArmId
    write: bool
    out: Path | None
    format: str


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    words = Parser(
        prog="exempt emulator prove", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common.add_root(words)
    common.add_format(words, ("text", "json"))
    words.add_argument(
        "--scope",
        type=scope_argument,
        required=True,
        metavar="ID",
        help="the sandbox: a management group, a subscription or a resource group",
    )
    words.add_argument("--write", action="store_true", help="also make, change and delete objects at the sandbox")
    words.add_argument("--out", type=Path, metavar="FILE", help="write the scrubbed recording to this file")
    return words


def run(argv: Sequence[str]) -> int:
    """Run the scenarios; show the differences and write the recording."""
    options = typed(Options, parser().parse_args(argv))
    require_places([options.out])
    proof = prove.run(options.root, options.scope, common.context(), write=options.write)
    recording = json_indented(as_json(proof, __version__))
    if options.out:
        write_file(options.out, recording)
    if options.format == "json":
        write(recording)
    else:
        write_lines(
            [
                text
                for item in proof.differences
                for text in [
                    line((Style.NAME, item.scenario), f": {item.where}"),
                    line(f"  real      {json.dumps(item.real, ensure_ascii=False)[:_LONGEST]}"),
                    line(f"  emulated  {json.dumps(item.emulated, ensure_ascii=False)[:_LONGEST]}"),
                ]
            ]
        )
    say(f"{count(len(proof.exchanges), 'scenario')}, {count(len(proof.differences), 'difference')}")
    for target in proof.remaining:
        say(f"could not be deleted: {target}")
    if proof.remaining:
        return Exit.FAILED
    return Exit.CHANGES if proof.differences else Exit.DONE
