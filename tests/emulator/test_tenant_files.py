"""Tenant files: what is accepted, what is said about mistakes, and that a saved state is a tenant file again."""

import json
import re
import urllib.parse
from pathlib import Path

import contoso
import emulated
import jsonschema
import pytest
from contoso import ASSIGNMENT, CORP, GROUP, ONE, SERVER, exemption_id, exemptions_of, seeded, waiver
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator import TenantError, load_tenant
from reconciler.emulator.faults import injection, scripted
from reconciler.emulator.state.roles import ROLES
from reconciler.package_data import schema_path

YAML = """
tenantId: c0ffee00-0000-4000-8000-0000000000aa
managementGroups:
  - {name: contoso, parent: null}
subscriptions:
  - {id: 00000000-0000-4000-8000-000000000001, displayName: one, managementGroup: contoso}
policyExemptions:
  - id: /subscriptions/00000000-0000-4000-8000-000000000001/providers/Microsoft.Authorization/policyExemptions/old
    properties:
      policyAssignmentId: /subscriptions/00000000-0000-4000-8000-000000000001/providers/Microsoft.Authorization/policyAssignments/gone
      exemptionCategory: Waiver
      expiresOn: 2025-01-31T00:00:00Z
    systemData: {createdBy: someone, createdByType: Application, createdAt: 2024-01-01T00:00:00Z}
"""


def test_yaml_dates_stay_text_and_given_system_data_is_kept(tmp_path):
    file = tmp_path / "tenant.yaml"
    file.write_text(YAML)
    with emulated.running(load_tenant(file)) as cloud:
        shown = emulated.Client(cloud).get(exemption_id(ONE, "old")).json
    assert shown["properties"]["expiresOn"] == "2025-01-31T00:00:00Z"
    system = shown["systemData"]
    assert (system["createdBy"], system["createdByType"], system["createdAt"]) == (
        "someone",
        "Application",
        "2024-01-01T00:00:00Z",
    )
    assert (system["lastModifiedBy"], system["lastModifiedAt"]) == ("someone", "2024-01-01T00:00:00Z"), (
        "nobody changed it since"
    )


def test_json_and_an_empty_file_are_tenants_too(tmp_path):
    (tmp_path / "tenant.json").write_text(json.dumps(contoso.tenant()))
    (tmp_path / "empty.yaml").write_text("")
    assert load_tenant(tmp_path / "tenant.json") == contoso.tenant()
    assert load_tenant(tmp_path / "empty.yaml") == {}


def test_the_documented_tenant_is_one(tmp_path):
    documentation = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", documentation, re.DOTALL)
    assert len(blocks) == 2, "the tenant file and its fault injection"
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block.replace("/…/", f"/{ONE.split('/')[2]}/"), encoding="utf-8")
        with emulated.running(load_tenant(file)) as cloud:
            assert emulated.Client(cloud).get("/subscriptions").status == 200


def test_every_mistake_is_named_with_its_place(tmp_path):
    file = tmp_path / "tenant.yaml"
    file.write_text(
        "subscriptions: [{id: x}]\nresources: [no-slash]\ncolour: blue\nlocks: [{scope: /x, level: Open}]\n"
    )
    with pytest.raises(TenantError) as error:
        load_tenant(file)
    text = str(error.value)
    assert [place in text for place in ("$.subscriptions[0].id", "$.resources[0]", "colour", "$.locks[0].level")] == [
        True
    ] * 4


@pytest.mark.parametrize("content", ["{", "- 1", "a: [", "\t"])
def test_files_that_are_no_tenant(tmp_path, content):
    file = tmp_path / "tenant.yaml"
    file.write_text(content)
    with pytest.raises(TenantError, match=r"tenant\.yaml"):
        load_tenant(file)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("tenant.yaml", b"a: \xff", "byte 3 is not valid UTF-8"),
        ("tenant.json", b"\xff\xfe{\x00", "byte 0 is not valid UTF-8"),
        ("tenant.json", b'{"a":\n 1 2}', "not JSON: Expecting ',' delimiter at line 2, column 4"),
        (
            "tenant.yaml",
            b"a:\n  b: c: d",
            "not YAML: mapping values are not allowed in this context at line 2, column 7",
        ),
        ("tenant.yaml", b"a: \x00", "not YAML: the character U+0000 stands at position 3"),
    ],
)
def test_bytes_that_are_no_text_of_the_form_are_placed(tmp_path, name, content, says):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(TenantError) as error:
        load_tenant(file)
    assert str(error.value) == f"{file}: {says}"


