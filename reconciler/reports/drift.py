"""What a drift report is made of: findings with ids that stay the same from run to run, and what each kind means."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.kinds import FindingKind
from reconciler.model import JSON, WORST_FIRST, ArmId, Severity, Unread, Verdict
from reconciler.planning.values import Finding, Refusal

FEW: Final = 3
"""So many findings of one cause are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Everything that differs between the repository and Azure at one time.

    `unread` are said as findings of kind *incomplete* as well. `earlier` are the findings of an earlier report by id, in
    its JSON form, where one is compared with; None without. `refusals` are the guards that stop a healing run. `verdict` is what
    the run came to, which the exit code follows. `untold` are the keys of notices that a channel did not take, by channel.
    """

    tenant_id: str
    owner: str
    scopes: tuple[ArmId, ...]
    revision: str | None
    taken_at: datetime
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...] = ()
    earlier: Mapping[str, JSON] | None = None
    refusals: tuple[Refusal, ...] = ()
    verdict: Verdict = Verdict.DONE
    untold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every expected scope was read; silence about one that was not means nothing."""
        return not self.unread

    @property
    def healed(self) -> int:
        """How many findings a healing run settles."""
        return sum(bool(finding.evidence.healed_by) for finding in self.findings)

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings there are of each severity, the worst first."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in WORST_FIRST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A finding with its id, and whether the earlier report lacks it (None: nothing to compare with)."""

    id: str
    finding: Finding
    is_new: bool | None = None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """What was not read, errors, warnings, then what is only good to know; inside of that by kind, subject, assignment and message."""
    return sorted(findings, key=_order)


def _order(finding: Finding) -> tuple[bool, int, str, str, str, str]:
    assignment = finding.assignment.key if finding.assignment else ""
    return (
        finding.kind is not FindingKind.INCOMPLETE,  # what was not read may be the cause of all the rest
        WORST_FIRST.index(finding.severity),
        finding.kind.value,
        finding.subject.key,
        assignment,
        finding.message,
    )


def identify(report: DriftReport) -> list[Identified]:
    """The findings, the worst first, each with an id that is the same in every run that finds the same thing.

    Findings that only their message tells apart are numbered in order.
    """
    counts: Counter[str] = Counter()
    findings = []
    for finding in worst_first(report.findings):
        identity = finding_id(finding)
        counts[identity] += 1
        if (number := counts[identity]) > 1:
            identity = f"{identity}-{number}"
        is_new = None if report.earlier is None else identity not in report.earlier
        findings.append(Identified(id=identity, finding=finding, is_new=is_new))
    return findings


def finding_id(finding: Finding) -> str:
    """16 hex digits from kind, subject, assignment, declaration and aspect: not from dates, people or places in files."""
    assignment = finding.assignment.key if finding.assignment else ""
    parts = (finding.kind.value, finding.subject.key, assignment, finding.declaration or "", finding.evidence.aspect)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def by_kind(findings: Iterable[Identified]) -> dict[FindingKind, list[Identified]]:
    """The findings in their order, gathered by kind; a kind stands where its worst finding stands."""
    kinds: dict[FindingKind, list[Identified]] = {}
    for identified in findings:
        kinds.setdefault(identified.finding.kind, []).append(identified)
    return kinds


def by_cause(findings: Iterable[Identified]) -> list[list[Identified]]:
    """The findings in their order, those together that differ only in where: one cause is told once. Few stay apart."""
    groups: dict[tuple[object, ...], list[Identified]] = {}
    for identified in findings:
        finding = identified.finding
        alike = (finding.kind, finding.severity, finding.message, finding.remedy, finding.cause, identified.is_new)
        apart = (
            finding.evidence.patch
            or finding.evidence.activity_log
            or finding.evidence.changed
            or finding.evidence.system
        )
        groups.setdefault((*alike, identified.id if apart else ""), []).append(identified)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) > FEW else ([identified] for identified in group))
    ]


def gone(report: DriftReport) -> list[JSON]:
    """The findings of the earlier report that are no more, in its JSON form. After an incomplete read nobody knows."""
    if report.earlier is None or not report.complete:
        return []
    present = {identified.id for identified in identify(report)}
    return [value for key, value in sorted(report.earlier.items()) if key not in present]
