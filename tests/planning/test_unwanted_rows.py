"""Who is authoritative, lower half: live exemptions that keep no wish. One test per row, and what wins over what."""

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
    SETTINGS,
    STANDARD,
    SUB,
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

from reconciler.catalog.catalogue import load
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Limits, Subject, SubjectKind, Unmanaged, Unread, arm_id
from reconciler.planning.allowances import Allowances
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory

OLD = assignment(ROOT, "old", BENCHMARK.id)
GONE = {"gone": frozenset({OLD.id.key})}
EPAC = {"pacOwnerId": "epac"}
ORPHANS = Allowances(delete_orphans=5)
OTHER_POLICY = {"what": "b"}


def kept(done):
    """What is found about the only live exemption, which no change concerns."""
    assert done.is_empty, shape(done)
    (only,) = {finding.subject.name for finding in done.findings if "policyexemptions" in finding.subject.key}
    return only, [finding.kind.value for finding in done.findings if finding.subject.name == only]


def says(done, name):
    return [finding.message for finding in done.findings if finding.subject.name == name]


# --- ours: an edit of the repository, or expiry ---


def test_removed_when_its_declaration_is_absent():
    assert shape(plan(snapshot(ours("o", "gone")), declaration("one", what="b", enabled=False))) == [
        ("delete", "removed", "o", ("refA",))
    ]


def test_removed_when_its_declaration_is_disabled():
    done = plan(snapshot(ours("o", "one")), declaration("one", enabled=False))
    assert shape(done) == [("delete", "removed", "o", ("refA",))]
    assert done.changes[0].source.file == "exemptions/one.yaml"
    assert done.changes[0].declaration == "one"


def test_expired_when_its_declaration_has_run_out():
    over = declaration("one", expires_on=NOW)
    assert shape(plan(snapshot(ours("o", "one")), over)) == [("delete", "expired", "o", ("refA",))]
    still = plan(snapshot(ours("o", "one")), declaration("one", expires_on=NOW + timedelta(seconds=1)))
    assert [row[1] for row in shape(still)] == ["edited"]


def test_removed_when_the_target_is_no_longer_listed():
    done = plan(snapshot(ours("o", "one", target=RG)), declaration("one", OTHER_SUB))
    assert ("delete", "removed", "o", ("refA",)) in shape(done)


def test_removed_when_the_declaration_means_nothing_behind_it():
    done = plan(
        snapshot(ours("o", "one", references=("nistD",), to=OTHER), assignments=(OTHER,)), declaration("one", what="b")
    )
    assert shape(done) == [("delete", "removed", "o", ("nistD",))]


OTHER = assignment(SUB, "nist", STANDARD.id)


def test_removed_when_the_declaration_names_another_assignment():
    wish = replace(
        declaration("one"), subject=Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text, reference_ids=("refA",))
    )
    done = plan(snapshot(ours("o", "one", references=("stale",), to=OTHER), assignments=(AT_ROOT, OTHER)), wish)
    assert ("delete", "removed", "o", ("stale",)) in shape(done)


def test_whole_one_of_an_absent_declaration_goes_too():
    done = plan(snapshot(ours("o", "gone", references=())), declaration("one", OTHER_SUB))
    assert shape(done) == [("delete", "removed", "o", ()), ("create", "declared", "one", ("refA",))]


# --- ours: kept ---


def test_a_new_version_of_the_initiative_is_no_edit():
    newer = initiative("mcsb", refB="b")
    done = plan(snapshot(ours("o", "one"), initiatives=(newer,)), declaration("one"))
    assert kept(done) == ("o", ["orphaned"])
    assert "'refA'" in says(done, "o")[0]
    assert shape(plan(snapshot(ours("o", "one"), initiatives=(newer,)), declaration("one"), allowed=ORPHANS)) == [
        ("delete", "orphan", "o", ("refA",))
    ]


