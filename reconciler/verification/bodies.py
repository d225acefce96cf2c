"""What a write says: each field of its body is what the declaration that it names says, and the rest is what was there.

Of the mark, `requestedBy`, `revision` and `run` tell who asked, at which commit and in which run: no fact of the snapshot
or of a declaration, so they are free, and never cause a write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from reconciler.verification import standards
from reconciler.verification.case import Case, Violation, Write, point_of
from reconciler.verification.declared import Declared
from reconciler.verification.objects import JSON, STAMPS, Coverage, place_of

_MOST_TITLE: Final = 128
_MARK: Final = frozenset({"managedBy", "owner", "declaration", "target", "ticket", "declared", *STAMPS})
_OF_OTHERS: Final = frozenset({"pacOwnerId", "deployedBy", "epacMetadata"})
_KEPT_FROM: Final = {"originalRequestedBy": "requestedBy", "originalOwner": "owner", "originalTicket": "ticket"}
"""Where an adoption keeps what somebody else wrote under a key of our mark."""
_MODELLED: Final = frozenset(
    {
        *("policyAssignmentId", "policyDefinitionReferenceIds", "exemptionCategory", "expiresOn", "displayName"),
        *("description", "metadata", "resourceSelectors", "assignmentScopeValidation"),
    }
)


def says_what_is_declared(case: Case, write: Write, after: Coverage, declaration: Declared) -> Iterator[Violation]:
    """Whether the body says just what its declaration does, under our mark."""
    text, metadata = declaration.text, after.metadata
    is_elsewhere = place_of(after.assignment) not in ("", *case.tenant.chain(after.scope))  # as `ahead` allows
    must_be_unchecked = not standards.is_standard(after.properties) and (is_unchecked(text) or is_elsewhere)
    file = str((write.change.get("source") or {}).get("file") or "")
    differences = [
        name
        for name, differs in (
            ("the end", after.end != declaration.end),
            ("the category", after.category != str(text["category"]).lower()),
            ("the selectors", after.selectors != declaration.selectors),
            (
                "the justification",
                after.description.split() != str(text["justification"]).split(),
            ),
            ("the display name", not _is_title_right(case, write, after, declaration)),
            ("the mark's declaration", metadata.get("declaration") != declaration.name),
            ("the mark's target", not _is_target_right(case, after, declaration)),
            ("the mark's owner", metadata.get("owner") != case.settings["owner"]),
            ("the ticket", metadata.get("ticket", "") != text.get("ticket", "")),
            ("the metadata", not _is_metadata_right(case, write, after, declaration)),
            ("the check of its scope", is_unchecked(after.properties) != must_be_unchecked),
            ("the file that the plan names", bool(file) and PurePosixPath(file).stem != declaration.name),
        )
        if differs
    ]
    if differences:
        message = f"{', '.join(differences)} is not what {declaration.name} declares"
        yield Violation(rule="no wider", subject=write.id, message=message)
    if _carried(after.properties) != (_carried(write.before.properties) if write.before else {}):
        message = "what the object has besides, and no declaration says, is not carried over"
        yield Violation(rule="no wider", subject=write.id, message=message)


def is_waiting(case: Case, write: Write, name: str) -> bool:
    """Whether it is one of ours that goes on exempting what it did, since what its declaration now means there is held."""
    before = write.before
    return (
        before is not None
        and case.owner_of(before) == "ours"
        and before.metadata.get("declaration") == name
        and any(
            line["declaration"] == name
            and line["scope"].lower() == before.scope
            and str(line["assignment"]).lower() == before.assignment
            for line in case.plan["held"]
        )
    )


def is_unchecked(properties: Mapping[str, JSON]) -> bool:
    """Whether Azure may take an exemption that does not lie below its assignment, as a declaration says it too."""
    return str(properties.get("assignmentScopeValidation")).lower() == "donotvalidate"


def _is_title_right(case: Case, write: Write, after: Coverage, declaration: Declared) -> bool:
    """The declared title, or else the name and the title of what is exempted; while all that is held, the title that was."""
    title = str(after.properties.get("displayName") or "")
    before = write.before
    if before and title == str(before.properties.get("displayName") or "") and _is_all_held(case, after, declaration):
        return True
    if declared := declaration.text.get("displayName"):
        return bool(title == declared)
    defaults = (f"{declaration.name}: {exempted}"[:_MOST_TITLE] for exempted in declaration.titles)
    return title.casefold() in {default.casefold() for default in defaults}


def _is_all_held(case: Case, after: Coverage, declaration: Declared) -> bool:
    """Whether the declaration wants nothing of what the object exempts but what another one wants as well, so that the object
    becomes nothing that it declares.
    """
    for reference in after.references:
        point = point_of(after, reference, declaration.selectors)
        targets = case.targets[declaration.name].get(point, set())
        if targets and not any(
            line["declaration"] == declaration.name
            and line["cause"] == "conflict"
            and line["scope"].lower() in (point.scope, *targets)
            and (line["assignment"] is None or line["assignment"].lower() == point.assignment)
            and reference in (case.held_references(line, point.assignment) or (reference,))
            for line in case.plan["held"]
        ):
            return False
    return True


def _is_target_right(case: Case, after: Coverage, declaration: Declared) -> bool:
    """Whether the marked target is one of the declaration's for which an exemption is wanted here."""
    target = str(after.metadata.get("target")).lower()
    points = case.targets[declaration.name]
    wanting = {
        wanted_for
        for reference in after.references
        for wanted_for in points.get(point_of(after, reference, declaration.selectors), ())
    }
    return target in (wanting or declaration.scopes)


