"""Watch the main job on the embedded Azure: declared exemptions become the one authoritative exemption in every
initiative that evaluates them, somebody changes things in the portal, and the next run says so and repairs it.

Everything happens on loopback in a temporary git repository; nothing else is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler import package_data
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.terminal import say, write_lines
from reconciler.emulator import Azure, load_tenant, running
from reconciler.problems import ReconcilerError, UsageError
from reconciler.reports.styled import BLANK, Style, line
from reconciler.repository import create
from reconciler.runs import init
from reconciler.runs.scaffold import Pipelines

EXAMPLES: Final = ("exempt demo --keep contoso-exemptions      leave its repository here",)
_NAME: Final = "contoso-exemptions"
_PORTAL: Final = "portal.user@contoso.example"
_STEPS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt demo`."""

    keep: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt demo`."""
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the demo's repository in this new folder")


def run(args: argparse.Namespace) -> int:
    """The story, in seven steps."""
    keep = typed(Options, args).keep
    if keep and keep.exists():
        raise UsageError(f"--keep: {str(keep)!r} exists already", "name a new folder")
    with tempfile.TemporaryDirectory() as scratch:
        root = keep or Path(scratch) / _NAME
        # The bundled declarations and settings under git, as `exempt init --template demo` writes them.
        init.run(init.InitRequest(folder=root, owner=_NAME, pipelines=Pipelines.NONE, demo_on=common.now().date()))
        create(root, "Declare exemptions", ("Demo", "demo@contoso.example"))
        content = load_tenant(package_data.demo_tenant())
        with running(content) as azure:
            _Story(azure=azure, root=root, content=content).tell()
        if keep:
            _say(f"The repository stays in {root}. Its Azure as it was at first, with any command on it:")
            _say(
                f"  cd {shlex.quote(str(root))} && {own_command()} emulator --tenant tenant.yaml -- {own_command()} plan"
            )
    return Exit.DONE


def own_command() -> str:
    """How the person who runs this calls it: by name where a shell finds it, else by its path."""
    script = Path(sys.argv[0]).resolve()
    if script.name == "exempt":
        return "exempt" if shutil.which("exempt") == str(Path(sys.argv[0])) else shlex.quote(str(script))
    return f"{shlex.quote(sys.executable)} -m reconciler"


# --- the story ---------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Story:
    """Runs the real command line as a user would, and shows what it says."""

    azure: Azure
    root: Path
    content: Mapping[str, Any]
    step: int = 0

    def tell(self) -> None:
        declared = len(list(self.root.glob("exemptions/**/*.yaml")))
        subscriptions, assignments = (len(self.content[key]) for key in ("subscriptions", "policyAssignments"))
        _say(
            f"An Azure of its own on loopback: {subscriptions} subscriptions, {assignments} assignments of Microsoft's real "
            f"initiatives\n(the benchmark twice), and {len(self.azure.exemptions)} exemptions that people left in the "
            f"portal. In git: {declared} declarations."
        )
        self._first_plan()
        self._head("apply: write it", "exempt apply --yes")
        self._tail(self._exempt("apply", "--yes"))
        self._settled()
        self._meddle()
        self._head("plan: what they did", "exempt plan")
        self._show(self._exempt("plan"))
        self._head("apply: repair it", "exempt apply --yes")
        self._tail(self._exempt("apply", "--yes"))
        self._settled()

    def _first_plan(self) -> None:
        """Of each decision the first rows (what, where, until when) and what it takes over; then what Azure gets for it."""
        self._head("plan: what would change, and why", "exempt plan")
        headline, *blocks = self._exempt("plan").split("\n\n")
        decisions = [block.splitlines() for block in blocks if block.startswith(("  + ", "  ~ "))]
        whose = ("adopts ", "because ")
        rows = [
            row
            for block in decisions
            for row in (*block[:3], *(row for row in block[3:] if row.lstrip().startswith(whose)))
        ]
        write_lines([line("  ", (Style.HEADING, headline)), *(line(f"  {row}") for row in rows)])
        write_lines([line(f"  {blocks[-1].splitlines()[-1]}")])

    def _settled(self) -> None:
        self._head("plan again: nothing left to do", "exempt plan --detailed-exitcode")
        self._show(self._exempt("plan", "--detailed-exitcode"))

    def _meddle(self) -> None:
        """Somebody edits one exemption and deletes another, as the portal would."""
        self._head("meanwhile, in the portal", "somebody makes one exemption run for years and deletes another")
        mine = [
            body
            for _, body in sorted(self.azure.exemptions.items())
            if body["properties"].get("metadata", {}).get("managedBy") == "exempt"
        ]
        edited = next(body for body in mine if "expiresOn" in body["properties"])
        deleted = next(body for body in reversed(mine) if body is not edited)
        edited["properties"]["expiresOn"] = f"{common.now().year + 10}-01-01T00:00:00Z"
        _portal(self.azure, "PUT", str(edited["id"]), {"properties": edited["properties"]})
        _portal(self.azure, "DELETE", str(deleted["id"]))

    # --- showing ---

    def _head(self, title: str, command: str) -> None:
        self.step += 1
        write_lines([BLANK, line((Style.HEADING, f"{self.step}/{_STEPS}  {title}"), "   ", (Style.QUIET, command))])

    def _show(self, text: str) -> None:
        """What comes before the findings."""
        visible, _, _ = text.partition("\nFindings")
        write_lines(line(f"  {row}") for row in visible.rstrip().splitlines())

    def _tail(self, text: str) -> None:
        *_, last = text.rstrip().splitlines()
        write_lines([line(f"  {last.strip()}")])

    def _exempt(self, *arguments: str) -> str:
        # The environment without identities and proxies of the person who watches: the demo must reach its own Azure.
        others = re.compile(r"AZURE_.*|ACTIONS_ID_TOKEN_.*|ARM_.*|.*_proxy", re.IGNORECASE)
        variables = {name: text for name, text in os.environ.items() if not others.fullmatch(name)}
        environment = {**variables, "NO_COLOR": "1", **self.azure.env, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.root,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            say(*f"{done.stdout}{done.stderr}".splitlines())
            raise ReconcilerError(f"'exempt {arguments[0]}' ended with {done.returncode}", "see what it says above")
        return done.stdout


def _say(text: str) -> None:
    write_lines(line(row) for row in text.splitlines())


def _portal(azure: Azure, method: str, identifier: str, body: Mapping[str, Any] | None = None) -> None:
    """One request as the portal's user sends it."""
    import ssl  # noqa: PLC0415 - only here
    import urllib.request  # noqa: PLC0415

    request = urllib.request.Request(  # noqa: S310 - the embedded Azure's own address
        f"{azure.arm_endpoint}{identifier}?api-version=2022-07-01-preview",
        data=json.dumps(body).encode() if body else None,
        method=method,
        headers={"Authorization": f"Bearer {azure.token(_PORTAL)}"},
    )
    context = ssl.create_default_context(cafile=azure.ca_bundle)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    opener.open(request).close()
