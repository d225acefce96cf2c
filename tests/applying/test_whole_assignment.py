"""Which exemptions may be written without references: what the rules, the declaration and the assignment say, no more."""

from datetime import UTC, datetime

import pytest
from azure_in_memory import ASSIGNMENT, OTHER, SUBSCRIPTION, TENANT, change, create, exemption

from reconciler.applying.whole_assignment import allowed_without_references
from reconciler.model import (
    Assignment,
    Category,
    Declaration,
    Rules,
    Settings,
    Snapshot,
    Source,
    Subject,
    SubjectKind,
    arm_id,
)

MARKS = {"managedBy": "exempt", "owner": "contoso", "declaration": "declared", "target": SUBSCRIPTION}
EVERYTHING = create("all", refs=(), metadata=MARKS)
SET = arm_id("/providers/Microsoft.Authorization/policySetDefinitions/benchmark")
POLICY = arm_id("/providers/Microsoft.Authorization/policyDefinitions/tls")


def may(definition, kind, *references, allowed=True, enabled=True, changes=(EVERYTHING,)):
    assignments = {ASSIGNMENT.key: Assignment(id=ASSIGNMENT, definition=definition)} if definition else {}
    snapshot = Snapshot(
        tenant_id=TENANT,
        taken_at=datetime(2026, 11, 20, tzinfo=UTC),
        parents={},
        expected=(),
        assignments=assignments,
        initiatives={},
        exemptions=(),
    )
    declared = Declaration(
        name="declared", subject=Subject(kind=kind, value="x", reference_ids=references), scopes=(arm_id(SUBSCRIPTION),), category=Category.WAIVER, justification="why", owner="team",
        source=Source("one.yaml"), enabled=enabled,
    )  # fmt: skip
    settings = Settings(
        owner="contoso", tenant_id=TENANT, scopes=(arm_id(SUBSCRIPTION),), rules=Rules(allow_whole_assignment=allowed)
    )
    found = allowed_without_references(changes, snapshot, (declared,), settings)
    return EVERYTHING.id.key in found


@pytest.mark.parametrize("kind", SubjectKind)
def test_a_single_policy_has_no_references_whatever_declares_it(kind):
    assert may(POLICY, kind, allowed=False)


@pytest.mark.parametrize("kind", SubjectKind)
def test_an_initiative_only_by_its_own_name(kind):
    assert may(SET, kind) is (kind in {SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT})


def test_an_initiative_needs_the_rule_and_no_narrower_wish():
    assert not may(SET, SubjectKind.ASSIGNMENT, allowed=False)
    assert not may(SET, SubjectKind.ASSIGNMENT, "tls")
    assert not may(SET, SubjectKind.ASSIGNMENT, enabled=False)


@pytest.mark.parametrize(
    "mark", [{"declaration": "another"}, {"target": OTHER}, {"owner": "fabrikam"}, {"managedBy": "terraform"}]
)
def test_it_must_bear_the_marks_of_what_means_it(mark):
    assert not may(SET, SubjectKind.ASSIGNMENT, changes=(create("all", refs=(), metadata=MARKS | mark),))


def test_an_assignment_that_nobody_read_counts_as_an_initiative():
    assert not may(None, SubjectKind.POLICY)


def test_a_delete_writes_no_list():
    assert not may(POLICY, SubjectKind.POLICY, changes=(change(exemption("all", refs=()), None),))
