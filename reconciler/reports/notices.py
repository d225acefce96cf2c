"""What people are told of a drift report, each thing once: an exemption that somebody made by hand first of all, then what
is new, then what ends soon. Pure; every text came from a file or from Azure.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.arm.canonical import category, instant
from reconciler.kinds import FindingKind
from reconciler.model import WORST_FIRST, Channel, Severity
from reconciler.planning.values import Finding
from reconciler.reports.decision_labels import category_label
from reconciler.reports.drift import DriftReport, Identified, identify
from reconciler.reports.escape import printable
from reconciler.reports.evidence import portal_link
from reconciler.reports.findings_text import subject_label
from reconciler.reports.labels import NO_NAMES, Names, expiry_date

REMINDERS: Final = (30, 7, 1)
"""How many days before the end of a declaration its owner is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell. `key` is the same for the same thing in every run; `facts` are labels and texts, `link` an address
    of Azure's portal or empty, `owner` who answers for the declaration it is about.
    """

    key: str
    title: str
    message: str
    remedy: str
    severity: Severity
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    owner: str = ""
    always: bool = False


def notices(  # noqa: PLR0913 - what decides what is new
    report: DriftReport,
    *,
    owners: Mapping[str, str],
    since: datetime | None,
    untold: Collection[str] = (),
    names: Names = NO_NAMES,
    everything: bool = False,
) -> tuple[Notice, ...]:
    """What is new in a report, made by hand first. `owners` answer for declarations; `since` is when the earlier report was
    made, None where there is none: then only reminders of today are due. `untold` are keys that could not be told then;
    `everything` counts as new, whatever the earlier report had.
    """
    findings = identify(report)
    fresh = [
        notice_of(finding, owners, names)
        for finding in findings
        if everything or finding.is_new or finding.id in untold
    ]
    due = [notice for notice in fresh if notice is not None]
    due += [
        reminder
        for finding in findings
        for reminder in _reminders(finding, owners, names, since=since, now=report.taken_at, untold=untold)
    ]
    return tuple(sorted(due, key=lambda notice: (not notice.always, WORST_FIRST.index(notice.severity), notice.key)))


def notice_of(identified: Identified, owners: Mapping[str, str], names: Names = NO_NAMES) -> Notice | None:
    """A finding as a notice; None for the end of a declaration, which has its own days."""
    finding = identified.finding
    if finding.kind is FindingKind.EXPIRING:
        return None
    system = finding.evidence.system
    by_hand = finding.kind is FindingKind.UNMANAGED and system is not None and system.created_by_type.lower() == "user"
    title, remedy = f"New finding: {finding.kind.value}", printable(finding.remedy)
    if by_hand:
        title = "A user created an exemption"
        scope, _, _ = finding.subject.text.partition("/providers/Microsoft.Authorization/policyExemptions/")
        remedy = (
            f"to declare it: exempt import live --scope {shlex.quote(scope)}; "
            f"to remove it: az resource delete --ids {shlex.quote(printable(finding.subject.text))}"
        )
    return Notice(
        key=identified.id,
        title=title,
        message=printable(finding.message),
        remedy=remedy,
        severity=finding.severity,
        facts=tuple((label, printable(text)) for label, text in _facts(finding, names) if text),
        link=portal_link(finding),
        owner=owners.get(finding.declaration or "", ""),
        always=by_hand,
    )


def _facts(finding: Finding, names: Names) -> Iterator[tuple[str, str]]:
    evidence, system = finding.evidence, finding.evidence.system
    yield "declaration", finding.declaration or ""
    yield "where", subject_label(finding, names)
    yield "recommendation", "; ".join(evidence.recommendations)
    if evidence.category:
        yield "category", category_label(category(evidence.category))
        yield "until", expiry_date(evidence.expires_on) if evidence.expires_on else "never ends"
    if system is not None and system.created_by:
        yield "who", f"{system.created_by} ({system.created_by_type})" if system.created_by_type else system.created_by
        yield "when", f"{system.created_at:%Y-%m-%d %H:%M} UTC" if system.created_at else ""


def _reminders(  # noqa: PLR0913 - what decides whether one is due
    identified: Identified,
    owners: Mapping[str, str],
    names: Names,
    *,
    since: datetime | None,
    now: datetime,
    untold: Collection[str],
) -> Iterator[Notice]:
    finding = identified.finding
    end = instant(finding.evidence.expires_on) if finding.kind is FindingKind.EXPIRING else None
    if end is None:
        return
    before = since or now - timedelta(days=1)
    due = [days for days in REMINDERS if before < end - timedelta(days=days) <= now]
    due += [days for days in REMINDERS if f"{identified.id}-{days}" in untold and days not in due]
    if due:
        days = min(due)
        yield Notice(
            key=f"{identified.id}-{days}",
            title=f"{finding.declaration} ends within {days} {'day' if days == 1 else 'days'}",
            message=printable(finding.message),
            remedy=printable(finding.remedy),
            severity=finding.severity,
            facts=tuple((label, printable(text)) for label, text in _facts(finding, names) if text),
            owner=owners.get(finding.declaration or "", ""),
            always=True,
        )


def for_channel(new_notices: Iterable[Notice], channel: Channel) -> tuple[Notice, ...]:
    """What a channel wants to hear."""
    worst = [severity.value for severity in WORST_FIRST]
    severities = worst[: worst.index(channel.severity) + 1]
    return tuple(notice for notice in new_notices if notice.always or notice.severity.value in severities)
