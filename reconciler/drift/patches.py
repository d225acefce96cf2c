"""Remedies that are edits of a declaration, as patches that `git apply` takes.

A patch is offered only where the file's own text shows which line it is about; everything else stays a sentence.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from reconciler.drift.inputs import DriftInputs
from reconciler.drift.proposals import DeclarationProposals
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Declaration, arm_id
from reconciler.planning.descriptions import where_made
from reconciler.planning.marks import owners
from reconciler.planning.values import Finding

Read = Callable[[str], str]
"""The text of a declaration's file by its repository-relative path; empty where it cannot be read."""

_SCALAR: Final = r"^(\s*{name}\s*:\s*)(\"[^\"]*\"|'[^']*'|[^\s#'\"|>][^#]*?)(\s*(?:#.*)?)$"
_ITEM: Final = re.compile(r"\s*-\s+(['\"]?)(/[^'\"]*?)\1\s*(?:\s#.*)?")
_ACCEPTABLE: Final = {"expiresOn": "expiresOn", "exemptionCategory": "category"}


def with_patches(findings: Iterable[Finding], inputs: DriftInputs, read: Read) -> tuple[Finding, ...]:
    """The findings, those that an edit settles with the edit as `patch`."""
    findings = tuple(findings)
    proposals = DeclarationProposals(inputs)
    shadows = {finding.subject.key for finding in findings if finding.kind is FindingKind.SHADOWED}
    return tuple(
        _imported(finding, inputs, None if finding.subject.key in shadows else proposals)
        if finding.kind is FindingKind.UNMANAGED and finding.declaration is None
        else _patched(finding, inputs, read)
        for finding in findings
    )


def _imported(finding: Finding, inputs: DriftInputs, proposals: DeclarationProposals | None) -> Finding:
    """With a new file that declares what somebody made by hand; without `proposals`, or where none fits, with words."""
    existing = inputs.existing(finding.subject)
    if existing is None:
        return finding
    proposal = proposals.of(existing) if proposals else None
    if proposal is None and proposals and proposals.is_refused(existing):
        remedy = f"remove it {where_made(existing)}, since the rules of reconciler.yaml refuse to declare it"
        return replace(finding, remedy=remedy)
    if proposal is None:
        return replace(finding, remedy=f"declare it, or remove it {where_made(existing)}")
    lines = proposal.text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    patch = f"--- /dev/null\n+++ b/{proposal.path}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    notes = f" ({'; '.join(proposal.notes)})" if proposal.notes else ""
    remedy = f"declare it, as the patch does{notes}, and apply; or remove it {where_made(existing)}"
    return replace(finding, remedy=remedy, evidence=replace(finding.evidence, patch=patch))


def _patched(finding: Finding, inputs: DriftInputs, read: Read) -> Finding:
    declaration = inputs.declaration(finding.declaration)
    edit = _EDITS.get(finding.kind)
    if declaration is None or edit is None:
        return finding
    if finding.kind is FindingKind.RESOURCE_GONE and len(declaration.scopes) == 1:
        removal = f"git rm {shlex.quote(declaration.source.file)}, since it declares nothing else"
        is_question = inputs.snapshot.similar.get(finding.subject.key)
        remedy = finding.remedy.partition("?")[0] + f"? Else {removal}" if is_question else removal
        return replace(finding, remedy=f"{remedy}; or restore the resource")
    old = read(declaration.source.file)
    new = edit(finding, declaration, inputs, old) if old else old
    if new == old:
        return finding
    if finding.kind is FindingKind.MODIFIED:
        finding = replace(
            finding, remedy=f"{finding.remedy.split(';')[0]}; to keep what Azure has, apply the patch instead"
        )
    file, before, after = declaration.source.file, old.splitlines(keepends=True), new.splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, f"a/{file}", f"b/{file}")
    patch = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return replace(finding, evidence=replace(finding.evidence, patch=patch))


# --- edits -------------------------------------------------------------------------------------------------------


def _without_scope(finding: Finding, declaration: Declaration, inputs: DriftInputs, text: str) -> str:  # noqa: ARG001
    """Takes the line of one scope out of a block list of several."""
    lines = text.splitlines(keepends=True)
    for index, scope in enumerate(declaration.scopes):
        number = declaration.place(f"scopes.{index}").line - 1
        item = _ITEM.fullmatch(lines[number].rstrip("\r\n")) if number < len(lines) else None
        if scope == finding.subject and item is not None and arm_id(item[2]) == scope:
            return "".join(lines[:number] + lines[number + 1 :])
    return text


def _with_take_over(finding: Finding, declaration: Declaration, inputs: DriftInputs, text: str) -> str:
    existing = inputs.existing(finding.subject)
    names = owners(existing) if existing else ()
    if not names or declaration.take_over is not None or not re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", names[0]):
        return text
    return _appended(text, f"takeOver: {names[0]}")


def _with_adopt(finding: Finding, declaration: Declaration, inputs: DriftInputs, text: str) -> str:  # noqa: ARG001
    blocks = finding.evidence.aspect == HeldCause.NOT_ADOPTABLE.value and not declaration.adopt
    return _appended(text, "adopt: true") if blocks else text


def _accepted(finding: Finding, declaration: Declaration, inputs: DriftInputs, text: str) -> str:  # noqa: ARG001
    """Takes over what Azure has, where only fields differ that stand on one line each."""
    lines = text.splitlines(keepends=True)
    for difference in finding.evidence.changed:
        name = _ACCEPTABLE.get(difference.path)
        place = declaration.places.get(name) if name else None
        if name is None or place is None or not difference.existing or place.line > len(lines):
            return text
        line = lines[place.line - 1]
        scalar = re.fullmatch(_SCALAR.format(name=name), line.rstrip("\r\n"))
        if scalar is None:
            return text
        ending = line[len(line.rstrip("\r\n")) :]
        # as a person would write it: the date alone where it is valid through that day
        value = str(difference.existing).removesuffix("T23:59:59Z")
        lines[place.line - 1] = f"{scalar[1]}{value}{scalar[3]}{ending}"
    return "".join(lines)


def _appended(text: str, line: str) -> str:
    return f"{text if text.endswith(chr(10)) else text + chr(10)}{line}\n"


_EDITS: Final[dict[FindingKind, Callable[[Finding, Declaration, DriftInputs, str], str]]] = {
    FindingKind.RESOURCE_GONE: _without_scope,
    FindingKind.FOREIGN_OWNER: _with_take_over,
    FindingKind.HELD: _with_adopt,
    FindingKind.MODIFIED: _accepted,
}
