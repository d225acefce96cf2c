"""As far as the plan decides it: what waits for what, what is relied on, what is held instead of reduced."""

from dataclasses import replace
from datetime import timedelta

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    LEFT,
    NOW,
    OTHER_SUB,
    RESOURCE,
    RG,
    ROOT,
    STANDARD,
    SUB,
    applied,
    assignment,
    declaration,
    live,
    ours,
    plan,
    shape,
    snapshot,
)

from reconciler.arm import canonical
from reconciler.kinds import HeldCause
from reconciler.model import ResourceSelector, Selector, Subject, SubjectKind, Unread, arm_id
from reconciler.planning.values import Action

WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
EAST = (ResourceSelector("east", (Selector(kind="resourceLocation", values=("eastus",)),)),)
NIST = assignment(SUB, "nist", STANDARD.id)
RG2 = arm_id(f"{SUB}/resourceGroups/rg-web")
EPAC = {"pacOwnerId": "epac"}


def by_name(done):
    return {change.exemption.name: change for change in done.changes}


def waits(done):
    """Who waits for whom, by name; created ones by the name of their declaration."""
    names = {c.id.key: c.exemption.name if c.before else c.declaration for c in done.changes}
    return {names[c.id.key]: sorted(names[key] for key in c.waits_for) for c in done.changes if c.waits_for}


def causes(done):
    return [(line.declaration, line.cause) for line in done.held]


def both(name, *references, scope=RG):
    return replace(
        declaration(name, scope), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=references)
    )


# --- waiting ---


@pytest.mark.parametrize(("had", "wants"), [(SUB, RG), (RG, SUB), (LEFT, RESOURCE), (ROOT, SUB)])
def test_a_moved_declaration_creates_before_it_deletes(had, wants):
    done = plan(snapshot(ours("o", "one", target=had)), declaration("one", wants))
    assert waits(done) == {"o": ["one"]}
    assert by_name(done)["o"].relies_on == tuple(c.after for c in done.changes if c.action is Action.CREATE)


def test_unrelated_scopes_references_and_assignments_do_not_wait():
    lives = ours("o", "gone", target=RG), ours("p", "gone", references=("nistD",), target=SUB, to=NIST)
    found = snapshot(*lives, assignments=(AT_ROOT, NIST))
    done = plan(
        found, declaration("one", OTHER_SUB), declaration("two", RG, what="b"), declaration("three", SUB, what="c")
    )
    assert waits(done) == {}


def test_a_delete_waits_for_every_part_of_its_replacement():
    done = plan(snapshot(ours("o", "one", target=SUB)), declaration("one", RG, RG2))
    assert waits(done) == {"o": ["one", "one"]}


def test_what_stays_as_it_is_is_relied_on_without_waiting():
    keeper = plan(snapshot(), declaration("one", SUB)).changes[0].after
    done = plan(snapshot(keeper, ours("o", "gone", target=RG)), declaration("one", SUB))
    assert [(c.exemption.name, c.waits_for, c.relies_on) for c in done.changes] == [("o", (), (keeper,))]


@pytest.mark.parametrize("at", [ROOT, SUB, RG, RESOURCE], ids=["above", "same", "below", "far below"])
def test_an_update_that_takes_away_waits_for_what_keeps_its_cells(at):
    wide = ours("o", "one", target=SUB)
    done = plan(snapshot(wide), declaration("one", SUB, what="b"), declaration("two", at))
    assert ("update", "edited", "o", ("refB",)) in shape(done)
    assert waits(done) == {"o": ["two"]}


def test_a_tighter_selector_waits_for_the_one_that_selects_the_rest():
    done = plan(snapshot(ours("o", "one")), declaration("one", selectors=WEST), declaration("two", selectors=EAST))
    assert waits(done) == {"o": ["two"]}


def test_an_earlier_end_waits_and_a_later_one_does_not():
    first = ours("o", "one", expires_on="2027-01-01T00:00:00Z")
    sooner = declaration("one", expires_on=NOW + timedelta(days=1)), declaration("two", selectors=EAST)
    assert waits(plan(snapshot(first), *sooner)) == {"o": ["two"]}
    later = declaration("one", expires_on=NOW + timedelta(days=900)), declaration("two", selectors=EAST)
    assert waits(plan(snapshot(first), *later)) == {}
    never = declaration("one"), declaration("two", selectors=EAST)
    assert waits(plan(snapshot(first), *never)) == {}
    from_never = declaration("one", expires_on=NOW + timedelta(days=900)), declaration("two", selectors=EAST)
    assert waits(plan(snapshot(ours("o", "one")), *from_never)) == {"o": ["two"]}


def test_what_has_expired_takes_nothing_away():
    over = ours("o", "gone", expires_on="2026-11-20T12:00:00Z")
    done = plan(snapshot(over, ours("p", "x", expires_on="2026-11-20T12:00:01Z")), declaration("one", SUB))
    assert waits(done) == {"p": ["one"]}


