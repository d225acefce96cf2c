"""Whatever is sent is answered or refused in Azure's form: no fault of the emulator's own, and a refusal changes nothing."""

import copy
import json
import urllib.parse

import contoso
import emulated
import pytest
from contoso import (
    ASSIGNMENT,
    AUTHORIZATION,
    CORP,
    DATABASE,
    GROUP,
    INITIATIVE,
    ONE,
    POLICIES,
    ROOT,
    SERVER,
    exemption_id,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator import routes
from reconciler.emulator.versions import KNOWN

KEY = "21300918-b2e3-0346-785f-c77ff57d243b"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
SELECTORS = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
RULE = {"if": {"field": "type", "equals": "Microsoft.Sql/servers"}, "then": {"effect": "audit"}}
MEMBER = {"policyDefinitionId": POLICIES[0], "policyDefinitionReferenceId": "a", "groupNames": ["g"], "parameters": {}}
BODIES = {
    "policyexemptions": {
        "policyAssignmentId": ASSIGNMENT,
        "policyDefinitionReferenceIds": ["Rule1"],
        "exemptionCategory": "Waiver",
        "expiresOn": "2031-01-01T00:00:00Z",
        "metadata": {"a": 1},
        "resourceSelectors": SELECTORS,
        "assignmentScopeValidation": "Default",
    },
    "policyassignments": {
        "policyDefinitionId": INITIATIVE,
        "notScopes": [GROUP],
        "parameters": {"p": {"value": 1}},
        "nonComplianceMessages": [{"message": "m", "policyDefinitionReferenceId": "Rule1"}],
        "overrides": [{"kind": "policyEffect", "value": "Disabled", "selectors": []}],
        "resourceSelectors": SELECTORS,
    },
    "policydefinitions": {"policyRule": RULE, "metadata": {"version": "1.0.0"}, "parameters": {}, "version": "1.0.0"},
    "policysetdefinitions": {"policyDefinitions": [MEMBER], "policyDefinitionGroups": [{"name": "g"}]},
    "locks": {"level": "ReadOnly", "notes": "n"},
    "roledefinitions": {"roleName": "r", "assignableScopes": [ONE], "permissions": [{"actions": ["*/read"]}]},
    "roleassignments": {"roleDefinitionId": READER, "principalId": "11111111-1111-4111-8111-111111111111"},
    "managementgroups": {"displayName": "X", "details": {"parent": {"id": ROOT}}},
    "tags": {"tags": {"a": "b"}},
    "assessmentmetadata": {
        "displayName": "d",
        "severity": "High",
        "assessmentType": "CustomerManaged",
        "threats": ["x"],
    },
}
"""Properties that are right, for some types; the others get a resource's."""

DEEP: list = []
for _ in range(200):
    DEEP = [DEEP]
ODD = [
    None,
    0,
    -1,
    2**70,
    1e308,
    True,
    "",
    "x",
    "x" * 2000,
    "/",
    "2031-13-45",
    "0001-01-01",
    [],
    [None],
    ["x"],
    {},
    {"": 1},
    DEEP,
]
PLACES = ["", ROOT, CORP, ONE, GROUP, SERVER, DATABASE, ASSIGNMENT, INITIATIVE, exemption_id(SERVER), f"{ONE}x", "/x"]
NAMES = ["x", KEY, "default", "latest", "waived", "a b", "..", "x" * 300, "%00", "\u00e9", "'", "VirtualMachines"]
OPTIONS = [{}, {}, {"filter": "atScope()"}, {"filter": "(("}, {"filter": "x eq 'y'"}, {"top": "0"}, {"top": "\u00b2"}, {"skiptoken": "LTU="},
           {"skiptoken": "x"}, {"expand": "x"}, {"from": "x"}, {"orderby": "x"}, {"select": "x"}, {"apply": "x"}, {"odd": "x"}]  # fmt: skip


@pytest.fixture(scope="module")
def arm():
    with emulated.running(contoso.tenant(policyExemptions=[contoso.seeded(SERVER, "waived")])) as azure:
        client = emulated.Client(azure)
        client.azure = azure
        yield client


def places_in(value, path=()):
    """The path of every part of a body."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in pairs:
        yield (*path, name)
        yield from places_in(part, (*path, name))


@st.composite
def bodies(draw, right):
    """A body of which some parts are odd or gone."""
    body = copy.deepcopy({"location": "westeurope", "tags": {"a": "b"}, "properties": right})
    for _ in range(draw(st.integers(0, 3))):
        *above, last = draw(st.sampled_from(list(places_in(body)) or [("x",)]))
        part = body
        for name in above:
            part = part[name]
        if isinstance(part, dict) and draw(st.booleans()) and draw(st.booleans()):
            part.pop(last, None)
        else:
            part[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return body


@st.composite
def requests(draw):
    kind, is_collection = draw(st.sampled_from(sorted(routes.TYPES)))
    namespace, *types = kind.split("/")
    path = draw(st.sampled_from(PLACES)) + f"/providers/{namespace}"
    for number, name in enumerate(types):
        is_named = number < len(types) - 1 or not is_collection
        path += f"/{name}" + (f"/{draw(st.sampled_from(NAMES))}" if is_named else "")
    verbs = [*routes.TYPES[kind, is_collection], *routes.TYPES[kind, is_collection], "PATCH", "POST", "DELETE"]
    verb = draw(st.sampled_from(verbs))
    versions = KNOWN.get("/".join((namespace, *types[:1])), ("2022-09-01",))
    body = draw(bodies(BODIES.get(types[-1], {"x": 1}))) if verb in {"PUT", "PATCH", "POST"} else None
    return verb, path, body, draw(st.sampled_from(versions)), draw(st.sampled_from(OPTIONS))


@given(requests())
@settings(max_examples=200, deadline=None)
def test_any_request_is_answered_or_refused(arm, request):
    verb, path, body, version, options = request
    before = json.dumps(arm.azure.dump(), sort_keys=True) if verb not in {"GET", "POST"} else ""
    query = {"api-version": version} | {f"${name}": text for name, text in options.items()}
    target = f"{urllib.parse.quote(path, safe='/%')}?{urllib.parse.urlencode(query, safe='$()')}"
    answer = arm.request(verb, target, body)
    assert answer.status < 500, answer.body
    if answer.body:
        json.loads(answer.body, parse_constant=pytest.fail)
    if answer.status >= 400:
        assert answer.body or verb == "HEAD"
        if before:
            assert json.dumps(arm.azure.dump(), sort_keys=True) == before, "refused, and changed all the same"
    elif verb == "PUT" and answer.status in {200, 201} and AUTHORIZATION.lower() in path.lower():
        assert arm.request("GET", target.partition("?")[0] + f"?api-version={version}").status == 200
