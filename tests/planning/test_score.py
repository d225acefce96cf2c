"""The estimate's own arithmetic and counting: recorded figures, the official example, what moves a score and what not."""

from dataclasses import replace
from fractions import Fraction

import pytest
from planning.world import CATALOGUE, NOW, SETTINGS, SUB

from reconciler.model import (
    Assignment,
    Exemption,
    Initiative,
    Member,
    ResourceSelector,
    Selector,
    Snapshot,
    arm_id,
    assessment_id,
)
from reconciler.model.posture import Assessment, ControlDefinition, Health, Posture, ReportedScore, ResourceCounts
from reconciler.planning.score.actual import Comparison, EarlierEstimate, Outcome
from reconciler.planning.score.estimate import affected_subscriptions, estimate
from reconciler.planning.score.exempted import Facts
from reconciler.planning.score.formula import ControlScore, Score, combined, total
from reconciler.planning.score.values import Uncounted
from reconciler.planning.tree import tree_of
from reconciler.planning.values import Change, Plan, Reason
from reconciler.reports.score import score_figures

RECORDED = [
    # healthy, unhealthy, not applicable, highest; max, current, percentage, weight
    ((0, 0, 28, 2), (0, "0", "0", 0)),
    ((73, 5, 0, 4), (4, "3.74", "0.935", 78)),
    ((20, 0, 0, 4), (4, "4", "1", 20)),
    ((44, 131, 0, 0), (0, "0", "0", 175)),
    ((11, 7, 2, 3), (3, "1.83", "0.61", 18)),
    ((22, 0, 27, 0), (0, "0", "0", 22)),
    ((3, 52, 0, 1), (1, "0.05", "0.05", 55)),
    ((0, 68, 0, 4), (4, "0", "0", 68)),
    ((1, 17, 3, 2), (2, "0.11", "0.055", 18)),
    ((11, 7, 0, 6), (6, "3.67", "0.6117", 18)),
    ((14, 54, 3, 4), (4, "0.82", "0.205", 68)),
    ((16, 1, 0, 8), (8, "7.53", "0.9412", 17)),
    ((0, 17, 5, 6), (6, "0", "0", 17)),
    ((0, 1, 0, 4), (4, "0", "0", 1)),
    ((0, 1, 0, 0), (0, "0", "0", 1)),
    ((1, 0, 0, 10), (10, "10", "1", 1)),
]
"""A recorded subscription's controls (Azure/azure-cli, test_security_secure_score.yaml, 2021-07-12)."""

OFFICIAL = [
    (0, 0, 1, 2), (1, 0, 0, 10), (7, 0, 1, 0), (0, 1, 0, 0), (1, 4, 0, 1), (1, 1, 0, 4), (0, 1, 0, 4), (0, 1, 0, 2),
    (0, 1, 0, 6), (5, 1, 0, 4), (1, 0, 0, 4), (1, 0, 0, 4),
]  # fmt: skip


def control(healthy, unhealthy, not_applicable, highest):
    definition = ControlDefinition(key="k", title="K", max_score=highest, members=frozenset())
    counts = ResourceCounts(healthy=healthy, unhealthy=unhealthy, not_applicable=not_applicable)
    return ControlScore(definition=definition, counts=counts)


@pytest.mark.parametrize(("counts", "figures"), RECORDED)
def test_every_recorded_control(counts, figures):
    highest, current, percentage, weight = figures
    found = control(*counts)
    assert (found.max, found.current, found.counted) == (highest, Fraction(current), weight)
    assert Score(current=found.current, max=found.max).percentage == (Fraction(percentage) if found.max else None)


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (Score(current=Fraction(5), max=10), Outcome.AS_ESTIMATED),
        (Score(current=Fraction(0), max=10), Outcome.OTHERWISE),
        (Score(), Outcome.UNCHANGED),
        (None, Outcome.GONE),
    ],
)
def test_an_estimate_from_where_nothing_was_assessed(current, expected):
    """Nothing assessed is not 0 of 10 points."""
    after = Score(current=Fraction(5), max=10)
    earlier = EarlierEstimate(subscription=SUB, now=Score(), after=after, upper=after)
    assert Comparison(estimate=earlier, actual=current).outcome is expected


def test_figures_are_as_azure_reports_them_where_nothing_was_assessed():
    assert score_figures(Score()) == {"max": 0, "current": 0.0, "percentage": 0.0, "weight": 0}


def test_the_recorded_subscription_and_the_official_example():
    recorded = total(control(*counts) for counts, _ in RECORDED)
    assert (recorded.current, recorded.max, recorded.weight) == (Fraction("31.75"), 56, 1441)
    assert recorded.percentage == Fraction("0.567")
    example = total(control(*counts) for counts in OFFICIAL)
    assert (example.current, example.max, example.weight) == (Fraction("23.53"), 39, 67)
    assert example.percentage == Fraction("0.6033")
    exempted = [(0, 0, 1, 6) if counts == (0, 1, 0, 6) else counts for counts in OFFICIAL]
    after = total(control(*counts) for counts in exempted)
    assert (after.current, after.max, after.percentage) == (Fraction("23.53"), 33, Fraction("0.713"))


