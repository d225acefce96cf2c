"""Rows of other tools' files into declarations: one each, or why not. Each field is said as a declaration says it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.arm.canonical import category, folded_selectors, validation
from reconciler.arm.objects import decode_selectors
from reconciler.arm.shapes import ShapeError
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import INITIATIVE_PREFIX, POLICY_PREFIX, Obstacle, initiative_id, policy_id
from reconciler.documents.characters import without_invisible
from reconciler.importing.attributes import NO_REASON, cleaned, name_text, ticket_in, user_metadata
from reconciler.importing.dates import DateOrder, end_of
from reconciler.importing.naming import DEFAULT_FOLDER, named
from reconciler.importing.rows import ForeignRow, Parsed, RowError, refused, text_of, texts_of
from reconciler.importing.text import declaration_text
from reconciler.importing.values import Import, ImportedFile, ImportRow, Outcome
from reconciler.model import (
    JSON,
    ArmId,
    Category,
    Declaration,
    Member,
    ResourceSelector,
    Snapshot,
    Source,
    Subject,
    SubjectKind,
    arm_id,
    parse_object,
    parse_scope,
)

OWN_NOTE: Final = "exempt"
"""The key of metadata under which `exempt export` notes what EPAC has no word for."""
_CATEGORIES: Final = frozenset(item.value for item in Category)
_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9()._-]{1,90}")
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATTERN: Final = "/subscriptions/subscriptionspattern/"
_NEED: Final = "log in, or add --snapshot FILE, so that Azure can be asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """How rows are read: `owner` answers for what names nobody; `take_over` and `adopt` are written into every
    declaration; `as_recommendation` says policies by the recommendation behind them. `snapshot` is what Azure holds,
    where it was read.
    """

    catalogue: Catalogue
    owner: str = "unknown"
    date_order: DateOrder | None = None
    take_over: str | None = None
    adopt: bool = False
    as_recommendation: bool = False
    snapshot: Snapshot | None = None


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
    titles = [
        (draft, text_of(own_note(row).get("declaration")) or row.name or row.display_name)
        for _, row, draft, _ in drafts
    ]
    places = rules.snapshot.names if rules.snapshot else {}
    files = []
    for (position, row, _, notes), declaration in zip(drafts, named(titles, names, folder, places), strict=True):
        text = declaration_text(declaration, _titles(declaration, rules.catalogue))
        files.append(ImportedFile(declaration=declaration, text=text))
        if row.name and declaration.name != row.name:
            notes.append(f"its name {row.name!r} became {declaration.name!r}")
        report[position] = ImportRow(
            source=row.source,
            title=row.display_name or row.name,
            outcome=Outcome.IMPORTED,
            declaration=declaration.name,
            notes=tuple(notes),
        )
    imported = Import(
        files=tuple(sorted(files, key=lambda file: file.path)), rows=tuple(line for line in report if line is not None)
    )
    return RowImport(imported=imported, needs_azure=needs_azure)


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


def _titles(declaration: Declaration, catalogue: Catalogue) -> dict[str, str]:
    """Titles behind what the subject names by an id."""
    subject = declaration.subject
    known = catalogue.recommendations
    titles = {value: known[value].title for value in subject.values if value in known}
    if subject.kind is SubjectKind.POLICY and (policy := catalogue.policy(policy_id(subject.value))):
        titles[subject.value] = policy.title
    return titles


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
    subject = _restored(_subject(row, rules, notes), own, rules, notes)
    if not is_default and subject.kind is not SubjectKind.ASSIGNMENT:
        notes.append("DoNotValidate means nothing without an assignment and was left out")
        is_default = True
    return Declaration(
        name="",
        subject=subject,
        scopes=tuple({scope.key: scope for scope in _scopes(row, rules, notes)}.values()),
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


def own_note(row: ForeignRow) -> Mapping[str, JSON]:
    """What `exempt export` noted in a row beside what EPAC can say; empty in other rows."""
    note = row.metadata.get(OWN_NOTE)
    return note if isinstance(note, dict) else {}


def _restored(subject: Subject, own: Mapping[str, JSON], rules: RowRules, notes: list[str]) -> Subject:
    """The subject as it was declared before an export, if it still means what the row says."""
    if references := texts_of(own.get("referenceIds")):
        subject = replace(subject, reference_ids=references)
    text = text_of(own.get("subject"))
    full_id = policy_id if subject.kind is SubjectKind.POLICY else initiative_id
    if text and full_id(text) == full_id(subject.value):
        return replace(subject, value=text)
    if subject.kind is not SubjectKind.POLICY or not (named_by := texts_of(own.get("recommendations"))):
        return subject
    policies = {policy for name in named_by for item in rules.catalogue.find(name) for policy in item.policies}
    if policy_id(subject.value) not in policies:
        notes.append("its note names recommendations that do not rest on its policy, and was left out")
        return subject
    return Subject(kind=SubjectKind.RECOMMENDATION, value=named_by[0], further=named_by[1:])


def _selectors(row: ForeignRow) -> tuple[ResourceSelector, ...]:
    try:
        return decode_selectors({"resourceSelectors": list(row.selectors)})
    except ShapeError as error:
        raise RowError(f"its resourceSelectors: {error}", "correct them in the file") from None


# --- scopes ------------------------------------------------------------------------------------------------------


def _scopes(row: ForeignRow, rules: RowRules, notes: list[str]) -> Iterator[ArmId]:
    if not row.scopes:
        raise RowError("it names no scope", "fill in scope or scopes")
    for text in row.scopes:
        label, separator, rest = text.partition(":")
        scope = rest.strip() if separator and "/" not in label and rest.strip().startswith("/") else text
        if "*" in scope or scope.lower().startswith(_PATTERN):
            yield from _matching(scope, rules, notes)
        else:
            yield _scope(scope, rules, notes)


def _scope(text: str, rules: RowRules, notes: list[str]) -> ArmId:
    if "/" not in text and _GROUP_NAME.fullmatch(text):
        return _bare_scope(text, rules, notes)
    if not text.startswith("/") and text.lower().startswith(("subscriptions/", "providers/")):
        notes.append(f"a slash was put before {text!r}")
        text = f"/{text}"
    try:
        return parse_scope(text)
    except ValueError as error:
        raise RowError(f"its scope {text!r} is {error}", "correct it in the file") from None


def _bare_scope(text: str, rules: RowRules, notes: list[str]) -> ArmId:
    """A management group by its name; a GUID may be a subscription as well, which only Azure knows."""
    group, subscription = arm_id(_GROUPS + text), arm_id(f"/subscriptions/{text}")
    known = {scope.key for scope in rules.snapshot.expected} if rules.snapshot else set()
    found = group if group.key in known else subscription if subscription.key in known else None
    if found is None and _GUID.fullmatch(text):
        message = f"its scope {text!r} may be a subscription or a management group"
        raise RowError(message, "write the whole id", needs_azure=rules.snapshot is None)
    found = found or group
    notes.append(f"its scope {text!r} was taken as {found}")
    return found


def _matching(pattern: str, rules: RowRules, notes: list[str]) -> list[ArmId]:
    """The subscriptions and management groups that a wildcard means today."""
    snapshot = rules.snapshot
    if snapshot is None:
        raise RowError(f"its scope {pattern!r} is a wildcard", _NEED, needs_azure=True)
    folded = pattern.lower()
    if folded.startswith(_PATTERN):
        glob = folded.removeprefix(_PATTERN)
        found = [
            scope
            for scope in snapshot.expected
            if scope.subscription and fnmatch.fnmatchcase(snapshot.names.get(scope.key, "").lower(), glob)
        ]
    else:
        found = [scope for scope in snapshot.expected if fnmatch.fnmatchcase(scope.key, folded)]
    if not found:
        raise RowError(f"nothing matches its scope {pattern!r}", "correct it in the file")
    notes.append(
        f"its wildcard {pattern!r} was written out: {len(found)} scopes match it today, later ones do not count"
    )
    return sorted(found)


# --- subjects ----------------------------------------------------------------------------------------------------


def _subject(row: ForeignRow, rules: RowRules, notes: list[str]) -> Subject:
    if row.assignment:
        return _assignment_subject(row, rules, notes)
    if row.initiative:
        identifier = _definition(row.initiative, INITIATIVE_PREFIX, rules, notes)
        references = _references(row, _members_of(identifier, rules), rules, notes)
        return Subject(
            kind=SubjectKind.INITIATIVE, value=_shortest(identifier, INITIATIVE_PREFIX), reference_ids=references
        )
    if row.references:
        raise RowError("reference ids stand beside a policy, which has none", "leave them out, or name the assignment")
    identifier = _definition(row.policy, POLICY_PREFIX, rules, notes)
    if rules.as_recommendation and (named_by := _recommendations({identifier.key}, rules)):
        return named_by
    return Subject(kind=SubjectKind.POLICY, value=_shortest(identifier, POLICY_PREFIX))


def _assignment_subject(row: ForeignRow, rules: RowRules, notes: list[str]) -> Subject:
    identifier = _assignment_id(row, notes)
    if rules.snapshot and identifier.key in rules.snapshot.gone:
        notes.append("Azure has no such assignment any more")
    initiative = rules.snapshot.initiatives.get(identifier.key) if rules.snapshot else None
    assignment = rules.snapshot.assignments.get(identifier.key) if rules.snapshot else None
    members = initiative.members if initiative else None
    if assignment is not None and not assignment.is_initiative:
        if row.references:
            notes.append("a single policy is assigned, so its reference ids were left out")
        policies = {assignment.definition.key}
        references: tuple[str, ...] = ()
    else:
        references = _references(row, members, rules, notes)
        folded = {reference.lower() for reference in references}
        policies = {member.definition.key for member in members or () if member.reference_id.lower() in folded}
        if not references:
            notes.append("it names no reference ids: everything in the assignment is meant")
    if rules.as_recommendation and assignment is None:
        raise RowError("what its assignment holds is not known", _NEED, needs_azure=rules.snapshot is None)
    if rules.as_recommendation and (named_by := _recommendations(policies, rules)):
        notes.append("said by its recommendation, it fans out: 'exempt plan' shows what that adds")
        return named_by
    if rules.as_recommendation:
        notes.append("no recommendation is behind exactly its policies, so it is said by its assignment")
    return Subject(kind=SubjectKind.ASSIGNMENT, value=identifier.text, reference_ids=references)


def _assignment_id(row: ForeignRow, notes: list[str]) -> ArmId:
    text = row.assignment if row.assignment.startswith("/") else f"/{row.assignment}"
    if text != row.assignment:
        notes.append("a slash was put before its assignment's id")
    try:
        identifier = parse_object(text)
    except ValueError as error:
        raise RowError(f"its assignment {row.assignment!r} is {error}", "write the whole id") from None
    if "/policyassignments/" not in identifier.key:
        raise RowError(f"{row.assignment!r} is no policy assignment", "write the id of one")
    return identifier


def _recommendations(policies: set[str], rules: RowRules) -> Subject | None:
    """The recommendations behind all of these policies, which mean no others."""
    if not policies:
        return None
    keys: dict[str, None] = {}
    for policy in sorted(policies):
        fitting = [
            recommendation
            for recommendation in rules.catalogue.resting_on(ArmId(policy, policy))
            if recommendation.exemptable
            and Obstacle.RETIRED not in recommendation.obstacles
            and {item.key for item in recommendation.policies} <= policies
        ]
        if not fitting:
            return None
        keys[fitting[0].key] = None
    first, *further = sorted(keys)
    return Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))


def _definition(text: str, prefix: str, rules: RowRules, notes: list[str]) -> ArmId:
    """The full id of a definition that is given in full, without its first slash, by name, or as the path of its file."""
    kind = prefix.strip("/").rsplit("/", 1)[-1]
    lowered = text.lower()
    if not text.startswith("/") and lowered.startswith(("providers/", "subscriptions/")):
        notes.append(f"a slash was put before {text!r}")
        text, lowered = f"/{text}", f"/{lowered}"
    if text.startswith("/") and f"/{kind.lower()}/" in lowered and "/providers/" in lowered:
        try:
            return parse_object(text)
        except ValueError as error:
            raise RowError(f"{text!r} is {error}", "correct it in the file") from None
    name = re.sub(r"\.jsonc?$", "", re.split(r"[/\\]", text)[-1], flags=re.IGNORECASE)
    known = (
        rules.catalogue.initiative(initiative_id(name))
        if kind == "policySetDefinitions"
        else rules.catalogue.policy(policy_id(name))
    )
    if known is not None:
        return known.id
    if rules.snapshot is None:
        raise RowError(f"{text!r} is no built-in, so only Azure knows its id", _NEED, needs_azure=True)
    found = {item.key: item for item in _definitions(rules.snapshot, kind) if item.name.lower() == name.lower()}
    if len(found) != 1:
        how_many = "several definitions are" if found else "no assigned definition is"
        raise RowError(f"{how_many} called {name!r}", "write the whole id in the file")
    (identifier,) = found.values()
    notes.append(f"{text!r} was taken as {identifier}")
    return identifier


def _definitions(snapshot: Snapshot, kind: str) -> Iterator[ArmId]:
    for assignment in snapshot.assignments.values():
        if f"/{kind.lower()}/" in assignment.definition.key:
            yield assignment.definition
        initiative = snapshot.initiatives.get(assignment.id.key)
        if initiative is not None and kind == "policyDefinitions":
            yield from (member.definition for member in initiative.members)


def _shortest(identifier: ArmId, prefix: str) -> str:
    """A built-in by its name, everything else in full."""
    name = identifier.text[len(prefix) :]
    return name if identifier.key.startswith(prefix.lower()) and "/" not in name else identifier.text


def _members_of(initiative: ArmId, rules: RowRules) -> Sequence[Member] | None:
    """What an initiative holds, as far as known: as it is assigned, else as the catalogue has it."""
    if rules.snapshot:
        for assignment in rules.snapshot.assignments.values():
            if assignment.definition == initiative and (found := rules.snapshot.initiatives.get(assignment.id.key)):
                return found.members
    known = rules.catalogue.initiative(initiative)
    if known is None:
        return None
    return [Member(definition=member.definition, reference_id=member.reference_id) for member in known.members]


def _references(
    row: ForeignRow, members: Sequence[Member] | None, rules: RowRules, notes: list[str]
) -> tuple[str, ...]:
    """Its reference ids as the initiative writes them; policies in their place are looked up, dead ones dropped."""
    texts = {member.reference_id.lower(): member.reference_id for member in members or ()}
    found: dict[str, str] = {}
    dead: list[str] = []
    for written in row.references:
        if written.lower() in texts:
            found[written.lower()] = texts[written.lower()]
            continue
        name = written.rstrip("/").rsplit("/", 1)[-1]
        is_policy = "/" in written or _GUID.fullmatch(written) is not None
        if members is None:
            if is_policy:
                message = f"{written!r} is a policy in the place of a reference id"
                raise RowError(message, _NEED, needs_azure=rules.snapshot is None)
            found[written.lower()] = written
            continue
        behind = [member.reference_id for member in members if member.definition.name.lower() == name.lower()]
        if behind:
            notes.append(f"the policy {written!r} was taken as the reference ids {', '.join(behind)}")
        else:
            dead.append(written)
        found.update({reference.lower(): reference for reference in behind})
    if dead:
        notes.append(f"reference ids that its initiative does not have were dropped: {', '.join(dead)}")
    if row.references and not found:
        raise RowError(f"its initiative has none of its reference ids: {', '.join(row.references)}", "delete the row")
    return tuple(found.values())
