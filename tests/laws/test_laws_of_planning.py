"""The laws of docs/architecture.md over the pure core: what a plan may and must do, in every order that its waits allow."""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from laws.profile import LAW
from laws.scenarios import LEFT, LISTS, NOW, RG, SETTINGS, SUB, after_all, carried_out, changed, scenarios

from reconciler.arm import canonical
from reconciler.kinds import HeldCause
from reconciler.model import Carrier, SubjectKind, arm_id
from reconciler.planning.decide.naming import standard_ids
from reconciler.planning.fingerprint import digest
from reconciler.planning.values import Action, Reason

WORLDS = scenarios() | scenarios(mixed=True)
"""Tenants with policy exemptions alone, and with standard assignments among them."""


def says(live):
    """The end state without names: what a resource sees, and whose it is."""
    return sorted(repr((each.scope.key, canonical.comparable(each))) for each in live)


def in_some_order(changes, random):
    """The changes one by one, each as soon as it may, in an order that `random` draws."""
    pending = {change.id.key: change for change in changes}
    while pending:
        ready = sorted(key for key, change in pending.items() if not set(change.waits_for) & pending.keys())
        assert ready, "writes wait for each other in a circle"
        yield pending.pop(random.choice(ready))


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_law_1_and_3_apply_in_any_order_leaves_nothing_bare_and_nothing_to_do(scenario, random):
    plan = scenario.plan()
    precious = scenario.exempt() & scenario.wanted()
    live = {each.id.key: each for each in scenario.live}
    for change in in_some_order(plan.changes, random):
        for kept in change.relies_on:
            assert canonical.equivalent(live[kept.id.key], kept), (
                "what keeps these cells is not what the plan relies on"
            )
        carried_out(live, change)
        assert precious <= scenario.exempt(live.values()), f"bare after {change.action} {change.reason} {change.id}"
    again = scenario.plan(live=tuple(live.values()))
    assert not again.changes, [(c.action, c.reason, c.id.text) for c in again.changes]


def test_the_promise_holds_for_every_fact_that_no_line_holds():
    """Each declared fact is exempt by exactly one exemption of ours for each declaration that wants it. What bears our
    mark outside the managed scopes is nobody's to touch here, and what a moved subscription left behind goes only by
    --delete-orphans: both are reported instead.
    """
    facts: list[int] = []

    @LAW
    @given(WORLDS)
    def law(scenario):
        facts.append(promised(replace(scenario, only=None, unread=())))

    law()
    assert sum(number > 0 for number in facts) > len(facts) / 3, "worlds in which nothing is promised prove nothing"


def promised(scenario):
    """How many facts the declarations of this world promise, each of which was found exempt exactly once."""
    plan = scenario.plan()
    whole = scenario.settings.rules.allow_whole_assignment
    done = [each for each in after_all(scenario.live, plan.changes) if is_ours(each, scenario)]
    within = [each for each in done if any(root.key in scenario.chain(each.scope) for root in scenario.settings.scopes)]
    above = {key for root in scenario.settings.scopes for key in scenario.chain(root)[1:]}
    inherited = {each.id.key for each in done if each not in within and each.scope.key in above}
    assert inherited <= {finding.subject.key for finding in plan.findings}
    orphaned = {finding.subject.key for finding in plan.findings if finding.kind.value == "orphaned"}
    number = 0
    for declared in scenario.declarations:
        mine = [
            each for each in within if each.id.key not in orphaned and each.metadata.get("declaration") == declared.name
        ]
        held = [line for line in plan.held if line.declaration == declared.name]
        serving = [(each, fact) for each in mine for fact in scenario.exempt([each])]
        counted = Counter(fact for _, fact in serving)
        wanted = {
            fact
            for fact in scenario.tenant.wanted([declared], NOW, whole=whole)
            if not any(names(line, fact, scenario) for line in held)
        }
        # One beside a reference that nobody knows stays, whatever serves the rest: its initiative may have renamed it.
        kept = Counter(fact for each, fact in serving if is_beside_unknown(each, held))
        assert {fact: counted[fact] for fact in wanted if not 1 <= counted[fact] <= 1 + kept[fact]} == {}
        number += len(wanted)
    return number


def is_beside_unknown(live, held):
    return any(
        line.cause is HeldCause.UNKNOWN_REFERENCE and (line.scope, line.assignment) == (live.scope, live.assignment)
        for line in held
    )