# --- circles ---


def test_a_circle_that_order_opens_needs_no_new_object():
    lives = ours("a", "one", references=("refA", "refB")), ours("b", "two", references=("refA", "refB"))
    done = plan(snapshot(*lives), declaration("one"), declaration("two", what="b"))
    assert shape(done) == [("update", "edited", "a", ("refA",)), ("update", "edited", "b", ("refB",))]
    assert waits(done) == {"b": ["a"]}
    first, second = by_name(done)["a"], by_name(done)["b"]
    assert first.relies_on == (second.before,)
    assert second.relies_on == (first.after,)


def test_a_circle_of_three_is_opened_at_one_place():
    every = ("refA", "refB", "refC")
    lives = [ours(name, mark, references=every) for name, mark in (("a", "one"), ("b", "two"), ("c", "three"))]
    done = plan(snapshot(*lives), declaration("one"), declaration("two", what="b"), declaration("three", what="c"))
    assert waits(done) == {"b": ["a"], "c": ["a", "b"]}
    changes = by_name(done)
    assert changes["a"].relies_on == (changes["b"].before, changes["c"].before)
    assert changes["b"].relies_on == (changes["a"].after, changes["c"].before)


def test_keepers_that_need_each_others_cells_make_the_last_one_anew():
    lives = ours("a", "one", selectors=WEST), ours("b", "two", selectors=EAST)
    done = plan(snapshot(*lives), declaration("one", selectors=EAST), declaration("two", selectors=WEST))
    assert shape(done) == [
        ("update", "edited", "a", ("refA",)), ("delete", "duplicate", "b", ("refA",)), ("create", "declared", "two", ("refA",)),
    ]  # fmt: skip
    assert waits(done) == {"a": ["two"], "b": ["a", "two"]}


def test_circles_leave_nothing_to_do():
    lives = ours("a", "one", selectors=WEST), ours("b", "two", selectors=EAST)
    wishes = declaration("one", selectors=EAST), declaration("two", selectors=WEST)
    found = snapshot(*lives)
    assert plan(applied(found, plan(found, *wishes)), *wishes).is_empty


def test_a_swap_of_scopes_is_no_circle():
    lives = ours("a", "one", target=RG), ours("b", "two", target=RG2)
    done = plan(snapshot(*lives), declaration("one", RG2), declaration("two", RG))
    assert shape(done) == [("update", "rename", "a", ("refA",)), ("update", "rename", "b", ("refA",))]
    assert waits(done) == {}


# --- held ---


@pytest.mark.parametrize("unread", [SUB, LEFT, ROOT], ids=["its subscription", "its group", "the root"])
def test_nothing_is_reduced_where_something_above_or_at_it_is_unread(unread):
    line = Unread(scope=unread, what="exemptions", message="AuthorizationFailed")
    done = plan(snapshot(ours("o", "gone"), unread=(line,)))
    assert done.is_empty
    assert causes(done) == [("gone", HeldCause.UNREAD)]
    assert done.held[0].exemption.name == "o"


def test_nothing_is_reduced_on_a_group_while_something_below_is_unread():
    line = Unread(scope=SUB, what="assignments", message="AuthorizationFailed")
    done = plan(snapshot(ours("o", "gone", target=LEFT), ours("p", "gone", target=OTHER_SUB), unread=(line,)))
    assert [row[2] for row in shape(done)] == ["p"]
    assert causes(done) == [("gone", HeldCause.UNREAD)]


def test_what_only_adds_is_written_beside_what_is_unread():
    line = Unread(scope=SUB, what="exemptions", message="AuthorizationFailed")
    kept = ours("o", "one", target=LEFT)
    done = plan(snapshot(kept, unread=(line,)), declaration("one", LEFT))
    assert [row[:3] for row in shape(done)] == [("update", "edited", "o")]


def test_nothing_shrinks_that_a_held_declaration_may_need():
    done = plan(snapshot(ours("o", "three", target=SUB)), declaration("one", RG), declaration("two", LEFT))
    assert done.is_empty
    assert causes(done) == [("one", HeldCause.CONFLICT), ("three", HeldCause.NEIGHBOUR), ("two", HeldCause.CONFLICT)]


def test_what_a_held_declaration_does_not_need_goes():
    done = plan(
        snapshot(ours("o", "three", target=SUB, references=("refB",))), declaration("one", RG), declaration("two", LEFT)
    )
    assert shape(done) == [("delete", "removed", "o", ("refB",))]


def test_a_held_update_holds_what_would_have_relied_on_it():
    line = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed")
    top = ours("top", "one", target=ROOT, references=("refA",), expires_on="2026-11-22T00:00:00Z")
    lives = top, ours("o", "gone", target=RG), ours("p", "gone", target=RG2, references=("refC",))
    done = plan(
        snapshot(*lives, unread=(line,)), both("one", "refB", scope=ROOT), declaration("x", OTHER_SUB, enabled=False)
    )
    assert shape(done) == [("delete", "removed", "o", ("refA",)), ("delete", "removed", "p", ("refC",))]
    needing = plan(snapshot(*lives, unread=(line,)), both("one", "refC", scope=ROOT))
    assert shape(needing) == [("delete", "removed", "o", ("refA",))]
    assert ("gone", HeldCause.NEIGHBOUR) in causes(needing)


