"""Law 8 for snapshots: whatever stands anywhere in the file, it is planned from or refused with the place."""

import contextlib
import copy
import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.azure.raw_snapshot import RawSnapshot, ScopeNode
from reconciler.azure.snapshot_file import load_snapshot, snapshot_pieces
from reconciler.catalog.catalogue import load
from reconciler.documents.json_input import JsonInputError
from reconciler.model import Category, Cloud, Declaration, Settings, Source, Subject, SubjectKind, Unread, arm_id
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory

GROUP = arm_id("/providers/Microsoft.Management/managementGroups/corp")
SUBSCRIPTION = arm_id("/subscriptions/5a1e0001-0000-4000-8000-000000000001")
ASSIGNED = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments"
SET = f"{GROUP}/providers/Microsoft.Authorization/policySetDefinitions/house"
POLICY = f"{GROUP}/providers/Microsoft.Authorization/policyDefinitions/tags"
STAMPS = {"createdBy": "a", "createdByType": "User", "createdAt": "2026-01-01T00:00:00Z"}
CATALOGUE = load()
SETTINGS = Settings(owner="contoso", tenant_id="00000000-0000-4000-8000-00000000aaaa", scopes=(GROUP,))
RAW = RawSnapshot(
    tenant_id=SETTINGS.tenant_id,
    cloud=Cloud.PUBLIC,
    taken_at=datetime(2026, 11, 20, tzinfo=UTC),
    nodes=(
        ScopeNode(id=GROUP, name="Corp", expected=True),
        ScopeNode(id=SUBSCRIPTION, name="One", parent=GROUP, expected=True),
    ),
    assignments=(
        {
            "id": f"{ASSIGNED}/house",
            "properties": {
                "policyDefinitionId": SET,
                "displayName": "House",
                "definitionVersion": "1.*.*",
                "notScopes": [f"{SUBSCRIPTION}/resourceGroups/lab"],
                "parameters": {"effect": {"value": "Audit"}},
                "overrides": [
                    {
                        "kind": "policyEffect",
                        "value": "Disabled",
                        "selectors": [{"kind": "policyDefinitionReferenceId", "in": ["b"]}],
                    }
                ],
                "resourceSelectors": [{"name": "s", "selectors": [{"kind": "resourceType", "in": ["x/y"]}]}],
            },
            "systemData": STAMPS,
        },
        {"id": f"{ASSIGNED}/tags", "properties": {"policyDefinitionId": POLICY}},
    ),
    exemptions=(
        {
            "id": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyExemptions/ours",
            "properties": {
                "policyAssignmentId": f"{ASSIGNED}/house",
                "policyDefinitionReferenceIds": ["a"],
                "exemptionCategory": "Waiver",
                "expiresOn": "2027-01-31T23:59:59Z",
                "metadata": {
                    "managedBy": "exempt",
                    "owner": "contoso",
                    "declaration": "legacy",
                    "target": SUBSCRIPTION.text,
                },
                "resourceSelectors": [{"name": "s", "selectors": [{"kind": "resourceType", "in": ["x/y"]}]}],
            },
            "systemData": STAMPS,
        },
    ),
    initiatives=(
        {
            "id": SET,
            "properties": {
                "version": "1.0.0",
                "parameters": {"effect": {"defaultValue": "Audit"}},
                "policyDefinitions": [
                    {
                        "policyDefinitionId": POLICY,
                        "policyDefinitionReferenceId": name,
                        "parameters": {"effect": {"value": "[parameters('effect')]"}},
                    }
                    for name in "ab"
                ],
            },
        },
    ),
    used={f"{ASSIGNED}/house".lower(): 0},
    policies=({"id": POLICY, "properties": {"policyRule": {"then": {"effect": "audit"}}}},),
    unread=(Unread(scope=GROUP, what="descendants", message="no"),),
    exists=frozenset({SUBSCRIPTION.key}),
    versions={"policyExemptions": "2026-01-01-preview"},
)
DOCUMENT = json.loads("".join(snapshot_pieces(replace(RAW, unread=()))))
DECLARATIONS = tuple(
    Declaration(
        name=name,
        subject=Subject(kind=kind, value=value),
        scopes=(SUBSCRIPTION,),
        category=Category.WAIVER,
        justification="because",
        owner="team@contoso.example",
        source=Source(f"exemptions/{name}.yaml"),
    )
    for name, kind, value in (
        ("legacy", SubjectKind.POLICY, POLICY),
        ("tags", SubjectKind.ASSIGNMENT, f"{ASSIGNED}/tags"),
    )
)


def paths_in(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_in(inner, (*path, key))


def with_value(document, path, value):
    document = copy.deepcopy(document)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return document


PATHS = [path for path in paths_in(DOCUMENT) if path]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "/subscriptions/x", "*.*.*"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def plan_from(file):
    snapshot = load_snapshot(file)
    return make_plan(DECLARATIONS, CATALOGUE, snapshot, SETTINGS, NoHistory(), datetime(2026, 11, 20, tzinfo=UTC))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(PATHS), JSON_VALUES)
def test_whatever_stands_anywhere_in_the_file_it_is_planned_from_or_refused(tmp_path, path, value):
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(with_value(DOCUMENT, path, value)), encoding="utf-8")
    with contextlib.suppress(JsonInputError):  # which begins with the file and the place
        plan_from(file)


def test_the_file_as_it_is_makes_a_plan_that_does_something(tmp_path):
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    assert {change.source.file for change in plan_from(file).changes} == {"exemptions/legacy.yaml"}