def test_a_missing_file(tmp_path):
    with pytest.raises(TenantError, match=r"there is no tenant file '.*none\.yaml'"):
        load_tenant(tmp_path / "none.yaml")
    with pytest.raises(TenantError, match="is a folder, and no tenant file"):
        load_tenant(tmp_path)


def test_groups_and_subscriptions_without_a_parent_hang_below_the_tenants_root():
    content = {"managementGroups": [{"name": "a"}], "subscriptions": [{"id": ONE}]}
    with emulated.running(content) as cloud:
        root = f"/providers/Microsoft.Management/managementGroups/{cloud.tenant.id}"
        found = emulated.Client(cloud).list(f"{root}/descendants")
    assert {each["properties"]["parent"]["id"] for each in found} == {root}


def test_groups_that_are_only_named_exist():
    content = {
        "subscriptions": [{"id": ONE, "managementGroup": "shop"}],
        "managementGroups": [{"name": "a", "parent": "b"}],
    }
    with emulated.running(content) as cloud:
        found = emulated.Client(cloud).list("/providers/Microsoft.Management/managementGroups")
    assert {each["name"] for each in found} == {"a", "b", "shop", cloud.tenant.id}


def test_groups_that_contain_each_other_are_refused():
    content = {"managementGroups": [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}]}
    with pytest.raises(TenantError, match="circle"), emulated.running(content):
        pass


def test_the_root_group_itself_can_be_named():
    content = {"tenantId": contoso.TENANT_ID, "managementGroups": [{"name": contoso.TENANT_ID, "displayName": "Top"}]}
    with emulated.running(content) as cloud:
        groups = emulated.Client(cloud).list("/providers/Microsoft.Management/managementGroups")
    assert [each["properties"]["displayName"] for each in groups] == ["Top"]


def test_what_stands_on_a_scope_lets_it_exist():
    content = {"subscriptions": [{"id": ONE}], "policyExemptions": [seeded(f"{ONE}/resourceGroups/ghost", "left")]}
    with emulated.running(content) as cloud:
        arm = emulated.Client(cloud)
        assert arm.get(exemption_id(f"{ONE}/resourceGroups/ghost", "left")).status == 200
        assert len(arm.list(exemptions_of(ONE))) == 1


def test_the_schema_knows_the_roles_that_the_emulator_knows():
    schema = json.loads(schema_path("tenant").read_text(encoding="utf-8"))
    roles = schema["properties"]["principals"]["items"]["properties"]["roles"]["items"]["properties"]["role"]["enum"]
    assert {each.lower() for each in roles} == set(ROLES)


def test_the_schema_knows_the_faults_that_the_emulator_knows():
    definitions = json.loads(schema_path("tenant").read_text(encoding="utf-8"))["$defs"]
    assert set(definitions["faultInjection"]["properties"]) == injection.FIELDS
    assert set(definitions["fault"]["properties"]) == set(scripted.FIELDS)
    fault = jsonschema.Draft202012Validator({"$ref": "#/$defs/fault", "$defs": definitions})
    values = [None, True, 0, 1, -1, 0.5, 7, 3600, 3601, 199, 200, 599, 600, "", "GET", "x", {}, {"a": 1}, {"a": "b"}, []]  # fmt: skip
    for name in scripted.FIELDS:
        for value in values:
            assert (not scripted.fault_problems({name: value})) == fault.is_valid({name: value}), (name, value)


def test_an_empty_tenant_runs():
    with emulated.running() as cloud:
        assert emulated.Client(cloud).list("/subscriptions") == []


