"""Rules that need the policies behind a cell are judged in the plan, however a declaration addresses them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from planning.world import (
    AT_ROOT,
    CATALOGUE,
    NOW,
    RG,
    SETTINGS,
    assignment,
    declaration,
    initiative,
    ours,
    plan,
    shape,
    snapshot,
)

from reconciler.catalog.facts import Obstacle
from reconciler.kinds import HeldCause
from reconciler.model import LifetimeRule, Rules, Subject, SubjectKind

OF_SEVERITY = {
    severity: next(
        recommendation.policies[0].name
        for recommendation in CATALOGUE.recommendations.values()
        if recommendation.severity == severity
        and recommendation.policies
        and {other.severity for other in CATALOGUE.resting_on(recommendation.policies[0])} == {severity}
    )
    for severity in ("High", "Low")
}
HARDLY = {
    obstacle: next(policy for policy in CATALOGUE.policies.values() if obstacle in policy.obstacles).id.name
    for obstacle in (Obstacle.MODE, Obstacle.UNSUPPORTED)
}
MIXED = initiative(
    "mcsb", high=OF_SEVERITY["High"], low=OF_SEVERITY["Low"], own="custom-policy",
    mode=HARDLY[Obstacle.MODE], ignored=HARDLY[Obstacle.UNSUPPORTED],
)  # fmt: skip
BY_SEVERITY = Rules(
    lifetimes=(LifetimeRule(days=30, severity="High"), LifetimeRule(days=180, severity="Low"))
)  # fmt: skip


def judged(reference, rules, kind=SubjectKind.ASSIGNMENT, days=None, *existing):
    value = AT_ROOT.id.text if kind is SubjectKind.ASSIGNMENT else "mcsb"
    wanted = declaration(
        "one", RG, subject=Subject(kind=kind, value=value, reference_ids=(reference,)),
        expires_on=None if days is None else NOW + timedelta(days=days),
    )  # fmt: skip
    return plan(snapshot(*existing, initiatives=(MIXED,)), wanted, settings=replace(SETTINGS, rules=rules))


@pytest.mark.parametrize("kind", [SubjectKind.ASSIGNMENT, SubjectKind.INITIATIVE])
@pytest.mark.parametrize(
    ("reference", "days", "cause"),
    [
        ("high", 30, None),
        ("high", 31, HeldCause.LIFETIME),
        ("high", None, HeldCause.LIFETIME),
        ("low", 31, None),
        ("low", 181, HeldCause.LIFETIME),
        ("own", 30, None),
        ("own", 31, HeldCause.LIFETIME),  # nobody knows its severity, which counts as the strictest
    ],
)
def test_the_lifetime_by_severity_cannot_be_dodged_by_an_address(kind, reference, days, cause):
    done = judged(reference, BY_SEVERITY, kind, days)
    assert [line.cause for line in done.held] == ([cause] if cause else [])
    assert len(done.changes) == (0 if cause else 1)


def test_what_is_too_long_takes_nothing_away():
    shorter = ours("old", "one", references=("high",), expires_on="2026-12-01T00:00:00Z")
    done = judged("high", BY_SEVERITY, SubjectKind.ASSIGNMENT, 365, shorter)
    assert not done.changes
    assert [line.cause for line in done.held] == [HeldCause.LIFETIME]
    assert done.held[0].remedy == "write expiresOn: 2026-12-20, or an earlier day"


def test_strict_unsupported_counts_for_addresses():
    assert shape(judged("ignored", Rules()))[0][:2] == ("create", "declared")
    (line,) = judged("ignored", Rules(strict_unsupported=True)).held
    assert line.cause is HeldCause.UNSUPPORTED


def test_a_policy_of_an_impossible_mode_is_named_before_azure_refuses_it():
    (line,) = judged("mode", Rules()).held
    assert line.cause is HeldCause.NOT_EXEMPTABLE


def test_a_single_policy_is_judged_as_well():
    single = assignment(RG, "single", MIXED.members[0].definition)
    wanted = declaration("one", RG, subject=Subject(kind=SubjectKind.ASSIGNMENT, value=single.id.text))
    done = plan(snapshot(assignments=(single,)), wanted, settings=replace(SETTINGS, rules=BY_SEVERITY))
    assert [line.cause for line in done.held] == [HeldCause.LIFETIME]
