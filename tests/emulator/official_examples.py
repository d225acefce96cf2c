"""Every official example is answered as it declares, or refused as not modelled: part of `make test-spec`.

A tenant is made for each example from what it says: the subscriptions, groups and resources that it names, the objects
that its answers show, and what those refer to.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import emulated
import openapi
import pytest

EXAMPLES = openapi.examples(Path(os.environ["SPECS"])) if "SPECS" in os.environ else []
GUID = "00000000-0000-4000-8000-000000000001"
LISTS = {
    "policyexemptions": "policyExemptions",
    "policyassignments": "policyAssignments",
    "policydefinitions": "policyDefinitions",
    "policysetdefinitions": "policySetDefinitions",
    "assessments": "assessments",
    "assessmentmetadata": "assessmentMetadata",
    "standardassignments": "standardAssignments",
    "securitystandards": "securityStandards",
    "roleassignments": "roleAssignments",
    "roledefinitions": "roleDefinitions",
}
REFUSALS = {"NotModelled", "UnsupportedQueryOption", "ResourceTypeNotSupported", "HttpMethodNotSupported"}
"""How what is not modelled is answered."""

NOT_MODELLED = {
    "AuthorizationOperations_": "lists of a provider's operations",
    "Operations_": "lists of a provider's operations",
    "CheckNameAvailability": "whether a name is free",
    "DenyAssignments_": "deny assignments stand, but are not listed",
    "Deployments_": "templates are not deployed",
    "Governance": "governance rules and assignments",
    "HierarchySettings_": "settings of the hierarchy",
    "PolicyEvents_": "nothing to compute events from",
    "PolicyStates_ListQueryResultsForResource": "components of resources, details of evaluations",
    "Pricings_": "plans of single resources, bundles",
    "ProviderResourceTypes_List": "where a provider's types are offered",
    "Providers_ProviderPermissions": "permissions of a provider's application",
    "ResourceGroups_ExportTemplate": "templates are not exported",
    "StartTenantBackfill": "the start of a hierarchy",
    "SubAssessments_": "findings below assessments",
    "TenantBackfillStatus": "the start of a hierarchy",
}
"""Operations, by how their names begin, that are refused, or some of whose examples are: with what is not modelled."""

OUT_OF_REACH = {
    "Providers_Get": "its provider does not exist",
    "PolicySetDefinitions_CreateOrUpdateAtManagementGroup": "its policies stand at a subscription below the group",
    "RoleDefinitions_CreateOrUpdate": "its body has no properties",
    "RoleDefinitions_GetById": "its id is no id",
    "PolicyStates_NextLink": "its path is a continuation",
    "PolicyEvents_NextLink": "its path is a continuation",
}
"""Examples that say of themselves too little, or what cannot be."""


def objects_of(value):
    """Every ARM object in an answer."""
    if isinstance(value, list):
        return [item for part in value for item in objects_of(part)]
    if not isinstance(value, dict):
        return []
    own = [value] if str(value.get("id", "")).startswith("/") and isinstance(value.get("properties"), dict) else []
    return own + [item for part in value.values() for item in objects_of(part)]


def parameters_in(value):
    """The names of all parameters that a body sets."""
    if isinstance(value, list):
        return [name for part in value for name in parameters_in(part)]
    if not isinstance(value, dict):
        return []
    own = list(value["parameters"]) if isinstance(value.get("parameters"), dict) else []
    return own + [name for part in value.values() for name in parameters_in(part)]


def tenant_of(example):
    """What must be there for the example to be possible."""
    text = json.dumps([example.path, example.body, example.responses])
    content = {"subscriptions": [{"id": GUID}], "resources": [], "policySetDefinitions": [], "policyAssignments": []}
    names = set(re.findall(r"managementGroups/([\w.-]+)", text))
    names |= set(re.findall(r'"([^"]+)"', "".join(re.findall(r'"managementGroups": \[([^\]]*)\]', text))))
    content["managementGroups"] = [{"name": name, "parent": None} for name in sorted(names)]
    scope = example.path.rpartition("/providers/")[0]
    if scope.count("/") > 3 and "/subscriptions/" in "/" + scope and "/microsoft.authorization/" not in scope.lower():
        content["resources"].append("/" + scope.strip("/"))
    shows = [item for status, body in example.responses.items() if status.startswith("2") for item in objects_of(body)]
    for item in shows:
        kind = str(item["id"]).lower().rsplit("/", 2)[-2]
        if kind in LISTS and example.method != "PUT":
            content.setdefault(LISTS[kind], []).append({"id": item["id"], "properties": item["properties"]})
    kind = example.path.lower().rsplit("/", 2)[-2]
    if kind in {"standardassignments", "securitystandards"} and example.method == "GET":
        content[LISTS[kind]] = [{"id": example.path, "properties": shows[0]["properties"]}]  # their ids are others
    references = sorted(set(re.findall(r'"policyDefinitionReferenceIds?": \[?([^\]}]*)', text)))
    members = sorted({name for part in references for name in re.findall(r'"([^"]+)"', part)} - {"in", "value"})
    for identifier in sorted(set(re.findall(r'"policyAssignmentId": "([^"]+)"', text))):
        if identifier not in [item["id"] for item in content["policyAssignments"]]:
            content["policyAssignments"].append({"id": identifier, "properties": {"policyDefinitionId": SET}})
    policies = [{"policyDefinitionId": POLICY, "policyDefinitionReferenceId": name} for name in members]
    content["policySetDefinitions"].append({"id": SET, "properties": {"policyDefinitions": policies}})
    content.setdefault("policyDefinitions", []).append({"id": POLICY, "properties": {"policyRule": {}}})
    for identifier in sorted(set(re.findall(r'"policyDefinitionId": "([^"]+)"', text))):
        family = "policySetDefinitions" if "policysetdefinitions" in identifier.lower() else "policyDefinitions"
        if identifier.lower() not in [item["id"].lower() for item in content[family]] + [SET.lower(), POLICY.lower()]:
            values = {
                "policyRule": {},
                "parameters": {key: {"defaultValue": ""} for key in parameters_in(example.body)},
            }
            content[family].append({"id": re.sub(r"/versions/.*", "", identifier), "properties": values})
    if example.path.lower().count("/") == 4 and "/resourcegroups/" in example.path.lower() and example.method != "PUT":
        content["resources"].append(example.path)
    if "/locks/" in example.path and example.method != "PUT":
        lock = {"scope": scope, "name": example.path.rsplit("/", 1)[-1], "level": "ReadOnly"}
        content["locks"] = [lock]
    if "/assessments/" in example.path:
        metadata = {
            "name": example.path.rsplit("/", 1)[-1],
            "properties": {"displayName": "x", "assessmentType": "CustomerManaged"},
        }
        content["assessmentMetadata"] = [metadata]
        benchmark = f"/subscriptions/{GUID}/providers/Microsoft.Authorization/policyAssignments/benchmark"
        content["policyAssignments"].append({"id": benchmark, "properties": {"policyDefinitionId": BENCHMARK}})
    if "/managementGroups/" in example.path and "/subscriptions/" in example.path:
        content["subscriptions"][0]["managementGroup"] = re.findall(r"managementGroups/([^/]+)", example.path)[0]
    principals = sorted(set(re.findall(r'"principalId": "([^"]+)"', text)))
    content["principals"] = [{"objectId": PIPELINE, "name": "pipeline"}]
    kinds = dict(re.findall(r'"principalId": "([^"]+)", "principalType": "([^"]+)"', text))
    content["principals"] += [
        {"objectId": name, "name": name, "type": "User" if kinds.get(name) == "User" else "Application"}
        for name in principals
    ]
    for identifier in sorted(set(re.findall(r'"roleDefinitionId": "([^"]+)"', text))):
        role = {"roleName": identifier[-12:], "type": "CustomRole", "assignableScopes": ["/"], "permissions": []}
        content.setdefault("roleDefinitions", []).append({"id": identifier, "properties": role})
    return content


BENCHMARK = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
ROLE = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
PIPELINE = "11111111-1111-4111-8111-111111111111"
SET = "/providers/Microsoft.Authorization/policySetDefinitions/of-the-examples"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/of-the-examples"


def adapted(example):
    """The example with one well-formed subscription in the place of its own."""
    text = json.dumps([example.path, example.query, example.body, example.responses])
    text = re.sub(r"(?<=/subscriptions/)[^/\"? ]+", GUID, text)
    text = re.sub(r'"subscriptions": \[[^\]]*\]', f'"subscriptions": ["{GUID}"]', text)
    text = text.replace("/scope/", f"/subscriptions/{GUID}/")
    path, query, body, responses = json.loads(text)
    path = path.replace("roleDefinitionId", ROLE)
    path = "/" + re.sub(r"(?<=subscriptions/)[^/]+", GUID, path.strip("/"))
    return openapi.Example(example.name, example.method, path, query, body, responses)


def outcome(example):
    """The status, and the code of an error."""
    with emulated.running(tenant_of(example)) as cloud:
        version = example.query.get("api-version", "2022-09-01")
        options = {name[1:]: text for name, text in example.query.items() if name.startswith("$")}
        answer = emulated.Client(cloud).request(example.method, example.path, example.body, version=version, **options)
    return answer.status, answer.code if answer.body and b'"error"' in answer.body else "", answer.body


@pytest.fixture(scope="module")
def refused():
    """The entries of `NOT_MODELLED` that an example met."""
    return set()


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_an_official_example(example, refused):
    status, code, body = outcome(adapted(example))
    operation = example.name.split(" ", 1)[0]
    if "$skipToken" in json.dumps(example.body):
        pytest.skip("its continuation was given out elsewhere")
    if operation in OUT_OF_REACH or "facet" in example.name.lower():
        pytest.skip(OUT_OF_REACH.get(operation, "facets are not modelled"))
    reasons = [reason for name, reason in NOT_MODELLED.items() if operation.startswith(name)]
    if code in REFUSALS and reasons:
        refused.update(name for name in NOT_MODELLED if operation.startswith(name))
        pytest.skip(f"not modelled: {reasons[0]}")
    assert str(status) in example.responses, f"{example.method} {example.path}: {status} {body[:300]}"


def test_the_list_of_what_is_not_modelled_is_true(refused):
    assert refused == set(NOT_MODELLED)
