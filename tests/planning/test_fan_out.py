"""From a declaration to what it wants: which assignments, at which scope, under which references."""

from dataclasses import replace

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    LEFT,
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

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import ArmId, Rules, Subject, SubjectKind, Unread, arm_id

AT_SUB = assignment(SUB, "mcsb", BENCHMARK.id)
AT_RG = assignment(RG, "mcsb", BENCHMARK.id)
WHOLE = replace(SETTINGS, rules=Rules(allow_whole_assignment=True))


def created(done):
    """Where what is created sits, in which assignment."""
    return [(change.after.scope, change.after.assignment) for change in done.changes]


def held(done):
    return [(line.declaration, line.scope, line.assignment, line.cause) for line in done.held]


def about(subject: Subject, *scopes: ArmId, **more):
    return replace(declaration("one", *scopes, **more), subject=subject)


# --- where ---


@pytest.mark.parametrize(("to", "target", "at"), [
    (AT_ROOT, RG, RG),
    (AT_ROOT, RESOURCE, RESOURCE),
    (AT_ROOT, ROOT, ROOT),
    (AT_SUB, SUB, SUB),
    (AT_SUB, LEFT, SUB),
    (AT_SUB, ROOT, SUB),
    (AT_RG, SUB, RG),
    (AT_RG, RESOURCE, RESOURCE),
])  # fmt: skip
def test_the_narrower_of_target_and_assignment_bears_the_exemption(to, target, at):
    done = plan(snapshot(assignments=(to,)), declaration("one", target))
    assert created(done) == [(at, to.id)]
    assert done.changes[0].after.metadata["target"] == target.text


def test_an_assignment_elsewhere_is_none():
    done = plan(snapshot(assignments=(AT_SUB,)), declaration("one", OTHER_SUB))
    assert done.is_empty
    assert [(f.kind, f.subject, f.declaration) for f in done.findings] == [(FindingKind.UNCOVERED, OTHER_SUB, "one")]


def test_uncovered_is_said_for_each_target_that_nothing_evaluates():
    done = plan(snapshot(assignments=(AT_SUB,)), declaration("one", OTHER_SUB, RG))
    assert created(done) == [(RG, AT_SUB.id)]
    assert [f.subject for f in done.findings if f.kind is FindingKind.UNCOVERED] == [OTHER_SUB]
    nothing = plan(snapshot(), declaration("one", what="unheard-of"))
    assert nothing.findings[0].remedy.startswith("assign it, or an initiative that contains it, or take")
    assert [f.kind for f in nothing.findings] == [FindingKind.UNCOVERED]


def test_repeats_and_nested_targets_collapse():
    shouted = arm_id(RG.text.upper())
    done = plan(snapshot(), declaration("one", RG, shouted, RESOURCE))
    assert created(done) == [(RG, AT_ROOT.id)]
    assert done.changes[0].after.id.text.startswith(RG.text + "/")


def test_nested_targets_do_not_collapse_over_different_assignments():
    done = plan(snapshot(assignments=(AT_RG,)), declaration("one", RESOURCE, LEFT))
    assert created(done) == [(RG, AT_RG.id)]
    other = assignment(SUB, "nist", STANDARD.id)
    both = plan(snapshot(assignments=(AT_ROOT, other)), declaration("one", LEFT))
    assert created(both) == [(LEFT, AT_ROOT.id), (SUB, other.id)]


def test_two_targets_above_one_assignment_want_one_exemption():
    done = plan(snapshot(assignments=(AT_RG,)), declaration("one", LEFT, ROOT))
    assert [change.after.metadata["target"] for change in done.changes] == [ROOT.text]


def test_managed_roots_may_be_resource_groups():
    settings = replace(SETTINGS, scopes=(RG,))
    found = snapshot(ours("o", "gone", target=SUB), ours("p", "gone", target=RESOURCE), expected=(SUB,))
    done = plan(found, declaration("one", RG), declaration("two", SUB, what="b"), settings=settings)
    assert [row[:3] for row in shape(done)] == [("create", "declared", "one"), ("delete", "removed", "p")]
    assert held(done) == [("two", SUB, None, HeldCause.OUTSIDE_SCOPES)]


