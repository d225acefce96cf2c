"""What an explanation of a resource says: the values that `explain` fills and the reports show."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import ArmId, Assignment, Declaration, Exemption, Unread
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Change, Held


class Role(enum.StrEnum):
    """What an exemption is to a resource: the one that counts, another that exempts it too, or one without effect."""

    AUTHORITATIVE = "authoritative"
    ALSO = "also exempts"
    NO_EFFECT = "no effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveringExemption:
    """One exemption that concerns the resource, in one assignment.

    `exemption` is the existing one, or the planned one where `change` creates it. `cells` are those of the asked ones that
    it is about, `now` those that it exempts at this moment, and `references` the texts of `cells` (none: the assignment
    has no references). `whose` and `why` are sentences. `change` is what the plan does to it.
    """

    exemption: Exemption
    role: Role
    cells: frozenset[str]
    now: frozenset[str]
    references: tuple[str, ...]
    inherited: bool
    whose: str
    why: str
    declaration: Declaration | None = None
    commit: Commit | None = None
    change: Change | None = None

    @property
    def is_live(self) -> bool:
        """Whether Azure holds it already."""
        return self.change is None or self.change.before is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalImpact:
    """What becomes of some references if an authoritative exemption were removed: exempt by others, or by none, or
    only what the selectors of some choose (`partly`).
    """

    exemption: Exemption
    exposed: tuple[str, ...]
    kept_by: tuple[Exemption, ...]
    partly: tuple[Exemption, ...]
    returns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentCoverage:
    """One assignment that evaluates the resource: what covers it (the authoritative first), what nothing covers, what
    only selectors choose (`selective`; `is_selective` also where there are no references), what is held, and why it may not
    be evaluated after all (`moot`).
    """

    assignment: Assignment
    references: tuple[str, ...]
    covers: tuple[CoveringExemption, ...]
    bare: tuple[str, ...]
    held: tuple[Held, ...]
    losses: tuple[RemovalImpact, ...]
    moot: str = ""
    selective: tuple[str, ...] = ()
    is_selective: bool = False

    @property
    def is_exempt(self) -> bool:
        """Whether every asked reference is exempt now."""
        return not self.bare and any(cover.now for cover in self.covers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceExplanation:
    """Everything about one resource; `title` names the recommendation that was asked for, or is empty, `wanted_by` the
    declarations that list it or what contains it. `is_gone`: Azure says that it does not exist; `similar` may be meant.
    """

    resource: ArmId
    title: str
    managed: bool
    taken_at: datetime
    situations: tuple[AssignmentCoverage, ...]
    held: tuple[Held, ...]
    unread: tuple[Unread, ...]
    wanted_by: tuple[str, ...] = ()
    is_gone: bool = False
    similar: tuple[ArmId, ...] = ()
