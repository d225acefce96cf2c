"""Answers that are not Resource Manager's: each is a fault that names where it came from, none is believed."""

import json

import pytest
from interposed import Reply
from tenants import GROUP, MCSB, exemption, subscription, tenant

from reconciler.arm.objects import decode_exemption
from reconciler.azure.api_versions import Api
from reconciler.model import arm_id
from reconciler.problems import AzureError

CORP = f"{GROUP}corp"
AT_CORP = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/mcsb"
LIST = f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions"
ASSIGNMENTS = f"{subscription(0)}/providers/Microsoft.Authorization/policyAssignments"
EXEMPTION = exemption(subscription(0), "one", AT_CORP)
DEEP = b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def raw(text):
    return Reply(200, text if isinstance(text, bytes) else json.dumps(text).encode())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"value": [], "nextLink": "https://h:abc/"}, "nextLink 'https://h:abc/'"),
        ({"value": [], "nextLink": "https://[::1/"}, "nextLink 'https://[::1/'"),
        ({"value": [], "nextLink": 5}, "nextLink 5"),
        ({"value": [], "nextLink": ["https://x/"]}, "nextLink ['https://x/']"),
        ({"value": [], "nextLink": "//x"}, "nextLink '//x'"),
        ({}, "value is missing"),
        ({"value": {}}, "value: a list is expected, not an object"),
        ({"value": "text"}, "value: a list is expected, not a string"),
        ({"value": [None, 1, "text"]}, "value: a list of objects is expected"),
        ([], "an object is expected"),
        (5, "an object is expected"),
        (DEEP, "nested more than 60 deep"),
        (b'{"value": [], "value": []}', 'says "value" twice'),
        (b'{"value": [], "n": ' + b"9" * 5_000 + b"}", "5,000 digits"),
        (b'{"value": NaN}', "NaN"),
        (b"\xff", "not valid UTF-8"),
        ({"value": [{"id": 5}]}, "id: a string is expected, not a number"),
        ({"value": [{"name": "x"}]}, "id is missing"),
        ({"value": [{**EXEMPTION, "properties": "text"}]}, "properties: an object is expected"),
        ({"value": [{**EXEMPTION, "properties": {"policyAssignmentId": 5}}]}, "policyAssignmentId: a string"),
        ({"value": [{**EXEMPTION, "properties": {"exemptionCategory": {}}}]}, "exemptionCategory: a string"),
        (
            {"value": [{**EXEMPTION, "properties": {"policyDefinitionReferenceIds": "a"}}]},
            "policyDefinitionReferenceIds",
        ),
        ({"value": [{**EXEMPTION, "properties": {"policyDefinitionReferenceIds": [5]}}]}, "a list of strings"),
        ({"value": [{**EXEMPTION, "properties": {"metadata": [1]}}]}, "metadata: an object"),
        ({"value": [{**EXEMPTION, "properties": {"resourceSelectors": [5]}}]}, "resourceSelectors: a list of objects"),
        ({"value": [{**EXEMPTION, "systemData": {"createdAt": 5}}]}, "createdAt: a string"),
    ],
)
def test_a_list_that_is_none_leaves_its_scope_unread_and_says_which_list(interrupted, body, says):
    with interrupted() as (door, azure):
        door.answer = lambda seen: raw(body) if seen.path == LIST else None
        snapshot = azure.reader().snapshot(azure.settings)
    [unread] = snapshot.unread
    assert (unread.what, unread.scope.text) == ("exemptions", subscription(0))
    assert says in unread.message
    assert LIST.lower() in unread.message.lower() or subscription(0) in unread.message
    assert unread.remedy


def test_an_assignment_of_another_shape_leaves_its_scope_unread(interrupted):
    odd = {"value": [{"id": AT_CORP, "properties": {"overrides": [{"selectors": [{"in": 5}]}]}}]}
    with interrupted() as (door, azure):
        door.answer = lambda seen: raw(odd) if seen.path == ASSIGNMENTS else None
        [unread] = azure.reader().snapshot(azure.settings).unread
    assert (unread.what, unread.message.endswith("in: a list is expected, not a number")) == ("assignments", True)