def test_several_subscriptions_count_by_weight():
    assert combined([]) is None
    one, other = Score(current=Fraction(3), max=4, weight=10), Score(current=Fraction(1), max=4, weight=30)
    assert combined([one, other]) == Fraction("0.375")
    assert combined([one, Score()]) == Fraction("0.75")


# --- what moves a score ------------------------------------------------------------------------------------------

TDE, KEY2, OUTSIDE = "651967bf-044e-4bde-8376-3e08e0600105", "aaaaaaaa-0000-4000-8000-000000000002", "lonely"
POLICY = next(policy for policy in CATALOGUE.recommendations[TDE].policies)
ASSIGNMENT = Assignment(
    id=arm_id(f"{SUB}/providers/Microsoft.Authorization/policyAssignments/mcsb"),
    definition=arm_id("/providers/Microsoft.Authorization/policySetDefinitions/mcsb"),
)
INITIATIVE = Initiative(id=ASSIGNMENT.definition, members=(Member(definition=POLICY, reference_id="Tde"),))
CONTROL = ControlDefinition(key="c", title="Encryption", max_score=4, members=frozenset({TDE, KEY2}))
GUID = SUB.name


def database(number):
    return arm_id(f"{SUB}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d{number}")


def assessment(number=1, key=TDE, health=Health.UNHEALTHY, **more):
    resource = database(number)
    return Assessment(
        id=arm_id(f"{resource}/providers/Microsoft.Security/assessments/{key}"),
        key=key, resource=resource, health=health, title=f"Title of {key[:4]}", **more,
    )  # fmt: skip


def exemption(scope=None, category="Waiver", **more):
    return Exemption(
        id=arm_id(f"{scope or database(1)}/providers/Microsoft.Authorization/policyExemptions/e"),
        assignment=ASSIGNMENT.id, category=category, reference_ids=("Tde",), **more,
    )  # fmt: skip


def judged(assessments, before=None, after=None, counts=None, assignment=ASSIGNMENT, initiatives=None):
    """The estimate of a plan with one change, of which one side may be missing."""
    snapshot = Snapshot(
        tenant_id=SETTINGS.tenant_id, taken_at=NOW, parents={}, expected=(SUB,), assignments={assignment.id.key: assignment},
        initiatives={assignment.id.key: INITIATIVE} if initiatives is None else initiatives,
        exemptions=(before,) if before else (),
    )  # fmt: skip
    change = Change(before=before, after=after, reason=Reason.DECLARED, fingerprint="")
    plan = Plan(
        tenant_id="", owner="", scopes=(SUB,), revision=None, taken_at=NOW, changes=(change,), unchanged=(), foreign=(), held=(),
        findings=(), refusals=(), unread=(), digest="",
    )  # fmt: skip
    reported = ReportedScore(current=Fraction(2), max=4, percentage=Fraction("0.5"), weight=8)
    posture = Posture(
        assessments=tuple(assessments), definitions=(CONTROL,), scores={GUID: reported},
        counts={(GUID, "c"): counts or ResourceCounts(healthy=1, unhealthy=1)},
    )  # fmt: skip
    tree = tree_of(snapshot, SETTINGS)
    assert affected_subscriptions(plan, tree) == (SUB,)
    return estimate(plan, posture, Facts(snapshot=snapshot, catalogue=CATALOGUE, tree=tree, now=NOW))


def scores(found):
    (item,) = found.subscriptions
    return [
        str(float(stage.percentage))
        for stage in (item.score.now, item.score.settled, item.score.after, item.score.upper)
    ]


HEALTHY_OTHER = assessment(2, health=Health.HEALTHY)


def test_a_waiver_leaves_the_count():
    found = judged([assessment(), HEALTHY_OTHER], after=exemption())
    assert scores(found) == ["0.5", "0.5", "1.0", "1.0"]
    assert (found.now, found.after) == (Fraction("0.5"), Fraction(1))


def test_mitigated_is_healthy_at_best():
    counts = ResourceCounts(healthy=1, unhealthy=2)
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(category="Mitigated"), counts=counts)
    assert scores(found) == ["0.5", "0.3325", "0.5", "0.6675"]


def test_another_finding_in_the_control_leaves_no_effect():
    found = judged([assessment(), assessment(key=KEY2), HEALTHY_OTHER], after=exemption())
    assert scores(found) == ["0.5"] * 4
    (line,) = found.no_effect
    assert (line.control, line.resource, line.others) == ("Encryption", database(1), ("Title of aaaa",))


def test_a_resource_with_a_healthy_other_assessment_becomes_healthy():
    counts = ResourceCounts(unhealthy=1)
    found = judged([assessment(), assessment(key=KEY2, health=Health.HEALTHY)], after=exemption(), counts=counts)
    assert scores(found)[1:] == ["0.0", "1.0", "1.0"]
    assert found.no_effect == ()


def test_exempting_what_is_healthy_lowers_the_score():
    found = judged([assessment(health=Health.HEALTHY), assessment(2)], after=exemption())
    assert scores(found)[1:] == ["0.5", "0.0", "0.0"]


