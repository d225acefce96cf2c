"""Rows of other tools' files into declarations: one each, or why not. Each field is said as a declaration says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.arm.canonical import category, folded_selectors, validation
from reconciler.arm.objects import decode_selectors
from reconciler.arm.shapes import ShapeError
from reconciler.catalog.facts import policy_id
from reconciler.documents.characters import without_invisible
from reconciler.importing.attributes import NO_REASON, cleaned, name_text, ticket_in, user_metadata
from reconciler.importing.dates import end_of
from reconciler.importing.naming import DEFAULT_FOLDER, named
from reconciler.importing.row_rules import OWN_NOTE, RowRules, own_note
from reconciler.importing.row_scopes import scopes_of
from reconciler.importing.row_subjects import restored, subject_of
from reconciler.importing.rows import ForeignRow, Parsed, RowError, refused, text_of
from reconciler.importing.text import declaration_text
from reconciler.importing.values import Import, ImportedFile, ImportRow, Outcome
from reconciler.model import (
    Category,
    Declaration,
    ResourceSelector,
    Source,
    SubjectKind,
)

_CATEGORIES: Final = frozenset(item.value for item in Category)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImport:
    """An import of rows; `needs_azure` says that more of them could be with a snapshot."""

    imported: Import
    needs_azure: bool


def import_rows(
    rows: Sequence[Parsed],
    rules: RowRules,
    existing: Sequence[Declaration],
    names: Iterable[str],
    folder: str = DEFAULT_FOLDER,
) -> RowImport:
    """A declaration and a line of the report for each row. `existing` is what the repository declares already."""
    report: list[ImportRow | None] = []
    drafts: list[tuple[int, ForeignRow, Declaration, list[str]]] = []
    meanings = {_meaning(declaration): declaration for declaration in existing}
    first_rows: dict[object, str] = {}
    needs_azure = False
    for position, row in enumerate(rows):
        report.append(None)
        if isinstance(row, ImportRow):
            report[position] = row
            continue
        notes = list(row.notes)
        try:
            draft = _declared(row, rules, notes)
        except RowError as error:
            needs_azure |= error.needs_azure
            report[position] = refused(row.source, row.name, error.message, error.remedy)
            continue
        report[position] = _repeated(row, draft, meanings, first_rows)
        if report[position] is None:
            first_rows[_meaning(draft)] = row.source
            drafts.append((position, row, draft, notes))
    files = _named_files(drafts, rules, names, folder)
    for (position, row, _, notes), file in zip(drafts, files, strict=True):
        name = file.declaration.name
        if row.name and name != row.name:
            notes.append(f"its name {row.name!r} became {name!r}")
        title = row.display_name or row.name
        report[position] = ImportRow(
            source=row.source, title=title, outcome=Outcome.IMPORTED, declaration=name, notes=tuple(notes)
        )
    imported = Import(
        files=tuple(sorted(files, key=lambda file: file.path)), rows=tuple(line for line in report if line is not None)
    )
    return RowImport(imported=imported, needs_azure=needs_azure)


def _named_files(
    drafts: Sequence[tuple[int, ForeignRow, Declaration, list[str]]], rules: RowRules, names: Iterable[str], folder: str
) -> list[ImportedFile]:
    """The files of the drafts, in their order."""
    titles = [
        (draft, text_of(own_note(row).get("declaration")) or row.name or row.display_name)
        for _, row, draft, _ in drafts
    ]
    places = rules.snapshot.names if rules.snapshot else {}
    recommendations = rules.catalogue.recommendations
    files = []
    for declaration in named(titles, names, folder, places):
        subject = declaration.subject
        comments = {value: recommendations[value].title for value in subject.values if value in recommendations}
        if subject.kind is SubjectKind.POLICY and (policy := rules.catalogue.policy(policy_id(subject.value))):
            comments[subject.value] = policy.title
        files.append(ImportedFile(declaration=declaration, text=declaration_text(declaration, comments)))
    return files


def _repeated(
    row: ForeignRow, draft: Declaration, existing: Mapping[object, Declaration], first_rows: Mapping[object, str]
) -> ImportRow | None:
    """The line of a row that means what a declaration, or an earlier row, means already."""
    meaning = _meaning(draft)
    base = ImportRow(source=row.source, title=row.display_name or row.name, outcome=Outcome.DECLARED)
    if (declared := existing.get(meaning)) is not None:
        message = f"the declaration {declared.name!r} means the same"
        return replace(base, declaration=declared.name, message=message)
    if (earlier := first_rows.get(meaning)) is not None:
        message = f"{earlier} means the same at the same scopes"
        if own_note(row):  # one declaration of several policies was exported as several rows
            return replace(base, outcome=Outcome.DUPLICATE, message=message)
        return replace(base, outcome=Outcome.REFUSED, message=message, remedy="leave one of the two in the file")
    return None


def _meaning(declaration: Declaration) -> object:
    """What is exempted, and where: equal for two declarations that would want the same."""
    subject = declaration.subject
    return (
        subject.kind,
        tuple(sorted(value.lower() for value in subject.values)),
        tuple(sorted(reference.lower() for reference in subject.reference_ids)),
        tuple(sorted(scope.key for scope in declaration.scopes)),
        repr(folded_selectors(declaration.selectors)),
    )


# --- one row -----------------------------------------------------------------------------------------------------


def _declared(row: ForeignRow, rules: RowRules, notes: list[str]) -> Declaration:
    if category(row.category) not in _CATEGORIES:
        raise RowError(f"its category is {row.category!r}", "write Waiver or Mitigated")
    expires_on, note = end_of(row.expires_on, rules.date_order)
    notes += [note] if note else []
    justification = cleaned(row.description)[:512].strip()
    if len(cleaned(row.description)) > 512:
        notes.append("its description was cut to the 512 characters that Azure holds")
    if not justification:
        notes.append("it has no description: write why it is acceptable")
    requested_by = name_text(row.metadata.get("requestedBy"))
    own = own_note(row)
    owner = name_text(own.get("owner")) or requested_by or name_text(row.metadata.get("owner")) or rules.owner
    if owner == "unknown":
        notes.append("it names nobody who answers for the risk: write an owner")
    if any(key in row.metadata for key in ("pacOwnerId", "deployedBy", "epacMetadata")):
        notes.append("EPAC's own keys of its metadata were left out")
    is_default = validation(row.validation) != "DoNotValidate"
    subject = restored(subject_of(row, rules, notes), own, rules, notes)
    if not is_default and subject.kind is not SubjectKind.ASSIGNMENT:
        notes.append("DoNotValidate means nothing without an assignment and was left out")
        is_default = True
    return Declaration(
        name="",
        subject=subject,
        scopes=tuple({scope.key: scope for scope in scopes_of(row, rules, notes)}.values()),
        category=Category(category(row.category)),
        justification=justification or NO_REASON,
        owner=owner,
        source=Source(""),
        display_name=without_invisible(text_of(own["displayName"]) if "displayName" in own else row.display_name)[
            :128
        ].strip(),
        expires_on=expires_on,
        ticket=text_of(own.get("ticket")) or ticket_in({} if own else row.metadata),
        requested_by=name_text(own.get("requestedBy")),
        selectors=_selectors(row),
        validate_scope=is_default,
        metadata=user_metadata({key: value for key, value in row.metadata.items() if key != OWN_NOTE}),
        adopt=(rules.adopt or own.get("adopt") is True) and rules.take_over is None,
        take_over=rules.take_over or text_of(own.get("takeOver")) or None,
    )


def _selectors(row: ForeignRow) -> tuple[ResourceSelector, ...]:
    try:
        return decode_selectors({"resourceSelectors": list(row.selectors)})
    except ShapeError as error:
        raise RowError(f"its resourceSelectors: {error}", "correct them in the file") from None