@pytest.mark.parametrize(
    "body", [{"id": 5}, {"id": MCSB, "properties": {"policyDefinitions": [{"policyDefinitionId": 5}]}}, [], DEEP]
)
def test_an_initiative_of_another_shape_is_unread_and_holds_its_assignment(interrupted, body):
    with interrupted() as (door, azure):
        door.answer = lambda seen: raw(body) if seen.path == MCSB else None
        snapshot = azure.reader().snapshot(azure.settings)
    assert [unread.what for unread in snapshot.unread] == [MCSB]
    assert MCSB in snapshot.unread[0].message
    assert snapshot.initiatives == {}


@pytest.mark.parametrize(
    "value", [{"id": 5}, {"id": subscription(0), "properties": 5}, {"id": "x", "properties": {"parent": "y"}}]
)
def test_descendants_of_another_shape_are_unread(interrupted, value):
    with interrupted() as (door, azure):
        door.answer = lambda seen: raw({"value": [value]}) if seen.path.endswith("/descendants") else None
        snapshot = azure.reader().snapshot(azure.settings)
    assert [unread.what for unread in snapshot.unread] == ["descendants"]
    assert f"{CORP}/descendants" in snapshot.unread[0].message


@pytest.mark.parametrize("path", ["getEntities", "ResourceGraph", "policyAssignments/stray"])
@pytest.mark.parametrize("body", [{"value": [5]}, {"value": [{"id": 5}], "data": 5}, {"data": [{"id": 5}]}, [], DEEP])
def test_no_other_answer_ends_a_read(interrupted, path, body):
    stray = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/stray"
    content = tenant(policyExemptions=[exemption(subscription(0), "one", stray)])
    with interrupted(content, subscription(0)) as (door, azure):
        door.answer = lambda seen: raw(body) if path in seen.path else None
        snapshot = azure.reader().snapshot(azure.settings)
    assert len(snapshot.exemptions) == 1


@pytest.mark.parametrize(
    "body", [{"id": 5}, {**EXEMPTION, "id": f"{LIST}/other"}, {**EXEMPTION, "properties": []}, [], DEEP, b"<html>"]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_writer_that_is_answered_something_else_has_no_answer(interrupted, method, body):
    with interrupted() as (door, azure):
        door.answer = lambda seen: raw(body) if seen.method == method else None
        writer = azure.writer(whole=frozenset({f"{LIST}/one".lower()}))
        request = {
            "GET": lambda: writer.read(arm_id(f"{LIST}/one")),
            "PUT": lambda: writer.put(decode_exemption(EXEMPTION)),
        }[method]
        with pytest.raises(AzureError) as failed:
            request()
    assert failed.value.status == 0, "the engine settles it by reading"
    assert f"{LIST}/one" in failed.value.message


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 399])
def test_a_redirect_is_a_fault_and_is_not_followed(interrupted, status):
    with interrupted() as (door, azure):
        location = f"{door.endpoint}{LIST}?api-version=2020-07-01-preview"
        door.answer = lambda seen: (
            Reply(status, None, {"Location": location}) if seen.path == LIST and "2020" not in seen.query else None
        )
        with pytest.raises(AzureError, match=r"with a redirect to https://127\.0\.0\.1.*not followed") as failed:
            azure.client.pages(LIST, Api.EXEMPTIONS)
        assert (failed.value.status, failed.value.code) == (status, "Redirect")
        assert "HTTPS_PROXY" in failed.value.remedy
        assert len([seen for seen in door.seen if seen.path == LIST]) == 1
        door.answer = lambda _: Reply(status)
        with pytest.raises(
            AzureError, match=f"Azure answered {LIST} with a redirect to an address that it does not name,"
        ):
            azure.client.pages(LIST, Api.EXEMPTIONS)
