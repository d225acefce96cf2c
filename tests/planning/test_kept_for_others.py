"""What is kept because something held may need it stays exactly as it is: it is neither taken away nor widened."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from planning.world import (
    NOW,
    OTHER_SUB,
    RG,
    ROOT,
    SETTINGS,
    SUB,
    applied,
    declaration,
    live,
    ours,
    plan,
    shape,
    snapshot,
)

from reconciler.arm.canonical import folded_selectors
from reconciler.kinds import HeldCause
from reconciler.model import ResourceSelector, Rules, Selector, Subject, SubjectKind, Unread

NEXT_YEAR = datetime(2027, 12, 31, tzinfo=UTC)
NEXT_WEEK = "2026-11-27T00:00:00Z"
WEST = (ResourceSelector("g", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
THEIRS = live("theirs", RG, ("refA",), metadata={"managedBy": "exempt", "owner": "fabrikam/exemptions"})
NEVER_A = replace(SETTINGS, rules=Rules(never_policies=("a",)))


def initiative_declaration(name, references, **more):
    """A declaration that means these references of the benchmark."""
    subject = Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=references)
    return declaration(name, RG, subject=subject, **more)


def covering(found, reference, scope=SUB):
    """When and where what covers this reference at the scope ends, in Azure after the plan."""
    return {
        (each.name, each.expires_on, repr(folded_selectors(each.selectors)))
        for each in found.exemptions
        if each.scope == scope and reference in each.reference_ids
    }


@pytest.mark.parametrize("settings", [SETTINGS, NEVER_A], ids=["another owner", "never exempt"])
@pytest.mark.parametrize(
    "old",
    [{"expires_on": NEXT_WEEK}, {"selectors": WEST}, {"expires_on": NEXT_WEEK, "selectors": WEST}],
    ids=["later end", "no selectors", "both"],
)
def test_what_is_kept_for_somebody_else_is_not_widened(old, settings):
    """beta meant both; now it means only B, for a year, and alpha asks for A in one group, where it is held."""
    before = ours("old", "beta", SUB, references=("refA", "refB"), **old)
    found = snapshot(before, THEIRS)
    wanted = declaration("beta", SUB, what="b", expires_on=NEXT_YEAR), declaration("alpha", RG)
    done = plan(found, *wanted, settings=settings)
    assert {line.declaration for line in done.held} >= {"alpha"}
    after = applied(found, done)
    assert covering(after, "refA") == covering(found, "refA"), "A is exempt for longer, or for more, than it was"
    assert any(end == "2027-12-31T00:00:00Z" for _, end, _ in covering(after, "refB")), "beta has what it declares"
    assert not plan(after, *wanted, settings=settings).changes


def test_what_one_declaration_may_need_as_it_is_another_does_without():
    """alpha mistyped its reference, so what bears its mark stays; beta wants the same, for less, and gets its own."""
    before = ours("old", "alpha", RG, references=("refA",))
    found = snapshot(before)
    wanted = initiative_declaration("alpha", ("refX",)), declaration("beta", RG, expires_on=NEXT_YEAR)
    done = plan(found, *wanted)
    assert shape(done) == [("create", "declared", "beta", ("refA",))]
    assert {(line.declaration, line.cause) for line in done.held} >= {("alpha", HeldCause.UNKNOWN_REFERENCE)}
    after = applied(found, done)
    assert {name for name, _, _ in covering(after, "refA", RG)} >= {"old"}
    assert not plan(after, *wanted).changes


def test_what_has_expired_protects_nothing():
    before = ours("old", "beta", SUB, references=("refA", "refB"), expires_on="2026-11-01T00:00:00Z")
    found = snapshot(before, THEIRS)
    wanted = declaration("beta", SUB, what="b"), declaration("alpha", RG)
    done = plan(found, *wanted)
    assert shape(done) == [("update", "edited", "old", ("refB",))]
    assert not plan(applied(found, done), *wanted).changes


def test_what_is_kept_stays_in_place_where_nothing_else_changes():
    """Where the update leaves A as it was, one object is enough."""
    before = ours("old", "beta", SUB, references=("refA",))
    found = snapshot(before, THEIRS)
    wanted = declaration("beta", SUB, what="b"), declaration("alpha", RG)
    done = plan(found, *wanted)
    assert shape(done) == [("update", "edited", "old", ("refA", "refB"))]
    assert not plan(applied(found, done), *wanted).changes


@pytest.mark.parametrize(
    ("end", "expected"),
    [(NEXT_YEAR, {"refA": "2027-12-31T00:00:00Z", "refB": "2027-12-31T00:00:00Z"}),
     (NOW.replace(day=21), {"refA": NEXT_WEEK, "refB": "2026-11-21T12:00:00Z"})],
    ids=["renewed", "cut short"],
)  # fmt: skip
def test_a_held_reference_of_its_own_is_renewed_and_never_cut_short(end, expected):
    """alpha means A and B; another owner has A there, so A is held and does not shrink."""
    found = snapshot(ours("old", "alpha", RG, references=("refA",), expires_on=NEXT_WEEK), THEIRS)
    alpha = initiative_declaration("alpha", ("refA", "refB"), expires_on=end)
    after = applied(found, plan(found, alpha))
    mine = [each for each in after.exemptions if each.metadata.get("owner") == SETTINGS.owner]
    assert {ref: each.expires_on for each in mine for ref in each.reference_ids} == expected
    assert not plan(after, alpha).changes


def test_a_reduction_that_must_wait_does_not_hold_up_what_is_new():
    """alpha wants A and B until tomorrow, gamma wants A there too: A is held on both sides, B is exempted all the same."""
    before = ours("old", "alpha", RG, references=("refA",))
    found = snapshot(before)
    tomorrow = NOW.replace(day=21)
    alpha = initiative_declaration("alpha", ("refA", "refB"), expires_on=tomorrow)
    wanted = alpha, declaration("gamma", RG)
    done = plan(found, *wanted)
    assert {(line.declaration, line.cause, line.reference_ids) for line in done.held} == {
        ("alpha", HeldCause.CONFLICT, ("refA",)),
        ("gamma", HeldCause.CONFLICT, ("refA",)),
    }
    after = applied(found, done)
    assert covering(after, "refA", RG) == covering(found, "refA", RG)
    assert {end for _, end, _ in covering(after, "refB", RG)} == {"2026-11-21T12:00:00Z"}
    assert not plan(after, *wanted).changes


# --- what is not done is said ---


def test_a_known_reference_is_exempted_beside_an_unknown_one():
    alpha = initiative_declaration("alpha", ("refA", "refX"))
    done = plan(snapshot(), alpha)
    assert shape(done) == [("create", "declared", "alpha", ("refA",))]
    assert [(line.cause, line.reference_ids) for line in done.held] == [(HeldCause.UNKNOWN_REFERENCE, ("refX",))]


def test_a_mistyped_reference_takes_nothing_away():
    """refB became refX by mistake: what the declaration has of refB stays until somebody says what is meant."""
    found = snapshot(ours("old", "alpha", references=("refA", "refB"), expires_on=NEXT_WEEK))
    for wanted in (
        initiative_declaration("alpha", ("refA", "refX")),
        initiative_declaration("alpha", ("refA", "refX"), expires_on=datetime(2026, 11, 27, tzinfo=UTC)),
        initiative_declaration("alpha", ("refX",)),
    ):
        done = plan(found, wanted)
        assert covering(applied(found, done), "refB", RG) == covering(found, "refB", RG)
        assert HeldCause.UNKNOWN_REFERENCE in {line.cause for line in done.held}
        assert not plan(applied(found, done), wanted).changes


@pytest.mark.parametrize("written", ["a", "A", "/providers/Microsoft.Authorization/policyDefinitions/A"])
def test_a_policy_written_as_a_reference_is_answered_with_its_reference_id(written):
    (line,) = plan(snapshot(), initiative_declaration("alpha", (written,))).held
    assert line.remedy == (f"a policy is named by its reference id in the initiative: write 'refA' for {written!r}")


def test_a_leftover_that_stays_for_somebody_held_is_said():
    """Both bear beta's mark: one is right, the other has only what alpha, which is held, may need."""
    found = snapshot(
        replace(ours("right", "beta", SUB, references=("refB",)), expires_on="2027-12-31T00:00:00Z"),
        ours("left", "beta", SUB, references=("refA",), expires_on=NEXT_WEEK),
        THEIRS,
    )
    wanted = declaration("beta", SUB, what="b", expires_on=NEXT_YEAR), declaration("alpha", RG)
    done = plan(found, *wanted)
    assert "left" in {line.exemption.name for line in done.held if line.exemption}
    assert covering(applied(found, done), "refA") == covering(found, "refA")