def test_the_references_that_exist_are_judged_beside_unknown_ones():
    """The initiative dropped one of two, then the declaration was edited to something else: the other one goes."""
    newer = initiative("mcsb", refA="a", refC="c")
    found = snapshot(ours("o", "one", references=("refA", "refB")), initiatives=(newer,))
    assert shape(plan(found, declaration("one", what="c")))[0] == ("update", "edited", "o", ("refC",))
    elsewhere = declaration("one", what="d")
    assert shape(plan(found, elsewhere)) == [("delete", "removed", "o", ("refA", "refB"))]
    gone = replace(found, initiatives={AT_ROOT.id.key: initiative("mcsb", refC="c")})
    assert kept(plan(gone, elsewhere)) == ("o", ["orphaned"])


def test_orphaned_when_its_assignment_is_gone():
    done = plan(snapshot(ours("o", "one", to=OLD), assignments=(), **GONE), declaration("one"))
    assert kept(done) == ("o", ["orphaned"])
    assert "'old' no longer exists" in says(done, "o")[0]


def test_orphans_go_by_the_option_only():
    found = snapshot(ours("o", "one", to=OLD), assignments=(), **GONE)
    assert shape(plan(found, declaration("one"), allowed=ORPHANS)) == [("delete", "orphan", "o", ("refA",))]
    assert plan(found, declaration("one"), allowed=Allowances(delete_orphans=1)).refusals == ()
    refused = plan(found, declaration("one"), allowed=Allowances(delete_orphans=0))
    assert [refusal.remedy for refusal in refused.refusals] == ["--delete-orphans 1"]


def test_a_corrected_assignment_is_an_edit_although_the_old_one_is_gone():
    """The assignment was made anew under another name, and the declaration corrected as its held line asked."""
    corrected = declaration(
        "one", subject=Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text, reference_ids=("refA",))
    )
    found = snapshot(ours("o", "one", to=OLD), **GONE)
    assert shape(plan(found, corrected)) == [
        ("delete", "removed", "o", ("refA",)),
        ("create", "declared", "one", ("refA",)),
    ]
    still = replace(corrected, subject=replace(corrected.subject, value=OLD.id.text))
    assert kept(plan(found, still)) == ("o", ["orphaned"])


def test_removed_wins_over_orphaned():
    done = plan(snapshot(ours("o", "gone", to=OLD), assignments=(), **GONE), declaration("one"))
    assert shape(done) == [("delete", "removed", "o", ("refA",))]


def test_expired_wins_over_orphaned():
    done = plan(snapshot(ours("o", "one", to=OLD), assignments=(), **GONE), declaration("one", expires_on=NOW))
    assert shape(done) == [("delete", "expired", "o", ("refA",))]


def test_orphaned_when_its_subscription_moved_away_from_the_assignment():
    at_left = assignment(LEFT, "mcsb", BENCHMARK.id)
    there = ours("o", "one", target=OTHER_SUB, to=at_left)
    done = plan(snapshot(there, assignments=(at_left,)), declaration("one", OTHER_SUB))
    assert kept(done) == ("o", ["orphaned"])
    assert "no longer at or above" in says(done, "o")[0]
    unchecked = replace(there, validation="doNotValidate")
    assert kept(plan(snapshot(unchecked, assignments=(at_left,)), declaration("one", OTHER_SUB)))[1] == ["held"]


def test_kept_when_its_subscription_moved_away_from_the_target():
    at_sub = assignment(OTHER_SUB, "mcsb", BENCHMARK.id)
    there = ours("o", "one", target=LEFT, scope=OTHER_SUB, to=at_sub)
    done = plan(snapshot(there, assignments=(at_sub,)), declaration("one", LEFT))
    assert kept(done) == ("o", ["orphaned"])
    assert "does not lie below any more" in says(done, "o")[0]
    found = snapshot(there, assignments=(at_sub,))
    assert shape(plan(found, declaration("one", LEFT), allowed=ORPHANS)) == [("delete", "orphan", "o", ("refA",))]
    assert shape(plan(found, declaration("one", LEFT, OTHER_SUB))) == [("update", "edited", "o", ("refA",))]


