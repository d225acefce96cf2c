"""An auditor's bundle: what was exempt on a day, who asked and approved, which run wrote it, with the evidence itself. Checkable
offline: its manifest names every file with its hash, and the whole archive has one form for one content.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler import __version__
from reconciler.arm.canonical import instant_text
from reconciler.catalog import Catalogue
from reconciler.documents.json_input import JsonInputError, read_json
from reconciler.documents.named_files import read_file
from reconciler.drift.as_of import RunWrite, writes_in_force, writes_of
from reconciler.model import JSON, Declaration, Settings
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.provenance import Commit, Step, StepKind
from reconciler.problems import UsageError
from reconciler.reports.escape import json_document
from reconciler.reports.spreadsheet import spreadsheet
from reconciler.repository.approval import requester
from reconciler.runs.loading import load_files

if TYPE_CHECKING:  # GitPython is slow to import
    from reconciler.repository.as_of import PastFiles

MANIFEST: Final = "manifest.json"
_FORMAT: Final = "1.0"
_LARGEST: Final = 1 << 30
_MAKE: Final = "make one with: exempt register --as-of DATE --bundle FILE"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_COLUMNS: Final = (
    "declaration", "exempts", "scopes", "category", "ends", "justification", "owner", "requestedBy", "ticket", "commit", "committed",
    "by", "pullRequest", "approvedBy", "exemption", "run", "runRevision", "runReadAzure",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """What to put together: the repository at `root` as of a moment, and the plans and outcomes of its runs in `artefacts`."""

    root: Path
    as_of: datetime
    artefacts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The archive's bytes, its `digest` (sha256, to be noted elsewhere), how many declarations were in force, and how many of
    those no artefact shows as written.
    """

    data: bytes
    digest: str
    declarations: int
    unwritten: int


def make_bundle(request: BundleRequest) -> Bundle:
    """Reads git and the artefacts; asks nobody.

    Raises:
        UsageError: nothing had been committed by then, or the declarations of then cannot be read.
        ReconcilerError: git or a file refuses.
    """
    from reconciler.repository import journals  # noqa: PLC0415 - GitPython is slow to import
    from reconciler.repository.as_of import files_as_of  # noqa: PLC0415 - likewise

    past = files_as_of(request.root, request.as_of)
    settings, declarations, catalogue = _load_as_of(past)
    declared = [d for d in declarations if d.enabled and not d.has_expired(request.as_of)]
    resolved = ResolvedDeclarations.of(declared, catalogue)
    artefacts = dict(_artefacts(request.artefacts)) if request.artefacts else {}
    writes = [write for name, data in artefacts.items() for write in writes_of(name, data)]
    in_force = writes_in_force(writes, request.as_of)
    steps = journals(request.root)
    rows = [
        row
        for declaration in resolved.declarations
        for row in _rows(
            declaration, resolved, steps.get(declaration.name, ()), in_force.get(declaration.name, ()), request.as_of
        )
    ]
    files = {
        "exempt.json": _exempt_json(settings, past.commit, request.as_of, rows),
        "exempt.csv": spreadsheet(_COLUMNS, rows).encode(),
        **{f"repository/{name}": content for name, content in past.files.items()},
        **{f"artefacts/{name}": data for name, data in artefacts.items()},
    }
    data = _archive(files)
    return Bundle(
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
        declarations=len(declared),
        unwritten=sum(declaration.name not in in_force for declaration in declared),
    )


def _load_as_of(past: PastFiles) -> tuple[Settings, tuple[Declaration, ...], Catalogue]:
    """The settings, the declarations and the catalogue that the files of a past commit come to.

    Raises:
        UsageError: this version cannot read the settings of then.
    """
    loaded, catalogue = load_files(past.files)
    if loaded.settings is None:
        raise UsageError(
            f"reconciler.yaml of {past.commit.sha[:12]} cannot be read by this version", "use the version of then"
        )
    return loaded.settings, loaded.declarations, catalogue


