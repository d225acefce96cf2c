"""The record of what production runs adopted: read with care, and carried on from run to run."""

import json
from datetime import UTC, datetime

import pytest
from azure_in_memory import OTHER, SUBSCRIPTION, TENANT, change, create, exemption

from reconciler.applying.outcomes import Outcome
from reconciler.applying.record import Record, read_record, record_after
from reconciler.documents.json_input import JsonInputError
from reconciler.model import Settings, Snapshot, Status, SystemData, Unread, arm_id
from reconciler.reports.record_json import record_json

OURS = {"managedBy": "exempt", "owner": "contoso"}
BY_HAND = exemption("by-hand")
ADOPTED = exemption("by-hand", metadata=OURS)
KEY = BY_HAND.id.key


def settings(*writers):
    return Settings(
        owner="contoso", former_owners=("old-name",), tenant_id=TENANT, scopes=(arm_id(SUBSCRIPTION), arm_id(OTHER)),
        writers=frozenset(writers),
    )  # fmt: skip


def read(text):
    return read_record(text.encode(), origin="record.json", settings=settings())


def recorded(*identifiers, **fields):
    return json.dumps({**json.loads(record_json(TENANT.upper(), "contoso", identifiers)), **fields})


def test_what_is_adopted_is_read_folded_in_both_kinds():
    standard = f"{SUBSCRIPTION}/providers/Microsoft.Security/standardAssignments/one"
    assert read(recorded(BY_HAND.id.text, standard)) == {KEY, standard.lower()}
    assert read(recorded(owner="old-name")) == frozenset()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "record.json: not JSON"),
        (recorded(format_version=None), "not a record"),
        (recorded(format_version="2.0"), "reads 1.x"),
        (recorded(tenantId="another"), f"the record is of tenant another, but reconciler.yaml names {TENANT}"),
        (recorded(owner="fabrikam"), "the record is of owner 'fabrikam', but this repository is 'contoso'"),
        (recorded(adopted=5), "adopted: an array is expected"),
        (recorded(SUBSCRIPTION), "adopted[0]: it is no id of an exemption"),
    ],
)
def test_what_is_no_record_of_ours_is_refused_with_its_own_message(text, says):
    with pytest.raises(JsonInputError) as refused:
        read(text)
    assert says in refused.value.message
    assert refused.value.remedy


def test_a_record_is_limited_in_size():
    with pytest.raises(JsonInputError, match="the limit is 67,108,864"):
        read_record(bytes((64 << 20) + 1), origin="record.json", settings=settings())


# --- the next one ---


def after(*outcomes, live=(), earlier=(), writers=(), unread=(), only=None):
    snapshot = Snapshot(
        tenant_id=TENANT, taken_at=datetime(2026, 11, 20, tzinfo=UTC), parents={}, expected=(arm_id(SUBSCRIPTION), arm_id(OTHER)),
        assignments={}, initiatives={}, exemptions=tuple(live),
        unread=tuple(Unread(scope=arm_id(scope), what="exemptions", message="403") for scope in unread),
    )  # fmt: skip
    record = record_after(snapshot, outcomes, settings(*writers), earlier=earlier, only=arm_id(only) if only else None)
    assert record == Record(tenant_id=TENANT, owner="contoso", adopted=record.adopted)
    return record.adopted


def ended(before, after_, status=Status.DONE):
    return Outcome(change=change(before, after_), status=status)


def test_what_a_run_adopts_is_in_the_record_and_what_it_makes_or_edits_is_not():
    foreign = exemption("theirs", metadata={"managedBy": "exempt", "owner": "fabrikam"})
    took_over = exemption("theirs", metadata=OURS)
    edited = ended(exemption("ours", metadata=OURS), exemption("ours", metadata=OURS, description="new"))
    narrowed = ended(exemption("portals", refs=("tls", "mfa")), exemption("portals", refs=("mfa",)))
    made = Outcome(change=create("new", metadata=OURS), status=Status.DONE)
    adopted = after(edited, narrowed, made, ended(BY_HAND, ADOPTED), ended(foreign, took_over))
    assert adopted == {KEY, took_over.id.key}


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.DONE}))
def test_what_was_not_done_changes_nothing(status):
    other = exemption("other", adopted=True)
    outcomes = (ended(BY_HAND, ADOPTED, status), ended(other, None, status))
    assert after(*outcomes, live=[BY_HAND, other]) == {other.id.key}


def test_what_was_deleted_leaves_the_record_and_the_rest_is_judged_as_well():
    kept = exemption("kept", adopted=True)
    gone = exemption("gone", adopted=True)
    unowned = exemption("unowned")
    outcomes = (ended(unowned, None), ended(gone, None), ended(BY_HAND, ADOPTED))
    assert after(*outcomes, live=[gone, kept, unowned]) == {kept.id.key, KEY}


@pytest.mark.parametrize(
    ("writers", "created_by", "modified_by", "is_adopted"),
    [
        (["writer"], "eve", "Writer", True),
        (["writer"], "Writer", "eve", False),
        (["writer"], "eve", "eve", False),
        ([], "eve", "writer", False),
    ],
)
def test_what_our_writers_wrote_last_and_did_not_make_was_adopted(writers, created_by, modified_by, is_adopted):
    system = SystemData(created_by=created_by, last_modified_by=modified_by)
    live = exemption("by-hand", metadata=OURS, system=system)
    assert after(live=[live], writers=writers) == ({KEY} if is_adopted else set())


@pytest.mark.parametrize(
    ("run", "is_kept"),
    [
        ({}, False),
        ({"unread": [SUBSCRIPTION]}, True),
        ({"unread": [OTHER]}, False),
        ({"only": OTHER}, True),
        ({"only": SUBSCRIPTION}, False),
        ({"only": SUBSCRIPTION, "unread": [SUBSCRIPTION]}, True),
        ({"live": [BY_HAND]}, False),
    ],
    ids=str,
)
def test_what_an_earlier_record_names_stays_where_nobody_looked(run, is_kept):
    assert after(earlier={KEY}, **run) == ({KEY} if is_kept else set())