def test_two_of_ours_for_one_fact_after_a_move_are_said():
    """one lists the group that the subscription left, and a resource group in it: both are ours, one is left over."""
    at_sub = assignment(OTHER_SUB, "mcsb", BENCHMARK.id)
    below = arm_id(f"{OTHER_SUB}/resourceGroups/rg-data")
    there = ours("o", "one", target=LEFT, scope=OTHER_SUB, to=at_sub)
    found, wanted = snapshot(there, assignments=(at_sub,)), declaration("one", LEFT, below)
    done = plan(found, wanted)
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    orphaned = [finding for finding in done.findings if finding.kind is FindingKind.ORPHANED]
    assert [(finding.subject, finding.severity.value) for finding in orphaned] == [(there.id, "warning")]
    assert "still exempts" in orphaned[0].message
    settled = plan(found, wanted, allowed=ORPHANS)
    assert sorted(change.action.value for change in settled.changes) == ["create", "delete"]


def test_moot_when_the_assignment_excludes_it_now():
    excluding = replace(AT_ROOT, not_scopes=(LEFT,))
    done = plan(snapshot(ours("o", "one"), assignments=(excluding,)), declaration("one"))
    assert kept(done) == ("o", ["moot"])
    assert shape(plan(snapshot(ours("o", "gone"), assignments=(excluding,)))) == [("delete", "removed", "o", ("refA",))]


def test_kept_when_its_assignment_could_not_be_read():
    done = plan(snapshot(ours("o", "gone", to=OLD), assignments=()), declaration("one"))
    assert kept(done) == ("o", ["held"])
    assert "could not be read" in says(done, "o")[0]


def test_kept_when_no_declaration_is_marked_on_it():
    unmarked = replace(
        ours("o", ""), metadata={"managedBy": "exempt", "owner": SETTINGS.owner}, reference_ids=("refB",)
    )
    done = plan(snapshot(unmarked), declaration("one", SUB, what="c", enabled=False))
    assert kept(done) == ("o", ["held"])
    assert "names no declaration" in says(done, "o")[0]


def test_without_a_marked_target_only_the_meaning_counts():
    marked = {"managedBy": "exempt", "owner": SETTINGS.owner, "declaration": "one"}
    there = replace(ours("o", "one", target=SUB), metadata=marked)
    assert "o" not in [row[2] for row in shape(plan(snapshot(there), declaration("one", RG)))]
    assert ("delete", "removed", "o", ("refA",)) in shape(plan(snapshot(there), declaration("one", RG, what="b")))


def test_duplicate_when_its_declaration_has_it_on_a_containing_scope_too():
    done = plan(snapshot(ours("o", "one", target=RG)), declaration("one", RG, SUB))
    assert shape(done) == [("create", "declared", "one", ("refA",)), ("delete", "duplicate", "o", ("refA",))]
    assert done.changes[1].waits_for == (done.changes[0].id.key,)


def test_nested_target_stays_while_the_broader_one_is_out_of_the_run():
    done = plan(snapshot(ours("o", "one", target=RG)), declaration("one", RG, SUB), only=RG)
    assert kept(done) == ("o", ["held"])
    assert "still lists the target" in says(done, "o")[0]


def test_resource_gone_is_held_and_nothing_else_is():
    missing = {"gone": frozenset({RESOURCE.key})}
    done = plan(snapshot(ours("o", "one", target=RESOURCE), **missing), declaration("one", RESOURCE))
    assert kept(done) == ("o", ["held"])
    assert [line.cause for line in done.held] == [HeldCause.RESOURCE_GONE]
    assert done.held[0].cause.is_gone


