"""Laws of the diagnosis, over small tenants of every make: it is the plan's voice and nobody else's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drift.diagnosed import Git, planned, stamped
from hypothesis import given, settings
from hypothesis import strategies as st
from planning import world

from reconciler.applying import approvals
from reconciler.arm.canonical import instant_text
from reconciler.drift import DriftInputs, find_drift
from reconciler.model import SystemData, Unread
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.provenance import NoHistory
from reconciler.planning.values import Reason
from reconciler.reports.drift import DriftReport, identify

SCOPES = (world.ROOT, world.SUB, world.OTHER_SUB, world.RG, world.RESOURCE)
NIST = world.assignment(world.SUB, "nist", world.STANDARD.id)
SINCE = SystemData(
    created_by="bob@contoso.example", created_by_type="User", created_at=datetime(2026, 11, 9, tzinfo=UTC)
)
NEWER = world.assignment(world.OTHER_SUB, "again", world.BENCHMARK.id, system=SINCE)
PLACES = ((world.AT_ROOT, ("refA", "refB", "refC")), (NIST, ("nistA", "nistA2", "nistD")))
RESTORING = frozenset({Reason.RECREATE, Reason.FAN_OUT, Reason.EXPIRED})
ENDS = st.sampled_from([None, -5, 3, 100])


def _end(days):
    return None if days is None else world.NOW + timedelta(days=days)


@st.composite
def declarations(draw):
    count = draw(st.sampled_from([0, 1, 1, 2, 3]))
    found = []
    for number in range(count):
        scopes = draw(st.lists(st.sampled_from(SCOPES[1:]), min_size=1, max_size=2, unique=True))
        what, ends = draw(st.sampled_from("aabbcdz")), draw(ENDS)
        more = {"expires_on": _end(ends), "enabled": draw(st.sampled_from([True, True, True, False]))}
        found.append(world.declaration(f"d{number}", *scopes, what=what, **more))
    return found


@st.composite
def exemption(draw, number):
    to, references = draw(st.sampled_from(PLACES))
    some = tuple(sorted(draw(st.sets(st.sampled_from(references), max_size=2))))
    scope, ends = draw(st.sampled_from(SCOPES[1:] if to is NIST else SCOPES)), draw(ENDS)
    more = {"expires_on": instant_text(_end(ends)) if ends is not None else "", "to": to, "references": some}
    match draw(st.sampled_from(["user", "application", "ours", "foreign"])):
        case "ours":
            return world.ours(f"x{number}", f"d{draw(st.integers(0, 3))}", scope, **more)
        case "foreign":
            return world.live(f"x{number}", scope, metadata={"pacOwnerId": "epac"}, **more)
        case "user":
            return world.live(f"x{number}", scope, **more)
        case _:
            return world.live(f"x{number}", scope, by="Application", **more)


@st.composite
def tenants(draw):
    """Most of them as an apply left them, some of those meddled with since, so that silence is met as often as drift."""
    declared = draw(declarations())
    lives = [draw(exemption(number)) for number in range(draw(st.integers(0, 3)))]
    found = world.snapshot(*lives, assignments=(world.AT_ROOT, NIST))
    if draw(st.integers(0, 4)):
        found = world.applied(found, planned(found, declared, Git(), world.SETTINGS))
        found = replace(found, exemptions=tuple(stamped(each) for each in found.exemptions))
        found = draw(st.one_of(st.just(found), meddled(found)))
    if draw(st.integers(0, 5)) == 0:
        found = replace(
            found, unread=(Unread(scope=draw(st.sampled_from(SCOPES[:3])), what="exemptions", message="403"),)
        )
    if draw(st.integers(0, 5)) == 0:
        found = replace(found, gone=frozenset({world.RESOURCE.key}))
    return found, declared, draw(st.sampled_from([NoHistory(), Git(), Git(), Git(revisions=frozenset())]))


@st.composite
def meddled(draw, snapshot):
    """Somebody deletes some, edits some, and assigns an initiative more."""
    kept = []
    for each in snapshot.exemptions:
        match draw(st.sampled_from(["keep", "keep", "delete", "edit"])):
            case "keep":
                kept.append(each)
            case "edit":
                kept.append(replace(each, expires_on="2030-01-01T00:00:00Z", category="Mitigated"))
            case _:
                pass
    if draw(st.booleans()):
        return replace(snapshot, exemptions=tuple(kept))
    assignments = {**snapshot.assignments, NEWER.id.key: NEWER}
    initiatives = {**snapshot.initiatives, NEWER.id.key: world.BENCHMARK}
    return replace(snapshot, exemptions=tuple(kept), assignments=assignments, initiatives=initiatives)


def facts_of(snapshot, declared, history, **more):
    return DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of(declared, world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=history,
        now=world.NOW,
        **more,
    )


@given(tenants())
@settings(max_examples=120, deadline=None)
def test_drift_is_silent_exactly_when_the_plan_has_nothing_to_say_and_everything_was_read(case):
    snapshot, declared, history = case
    plan = planned(snapshot, declared, history, world.SETTINGS)
    findings = find_drift(plan, facts_of(*case))
    quiet = not (plan.changes or plan.held or plan.findings) and plan.complete
    assert (findings == ()) is quiet
    assert len(findings) == len(plan.changes) + len(plan.held) + len(plan.findings) + len(plan.unread)


@given(tenants())
@settings(max_examples=100, deadline=None)
def test_after_the_healing_run_what_it_heals_is_gone_and_nothing_else_has_changed(case):
    snapshot, declared, history = case
    plan = planned(snapshot, declared, history, world.SETTINGS)
    chosen = approvals.select(plan, None, RESTORING).approved
    before = by_id(plan, facts_of(*case, healed=frozenset(change.id.key for change in chosen)))
    healed = world.applied(snapshot, replace(plan, changes=chosen))
    healed = replace(healed, exemptions=tuple(stamped(each, 21) for each in healed.exemptions))
    after = by_id(planned(healed, declared, history, world.SETTINGS), facts_of(healed, declared, history))
    promised = {key for key, finding in before.items() if finding.evidence.healed_by}
    assert after.keys() == before.keys() - promised
    assert all(after[key].message == before[key].message for key in after)
    assert {change.exemption.id.key for change in chosen} == {before[key].subject.key for key in promised}


def by_id(plan, facts):
    return {each.id: each.finding for each in identify(report_of(plan, find_drift(plan, facts)))}


def report_of(plan, findings):
    return DriftReport(
        tenant_id=plan.tenant_id,
        owner=plan.owner,
        scopes=plan.scopes,
        revision=None,
        taken_at=world.NOW,
        findings=findings,
        unread=plan.unread,
    )


@given(tenants(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_no_order_of_lists_changes_a_finding_or_its_id(case, random):
    snapshot, declared, history = case
    first = by_id(planned(snapshot, declared, history, world.SETTINGS), facts_of(*case))
    lives, mixed = list(snapshot.exemptions), list(declared)
    random.shuffle(lives)
    random.shuffle(mixed)
    other = replace(snapshot, exemptions=tuple(lives))
    second = by_id(planned(other, mixed, history, world.SETTINGS), facts_of(other, mixed, history))
    assert first == second


@given(tenants())
@settings(max_examples=50, deadline=None)
def test_every_finding_has_an_id_of_its_own_that_an_hour_does_not_change(case):
    snapshot, declared, history = case
    plan = planned(snapshot, declared, history, world.SETTINGS)
    found = identify(report_of(plan, find_drift(plan, facts_of(*case))))
    assert len({each.id for each in found}) == len(found)
    later = replace(facts_of(*case), now=world.NOW + timedelta(hours=1))
    assert [each.id for each in identify(report_of(plan, find_drift(plan, later)))] == [each.id for each in found]
