"""Who is authoritative, upper half: one test per row and per combination that can meet at one scope and assignment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from planning.world import (
    AT_ROOT,
    CATALOGUE,
    LEFT,
    NOW,
    OTHER_SUB,
    RG,
    SETTINGS,
    STANDARD,
    SUB,
    applied,
    assignment,
    declaration,
    initiative,
    live,
    ours,
    plan,
    policy,
    shape,
    snapshot,
)

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import ResourceSelector, Selector, Subject, SubjectKind
from reconciler.planning.values import Action

WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
EAST = (ResourceSelector("east", (Selector(kind="resourceLocation", values=("eastus",)),)),)
EPAC = {"pacOwnerId": "epac-one"}
FABRIKAM = {"managedBy": "exempt", "owner": "fabrikam", "declaration": "theirs", "target": RG.text}


def stood(name, mark, *, references=("refA",), **more):
    """One of ours exactly as `declaration(mark)` wants it."""
    found = ours(name, mark, references=references, description="Because it retires.", **more)
    metadata = {**found.metadata, "requestedBy": "data@contoso.example"}
    return replace(found, display_name=f"{mark}: a", metadata=metadata)


def held(done):
    return [(line.declaration, line.cause, line.reference_ids, line.exemption) for line in done.held]


def found(done, kind):
    return [(finding.subject.name, finding.declaration) for finding in done.findings if finding.kind is kind]


# --- none meets R ---


def test_none_meets_create():
    done = plan(snapshot(), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert done.changes[0].declaration == "one"
    assert done.changes[0].source.file == "exemptions/one.yaml"


@pytest.mark.parametrize("other", [
    live("other", references=("refB",)),
    live("elsewhere", SUB, to=assignment(SUB, "other", STANDARD.id)),
    live("selected", selectors=WEST),
    live("over", expires_on="2026-11-20T12:00:00Z"),
], ids=["other references", "other place", "other selectors", "expired"])  # fmt: skip
def test_others_that_do_not_meet_are_no_obstacle(other):
    done = plan(snapshot(other), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert [each.name for each in done.foreign] == [other.name]


def test_references_meet_whatever_their_letters():
    assert shape(plan(snapshot(live("portal", references=("REFA",))), declaration("one"))) == [
        ("update", "adopt", "portal", ("refA",))
    ]


# --- the keeper ---


def test_keeper_that_says_the_same_is_unchanged():
    done = plan(snapshot(stood("o", "one")), declaration("one"))
    assert done.is_empty
    assert [each.name for each in done.unchanged] == ["o"]
    assert done.summary == {"create": 0, "update": 0, "delete": 0, "unchanged": 1, "foreign": 0, "held": 0}


def test_keeper_keeps_its_name_and_what_we_do_not_model():
    kept = replace(stood("o", "one"), description="by hand", extra={"future": [1]})
    done = plan(snapshot(kept), declaration("one"))
    assert shape(done) == [("update", "edited", "o", ("refA",))]
    assert done.changes[0].after.id == kept.id
    assert done.changes[0].after.extra == {"future": [1]}
    assert done.changes[0].after.description == "Because it retires."


def test_own_mark_wins_over_another_mark_that_is_older():
    done = plan(snapshot(stood("a", "gone", made=1), stood("b", "one", made=9)), declaration("one"))
    assert shape(done) == [("delete", "duplicate", "a", ("refA",))]


def test_another_mark_that_meets_wins_over_own_mark_that_does_not():
    done = plan(snapshot(ours("a", "gone"), ours("b", "one", references=("refB",))), declaration("one"))
    assert shape(done) == [("update", "rename", "a", ("refA",)), ("delete", "removed", "b", ("refB",))]


def test_own_mark_that_does_not_meet_wins_over_an_adoptable_one():
    done = plan(snapshot(live("a"), ours("b", "one", references=("refB",))), declaration("one"))
    assert shape(done) == [("delete", "duplicate", "a", ("refA",)), ("update", "edited", "b", ("refA",))]


def test_most_shared_references_win_over_age():
    done = plan(
        snapshot(ours("a", "one", references=("nistA",), to=NIST), ours("b", "one", references=("nistA", "nistA2"), to=NIST, made=9), assignments=(NIST,)),
        declaration("one"),
    )  # fmt: skip
    assert shape(done) == [
        ("delete", "duplicate", "a", ("nistA",)),
        ("update", "edited", "b", ("nistA", "nistA2")),
    ]


NIST = assignment(SUB, "nist", STANDARD.id)


def test_one_that_needs_no_write_wins_over_an_older_one():
    done = plan(snapshot(ours("a", "one", made=1), stood("b", "one", made=9)), declaration("one"))
    assert shape(done) == [("delete", "duplicate", "a", ("refA",))]


def test_one_with_the_same_selectors_wins_over_an_older_one():
    lives = ours("a", "one", made=1), ours("b", "one", made=9, selectors=WEST)
    done = plan(snapshot(*lives), declaration("one", selectors=WEST))
    assert shape(done) == [("delete", "duplicate", "a", ("refA",)), ("update", "edited", "b", ("refA",))]


@pytest.mark.parametrize(
    ("first", "second", "kept"), [(3, 5, "a"), (5, 3, "b"), (4, 4, "a")], ids=["older", "newer", "by name"]
)
def test_oldest_adoptable_is_adopted_and_the_others_go(first, second, kept):
    done = plan(snapshot(live("a", made=first), live("b", made=second)), declaration("one"))
    verdicts = {name: (action, reason) for action, reason, name, _ in shape(done)}
    assert verdicts.pop(kept) == ("update", "adopt")
    assert set(verdicts.values()) == {("delete", "duplicate")}


def test_one_without_a_date_is_the_youngest():
    undated = replace(live("a"), system=None)
    done = plan(snapshot(undated, live("b", made=19)), declaration("one", adopt=True))
    assert shape(done) == [("delete", "duplicate", "a", ("refA",)), ("update", "adopt", "b", ("refA",))]


def test_references_that_the_initiative_lost_do_not_keep_one_from_being_adopted():
    done = plan(snapshot(live("portal", references=("refA", "stale"))), declaration("one"))
    assert shape(done) == [("update", "adopt", "portal", ("refA",))]


def test_ours_counts_whatever_its_selectors_and_expiry():
    kept = ours("o", "one", selectors=WEST, expires_on="2026-01-01T00:00:00Z")
    done = plan(snapshot(kept), declaration("one"))
    assert shape(done) == [("update", "edited", "o", ("refA",))]
    assert (done.changes[0].after.selectors, done.changes[0].after.expires_on) == ((), "")


def test_ours_without_references_counts_as_all_of_them():
    done = plan(snapshot(ours("o", "one", references=())), declaration("one"))
    assert shape(done) == [("update", "edited", "o", ("refA",))]


def test_two_that_swapped_what_they_want_swap_marks_not_references():
    lives = ours("a", "one", references=("refA",)), ours("b", "two", references=("refB",))
    done = plan(snapshot(*lives), declaration("one", what="b"), declaration("two"))
    assert shape(done) == [("update", "rename", "a", ("refA",)), ("update", "rename", "b", ("refB",))]
    assert [change.after.metadata["declaration"] for change in done.changes] == ["two", "one"]


def test_a_former_owner_is_us_and_its_mark_is_renewed():
    former = {"managedBy": "exempt", "owner": "contoso/old", "declaration": "one", "target": RG.text}
    settings = replace(SETTINGS, former_owners=("contoso/old",))
    done = plan(snapshot(live("o", by="Application", metadata=former)), declaration("one"), settings=settings)
    assert shape(done) == [("update", "rename", "o", ("refA",))]
    assert done.changes[0].after.metadata["owner"] == SETTINGS.owner
    assert held(plan(snapshot(live("o", metadata=former)), declaration("one")))[0][1] is HeldCause.FOREIGN_OWNER


def test_renamed_declaration_is_an_update_of_the_mark():
    assert shape(plan(snapshot(ours("o", "old-name")), declaration("new-name"))) == [
        ("update", "rename", "o", ("refA",))
    ]


@pytest.mark.parametrize(
    ("mark", "target", "goes"),
    [
        ("gone", RG, True),
        ("other", LEFT, True),
        ("other", OTHER_SUB, False),
        ("", RG, False),
    ],
    ids=["declared-no-more", "target-no-longer-listed", "moved-away-from-its-target", "no-declaration-marked"],
)
def test_what_its_own_declaration_did_not_give_up_is_not_lost_by_a_rename(mark, target, goes):
    """Policy c at the resource group is no declaration's wish; only expiry or an edit may be why it goes."""
    one = ours("o", mark, target, scope=RG, references=("refA", "refC"))
    declared = declaration("one"), declaration("other", OTHER_SUB, what="c")
    found = snapshot(one)
    done = plan(found, *declared)
    changes = [change for change in shape(done) if change[2] != "other"]
    if goes:
        assert changes == [("update", "rename", "o", ("refA",))]
        return
    assert changes == [("update", "narrow", "o", ("refC",)), ("create", "declared", "one", ("refA",))]
    narrowed = next(change for change in done.changes if change.exemption.name == "o")
    assert next(change.id.key for change in done.changes if "one-" in change.id.key) in narrowed.waits_for
    again = plan(applied(found, done), *declared)
    assert again.is_empty
    assert "o" in {finding.subject.name for finding in again.findings}


