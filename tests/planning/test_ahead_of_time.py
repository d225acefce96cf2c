"""A declaration may ask for its exemption before the change comes that makes it matter."""

from dataclasses import replace

import pytest
from drift.diagnosed import Git, drift
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
    SUB,
    applied,
    assignment,
    declaration,
    plan,
    shape,
    snapshot,
)

from reconciler.kinds import FindingKind
from reconciler.model import Subject, SubjectKind, SystemData
from reconciler.planning.planner import make_plan
from reconciler.planning.values import Reason
from reconciler.reports.labels import reason_label

EXCLUDING = replace(AT_ROOT, not_scopes=(SUB,))
AT_LEFT = assignment(LEFT, "mcsb", BENCHMARK.id)


def about(done):
    return [(finding.kind, finding.evidence.aspect, finding.subject) for finding in done.findings]


def test_a_scope_that_is_still_excluded_is_exempted_ahead():
    waiting = snapshot(assignments=(EXCLUDING,))
    assert not plan(waiting, declaration("one")).changes
    ahead = declaration("one", ahead=True)
    done = plan(waiting, ahead)
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert about(done) == [(FindingKind.MOOT, "ahead", RG)]
    there = applied(waiting, done)
    assert not plan(there, ahead).changes
    included = replace(there, assignments={AT_ROOT.id.key: AT_ROOT})
    after = plan(included, ahead)
    assert not after.changes
    assert not after.findings
    assert not plan(included, declaration("one")).changes


def test_without_ahead_what_was_made_ahead_stays_as_moot():
    waiting = snapshot(assignments=(EXCLUDING,))
    there = applied(waiting, plan(waiting, declaration("one", ahead=True)))
    done = plan(there, declaration("one"))
    assert not done.changes
    assert {finding.kind for finding in done.findings} == {FindingKind.MOOT}


def test_a_scope_that_will_be_moved_is_exempted_ahead():
    """OTHER_SUB moves from ROOT under LEFT, where the benchmark is assigned."""
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=AT_LEFT.id.text, reference_ids=("refA",))
    ahead = declaration("one", OTHER_SUB, subject=subject, ahead=True)
    waiting = snapshot(assignments=(AT_LEFT,))
    assert not plan(waiting, replace(ahead, ahead=False)).changes
    done = plan(waiting, ahead)
    assert shape(done) == [("create", "declared", "one", ("refA",))]
    assert done.changes[0].after.validation == "DoNotValidate"
    assert about(done) == [(FindingKind.MOOT, "ahead", OTHER_SUB)]
    there = applied(waiting, done)
    assert not plan(there, ahead).changes
    moved = replace(there, parents={**there.parents, OTHER_SUB.key: LEFT})
    settled = plan(moved, ahead)
    assert [change.after.validation for change in settled.changes] == [""]
    assert [change.reason for change in settled.changes] == [Reason.EDITED]  # no git tells otherwise
    assert not settled.findings
    assert not plan(applied(moved, settled), ahead).changes


@pytest.mark.parametrize(
    ("kind", "edit", "reason"),
    [
        ("Application", {}, Reason.FAN_OUT),
        ("User", {}, Reason.REVERT),  # a person may have switched the check off
        ("Application", {"category": "Mitigated"}, Reason.REVERT),  # not the check alone
    ],
)
@pytest.mark.parametrize("listed", [("refA",), ()], ids=["references", "the whole assignment"])
def test_a_move_is_no_change_by_hand(kind, edit, reason, listed):
    """After the move the check is switched on again: the hierarchy changed, not the exemption."""
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=AT_LEFT.id.text, reference_ids=listed)
    settings = replace(SETTINGS, rules=replace(SETTINGS.rules, allow_whole_assignment=True))
    ahead = declaration("one", OTHER_SUB, subject=subject, ahead=True)
    waiting = snapshot(assignments=(AT_LEFT,))
    there = applied(waiting, make_plan([ahead], CATALOGUE, waiting, settings, Git(), NOW))
    (exemption,) = there.exemptions
    exemption = replace(exemption, **edit, system=SystemData(last_modified_by_type=kind))
    moved = replace(there, exemptions=(exemption,), parents={**there.parents, OTHER_SUB.key: LEFT})
    done = make_plan([ahead], CATALOGUE, moved, settings, Git(), NOW)
    (change,) = done.changes
    assert (change.reason, change.after.validation) == (reason, "")
    if reason is Reason.FAN_OUT:
        assert reason_label(change) == "because its assignment reaches its scope now"
        (finding,) = drift(moved, ahead, history=Git(), settings=settings)
        assert finding.kind is FindingKind.MODIFIED
        assert finding.evidence.cause == "the scope or its assignment was moved after it was applied"


def test_ahead_changes_nothing_where_the_assignment_is_there():
    found = snapshot(assignments=(assignment(ROOT, "mcsb", BENCHMARK.id),))
    plain, ahead = (plan(found, declaration("one", ahead=flag)) for flag in (False, True))
    assert plain.digest == ahead.digest
    assert not ahead.findings