def is_ours(live, scenario):
    return live.metadata.get("managedBy") == "exempt" and live.metadata.get("owner") == scenario.settings.owner


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_law_3_holds_when_any_of_the_writes_fail(scenario, random):
    plan = scenario.plan()
    precious = scenario.exempt() & scenario.wanted()
    live = {each.id.key: each for each in scenario.live}
    failed = set()
    for change in in_some_order(plan.changes, random):
        if set(change.waits_for) & failed or random.random() < 0.3:
            failed.add(change.id.key)
            continue
        carried_out(live, change)
        assert precious <= scenario.exempt(live.values()), f"bare after {change.action} {change.reason} {change.id}"


@LAW
@given(WORLDS)
def test_law_2_nothing_foreign_is_touched(scenario):
    for change in scenario.plan().changes:
        if change.before is not None:
            assert may_touch(change, scenario), (change.action, change.reason, change.before)


def may_touch(change, scenario):
    """Whose it is, decided here once more, from the raw object."""
    before, metadata = change.before, change.before.metadata
    house = scenario.settings
    if not any(root.key in scenario.chain(before.scope) for root in house.scopes):
        return False
    if metadata.get("managedBy") == "exempt" and metadata.get("owner") in {house.owner, *house.former_owners}:
        return change.action is not Action.DELETE or may_delete_ours(change, scenario)
    if change.reason is Reason.UNMANAGED:
        old = (NOW - before.system.created_at).days >= 7
        return (
            house.unmanaged.value == "delete"
            and before.system.created_by_type == "User"
            and old
            and bool(before.reference_ids)
        )
    if before.expires_on and before.expires_on <= NOW.strftime("%Y-%m-%dT%H:%M:%SZ"):
        return False
    return takes_only_what_it_confirms(change, scenario)


def takes_only_what_it_confirms(change, scenario):
    """An adopted one keeps what it had; a narrowed or deleted one loses what others of ours at the place confirm."""
    before, after = change.before, change.after
    owner = before.metadata.get("pacOwnerId") or before.metadata.get("deployedBy") or before.metadata.get("owner")
    alive = [d for d in scenario.declarations if d.enabled and not (d.expires_on and d.expires_on <= NOW)]
    able = {
        d.name for d in alive if (d.take_over == owner if owner else d.adopt or before.system.created_by_type == "User")
    }
    if (
        after is not None
        and after.metadata.get("managedBy") == "exempt"
        and after.metadata["owner"] == scenario.settings.owner
    ):
        return after.metadata.get("declaration") in able or bears_computed_name(before)
    kept = confirmed_at(before, scenario)
    members = scenario.tenant.initiatives.get(before.assignment.key)
    existing = {m.reference_id.lower() for m in members.members} if members else {"*"}
    had = {ref.lower() for ref in before.reference_ids} or existing
    has = set() if after is None else {ref.lower() for ref in after.reference_ids} or existing
    lost = (had - has) & existing
    mine = [each for each in kept if each.metadata.get("declaration") in able or bears_computed_name(before)]
    covered = {ref for each in mine for ref in ({r.lower() for r in each.reference_ids} or existing)}
    return lost <= covered


def bears_computed_name(before):
    if before.carrier is Carrier.STANDARD:
        return before.id in standard_ids(SETTINGS.owner, before.scope, before.assignment)
    return before.name.rsplit("-", 1)[0] in {"alpha", "beta", "gamma", "renamed", "split"}


def confirmed_at(before, scenario):
    """Ours at the same scope and assignment with the same selectors, once the plan is done."""
    done = after_all(scenario.live, scenario.plan().changes)
    return [
        each
        for each in done
        if each.scope == before.scope and each.assignment == before.assignment
        and each.metadata.get("managedBy") == "exempt" and each.metadata.get("owner") == scenario.settings.owner
        and canonical.folded_selectors(each.selectors) == canonical.folded_selectors(before.selectors)
    ]  # fmt: skip


