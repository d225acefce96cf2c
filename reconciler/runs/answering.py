"""What a person said of an exemption: from words, addresses, names and tags to answers, or to all that is unclear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.azure.session import Azure
from reconciler.declarations.build import last_instant
from reconciler.model import JSON, Category, Declaration, Source
from reconciler.requesting.drafts import Answers
from reconciler.requesting.pasted import scopes_in
from reconciler.requesting.subjects import SubjectChoice, Unclear, find_subject
from reconciler.runs.choosing import HOW_TO_NAME, ChosenScopes, Pointers, choose_scopes
from reconciler.runs.proposing import Desk, latest_end

_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFields(Pointers):
    """What a person said, as they said it; an empty text is not said. `pasted` may name the recommendation as well.
    `located` is what a conversation found for `choice` already: Azure is asked once.
    """

    recommendation: str = ""
    category: Category | None = None
    until: str = ""
    justification: str = ""
    owner: str = ""
    ticket: str = ""
    requested_by: str = ""
    name: str = ""
    choice: SubjectChoice | None = None
    vulnerabilities: Mapping[str, JSON] = field(default_factory=dict)
    located: ChosenScopes | None = None

    @property
    def subject_text(self) -> str:
        """What says the recommendation: the words that were pasted, or else what may have it on a resource's page."""
        words = " ".join(line for line in self.pasted.splitlines() if not scopes_in(line))
        return self.recommendation or words or self.pasted


def answers_to(fields: RequestFields, desk: Desk, azure: Azure | None, now: datetime) -> Answers | tuple[Unclear, ...]:
    """All that a request needs, or everything that is not clear about it, at once.

    Raises:
        AzureError: a name or a tag must be looked up, and Resource Graph refuses.
    """
    choice, unclear = _subject(fields, desk)
    chosen = fields.located or choose_scopes(fields, choice, desk, azure, now)
    unclear += chosen.unclear
    if not chosen.scopes and not chosen.unclear:
        unclear.append(_missing("--resource", HOW_TO_NAME))
    unclear += _unsaid(fields, desk)
    if unclear or choice is None or fields.category is None:
        return tuple(unclear)
    end = last_instant(fields.until) if fields.until else longest_end(choice, fields.category, desk, now)[0]
    owner = fields.owner or desk.user
    return Answers(
        choice=choice,
        scopes=chosen.scopes,
        category=fields.category,
        justification=fields.justification,
        owner=owner,
        expires_on=end,
        ticket=fields.ticket,
        requested_by=fields.requested_by or (desk.user if desk.user != owner else ""),
        name=fields.name,
        selected_by=chosen.selected_by,
        vulnerabilities=fields.vulnerabilities,
        notes=chosen.notes,
    )


def _subject(fields: RequestFields, desk: Desk) -> tuple[SubjectChoice | None, list[Unclear]]:
    if fields.choice is not None:
        return fields.choice, []
    search = find_subject(desk.contents.catalogue, fields.subject_text)
    if search.is_clear:
        return search.subjects[0], []
    if fields.subject_text and not scopes_in(fields.subject_text):
        return None, [search.unclear]
    return None, [_missing("--recommendation", "paste the address of its page in the portal, or its title")]


def _unsaid(fields: RequestFields, desk: Desk) -> Iterator[Unclear]:
    """What is missing of that which needs no looking up."""
    if fields.category is None:
        yield _missing("--category", "Waiver (the risk is accepted) or Mitigated (it is met in another way)")
    if not fields.justification.strip():
        yield _missing("--justification", "a sentence that tells the reviewer why this is acceptable")
    if not (fields.owner or desk.user):
        yield _missing("--owner", "who answers for the risk, such as data-platform@contoso.example")
    for cve in fields.vulnerabilities.get("cves") or ():
        if not _CVE.fullmatch(cve):
            yield Unclear(message=f"{cve[:100]!r} is no CVE", remedy="write it as CVE-2021-44228")
    if fields.until and not is_day(fields.until):
        yield Unclear(message=f"{fields.until[:100]!r} is no day", remedy="write it as 2027-01-31")


def is_day(text: str) -> bool:
    """Whether a text is a day as a declaration writes it."""
    try:
        last_instant(text)
    except ValueError:
        return False
    return len(text) == 10


def _missing(option: str, remedy: str) -> Unclear:
    return Unclear(message=f"{option} is missing", remedy=remedy)


def longest_end(choice: SubjectChoice, category: Category, desk: Desk, now: datetime) -> tuple[datetime, int | None]:
    """The longest end that the rules allow for this, and the days that a rule sets (None: no rule does)."""
    probe = Declaration(
        name="probe",
        subject=choice.subject,
        scopes=(),
        category=category,
        justification="",
        owner="",
        source=Source(""),
    )
    return latest_end(probe, desk, now)
