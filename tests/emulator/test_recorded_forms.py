"""Forms that public recordings of Azure have, as small cases of our own: status and names, in the order of the wire."""

import contoso
import emulated
import pytest
from contoso import CORP, GROUP, ONE

LOCK = f"{GROUP}/providers/Microsoft.Authorization/locks/keep"
TAGS = f"{GROUP}/providers/Microsoft.Resources/tags/default"
PINE = "/providers/Microsoft.Management/managementGroups/pine"
ROLES = f"{CORP}/providers/Microsoft.Authorization/roleAssignments"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
PERSON = "aaaa0000-0000-4000-8000-000000000001"
ROLE = {"properties": {"roleDefinitionId": READER, "principalId": PERSON}}

CASES = [
    ("PUT", LOCK, "2016-09-01", {"properties": {"level": "ReadOnly"}}, 201, "properties.level id type name"),
    ("GET", LOCK, "2016-09-01", None, 200, "properties.level id type name"),
    (
        "PUT",
        LOCK,
        "2016-09-01",
        {"properties": {"level": "CanNotDelete", "notes": "ask"}},
        200,
        "properties.level properties.notes id type name",
    ),
    ("DELETE", LOCK, "2016-09-01", None, 200, ""),
    ("PUT", TAGS, "2022-09-01", {"properties": {"tags": {"a": "1"}}}, 200, "id name type properties.tags.a"),
    (
        "PATCH",
        TAGS,
        "2022-09-01",
        {"operation": "Merge", "properties": {"tags": {"b": "2"}}},
        200,
        "id name type properties.tags.a properties.tags.b",
    ),
    ("DELETE", TAGS, "2022-09-01", None, 200, ""),
    (
        "PATCH",
        GROUP,
        "2022-09-01",
        {"tags": {"c": ""}},
        200,
        "id name type location tags.c properties.provisioningState",
    ),
    ("PUT", PINE, "2021-04-01", {"properties": {"displayName": "Pine"}}, 202, "id type name status"),
    ("DELETE", PINE, "2021-04-01", None, 202, "id type name status"),
    (
        "PUT",
        f"{ROLES}/{PERSON}",
        "2022-04-01",
        ROLE,
        201,
        None,
    ),
    ("DELETE", f"{ROLES}/{PERSON}", "2022-04-01", None, 200, None),
    ("HEAD", f"{ONE}/resourcegroups/none", "2022-09-01", None, 404, ""),
]


def paths(value, prefix=""):
    """The names of all leaves."""
    if isinstance(value, dict) and value:
        return [path for name, part in value.items() for path in paths(part, f"{prefix}{name}.")]
    return [prefix.rstrip(".")]


@pytest.fixture(scope="module")
def arm():
    person = {"objectId": PERSON, "name": "pine@contoso.example", "type": "User", "roles": []}
    with emulated.running(contoso.tenant(principals=[person])) as azure:
        yield emulated.Client(azure, "11111111-1111-4111-8111-111111111111")


@pytest.mark.parametrize(("method", "path", "version", "body", "status", "names"), CASES)
def test_a_recorded_form(arm, method, path, version, body, status, names):
    answer = arm.request(method, path, body, version=version)
    assert answer.status == status, answer.body
    if names:
        assert paths(answer.json) == names.split()
    if names == "":
        assert answer.body == b""
