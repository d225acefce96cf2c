"""How reference ids are written where only a part of something is wanted, held or left, and what single policies are."""

from dataclasses import replace

from planning.world import (
    AT_ROOT,
    BENCHMARK,
    CATALOGUE,
    LEFT,
    NOW,
    OTHER_SUB,
    RG,
    ROOT,
    SETTINGS,
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
from reconciler.model import Rules, Subject, SubjectKind, arm_id
from reconciler.planning import marks
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory

EPAC = {"pacOwnerId": "epac"}
WHOLE = replace(SETTINGS, rules=Rules(allow_whole_assignment=True))
SINGLE = assignment(ROOT, "single", policy("a"))


def whole(name="one", *scopes):
    return replace(declaration(name, *scopes), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb"))


def listed(name, *references):
    return replace(
        declaration(name), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=references)
    )


# --- spelling ---


def test_held_references_of_a_whole_initiative_are_written_as_the_initiative_does():
    theirs = live("f", references=("REFB",), metadata=EPAC)
    done = plan(snapshot(theirs), whole(), settings=WHOLE)
    assert [(line.cause, line.reference_ids) for line in done.held] == [(HeldCause.FOREIGN_OWNER, ("refB",))]


def test_references_in_conflict_are_written_as_the_initiative_does():
    done = plan(snapshot(), whole(), declaration("two", LEFT, what="b"), settings=WHOLE)
    assert [(line.declaration, line.reference_ids) for line in done.held] == [("one", ("refB",)), ("two", ("refB",))]


def test_what_is_kept_beyond_the_wish_is_written_as_the_initiative_does():
    """Ours covers everything; b is held by somebody, so it keeps that beside the a that is still declared."""
    everything = ours("o", "one", references=())
    above = live("f", LEFT, references=("refB",), metadata=EPAC)
    done = plan(snapshot(everything, above), declaration("one"), declaration("two", LEFT, what="b"))
    assert [line.declaration for line in done.held] == ["two"]
    assert shape(done) == [("update", "edited", "o", ("refA", "refB"))]


def test_what_is_left_of_a_wider_one_is_written_as_the_initiative_does():
    wide = live("portal", references=("REFA", "REFB", "gone"))
    done = plan(snapshot(wide), declaration("one"))
    assert shape(done) == [("create", "declared", "one", ("refA",)), ("update", "narrow", "portal", ("refB",))]


# --- single policies ---


def test_an_unowned_one_on_a_single_policy_is_unmanaged_and_no_overlap():
    done = plan(snapshot(live("s", references=(), to=SINGLE), assignments=(SINGLE,)))
    assert [found.kind for found in done.findings] == [FindingKind.UNMANAGED]


def test_a_single_policy_is_one_cell_whatever_references_are_listed():
    odd = live("s", references=("refB",), to=SINGLE)
    done = plan(snapshot(odd, assignments=(SINGLE,)), declaration("one"))
    assert shape(done) == [("update", "adopt", "s", ())]


# --- what is held protects what it means ---


def test_each_held_declaration_protects_what_it_means_itself():
    forbidding = replace(SETTINGS, rules=Rules(never_policies=("a", "b")))
    one, two = declaration("one"), declaration("two", what="b")
    left = [ours("x", "absent", references=("refA",)), ours("y", "absent", references=("refB",))]
    done = plan(snapshot(*left), one, two, settings=forbidding)
    assert shape(done) == []
    kept = [line.exemption.name for line in done.held if line.cause is HeldCause.NEIGHBOUR]
    assert kept == ["x", "y"]


def test_a_recommendation_that_nobody_may_exempt_is_held_by_its_title():
    some = next(
        found for found in CATALOGUE.recommendations.values() if len(found.policies) == 1 and not found.obstacles
    )
    named = initiative("mcsb", ref=some.policies[0].key.rsplit("/", 1)[-1])
    forbidding = replace(SETTINGS, rules=Rules(never_recommendations=(some.key,)))
    wish = declaration("one", what=some.policies[0].text)
    done = plan(snapshot(initiatives=(named,)), wish, settings=forbidding)
    assert [(line.cause, some.title in line.message) for line in done.held] == [(HeldCause.NEVER_EXEMPT, True)]


# --- order, revision ---


def test_the_order_in_which_azure_lists_them_decides_nothing():
    several = [live(name, made=1) for name in ("b", "a", "c")]
    several += [ours("z", "one", made=1), ours("y", "one", made=1)]
    one_way = plan(snapshot(*several), declaration("one"))
    other_way = plan(snapshot(*reversed(several)), declaration("one"))
    assert one_way.digest == other_way.digest
    assert shape(one_way) == shape(other_way)
    assert [change.exemption.name for change in one_way.changes if change.after is None] == ["a", "b", "c", "z"]


def test_a_stamp_replaces_the_revision_and_leaves_everything_else():
    found = ours("o", "one", expires_on="2026-12-01T00:00:00Z")
    stamped = marks.with_revision(found, "4f2c")
    assert stamped.metadata == {**found.metadata, "revision": "4f2c"}
    assert replace(stamped, metadata=found.metadata) == found
    assert marks.with_revision(stamped, "9a9a").metadata == {**found.metadata, "revision": "9a9a"}
    assert marks.with_revision(stamped, None) == found


def test_without_history_no_revision_holds_a_commit():
    history = NoHistory()
    assert history.contains("a", "b") is False
    done = make_plan((declaration("one"),), CATALOGUE, snapshot(), SETTINGS, history, NOW)
    assert done.revision is None


def test_ids_that_only_look_alike_are_not_one():
    other = assignment(OTHER_SUB, "mcsb", BENCHMARK.id)
    done = plan(snapshot(ours("o", "one", to=other), assignments=(AT_ROOT, other)), declaration("one"))
    assert ("create", "declared", "one", ("refA",)) in shape(done)
    assert arm_id(f"{RG}/x") != RG
