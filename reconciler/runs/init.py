"""Starts a repository of exemptions, or moves one to a newer version of the tool."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from reconciler.documents.json_input import JsonInput, read_json
from reconciler.model import GUID, ArmId, ScopeKind, first_few, parse_scope
from reconciler.problems import ReconcilerError, UsageError
from reconciler.repository.merging import Merged, blob_id, merge_text
from reconciler.repository.work_tree import open_work_tree, remote_of
from reconciler.runs.scaffold import MANIFEST, NO_TENANT, Part, Pin, Pipelines, Scaffold, pin_of

_FORMS: Final = {
    "owner": (r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", "letters, digits, dots, dashes and slashes, 100 at most"),
    "tenant": (GUID, "the tenant's GUID"),
    "team": (r"@[\w.-]+(/[\w.-]+)?", "@ORGANISATION/TEAM or @USER"),
}
"""The values that an option or an answer gives, as a pattern and in words."""

_SHOWN: Final = 10
_OTHER_README: Final = "EXEMPTIONS.md"
_THEIRS: Final = ("README.md", ".gitignore")
"""What an empty repository may have already; it stays as it is."""

_PEOPLES_OWN: Final = frozenset(
    {"reconciler.yaml", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitignore", "tenant.yaml", ".vscode/settings.json", ".vscode/extensions.json"}
)  # fmt: skip
"""What is written once and never touched again: people make it theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What to write into `folder`. `owner` defaults to the folder's name, `scopes` to the tenant's root group, `tool`
    (ORGANISATION/REPOSITORY@COMMIT, or an https address) to the tool that runs, `pipelines` to the system of the folder's
    remote, else GitHub. `parts` have runners and identities of their own. `demo_on`, today, adds the demo's declarations and its tenant file.
    """

    folder: Path
    tenant: str = NO_TENANT
    team: str = "@contoso/security-reviewers"
    owner: str | None = None
    scopes: tuple[ArmId, ...] = ()
    tool: str | None = None
    pipelines: Pipelines | None = None
    parts: tuple[Part, ...] = ()
    demo_on: date | None = None


def form_of(name: str, text: str) -> str:
    """What form the `owner`, `tenant` or `team` must have, in words; empty where the text has it."""
    pattern, form = _FORMS[name]
    return "" if re.fullmatch(pattern, text) else form


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRun:
    """The `files` of the new repository, by their paths relative to its folder, sorted, and those that this run has `written`:
    an earlier one may have left others, or all.
    """

    files: tuple[str, ...]
    written: tuple[str, ...]


def run(request: InitRequest) -> InitRun:
    """Writes every file that is not there yet.

    Raises:
        UsageError: an option does not have its form, or a file that it would write is there already and says something else.
        ReconcilerError: a file cannot be written.
    """
    scaffold, prepared_files = prepared(request)
    files = {
        **prepared_files,
        MANIFEST: _manifest(scaffold, prepared_files),
    }  # last: it says that all the others are there
    paths = {name: request.folder / name for name in files}
    new = {name: text for name, text in files.items() if not paths[name].exists() or _is_taken(paths[name], text)}
    _write(request.folder, new)
    return InitRun(files=tuple(files), written=tuple(new))


def prepared(request: InitRequest) -> tuple[Scaffold, Mapping[str, str]]:
    """What `run` would write; raises as it does, and writes nothing."""
    folder = request.folder
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is not a folder", "name a new folder, or an empty repository")
    scaffold = _scaffold(request)
    files = scaffold.files()
    # What people have in an empty repository already stays; our first steps then stand in a file of their own.
    theirs = {name for name in _THEIRS if (folder / name).exists() and _is_taken(folder / name, files[name])}
    renamed = {_OTHER_README if name == "README.md" in theirs else name: text for name, text in files.items()}
    files = dict(sorted((name, text) for name, text in renamed.items() if name not in theirs))
    taken = [name for name, text in files.items() if _is_taken(folder / name, text)]
    if taken:
        raise UsageError(
            f"{str(folder)!r} has files that would be overwritten: {first_few(taken, _SHOWN)}",
            "move them away, or name a new folder; to move a repository to this version of the tool: exempt init --upgrade",
        )
    return scaffold, files


def _is_taken(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") != text
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True


def _scaffold(request: InitRequest) -> Scaffold:
    owner = request.owner or request.folder.resolve().name
    for name, text in (("owner", owner), ("tenant", request.tenant), ("team", request.team)):
        if form := form_of(name, text):
            raise UsageError(f"--{name}: {text!r} is not of the form wanted", f"give {form}")
    pipelines = request.pipelines or Pipelines.at(remote_of(request.folder)) or Pipelines.GITHUB
    parts = request.parts
    if parts and pipelines not in {Pipelines.GITHUB, Pipelines.AZURE_DEVOPS}:
        raise UsageError(
            f"--part: the pipelines for {pipelines} run in one part",
            'leave it out, or write the jobs by hand (docs/operations.md, "Many subscriptions")',
        )
    for field, values in (("name", [part.name for part in parts]), ("scope", [part.scope.key for part in parts])):
        repeated = [value for value, times in Counter(values).items() if times > 1]
        if repeated:
            raise UsageError(f"--part: the {field} {repeated[0]} stands twice", "give each part its own")
    for part in parts:
        if part.scope.kind not in {ScopeKind.MANAGEMENT_GROUP, ScopeKind.SUBSCRIPTION}:
            raise UsageError(
                f"--part: {part.name} is a {part.scope.kind}, but lists are read by subscription",
                "name management groups and subscriptions",
            )
    return Scaffold(
        owner=owner,
        tenant=request.tenant,
        scopes=request.scopes or (root_group(request.tenant),),
        team=request.team,
        pipelines=pipelines,
        pin=pin_of(request.tool, pipelines),
        parts=parts,
        demo_on=request.demo_on,
    )


def root_group(tenant: str) -> ArmId:
    """The management group that every tenant has, above all others."""
    return parse_scope(f"/providers/Microsoft.Management/managementGroups/{tenant}")


# --- what was written, and what a newer version writes ------------------------------------------------------------


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            remedy = "make room or get the right to write there, and run this again: it goes on with what is there"
            raise ReconcilerError(f"{path} cannot be written: {error.strerror}", remedy) from error


def _manifest(scaffold: Scaffold, files: Mapping[str, str]) -> str:
    """What was written from which values, by the names under which git keeps the texts."""
    value = {
        "format_version": "1.0",
        "tool": {"version": scaffold.pin.version, "repository": scaffold.pin.address, "commit": scaffold.pin.commit},
        "values": {
            "owner": scaffold.owner,
            "tenant": scaffold.tenant,
            "scopes": [scope.text for scope in scaffold.scopes],
            "team": scaffold.team,
            "pipelines": scaffold.pipelines.value,
            "parts": {part.name: part.scope.text for part in scaffold.parts},
        },
        "files": {name: blob_id(text) for name, text in files.items()},
    }
    return json.dumps(value, indent=2) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What moving to a newer version did: files that were `written`, that were `merged` with what people had changed,
    that hold `conflicts` to settle, and that this version does not have any more (`obsolete`, left where they are).
    """

    pin: Pin
    written: tuple[str, ...]
    merged: tuple[str, ...]
    conflicts: tuple[str, ...]
    obsolete: tuple[str, ...]