def may_delete_ours(change, scenario):
    """Expiry or an edit of the repository is the cause, or it is a duplicate of what stays, or orphans may go."""
    before = change.before
    declared = {d.name: d for d in scenario.declarations}.get(before.metadata.get("declaration"))
    if change.reason is Reason.ORPHAN:
        return scenario.allowed.delete_orphans is not None
    if change.reason is Reason.DUPLICATE:
        done = after_all(scenario.live, scenario.plan().changes)
        return any(
            each.assignment == before.assignment and each.scope.key in scenario.chain(before.scope)
            and each.metadata.get("owner") == scenario.settings.owner
            for each in done
        )  # fmt: skip
    if not before.metadata.get("declaration"):
        return False
    if declared is None or not declared.enabled or (declared.expires_on and declared.expires_on <= NOW):
        return True
    if before.metadata["target"].lower() not in {scope.key for scope in declared.scopes}:
        return True
    subject = declared.subject
    if subject.kind is SubjectKind.ASSIGNMENT and subject.value.lower() != before.assignment.key:
        return True  # an edit that the ids show, whether or not the assignment is still there
    if not any(assigned.id == before.assignment for assigned in scenario.tenant.assignments):
        return False
    meant = scenario.tenant.wanted([replace(declared, selectors=())], NOW, whole=True)
    had = {ref.lower() for ref in before.reference_ids}
    still = {ref for _, assigned, ref in meant if assigned == before.assignment.key and (not had or ref in had)}
    done = after_all(scenario.live, scenario.plan().changes)
    others = [
        each
        for each in done
        if (each.scope, each.assignment) == (before.scope, before.assignment) and is_ours(each, scenario)
    ]
    return still <= {ref.lower() for each in others for ref in each.reference_ids}


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_law_4_no_order_and_no_letter_case_matters(scenario, random):
    shuffled_live, shuffled = list(scenario.live), list(scenario.declarations)
    random.shuffle(shuffled_live)
    random.shuffle(shuffled)
    recased = tuple(
        replace(each, id=arm_id(each.id.text.swapcase()), assignment=arm_id(each.assignment.text.swapcase()))
        for each in shuffled_live
    )
    assignments = list(scenario.tenant.assignments)
    random.shuffle(assignments)
    one = scenario.plan()
    other = scenario.plan(
        live=recased, declarations=tuple(shuffled), unread=scenario.unread[::-1],
        tenant=replace(scenario.tenant, assignments=tuple(assignments)),
    )  # fmt: skip
    assert one.digest == other.digest == digest(change.fingerprint for change in other.changes)
    assert [c.reason for c in one.changes] == [c.reason for c in other.changes]
    assert [(h.declaration, h.scope, h.assignment, h.cause) for h in one.held] == [
        (h.declaration, h.scope, h.assignment, h.cause) for h in other.held
    ]
    assert [(f.kind, f.subject, f.declaration) for f in one.findings] == [
        (f.kind, f.subject, f.declaration) for f in other.findings
    ]


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_law_5_every_write_is_needed_and_none_comes_twice(scenario, random):
    plan = scenario.plan()
    assert len({change.id.key for change in plan.changes}) == len(plan.changes)
    for change in plan.changes:
        assert change.before is None or change.after is None or not canonical.equivalent(change.before, change.after)
        assert change.after is None or change.after.reference_ids or may_be_whole(change.after, scenario)
    if plan.changes:
        left_out = random.choice(plan.changes)
        done = after_all(scenario.live, [change for change in plan.changes if change is not left_out])
        assert scenario.plan(live=done).changes, f"nobody misses {left_out.action} {left_out.reason} {left_out.id}"


def may_be_whole(after, scenario):
    return after.assignment.key not in scenario.tenant.initiatives or scenario.settings.rules.allow_whole_assignment


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_law_6_stopped_anywhere_the_next_run_ends_where_one_would(scenario, random):
    changes = list(in_some_order(scenario.plan().changes, random))
    straight = after_all(scenario.live, changes)
    stopped = after_all(scenario.live, changes[: random.randint(0, len(changes))])
    resumed = after_all(stopped, scenario.plan(live=stopped).changes)
    assert says(resumed) == says(straight)


@LAW
@given(WORLDS, st.sampled_from([LEFT, SUB, RG]))
def test_a_narrowed_run_touches_nothing_elsewhere(scenario, only):
    for change in scenario.plan(only=only).changes:
        assert only.key in scenario.chain(change.exemption.scope)