def test_many_emulators_live_side_by_side():
    with emulated.running(contoso.tenant()) as one, emulated.running(contoso.tenant()) as two:
        emulated.Client(one).put(exemption_id(SERVER), waiver())
        assert len(emulated.Client(one).list(exemptions_of(SERVER))) == 1
        assert emulated.Client(two).list(exemptions_of(SERVER)) == []


# --- saved state -------------------------------------------------------------------------------------------------


def check(content):
    jsonschema.Draft202012Validator(json.loads(schema_path("tenant").read_text())).validate(content)


def rich():
    return contoso.tenant(
        policyExemptions=[seeded(GROUP, "a", expiresOn="2031-01-01T00:00:00Z", policyDefinitionReferenceIds=["Rule1"])],
        locks=[{"name": "l", "scope": GROUP, "level": "ReadOnly"}],
        principals=[{"objectId": "aaaaaaaa-0000-4000-8000-000000000001", "roles": [{"role": "Reader"}]}],
        assessmentMetadata=[{"name": "k", "properties": {"displayName": "d"}}],
        policySetDefinitionVersions=[
            {
                "id": f"{contoso.INITIATIVE}/versions/0.9.0",
                "properties": {"policyDefinitions": [{"policyDefinitionId": contoso.POLICIES[0]}]},
            }
        ],
    )


def test_a_saved_state_is_a_tenant_file_that_comes_to_the_same():
    check(rich())
    with emulated.running(rich()) as cloud:
        first = cloud.dump()
    check(first)
    with emulated.running(first) as cloud:
        assert cloud.dump() == first


def test_the_state_carries_what_was_done():
    with emulated.running(contoso.tenant()) as cloud:
        arm = emulated.Client(cloud)
        arm.put(exemption_id(SERVER), waiver(metadata={"a": {"b": 1}}))
        arm.delete(contoso.CORP_ASSIGNMENT)
        arm.request("PUT", f"{CORP}/subscriptions/{contoso.TWO.split('/')[2]}", version="2021-04-01")
        shown = arm.get(exemption_id(SERVER)).json
        saved = cloud.dump()
    with emulated.running(saved) as cloud:
        arm = emulated.Client(cloud)
        assert arm.get(exemption_id(SERVER)).json == shown
        assert arm.get(contoso.CORP_ASSIGNMENT).status == 404
        assert arm.get(ASSIGNMENT).status == 200
        assert len(arm.list(f"{CORP}/subscriptions")) == 2


def test_an_older_version_of_an_initiative_is_kept_with_its_members():
    with emulated.running(emulated_state()) as cloud:
        arm = emulated.Client(cloud)
        assert [each["name"] for each in arm.list(f"{contoso.INITIATIVE}/versions")] == ["1.0.0", "0.9.0"]


def emulated_state():
    with emulated.running(rich()) as cloud:
        return cloud.dump()


# --- laws --------------------------------------------------------------------------------------------------------

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "displayName": st.text(max_size=128),
        "description": st.text(max_size=512),
        "metadata": st.dictionaries(
            st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
        ),
        "policyDefinitionReferenceIds": st.lists(st.sampled_from(["Rule1", "rule2", "RULE3"]), max_size=3),
    },
)


@pytest.fixture(scope="module")
def shared():
    with emulated.running(contoso.tenant()) as cloud:
        yield emulated.Client(cloud)


@given(VALUES)
@settings(max_examples=60, deadline=None)
def test_what_is_put_is_what_is_got_and_listed(shared, values):
    put = shared.put(exemption_id(SERVER), waiver(**values))
    assert put.status in {200, 201}, put.body
    assert put.json["properties"] == waiver(**values)
    assert shared.get(exemption_id(SERVER)).body == put.body
    assert shared.list(exemptions_of(SERVER)) == [put.json]


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_refused_or_accepted_but_always_answered(shared, body):
    assert shared.request("PUT", exemption_id(SERVER, "bytes"), body).status in {201, 200, 400}


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
NAMES = [
    "policyAssignmentId", "policyDefinitionReferenceIds", "exemptionCategory", "displayName", "description", "expiresOn",
    "assignmentScopeValidation", "resourceSelectors", "exemptionManagementMode", "metadata",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), ANY), st.sampled_from(["PUT", "PATCH"]))
