"""Which days before an end are told, each once, however seldom drift runs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.kinds import FindingKind
from reconciler.model import Channel, ChannelKind, arm_id
from reconciler.planning.evidence import Evidence
from reconciler.planning.values import Finding
from reconciler.reports.drift import DriftReport
from reconciler.reports.notices import for_channel, notices

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)


def report(ends, **fields):
    finding = Finding(
        kind=FindingKind.EXPIRING, subject=arm_id("/subscriptions/6f0e"), message="1 exemption ends", remedy="prolong it",
        declaration="legacy", evidence=Evidence(expires_on=f"{ends:%Y-%m-%dT%H:%M:%SZ}"),
    )  # fmt: skip
    return DriftReport(
        tenant_id="t", owner="o", scopes=(), revision=None, taken_at=NOW, findings=(finding,), earlier={}, **fields
    )


def told(days, since_days, **more):
    made = report(NOW + timedelta(days=days))
    since = None if since_days is None else NOW - timedelta(days=since_days)
    return [n.title for n in notices(made, owners={"legacy": "a@contoso.example"}, since=since, **more)]


@pytest.mark.parametrize(
    ("days", "since_days", "titles"),
    [
        (29.5, 1, ["legacy ends within 30 days"]),
        (29.5, 0.4, []),  # told by the run before
        (20, 1, []),
        (6.9, 1, ["legacy ends within 7 days"]),
        (0.5, 1, ["legacy ends within 1 day"]),
        (0.5, 40, ["legacy ends within 1 day"]),  # nothing ran for weeks: once, with the nearest
        (29.9, None, ["legacy ends within 30 days"]),
        (25, None, []),
    ],
)
def test_the_days_before_an_end(days, since_days, titles):
    assert told(days, since_days) == titles


def test_a_daily_run_tells_each_day_once():
    end = NOW + timedelta(days=40)
    titles = []
    for day in range(45):
        made = replace(report(end), taken_at=NOW + timedelta(days=day))
        titles += [n.title for n in notices(made, owners={}, since=NOW + timedelta(days=day - 1))]
    assert titles == ["legacy ends within 30 days", "legacy ends within 7 days", "legacy ends within 1 day"]


def test_who_owns_it_and_which_channel_wants_it():
    (notice,) = notices(report(NOW + timedelta(days=0.5)), owners={"legacy": "a@contoso.example"}, since=NOW - timedelta(days=1))  # fmt: skip
    assert notice.owner == "a@contoso.example"
    assert for_channel([notice], Channel(kind=ChannelKind.TEAMS, severity="error")) == (notice,)
    quiet = replace(notice, always=False)
    assert for_channel([quiet], Channel(kind=ChannelKind.TEAMS, severity="error")) == ()