@pytest.mark.parametrize("mark", ["gone", "one"])
def test_outside_the_scopes_nothing_is_deleted(mark):
    settings = replace(SETTINGS, scopes=(SUB,))
    done = plan(snapshot(ours("o", mark, target=OTHER_SUB)), declaration("one", RG, enabled=False), settings=settings)
    assert kept(done) == ("o", ["orphaned"])
    assert "outside the scopes" in says(done, "o")[0]
    assert done.owned == 0


def test_inherited_objects_above_the_scopes_are_never_touched():
    settings = replace(SETTINGS, scopes=(SUB,), unmanaged=Unmanaged.DELETE)
    above = live("portal", ROOT), ours("o", "one", target=ROOT), live("f", ROOT, metadata=EPAC)
    done = plan(snapshot(*above), declaration("one", SUB), settings=settings)
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert done.foreign == ()
    assert [finding.subject.name for finding in done.findings if finding.kind is FindingKind.SHADOWED] == [
        "f",
        "portal",
    ]


def test_held_is_said_once():
    lives = ours("a", "one", target=RG), ours("b", "two", target=SUB)
    done = plan(snapshot(*lives), declaration("one", RG), declaration("two", SUB))
    assert done.is_empty
    assert [line.cause for line in done.held] == [HeldCause.CONFLICT, HeldCause.CONFLICT]
    assert not [finding for finding in done.findings if finding.kind is FindingKind.HELD]


# --- not ours ---


def test_foreign_is_untouched_without_a_word():
    assert plan(snapshot(live("f", metadata=EPAC))).findings == ()
    once_ours = ours("o", "removed")
    done = plan(snapshot(replace(once_ours, metadata={**once_ours.metadata, **EPAC})))
    assert (done.changes, done.findings) == ((), ())


def test_expired_of_others_is_found():
    over = {"expires_on": "2026-11-01T00:00:00Z"}
    assert kept(plan(snapshot(live("f", metadata=EPAC, **over)))) == ("f", ["expired"])
    assert kept(plan(snapshot(live("p", **over)))) == ("p", ["expired"])
    assert kept(plan(snapshot(live("p", **over)), settings=DELETING)) == ("p", ["expired"])


def test_unowned_orphans_are_found():
    done = plan(snapshot(live("p", to=OLD), **GONE), settings=DELETING)
    assert kept(done) == ("p", ["orphaned"])
    assert "ResourceGroupNotFound" in done.findings[0].remedy
    assert plan(snapshot(live("p", to=OLD), **GONE), allowed=ORPHANS).is_empty


def test_unowned_with_an_unread_assignment_is_unmanaged():
    assert kept(plan(snapshot(live("p", to=OLD)), settings=DELETING)) == ("p", ["unmanaged"])


def test_unowned_whole_assignment_is_an_overlap_and_strict_refuses():
    found = snapshot(live("w", references=()))
    assert kept(plan(found, settings=DELETING)) == ("w", ["overlap"])
    assert plan(found).refusals == ()
    assert [refusal.rule for refusal in plan(found, allowed=Allowances(strict=True)).refusals] == ["overlap"]


# --- unmanaged: delete ---

CATALOGUE = load()
RECOMMENDED = next(iter(CATALOGUE.recommendations.values()))
DELETING = replace(SETTINGS, unmanaged=Unmanaged.DELETE)


def defended():
    """An initiative with a policy behind a Defender recommendation."""
    known = next(found for found in CATALOGUE.recommendations.values() if found.policies)
    name = known.policies[0].name
    return initiative("mcsb", refA=name)


def unmanaged_plan(*lives, settings=DELETING, wishes=(), **more):
    found = snapshot(*lives, initiatives=(more.pop("initiative", defended()),), **more)
    return make_plan(wishes, CATALOGUE, found, settings, NoHistory(), NOW)


def test_unmanaged_is_reported_unless_told_otherwise():
    assert kept(unmanaged_plan(live("p"), settings=SETTINGS)) == ("p", ["unmanaged"])


def test_unmanaged_of_a_user_on_a_defender_initiative_goes():
    done = unmanaged_plan(live("p"))
    assert shape(done) == [("delete", "unmanaged", "p", ("refA",))]
    assert done.changes[0].declaration is None


