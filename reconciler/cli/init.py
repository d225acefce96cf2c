"""Start a repository of exemptions that uses this tool at a pinned commit, so that a pull request cannot change what
judges it: settings, folders, schemas, workflows, code owners and first steps.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler import shipped
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.terminal import say, write
from reconciler.model import ArmId
from reconciler.problems import UsageError

_NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TOOL: Final = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
_REMOTE: Final = re.compile(r".*github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_TEAM: Final = re.compile(r"@[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Tool:
    """Where this tool comes from: `name` is ORGANISATION/REPOSITORY on GitHub."""

    name: str
    commit: str

    @property
    def url(self) -> str:
        """The address that git clones."""
        return f"https://github.com/{self.name}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt init`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")
    parser.add_argument("--owner", metavar="NAME", help="the id written on each exemption (default: the folder's name)")
    parser.add_argument(
        "--tenant", default=_NO_TENANT, metavar="GUID", help="the tenant (default: zeros, to be filled in)"
    )
    parser.add_argument(
        "--scope",
        type=common.scope_argument,
        action="append",
        metavar="ID",
        help="a managed root, may be repeated (default: the tenant's root group)",
    )
    parser.add_argument("--team", default="@contoso/security-reviewers", metavar="@ORG/TEAM", help="who must approve")
    parser.add_argument(
        "--tool", metavar="ORG/REPO@COMMIT", help="where this tool comes from (default: the checkout that runs)"
    )


def run(args: argparse.Namespace) -> int:
    """Check the options, write the files, say what to do next."""
    values = _values(args)
    folder: Path = args.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{str(folder)!r} exists and is not an empty folder", "name a new one")
    written = sorted(_write(folder, values))
    write("\n".join(written))
    say(
        f"{len(written)} files in {folder}; {folder / 'README.md'} says what to do next, "
        f"'exempt validate --root {folder}' checks it"
    )
    return Exit.DONE


def _values(args: argparse.Namespace) -> dict[str, str]:
    """What the templates leave open."""
    owner = args.owner or args.folder.resolve().name
    tool = _tool(args.tool)
    for given, pattern, option, form in (
        (owner, _OWNER, "--owner", "letters, digits, dots, dashes and slashes, 100 at most"),
        (args.tenant, _GUID, "--tenant", "the tenant's GUID"),
        (args.team, _TEAM, "--team", "@ORGANISATION/TEAM or @USER"),
    ):
        if not pattern.fullmatch(given):
            raise UsageError(f"{option}: {given!r} is not of the form wanted", f"give {form}")
    scopes: list[ArmId] = args.scope or [
        common.scope_argument(f"/providers/Microsoft.Management/managementGroups/{args.tenant}")
    ]
    return {
        "OWNER": owner,
        "TENANT": args.tenant,
        "SCOPES": "\n".join(f"  - {json.dumps(scope.text, ensure_ascii=False)}" for scope in scopes),
        "TEAM": args.team.removeprefix("@"),
        "ACTION": f"{tool.name}@{tool.commit}",
        "URL": tool.url,
        "COMMIT": tool.commit,
    }


def _tool(text: str | None) -> Tool:
    """The tool as told, or the checkout that runs.

    Raises:
        UsageError: it is not told, and this is no checkout of a repository on GitHub.
    """
    if text is not None:
        found = _TOOL.fullmatch(text)
        if not found:
            raise UsageError(
                f"--tool: {text!r} is not ORGANISATION/REPOSITORY@COMMIT", "give all 40 digits of the commit"
            )
        return Tool(found["name"], found["commit"])
    root = Path(shipped.__file__).resolve().parent.parent
    remote, commit = _git(root, "remote", "get-url", "origin"), _git(root, "rev-parse", "HEAD")
    found = _REMOTE.fullmatch(remote)
    if not found or not commit:
        raise UsageError(
            "this tool does not run from a checkout of a repository on GitHub, so its place is not known",
            "add --tool ORGANISATION/REPOSITORY@COMMIT, which the new repository will pin",
        )
    return Tool(found["name"], commit)


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - constant commands
            ["git", *arguments],  # noqa: S607 - the git of the PATH
            cwd=root,
            check=False,
            capture_output=True,
            text=True,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _write(folder: Path, values: dict[str, str]) -> list[str]:
    """Writes every template and the schemas; returns their paths."""
    source = shipped.templates() / "repository"
    written = []
    for path in sorted(source.rglob("*")):
        if path.is_file():
            name = path.relative_to(source)
            _put(folder / name, _filled(path.read_text(encoding="utf-8"), values))
            written.append(name.as_posix())
    for schema in ("exemption", "reconciler", "catalog"):
        name = Path("schemas") / f"{schema}.schema.json"
        _put(folder / name, shipped.schema_path(schema).read_text(encoding="utf-8"))
        written.append(name.as_posix())
    return written


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@@{name}@@", value)
    return text


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