def _is_metadata_right(case: Case, write: Write, after: Coverage, declaration: Declared) -> bool:
    """Whether beside the mark stand the declaration's own metadata and what others had noted, and nothing else."""
    own = declaration.text.get("metadata") or {}
    was = write.before.metadata if write.before else {}
    listed = was.get("declared") if was.get("managedBy") == "exempt" else None
    taken_out = listed if isinstance(listed, list) else []
    notes = {
        key: value
        for key, value in was.items()
        if key not in _MARK | _OF_OTHERS and (key not in taken_out or key in _KEPT_FROM)
    }
    noted = {
        key: was[source]
        for key, source in _KEPT_FROM.items()
        if was.get(source) and not was.get(key) and (write.before is None or not _is_surely_ours(case, write.before))
    }
    besides = {key: value for key, value in after.metadata.items() if key not in _MARK}
    return (
        all(key in besides and is_spelled(value, besides[key]) for key, value in own.items())
        and all(besides.get(key) == value for key, value in notes.items() if key not in own)
        and all(key in own or key in notes or (key in noted and value == noted[key]) for key, value in besides.items())
        and list(after.metadata.get("declared") or ()) == sorted(own)
    )


def _is_surely_ours(case: Case, exemption: Coverage) -> bool:
    return case.owner_of(exemption) == "ours" and case.is_believed(exemption)


def is_spelled(text: JSON, value: JSON) -> bool:
    """Whether a value of a declaration, all of whose scalars are the text that stands there, is this JSON value."""
    match value:
        case dict():
            return (
                isinstance(text, dict)
                and text.keys() == value.keys()
                and all(is_spelled(text[key], value[key]) for key in value)
            )
        case list():
            return isinstance(text, list) and len(text) == len(value) and all(map(is_spelled, text, value))
        case str():
            return bool(text == value)
        case bool():
            return str(text).lower() == str(value).lower()
        case None:
            return str(text).lower() in ("", "~", "null", "none")
    try:
        return float(value) == (float(int(str(text), 0)) if str(text)[:2] in ("0x", "0o") else float(str(text)))
    except ValueError:
        return False


def _carried(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """What ARM properties have that neither a declaration nor the checker knows, without what is empty."""
    if standards.is_standard(properties):
        return standards.unmodelled(properties)
    return {key: value for key, value in properties.items() if key not in _MODELLED and value not in ("", [], {}, None)}
