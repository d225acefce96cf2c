"""`explain` and `fan_out` over small tenants: every role, every verdict, every reason to be in or out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    CATALOGUE,
    LEFT,
    NOW,
    OTHER_SUB,
    RESOURCE,
    RG,
    ROOT,
    SETTINGS,
    STANDARD,
    SUB,
    Git,
    applied,
    assignment,
    declaration,
    initiative,
    live,
    ours,
    plan,
    policy,
    snapshot,
)

from reconciler.catalog.subjects import resolve_subject
from reconciler.model import ResourceSelector, Rules, Selector, Subject, SubjectKind, SystemData, Unread, arm_id
from reconciler.planning.allowances import Allowances
from reconciler.planning.explain.declaration import Participation, explain_declaration
from reconciler.planning.explain.resource import explain_resource
from reconciler.planning.explain.values import Role
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.planner import assemble_plan
from reconciler.planning.stages import decide

WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
EAST = (ResourceSelector("east", (Selector(kind="resourceLocation", values=("eastus",)),)),)
EPAC = {"pacOwnerId": "epac"}
NIST = assignment(SUB, "nist", STANDARD.id)


def decided(found, *declarations, settings=SETTINGS):
    wishes = ResolvedDeclarations.of(declarations, CATALOGUE)
    return decide(
        PlanInputs(
            declarations=wishes,
            catalogue=CATALOGUE,
            snapshot=found,
            settings=settings,
            history=Git(),
            now=NOW,
            allowed=Allowances(),
            only=None,
        )
    )


def told(found, *declarations, at=RESOURCE, what=None, settings=SETTINGS):
    asked = resolve_subject(declaration("", what=what).subject, CATALOGUE) if what else None
    done = decided(found, *declarations, settings=settings)
    return explain_resource(done, assemble_plan(done), at, asked)


def only(found, *declarations, **more):
    (situation,) = told(found, *declarations, **more).situations
    return situation


def settled(found, *declarations):
    return applied(found, plan(found, *declarations))


def roles(situation):
    return [(cover.exemption.name.rsplit("-", 1)[0], cover.role, cover.inherited) for cover in situation.covers]


# --- a resource ---


def test_ours_is_authoritative_with_declaration_commit_and_end():
    wish = declaration("one", RG, expires_on=NOW + timedelta(days=30))
    situation = only(settled(snapshot(), wish), wish)
    (cover,) = situation.covers
    assert roles(situation) == [("one", Role.AUTHORITATIVE, True)]
    assert (cover.declaration, cover.commit.sha, cover.change) == (wish, "sha of exemptions/one.yaml", None)
    assert (cover.references, cover.whose, cover.is_live) == (("refA",), "ours", True)
    assert cover.why == f"declaration 'one' lists {RG}, which contains it, and 'mcsb' evaluates what it declares"
    assert (situation.references, situation.bare, situation.is_exempt, situation.moot) == (("refA",), (), True, "")
    direct = only(settled(snapshot(), wish), wish, at=RG).covers[0]
    assert direct.inherited is False
    assert direct.why.startswith("declaration 'one' lists it and")


def test_one_that_is_only_planned_exempts_nothing_yet():
    situation = only(snapshot(), declaration("one"))
    (cover,) = situation.covers
    assert (cover.is_live, cover.now, situation.bare, situation.is_exempt) == (False, frozenset(), ("refA",), False)
    assert cover.why.endswith("; the plan will create it (declared)")
    assert situation.losses == ()


def test_an_update_covers_what_the_live_one_covers():
    both = replace(
        declaration("one"), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA", "refB"))
    )
    situation = only(snapshot(ours("o", "one")), both)
    (cover,) = situation.covers
    assert (cover.references, cover.now, situation.bare) == (("refA", "refB"), {"refa"}, ("refB",))
    assert cover.exemption.reference_ids == ("refA",)
    assert cover.change.reason.value == "edited"


def test_what_a_narrowing_still_exempts_is_exempt_now():
    """A declaration split in two: until the apply, the one live object goes on exempting both halves."""
    halves = declaration("n1"), declaration("n2", what="b")
    situation = only(snapshot(ours("o", "old", references=("refA", "refB"))), *halves)
    assert (situation.references, situation.bare, situation.is_exempt) == (("refA", "refB"), (), True)
    assert sorted((cover.declaration.name, cover.is_live, cover.references) for cover in situation.covers) == [
        ("n1", True, ("refA", "refB")), ("n2", False, ("refB",)),
    ]  # fmt: skip


def test_a_single_policy_that_is_only_planned_or_past_is_not_exempt():
    single = assignment(SUB, "tls", policy("a"))
    assert not only(snapshot(assignments=(single,)), declaration("one")).is_exempt
    over = live("p", references=(), to=single, expires_on="2026-11-01T00:00:00Z")
    assert not only(snapshot(over, assignments=(single,))).is_exempt


def test_everything_else_that_covers_it_the_nearest_first():
    wish = declaration("one", SUB)
    lives = (
        live("group", ROOT),
        live("near", RG),
        live("below", RESOURCE, ("refB",)),
        live("foreign", LEFT, metadata=EPAC),
    )
    situation = only(settled(snapshot(*lives), wish), wish)
    assert roles(situation) == [
        ("one", Role.AUTHORITATIVE, True), ("below", Role.ALSO, False), ("near", Role.ALSO, True),
        ("foreign", Role.ALSO, True), ("group", Role.ALSO, True),
    ]  # fmt: skip
    assert [cover.whose for cover in situation.covers[1:]] == [
        "nobody's; made by ann@contoso.example (User)",
        "nobody's; made by ann@contoso.example (User)",
        "of the owner 'epac'",
        "nobody's; made by ann@contoso.example (User)",
    ]
    assert "is declared nowhere" in situation.covers[1].why
    assert "shadow" not in situation.covers[2].why


def test_elsewhere_and_other_assignments_do_not_count():
    wish = declaration("one", RG)
    lives = live("other", OTHER_SUB), live("nist", RG, ("nistA",), to=NIST)
    found = told(settled(snapshot(*lives, assignments=(AT_ROOT, NIST)), wish), wish, at=OTHER_SUB)
    assert [roles(each) for each in found.situations] == [[("other", Role.ALSO, False)]]
    both = told(settled(snapshot(*lives, assignments=(AT_ROOT, NIST)), wish), wish)
    assert [each.assignment.id for each in both.situations] == [AT_ROOT.id, NIST.id]


@pytest.mark.parametrize(("other", "why"), [
    (live("x", expires_on="2026-11-01T00:00:00Z"), "expired on 2026-11-01; Azure no longer honours it"),
    (live("x", references=("stale",)), "'x' is declared nowhere"),
])  # fmt: skip
def test_what_has_no_effect_is_said(other, why):
    situation = only(snapshot(other), at=RG)
    assert [cover.role for cover in situation.covers] == [Role.NO_EFFECT]
    assert situation.covers[0].why == why
    assert situation.is_exempt is False


def test_a_reference_that_the_initiative_lost_is_not_missing():
    wish = declaration("one", RG)
    found = settled(snapshot(), wish)
    stale = ours("stale", "two", references=("lost",))
    situation = only(replace(found, exemptions=(*found.exemptions, stale)), wish, declaration("two", what="unheard"))
    assert (situation.bare, situation.is_exempt) == ((), True)
    assert Role.NO_EFFECT in {cover.role for cover in situation.covers}


def test_what_the_plan_does_to_others_is_said():
    situation = only(snapshot(live("a"), live("b", made=2), ours("gone", "gone", target=SUB)), declaration("one"))
    assert {cover.exemption.name: cover.why.split("; ")[-1] for cover in situation.covers} == {
        "a": "the plan will update it (adopt)",
        "b": "the plan will delete it (duplicate)",
        "gone": "the plan will delete it (removed)",
    }
    marked = next(cover for cover in situation.covers if cover.exemption.name == "gone")
    assert (marked.whose, marked.declaration, marked.commit) == ("ours, marked 'gone'", None, None)


def test_one_of_ours_that_is_kept_names_its_declaration():
    wish = declaration("one", RG)
    held = told(snapshot(ours("o", "one")), wish, declaration("two", SUB)).situations[0]
    assert [(cover.whose, cover.declaration) for cover in held.covers] == [("ours, marked 'one'", wish)]
    assert held.covers[0].commit.sha == "sha of exemptions/one.yaml"
    assert held.covers[0].why == "declaration 'one' is held here, so nothing of it is deleted or shrunk"
    unmarked = replace(ours("o", ""), metadata={"managedBy": "exempt", "owner": SETTINGS.owner})
    assert only(snapshot(unmarked)).covers[0].whose == "ours, without a declaration's mark"
    undated = replace(live("p"), system=None)
    assert only(snapshot(undated)).covers[0].whose == "nobody's; made by an unknown identity (unknown type)"
    nameless = replace(live("p"), system=SystemData())
    assert only(snapshot(nameless)).covers[0].whose == "nobody's; made by an unknown identity (unknown type)"


def test_what_stands_in_the_way_is_held_and_the_first_reason_of_others():
    situation = only(snapshot(live("f", metadata=EPAC)), declaration("one"))
    assert [line.cause.value for line in situation.held] == ["foreign-owner"]
    assert "belongs to 'epac'" in situation.held[0].message
    assert (situation.covers[0].whose, situation.covers[0].why) == (
        "of the owner 'epac'",
        "declaration 'one' is held because of it",
    )
    assert situation.is_exempt


def test_if_it_were_removed():
    wish = declaration("one", RG)
    found = settled(snapshot(), wish)
    (loss,) = only(found, wish).losses
    assert (loss.exposed, loss.kept_by, loss.returns) == (("refA",), (), True)
    shadow = live("above", ROOT)
    (kept,) = only(replace(found, exemptions=(*found.exemptions, shadow)), wish).losses
    assert (kept.exposed, kept.kept_by) == ((), (shadow,))
    over = live("over", ROOT, expires_on="2026-11-01T00:00:00Z")
    (bare,) = only(replace(found, exemptions=(*found.exemptions, over)), wish).losses
    assert (bare.exposed, bare.kept_by) == (("refA",), ())
    going = ours("going", "gone", target=SUB)
    (soon,) = only(replace(found, exemptions=(*found.exemptions, going)), wish).losses
    assert (soon.exposed, soon.kept_by) == (("refA",), ())
    part = live("part", ROOT, ("refB",))
    both = replace(wish, subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA", "refB")))
    found = settled(snapshot(part), both)
    (half,) = only(found, both).losses
    assert (half.exposed, half.kept_by) == (("refA",), (part,))


def test_what_other_selectors_choose_does_not_stay_exempt():
    chosen, other = declaration("one", RG, selectors=WEST), declaration("two", RG, selectors=EAST)
    situation = only(settled(snapshot(), chosen, other), chosen, other)
    assert situation.selective == ("refA",)
    assert [(loss.exposed, loss.kept_by, len(loss.partly)) for loss in situation.losses] == [(("refA",), (), 1)] * 2
    wish = declaration("one", RG, selectors=WEST)
    everywhere = live("above", ROOT)
    (kept,) = only(settled(snapshot(everywhere), wish), wish).losses
    assert (kept.exposed, kept.kept_by, kept.partly) == ((), (everywhere,), ())
    same = live("same", SUB, selectors=WEST)
    situation = only(settled(snapshot(same), wish), wish)
    assert (situation.losses[0].exposed, situation.losses[0].kept_by) == ((), (same,))
    assert only(settled(snapshot(everywhere), wish), wish).selective == ()


def test_nothing_is_lost_where_nothing_is_evaluated():
    wish = declaration("one", ROOT)
    excluding = replace(AT_ROOT, not_scopes=(SUB,))
    situation = only(settled(snapshot(assignments=(excluding,)), wish), wish)
    assert [cover.role for cover in situation.covers] == [Role.AUTHORITATIVE]
    assert (bool(situation.moot), situation.losses) == (True, ())


def test_who_wants_it_is_known_where_nothing_evaluates_it():
    wish, other, far = declaration("one", RG), declaration("two", SUB, what="b"), declaration("far", OTHER_SUB)
    nowhere = told(snapshot(assignments=()), wish, other, far, declaration("off", enabled=False))
    assert (nowhere.situations, nowhere.wanted_by) == ((), ("one", "two"))
    assert told(snapshot(assignments=()), wish, other, what="b").wanted_by == ("two",)


def test_one_recommendation_alone():
    lives = live("a", RG, ("refA", "refB")), live("c", RG, ("refC",))
    situation = only(snapshot(*lives, assignments=(AT_ROOT, NIST)), what="c")
    assert (situation.references, [cover.references for cover in situation.covers]) == (("refC",), [("refC",)])
    nothing = told(snapshot(assignments=(AT_ROOT, NIST)), what="a", at=RG)
    assert [(each.references, each.bare, each.is_exempt) for each in nothing.situations] == [
        (("refA",), ("refA",), False), (("nistA", "nistA2"), ("nistA", "nistA2"), False),
    ]  # fmt: skip
    assert nothing.title == "a"
    assert told(snapshot(assignments=(AT_ROOT, NIST)), what="unheard").situations == ()


def test_an_assignment_below_or_elsewhere_does_not_evaluate_it():
    below = assignment(RG, "below", BENCHMARK.id)
    assert told(snapshot(assignments=(below,)), what="a", at=SUB).situations == ()
    assert len(told(snapshot(assignments=(below,)), what="a", at=RG).situations) == 1


def test_moot_names_the_exclusion():
    excluding = replace(AT_ROOT, not_scopes=(OTHER_SUB, LEFT))
    situation = only(snapshot(live("p"), assignments=(excluding,)))
    assert situation.moot == f"the assignment excludes {LEFT} by its notScopes, so it does not evaluate this resource"
    assert only(snapshot(live("p"), assignments=(replace(AT_ROOT, not_scopes=(OTHER_SUB,)),))).moot == ""


def test_a_single_policy_and_an_unread_initiative():
    single = assignment(SUB, "tls", policy("a"))
    alone = only(snapshot(live("p", references=(), to=single), assignments=(single,)), what="a")
    assert (alone.references, alone.bare, alone.is_exempt) == ((), (), True)
    unread = only(snapshot(live("p", references=("REFA",)), initiatives=()), declaration("one"), what="a")
    assert unread.references == ("REFA",)
    assert [line.cause.value for line in unread.held] == ["initiative-unread"]


def test_held_lines_of_other_references_are_left_out():
    lives = live("f", RG, ("refB",), metadata=EPAC), live("a", RG, ("refA",))
    situation = only(snapshot(*lives), declaration("one", what="b"), what="a")
    assert situation.held == ()
    assert len(only(snapshot(*lives), declaration("one", what="b"), what="b").held) == 1
    elsewhere = told(snapshot(*lives), declaration("one", what="b"), what="b", at=OTHER_SUB)
    assert elsewhere.situations[0].held == ()


def test_what_is_unread_or_unmanaged_is_said():
    line = Unread(scope=SUB, what="exemptions", message="AuthorizationFailed")
    found = told(snapshot(unread=(line,)), declaration("one"))
    assert found.unread == (line,)
    assert [each.cause.value for each in told(snapshot(unread=(line,)), declaration("one"), at=RG).held] == ["unread"]
    assert told(snapshot(unread=(line,)), declaration("one"), at=OTHER_SUB).unread == ()
    assert found.managed
    assert not told(snapshot(), at=OTHER_SUB, settings=replace(SETTINGS, scopes=(SUB,))).managed
    assert (found.resource, found.taken_at, found.title) == (RESOURCE, NOW, "")


# --- a declaration ---


def rows(found, wish, *more):
    done = decided(found, wish, *more)
    return explain_declaration(done, assemble_plan(done), wish)


def test_fan_out_names_every_assignment_in_or_out():
    elsewhere, single = assignment(OTHER_SUB, "elsewhere", BENCHMARK.id), assignment(SUB, "single", policy("c"))
    excluding = assignment(SUB, "excluding", BENCHMARK.id, not_scopes=(RG,))
    below = assignment(RESOURCE, "below", BENCHMARK.id)
    without = assignment(SUB, "without", initiative("empty", refC="c").id)
    sets = (BENCHMARK, STANDARD, initiative("empty", refC="c", refD="d"))
    found = snapshot(assignments=(AT_ROOT, NIST, elsewhere, single, excluding, below, without), initiatives=sets)
    wish = declaration("one", RG, OTHER_SUB.parent or RG)
    done = rows(found, wish)
    parts = {row.assignment.id.name: (row.part, row.scope) for row in done.rows}
    assert parts == {
        "mcsb": (Participation.IN, RG), "nist": (Participation.IN, RG), "below": (Participation.IN, RESOURCE), "elsewhere": (Participation.OUT, None),
        "single": (Participation.OUT, None), "excluding": (Participation.OUT, None), "without": (Participation.OUT, None),
    }  # fmt: skip
    why = {row.assignment.id.name: row.why for row in done.rows}
    assert why["mcsb"] == "1 of its references evaluates what is declared; it is assigned at or above the target"
    assert why["nist"].startswith("2 of its references")
    assert why["below"].endswith(
        f"it is assigned below the target {RG}, so the exemption sits on the assignment's scope"
    )
    assert why["elsewhere"] == f"it is assigned at {OTHER_SUB}, which neither contains a target nor lies below one"
    assert why["single"] == "its only policy does not stand behind 'a'"
    assert why["without"] == "none of its 2 policies stands behind 'a'"
    assert "notScopes" in why["excluding"]
    planned = next(row for row in done.rows if row.assignment.id == AT_ROOT.id)
    assert (planned.references, planned.target, planned.change.action.value) == (("refA",), RG, "create")
    assert planned.exemption == planned.change.after
    assert (done.title, done.commit.sha, done.wants_nothing, done.taken_at) == (
        "a",
        "sha of exemptions/one.yaml",
        "",
        NOW,
    )


def test_fan_out_counts_what_a_whole_assignment_keeps_beside_a_conflict():
    whole = replace(declaration("all"), subject=Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text))
    settings = replace(SETTINGS, rules=Rules(allow_whole_assignment=True))
    done = decided(snapshot(), whole, declaration("one", LEFT), settings=settings)
    row, held = explain_declaration(done, assemble_plan(done), whole).rows
    assert (row.part, held.part, row.references) == (Participation.IN, Participation.HELD, ("refB", "refC"))
    assert row.why.startswith("2 of its references evaluate what is declared")


def test_fan_out_of_an_address_says_what_it_names():
    beside = declaration("one", SUB, validate_scope=False)
    far = assignment(OTHER_SUB, "far", BENCHMARK.id)
    found = snapshot(assignments=(AT_ROOT, NIST, far))
    wish = replace(beside, subject=Subject(kind=SubjectKind.ASSIGNMENT, value=far.id.text, reference_ids=("refA",)))
    why = {row.assignment.id.name: (row.part, row.why) for row in rows(found, wish).rows}
    assert why == {
        "far": (Participation.IN, "1 of its references evaluates what is declared; it is assigned elsewhere, which DoNotValidate allows"),
    }, "what it does not name is not listed"  # fmt: skip
    whole = replace(
        declaration("one"), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA",))
    )
    assert "nist" not in {row.assignment.id.name for row in rows(found, whole).rows}


def test_fan_out_shows_what_is_settled_held_and_left_over():
    wish = declaration("one", RG)
    there = settled(snapshot(), wish)
    (row,) = rows(there, wish).rows
    assert (row.part, row.change, row.exemption) == (Participation.IN, None, there.exemptions[0])
    left = ours("left", "one", target=SUB)
    done = rows(replace(there, exemptions=(*there.exemptions, left, ours("alien", "two", target=SUB))), wish)
    assert [change.id for change in done.leftovers] == [left.id]
    held = rows(snapshot(live("f", metadata=EPAC)), wish)
    assert [(each.part, each.scope, each.references) for each in held.rows] == [(Participation.HELD, RG, ("refA",))]
    assert "takeOver: epac" in held.rows[0].why
    assert held.held == ()
    outside = rows(snapshot(assignments=()), declaration("one", ELSEWHERE))
    assert [line.cause.value for line in outside.held] == ["outside-scopes"]
    assert outside.rows == ()


def test_fan_out_holds_what_lies_in_an_unread_scope():
    below = assignment(OTHER_SUB, "below", BENCHMARK.id)
    line = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed", remedy="ask for Reader")
    done = rows(snapshot(assignments=(AT_ROOT, below), unread=(line,)), declaration("one", ROOT))
    assert [(row.assignment.id.name, row.part) for row in done.rows] == [
        ("mcsb", Participation.IN),
        ("below", Participation.HELD),
    ]
    assert done.rows[1].why == f"{OTHER_SUB} could not be read: AuthorizationFailed; ask for Reader"


ELSEWHERE = arm_id("/subscriptions/00000000-0000-4000-8000-000000000009")


def test_fan_out_of_what_wants_nothing():
    assert rows(snapshot(), declaration("one", enabled=False)).wants_nothing == "it says enabled: false"
    over = rows(snapshot(), declaration("one", expires_on=datetime(2026, 11, 1, tzinfo=UTC)))
    assert over.wants_nothing == "it expired on 2026-11-01"
    assert over.rows == ()
    whole = replace(
        declaration("one"),
        subject=Subject(kind=SubjectKind.ASSIGNMENT, value=assignment(SUB, "tls", policy("a")).id.text),
    )
    single = rows(snapshot(assignments=(assignment(SUB, "tls", policy("a")),)), whole)
    assert single.rows[0].why.startswith("all of it is declared")


def test_fan_out_says_what_else_it_exempts_and_what_was_not_read():
    line, far = (
        Unread(scope=SUB, what="exemptions", message="AuthorizationFailed"),
        Unread(scope=OTHER_SUB, what="exemptions", message="no"),
    )
    done = rows(snapshot(unread=(line, far)), declaration("one", RG))
    assert done.unread == (line,)
    assert done.also == ()
    shared = next(
        one
        for one in CATALOGUE.recommendations.values()
        if one.policies and len(CATALOGUE.resting_on(one.policies[0])) > 1
    )
    wish = replace(declaration("one"), subject=Subject(kind=SubjectKind.RECOMMENDATION, value=shared.key))
    assert rows(snapshot(), wish).also == decided(snapshot(), wish).inputs.declarations.subjects["one"].also != ()
    unreadable = rows(snapshot(initiatives=()), declaration("one", RG))
    assert [row.part for row in unreadable.rows] == [Participation.HELD]