def test_two_held_updates_at_one_place_both_hold_their_dependants():
    line = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed")
    tops = (
        ours("t1", "one", target=ROOT, references=("refA", "refC")),
        ours("t2", "two", target=ROOT, references=("refB", "refC")),
    )
    below = ours("o", "gone", target=RG, references=("refA",)), ours("p", "gone", target=RG2, references=("refB",))
    done = plan(snapshot(*tops, *below, unread=(line,)), declaration("one", ROOT), declaration("two", ROOT, what="b"))
    assert done.is_empty
    assert [line.exemption.name for line in done.held if line.cause is HeldCause.NEIGHBOUR] == ["o", "p"]


def test_a_keeper_spares_what_is_held_below_it():
    lives = ours("o", "one", target=SUB, references=("refA", "refB")), live("f", RG, ("refB",), metadata=EPAC)
    done = plan(snapshot(*lives), declaration("one", SUB), declaration("two", RG, what="b"))
    assert shape(done) == [("update", "edited", "o", ("refA", "refB"))]
    assert plan(applied(snapshot(*lives), done), declaration("one", SUB), declaration("two", RG, what="b")).is_empty


def test_left_out_by_scope_holds_what_it_would_replace():
    done = plan(snapshot(ours("o", "one", target=RG)), declaration("one", SUB), only=RG)
    assert done.is_empty
    assert causes(done) == [("one", HeldCause.LEFT_OUT)]


# --- the quota of a scope ---


def test_at_the_quota_expired_ones_of_ours_go_first():
    many = [live(f"p{number}", references=("refC",)) for number in range(999)]
    over = ours("over", "gone", references=("refB",), expires_on="2026-11-01T00:00:00Z")
    done = plan(snapshot(*many, over), declaration("one"))
    assert waits(done) == {"one": ["over"]}
    roomy = plan(snapshot(*many[1:], over), declaration("one"))
    assert waits(roomy) == {}


def test_at_the_quota_unexpired_ones_and_other_scopes_are_not_waited_for():
    many = [live(f"p{number}", references=("refC",)) for number in range(999)]
    lives = (
        ours("still", "gone", references=("refB",)),
        ours("over", "gone", target=SUB, references=("refB",), expires_on="2026-11-01T00:00:00Z"),
    )
    done = plan(snapshot(*many, *lives), declaration("one"), declaration("two", SUB, what="c"))
    assert waits(done) == {}


def test_every_relied_on_exemption_is_what_azure_will_hold_by_then():
    lives = ours("a", "one", references=("refA", "refB")), ours("b", "two", references=("refA", "refB"))
    found = snapshot(*lives, assignments=(AT_ROOT, assignment(SUB, "x", BENCHMARK.id)))
    done = plan(found, declaration("one"), declaration("two", what="b"))
    state = {each.id.key: each for each in found.exemptions}
    for change in sorted(done.changes, key=lambda c: len(c.waits_for)):
        assert all(canonical.equivalent(state[kept.id.key], kept) for kept in change.relies_on)
        state[change.id.key] = change.after


def test_what_waits_for_a_circle_waits_for_the_one_that_keeps_its_cells():
    lives = ours("a", "one", references=("refA", "refB")), ours("b", "two", references=("refA", "refB"))
    below = ours("c", "gone", target=RESOURCE), ours("d", "gone", target=RESOURCE, references=("refB",))
    done = plan(snapshot(*lives, *below), declaration("one"), declaration("two", what="b"))
    assert waits(done) == {"b": ["a"], "c": ["a"], "d": ["b"]}
    changes = by_name(done)
    assert changes["c"].relies_on == (changes["a"].after,)
    assert changes["d"].relies_on == (changes["b"].after,)


def test_holding_goes_on_as_long_as_something_relied_on_what_is_held():
    line = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed")
    lives = (
        ours("top", "one", target=ROOT, references=("refA",)),
        ours("mid", "two", target=SUB, references=("refB", "refC")),
        ours("leaf", "gone", target=RG, references=("refC",)),
        ours("free", "gone", target=RG2, references=("refA",)),
    )
    wishes = declaration("one", ROOT, what="b"), declaration("two", SUB, what="c")
    done = plan(snapshot(*lives, unread=(line,)), *wishes)
    assert [row[2] for row in shape(done)] == ["free"]
    assert sorted((held.exemption.name, held.cause) for held in done.held if held.exemption) == [
        ("leaf", HeldCause.NEIGHBOUR), ("mid", HeldCause.NEIGHBOUR), ("top", HeldCause.UNREAD),
    ]  # fmt: skip
