"""The second plan is empty: what a first run leaves behind is what it would decide again."""

from planning.world import (
    LEFT,
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

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Subject, SubjectKind


def test_a_keeper_that_would_leave_all_of_it_held_gives_way_to_one_that_would_not():
    """beta meant something else and now means A; a portal-made exemption and Terraform's both have A."""
    found = snapshot(
        ours("old", "beta", RG, references=("refB",)),
        live("portal", RG, ("refA",)),
        live("terraform", RG, ("refA",), by="Application"),
    )
    done = plan(found, declaration("beta"))
    assert shape(done) == [("delete", "removed", "old", ("refB",)), ("update", "adopt", "portal", ("refA",))]
    assert not done.held
    assert [finding.kind for finding in done.findings] == [FindingKind.DUPLICATE]
    again = plan(applied(found, done), declaration("beta"))
    assert not again.changes
    assert not again.held


def test_what_remains_of_a_leftover_is_judged_as_the_next_run_would():
    """beta has the subscription as well; its old exemption below also holds a policy of gamma, who has one there."""
    found = snapshot(
        ours("above", "beta", SUB),
        ours("old", "beta", RESOURCE, references=("refA", "refB")),
        ours("theirs", "gamma", RESOURCE, references=("refB",)),
    )
    wanted = declaration("beta", SUB, RESOURCE), declaration("gamma", RESOURCE, what="b")
    done = plan(found, *wanted)
    assert [line for line in shape(done) if line[2] == "old"] == [("delete", "duplicate", "old", ("refA", "refB"))]
    deleted = next(change for change in done.changes if change.after is None)
    assert [exemption.name for exemption in deleted.relies_on] == ["above", "theirs"]
    assert not plan(applied(found, done), *wanted).changes


def test_a_rename_takes_no_mark_by_which_the_rest_is_protected():
    """The reference of `before` is unknown, so what bears its mark stays: another declaration makes one of its own, or the
    next run would take the rest away.
    """
    nist = assignment(ROOT, "nist", STANDARD.id)
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=nist.id.text, reference_ids=("refA",))
    held = declaration("before", LEFT, subject=subject)
    wanted = declaration("now", LEFT, what="d")
    bearing = ours("bearing", "before", LEFT, to=nist, references=("nistA", "nistD"))
    tenant = snapshot(bearing, assignments=(nist,), initiatives=(STANDARD,))
    first = plan(tenant, held, wanted)
    assert shape(first) == [("create", "declared", "now", ("nistD",))]
    assert [(line.cause, line.exemption) for line in first.held] == [
        (HeldCause.UNKNOWN_REFERENCE, None),
        (HeldCause.NEIGHBOUR, bearing.id),
    ]
    after = applied(tenant, first)
    assert bearing in after.exemptions
    assert plan(after, held, wanted).changes == ()