@pytest.mark.parametrize("spared", [
    live("p", by="Application"),
    live("p", made=14),
    replace(live("p"), system=None),
    live("p", metadata=EPAC),
], ids=["made by an application", "young", "age unknown", "foreign"])  # fmt: skip
def test_unmanaged_is_spared(spared):
    assert unmanaged_plan(spared).is_empty


def test_unmanaged_goes_from_its_minimal_age_on():
    aged = replace(live("p").system, created_at=NOW - timedelta(days=7))
    assert shape(unmanaged_plan(replace(live("p"), system=aged))) == [("delete", "unmanaged", "p", ("refA",))]
    limits = replace(DELETING, limits=Limits(min_age=timedelta(days=8)))
    assert unmanaged_plan(replace(live("p"), system=aged), settings=limits).is_empty


def test_unmanaged_on_other_initiatives_and_single_policies_stays():
    assert unmanaged_plan(live("p"), initiative=initiative("mcsb", refA="nobody-recommends-this")).is_empty
    single = assignment(SUB, "tls", policy("a"))
    assert unmanaged_plan(live("p", references=(), to=single), assignments=(single,)).is_empty


def test_unmanaged_outside_the_scopes_stays():
    assert unmanaged_plan(live("p", OTHER_SUB), settings=replace(DELETING, scopes=(SUB,))).is_empty


def test_a_wider_one_goes_as_a_whole_once_ours_covers_what_is_declared():
    """Narrowed first, it would be deleted by the next plan: two writes, and a second apply that is not empty."""
    both = initiative("mcsb", refA=defended().members[0].definition.name, refB="b")
    wish = declaration("one", what=defended().members[0].definition.name)
    wide = live("p", references=("refA", "refB"))
    done = unmanaged_plan(wide, wishes=[wish], initiative=both)
    assert sorted(shape(done)) == [
        ("create", "declared", "one", ("refA",)),
        ("delete", "unmanaged", "p", ("refA", "refB")),
    ]
    created, deleted = sorted(done.changes, key=lambda change: change.action.value)
    assert deleted.waits_for == (created.id.key,)
    told = unmanaged_plan(wide, wishes=[wish], initiative=both, settings=SETTINGS)
    assert ("update", "narrow", "p", ("refB",)) in shape(told)
    young = unmanaged_plan(live("p", references=("refA", "refB"), made=14), wishes=[wish], initiative=both)
    assert ("update", "narrow", "p", ("refB",)) in shape(young)


def test_unmanaged_stays_where_its_neighbourhood_was_not_read():
    unread = Unread(scope=SUB, what="exemptions", message="AuthorizationFailed", remedy="ask for Reader")
    done = unmanaged_plan(live("p"), unread=(unread,))
    assert done.is_empty
    assert [(line.cause, line.remedy) for line in done.held] == [(HeldCause.UNREAD, "ask for Reader")]


def test_unmanaged_has_a_limit_of_its_own():
    many = [live(f"p{number}") for number in range(11)]
    done = unmanaged_plan(*many)
    assert [(refusal.rule, refusal.remedy) for refusal in done.refusals] == [
        ("unmanaged", "--allow-unmanaged-deletes 11")
    ]
    assert done.refusals[0].message == (
        "11 unmanaged exemptions to delete, over the limit of 10 (limits.unmanagedDeletes)"
    )
    assert unmanaged_plan(*many[:10]).refusals == ()


def test_unmanaged_stays_where_a_held_declaration_may_need_it():
    wish = (
        declaration("one", SUB, what=defended().members[0].definition.name),
        declaration("two", RG, what=defended().members[0].definition.name),
    )
    found = snapshot(live("p"), initiatives=(defended(),))
    done = make_plan(wish, CATALOGUE, found, DELETING, NoHistory(), NOW)
    assert done.is_empty
    assert arm_id(RG.text) in {line.scope for line in done.held}
