"""What a human wrote: declarations, with the place of every field for messages."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.model.ids import ArmId
from reconciler.model.json import JSON
from reconciler.model.source import Source


class Category(enum.StrEnum):
    """Azure's exemption categories, as Azure spells them."""

    WAIVER = "Waiver"
    MITIGATED = "Mitigated"


CATEGORY_LABELS: Final[Mapping[str, str]] = {
    Category.WAIVER: "Risk accepted (Waiver)",
    Category.MITIGATED: "Resolved through 3rd party (Mitigated)",
}
"""Each category as people read it everywhere: the portal's words, with Azure's own in brackets."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Selector:
    """One condition of a resource selector: the kind's value is (or, negated, is not) among `values`."""

    kind: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, order=True)
class ResourceSelector:
    """A named group of conditions that must all hold; any one group that holds selects the resource."""

    name: str
    selectors: tuple[Selector, ...] = ()


class SubjectKind(enum.StrEnum):
    """Which field says what is exempted; the value is the field's name."""

    RECOMMENDATION = "recommendation"
    CATEGORY = "recommendationCategory"
    POLICY = "policyDefinition"
    INITIATIVE = "policySetDefinition"
    ASSIGNMENT = "policyAssignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is exempted. `value` is as written: a key or exact title, a category of recommendations, a full ARM id or the
    bare name of a built-in.
    `further` are the other recommendations of a declaration that names several.
    """

    kind: SubjectKind
    value: str
    further: tuple[str, ...] = ()
    reference_ids: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """All that is named: several for recommendations, otherwise one."""
        return (self.value, *self.further)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One YAML document: what a human wants exempted, where, why, until when. `source` is its first line.

    `selectors` narrow it: to some resources, or where no policy stands behind it to vulnerabilities (`va.cve.*`).
    `expires_on` is the last instant of validity, in UTC; `requested_by` who asked, empty where the history says it.
    `selected_by` are the tags by which somebody chose the scopes; nothing but a proposal to choose anew reads them.
    `places` maps a field's name (or `scopes.0`) to where it stands, for messages.
    """

    name: str
    subject: Subject
    scopes: tuple[ArmId, ...]
    category: Category
    justification: str
    owner: str
    source: Source
    display_name: str = ""
    expires_on: datetime | None = None
    ticket: str = ""
    requested_by: str = ""
    selectors: tuple[ResourceSelector, ...] = ()
    validate_scope: bool = True
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    ahead: bool = False
    adopt: bool = False
    take_over: str | None = None
    enabled: bool = True
    selected_by: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Source] = field(default_factory=dict, compare=False)

    def has_expired(self, now: datetime) -> bool:
        """Whether it has run out, and so wants nothing any more; that is no mistake."""
        return self.expires_on is not None and self.expires_on <= now

    @property
    def is_list(self) -> bool:
        """Whether its recommendations stand in a list, which has no place for anything else."""
        return "recommendations" in self.places

    def subject_path(self, index: int = 0) -> str:
        """The field, inside the document, that holds this one of the subject's values."""
        return f"recommendations[{index}]" if self.is_list else self.subject.kind.value

    def subject_place(self, index: int = 0) -> Source:
        """Where this one of the subject's values stands."""
        return self.places.get(f"recommendations.{index}") or self.place(self.subject.kind.value)

    def place(self, path: str) -> Source:
        """Where the field stands, or the declaration itself where the field is not written."""
        return self.places.get(path, self.source)
