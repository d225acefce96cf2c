"""Reads a folder of recorded exchanges with Azure, and says what a tenant must hold for one of them to be possible."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconciler import catalog

LISTS = {
    "policyexemptions": "policyExemptions",
    "policyassignments": "policyAssignments",
    "policydefinitions": "policyDefinitions",
    "policysetdefinitions": "policySetDefinitions",
    "assessmentmetadata": "assessmentMetadata",
    "roledefinitions": "roleDefinitions",
    "roleassignments": "roleAssignments",
}
"""Types whose objects a tenant file takes as an answer shows them."""

ALWAYS_CREATED = {
    "policyassignments",
    "policydefinitions",
    "policysetdefinitions",
    "roledefinitions",
    "roleassignments",
}
"""Types that answer 201 also to an update."""

GUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
HOST = "https://management.azure.com"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One exchange of the recording `source`: `target` is path and query as sent, bodies are parsed where they are JSON, headers folded."""

    name: str
    source: str
    method: str
    target: str
    sent: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def path(self) -> str:
        """The path without doubled slashes, decoded."""
        return urllib.parse.unquote("/" + self.target.partition("?")[0].strip("/"))

    @property
    def kind(self) -> str:
        """The folded name of the last type in the path."""
        segments = self.path.lower().strip("/").split("/")
        behind = len(segments) - 1 - segments[::-1].index("providers") if "providers" in segments else -2
        own = segments[behind + 2 :]
        return own[(len(own) - 1) // 2 * 2] if own else segments[-1]


def recorded(folder: Path) -> list[Recorded]:
    """Every exchange below a folder, in the order of the files."""
    files = [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.yaml"))]
    return [each for file in files for each in (_of_json(file) if file.suffix == ".json" else _of_yaml(file))]


def _of_json(file: Path) -> list[Recorded]:
    return [
        _exchange(
            f"{file.stem} {number}", entry["source"], entry["request"], entry["response"]["status"], entry["response"]
        )
        for number, entry in enumerate(json.loads(file.read_text(encoding="utf-8"))["interactions"])
    ]


def _of_yaml(file: Path) -> list[Recorded]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    exchanges = yaml.load(file.read_text(encoding="utf-8"), loader)["interactions"]
    found = []
    for number, entry in enumerate(exchanges):
        response = entry["response"]
        headers = {name: ",".join(values) for name, values in response["headers"].items()}
        answer = {"headers": headers, "body": response["body"]["string"]}
        found.append(
            _exchange(f"{file.stem} {number}", file.stem, entry["request"], response["status"]["code"], answer)
        )
    return found


def _exchange(name: str, source: str, request: dict[str, Any], status: int, response: dict[str, Any]) -> Recorded:
    headers = response.get("headers") or {}
    return Recorded(
        name=name,
        source=source,
        method=request["method"],
        target=request["uri"].removeprefix(HOST),
        sent=parsed(request.get("body")),
        status=status,
        headers={key.lower(): value for key, value in headers.items()},
        body=parsed(response.get("body")),
    )


def parsed(body: Any) -> Any:
    """A body that is JSON, parsed; another as it stands, and None for an empty one."""
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return body or None


def tenant_for(one: Recorded, earlier: list[Recorded]) -> dict[str, Any]:
    """The smallest tenant in which the exchange can end as recorded, told from its path, its body and its answer.

    What an earlier exchange of the same recording makes is not there yet: it is asked again first.
    """
    content: dict[str, Any] = {
        name: [] for name in (*LISTS.values(), "resources", "locks", "principals", "policyStates", "assessments")
    }
    for each in [*earlier, one]:
        made = (
            any(other.path.lower() == each.path.lower() for other in earlier[: earlier.index(each)])
            if each is not one
            else (any(other.path.lower() == one.path.lower() for other in earlier))
        )
        _context(content, each)
        if not made:
            _own_objects(content, each)
        content["principals"] += [caller(each), *_named(each)]
    text = json.dumps([[each.path, each.sent, each.body] for each in [*earlier, one]])
    _hierarchy(content, text, {name for each in [*earlier, one] for name in _created_groups(each)})
    for name in LISTS.values():
        content[name] = list({row["id"].lower(): row for row in content[name]}.values())
    content["principals"] = list({row["objectId"]: row for row in content["principals"]}.values())
    return content


def caller(one: Recorded) -> dict[str, Any]:
    """Who sent the request: the answer of a write says so, by object id, by name or by both."""
    text = json.dumps(one.body)
    if one.kind == "roleassignments" and one.method == "GET":
        first = one.body["value"][0]["properties"]
        return {"objectId": first["principalId"], "name": first["principalId"], "type": "User", "roles": []}
    ids = re.findall(r'"updatedBy": "([^"]+)"', text) + re.findall(r'"createdBy": "([^"@]+)"', text) + [NOBODY]
    names = re.findall(r'"lastModifiedBy": "([^"]+)"', text) + ids
    is_user = '"lastModifiedByType": "User"' in text
    if not is_user and GUID.fullmatch(names[0]):
        ids = names
    return {"objectId": ids[0], "name": names[0], "type": "User" if is_user else "Application"}


_CATALOGUE = catalog.load()
BUILT_IN = {*_CATALOGUE.policies, *_CATALOGUE.initiatives}
NOBODY = "11111111-1111-4111-8111-111111111111"
SET = "/providers/Microsoft.Authorization/policySetDefinitions/of-the-recordings"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/of-the-recordings"


def _hierarchy(content: dict[str, Any], text: str, created: set[str]) -> None:
    """Management groups one below the other as they are named, subscriptions in the last."""
    roots = re.findall(r'"(?:tenantId|tenant)": "([0-9a-f-]{36})"', text)
    if roots:
        content["tenantId"] = roots[0]
    named = re.findall(r'"managementGroups": \["([^"]+)"', text) + re.findall(
        r"(?i)(?<!\"Microsoft.Management/)managementGroups/([\w.-]+)", text
    )
    names = list({name.lower(): name for name in named}.values())
    names = [name for name in names if name.lower() not in created and name not in roots]
    content["managementGroups"] = [
        {"name": name, "parent": parent} for name, parent in zip(names, [None, *names], strict=False)
    ]
    if roots:
        title = "Tenant Root Group" if "Tenant Root Group" in text else "Root Management Group"
        content["managementGroups"].append({"name": roots[0], "displayName": title, "parent": None})
    asked = re.findall(r'"subscriptions": \[([^\]]*)\]', text)
    subscriptions = sorted({*re.findall(r"(?i)/subscriptions/([0-9a-f-]{36})", text), *GUID.findall("".join(asked))})
    place = {"managementGroup": names[-1]} if names else {}
    titles = re.findall(r'"type": "[^"]*/subscriptions", "properties": \{"displayName": "([^"]*)"', text)
    title = {"displayName": titles[0]} if titles else {}
    content["subscriptions"] = [{"id": each, **place, **title} for each in subscriptions]


def _created_groups(one: Recorded) -> list[str]:
    is_new = one.method == "PUT" and one.kind == "managementgroups" and one.status in {201, 202}
    return [one.path.lower().rsplit("/", 1)[-1]] if is_new else []


def _context(content: dict[str, Any], one: Recorded) -> None:
    """What the path stands on, and what the request refers to."""
    scope = one.path.rpartition("/providers/")[0] if one.kind != "resourcegroups" else ""
    scope = re.sub(r"(?i)/providers/microsoft\.authorization/.*", "", scope).replace(
        "/resourcegroups/", "/resourceGroups/"
    )
    if scope.count("/") > 3 and not any(str(each).lower() == scope.lower() for each in content["resources"]):
        content["resources"].append(scope)
    properties = one.sent.get("properties", {}) if isinstance(one.sent, dict) else {}
    assignment = properties.get("policyAssignmentId")
    references = properties.get("policyDefinitionReferenceIds")
    if assignment and assignment.lower() not in {row["id"].lower() for row in content["policyAssignments"]}:
        members = [{"policyDefinitionId": POLICY, "policyDefinitionReferenceId": name} for name in references or ()]
        content["policyDefinitions"].append({"id": POLICY, "properties": {"policyRule": {}}})
        content["policySetDefinitions"].append({"id": SET, "properties": {"policyDefinitions": members}})
        target = SET if references else POLICY
        content["policyAssignments"].append({"id": assignment, "properties": {"policyDefinitionId": target}})
    definition = properties.get("policyDefinitionId", "")
    if definition and definition.lower() not in BUILT_IN:
        family = "policySetDefinitions" if "policysetdefinitions" in definition.lower() else "policyDefinitions"
        references = [
            each["policyDefinitionReferenceId"]
            for each in properties.get("nonComplianceMessages", ())
            if "policyDefinitionReferenceId" in each
        ]
        members = [{"policyDefinitionId": POLICY, "policyDefinitionReferenceId": name} for name in references]
        content["policyDefinitions"].append({"id": POLICY, "properties": {"policyRule": {}}})
        content[family].append({"id": definition, "properties": {"policyRule": {}, "policyDefinitions": members}})


def _own_objects(content: dict[str, Any], one: Recorded) -> None:
    """The objects that were there before, as the answer shows them."""
    rows = one.body.get("value", one.body.get("data")) if isinstance(one.body, dict) else None
    shown = rows if isinstance(rows, list) else [one.body] if isinstance(one.body, dict) else []
    is_update = one.kind == "policyassignments" and '"updatedBy": "' in json.dumps(one.body)
    was_there = one.method != "PUT" or one.status == 200 or is_update
    if one.status >= 300 or not was_there:
        return
    if one.kind == "resources":
        shown = [_in_an_asked_subscription(row, one.sent) for row in shown if isinstance(row, dict)]
    for row in shown:
        if isinstance(row, dict) and "policyAssignmentId" in row:
            _policy_states(content, row)
        if one.kind == "resources" and "$skipToken" in one.body and isinstance(row, dict):
            content["resources"] += [f"{row['id']}{number}" for number in range(9)]
        for part in row.get("policyAssignments", ()) if isinstance(row, dict) else ():
            _policy_states(content, part)
        if isinstance(row, dict) and str(row.get("id", "")).count("/") > 3:
            _seed(content, row)
    if one.method == "DELETE" and one.kind == "locks":
        scope, _, name = one.path.rpartition("/providers/")
        content["locks"].append({"scope": scope, "name": name.rsplit("/", 1)[-1], "level": "CanNotDelete"})
    if one.kind == "resourcegroups" and one.path.count("/") == 4 and one.status in {200, 202, 204}:
        body = one.body if isinstance(one.body, dict) else {"id": one.path.replace("resourcegroups", "resourceGroups")}
        content["resources"].append({"location": "westus", **body})


def _policy_states(content: dict[str, Any], row: dict[str, Any]) -> None:
    """What makes a row of policy states possible; those of a summary name no resource."""
    assignment, initiative = row["policyAssignmentId"], row.get("policySetDefinitionId")
    policy = row.get("policyDefinitionId") or POLICY
    resource = row.get("resourceId") or assignment.rpartition("/providers/")[0]
    content["policyDefinitions"].append({"id": policy, "properties": {"policyRule": {}}})
    assigned = policy
    if initiative or "policyDefinitions" in row:
        assigned = initiative or SET
        member = {"policyDefinitionId": policy, "policyDefinitionReferenceId": "r", "groupNames": ["g"]}
        content["policySetDefinitions"].append({"id": assigned, "properties": {"policyDefinitions": [member]}})
    content["policyAssignments"].append({"id": assignment, "properties": {"policyDefinitionId": assigned}})
    content["policyStates"].append(
        {"resourceId": resource, "policyDefinitionId": policy, "complianceState": "NonCompliant"}
    )


def _in_an_asked_subscription(row: dict[str, Any], sent: Any) -> dict[str, Any]:
    """A row of Resource Graph where it was found: recordings hide the subscription in the row, not in the request."""
    asked = (sent.get("subscriptions") or [NOBODY])[0]
    return {**row, "id": re.sub(r"(?<=/subscriptions/)[0-9a-f-]{36}", asked, str(row.get("id", "")))}


def _seed(content: dict[str, Any], row: dict[str, Any]) -> None:
    kind = row["id"].lower().rsplit("/", 2)[-2]
    if kind in LISTS:
        content[LISTS[kind]].append(row)
    elif kind == "resourcegroups" or (
        "/resourcegroups/" in row["id"].lower() and "/microsoft.security/" not in row["id"].lower()
    ):
        content["resources"].append(row)
    elif kind == "assessments":
        content["assessments"].append(row)
    elif kind == "locks":
        properties = row["properties"]
        lock = {"scope": row["id"].rpartition("/providers/")[0], "name": row["name"], "level": properties["level"]}
        content["locks"].append(lock | {key: properties[key] for key in ("notes",) if key in properties})


def _named(one: Recorded) -> list[dict[str, Any]]:
    text = json.dumps([one.sent, one.body])
    kinds = dict(re.findall(r'"principalId": "([0-9a-f-]{36})", "principalType": "(\w+)"', text))
    names = sorted(set(re.findall(r'"principalId": "([0-9a-f-]{36})"', text)))
    return [
        {"objectId": name, "name": name, "roles": [], "type": "User" if kinds.get(name) == "User" else "Application"}
        for name in names
    ]
