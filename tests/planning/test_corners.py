"""Corners of planning where several rules meet, each watched by a case that fails if one of them is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from planning.test_explanations import rows, told
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
    assignment,
    declaration,
    initiative,
    live,
    ours,
    plan,
    shape,
    snapshot,
)

from reconciler.arm import canonical
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import ResourceSelector, Rules, Selector, Subject, SubjectKind, Unread
from reconciler.planning import hold_messages
from reconciler.planning.descriptions import where_made
from reconciler.planning.evidence import Evidence
from reconciler.planning.explain.declaration import Participation
from reconciler.planning.findings import about_exemptions
from reconciler.planning.planner import make_plan

EPAC = {"pacOwnerId": "epac"}
WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
EAST = (ResourceSelector("east", (Selector(kind="resourceLocation", values=("eastus",)),)),)
NIST = assignment(SUB, "nist", STANDARD.id)
LINE = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed")


def listed(name, *references, scope=RG):
    return replace(
        declaration(name, scope), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=references)
    )


def held(done):
    return [(line.declaration, line.cause) for line in done.held]


# --- what is held protects its cells, and no others ---


def test_only_the_cells_in_conflict_are_protected():
    above = ours("x", "absent", target=SUB, references=("refB",)), ours("y", "absent", target=SUB)
    done = plan(snapshot(*above), listed("one", "refA", "refB"), declaration("two", LEFT))
    assert ("delete", "removed", "x", ("refB",)) in shape(done)
    assert [line.exemption.name for line in done.held if line.cause is HeldCause.NEIGHBOUR] == ["y"]


def test_a_wish_between_two_others_loses_to_both():
    done = plan(
        snapshot(),
        listed("one", "refA", "refB", "refC"),
        declaration("two", LEFT),
        declaration("three", LEFT, what="b"),
    )
    assert shape(done) == [("create", "declared", "one", ("refC",))]


def test_only_the_cells_that_another_owner_holds_are_protected():
    lives = (
        live("f", references=("refA",), metadata=EPAC),
        ours("x", "absent", target=SUB, references=("refB",)),
        ours("y", "absent", target=SUB, references=("refA",)),
    )
    done = plan(snapshot(*lives), listed("one", "refA", "refB"))
    assert [row for row in shape(done) if row[0] == "delete"] == [("delete", "removed", "x", ("refB",))]
    assert [line.exemption.name for line in done.held if line.cause is HeldCause.NEIGHBOUR] == ["y"]


def test_a_keeper_spares_everything_that_is_held_around_it():
    lives = (
        ours("o", "one", references=("refA", "refB", "refC")),
        live("f", LEFT, ("refA",), metadata=EPAC),
        live("g", ROOT, ("refB",), metadata=EPAC),
    )
    wishes = declaration("one", what="c"), declaration("two", LEFT), declaration("three", ROOT, what="b")
    done = plan(snapshot(*lives), *wishes)
    assert [row for row in shape(done) if row[2] == "o"] in (
        [],
        [("update", "edited", "o", ("refA", "refB", "refC"))],
    )
    assert len([line for line in done.held if line.cause is HeldCause.FOREIGN_OWNER]) == 2


def test_nothing_goes_where_the_initiative_that_is_declared_could_not_be_read():
    done = plan(snapshot(ours("o", "absent"), initiatives=()), declaration("one"))
    assert shape(done) == []
    assert held(done) == [("absent", HeldCause.NEIGHBOUR), ("one", HeldCause.INITIATIVE_UNREAD)]


def test_a_held_update_is_not_called_unchanged():
    top = ours("top", "one", target=ROOT, references=("refA", "refB"))
    done = plan(snapshot(top, unread=(LINE,)), declaration("one", ROOT))
    assert shape(done) == []
    assert done.unchanged == ()
    assert set(held(done)) == {("one", HeldCause.UNREAD)}


def test_the_neighbour_that_is_held_is_named_the_first_by_id():
    tops = (
        ours("t1", "one", target=ROOT, references=("refC", "refD")),
        ours("t2", "two", target=ROOT, references=("refC", "refE")),
    )
    more = initiative("mcsb", refA="a", refB="b", refC="c", refD="d", refE="e")
    below = ours("o", "gone", references=("refA", "refB"))
    wishes = declaration("one", ROOT), declaration("two", ROOT, what="b")
    done = plan(snapshot(*tops, below, unread=(LINE,), initiatives=(more,)), *wishes)
    said = {line.exemption.name: line for line in done.held if line.exemption}
    assert said["o"].cause is HeldCause.NEIGHBOUR
    assert "'one'" in said["o"].message
    assert ROOT.text in said["o"].message


def test_widening_is_told_where_the_narrower_one_must_stay_for_now():
    narrower = ours("o", "one", target=RG)
    unread = Unread(scope=RG, what="exemptions", message="AuthorizationFailed")
    rooted = replace(SETTINGS, scopes=(ROOT, RG))
    found = replace(snapshot(narrower, unread=(unread,)), expected=(ROOT, LEFT, SUB, OTHER_SUB, RG))
    done = plan(found, declaration("one", SUB), settings=rooted)
    assert [[each.value for each in change.widens] for change in done.changes if change.after] == [["scope"]]


# --- what a narrowed run says ---


def test_a_run_for_a_scope_is_silent_about_targets_elsewhere():
    done = plan(snapshot(assignments=(NIST,)), declaration("one", OTHER_SUB), only=RG)
    assert (done.changes, done.held, done.findings) == ((), (), ())


def test_a_target_that_an_unread_group_may_hold_is_not_called_uncovered():
    apart = replace(SETTINGS, scopes=(LEFT,))
    unread = Unread(scope=LEFT, what="descendants", message="AuthorizationFailed")
    done = plan(snapshot(unread=(unread,)), declaration("one", OTHER_SUB), settings=apart)
    assert held(done) == [("one", HeldCause.UNREAD)]
    assert [found.kind for found in done.findings] == []


def test_one_target_that_cannot_be_read_does_not_hide_the_next():
    gone = frozenset({RG.key})
    done = plan(snapshot(gone=gone), declaration("one", RG, OTHER_SUB))
    assert held(done) == [("one", HeldCause.RESOURCE_GONE)]
    assert [change.after.scope for change in done.changes] == [OTHER_SUB]


def test_uncovered_is_said_of_each_target_even_after_others():
    nowhere = plan(
        snapshot(assignments=(NIST,)), declaration("one", OTHER_SUB, what="b"), declaration("two", SUB, what="b")
    )
    uncovered = [found for found in nowhere.findings if found.kind is FindingKind.UNCOVERED]
    assert {(found.declaration, found.subject) for found in uncovered} == {("one", OTHER_SUB), ("two", SUB)}
    assert all("evaluates 'b'" in found.message for found in uncovered)


# --- keepers ---


def test_among_equals_the_one_that_needs_no_write_is_kept_whatever_others_noted_on_it():
    right = plan(snapshot(), declaration("one")).changes[0].after
    noted = replace(right, metadata={**right.metadata, "note": "reviewed"}, extra={"new": 1})
    older = replace(ours("older", "one", made=1), id=ours("aaa", "one").id)
    done = plan(snapshot(noted, older), declaration("one"))
    assert shape(done) == [("delete", "duplicate", "aaa", ("refA",))]


def test_references_that_the_initiative_has_no_more_do_not_stand_against_adoption():
    lives = live("p", references=("refA", "old")), live("f", references=("refC",), metadata=EPAC)
    assert shape(plan(snapshot(*lives), declaration("one"))) == [("update", "adopt", "p", ("refA",))]


def test_the_object_that_takes_a_renamed_ones_place_bears_the_revision_and_its_reason():
    lives = ours("a", "one", selectors=WEST), ours("b", "two", selectors=EAST)
    wishes = declaration("one", selectors=EAST), declaration("two", selectors=WEST)
    done = make_plan(wishes, CATALOGUE, snapshot(*lives), SETTINGS, Git(), NOW)
    created = next(change for change in done.changes if change.before is None)
    assert created.after.metadata["revision"] == "c"
    assert created.declaration == "two"


# --- the quota ---


def test_at_the_quota_only_creates_count_and_only_on_their_own_scope():
    many = [live(f"p{number}", references=("refC",)) for number in range(999)]
    over = ours("over", "gone", references=("refB",), expires_on="2026-11-01T00:00:00Z")
    staying = ours("o", "one")
    done = plan(snapshot(*many, over, staying), declaration("one", expires_on=NOW + timedelta(days=60)))
    assert all(not change.waits_for for change in done.changes)


# --- words ---


def test_who_made_it_decides_where_to_remove_it():
    unknown = replace(live("p"), system=None)
    assert where_made(unknown) == "in the portal, or where it is managed"
    assert where_made(live("p")) == "in the portal"
    assert where_made(replace(unknown, metadata=EPAC)) == where_made(live("p", by="Application"))
    assert "an unknown identity" in hold_messages.not_adoptable(unknown).message


def test_a_duplicate_says_whether_it_is_one_in_full():
    keeper = ours("kept", "one")
    same, part = (
        about_exemptions.duplicate(live("p", references=refs), keeper, declaration("one"))
        for refs in (("REFA",), ("refA", "refB"))
    )
    assert "in part the same as" in part.message
    assert "the same as" in same.message
    assert "in part" not in same.message


@pytest.mark.parametrize(("subject", "what"), [
    (Subject(kind=SubjectKind.POLICY, value="b"), "assign it, or an initiative that contains it"),
    (Subject(kind=SubjectKind.INITIATIVE, value="nist"), "assign it"),
])  # fmt: skip
def test_uncovered_says_what_to_assign(subject, what):
    done = plan(
        snapshot(assignments=()),
        replace(declaration("one"), subject=subject),
        settings=replace(SETTINGS, rules=Rules(allow_whole_assignment=True)),
    )
    found = next(found for found in done.findings if found.kind is FindingKind.UNCOVERED)
    assert what in found.remedy
    assert ("initiative" in found.remedy) == (subject.kind is SubjectKind.POLICY)


def test_uncovered_says_that_the_benchmark_holds_most_recommendations():
    listed = CATALOGUE.recommendations.values()
    some = next(found for found in listed if found.policies and len(CATALOGUE.find(found.title)) == 1)
    wish = replace(declaration("one"), subject=Subject(kind=SubjectKind.RECOMMENDATION, value=some.title))
    done = plan(snapshot(assignments=()), wish)
    assert "Microsoft cloud security benchmark" in next(f.remedy for f in done.findings)


def test_moot_findings_carry_what_makes_them_so():
    off = initiative("mcsb", refA="a")
    off = replace(off, members=(replace(off.members[0], effect="Disabled"),))
    done = plan(snapshot(initiatives=(off,)), declaration("one"))
    found = next(each for each in done.findings if each.kind is FindingKind.MOOT)
    assert (found.evidence, found.assignment) == (
        Evidence(aspect="effect", cause="the assignment disables the policy"),
        AT_ROOT.id,
    )
    choosing = replace(AT_ROOT, selectors=WEST)
    done = plan(snapshot(assignments=(choosing,)), declaration("one"))
    found = next(each for each in done.findings if each.kind is FindingKind.MOOT)
    assert (found.evidence, found.assignment) == (
        Evidence(aspect="resourceSelectors", cause="the assignment selects resources"),
        AT_ROOT.id,
    )


def test_a_stale_one_names_what_its_initiative_lost():
    stale = ours("o", "one", references=("old1", "old2"), to=NIST)
    done = plan(snapshot(stale, assignments=(AT_ROOT, NIST)), declaration("one", what="c"))
    said = next(found.message for found in done.findings if found.kind is FindingKind.ORPHANED)
    assert "its initiative has no reference id 'old1', 'old2' any more" in said


def test_unknown_references_are_listed_and_the_nearest_are_shown():
    many = initiative("mcsb", **{f"encrypt{n}": "a" for n in range(6)})
    words = hold_messages.unknown_reference(AT_ROOT, ("encryptX", "other"), many)
    assert "'encryptX', 'other'" in words.message
    assert words.remedy.count("encrypt") == 3


# --- explanations ---


def test_an_unread_initiative_elsewhere_is_said_and_stops_nothing():
    there, below = assignment(OTHER_SUB, "there", STANDARD.id), assignment(RESOURCE, "below", STANDARD.id)
    found = snapshot(assignments=(AT_ROOT, there, below), initiatives=(BENCHMARK,))
    whole = replace(declaration("one"), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb"))
    why = {row.assignment.display_name: (row.part, row.why) for row in rows(found, declaration("one")).rows}
    assert why["there"][0] is Participation.OUT
    assert "assigned at" in why["there"][1]
    assert (why["below"][0], "could not be read" in why["below"][1]) == (Participation.HELD, True)
    assert "below" not in {row.assignment.display_name for row in rows(found, whole).rows}, (
        "it is of another initiative"
    )


# --- one spelling ---


def test_an_expiry_without_offset_is_meant_in_utc_and_loses_only_trailing_zeros():
    assert canonical.expiry_text("2026-12-01T00:00") == "2026-12-01T00:00:00Z"
    assert canonical.expiry_text("2026-12-01T00:00:00.1230000Z") == "2026-12-01T00:00:00.123Z"
    assert canonical.expiry_text("2026-12-01T02:00:00+02:00") == "2026-12-01T00:00:00Z"
    assert canonical.expiry_text("2026-12-01T00:00:00.12345678Z") == "2026-12-01T00:00:00.1234567Z"
    assert canonical.instant_text(datetime(2026, 12, 1, 0, 0, 0, 120000, tzinfo=UTC)) == "2026-12-01T00:00:00.12Z"
    assert canonical.category("Someday") == "Someday"


def test_values_that_a_selector_leaves_out_are_told_from_those_it_takes():
    takes, leaves = (
        (ResourceSelector("s", (Selector(kind="resourceLocation", values=("eastus",), negated=negated),)),)
        for negated in (False, True)
    )
    assert canonical.folded_selectors(takes) != canonical.folded_selectors(leaves)
    others = (ResourceSelector("s", (Selector(kind="resourceLocation", values=("westus",), negated=True),)),)
    assert canonical.folded_selectors(leaves) != canonical.folded_selectors(others)


# --- many places at once ---


def test_a_place_that_stands_as_it_should_hides_none_after_it():
    right = plan(snapshot(), declaration("one")).changes[0].after
    done = plan(snapshot(right, assignments=(AT_ROOT, NIST)), declaration("one"))
    assert [change.after.assignment for change in done.changes] == [NIST.id]
    assert [each.id for each in done.unchanged] == [right.id]


def test_a_target_in_a_subscription_that_azure_does_not_know_is_told_apart_from_one_elsewhere():
    narrow = replace(SETTINGS, scopes=(SUB,))
    found = snapshot(gone=frozenset({OTHER_SUB.key}))
    elsewhere = plan(snapshot(), declaration("one", OTHER_SUB), settings=narrow).held[0]
    unknown = plan(found, declaration("one", OTHER_SUB), settings=narrow).held[0]
    assert unknown.cause is elsewhere.cause is HeldCause.OUTSIDE_SCOPES
    assert "finds no subscription" in unknown.message
    assert str(OTHER_SUB.subscription) in unknown.message
    assert "finds no subscription" not in elsewhere.message


def test_two_holders_around_a_keeper_protect_what_each_of_them_means():
    """Ours has more than is declared; what is declared above it is held by two others, so all of it stays."""
    lives = (
        ours("o", "one", references=("refA", "refB", "refC")),
        live("f", SUB, ("refA",), metadata=EPAC),
        live("g", SUB, ("refB",), metadata=EPAC),
    )
    wishes = declaration("one", what="c"), declaration("two", SUB), declaration("three", SUB, what="b")
    done = plan(snapshot(*lives), *wishes)
    kept = next(change for change in done.changes if change.before is not None)
    assert kept.after.reference_ids == ("refA", "refB", "refC")


def test_an_exemption_is_called_held_only_by_what_holds_its_own_declaration():
    over = ours("o", "absent", references=("refB",))
    held_one = live("f", references=("refA",), metadata=EPAC)
    found = told(
        snapshot(over, held_one, unread=(Unread(scope=SUB, what="exemptions", message="no right"),)),
        declaration("one"),
        at=RG,
    )
    said = {cover.exemption.name: cover.why for situation in found.situations for cover in situation.covers}
    assert "declaration 'one' is held" not in said["o"]


def test_an_explanation_lists_what_is_held_at_or_above_the_resource_only():
    unread = (Unread(scope=OTHER_SUB, what="exemptions", message="no right"),)
    found = told(snapshot(unread=unread), declaration("one"), declaration("two", OTHER_SUB), at=RESOURCE)
    assert [line.declaration for line in found.held] == []
    assert [
        line.declaration for line in told(snapshot(unread=unread), declaration("two", OTHER_SUB), at=OTHER_SUB).held
    ] == ["two"]
