"""Marks are believed from our writers alone, where reconciler.yaml names them."""

from dataclasses import replace

import pytest
from planning.world import CATALOGUE, NOW, RG, SETTINGS, SUB, Git, declaration, ours, plan, shape, snapshot

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import SystemData
from reconciler.planning.allowances import Allowances
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.planner import make_plan, plan_from

ROBOT = "11111111-2222-4333-8444-555555555555"
BELIEVING = replace(SETTINGS, writers=(ROBOT,))


class Everything(Git):
    """A history in which each revision contains each commit."""

    def contains(self, revision, commit):
        return bool(revision)


def written(exemption, made_by, changed_by):
    system = replace(
        exemption.system or SystemData(), created_by=made_by, last_modified_by=changed_by, created_by_type="User"
    )
    return replace(exemption, system=system)


def forged(name="f", mark="one", **more):
    return written(ours(name, mark, **more), "mallory@contoso.example", "mallory@contoso.example")


def plan_where_taken_out(exemption, taken_out, *declarations):
    """`taken_out`: what git shows as taken out of the repository; None where nobody can tell."""
    return plan_from(
        PlanInputs(
            declarations=ResolvedDeclarations.of(declarations, CATALOGUE),
            catalogue=CATALOGUE,
            snapshot=snapshot(exemption),
            settings=BELIEVING,
            history=Git(),
            now=NOW,
            allowed=Allowances(),
            only=None,
            taken_out=taken_out,
        )
    )


def test_without_writers_every_mark_is_believed():
    assert shape(plan(snapshot(forged(mark="gone")))) == [("delete", "removed", "f", ("refA",))]


@pytest.mark.parametrize(
    ("made_by", "changed_by"), [(ROBOT, ROBOT), (ROBOT, "mallory"), ("ann", ROBOT.upper())], ids=["ours", "changed", "adopted"]
)  # fmt: skip
def test_what_a_writer_made_or_wrote_last_is_ours(made_by, changed_by):
    one = written(ours("o", "gone"), made_by, changed_by)
    assert shape(plan(snapshot(one), settings=BELIEVING)) == [("delete", "removed", "o", ("refA",))]


def test_a_forged_mark_is_reported_and_the_cause_of_nothing():
    """Removed, duplicate, renamed or expired: none of it concerns an object that was never ours."""
    lies = (
        forged("removed", "gone"),
        forged("expired", "one", expires_on="2026-11-01T00:00:00Z"),
        forged("elsewhere", "one", target=SUB, references=("refB",)),
    )
    done = plan(snapshot(*lies), settings=BELIEVING, allowed=Allowances(delete_orphans=10))
    assert not done.changes
    assert not done.held
    assert done.owned == 0
    assert {(finding.kind, finding.subject.name) for finding in done.findings} == {
        (FindingKind.FORGED, "removed"), (FindingKind.FORGED, "expired"), (FindingKind.FORGED, "elsewhere")
    }  # fmt: skip


def test_what_a_forged_one_has_is_held_and_everything_else_goes_on():
    done = plan(snapshot(forged()), declaration("one"), declaration("two", SUB, what="b"), settings=BELIEVING)
    assert shape(done) == [("create", "declared", "two", ("refB",))]
    assert [(line.declaration, line.cause) for line in done.held] == [("one", HeldCause.FORGED)]
    assert "mallory@contoso.example" in done.held[0].message


def test_a_forged_revision_heals_nothing():
    """The mark says that HEAD was applied: believed, a missing exemption would count as deleted."""
    lie = forged(mark="two", references=("refB",))
    lie = replace(lie, metadata={**lie.metadata, "revision": "c"})
    reasons = [
        [change.reason.value for change in make_plan(
            [declaration("one")], CATALOGUE, snapshot(lie), house, Everything(), NOW
        ).changes if change.before is None]
        for house in (SETTINGS, BELIEVING)
    ]  # fmt: skip
    assert reasons == [["recreate"], ["declared"]]


def test_many_forged_marks_stop_nobody():
    lies = [forged(f"f{number}", f"gone-{number}") for number in range(12)]
    done = plan(snapshot(*lies), declaration("one", SUB), settings=BELIEVING)
    assert not done.refusals
    assert shape(done) == [("create", "declared", "one", ("refA",))]


def test_a_forged_one_can_be_adopted():
    done = plan(snapshot(forged()), declaration("one", adopt=True), settings=BELIEVING)
    assert shape(done) == [("update", "adopt", "f", ("refA",))]
    assert done.changes[0].after.metadata["declaration"] == "one"


def test_who_asked_before_an_adoption_is_kept_when_what_was_adopted_is_edited_and_adopted_again():
    edited = forged()
    lie = {"declared": ["originalRequestedBy"]}  # as if a declaration had said it, which none can
    edited = replace(edited, metadata={**edited.metadata, **lie, "requestedBy": "team", "originalRequestedBy": "ann"})
    (change,) = plan(snapshot(edited), declaration("one", adopt=True), settings=BELIEVING).changes
    assert change.after.metadata["originalRequestedBy"] == "ann"


@pytest.mark.parametrize(
    ("mark", "changed_by", "taken_out", "goes"),
    [
        ("gone", "mallory", frozenset(), False),
        ("gone", "mallory", frozenset({("gone", SUB.key)}), False),
        ("gone", "mallory", frozenset({("gone", RG.key)}), True),
        ("gone", "mallory", None, True),
        ("gone", ROBOT, frozenset(), True),
    ],
    ids=["never-was", "another-target", "taken-out", "not-known", "ours"],
)
def test_a_mark_that_somebody_else_wrote_last_is_no_proof_of_a_removal(mark, changed_by, taken_out, goes):
    one = written(ours("o", mark, target=RG), ROBOT, changed_by)
    done = plan_where_taken_out(one, taken_out)
    assert shape(done) == ([("delete", "removed", "o", ("refA",))] if goes else [])
    assert [finding.kind for finding in done.findings] == ([] if goes else [FindingKind.HELD])


@pytest.mark.parametrize("taken_out", [frozenset(), frozenset({("gone", RG.key)})], ids=["never-was", "taken-out"])
def test_nor_of_what_a_rename_would_take(taken_out):
    one = written(ours("o", "gone", target=RG, references=("refA", "refC")), ROBOT, "mallory")
    done = plan_where_taken_out(one, taken_out, declaration("one"))
    if taken_out:
        assert shape(done) == [("update", "rename", "o", ("refA",))]
    else:
        assert shape(done) == [("update", "narrow", "o", ("refC",)), ("create", "declared", "one", ("refA",))]


def test_a_mark_of_which_azure_does_not_say_who_wrote_it_is_no_proof_either():
    """An export or an older version of Azure gives no system data; a record of a run alone makes it ours."""
    one = replace(ours("o", "gone", target=RG), system=None, adopted=True)
    done = plan_where_taken_out(one, frozenset())
    assert shape(done) == []
    (finding,) = done.findings
    assert (finding.kind, finding.declaration) == (FindingKind.HELD, "gone")
    assert finding.message == (
        "is wanted by no declaration, but kept: Azure does not say who wrote its mark, and no recent version of "
        "declaration 'gone' listed its target"
    )
    assert shape(plan_where_taken_out(one, frozenset({("gone", RG.key)}))) == [("delete", "removed", "o", ("refA",))]


@pytest.mark.parametrize(
    ("system", "last"),
    [
        (SystemData(created_by="ann", last_modified_by="bob"), "bob"),
        (SystemData(created_by="ann"), "ann"),
        (SystemData(), ""),
    ],
)
def test_who_wrote_it_last(system, last):
    assert system.last_writer == last
