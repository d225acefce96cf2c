"""A declaration may ask for its exemption before the change comes that makes it matter."""

from dataclasses import replace

from planning.world import (
    AT_ROOT,
    BENCHMARK,
    LEFT,
    OTHER_SUB,
    RG,
    ROOT,
    SUB,
    applied,
    assignment,
    declaration,
    plan,
    shape,
    snapshot,
)

from reconciler.kinds import FindingKind
from reconciler.model import Subject, SubjectKind

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
    assert not settled.findings
    assert not plan(applied(moved, settled), ahead).changes


def test_ahead_changes_nothing_where_the_assignment_is_there():
    found = snapshot(assignments=(assignment(ROOT, "mcsb", BENCHMARK.id),))
    plain, ahead = (plan(found, declaration("one", ahead=flag)) for flag in (False, True))
    assert plain.digest == ahead.digest
    assert not ahead.findings