@pytest.mark.parametrize(
    ("mark", "target", "goes"),
    [("gone", RG, True), ("other", LEFT, True), ("other", OTHER_SUB, False), ("", RG, False)],
    ids=["declared-no-more", "target-no-longer-listed", "moved-away-from-its-target", "no-declaration-marked"],
)
def test_what_is_exempt_for_some_resources_makes_no_duplicate_of_what_is_exempt_for_all(mark, target, goes):
    """The others would lose their exemption, and only expiry or an edit may be why."""
    some = declaration("one", selectors=WEST), declaration("other", OTHER_SUB)
    found = snapshot(ours("o", mark, target, scope=RG))
    renamed = plan(found, *some)
    expected = [("update", "rename", "o", ("refA",))] if goes else [("create", "declared", "one", ("refA",))]
    assert [change for change in shape(renamed) if change[2] != "other"] == expected
    served = applied(snapshot(), plan(snapshot(), *some))
    beside = plan(replace(served, exemptions=(*served.exemptions, *found.exemptions)), *some)
    assert shape(beside) == ([("delete", "duplicate", "o", ("refA",))] if goes else [])
    assert goes or "o" in {finding.subject.name for finding in beside.findings}


def test_what_a_held_declaration_may_adopt_one_day_is_not_narrowed_to_that():
    """Else the next run would adopt what this one calls held."""
    portal, terraform = live("portal", references=("refB", "refC")), live("tf", references=("refB",), by="Application")
    declared = declaration("one", what="c"), declaration("two", what="b")
    found = applied(snapshot(), plan(snapshot(), declared[0]))
    done = plan(replace(found, exemptions=(*found.exemptions, portal, terraform)), *declared)
    assert shape(done) == []
    assert held(done)[0][1] is HeldCause.NOT_ADOPTABLE