def test_not_scopes_make_it_moot():
    excluding = replace(AT_ROOT, not_scopes=(LEFT,))
    done = plan(snapshot(assignments=(excluding,)), declaration("one", RG), declaration("two", OTHER_SUB))
    assert created(done) == [(OTHER_SUB, AT_ROOT.id)]
    assert [(f.kind, f.subject) for f in done.findings] == [(FindingKind.MOOT, RG)]
    inside = replace(AT_ROOT, not_scopes=(RG,))
    assert created(plan(snapshot(assignments=(inside,)), declaration("one", SUB))) == [(SUB, AT_ROOT.id)]


def test_outside_the_scopes_is_held():
    elsewhere = arm_id("/subscriptions/00000000-0000-4000-8000-000000000009")
    done = plan(snapshot(), declaration("one", elsewhere))
    assert held(done) == [("one", elsewhere, None, HeldCause.OUTSIDE_SCOPES)]


# --- which references ---


def test_every_entry_of_the_policy_counts():
    done = plan(snapshot(assignments=(assignment(SUB, "nist", STANDARD.id),)), declaration("one"))
    assert done.changes[0].after.reference_ids == ("nistA", "nistA2")


def test_references_come_from_the_version_that_the_assignment_is_pinned_to():
    pinned, free = assignment(SUB, "pinned", BENCHMARK.id, version="0.9.*"), assignment(SUB, "free", BENCHMARK.id)
    found = snapshot(assignments=(pinned, free))
    older = initiative("mcsb", oldA="a")
    found = replace(found, initiatives={**found.initiatives, pinned.id.key: older})
    done = plan(found, declaration("one"))
    assert sorted((c.after.assignment.name, c.after.reference_ids) for c in done.changes) == [
        ("free", ("refA",)),
        ("pinned", ("oldA",)),
    ]


def test_policy_ids_match_in_any_case():
    shouting = initiative("mcsb", refA="A")
    assert shape(plan(snapshot(initiatives=(shouting,)), declaration("one"))) == [
        ("create", "declared", "one", ("refA",))
    ]


def test_an_initiative_and_some_of_its_references():
    wish = about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("REFB", "refA")))
    assert shape(plan(snapshot(), wish)) == [("create", "declared", "one", ("refA", "refB"))]
    nist = assignment(SUB, "nist", STANDARD.id)
    assert created(plan(snapshot(assignments=(AT_ROOT, nist)), wish)) == [(RG, AT_ROOT.id)]


def test_an_unknown_reference_is_held_with_the_nearest_ones():
    done = plan(snapshot(), about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA", "refZ"))))
    assert held(done) == [("one", RG, AT_ROOT.id, HeldCause.UNKNOWN_REFERENCE)]
    assert done.held[0].reference_ids == ("refZ",)
    assert "nearest: 'refC', 'refB', 'refA'" in done.held[0].remedy


def test_a_single_policy_has_no_references():
    single = assignment(SUB, "tls", policy("a"))
    wish = about(Subject(kind=SubjectKind.ASSIGNMENT, value=single.id.text, reference_ids=("refA",)))
    done = plan(snapshot(assignments=(single,)), wish)
    assert held(done) == [("one", RG, single.id, HeldCause.UNKNOWN_REFERENCE)]
    assert "single policy" in done.held[0].message
    assert created(
        plan(snapshot(assignments=(single,)), about(Subject(kind=SubjectKind.ASSIGNMENT, value=single.id.text)))
    ) == [(RG, single.id)]


def test_a_whole_initiative_needs_the_rule():
    wish = about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb"))
    assert held(plan(snapshot(), wish)) == [("one", RG, AT_ROOT.id, HeldCause.WHOLE_ASSIGNMENT)]
    assert shape(plan(snapshot(), wish, settings=WHOLE)) == [("create", "declared", "one", ())]


def test_what_nobody_may_exempt_is_held_however_it_is_addressed():
    """Offline only the catalogue's initiatives can be judged; what an assignment stands for shows here."""
    protecting = replace(SETTINGS, rules=Rules(allow_whole_assignment=True, never_policies=(policy("a").text,)))
    for subject in (
        Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text),
        Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text, reference_ids=("refA",)),
        Subject(kind=SubjectKind.INITIATIVE, value="mcsb"),
        Subject(kind=SubjectKind.POLICY, value=policy("a").text),
    ):
        done = plan(snapshot(), about(subject), settings=protecting)
        assert held(done) == [("one", RG, AT_ROOT.id, HeldCause.NEVER_EXEMPT)]
        assert created(done) == []
    allowed = plan(
        snapshot(),
        about(Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ROOT.id.text, reference_ids=("refB",))),
        settings=protecting,
    )
    assert created(allowed) == [(RG, AT_ROOT.id)]