def _exempt_json(settings: Settings, commit: Commit, as_of: datetime, rows: Iterable[tuple[str, ...]]) -> bytes:
    """`exempt.json`: the rows as objects, below what they were read from."""
    fields: dict[str, JSON] = {
        "format_version": _FORMAT,
        "tool_version": __version__,
        "owner": settings.owner,
        "tenantId": settings.tenant_id,
        "asOf": instant_text(as_of),
        "commit": commit.sha,
        "committed": instant_text(commit.when),
        "exempt": [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
    }
    return json_document(fields).encode()


def _artefacts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every JSON file below a folder, by its path there."""
    if not folder.is_dir():
        raise UsageError(
            f"--artefacts: {str(folder)!r} is no folder", "name the folder with the kept plans and outcomes"
        )
    for path in sorted(folder.rglob("*.json")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), read_file(path, label="artefact", remedy=_MAKE, limit=_LARGEST)


def _rows(
    declaration: Declaration,
    resolved: ResolvedDeclarations,
    steps: tuple[Step, ...],
    writes: tuple[RunWrite, ...],
    moment: datetime,
) -> Iterator[tuple[str, ...]]:
    """One row for each exemption that the runs had written, or one without."""
    until = [step for step in steps if step.commit.when <= moment and step.kind is not StepKind.MOVED]
    last = until[-1] if until else None
    first = next((step for step in reversed(until) if step.kind is StepKind.ADDED), None)
    subject = resolved.subjects.get(declaration.name)
    shared = (
        declaration.name,
        subject.title if subject else declaration.subject.value,
        "\n".join(scope.text for scope in declaration.scopes),
        declaration.category.value,
        instant_text(declaration.expires_on) if declaration.expires_on else "never",
        declaration.justification,
        declaration.owner,
        declaration.requested_by or (requester(first.approval.author) if first else "") or declaration.owner,
        declaration.ticket,
        last.commit.sha if last else "",
        instant_text(last.commit.when) if last else "",
        last.approval.author if last else "",
        last.approval.pull_request if last else "",
        ", ".join(last.approval.approvers) if last else "",
    )
    for write in writes:
        yield (*shared, write.exemption, write.file, write.revision, instant_text(write.taken_at))
    if not writes:
        yield (*shared, "", "", "", "")


# --- the archive -------------------------------------------------------------------------------------------------


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file in which nothing but the files counts: sorted, stored, without dates."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = json.dumps({"format_version": _FORMAT, "files": hashes}, indent=2, ensure_ascii=True).encode() + b"\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((MANIFEST, manifest), *sorted(files.items())):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return out.getvalue()


_NO_ARCHIVE: Final = (
    zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, JsonInputError,
)  # fmt: skip
"""What reading an archive raises in which somebody changed a byte."""


def check_bundle(path: Path, digest: str | None) -> str:
    """Whether a bundle is as it was made; returns its digest. `digest` is the one that was noted then.

    Raises:
        UsageError: it is no bundle, or any byte of it differs.
    """
    data = read_file(path, label="bundle", remedy=_MAKE, limit=_LARGEST)
    actual = hashlib.sha256(data).hexdigest()
    if digest is not None and actual != digest.lower():
        raise UsageError(f"{path} has the digest {actual}, not {digest}", "it was changed, or is another bundle")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise zipfile.BadZipFile("a bundle compresses nothing")
            files = {name: archive.read(name) for name in archive.namelist()}
        manifest = read_json(files.pop(MANIFEST), origin=f"{path}: {MANIFEST}")
        hashes = {name: value.as_text() for name, value in manifest.member("files").entries()}
    except _NO_ARCHIVE as error:
        raise UsageError(f"{path} is no bundle: {str(error) or 'it ends too early'}", _MAKE) from None
    stored = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    wrong = [name for name in sorted(stored.keys() | hashes.keys()) if stored.get(name) != hashes.get(name)]
    if wrong:
        raise UsageError(f"{path}: {', '.join(wrong[:3])} is not what was put in", "it was changed: get the original")
    if _archive(files) != data:
        raise UsageError(
            f"{path}: the archive around the files is not as it was made", "it was changed: get the original"
        )
    return actual
