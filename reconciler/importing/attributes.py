"""What an existing exemption says beside what it exempts, as the fields of a declaration."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.arm.canonical import AZURE_STAMPS, category, folded_selectors, instant, validation
from reconciler.documents.characters import FORBIDDEN, hidden_in_value, without_invisible
from reconciler.model import (
    JSON,
    Category,
    Declaration,
    Exemption,
    Source,
    Subject,
    SubjectKind,
    SystemData,
)
from reconciler.planning.marks import is_reserved, made_by_user, owners

NO_REASON: Final = "Made in Azure without a reason; write here why it is acceptable."
_TICKETS: Final = ("ticket", "ticketref", "ticketid", "ticketnumber", "ticket_id", "ticketurl")
_ORIGINALS: Final = {"displayName": "originalDisplayName", "description": "originalDescription"}
_NO_SUBJECT: Final = Subject(kind=SubjectKind.ASSIGNMENT, value="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A declaration whose name, subject and scopes are still open, and what was changed to write it."""

    declaration: Declaration
    notes: tuple[str, ...] = ()

    @property
    def alike(self) -> Hashable:
        """What must be equal for two to share a declaration: all but the owner and the metadata."""
        declaration = self.declaration
        return (
            declaration.category,
            declaration.justification,
            declaration.expires_on,
            declaration.display_name,
            declaration.ticket,
            declaration.requested_by,
            repr(folded_selectors(declaration.selectors)),
            declaration.validate_scope,
            declaration.adopt,
            declaration.take_over,
        )

    def extended(self, draft: Draft) -> Draft:
        """This one with the permissions that another exemption needs too."""
        declaration = replace(
            self.declaration,
            adopt=self.declaration.adopt or draft.declaration.adopt,
            take_over=self.declaration.take_over or draft.declaration.take_over,
        )
        return replace(self, declaration=declaration)


def draft_of(exemption: Exemption, take_over: Sequence[str] = ()) -> Draft:
    """The fields that an existing exemption fills in. `take_over` are the other owners that may be taken over."""
    notes: list[str] = []
    texts = _texts(exemption)
    justification = cleaned(texts["description"])
    if justification != texts["description"].strip():
        notes.append("characters that nobody can see were taken out of its description")
    if not justification:
        notes.append("it has no description: write why it is acceptable")
    display_name = without_invisible(texts["displayName"])[:128].strip()
    metadata = user_metadata(exemption.metadata)
    system = exemption.system or SystemData()
    requested_by = name_text(exemption.metadata.get("requestedBy"))
    owner = name_text(system.created_by) or requested_by or "unknown"
    foreign = next((name for name in owners(exemption) if name in take_over), None)
    declaration = Declaration(
        name="",
        subject=_NO_SUBJECT,
        scopes=(),
        category=Category(category(exemption.category)),
        justification=justification or NO_REASON,
        owner=owner,
        source=Source(""),
        display_name=display_name,
        expires_on=instant(exemption.expires_on),
        ticket=ticket_in(exemption.metadata),
        requested_by="" if requested_by == owner else requested_by,
        selectors=exemption.selectors,
        validate_scope=validation(exemption.validation) != "DoNotValidate",
        metadata=metadata,
        adopt=foreign is None and not made_by_user(exemption),
        take_over=foreign,
    )
    return Draft(declaration=declaration, notes=tuple(notes))


def _texts(exemption: Exemption) -> Mapping[str, str]:
    """Its texts; of what EPAC wrote, those that a person gave it, before the names of assignments were appended."""
    texts = {"displayName": exemption.display_name, "description": exemption.description}
    noted = exemption.metadata.get("epacMetadata")
    if isinstance(noted, dict):
        for name, key in _ORIGINALS.items():
            original = noted.get(key)
            if isinstance(original, str) and original and texts[name].startswith(original):
                texts[name] = original
    return texts


def cleaned(text: str) -> str:
    """A text of several lines without what a declaration refuses."""
    return FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")).strip()


def name_text(value: JSON) -> str:
    """A name or address in one line, or empty."""
    return without_invisible(value)[:256].strip() if isinstance(value, str) else ""


def ticket_in(metadata: Mapping[str, JSON]) -> str:
    """The ticket that metadata names under one of the usual keys, or empty."""
    folded = {key.lower(): value for key, value in metadata.items()}
    values = (folded.get(key) for key in _TICKETS)
    texts = (str(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values)
    tickets = (without_invisible(text) for text in texts if isinstance(text, str))
    return next((text for text in tickets if 0 < len(text) <= 64), "")


def user_metadata(metadata: Mapping[str, JSON]) -> dict[str, JSON]:
    """Those keys that a person chose and that a declaration can hold, in their order."""
    return {
        key: value
        for key, value in list(metadata.items())[:50]
        if not is_reserved(key)
        and key not in AZURE_STAMPS
        and value is not None
        and 0 < len(key) <= 128
        and not any(hidden_in_value(text) or "\t" in text or "\r" in text for text in (key, *_strings(value)))
    }


def _strings(value: JSON) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield from (key, *_strings(item))
        case list():
            for item in value:
                yield from _strings(item)


def shared_metadata(declarations: Sequence[Declaration]) -> Mapping[str, JSON]:
    """The metadata that all of them have; what differs stays on each object in Azure."""
    first = declarations[0].metadata
    texts = [{key: json.dumps(value) for key, value in declaration.metadata.items()} for declaration in declarations]
    return {key: value for key, value in first.items() if all(text.get(key) == texts[0][key] for text in texts)}