def test_a_whole_initiative_next_to_a_foreign_one_lists_the_rest():
    theirs = live("f", references=("refB",), metadata={"pacOwnerId": "epac"})
    done = plan(snapshot(theirs), about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb")), settings=WHOLE)
    assert shape(done) == [("create", "declared", "one", ("refA", "refC"))]


# --- an assignment by its id ---


def test_a_named_assignment_is_the_only_one():
    wish = about(Subject(kind=SubjectKind.ASSIGNMENT, value=AT_SUB.id.text.upper(), reference_ids=("refA",)), RG)
    assert created(plan(snapshot(assignments=(AT_ROOT, AT_SUB)), wish)) == [(RG, AT_SUB.id)]


def test_a_named_assignment_below_the_target_bears_it_itself():
    assert created(
        plan(
            snapshot(assignments=(AT_SUB,)),
            about(Subject(kind=SubjectKind.ASSIGNMENT, value=AT_SUB.id.text, reference_ids=("refA",)), LEFT),
        )
    ) == [(SUB, AT_SUB.id)]


def test_a_named_assignment_elsewhere_is_used_only_unvalidated():
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=AT_SUB.id.text, reference_ids=("refA",))
    found = snapshot(assignments=(AT_SUB,))
    assert plan(found, about(subject, OTHER_SUB)).is_empty
    done = plan(found, about(subject, OTHER_SUB, validate_scope=False))
    assert created(done) == [(OTHER_SUB, AT_SUB.id)]
    assert done.changes[0].after.validation == "DoNotValidate"


def test_a_named_assignment_that_is_gone_or_unread_is_held():
    wish = about(Subject(kind=SubjectKind.ASSIGNMENT, value=AT_SUB.id.text))
    gone = plan(snapshot(gone=frozenset({AT_SUB.id.key})), wish)
    assert held(gone) == [("one", RG, AT_SUB.id, HeldCause.ASSIGNMENT_GONE)]
    assert held(plan(snapshot(), wish)) == [("one", RG, AT_SUB.id, HeldCause.UNREAD)]


# --- what could not be read ---