def test_an_update_that_is_not_written_names_what_it_would_have_added():
    """Something below was not read, so the old reference may not go; the new one is not exempted either, and named."""
    unread = Unread(scope=OTHER_SUB, what="exemptions", message="AuthorizationFailed")
    found = snapshot(ours("old", "one", ROOT, references=("refB",)), unread=(unread,))
    done = plan(found, declaration("one", ROOT))
    assert not done.changes
    (line,) = [line for line in done.held if line.exemption]
    assert (line.cause, line.reference_ids) == (HeldCause.UNREAD, ("refA", "refB"))


def test_the_title_says_what_the_object_exempts_while_what_is_declared_is_held():
    """Of 'beta' nothing can be exempted yet, and a conflict of others keeps what its object exempts."""
    one = replace(ours("o", "beta"), display_name="beta: a")
    foreign = live("f", references=("refB",), metadata={"pacOwnerId": "epac"})
    declared = [declaration("alpha", what="a"), declaration("gamma", what="a"), declaration("beta", what="b")]
    done = plan(snapshot(one, foreign), *declared)
    assert [(change.after.display_name, change.after.reference_ids) for change in done.changes] == [
        ("beta: a", ("refA",))
    ]
    assert {line.declaration for line in done.held} == {"alpha", "beta", "gamma"}
    freed = plan(snapshot(one), *declared)
    (change,) = (change for change in freed.changes if change.declaration == "beta")
    assert change.after.display_name.startswith("beta: ")
    assert change.after.display_name != "beta: a"