def test_what_is_exempt_no_longer_counts_as_unhealthy():
    exempt = assessment(health=Health.NOT_APPLICABLE, cause="Exempt")
    found = judged([exempt, HEALTHY_OTHER], before=exemption(), counts=ResourceCounts(healthy=1, not_applicable=1))
    assert scores(found)[1:] == ["1.0", "0.5", "0.5"]
    assert found.reopened == 1


def test_what_is_not_applicable_for_another_cause_stays():
    other = assessment(health=Health.NOT_APPLICABLE, cause="OffByPolicy")
    found = judged([other, HEALTHY_OTHER], after=exemption(), counts=ResourceCounts(healthy=1, not_applicable=1))
    assert scores(found)[1:] == ["1.0"] * 3


def test_an_earlier_exemption_that_is_not_in_force_yet_is_no_effect_of_the_plan():
    waiting = exemption(display_name="old")
    found = judged([assessment(), HEALTHY_OTHER], before=waiting, after=replace(waiting, display_name="new"))
    assert scores(found) == ["0.5", "1.0", "1.0", "1.0"]
    assert found.subscriptions[0].controls == ()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"preview": True}, Uncounted.PREVIEW),
        ({"source": "AWS"}, Uncounted.OTHER_ENVIRONMENT),
        ({"key": OUTSIDE, "policy": POLICY}, Uncounted.NO_CONTROL),
    ],
)
def test_what_does_not_count_is_named(more, reason):
    found = judged([assessment(**more), HEALTHY_OTHER], after=exemption())
    assert scores(found) == ["0.5"] * 4
    (line,) = found.not_counted
    assert (line.reason, line.resources) == (reason, 1)


def test_a_location_that_nobody_knows_leaves_it_as_it_is():
    where = ResourceSelector("w", (Selector(kind="resourceLocation", values=("westeurope",)),))
    kind = ResourceSelector("k", (Selector(kind="resourceType", values=("Microsoft.Sql/servers/databases",)),))
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(selectors=(where,)))
    assert (found.unsure, scores(found)) == (1, ["0.5"] * 4)
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(selectors=(where, kind)))
    assert (found.unsure, scores(found)[2]) == (0, "1.0")


@pytest.mark.parametrize(
    "more",
    [
        {"initiatives": {}},
        {"assignment": replace(ASSIGNMENT, selectors=(ResourceSelector("w", (Selector(kind="resourceLocation", values=("x",)),)),))},
    ],
)  # fmt: skip
def test_what_was_not_read_leaves_it_as_it_is(more):
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(), **more)
    assert (found.unsure, scores(found)) == (2, ["0.5"] * 4)


@pytest.mark.parametrize(
    "more", [{"not_scopes": (SUB,)}, {"overrides": ({"kind": "policyEffect", "value": "Disabled"},)}]
)
def test_an_assignment_that_does_not_evaluate_needs_no_exemption(more):
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(), assignment=replace(ASSIGNMENT, **more))
    assert scores(found) == ["0.5"] * 4


def test_the_policy_that_azure_names_counts_where_it_is_another_than_the_reviewed_one():
    elsewhere = arm_id(f"{POLICY}-other")
    found = judged([assessment(policy=elsewhere), HEALTHY_OTHER], after=exemption())
    assert scores(found) == ["0.5"] * 4, "nothing evaluates it, so nothing exempts it"


@pytest.mark.parametrize(
    ("key", "kind", "values", "expected"),
    [
        (KEY2, None, (), "1.0"),
        (OUTSIDE, None, (), "0.5"),
        (KEY2, "excludedScopes", (SUB.key,), "0.5"),
        (KEY2, "excludedScopes", (database(2).key,), "1.0"),
        (KEY2, "va.cve.cveId", ("CVE-2020-1347",), "0.5"),
    ],
)
def test_a_standard_assignment_exempts_a_recommendation_without_a_policy(key, kind, values, expected):
    groups = (ResourceSelector("", (Selector(kind=kind, values=values, negated=kind[0] == "e"),)),) if kind else ()
    standard = Exemption(
        id=arm_id(f"{SUB}/providers/Microsoft.Security/standardAssignments/s"),
        assignment=assessment_id(key), category="Waiver", selectors=groups,
    )  # fmt: skip
    rows = [assessment(key=KEY2), HEALTHY_OTHER]
    assert scores(judged(rows, after=standard))[2] == expected
    exempt = assessment(key=KEY2, health=Health.NOT_APPLICABLE, cause="Exempt")
    after = scores(judged([exempt, HEALTHY_OTHER], before=standard, counts=ResourceCounts(healthy=1, not_applicable=1)))
    assert after[2] == ("0.5" if expected == "1.0" else "1.0"), "what ends is unhealthy again, if it was this one"


def test_counts_that_lag_behind_never_fall_below_none():
    counts = ResourceCounts(healthy=1)
    found = judged([assessment(), HEALTHY_OTHER], after=exemption(), counts=counts)
    assert found.subscriptions[0].controls[0].after.counts.unhealthy == 0