def test_split_declaration_keeps_one_and_creates_the_other_first():
    whole = ours("o", "one", references=("refA", "refB"))
    done = plan(snapshot(whole), declaration("one"), declaration("two", what="b"))
    assert shape(done) == [("update", "edited", "o", ("refA",)), ("create", "declared", "two", ("refB",))]
    assert done.changes[0].waits_for == (done.changes[1].id.key,)
    assert done.changes[0].relies_on == (done.changes[1].after,)


def test_merged_declarations_become_one_object():
    lives = ours("a", "one", references=("refA",)), ours("b", "two", references=("refB",))
    both = declaration("one", what="mcsb")
    both = replace(both, subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA", "refB")))
    done = plan(snapshot(*lives), both)
    assert shape(done) == [("update", "edited", "a", ("refA", "refB")), ("delete", "duplicate", "b", ("refB",))]
    assert done.changes[1].waits_for == (done.changes[0].id.key,)
    assert done.changes[1].relies_on == (done.changes[0].after,)


# --- adoption ---


def test_adoptable_one_with_more_than_is_wanted_is_narrowed_after_ours_is_created():
    done = plan(snapshot(live("portal", references=("refA", "refB"))), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",)), ("update", "narrow", "portal", ("refB",))]
    created, narrowed = done.changes
    assert narrowed.waits_for == (created.id.key,)
    assert narrowed.relies_on == (created.after,)
    assert narrowed.after == replace(narrowed.before, reference_ids=("refB",))
    assert narrowed.declaration == "one"


def test_narrowing_drops_what_the_initiative_lost():
    done = plan(snapshot(live("portal", references=("refA", "refB", "stale"))), declaration("one"))
    assert shape(done)[1] == ("update", "narrow", "portal", ("refB",))


def test_adoptable_one_that_two_declarations_cover_goes():
    done = plan(snapshot(live("portal", references=("refA", "refB"))), declaration("one"), declaration("two", what="b"))
    assert [row[:3] for row in shape(done)] == [
        ("create", "declared", "one"), ("delete", "duplicate", "portal"), ("create", "declared", "two"),
    ]  # fmt: skip
    assert done.changes[1].waits_for == (done.changes[0].id.key, done.changes[2].id.key)


def test_an_application_is_adoptable_under_adopt():
    done = plan(snapshot(live("tf", by="Application")), declaration("one", adopt=True))
    assert shape(done) == [("update", "adopt", "tf", ("refA",))]


def test_ours_whose_mark_somebody_stripped_is_known_by_its_name():
    created = plan(snapshot(), declaration("one")).changes[0].after
    stripped = live(created.name, by="Application")
    assert shape(plan(snapshot(stripped), declaration("one"))) == [("update", "adopt", created.name, ("refA",))]
    second = live(f"{created.name}-2", by="ManagedIdentity")
    assert shape(plan(snapshot(second), declaration("one"))) == [("update", "adopt", second.name, ("refA",))]
    other = live(created.name.replace("one-", "one-0"), by="Application")
    assert held(plan(snapshot(other), declaration("one")))[0][1] is HeldCause.NOT_ADOPTABLE


def test_adoption_keeps_the_notes_of_others_and_adds_our_marks():
    portal = live("portal", metadata={"note": "ask Ann", "createdBy": "ann"})
    after = plan(snapshot(portal), declaration("one", metadata={"area": "data"}, ticket="SEC-1")).changes[0].after
    assert after.metadata == {
        "note": "ask Ann", "createdBy": "ann", "area": "data", "declared": ["area"], "managedBy": "exempt", "owner": SETTINGS.owner,
        "declaration": "one", "target": RG.text, "requestedBy": "data@contoso.example", "ticket": "SEC-1",
    }  # fmt: skip


# --- made by an application ---


def test_application_without_a_keeper_holds_its_cells():
    done = plan(snapshot(live("tf", by="Application")), declaration("one"))
    assert done.is_empty
    assert held(done) == [("one", HeldCause.NOT_ADOPTABLE, ("refA",), live("tf").id)]
    assert [each.name for each in done.foreign] == ["tf"]


def test_application_holds_only_the_cells_that_it_has():
    tf = live("tf", references=("nistA",), to=NIST, by="Application")
    done = plan(snapshot(tf, assignments=(NIST,)), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("nistA2",))]
    assert held(done) == [("one", HeldCause.NOT_ADOPTABLE, ("nistA",), tf.id)]


def test_application_beside_a_keeper_is_untouched_and_found():
    done = plan(snapshot(live("tf", by="Application"), stood("o", "one")), declaration("one"))
    assert done.is_empty
    assert not done.held
    assert found(done, FindingKind.DUPLICATE) == [("tf", "one")]


def test_application_is_narrowed_for_the_one_that_adopts_only():
    tf = live("tf", references=("refA", "refB"), by="Application")
    lives = tf, stood("o", "two", references=("refB",))
    done = plan(snapshot(*lives), declaration("one", adopt=True), declaration("two", what="b"))
    assert ("update", "narrow", "tf", ("refB",)) in shape(done)


# --- further ones ---


def test_further_ones_of_ours_and_of_users_go():
    lives = stood("keeper", "one"), ours("o2", "one"), live("portal")
    assert shape(plan(snapshot(*lives), declaration("one"))) == [
        ("delete", "duplicate", "o2", ("refA",)),
        ("delete", "duplicate", "portal", ("refA",)),
    ]


def test_further_one_of_ours_keeps_what_its_declaration_still_means():
    lives = stood("keeper", "one"), ours("o2", "two", references=("refA", "refB"))
    torn = declaration("two", what="b"), declaration("three", SUB, what="b")
    done = plan(snapshot(*lives), declaration("one"), *torn)
    assert shape(done) == [("update", "narrow", "o2", ("refB",))]
    assert [line.cause for line in done.held] == [HeldCause.CONFLICT, HeldCause.CONFLICT]


def test_further_one_of_ours_whose_rest_is_unwanted_goes_at_once():
    lives = stood("keeper", "one"), ours("o2", "gone", references=("refA", "refB"))
    done = plan(snapshot(*lives), declaration("one"))
    assert shape(done) == [("delete", "removed", "o2", ("refA", "refB"))]


def test_further_one_without_references_is_narrowed_to_a_list_never_to_none():
    lives = stood("keeper", "one"), ours("o2", "two", references=())
    torn = declaration("two", what="b"), declaration("three", SUB, what="b")
    done = plan(snapshot(*lives), declaration("one"), *torn)
    assert shape(done) == [("update", "narrow", "o2", ("refB", "refC"))]


def test_further_one_with_other_selectors_is_a_users_own_and_stays():
    portal = live("portal", references=("refA", "refB"))
    two = declaration("two", what="b", selectors=WEST)
    done = plan(snapshot(portal), declaration("one"), two)
    assert ("update", "narrow", "portal", ("refB",)) in shape(done)


# --- whole assignments ---


def test_whole_assignment_of_a_user_is_an_overlap():
    done = plan(snapshot(live("w", references=())), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert found(done, FindingKind.OVERLAP) == [("w", None)]


def test_whole_assignment_is_adopted_by_one_that_wants_it_whole():
    wish = replace(declaration("one"), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb"))
    allowed = replace(SETTINGS, rules=replace(SETTINGS.rules, allow_whole_assignment=True))
    done = plan(snapshot(live("w", references=())), wish, settings=allowed)
    assert shape(done) == [("update", "adopt", "w", ())]
    refused = plan(snapshot(live("w", references=())), wish)
    assert refused.is_empty
    assert [line.cause for line in refused.held] == [HeldCause.WHOLE_ASSIGNMENT]


def test_single_policy_has_one_cell_and_no_references():
    single = assignment(SUB, "tls", policy("a"))
    done = plan(snapshot(live("p", references=(), to=single), assignments=(single,)), declaration("one"))
    assert shape(done) == [("update", "adopt", "p", ())]
    assert shape(plan(snapshot(assignments=(single,)), declaration("one"))) == [("create", "declared", "one", ())]


# --- foreign ---


@pytest.mark.parametrize(
    ("marks", "name"), [(EPAC, "epac-one"), ({"deployedBy": "epac/two"}, "epac/two"), (FABRIKAM, "fabrikam")]
)
def test_foreign_owner_holds_its_cells_and_is_named(marks, name):
    done = plan(snapshot(live("f", metadata=marks)), declaration("one"))
    assert done.is_empty
    assert held(done) == [("one", HeldCause.FOREIGN_OWNER, ("refA",), live("f").id)]
    assert repr(name) in done.held[0].message
    assert f"takeOver: {name}" in done.held[0].remedy


@pytest.mark.parametrize("marks", [EPAC, {"deployedBy": "epac-one"}])
def test_another_owners_mark_beside_ours_counts(marks):
    """Whoever wrote it last may write it again: it is ours no more until somebody says that it is taken over."""
    both = ours("o", "one")
    both = replace(both, metadata={**both.metadata, **marks})
    done = plan(snapshot(both), declaration("one"))
    assert done.is_empty
    assert held(done) == [("one", HeldCause.FOREIGN_OWNER, ("refA",), both.id)]
    assert "'epac-one'" in done.held[0].message
    taken = plan(snapshot(both), declaration("one", take_over="epac-one"))
    assert shape(taken) == [("update", "take-over", "o", ("refA",))]
    assert not {*marks} & {*taken.changes[0].after.metadata}


def test_foreign_owner_beside_a_keeper_holds_what_both_have():
    lives = live("f", metadata=EPAC), ours("o", "one", references=("refA", "refB"))
    done = plan(snapshot(*lives), declaration("one"))
    assert shape(done) == [("update", "edited", "o", ("refA",))]
    assert [line.cause for line in done.held] == [HeldCause.FOREIGN_OWNER]


def test_all_held_never_becomes_an_exemption_without_references():
    lives = live("f", references=("refB",), metadata=EPAC), ours("o", "one")
    done = plan(snapshot(*lives), declaration("one", what="b"))
    assert shape(done) == [("delete", "removed", "o", ("refA",))]


def test_held_cells_keep_the_exemption_that_their_declaration_had_elsewhere():
    lives = live("f", metadata=EPAC), ours("o", "one", target=SUB)
    done = plan(snapshot(*lives), declaration("one", RG))
    assert done.is_empty
    assert [line.cause for line in done.held] == [HeldCause.NEIGHBOUR, HeldCause.FOREIGN_OWNER]


def test_held_cells_are_spared_by_the_keeper_of_another_declaration():
    lives = (
        live("f", RG, metadata=EPAC, references=("refB",)),
        ours("o", "one", target=SUB, references=("refA", "refB")),
    )
    done = plan(snapshot(*lives), declaration("one", SUB), declaration("two", RG, what="b"))
    assert shape(done) == [("update", "edited", "o", ("refA", "refB"))]
    assert [line.cause for line in done.held] == [HeldCause.FOREIGN_OWNER]


def test_take_over_makes_it_adoptable_and_drops_its_owners_marks():
    marked = {**EPAC, "epacMetadata": {"x": 1}, "note": "kept"}
    done = plan(snapshot(live("f", metadata=marked)), declaration("one", take_over="epac-one"))
    assert shape(done) == [("update", "take-over", "f", ("refA",))]
    assert set(done.changes[0].after.metadata) == {"note", "managedBy", "owner", "declaration", "target", "requestedBy"}


def test_take_over_of_another_repository_drops_its_users_metadata():
    marked = {**FABRIKAM, "theirs": 1, "declared": ["theirs"], "ticket": "OLD"}
    done = plan(snapshot(live("f", metadata=marked)), declaration("one", take_over="fabrikam"))
    assert not {"theirs", "declared", "ticket"} & set(done.changes[0].after.metadata)


def test_take_over_names_one_owner_only():
    done = plan(snapshot(live("f", metadata=FABRIKAM)), declaration("one", take_over="epac-one"))
    assert held(done)[0][1] is HeldCause.FOREIGN_OWNER


def test_adopt_is_no_take_over():
    assert (
        held(plan(snapshot(live("f", metadata=EPAC)), declaration("one", adopt=True)))[0][1] is HeldCause.FOREIGN_OWNER
    )


def test_taken_over_one_with_more_than_is_wanted_is_narrowed_and_stays_theirs():
    done = plan(
        snapshot(live("f", metadata=EPAC, references=("refA", "refB"))), declaration("one", take_over="epac-one")
    )
    assert shape(done) == [("update", "narrow", "f", ("refB",)), ("create", "declared", "one", ("refA",))]
    assert done.changes[0].after.metadata == EPAC


def test_expired_of_others_has_no_authority():
    lives = live("f", metadata=EPAC, expires_on="2026-11-01T00:00:00Z"), live("p", expires_on="2026-11-01T00:00:00Z")
    done = plan(snapshot(*lives), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert found(done, FindingKind.EXPIRED) == [("f", None), ("p", None)]


# --- selectors ---


def test_same_cells_with_other_selectors_are_two_exemptions():
    done = plan(snapshot(), declaration("one", selectors=WEST), declaration("two", selectors=EAST))
    assert [row[:3] for row in shape(done)] == [("create", "declared", "one"), ("create", "declared", "two")]
    assert not done.held


def test_changed_selectors_are_an_update_in_place():
    kept = replace(stood("o", "one"), selectors=WEST)
    done = plan(snapshot(kept), declaration("one", selectors=EAST))
    assert shape(done) == [("update", "edited", "o", ("refA",))]


def test_selectors_written_otherwise_are_the_same():
    shouted = (ResourceSelector("west", (Selector(kind="ResourceLocation", values=("WestEurope",)),)),)
    kept = replace(stood("o", "one"), selectors=shouted)
    assert plan(snapshot(kept), declaration("one", selectors=WEST)).is_empty


# --- names ---


def test_taken_name_gets_a_suffix():
    created = plan(snapshot(), declaration("one")).changes[0].after
    taken = live(created.name, references=("refB",))
    done = plan(snapshot(taken), declaration("one"))
    assert done.changes[0].after.name == f"{created.name}-2"
    both = taken, live(f"{created.name}-2", references=("refC",))
    assert plan(snapshot(*both), declaration("one")).changes[0].after.name == f"{created.name}-3"


def test_one_policy_listed_twice_split_by_references_gets_two_names():
    twice = [
        replace(declaration(name), subject=Subject(kind=SubjectKind.INITIATIVE, value="nist", reference_ids=(ref,)))
        for name, ref in (("one", "nistA"), ("one-b", "nistA2"))
    ]
    done = plan(snapshot(assignments=(NIST,)), *twice)
    assert len({change.id.key for change in done.changes}) == 2


# --- reasons, widening, what else ---


def test_widening_is_named_by_field():
    kept = replace(stood("o", "one", references=("nistA",), to=NIST), expires_on="2026-12-01T00:00:00Z", selectors=WEST)
    wish = declaration("one", expires_on=NOW + timedelta(days=90))
    wish = replace(wish, category=type(wish.category).MITIGATED)
    done = plan(snapshot(kept, assignments=(NIST,)), wish)
    assert [each.value for each in done.changes[0].widens] == ["category", "expiry", "references", "selectors"]
    narrower = plan(snapshot(stood("o", "one")), declaration("one", expires_on=NOW + timedelta(days=9), selectors=WEST))
    assert narrower.changes[0].widens == ()
    broader = plan(snapshot(ours("o", "one", target=RG)), declaration("one", SUB))
    assert [(c.action, [w.value for w in c.widens]) for c in broader.changes] == [
        (Action.CREATE, ["scope"]),
        (Action.DELETE, []),
    ]


def test_a_declaration_that_replaces_a_narrower_one_of_another_name_widens_the_scope():
    broader = declaration("wide", SUB)
    replaced = plan(snapshot(ours("o", "one", target=RG)), broader)
    assert [(c.action, [w.value for w in c.widens]) for c in replaced.changes] == [
        (Action.CREATE, ["scope"]),
        (Action.DELETE, []),
    ]
    another_policy = ours("o", "one", references=("refC",))
    assert [c.widens for c in plan(snapshot(another_policy), broader).changes] == [(), ()]
    assert [c.widens for c in plan(snapshot(live("portal")), broader).changes] == [()]
    elsewhere = declaration("wide", OTHER_SUB)
    assert [c.widens for c in plan(snapshot(ours("o", "one")), elsewhere).changes] == [(), ()]


def test_changes_tell_which_other_recommendations_they_exempt():
    assert plan(snapshot(), declaration("one")).changes[0].also_exempts == ()
    shared = next(found for found in CATALOGUE.policies.values() if len(CATALOGUE.resting_on(found.id)) > 1)
    titles = {found.title for found in CATALOGUE.resting_on(shared.id)} - {shared.title}
    named = initiative("mcsb", ref=shared.id.name)
    done = plan(snapshot(initiatives=(named,)), declaration("one", what=shared.id.text))
    assert done.changes[0].also_exempts == tuple(sorted(titles))
    assert titles


def test_custom_initiative_with_ten_references_of_one_policy_lists_them_all():
    many = initiative("custom", **{f"ref{n}": "a" for n in range(10)})
    to = assignment(SUB, "custom", many.id)
    done = plan(snapshot(assignments=(to,), initiatives=(many,)), declaration("one"))
    assert len(done.changes[0].after.reference_ids) == 10


def test_same_initiative_assigned_twice_is_two_exemptions():
    below = assignment(SUB, "again", AT_ROOT.definition)
    done = plan(snapshot(assignments=(AT_ROOT, below)), declaration("one"))
    assert sorted(change.after.assignment.name for change in done.changes) == ["again", "mcsb"]


def test_application_with_a_cell_that_the_keeper_lacks_is_held_on_every_run_alike():
    tenant = snapshot(live("tf", references=("nistA",), to=NIST, by="Application"), assignments=(NIST,))
    first = plan(tenant, declaration("one"))
    second = plan(applied(tenant, first), declaration("one"))
    assert second.is_empty
    assert held(second) == held(first)


@pytest.mark.parametrize("mark", [{}, {"owner": None}, {"owner": ""}, {"owner": ["x"]}, {"owner": {}}])
def test_a_mark_that_names_no_owner_is_foreign_and_stops_nobody_else(mark):
    odd = live("odd", metadata={"managedBy": "exempt", **mark})
    done = plan(snapshot(odd), declaration("one"), declaration("two", what="b"))
    assert [line.cause for line in done.held] == [HeldCause.FOREIGN_OWNER]
    assert shape(done) == [("create", "declared", "two", ("refB",))]


# --- several wishes, several others ---


def test_long_names_that_share_a_stem_stay_apart():
    names = ["x" * 60 + end for end in "12"]
    wishes = [
        replace(declaration(name), subject=Subject(kind=SubjectKind.INITIATIVE, value="nist", reference_ids=(ref,)))
        for name, ref in zip(names, ("nistA", "nistA2"), strict=True)
    ]
    first, second = plan(snapshot(assignments=(NIST,)), *wishes).changes
    assert second.id.name == f"{first.id.name}-2"


def test_several_others_hold_what_each_of_them_has():
    lives = [live(f"f{n}", references=(ref,), to=NIST, metadata=EPAC) for n, ref in enumerate(("nistA", "nistA2"))]
    done = plan(snapshot(*lives, assignments=(NIST,)), declaration("one"))
    assert done.is_empty
    assert [line.reference_ids for line in done.held] == [("nistA",), ("nistA2",)]


def test_a_wish_that_is_all_held_stops_no_other_at_its_place():
    done = plan(snapshot(live("f", metadata=EPAC)), declaration("one"), declaration("two", what="b"))
    assert shape(done) == [("create", "declared", "two", ("refB",))]
    both = plan(
        snapshot(live("f", metadata=EPAC), live("g", references=("refB",), metadata=EPAC)),
        declaration("one"),
        declaration("two", what="b"),
    )
    assert [line.declaration for line in both.held] == ["one", "two"]


def test_findings_of_several_wishes_are_all_told():
    lives = live("tf-a", by="Application"), live("tf-b", references=("refB",), by="Application")
    kept = stood("a", "one"), ours("b", "two", references=("refB",))
    done = plan(snapshot(*lives, *kept), declaration("one"), declaration("two", what="b"))
    assert found(done, FindingKind.DUPLICATE) == [("tf-a", "one"), ("tf-b", "two")]


def test_an_edit_that_takes_nothing_away_waits_for_nothing():
    end = NOW + timedelta(days=9)
    kept = ours("o", "one", expires_on="2026-11-29T12:00:00Z")
    done = plan(snapshot(kept), declaration("one", expires_on=end), declaration("two", selectors=EAST))
    assert [change.waits_for for change in done.changes] == [(), ()]
    selected = ours("o", "one", selectors=WEST)
    done = plan(snapshot(selected), declaration("one", selectors=WEST), declaration("two", selectors=EAST))
    assert [change.waits_for for change in done.changes] == [(), ()]


def test_the_keeper_of_one_wish_may_be_pushed_out_by_another():
    lives = ours("a", "two", references=("refA", "refB")), ours("b", "gone", references=("refA",), made=5)
    done = plan(snapshot(*lives), declaration("one"), declaration("two", what="b"))
    assert shape(done) == [("update", "edited", "a", ("refB",)), ("update", "rename", "b", ("refA",))]


def test_a_reduced_one_names_the_declaration_that_takes_its_place():
    done = plan(snapshot(stood("k", "one"), live("p")), declaration("one"))
    assert [(change.declaration, change.source.file) for change in done.changes] == [("one", "exemptions/one.yaml")]