@settings(max_examples=80, deadline=None)
def test_any_properties_are_refused_or_accepted_but_always_answered(shared, properties, verb):
    path = exemption_id(SERVER, "any")
    shared.put(path, waiver())
    answer = shared.request(verb, path, {"properties": {**waiver(), **properties}}, version="2026-01-01-preview")
    assert answer.status in {200, 400}, answer.body
    if answer.status == 200:
        assert shared.get(path, version="2026-01-01-preview").json == answer.json
    assert shared.list(exemptions_of(SERVER))


@given(
    st.dictionaries(
        st.sampled_from(
            ["policyDefinitionId", "metadata", "parameters", "notScopes", "definitionVersion", "resourceSelectors"]
        ),
        ANY,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_assignment_is_refused_or_accepted_but_always_answered(shared, properties):
    path = f"{ONE}/providers/Microsoft.Authorization/policyAssignments/any"
    answer = shared.put(path, {"policyDefinitionId": contoso.INITIATIVE, **properties})
    assert answer.status in {201, 400}, answer.body
    assert shared.get(path, expand="LatestDefinitionVersion,EffectiveDefinitionVersion").status in {200, 404}
    shared.delete(path)


@given(
    st.sampled_from(["policyDefinitions", "policySetDefinitions", "locks"]),
    st.dictionaries(
        st.sampled_from(["policyDefinitions", "policyRule", "metadata", "version", "versions", "displayName", "level"]),
        ANY,
    ),
)
@settings(max_examples=60, deadline=None)
def test_any_definition_is_refused_or_accepted_but_always_answered(shared, kind, properties):
    path = f"{contoso.TWO}/providers/Microsoft.Authorization/{kind}/any"
    assert shared.put(path, properties).status in {200, 201, 400, 409}
    assert shared.get(path).status in {200, 404}
    assert shared.delete(path).status in {200, 204}


@given(st.text(max_size=40), st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST", "HEAD"]))
@settings(max_examples=60, deadline=None)
def test_any_path_and_verb_is_answered(shared, tail, verb):
    tail = urllib.parse.quote(tail.encode("utf-8", "replace"), safe="/$&=?")
    for start in (f"{ONE}/providers/Microsoft.Authorization/policyExemptions/", "/providers/", "/", f"{SERVER}/"):
        mark = "&" if "?" in tail else "?"
        path = f"{start}{tail}{mark}api-version=2022-07-01-preview"
        assert shared.request(verb, path, b"{}").status < 500, path


KEYS = [
    "properties",
    "query",
    "options",
    "$top",
    "$skipToken",
    "managementGroups",
    "subscriptions",
    "details",
    "parent",
    "id",
    "location",
    "identity",
]
BODIES = st.dictionaries(st.sampled_from(KEYS), st.one_of(ANY, st.dictionaries(st.sampled_from(KEYS), ANY)))


@given(
    st.sampled_from(
        [
            ("POST", "/providers/Microsoft.ResourceGraph/resources"),
            ("PUT", "/providers/Microsoft.Management/managementGroups/any"),
            ("PATCH", "/providers/Microsoft.Management/managementGroups/corp"),
            ("PATCH", contoso.ASSIGNMENT),
            ("PUT", f"{GROUP}/providers/Microsoft.KeyVault/vaults/any"),
            ("PUT", f"{SERVER}/providers/Microsoft.Security/assessments/651967bf-044e-4bde-8376-3e08e0600105"),
            ("PUT", f"{ONE}/providers/Microsoft.Security/assessmentMetadata/any"),
        ]
    ),
    BODIES,
)
@settings(max_examples=80, deadline=None)
def test_any_body_is_answered(shared, request_line, body):
    assert shared.request(*request_line, body).status < 500


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_query_of_resource_graph_is_answered(shared, query):
    assert shared.request("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": query}).status in {200, 400}