def ends(*groups):
    """The moments at which what is exempt may change by itself: now, and just after each end."""
    texts = {each.expires_on for group in groups for each in group if each.expires_on}
    return sorted({NOW, *(datetime.fromisoformat(text) for text in texts)})


@LAW
@given(WORLDS, st.randoms(use_true_random=False))
def test_what_no_declaration_means_is_exempt_nowhere_and_never_where_it_was_not_before(scenario, random):
    plan = scenario.plan()
    live = {each.id.key: each for each in scenario.live}
    after = [change.after for change in plan.changes if change.after is not None]
    moments = ends(scenario.live, after)
    allowed = {at: scenario.exempt(at=at) | scenario.wanted(at) for at in moments}
    for change in in_some_order(plan.changes, random):
        carried_out(live, change)
        for at in moments:
            added = scenario.exempt(live.values(), at) - allowed[at]
            assert not added, f"{change.action} {change.reason} {change.id} exempts {sorted(added)} at {at}"


@LAW
@given(WORLDS)
def test_what_is_declared_is_exempt_after_the_run_or_named_as_held(scenario):
    if scenario.only is None:
        assert_all_is_exempt_or_named(scenario, scenario.plan())


def assert_all_is_exempt_or_named(scenario, plan):
    exempt = scenario.exempt(after_all(scenario.live, plan.changes))
    whole = scenario.settings.rules.allow_whole_assignment
    for declared in scenario.declarations:
        for fact in scenario.tenant.wanted([declared], NOW, whole=whole) - exempt:
            assert any(names(line, fact, scenario) for line in plan.held if line.declaration == declared.name), (
                f"{declared.name} wants {fact}, and nobody says that it is not exempt"
            )


@LAW
@given(WORLDS, st.data())
def test_the_laws_hold_over_several_runs_with_edits_moves_and_other_peoples_changes_between(scenario, data):
    scenario = replace(scenario, only=None, unread=())
    for _ in range(3):
        plan = scenario.plan()
        precious = scenario.exempt() & scenario.wanted()
        allowed = scenario.exempt() | scenario.wanted()
        after = after_all(scenario.live, plan.changes)
        assert precious <= scenario.exempt(after) <= allowed
        assert_all_is_exempt_or_named(scenario, plan)
        again = scenario.plan(live=after)
        assert not again.changes, [(c.action, c.reason, c.id.text) for c in again.changes]
        scenario = data.draw(changed(replace(scenario, live=after)))


def names(line, fact, scenario):
    """Whether a held line is about this fact: its scope contains the resource, or lies around it unread."""
    resource, assigned, reference = fact
    chain = scenario.chain(arm_id(resource))
    listed = {each.lower() for each in line.reference_ids}
    return (
        line.scope.key in chain
        and (line.assignment is None or line.assignment.key == assigned)
        and (not listed or reference in listed or reference == "*")
    )


@LAW
@given(WORLDS)
def test_law_7_what_was_not_read_is_not_touched_nor_what_depends_on_it(scenario):
    seen = {each.id.key for each in scenario.snapshot().exemptions}
    for change in scenario.plan().changes:
        assert change.before is None or change.id.key in seen
        reduces = change.after is None or (change.before is not None and takes_away(change, scenario))
        chain = scenario.chain(change.exemption.scope)
        hidden = [each.scope for each in scenario.unread if each.what == LISTS[change.exemption.carrier]]
        for unread in hidden:
            near = unread.key in chain or change.exemption.scope.key in scenario.chain(unread)
            assert not (reduces and near), f"{change.action} {change.reason} although {unread} was not read"
        if change.before is None:
            listed = next(key for key in chain if "/subscriptions/" not in key or key.count("/") == 2)
            assert listed not in {unread.key for unread in hidden}, "created where nobody looked"


def takes_away(change, scenario):
    """Fewer references than the object had: where it lists none, all of its initiative. What has expired covers nothing that
    could be taken, nor does a reference that the initiative does not have.
    """
    if change.before.expires_on and change.before.expires_on <= NOW.strftime("%Y-%m-%dT%H:%M:%SZ"):
        return False
    initiative = scenario.tenant.initiatives.get(change.before.assignment.key)
    every = {member.reference_id.lower() for member in initiative.members} if initiative else {"*"}
    had, has = ({r.lower() for r in side.reference_ids} or every for side in (change.before, change.after))
    return not (had & every if initiative else had) <= has