def upgrade(folder: Path, *, tool: str | None, pipelines: Pipelines | None, parts: Sequence[Part] = ()) -> Upgraded:
    """Writes what this version generates over what an earlier one did, merged with what people changed since. `pipelines`
    and `parts` replace those of before.

    Raises:
        UsageError: `init` did not make this repository, or an option does not have its form.
        JsonInputError: its note of what it wrote is broken.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(
            f"{str(folder)!r} has no {MANIFEST}, so nothing says what 'exempt init' wrote there",
            "start a new repository beside it with 'exempt init', and copy exemptions/ and reconciler.yaml there",
        )
    manifest = read_json(path.read_bytes(), origin=str(path), remedy="restore it from git")
    manifest.check_format(document="note of exempt init", reads="1.0")
    values = manifest.member("values")
    scaffold = _scaffold(
        InitRequest(
            folder=folder,
            owner=values.member("owner").as_text(),
            tenant=values.member("tenant").as_text(),
            scopes=tuple(parse_scope(scope.as_text()) for scope in values.member("scopes").items()),
            team=values.member("team").as_text(),
            pipelines=pipelines or values.member("pipelines").as_choice(Pipelines),
            tool=tool,
            parts=tuple(parts) or _noted_parts(values),
        )
    )
    earlier = {name: blob.as_text() for name, blob in manifest.member("files").entries()}
    files = scaffold.files()
    if _OTHER_README in earlier:
        files = {_OTHER_README if name == "README.md" else name: text for name, text in files.items()}
    changes = {name: _renewed(folder, name, text, earlier.get(name)) for name, text in files.items()}
    note = _manifest(scaffold, files)
    notes = {MANIFEST: note} if _is_taken(path, note) else {}
    _write(folder, {**{name: merged.text for name, merged in changes.items() if merged is not None}, **notes})
    settled = [(name, merged) for name, merged in changes.items() if merged is not None and not merged.conflicts]
    return Upgraded(
        pin=scaffold.pin,
        written=(*notes, *(name for name, merged in settled if merged.text == files[name])),
        merged=tuple(name for name, merged in settled if merged.text != files[name]),
        conflicts=tuple(name for name, merged in changes.items() if merged is not None and merged.conflicts),
        obsolete=tuple(name for name in earlier if name not in files and (folder / name).exists()),
    )


def _noted_parts(values: JsonInput) -> tuple[Part, ...]:
    noted = values.optional("parts")
    entries = noted.entries() if noted else ()
    return tuple(Part(name=name, scope=parse_scope(scope.as_text())) for name, scope in entries)


def _renewed(folder: Path, name: str, text: str, earlier: str | None) -> Merged | None:
    """What a file becomes; None where it stays as it is: it says the same, people made it theirs, or they removed it."""
    try:
        current = (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None if earlier else Merged(text=text, conflicts=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}", "restore it from git") from None
    if current == text or name in _PEOPLES_OWN:
        return None
    if earlier == blob_id(current):
        return Merged(text=text, conflicts=False)
    return merge_text(open_work_tree(folder), earlier or "", ours=current, theirs=text)
