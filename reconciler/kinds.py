"""The registry of kinds: everything that is the same for all findings, or all held cells, of one kind.

A kind is declared once, here, with all that anybody says of it: a member without a meaning or a cause does not
type-check. `scripts/generate.py` writes the enums of `schemas/` and the tables of `docs/drift.md` from it. See
CONTRIBUTING.md for what a new kind needs beside its member.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from reconciler.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """`name` is the word in reports; `severity` what a finding of the kind is unless its `exception` holds; `meaning`
    and `cause` are what a report says of all of them, the cause only where the finding itself knows no better one;
    `settled_by` is for the documentation.
    """

    name: str
    severity: Severity
    meaning: str
    cause: str
    settled_by: str
    exception: str = ""


class FindingKind(enum.StrEnum):
    """The kinds of line in a drift report."""

    facts: FindingFacts

    def __new__(cls, facts: FindingFacts) -> Self:
        kind = str.__new__(cls, facts.name)
        kind._value_ = facts.name
        kind.facts = facts
        return kind

    MISSING = FindingFacts(
        name="missing",
        severity=Severity.WARNING,
        meaning="declared, but not in Azure",
        cause="not applied yet",
        settled_by="`apply --only recreate` (or `declared`)",
    )
    MODIFIED = FindingFacts(
        name="modified",
        severity=Severity.WARNING,
        exception="error where Azure exempts more than declared",
        meaning="in Azure otherwise than declared",
        cause="changed in Azure",
        settled_by="`apply --only revert`, or the patch",
    )
    UNMANAGED = FindingFacts(
        name="unmanaged",
        severity=Severity.WARNING,
        meaning="in Azure, but declared nowhere",
        cause="made outside the repository",
        settled_by="the patch declares it; delete it; `apply --only removed` where its declaration was removed",
    )
    DUPLICATE = FindingFacts(
        name="duplicate",
        severity=Severity.WARNING,
        meaning="exempts again what a declared exemption exempts already",
        cause="an application made it beside the declared one",
        settled_by="`apply --only duplicate` or `narrow`",
    )
    OVERLAP = FindingFacts(
        name="overlap",
        severity=Severity.WARNING,
        meaning="exempts a whole assignment, and with it what is declared one by one",
        cause="somebody exempted the whole assignment",
        settled_by="a person",
    )
    SHADOWED = FindingFacts(
        name="shadowed",
        severity=Severity.WARNING,
        meaning="covered as well by a wider exemption that nobody declared",
        cause="exempted on a containing scope, outside the repository",
        settled_by="a person",
    )
    ORPHANED = FindingFacts(
        name="orphaned",
        severity=Severity.WARNING,
        exception="info outside the managed scopes",
        meaning="left over from an assignment that no longer applies, or on a scope that was moved away",
        cause="its scope is managed no longer",
        settled_by="`apply --delete-orphans N`, or a person",
    )
    EXPIRED = FindingFacts(
        name="expired",
        severity=Severity.WARNING,
        exception="info if not ours",
        meaning="past its end: left over, or about to be removed",
        cause="past its expiry, and not ours to delete",
        settled_by="`apply --only expired`, or a person",
    )
    EXPIRING = FindingFacts(
        name="expiring",
        severity=Severity.INFO,
        exception="warning in the last 7 days",
        meaning="soon past its expiry",
        cause="its end is near",
        settled_by="a later `expiresOn`, or time; `expiringDays` (30) says what is soon",
    )
    RESOURCE_GONE = FindingFacts(
        name="resource-gone",
        severity=Severity.WARNING,
        meaning="declared for a resource that no longer exists",
        cause="the resource was deleted or moved",
        settled_by="the patch, or `git rm`",
    )
    UNCOVERED = FindingFacts(
        name="uncovered",
        severity=Severity.WARNING,
        meaning="evaluated by an initiative without an exemption in it, or by none",
        cause="no initiative that evaluates it is assigned there",
        settled_by="`apply --only fan-out`; a right; an assignment",
    )
    HELD = FindingFacts(
        name="held",
        severity=Severity.WARNING,
        meaning="cannot be decided now, so nothing of it is touched",
        cause="not safe to delete as long as its declaration may mean it",
        settled_by="as the remedy says",
    )
    FOREIGN_OWNER = FindingFacts(
        name="foreign-owner",
        severity=Severity.WARNING,
        meaning="held by another owner",
        cause="another owner exempts it already",
        settled_by="`takeOver`, by agreement: the patch",
    )
    FORGED = FindingFacts(
        name="forged",
        severity=Severity.ERROR,
        meaning="bears our mark, but none of our writers made it or wrote it last, and no record says that it was adopted",
        cause="somebody else wrote last what bears our mark",
        settled_by="a person: remove it where it was made, declare it with `adopt`, or add who wrote it to `writers`",
    )
    UNSUPPORTED = FindingFacts(
        name="unsupported",
        severity=Severity.WARNING,
        meaning="a recommendation that Defender says cannot be exempted",
        cause="Microsoft documents that such an exemption may have no effect",
        settled_by="a person",
    )
    RETIRED = FindingFacts(
        name="retired",
        severity=Severity.WARNING,
        meaning="declared for a recommendation that Microsoft has withdrawn",
        cause="Microsoft withdrew the recommendation",
        settled_by="`git rm`, or the recommendation that replaces it",
    )
    MOOT = FindingFacts(
        name="moot",
        severity=Severity.INFO,
        meaning="without effect here: the policy is disabled, excluded or not selected",
        cause="excluded by the assignment's notScopes",
        settled_by="nothing",
    )
    INEFFECTIVE = FindingFacts(
        name="ineffective",
        severity=Severity.WARNING,
        meaning="in Azure, yet Defender still counts the resource",
        cause="Defender counts the resource although it is exempt",
        settled_by="as the remedy says; [`status`](status.md) lists every cause with its evidence",
    )
    UNNEEDED = FindingFacts(
        name="unneeded",
        severity=Severity.INFO,
        meaning="declared, though nobody needs it any more",
        cause="the resource has become healthy",
        settled_by="`exempt retire NAME`; [`status --unneeded`](status.md) says what speaks for it",
    )
    CATALOGUE = FindingFacts(
        name="catalogue",
        severity=Severity.WARNING,
        exception="info for titles",
        meaning="known to the catalogue otherwise than to Azure",
        cause="Microsoft changed the recommendation after the catalogue's edition",
        settled_by="`catalog refresh`",
    )
    QUOTA = FindingFacts(
        name="quota",
        severity=Severity.WARNING,
        exception="error beyond the limit",
        meaning="near or over a limit of Azure",
        cause="many exemptions in one place",
        settled_by="wider scopes, fewer exemptions (1,000 on a scope; 5,000 exempt resources in a subscription)",
    )
    INCOMPLETE = FindingFacts(
        name="incomplete",
        severity=Severity.ERROR,
        meaning="not read: silence about it means nothing",
        cause="Azure refused or did not answer",
        settled_by="a right; another run",
    )

    @property
    def severity(self) -> Severity:
        """What a finding of this kind is, unless the finding says otherwise."""
        return self.facts.severity

    @property
    def meaning(self) -> str:
        """What all findings of this kind have in common."""
        return self.facts.meaning

    @property
    def cause(self) -> str:
        """Why there is such a finding, where the finding itself knows no better."""
        return self.facts.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFacts:
    """`name` is the word in plans and outcomes; `cause` says it in a few words that stay the same; `kind` is the finding
    that drift makes of it; `is_gone` says that its assignment or resource is gone: reported, but no failure of the run.
    """

    name: str
    cause: str
    kind: FindingKind = FindingKind.HELD
    is_gone: bool = False


class HeldCause(enum.StrEnum):
    """Why something cannot be decided now."""

    facts: HeldFacts

    def __new__(cls, facts: HeldFacts) -> Self:
        cause = str.__new__(cls, facts.name)
        cause._value_ = facts.name
        cause.facts = facts
        return cause

    FOREIGN_OWNER = HeldFacts(
        name="foreign-owner", cause="another owner exempts it already", kind=FindingKind.FOREIGN_OWNER
    )
    NOT_ADOPTABLE = HeldFacts(name="not-adoptable", cause="an application's exemption stands in the way")
    FORGED = HeldFacts(
        name="forged", cause="somebody else wrote last what is there and bears our mark", kind=FindingKind.FORGED
    )
    CONFLICT = HeldFacts(name="conflict", cause="two declarations want the same")
    UNREAD = HeldFacts(name="unread", cause="something it depends on could not be read")
    ASSIGNMENT_GONE = HeldFacts(name="assignment-gone", cause="its assignment does not exist", is_gone=True)
    RESOURCE_GONE = HeldFacts(
        name="resource-gone",
        cause="the resource was deleted or moved",
        kind=FindingKind.RESOURCE_GONE,
        is_gone=True,
    )
    INITIATIVE_UNREAD = HeldFacts(name="initiative-unread", cause="its initiative could not be read")
    UNKNOWN_REFERENCE = HeldFacts(name="unknown-reference", cause="the initiative has no such reference id")
    WHOLE_ASSIGNMENT = HeldFacts(name="whole-assignment", cause="a whole assignment may not be exempted here")
    NEVER_EXEMPT = HeldFacts(name="never-exempt", cause="a rule forbids to exempt it")
    LIFETIME = HeldFacts(name="lifetime", cause="a rule allows it only for a shorter time")
    UNSUPPORTED = HeldFacts(name="unsupported", cause="a rule refuses what Defender may ignore")
    NOT_EXEMPTABLE = HeldFacts(name="not-exemptable", cause="Azure Policy accepts no exemption of such a policy")
    OUTSIDE_SCOPES = HeldFacts(name="outside-scopes", cause="outside the managed scopes")
    OUTSIDE_PLACES = HeldFacts(name="outside-places", cause="outside the places that its folder may exempt")
    LEFT_OUT = HeldFacts(name="left-out", cause="what replaces it lies outside this run")
    NEIGHBOUR = HeldFacts(name="neighbour", cause="a held declaration may need it")

    @property
    def is_gone(self) -> bool:
        """Held because its assignment or resource is gone: reported, but no failure of the run."""
        return self.facts.is_gone
