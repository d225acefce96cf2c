"""One form for the diff, the fingerprint and the body of a PUT: what Azure echoes otherwise is the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning.world import NOW, RG, live

from reconciler.arm import canonical
from reconciler.model import Exemption, ResourceSelector, Selector, arm_id
from reconciler.planning.fingerprint import digest, fingerprint, fingerprint_of

ONE = live("one", references=("b", "A"), display_name="One", description="why", metadata={"z": 1, "a": 2})
WEST = ResourceSelector(
    "w",
    (Selector(kind="resourceLocation", values=("westeurope", "eastus")), Selector(kind="resourceType", values=("x",))),
)
TYPE = ResourceSelector("t", (Selector(kind="resourceType", values=("a/b",), negated=True),))


def test_the_body_is_sorted_and_leaves_out_what_is_empty():
    assert canonical.encode_properties(replace(ONE, extra={"later": {"x": 1}})) == {
        "policyAssignmentId": ONE.assignment.text,
        "policyDefinitionReferenceIds": ["A", "b"],
        "exemptionCategory": "Waiver",
        "displayName": "One",
        "description": "why",
        "metadata": {"a": 2, "z": 1},
        "later": {"x": 1},
    }
    assert list(canonical.encode_properties(ONE)["metadata"]) == ["a", "z"]
    assert canonical.encode_properties(live("bare", references=())) == {
        "policyAssignmentId": ONE.assignment.text, "exemptionCategory": "Waiver",
    }  # fmt: skip


def test_selectors_in_the_body_have_one_order():
    found = canonical.encode_properties(replace(ONE, selectors=(WEST, TYPE)))["resourceSelectors"]
    assert found == [
        {"name": "t", "selectors": [{"kind": "resourceType", "notIn": ["a/b"]}]},
        {"name": "w", "selectors": [
            {"kind": "resourceLocation", "in": ["eastus", "westeurope"]}, {"kind": "resourceType", "in": ["x"]},
        ]},
    ]  # fmt: skip


@pytest.mark.parametrize("same", [
    {"reference_ids": ("a", "B")},
    {"reference_ids": ("B", "a", "A")},
    {"category": "waiver"},
    {"validation": "default"},
    {"metadata": {"a": 2, "z": 1, "revision": "abc", "requestedBy": "x", "createdOn": "now", "updatedBy": "them"}},
    {"extra": {"nothing": None, "none": [], "void": {}, "blank": ""}},
    {"assignment": arm_id(ONE.assignment.text.upper())},
], ids=lambda changed: next(iter(changed)))  # fmt: skip
def test_these_differences_are_none(same):
    other = replace(ONE, **same)
    assert canonical.equivalent(ONE, other)
    assert canonical.comparable(ONE) == canonical.comparable(other)


def test_the_letters_of_the_marked_target_do_not_count():
    """It is an ARM id: a declaration that writes it in other letters wants no write."""
    one, other = (
        replace(ONE, metadata={"target": target}) for target in ("/x/resourceGroups/rg", "/x/resourcegroups/RG")
    )
    assert canonical.equivalent(one, other)
    assert canonical.comparable(one) == canonical.comparable(other)
    assert canonical.compared_metadata(other.metadata) == {"target": "/x/resourcegroups/RG"}  # shown as written
    assert not canonical.equivalent(one, replace(ONE, metadata={"target": "/x/resourceGroups/rg2"}))
    assert not canonical.equivalent(one, replace(ONE, metadata={"target": ["/x/resourceGroups/rg"]}))


@pytest.mark.parametrize("changed", [
    {"reference_ids": ("a",)},
    {"reference_ids": ()},
    {"category": "Mitigated"},
    {"display_name": "one"},
    {"description": "Why"},
    {"expires_on": "2027-01-01T00:00:00Z"},
    {"validation": "DoNotValidate"},
    {"selectors": (WEST,)},
    {"metadata": {"a": 2}},
    {"metadata": {"a": 2, "z": 1, "ticket": "T"}},
    {"extra": {"later": 1}},
    {"assignment": arm_id(ONE.assignment.text + "2")},
], ids=lambda changed: next(iter(changed)))  # fmt: skip
def test_these_differences_are_some(changed):
    other = replace(ONE, **changed)
    assert not canonical.equivalent(ONE, other)
    assert not canonical.equivalent(other, ONE)
    assert canonical.comparable(ONE) != canonical.comparable(other)


@pytest.mark.parametrize(("written", "form"), [
    ("2027-01-31T23:59:59Z", "2027-01-31T23:59:59Z"),
    ("2027-01-31t23:59:59z", "2027-01-31T23:59:59Z"),
    ("2027-01-31 23:59:59", "2027-01-31T23:59:59Z"),
    ("2027-01-31T23:59:59.1230000Z", "2027-01-31T23:59:59.123Z"),
    ("2027-01-31T23:59:59.0000000Z", "2027-01-31T23:59:59Z"),
    ("2027-01-31T23:59:59.12345678Z", "2027-01-31T23:59:59.1234567Z"),
    ("2027-01-31T23:59:59+00:00", "2027-01-31T23:59:59Z"),
    ("2027-01-31T23:59:59-0000", "2027-01-31T23:59:59Z"),
    ("2027-01-31T23:59:59+02:00", "2027-01-31T21:59:59Z"),
    ("2027-01-31", "2027-01-31T00:00:00Z"),
    ("soon", "soon"),
    ("0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"),
    ("9999-12-31T23:59:59-02:00", "9999-12-31T23:59:59-02:00"),
])  # fmt: skip
def test_expiry_has_the_services_own_form(written, form):
    assert canonical.expiry_text(written) == form
    assert canonical.encode_properties(replace(ONE, expires_on=written))["expiresOn"] == form
    assert canonical.equivalent(replace(ONE, expires_on=written), replace(ONE, expires_on=form))


def test_instants_round_to_text_and_back():
    east = datetime(2027, 1, 31, 1, 2, 3, 120_000, tzinfo=timezone(timedelta(hours=2)))
    assert canonical.instant_text(east) == "2027-01-30T23:02:03.12Z"
    assert canonical.instant(canonical.instant_text(east)) == east
    assert canonical.instant("2027-01-31T23:59:59.12345678Z") == datetime(2027, 1, 31, 23, 59, 59, 123456, tzinfo=UTC)
    assert canonical.instant("2027-01-31") == datetime(2027, 1, 31, tzinfo=UTC)
    assert canonical.instant("") is None
    assert canonical.instant("soon") is None


@pytest.mark.parametrize(("end", "over"), [
    ("2026-11-20T12:00:00Z", True), ("2026-11-20T12:00:01Z", False), ("2026-11-20T11:59:59Z", True), ("", False), ("soon", False),
])  # fmt: skip
def test_expired_at_the_very_instant(end, over):
    assert canonical.has_expired(replace(ONE, expires_on=end), NOW) is over


def test_selectors_mean_the_same_in_any_order_and_case():
    turned = ResourceSelector(
        "other",
        (
            Selector(kind="RESOURCETYPE", values=("X",)),
            Selector(kind="resourceLocation", values=("EastUS", "westeurope", "eastus")),
        ),
    )
    assert canonical.folded_selectors((WEST, TYPE)) == canonical.folded_selectors((TYPE, turned))
    assert canonical.folded_selectors((WEST,)) != canonical.folded_selectors((TYPE,))
    negated = replace(TYPE, selectors=(replace(TYPE.selectors[0], negated=False),))
    assert canonical.folded_selectors((TYPE,)) != canonical.folded_selectors((negated,))
    assert not canonical.equivalent(replace(ONE, selectors=(WEST,)), replace(ONE, selectors=(replace(WEST, name="v"),)))
    assert canonical.equivalent(replace(ONE, selectors=(WEST, TYPE)), replace(ONE, selectors=(TYPE, WEST)))


texts = st.sampled_from(["", "a", "A", "b"])
anything = st.builds(
    Exemption,
    id=st.just(ONE.id),
    assignment=st.sampled_from([ONE.assignment, arm_id(ONE.assignment.text.upper()), RG]),
    category=st.sampled_from(["Waiver", "waiver", "Mitigated"]),
    reference_ids=st.lists(st.sampled_from(["a", "A", "b"]), max_size=3).map(tuple),
    display_name=texts,
    description=texts,
    expires_on=st.sampled_from(["", "2027-01-31T00:00:00Z", "2027-01-31T00:00:00.000Z", "2027-02-01T00:00:00Z"]),
    selectors=st.lists(st.sampled_from([WEST, TYPE, replace(WEST, name="v")]), max_size=2).map(tuple),
    validation=st.sampled_from(["", "Default", "default", "DoNotValidate"]),
    metadata=st.dictionaries(st.sampled_from(["a", "revision", "createdBy"]), texts, max_size=2),
    extra=st.dictionaries(st.sampled_from(["later"]), st.sampled_from(["", None, 1]), max_size=1),
)


@given(anything, anything)
def test_same_and_the_fingerprint_agree(one, other):
    folds = [canonical.comparable(each) for each in (one, other)]
    assert canonical.equivalent(one, other) == (folds[0] == folds[1])
    assert (fingerprint("t", "o", one, None) == fingerprint("t", "o", other, None)) == canonical.equivalent(one, other)


@given(anything)
def test_what_a_saved_plan_carries_has_the_same_fingerprint(one):
    before = canonical.fold(canonical.encode_properties(one))
    assert fingerprint_of("T", "o", one.id.text, before, None) == fingerprint("t", "o", one, None)


def test_a_fingerprint_holds_tenant_owner_id_action_and_both_sides():
    other = replace(ONE, description="other")
    seen = {
        fingerprint("t", "o", None, ONE), fingerprint("t2", "o", None, ONE), fingerprint("t", "o2", None, ONE),
        fingerprint("t", "o", ONE, None), fingerprint("t", "o", ONE, other), fingerprint("t", "o", other, ONE),
        fingerprint("t", "o", None, live("two", references=("b", "A"))),
    }  # fmt: skip
    assert len(seen) == 7
    assert fingerprint("T", "o", None, ONE) == fingerprint("t", "o", None, ONE)
    assert all(len(each) == 64 for each in seen)


def test_a_digest_knows_no_order():
    assert digest(["a", "b"]) == digest(["b", "a"]) != digest(["a"])
    assert digest([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


def test_azures_letters_of_a_scope_validation_void_no_approval():
    one, echoed = (replace(ONE, validation=text) for text in ("DoNotValidate", "donotvalidate"))
    assert canonical.equivalent(one, echoed)
    assert canonical.comparable(one) == canonical.comparable(echoed)