def test_an_unread_initiative_holds_its_assignment_only():
    nist = assignment(SUB, "nist", STANDARD.id)
    found = snapshot(assignments=(AT_ROOT, nist), initiatives=(STANDARD,))
    done = plan(found, declaration("one"))
    assert created(done) == [(RG, nist.id)]
    assert held(done) == [("one", RG, AT_ROOT.id, HeldCause.INITIATIVE_UNREAD)]
    other = about(Subject(kind=SubjectKind.INITIATIVE, value="nist", reference_ids=("nistA",)))
    assert held(plan(found, other)) == []
    assert held(plan(found, about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA",))))) == [
        ("one", RG, AT_ROOT.id, HeldCause.INITIATIVE_UNREAD)
    ]


@pytest.mark.parametrize("what", ["exemptions", "assignments", "descendants"])
def test_an_unread_scope_holds_what_is_declared_there(what):
    unread = Unread(scope=SUB, what=what, message="AuthorizationFailed")
    done = plan(snapshot(unread=(unread,)), declaration("one", RG), declaration("two", OTHER_SUB))
    assert created(done) == [(OTHER_SUB, AT_ROOT.id)]
    assert held(done) == [("one", RG, None, HeldCause.UNREAD)]
    assert not done.complete


def test_an_unread_scope_below_holds_itself_and_is_not_written_blindly():
    unread = Unread(scope=SUB, what="exemptions", message="AuthorizationFailed")
    done = plan(snapshot(assignments=(AT_ROOT, AT_SUB), unread=(unread,)), declaration("one", ROOT))
    assert created(done) == [(ROOT, AT_ROOT.id)]
    assert held(done) == [("one", SUB, None, HeldCause.UNREAD)]


def test_an_unread_definition_is_no_unread_scope():
    unread = Unread(scope=SUB, what=BENCHMARK.id.text, message="AuthorizationFailed")
    assert created(plan(snapshot(unread=(unread,)), declaration("one"))) == [(RG, AT_ROOT.id)]


def test_a_target_that_an_unread_group_may_hold_is_unread_not_outside():
    unread = Unread(
        scope=ROOT,
        what="descendants",
        message="AuthorizationFailed",
        remedy="give the identity Management Group Reader",
    )
    done = plan(snapshot(parents={}, expected=(ROOT,), unread=(unread,)), declaration("one", RG))
    assert held(done) == [("one", RG, None, HeldCause.UNREAD)]
    assert done.held[0].remedy == "give the identity Management Group Reader"


# --- conflicts that only the hierarchy shows ---


def test_the_same_policy_on_a_scope_and_on_one_that_contains_it_holds_both():
    done = plan(snapshot(), declaration("one", RG), declaration("two", LEFT))
    assert held(done) == [("one", RG, AT_ROOT.id, HeldCause.CONFLICT), ("two", LEFT, AT_ROOT.id, HeldCause.CONFLICT)]
    assert "exemptions/two.yaml:1" in done.held[0].message
    assert done.held[0].reference_ids == ("refA",)


def test_only_what_both_want_is_held():
    both = about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=("refA", "refB")), RG)
    done = plan(snapshot(), both, declaration("two", LEFT, what="b"))
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert [line.reference_ids for line in done.held] == [("refB",), ("refB",)]
    settled = plan(snapshot(), both).changes[0].after
    assert done.changes[0].after.name == settled.name


def test_a_whole_assignment_in_conflict_goes_on_with_the_rest():
    whole = about(Subject(kind=SubjectKind.INITIATIVE, value="mcsb"), RG)
    done = plan(snapshot(), whole, declaration("two", LEFT, what="b"), settings=WHOLE)
    assert shape(done) == [("create", "declared", "one", ("refA", "refC"))]
    assert [line.reference_ids for line in done.held] == [("refB",), ("refB",)]


def test_three_that_want_the_same_are_held_once_each():
    done = plan(snapshot(), declaration("one", RG), declaration("two", LEFT), declaration("three", ROOT))
    assert [line.declaration for line in done.held] == ["one", "three", "two"]


def test_two_targets_above_one_assignment_conflict_there():
    done = plan(snapshot(assignments=(AT_SUB,)), declaration("one", LEFT), declaration("two", ROOT))
    assert held(done) == [("one", SUB, AT_SUB.id, HeldCause.CONFLICT), ("two", SUB, AT_SUB.id, HeldCause.CONFLICT)]


def test_a_conflict_with_what_lies_outside_the_run_counts():
    done = plan(snapshot(), declaration("one", RG), declaration("two", LEFT), only=RG)
    assert held(done) == [("one", RG, AT_ROOT.id, HeldCause.CONFLICT)]


# --- a narrowed run ---


def test_scope_narrows_to_what_lies_at_or_below():
    done = plan(snapshot(), declaration("one", RG, OTHER_SUB), declaration("two", RESOURCE, what="b"), only=RG)
    assert created(done) == [(RG, AT_ROOT.id), (RESOURCE, AT_ROOT.id)]
    assert not done.held


def test_scope_does_not_decide_about_live_ones_elsewhere():
    lives = ours("o", "gone", target=OTHER_SUB), ours("p", "gone", target=RG)
    done = plan(snapshot(*lives), declaration("one", RG, what="b", enabled=False), only=SUB)
    assert [row[2] for row in shape(done)] == ["p"]
