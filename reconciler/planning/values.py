"""The plan as data: changes with full before and after, what is held, what was found, what is refused.

A plan carries everything that apply and the reports need, so that nothing is looked up again later. Text, JSON and
exit codes read these properties and no others.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import ArmId, Declaration, Diagnostic, Exemption, Severity, Source, SubjectKind, Unread, Verdict
from reconciler.planning.evidence import Evidence
from reconciler.problems import Problem


class Action(enum.StrEnum):
    """What happens to one ARM object; follows from which side of a change is missing."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Reason(enum.StrEnum):
    """Why an object changes, in words that a reviewer judges by."""

    DECLARED = "declared"
    EDITED = "edited"
    FAN_OUT = "fan-out"
    RECREATE = "recreate"
    REVERT = "revert"
    ADOPT = "adopt"
    TAKE_OVER = "take-over"
    RENAME = "rename"
    DUPLICATE = "duplicate"
    NARROW = "narrow"
    REMOVED = "removed"
    EXPIRED = "expired"
    ORPHAN = "orphan"
    UNMANAGED = "unmanaged"

    @property
    def is_adoption(self) -> bool:
        """Whether something becomes ours that was not."""
        return self in {Reason.ADOPT, Reason.TAKE_OVER}


class Widening(enum.StrEnum):
    """In which respect a change exempts more than before; a reviewer reads these first."""

    SCOPE = "scope"
    CATEGORY = "category"
    EXPIRY = "expiry"
    REFERENCES = "references"
    SELECTORS = "selectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write to one ARM id.

    `waits_for` are folded ids of other changes of the same plan that must be done before this one is written;
    `relies_on` are exemptions, as this plan leaves them, that keep what this change stops covering: they are
    re-read just before it. `also_exempts` are titles of other recommendations that rest on the same policies. `why` says
    which edit of the repository a removal follows from, or why an orphan is one.
    """

    before: Exemption | None
    after: Exemption | None
    reason: Reason
    fingerprint: str
    declaration: str | None = None
    source: Source | None = None
    widens: tuple[Widening, ...] = ()
    waits_for: tuple[str, ...] = ()
    relies_on: tuple[Exemption, ...] = ()
    also_exempts: tuple[str, ...] = ()
    why: str = ""

    @property
    def action(self) -> Action:
        """Create, update or delete."""
        if self.before is None:
            return Action.CREATE
        return Action.DELETE if self.after is None else Action.UPDATE

    @property
    def exemption(self) -> Exemption:
        """The side that exists: after, or before for a delete."""
        side = self.after if self.after is not None else self.before
        assert side is not None
        return side

    @property
    def id(self) -> ArmId:
        """The ARM id that is written."""
        return (self.before or self.exemption).id


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Diagnostic):
    """Cells of one declaration at one scope and assignment that cannot be decided now; nothing of them is deleted
    or shrunk. The message says why, the remedy what would free it. `assignment` None: not even the assignments are known.
    `exemption` is the existing one that stands in the way, or that is not reduced.
    """

    declaration: str
    scope: ArmId
    assignment: ArmId | None
    reference_ids: tuple[str, ...]
    cause: HeldCause
    source: Source | None = None
    exemption: ArmId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Diagnostic):
    """One thing a person should know. `subject` is the exemption's or scope's id; `id` is stable over time.

    Planning gives the facts it decides on; the drift room adds who, when and the portal link. `severity_override` is
    for a finding that matters more or less than its kind.
    """

    kind: FindingKind
    subject: ArmId
    declaration: str | None = None
    source: Source | None = None
    assignment: ArmId | None = None
    evidence: Evidence = field(default=Evidence(), hash=False)
    severity_override: Severity | None = None

    @property
    def severity(self) -> Severity:
        """How much it matters: as its kind, unless this one is an exception."""
        return self.severity_override or self.kind.severity

    @property
    def cause(self) -> str:
        """Why it is so: what this one knows, else what its kind says."""
        return self.evidence.cause or self.kind.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Diagnostic):
    """A guard that stops the whole run before its first write. The remedy is the option that accepts exactly
    this, empty where none does.
    """

    rule: str


SEVERITIES = ("Critical", "High", "Medium", "Low")
"""Defender's, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What one decision is about: one recommendation, or a policy, category, initiative or assignment. `severity` is Critical,
    High, Medium, Low, the worst of all that its policies stand behind, empty where the catalogue does not say. `resource_types`
    are the folded types that all of its policies evaluate, empty where that is not known of each; `policies` their folded
    ids, empty where an address is meant.
    """

    title: str
    severity: str = ""
    resource_types: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A declaration as a reviewer needs it: with a topic for each recommendation that it names, in its order; `requester` is
    who asked.
    """

    declaration: Declaration
    topics: tuple[Topic, ...]
    requester: str = ""

    @property
    def severity(self) -> str:
        """The worst of its topics, or empty."""
        severities = {topic.severity for topic in self.topics}
        return next((severity for severity in SEVERITIES if severity in severities), "")

    @property
    def is_whole_initiative(self) -> bool:
        """Whether it is about everything in an initiative, whatever that holds tomorrow."""
        subject = self.declaration.subject
        return subject.kind in {SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT} and not subject.reference_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, and what a person must know about it. Changes are sorted by folded id.

    `scopes` are those that were read, of a run narrowed by `--scope` those within it. `unchanged` are the desired exemptions that Azure already holds, as existing; `foreign` the existing ones of other owners
    or of nobody that stay untouched. `digest` is the sha256 of the sorted fingerprints. `owned` counts the
    existing exemptions of this owner, `declared` the declarations: what the guards compare with. `problems` are mistakes in
    declarations that only Azure shows, `subjects` maps the name of a declaration to its subject, looked up;
    `requests` are the declarations behind the changes, as a reviewer needs them, by name; `former` what else the changes
    are about, which no declaration means now, by declaration or folded id. `evaluated` says which policy (folded) stands
    behind a reference id (folded; `*` for a single policy), by folded assignment, where a decision's part needs to be known.
    """

    tenant_id: str
    owner: str
    scopes: tuple[ArmId, ...]
    revision: str | None
    taken_at: datetime
    changes: tuple[Change, ...]
    unchanged: tuple[Exemption, ...]
    foreign: tuple[Exemption, ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    unread: tuple[Unread, ...]
    digest: str
    dirty: bool = False
    owned: int = 0
    declared: int = 0
    requests: Mapping[str, Request] = field(default_factory=dict, hash=False)
    former: Mapping[str, tuple[Topic, ...]] = field(default_factory=dict, hash=False)
    evaluated: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    problems: tuple[Problem, ...] = ()
    subjects: Mapping[str, ResolvedSubject] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @property
    def verdict(self) -> Verdict:
        """What planning came to; every form of the plan and the exit code say the same."""
        if self.problems:
            return Verdict.INVALID
        if not self.complete:
            return Verdict.INCOMPLETE
        if self.refusals:
            return Verdict.REFUSED
        return Verdict.DONE if self.is_empty else Verdict.CHANGES

    @property
    def complete(self) -> bool:
        """Whether everything that was expected was read."""
        return not self.unread

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.changes

    def count(self, action: Action) -> int:
        """How many changes are of this action."""
        return sum(change.action is action for change in self.changes)

    @property
    def summary(self) -> dict[str, int]:
        """The counts that every form of the plan shows."""
        counts = {action.value: self.count(action) for action in Action}
        return {
            **counts,
            "unchanged": len(self.unchanged),
            "foreign": len(self.foreign),
            "held": len(self.held),
        }
