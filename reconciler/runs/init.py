"""A new repository of exemptions: settings, folders, schemas, workflows, code owners and first steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler import package_data
from reconciler.documents.scalar_text import quoted
from reconciler.model import GUID, ArmId, parse_scope
from reconciler.problems import UsageError

NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"
_GUID: Final = re.compile(GUID)
_TOOL: Final = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
_REMOTE: Final = re.compile(r".*github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_TEAM: Final = re.compile(r"@[\w.-]+(/[\w.-]+)?")
_SCHEMAS: Final = ("exemption", "reconciler", "catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What to write into `folder`. `owner` defaults to the folder's name, `scopes` to the tenant's root group, `tool`
    (ORGANISATION/REPOSITORY@COMMIT) to the checkout that runs.
    """

    folder: Path
    tenant: str = NO_TENANT
    team: str = "@contoso/security-reviewers"
    owner: str | None = None
    scopes: tuple[ArmId, ...] = ()
    tool: str | None = None


def run(request: InitRequest) -> tuple[str, ...]:
    """Writes every file and returns their paths, relative to the folder and sorted.

    Raises:
        UsageError: an option does not have its form, or the folder is not empty.
    """
    values = _values(request)
    folder = request.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{str(folder)!r} exists and is not an empty folder", "name a new one")
    contents = _contents(values)
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return tuple(sorted(contents))


def _values(request: InitRequest) -> dict[str, str]:
    """What the templates leave open."""
    owner = request.owner or request.folder.resolve().name
    tool, commit = _tool(request.tool)
    for text, pattern, option, form in (
        (owner, _OWNER, "--owner", "letters, digits, dots, dashes and slashes, 100 at most"),
        (request.tenant, _GUID, "--tenant", "the tenant's GUID"),
        (request.team, _TEAM, "--team", "@ORGANISATION/TEAM or @USER"),
    ):
        if not pattern.fullmatch(text):
            raise UsageError(f"{option}: {text!r} is not of the form wanted", f"give {form}")
    root_group = f"/providers/Microsoft.Management/managementGroups/{request.tenant}"
    scopes = request.scopes or (parse_scope(root_group),)
    return {
        "OWNER": owner,
        "TENANT": request.tenant,
        "SCOPES": "\n".join(f"  - {quoted(scope.text)}" for scope in scopes),
        "TEAM": request.team.removeprefix("@"),
        "ACTION": f"{tool}@{commit}",
        "URL": f"https://github.com/{tool}",
        "COMMIT": commit,
    }


def _tool(text: str | None) -> tuple[str, str]:
    """ORGANISATION/REPOSITORY and commit of the tool, as told, or of the checkout that runs."""
    if text is not None:
        match = _TOOL.fullmatch(text)
        if not match:
            raise UsageError(
                f"--tool: {text!r} is not ORGANISATION/REPOSITORY@COMMIT", "give all 40 digits of the commit"
            )
        return match["name"], match["commit"]
    from reconciler.repository import origin  # noqa: PLC0415 - GitPython is slow to import

    root = Path(package_data.__file__).resolve().parent.parent
    checkout = origin(root) if (root / ".git").exists() else None
    remote = _REMOTE.fullmatch(checkout.remote) if checkout else None
    if checkout is None or remote is None:
        raise UsageError(
            "this tool does not run from a checkout of a repository on GitHub, so its place is not known",
            "add --tool ORGANISATION/REPOSITORY@COMMIT, which the new repository will pin",
        )
    return remote["name"], checkout.commit


def _contents(values: dict[str, str]) -> dict[str, str]:
    """The text of every template and schema by its path in the new repository."""
    source = package_data.templates() / "repository"
    contents = {}
    for path in source.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for name, value in values.items():
                text = text.replace(f"@@{name}@@", value)
            contents[path.relative_to(source).as_posix()] = text
    for schema in _SCHEMAS:
        contents[f"schemas/{schema}.schema.json"] = package_data.schema_path(schema).read_text(encoding="utf-8")
    return contents
