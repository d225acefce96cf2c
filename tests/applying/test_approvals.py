"""A saved plan approves exactly what it says and nothing else, and a doctored or foreign one approves nothing."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from azure_in_memory import SUBSCRIPTION, TENANT, change, create, exemption
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.approvals import (
    ApprovalError,
    check_expected,
    intersect,
    parse_reasons,
    read_plan,
    select,
)
from reconciler.applying.outcomes import Summary
from reconciler.model import (
    Carrier,
    ResourceSelector,
    Selector,
    Status,
    SystemData,
    Verdict,
    arm_id,
    assessment_id,
)
from reconciler.planning.fingerprint import digest
from reconciler.planning.values import Plan, Reason
from reconciler.problems import UsageError
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_json_pieces

WIDE = exemption("wide", refs=("tls", "MFA"), expires_on="2027-01-31T23:59:59.0000000Z")
NARROWED = exemption("wide", refs=("mfa",), metadata={"owner": "contoso", "revision": "abc"})
SELECTIVE = exemption(
    "selective", selectors=(ResourceSelector("eu", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
)
ORDINARY = (
    create("keeper"),
    change(WIDE, NARROWED, [create("keeper")], [exemption("keeper")], Reason.NARROW),
    change(exemption("old"), None, reason=Reason.REMOVED),
    change(None, SELECTIVE, reason=Reason.RECREATE),
)


def plan(*changes, tenant=TENANT, owner="contoso"):
    return Plan(
        tenant_id=tenant, owner=owner, scopes=(arm_id(SUBSCRIPTION),), revision="abc123", taken_at=datetime(2026, 11, 20, tzinfo=UTC),
        changes=tuple(sorted(changes, key=lambda c: c.id.key)), unchanged=(), foreign=(), held=(), findings=(), refusals=(), unread=(),
        digest=digest(c.fingerprint for c in changes),
    )  # fmt: skip


def saved(*changes, **fields):
    document = json.loads("".join(plan_json_pieces(plan_report(plan(*changes)))))
    return json.dumps({**document, **fields})


def read(text):
    data = text.encode() if isinstance(text, str) else text
    return read_plan(data, origin="plan.json", tenant_id=TENANT, owner="contoso")


# --- what a file approves ---


def test_an_untouched_file_approves_the_whole_plan():
    fresh = plan(*ORDINARY)
    approvals = read("".join(plan_json_pieces(plan_report(fresh))))
    selection = select(fresh, approvals)
    assert selection.approved == fresh.changes
    assert selection.withheld == selection.already_done == ()
    assert approvals.digest == fresh.digest
    assert approvals.revision == "abc123"


def test_an_empty_plan_approves_nothing():
    selection = select(plan(create("new")), read(saved()))
    assert selection.approved == ()
    assert [outcome.status for outcome in selection.withheld] == [Status.AWAITING]


def test_less_is_applied_never_more():
    approved_then = saved(create("one"), create("gone-by-now"), change(exemption("old"), None))
    fresh = plan(create("one"), create("two"), change(exemption("old", description="edited"), None))
    selection = select(fresh, read(approved_then))
    assert [c.exemption.name for c in selection.approved] == ["one"]
    why = {o.change.exemption.name: o.message for o in selection.withheld}
    assert "not part of the approved plan" in why["two"]
    assert "changed since" in why["old"]
    assert selection.already_done == (create("gone-by-now").id.key,)
    assert Summary(outcomes=selection.withheld).verdict is Verdict.AWAITING


def test_a_create_that_became_an_update_needs_a_new_approval():
    selection = select(plan(change(exemption("one", description="x"), exemption("one"))), read(saved(create("one"))))
    assert selection.approved == ()


def test_what_waits_for_something_withheld_is_withheld():
    one, two, three = create("one"), exemption("two"), exemption("three")
    middle = change(two, None, [one], [exemption("one")])
    last = change(three, None, [middle], [two])
    selection = select(plan(one, middle, last), read(saved(middle, last)))
    assert selection.approved == ()
    assert {o.change.exemption.name for o in selection.withheld} == {"one", "two", "three"}
    assert "waits for" in selection.withheld[-1].message


def test_what_waits_for_a_change_that_is_not_there_is_withheld():
    """A change of a part of the tenant that this run does not look at."""
    absent = create("absent")
    [outcome] = select(plan(change(exemption("one"), None, [absent]))).withheld
    assert outcome.message == f"waits for {absent.id.key}, which is not part of this run"
    assert "production run" in outcome.remedy


def test_only_some_reasons():
    selection = select(plan(*ORDINARY), only=parse_reasons("recreate, fan-out,expired"))
    assert [c.exemption.name for c in selection.approved] == ["selective"]
    assert all("--only" in o.message or "waits for" in o.message for o in selection.withheld)
    assert all("run without --only" in o.remedy for o in selection.withheld)


def test_a_revision_is_no_part_of_an_approval():
    then = create("one", metadata={"owner": "contoso", "revision": "abc"})
    now = create("one", metadata={"owner": "contoso", "revision": "def"})
    assert select(plan(now), read(saved(then))).approved == (now,)


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 200_000, "nested more than"),
        ("[]", "an object is expected"),
        ('{"changes": []}', "format_version"),
        (saved(format_version="2.0", tool_version="9.0"), "written by exempt 9.0"),
        (saved(format_version="0.9"), "format 0.9"),
        (saved(format_version=1), "not a plan: format_version 1 is no version"),
        (saved(format_version="9" * 5_000), "no version"),
        (saved(format_version=int("9" * 400)), "400 digits"),
        (saved(revision=5), "revision: a string is expected"),
        (saved(format_version="²"), "no version"),
        (saved(tenantId="11111111-0000-0000-0000-000000000000"), "tenant 11111111"),
        (saved(owner="fabrikam"), "'fabrikam'"),
        (saved(changes=None), "an array is expected"),
        (saved(changes=[{}]), "changes[0]"),
        (saved(changes=["x"]), "changes[0]"),
        (saved(changes=[{"before": None, "after": None}]), "a change has a before, an after or both"),
        (saved(digest="0" * 64), "edited"),
        (saved(create("one"), digest=digest([])), "edited"),
    ],
)
def test_what_is_no_approval_is_refused_with_its_own_message(text, says):
    with pytest.raises(ApprovalError) as refused:
        read(text)
    assert says in refused.value.message
    assert refused.value.remedy


def test_a_later_minor_format_is_read():
    assert read(saved(create("one"), format_version="1.7", novelty=True)).fingerprints


def test_the_tenant_compares_without_letter_case():
    assert read(saved(create("one"), tenantId=TENANT.upper())).fingerprints


def test_a_change_of_a_standard_assignment_is_read():
    """Its id is under another provider: the assessment that it exempts from tells."""
    path = Carrier.STANDARD.path(SUBSCRIPTION, "alone")
    alone = replace(exemption("alone"), id=arm_id(path), assignment=assessment_id("tls-of-machines"), reference_ids=())
    made = change(None, alone)
    assert read(saved(made)).fingerprints == {path.lower(): made.fingerprint}


def test_a_change_that_stands_twice_is_refused():
    document = json.loads(saved(create("another"), create("one")))
    document["changes"].sort(key=lambda entry: entry["key"]["name"] != "one")
    with pytest.raises(ApprovalError, match=r"edited: it lists .*/policyexemptions/one twice"):
        read(json.dumps({**document, "changes": document["changes"] * 2}))


@pytest.mark.parametrize(
    "said", [{"actions": ["create"]}, {"fingerprint": "0" * 64}, {"key": {"assignment": "/another"}}], ids=str
)
def test_a_change_that_is_not_what_it_says_is_refused(said):
    """What a reviewer reads of a change is part of what is approved, and not only what is written."""
    document = json.loads(saved(change(exemption("old"), None, reason=Reason.REMOVED)))
    entry = document["changes"][0]
    entry.update({name: {**entry[name], **value} if isinstance(value, dict) else value for name, value in said.items()})
    with pytest.raises(ApprovalError, match="does not match its own fingerprint"):
        read(json.dumps(document))


def _paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


def _with(document, path, value):
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


DOCUMENT = json.loads(saved(*ORDINARY))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([path for path in _paths(DOCUMENT) if path]), JSON_VALUES)
def test_no_edit_of_a_file_approves_anything_new(path, value):
    try:
        found = read(json.dumps(_with(DOCUMENT, path, value)))
    except ApprovalError:
        return
    assert set(found.fingerprints.items()) == set(read(json.dumps(DOCUMENT)).fingerprints.items())


@given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_file_is_read_or_refused(data):
    with pytest.raises(ApprovalError):
        read(data)


# --- healing: what two plans have in common ---


def test_healing_writes_what_both_plans_make_and_nothing_else():
    ours, theirs = create("recreated"), create("new")
    selection = intersect(plan(ours, theirs), plan(create("recreated"), create("retired")))
    assert [c.id for c in selection.approved] == [ours.id]
    assert [(o.change.id, o.status) for o in selection.withheld] == [(theirs.id, Status.AWAITING)]
    assert "not part of the plan of the approved revision" in selection.withheld[0].message
    assert selection.already_done == (create("retired").id.key,)


def test_healing_does_not_write_the_same_object_in_another_form():
    selection = intersect(plan(create("one", description="loud")), plan(create("one", description="quiet")))
    assert selection.approved == ()
    assert "another form" in selection.withheld[0].message


def test_what_either_plan_replaces_first_is_not_deleted():
    old = exemption("old")
    keeper = create("keeper")
    waiting, free = change(old, None, [keeper], [exemption("keeper")]), change(old, None)
    for fresh, approved in (([waiting, keeper], [free]), ([free], [waiting, keeper])):
        selection = intersect(plan(*fresh), plan(*approved))
        assert selection.approved == (), "the replacement is only in one of the two plans"
        assert {o.change.id.key for o in selection.withheld} >= {old.id.key}
    both = intersect(plan(free, keeper), plan(waiting, keeper))
    assert [c.waits_for for c in both.approved if c.id == old.id] == [(keeper.id.key,)]


def test_what_keeps_a_cell_in_either_plan_is_re_read():
    old, one, two = exemption("old"), exemption("one"), exemption("two")
    [healed] = intersect(plan(change(old, None, [], [one])), plan(change(old, None, [], [two]))).approved
    assert [keeper.id for keeper in healed.relies_on] == [one.id, two.id]


def test_healing_stamps_the_approved_revision():
    now = create("one", metadata={"owner": "contoso", "revision": "head"})
    then = create("one", metadata={"owner": "contoso", "revision": "approved"})
    [healed] = intersect(plan(now), plan(then)).approved
    assert healed.after.metadata["revision"] == "approved"


@pytest.mark.parametrize("files", [{"reconciler.yaml", "catalog.yaml"}, {"catalog.yaml"}])
def test_healing_waits_where_the_rules_came_back(files):
    one = create("one")
    selection = intersect(plan(one), plan(one), files=frozenset(files))
    assert selection.approved == ()
    assert selection.withheld[0].message == "catalog.yaml was changed since the approved revision, and changed back"
    assert "production run" in selection.withheld[0].remedy


@pytest.mark.parametrize("came_back", ["declared", "marked-before", "marked-after"])
def test_healing_waits_where_a_declaration_came_back_whichever_side_names_it(came_back):
    before = exemption("old", metadata={"declaration": "marked-before"})
    after = exemption("old", metadata={"declaration": "marked-after"})
    both = plan(change(before, after), create("other"))
    selection = intersect(both, both, came_back=frozenset({came_back}))
    message = f"{came_back} was removed or changed since the approved revision, and came back"
    assert message in {outcome.message for outcome in selection.withheld}
    assert [c.exemption.name for c in selection.approved] == ([] if came_back == "declared" else ["other"])


@pytest.mark.parametrize("reason", [Reason.ADOPT, Reason.TAKE_OVER, Reason.REVERT])
@pytest.mark.parametrize(
    ("proof", "is_provable"),
    [({"system": SystemData(created_by="Writer")}, True), ({"adopted": True}, True),
     ({"system": SystemData(created_by="eve", last_modified_by="writer")}, False), ({}, False)],
)  # fmt: skip
def test_healing_adopts_only_what_stays_provable(reason, proof, is_provable):
    adopted = plan(change(exemption("old", **proof), exemption("old", description="ours"), reason=reason))
    selection = intersect(adopted, adopted, writers={"writer"})
    assert bool(selection.approved) is (is_provable or reason is Reason.REVERT)
    assert all("needs the record" in outcome.message for outcome in selection.withheld)
    assert all("production run" in outcome.remedy for outcome in selection.withheld)
    assert intersect(adopted, adopted).approved == adopted.changes, "without writers every mark is believed"


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4)


@given(NAMES, NAMES, NAMES, NAMES, st.data())
def test_no_common_delete_bares_what_either_plan_wants(created, approved_created, deleted, approved_deleted, data):
    """Each plan by itself is safe: its deletes wait for its creates. Their intersection must be safe for both."""

    def one(creates, deletes):
        made = [create(f"new-{name}") for name in creates]
        waits = data.draw(st.lists(st.sampled_from(made), unique_by=lambda c: c.id)) if made else []
        return plan(*made, *(change(exemption(f"old-{name}"), None, waits) for name in deletes))

    fresh, approved = one(created, deleted), one(approved_created, approved_deleted)
    chosen = {c.id.key for c in intersect(fresh, approved).approved}
    prints = [{c.id.key: c.fingerprint for c in p.changes} for p in (fresh, approved)]
    assert all(prints[0].get(key) == prints[1].get(key) for key in chosen)
    for made in (fresh, approved):
        for c in made.changes:
            assert c.id.key not in chosen or chosen >= set(c.waits_for)


# --- the options ---


def test_expecting_this_very_plan():
    fresh = plan(*ORDINARY)
    check_expected(fresh, f" {fresh.digest.upper()} ")
    with pytest.raises(ApprovalError, match="not the expected one"):
        check_expected(fresh, "0" * 64)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "0" * 63])
def test_what_is_no_digest_is_a_mistake_of_usage(text):
    with pytest.raises(UsageError, match="no digest"):
        check_expected(plan(), text)


def test_reasons_are_spelled_right():
    assert parse_reasons("recreate") == {Reason.RECREATE}
    with pytest.raises(UsageError, match="'heal, mend' is no reason") as refused:
        parse_reasons("recreate,mend,heal")
    assert refused.value.remedy == f"one or more of {', '.join(Reason)}, separated by commas"
    with pytest.raises(UsageError):
        parse_reasons(" , ")
