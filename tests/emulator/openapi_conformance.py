"""Every answer against the published OpenAPI of its version: `make test-spec SPECS=FOLDER`.

Not collected with the other tests, since it needs Microsoft's specifications, which are not in this repository.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from pathlib import Path

import contoso
import emulated
import openapi
import pytest
from contoso import AUTHORIZATION, CORP, DATABASE, ONE, ROOT, SERVER, exemption_id, exemptions_of, waiver
from defended import TDE, finding, mcsb

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
MCSB = f"{AUTHORIZATION}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
SELECTORS = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
ASSESSMENT = {
    "id": f"{SERVER}/providers/Microsoft.Security/assessments/21300918-b2e3-0346-785f-c77ff57d243b",
    "properties": {
        "status": {"code": "Unhealthy"},
        "displayName": "x",
        "resourceDetails": {"source": "Azure", "id": SERVER},
    },
}


@pytest.fixture(scope="module")
def specifications():
    return openapi.Specifications(Path(os.environ["SPECS"]))


@pytest.fixture
def ask(specifications, start):
    """`ask(method, path, version, body)` sends a request and holds the answer against the specification."""
    assignments = [*contoso.tenant()["policyAssignments"], mcsb()]
    own = {"displayName": "x", "severity": "Low", "assessmentType": "BuiltIn", "policyDefinitionId": ""}
    cloud = start(
        policyAssignments=assignments,
        assessmentMetadata=[{"name": ASSESSMENT["id"].rsplit("/", 1)[-1], "properties": own}],
        assessments=[ASSESSMENT, finding(DATABASE)],
        principals=[READER],
        limits={"policyExemptionsPerScope": 3},
    )
    clients = {None: emulated.Client(cloud), READER["name"]: emulated.Client(cloud, READER["name"])}

    def request(method, path, version, body=None, *, expect, who=None, **query):
        answer = clients[who].request(method, path, body, version=version, **query)
        assert answer.status == expect, answer.body
        check_headers(answer)
        operation = specifications.find(method, path, version)
        assert operation, f"no operation for {method} {path} in {version}"
        found = openapi.problems(operation, answer.status, json.loads(answer.body) if answer.body else None)
        assert not found, "\n".join(found)
        return answer

    return request


def check_headers(answer):
    """What every answer of Azure has, and the form of an error."""
    for name in ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id", "date"):
        assert answer.headers.get(name), f"no header {name}"
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert bool(answer.body) is answer.headers.get("content-type", "").startswith("application/json")
    if answer.status == 202:
        assert answer.headers["location"]
        assert answer.headers["retry-after"].isdecimal()
    if answer.status >= 400:
        error = {name.lower(): part for name, part in answer.json.items()}["error"]
        code = error.get("code", error.get("Code"))
        assert code.isalnum()
        assert code[0].isupper()
        assert error.get("message", error.get("Message"))


READER = {
    "objectId": "aaaaaaaa-0000-4000-8000-000000000001",
    "name": "reader@contoso.example",
    "type": "User",
    "roles": [{"role": "Reader", "scope": ONE}],
}

EXEMPTION_VERSIONS = ["2020-07-01-preview", "2022-07-01-preview", "2026-01-01-preview"]


@pytest.mark.parametrize("version", EXEMPTION_VERSIONS)
def test_exemptions(ask, version):
    path = exemption_id(SERVER)
    full = waiver(
        policyDefinitionReferenceIds=["Rule1"],
        displayName="d",
        description="e",
        expiresOn="2031-01-01",
        metadata={"a": 1},
        resourceSelectors=SELECTORS,
        assignmentScopeValidation="Default",
        exemptionManagementMode="Admin",
    )
    ask("PUT", path, version, {"properties": full}, expect=201)
    ask("PUT", path, version, {"properties": waiver()}, expect=200)
    if version > "2022":
        ask("PATCH", path, version, {"properties": {"resourceSelectors": SELECTORS}}, expect=200)
    ask("GET", path, version, expect=200)
    for scope in (ONE, contoso.GROUP, SERVER, ROOT):
        ask("GET", exemptions_of(scope), version, expect=200)
    ask("GET", exemptions_of(ONE), version, expect=200, filter="atScope()")
    ask("DELETE", path, version, expect=200)
    ask("DELETE", path, version, expect=204)


@pytest.mark.parametrize("version", EXEMPTION_VERSIONS)
def test_refusals_of_exemptions(ask, version):
    ask("GET", exemption_id(SERVER), version, expect=404)
    ask("PUT", exemption_id(SERVER), version, {"properties": {}}, expect=400)
    ask(
        "PUT",
        exemption_id(ROOT),
        version,
        {"properties": waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT)},
        expect=400,
    )
    ask("PUT", exemption_id(SERVER), version, {"properties": waiver()}, expect=403, who=READER["name"])
    ask("GET", exemption_id(f"{ONE}/resourceGroups/none"), version, expect=404)
    for name in "abc":
        ask("PUT", exemption_id(SERVER, name), version, {"properties": waiver()}, expect=201)
    ask("PUT", exemption_id(SERVER, "d"), version, {"properties": waiver()}, expect=409)


def test_assignments(ask):
    version, path = "2023-04-01", f"{ONE}{AUTHORIZATION}/policyAssignments/new"
    body = {
        "identity": {"type": "SystemAssigned"},
        "location": "westeurope",
        "properties": {
            "policyDefinitionId": MCSB,
            "displayName": "New",
            "description": "d",
            "metadata": {"a": 1},
            "notScopes": [contoso.GROUP],
            "parameters": {"p": {"value": 1}},
            "enforcementMode": "DoNotEnforce",
            "nonComplianceMessages": [{"message": "m"}],
            "resourceSelectors": SELECTORS,
            "overrides": [{"kind": "policyEffect", "value": "Disabled"}],
        },
    }
    ask("PUT", path, version, body, expect=201)
    ask("GET", path, version, expect=200)
    ask("PATCH", path, version, {"location": "northeurope", "properties": {"overrides": []}}, expect=200)
    for scope in (ONE, contoso.GROUP, SERVER, CORP):
        ask("GET", f"{scope}{AUTHORIZATION}/policyAssignments", version, expect=200)
    ask("DELETE", path, version, expect=200)
    ask("DELETE", path, version, expect=204)
    ask("GET", path, version, expect=404)
    ask("PUT", path, version, {"properties": {"policyDefinitionId": "/nowhere"}}, expect=400)


@pytest.mark.parametrize("scope", [ONE, ROOT])
def test_definitions(ask, scope):
    version = "2023-04-01"
    policy = f"{scope}{AUTHORIZATION}/policyDefinitions/mine"
    rule = {"if": {"field": "type", "equals": "x"}, "then": {"effect": "audit"}}
    ask(
        "PUT",
        policy,
        version,
        {"properties": {"policyRule": rule, "displayName": "d", "metadata": {"a": 1}}},
        expect=201,
    )
    ask("PUT", policy, version, {"properties": {"policyRule": rule}}, expect=201)
    ask("GET", policy, version, expect=200)
    ask("GET", policy.rsplit("/", 1)[0], version, expect=200)
    initiative = f"{scope}{AUTHORIZATION}/policySetDefinitions/mine"
    ask("PUT", initiative, version, {"properties": {"policyDefinitions": [{"policyDefinitionId": policy}]}}, expect=201)
    ask("GET", initiative, version, expect=200)
    ask("GET", initiative.rsplit("/", 1)[0], version, expect=200)
    for path in (initiative, policy):
        ask("DELETE", path, version, expect=200)
        ask("DELETE", path, version, expect=204)
        ask("GET", path, version, expect=404)


def test_built_in_definitions(ask):
    version = "2023-04-01"
    for path in (MCSB, f"{AUTHORIZATION}/policySetDefinitions"):
        ask("GET", path, version, expect=200)
    policy = f"{AUTHORIZATION}/policyDefinitions/0a914e76-4921-4c19-b460-a2d36003525a"
    for path in (policy, f"{AUTHORIZATION}/policyDefinitions"):
        ask("GET", path, version, expect=200)


def test_management_groups(ask):
    version, groups = "2021-04-01", "/providers/Microsoft.Management/managementGroups"
    ask("GET", groups, version, expect=200)
    ask("GET", ROOT, version, expect=200)
    ask("GET", ROOT, version, expect=200, expand="children", recurse="true")
    ask("GET", ROOT, version, expect=200, expand="path")
    ask("GET", ROOT, version, expect=200, expand="ancestors")
    ask("GET", f"{ROOT}/descendants", version, expect=200)
    ask("GET", f"{ROOT}/descendants", version, expect=200, top="1")
    ask("GET", f"{CORP}/subscriptions", version, expect=200)
    ask("GET", f"{CORP}/subscriptions/{ONE.split('/')[2]}", version, expect=200)
    ask("PUT", f"{ROOT}/subscriptions/{ONE.split('/')[2]}", version, expect=200)
    ask("DELETE", f"{ROOT}/subscriptions/{ONE.split('/')[2]}", version, expect=200)
    ask("POST", "/providers/Microsoft.Management/getEntities", version, expect=200)
    ask("PUT", f"{groups}/lab", version, {"properties": {"details": {"parent": {"id": ROOT}}}}, expect=202)
    ask("PATCH", f"{groups}/lab", version, {"displayName": "Laboratory"}, expect=200)
    ask("DELETE", f"{groups}/lab", version, expect=202)
    ask("DELETE", f"{groups}/lab", version, expect=204)
    ask("GET", f"{groups}/nowhere", version, expect=404)


@pytest.mark.parametrize("form", ["objectArray", "table"])
def test_resource_graph(ask, form):
    body = {"query": "resources | project id, name, tags", "options": {"$top": 1, "resultFormat": form}}
    first = ask("POST", GRAPH, "2022-10-01", body, expect=200).json
    body["options"]["$skipToken"] = first["$skipToken"]
    ask("POST", GRAPH, "2022-10-01", body, expect=200)
    ask("POST", GRAPH, "2022-10-01", {"query": "where where"}, expect=400)


def test_secure_score_and_plans(ask):
    security, version = f"{ONE}/providers/Microsoft.Security", "2020-01-01"
    for path in ("secureScores", "secureScores/ascScore", "secureScoreControls", "secureScoreControlDefinitions"):
        ask("GET", f"{security}/{path}", version, expect=200)
    for path in ("secureScoreControls", "secureScores/ascScore/secureScoreControls"):
        ask("GET", f"{security}/{path}", version, expect=200, expand="definition")
    ask("GET", "/providers/Microsoft.Security/secureScoreControlDefinitions", version, expect=200)
    version = "2024-01-01"
    ask("GET", f"{security}/pricings", version, expect=200)
    ask("PUT", f"{security}/pricings/CloudPosture", version, {"properties": {"pricingTier": "Standard"}}, expect=200)
    ask("GET", f"{security}/pricings/Dns", version, expect=200)


def test_security(ask):
    version = "2021-06-01"
    metadata = "/providers/Microsoft.Security/assessmentMetadata"
    key = "21300918-b2e3-0346-785f-c77ff57d243b"
    for path in (metadata, f"{ONE}{metadata}", f"{metadata}/{key}", f"{ONE}{metadata}/{key}"):
        ask("GET", path, version, expect=200)
    ask("GET", f"{metadata}/00000000-0000-0000-0000-000000000000", version, expect=404)
    ask("GET", f"{ONE}/providers/Microsoft.Security/assessments", version, expect=200)
    ask("GET", ASSESSMENT["id"], version, expect=200)
    ask("GET", f"{DATABASE}/providers/Microsoft.Security/assessments/{TDE}", version, expect=200, expand="metadata")
    assessment = {"properties": {"resourceDetails": {"source": "Azure"}, "status": {"code": "Healthy"}}}
    ask("PUT", f"{ONE}/providers/Microsoft.Security/assessments/{key}", version, assessment, expect=200)
    ask("DELETE", f"{ONE}/providers/Microsoft.Security/assessments/{key}", version, expect=200)
    ask("DELETE", f"{ONE}/providers/Microsoft.Security/assessments/{key}", version, expect=204)
    own = {"displayName": "Ours", "description": "d", "severity": "High", "assessmentType": "CustomerManaged"}
    ask("PUT", f"{ONE}{metadata}/8f211ea8-777b-45c4-8631-776d535afd62", version, {"properties": own}, expect=200)
    ask("DELETE", f"{ONE}{metadata}/8f211ea8-777b-45c4-8631-776d535afd62", version, expect=200)


def test_links_stay_on_loopback(ask):
    answer = ask("GET", f"{AUTHORIZATION}/policyDefinitions", "2023-04-01", expect=200)
    assert urllib.parse.urlsplit(answer.json["nextLink"]).hostname == "127.0.0.1"
