"""A declaration of several recommendations is several decisions, although one exemption may serve them all."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import world

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.overlay import Overlay, RecommendationEntry
from reconciler.kinds import FindingKind
from reconciler.model import Cloud, Rules, Subject, SubjectKind, arm_id
from reconciler.planning.allowances import Allowances
from reconciler.planning.decisions import decisions_of
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory
from reconciler.planning.values import Action, Widening

END = datetime(2027, 5, 1, 23, 59, 59, tzinfo=UTC)
SINGLE = [
    entry
    for entry in world.CATALOGUE.recommendations.values()
    if len(entry.policies) == 1 and not entry.obstacles and len(world.CATALOGUE.resting_on(entry.policies[0])) == 1
]
HIGH, LOW = (next(entry for entry in SINGLE if entry.severity == severity) for severity in ("High", "Low"))
MEDIUM, ELSEWHERE = [entry for entry in SINGLE if entry.severity == "Medium"][:2]
SHARED = next(
    policy
    for entry in world.CATALOGUE.recommendations.values()
    for policy in entry.policies
    if len(world.CATALOGUE.resting_on(policy)) > 1
)
BENCHMARK = world.initiative(
    "mcsb",
    refHigh=HIGH.policies[0].name,
    refLow=LOW.policies[0].name,
    refMedium=MEDIUM.policies[0].name,
    refShared=SHARED.name,
)


def snapshot(*exemptions):
    return world.snapshot(*exemptions, initiatives=(BENCHMARK,))


def declaration(*entries, **more):
    first, *further = (entry.key for entry in entries)
    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))
    return replace(world.declaration("lab", expires_on=END), subject=subject, **more)


def applied(*declarations):
    return [change.after for change in world.plan(snapshot(), *declarations).changes]


def told(*declarations, live=()):
    """Title, severity, whether it exempts more and less, and whether anything is exempt afterwards."""
    plan = world.plan(snapshot(*live), *declarations)
    decisions = decisions_of(plan)
    assert {change.id.key for decision in decisions for change in decision.changes} == {c.id.key for c in plan.changes}
    return [
        (each.title, each.severity, each.exempts_more, each.exempts_less, each.after is not None) for each in decisions
    ]


def test_each_recommendation_is_a_decision_of_its_own_although_one_exemption_serves_both():
    plan = world.plan(snapshot(), declaration(LOW, HIGH))
    assert [change.action for change in plan.changes] == [Action.CREATE]
    assert told(declaration(LOW, HIGH)) == [
        (HIGH.title, "High", True, False, True),
        (LOW.title, "Low", True, False, True),
    ]


def test_naming_one_twice_is_one_decision():
    assert len(told(declaration(HIGH, HIGH))) == 1


def test_one_more_is_the_only_decision_and_one_less_ends_alone():
    one, both = declaration(LOW), declaration(LOW, HIGH)
    assert told(both, live=applied(one)) == [(HIGH.title, "High", True, False, True)]
    assert told(one, live=applied(both)) == [(HIGH.title, "High", False, True, False)]


def test_another_recommendation_in_its_place_ends_the_one_and_begins_the_other():
    assert told(declaration(LOW), live=applied(declaration(HIGH))) == [
        (LOW.title, "Low", True, False, True),
        (HIGH.title, "High", False, True, False),
    ]


@pytest.mark.parametrize(
    ("more", "less"), [({"expires_on": END.replace(year=2028)}, False), ({"justification": "Other words."}, None)]
)
def test_what_changes_for_all_of_them_is_a_decision_for_each(more, less):
    before = declaration(LOW, HIGH)
    assert told(replace(before, **more), live=applied(before)) == [
        (HIGH.title, "High", less is False, False, True),
        (LOW.title, "Low", less is False, False, True),
    ]


def test_a_longer_end_and_one_more_at_once():
    longer = declaration(LOW, HIGH, expires_on=END.replace(year=2028))
    assert [(row[0], row[2]) for row in told(longer, live=applied(declaration(LOW)))] == [
        (HIGH.title, True),
        (LOW.title, True),
    ]


def test_a_removed_declaration_ends_for_each_recommendation_with_its_severity():
    assert told(live=applied(declaration(LOW, HIGH, MEDIUM))) == [
        (HIGH.title, "High", False, True, False),
        (MEDIUM.title, "Medium", False, True, False),
        (LOW.title, "Low", False, True, False),
    ]


def test_what_shares_a_policy_ends_as_one_since_nobody_can_tell_which_was_meant():
    one, *_ = resting = world.CATALOGUE.resting_on(SHARED)
    live = [replace(exemption, display_name="") for exemption in applied(declaration(one))]
    (row,) = told(live=live)
    assert row[0] == "; ".join(sorted(entry.title for entry in resting))
    (named,) = told(live=applied(declaration(one)))
    assert named[0] == one.title, "unless the exemption's title says it"


def test_a_whole_initiative_ends_as_what_it_was_called():
    whole = world.ours("whole", "gone", references=(), display_name="gone: The benchmark")
    assert [row[0] for row in told(live=[whole])] == ["The benchmark"]


def test_a_single_policy_serves_its_own_recommendation_alone():
    single = world.assignment(world.ROOT, "one", HIGH.policies[0])
    plan = world.plan(
        world.snapshot(assignments=(world.AT_ROOT, single), initiatives=(BENCHMARK,)), declaration(LOW, HIGH)
    )
    by_title = {each.title: len(each.changes) for each in decisions_of(plan)}
    assert by_title == {LOW.title: 1, HIGH.title: 2}


def test_one_that_nothing_evaluates_is_told_although_the_other_is_exempt():
    plan = world.plan(snapshot(), declaration(LOW, ELSEWHERE))
    (finding,) = (each for each in plan.findings if each.kind is FindingKind.UNCOVERED)
    assert ELSEWHERE.title in finding.message
    assert LOW.title not in finding.message
    assert [each.title for each in decisions_of(plan)] == [LOW.title]
    assert not any(
        each.kind is FindingKind.UNCOVERED for each in world.plan(snapshot(), declaration(LOW, HIGH)).findings
    )


def test_what_the_repository_rates_critical_is_told_so_and_comes_first():
    """catalog.yaml and the rules know that severity, so the plan does."""
    entry = RecommendationEntry(key=LOW.key, severity="Critical")
    catalogue = Catalogue(Cloud.PUBLIC, Overlay(recommendations=(entry,)))
    plan = make_plan([declaration(HIGH, LOW)], catalogue, snapshot(), world.SETTINGS, NoHistory(), world.NOW)
    assert [(each.severity, each.is_severe) for each in decisions_of(plan)] == [("Critical", True), ("High", True)]


# --- beside exemptions that stay as they are ---

AGAIN = world.assignment(world.LEFT, "mcsb-again", BENCHMARK.id)


def in_both(*exemptions):
    """The same initiative assigned above and below: each assignment has its own exemption."""
    return world.snapshot(*exemptions, assignments=(world.AT_ROOT, AGAIN), initiatives=(BENCHMARK,))


def assignments_of(plan):
    """In how many assignments each recommendation is exempt before and after."""
    return {
        each.title: (each.before and each.before.assignments, each.after and each.after.assignments)
        for each in decisions_of(plan)
    }


def test_what_is_exempt_already_in_another_assignment_belongs_to_each_recommendation_that_it_serves():
    both = declaration(LOW, HIGH)
    plan = world.plan(in_both(*applied(both)), both)
    assert [change.action for change in plan.changes] == [Action.CREATE]
    assert assignments_of(plan) == {LOW.title: (1, 2), HIGH.title: (1, 2)}


def test_what_stays_and_serves_another_recommendation_alone_belongs_to_that():
    plan = world.plan(in_both(*applied(declaration(LOW))), declaration(LOW, HIGH))
    assert {change.action for change in plan.changes} == {Action.UPDATE, Action.CREATE}
    assert assignments_of(plan) == {LOW.title: (1, 2), HIGH.title: (None, 2)}


def test_one_more_and_a_longer_end_widen_each_recommendation_by_what_it_gains():
    longer = declaration(LOW, HIGH, expires_on=END.replace(year=2028))
    plan = world.plan(snapshot(*applied(declaration(LOW))), longer)
    widened = {each.title: each.parts[0].widens for each in decisions_of(plan)}
    assert widened == {
        HIGH.title: (Widening.EXPIRY, Widening.REFERENCES),
        LOW.title: (Widening.EXPIRY,),
    }


# --- what nobody can tell ---


def test_a_reference_that_the_initiative_no_longer_has_counts_with_the_first_that_is_named_alone():
    (before,) = applied(declaration(LOW, HIGH))
    live = replace(before, reference_ids=(*before.reference_ids, "refGone"), display_name="As somebody called it")
    parts = {
        each.title: each.parts[0].before.reference_ids
        for each in decisions_of(world.plan(snapshot(live), declaration(LOW, HIGH)))
    }
    assert parts == {LOW.title: ("refLow", "refGone")}


def test_an_exemption_from_an_assignment_that_is_gone_counts_with_each():
    orphan = replace(applied(declaration(LOW, HIGH))[0], assignment=AGAIN.id)
    orphan = replace(orphan, id=arm_id(f"{orphan.id}-of-another"))
    found = replace(snapshot(orphan), gone=frozenset({AGAIN.id.key}))
    plan = world.plan(found, declaration(LOW, HIGH), allowed=Allowances(delete_orphans=1))
    assert {each.title: sorted(part.action for part in each.parts) for each in decisions_of(plan)} == {
        LOW.title: [Action.CREATE, Action.DELETE],
        HIGH.title: [Action.CREATE, Action.DELETE],
    }


def test_what_ends_in_several_assignments_ends_for_the_recommendations_of_all():
    other = world.initiative("nist", nistLow=LOW.policies[0].name, nistMedium=MEDIUM.policies[0].name)
    also = world.assignment(world.ROOT, "nist", other.id)
    there = world.snapshot(assignments=(world.AT_ROOT, also), initiatives=(BENCHMARK, other))
    live = [change.after for change in world.plan(there, declaration(MEDIUM)).changes]
    high = [replace(exemption, metadata=live[0].metadata) for exemption in applied(declaration(HIGH))]
    high = [replace(exemption, id=arm_id(f"{exemption.id}-too")) for exemption in high]
    ended = decisions_of(
        world.plan(
            replace(there, exemptions=(*high, *live)),
        )
    )
    assert {each.title for each in ended} == {HIGH.title, MEDIUM.title}


def test_what_a_declared_initiative_holds_is_no_decision_of_its_own_and_hides_no_other():
    """Two declarations lose what they had, one of a whole initiative and one that is gone."""
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=world.AT_ROOT.id.text)
    settings = replace(world.SETTINGS, rules=Rules(allow_whole_assignment=True))
    whole = replace(world.declaration("all", world.LEFT, expires_on=END), subject=subject)
    live = [change.after for change in world.plan(snapshot(), whole, settings=settings).changes]
    plan = world.plan(
        snapshot(*applied(declaration(HIGH)), *live),
        replace(whole, expires_on=END.replace(year=2026, month=12)),
        settings=settings,
    )
    assert [(each.name, each.title, each.exempts_less) for each in decisions_of(plan)] == [
        ("lab", HIGH.title, True),
        ("all", "mcsb", True),
    ]


# --- a policy in place of a recommendation ---


def test_a_policy_is_as_severe_as_what_rests_on_it_and_counts_resources_of_its_types():
    policy = HIGH.policies[0]
    (kind, *_) = world.CATALOGUE.policy(policy).resource_types
    subject = Subject(kind=SubjectKind.POLICY, value=policy.name)
    plan = world.plan(snapshot(), replace(world.declaration("lab", expires_on=END), subject=subject))
    resources = {world.RG.key: {kind: 3, "microsoft.test/others": 4}}
    (decision,) = decisions_of(plan, resources=resources)
    assert (decision.title, decision.severity) == (world.CATALOGUE.policy(policy).title, "High")
    assert (decision.resources.total, decision.resources.evaluated) == (7, 3)
