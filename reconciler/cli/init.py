"""Start a repository of exemptions that uses this tool at a pinned commit, so that a pull request cannot change what
judges it: settings, folders, schemas, workflows, code owners and first steps.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, write
from reconciler.model import ArmId
from reconciler.runs import init

EXAMPLES: Final = (
    "exempt init my-exemptions --tenant 11111111-2222-4333-8444-555566667777 --team @contoso/security-reviewers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt init`."""

    folder: Path
    owner: str | None
    tenant: str
    scope: list[ArmId]
    team: str
    tool: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt init`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")
    parser.add_argument("--owner", metavar="NAME", help="the id written on each exemption (default: the folder's name)")
    parser.add_argument(
        "--tenant", default=init.NO_TENANT, metavar="GUID", help="the tenant (default: zeros, to be filled in)"
    )
    parser.add_argument(
        "--scope",
        type=common.scope_argument,
        action="append",
        default=[],
        metavar="ID",
        help="a managed root, may be repeated (default: the tenant's root group)",
    )
    parser.add_argument("--team", default="@contoso/security-reviewers", metavar="@ORG/TEAM", help="who must approve")
    parser.add_argument(
        "--tool", metavar="ORG/REPO@COMMIT", help="where this tool comes from (default: the checkout that runs)"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the files and says what to do next."""
    options = typed(Options, args)
    folder = options.folder
    written = init.run(
        init.InitRequest(
            folder=folder,
            tenant=options.tenant,
            team=options.team,
            owner=options.owner,
            scopes=tuple(options.scope),
            tool=options.tool,
        )
    )
    write("\n".join(written))
    say(
        f"{len(written)} files in {folder}; {folder / 'README.md'} says what to do next, "
        f"'exempt validate --root {folder}' checks it"
    )
    return Exit.DONE
