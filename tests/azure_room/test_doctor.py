"""`exempt doctor`: names what is missing, where, and how to grant it; its roles are enough and no more than needed."""

import contextlib
import dataclasses
import json
import os

import pytest
from emulated import Client, exempt, running
from interposed import Drop, Reply, error
from tenants import GROUP, assignment, exemption, subscription, tenant

from reconciler.arm import canonical
from reconciler.azure.checks import State
from reconciler.azure.doctor import clock_check, run_checks
from reconciler.azure.metadata import read_built_in
from reconciler.azure.rights import WRITE_ACTIONS, Permission, RightsSurvey, Role, missing_actions, role_definitions
from reconciler.azure.session import connect
from reconciler.cli.main import guarded
from reconciler.model import Category, Declaration, Settings, Source, Subject, SubjectKind, arm_id
from reconciler.problems import AzureError

CORP = f"{GROUP}corp"
AT_CORP = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/mcsb"


ROBOT = "0b1ec700-0000-4000-8000-000000000009"


def principal(*roles):
    return {"objectId": ROBOT, "name": "robot", "roles": list(roles)}


def grant(scope, *actions):
    return {"scope": scope, "actions": list(actions)}


def actions_of(role, *scopes):
    [definition] = role_definitions(role, [arm_id(one) for one in scopes or (CORP,)])
    return definition["Actions"]


@pytest.fixture
def doctor(tmp_path, login, capsys, monkeypatch):
    """`doctor(content, *options)`: the checks by name, and the requests they took."""

    def run(content, *options, check, scopes=(CORP,), settings=""):
        with running(content) as cloud:
            login(cloud.env)
            monkeypatch.chdir(tmp_path)
            listed = "".join(f"  - {one}\n" for one in scopes)
            text = f"owner: contoso\ntenantId: {cloud.tenant.id}\nscopes:\n{listed}{settings}"
            (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
            assert guarded(["doctor", "--format", "json", *options]) == check
            return {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}, list(cloud.requests)

    return run


def test_an_identity_with_the_writers_role_passes_with_few_requests(doctor):
    robot = principal(grant(CORP, *actions_of(Role.WRITER)))
    checks, requests = doctor(tenant(principals=[robot]), check=0)
    states = {name: one["state"] for name, one in checks.items()}
    assert states == {
        "identity": "ok", "cloud": "warning", "clock": "ok", "api version": "ok", "reading": "ok", "writers": "warning",
        "writing": "ok", "assignments": "ok", "benchmark": "ok",
    }  # fmt: skip
    assert robot["objectId"] in checks["identity"]["message"]
    assert len([one for one in requests if "/permissions" in one.target]) == 1, "what the root has is inherited"
    assert not any(one.method in {"PUT", "DELETE", "PATCH"} for one in requests)


def test_the_writers_role_is_enough_to_read_and_write_and_the_readers_to_read(login):
    live = exemption(subscription(0), "mine", AT_CORP)
    for role in (Role.READER, Role.WRITER):
        robot = principal(grant(CORP, *actions_of(role)))
        with running(tenant(principals=[robot], policyExemptions=[live])) as cloud:
            login(cloud.env)
            settings = Settings(owner="me", tenant_id=cloud.tenant.id, scopes=(arm_id(CORP),))
            with connect(settings, os.environ) as azure:
                found = azure.reader().snapshot(settings)
                assert found.complete
                if role is Role.WRITER:
                    writer = azure.writer(whole=frozenset({found.exemptions[0].id.key}))
                    assert canonical.equivalent(writer.put(found.exemptions[0]), found.exemptions[0])
                    azure.writer().delete(found.exemptions[0].id)
                    assert cloud.exemptions == {}


OF_THE_TENANT = "/providers/Microsoft.Security/assessmentMetadata"
"""Refused to whoever has no right above the groups; a subscription's list then serves."""


PERMISSIONS = "Microsoft.Authorization/permissions/read"
"""Azure documents it for the permissions that doctor asks; the embedded Azure tells everybody of their own."""


STANDARD = {
    "id": f"{subscription(1)}/providers/Microsoft.Security/standardAssignments/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
    "properties": {
        "effect": "Exempt",
        "exemptionData": {
            "exemptionCategory": "waiver",
            "assignedAssessment": {"assessmentKey": "48fad5ca-f530-41bb-9454-c6002bd1085c"},
        },
    },
}


def everything():
    """A tenant and declarations that make a run read one of each kind, and the run itself: what it was refused."""
    declared_group = f"{subscription(0)}/resourceGroups/rg-data"
    set_id = f"{CORP}/providers/Microsoft.Authorization/policySetDefinitions/house"
    policy = f"{CORP}/providers/Microsoft.Authorization/policyDefinitions/tags"
    member = {"policyDefinitionId": policy, "policyDefinitionReferenceId": "tags"}
    definition = {"policyType": "Custom", "policyRule": {"if": {}, "then": {"effect": "audit"}}}
    content = tenant(
        policyDefinitions=[{"id": policy, "properties": definition}],
        policySetDefinitions=[
            {"id": set_id, "properties": {"version": "2.0.0", "policyType": "Custom", "policyDefinitions": [member]}}
        ],
        policySetDefinitionVersions=[
            {
                "id": f"{set_id}/versions/1.0.0",
                "properties": {"version": "1.0.0", "policyType": "Custom", "policyDefinitions": [member]},
            }
        ],
        policyAssignments=[
            assignment(CORP, "mcsb"),
            assignment(CORP, "house", set_id, definitionVersion="1.*.*"),
            assignment(CORP, "tags", policy),
        ],
        policyExemptions=[exemption(subscription(1), "live", AT_CORP)],
        standardAssignments=[STANDARD],
        resources=[f"{declared_group}/providers/Microsoft.Sql/servers/legacy"],
    )
    declarations = [
        Declaration(
            name=name,
            subject=Subject(kind=kind, value=value),
            scopes=(arm_id(scope),),
            category=Category.WAIVER,
            justification="why",
            owner="team@contoso.example",
            source=Source(f"{name}.yaml"),
        )
        for name, kind, value, scope in (
            ("tags", SubjectKind.ASSIGNMENT, f"{CORP}/providers/Microsoft.Authorization/policyAssignments/tags", CORP),
            ("policy", SubjectKind.POLICY, policy, declared_group),
            ("elsewhere", SubjectKind.POLICY, policy, "/subscriptions/00000000-0000-4000-8000-00000000beef"),
        )
    ]

    def refused(login, actions):
        with running(content | {"principals": [principal(grant(CORP, *actions))]}) as cloud:
            login(cloud.env)
            settings = Settings(owner="me", tenant_id=cloud.tenant.id, scopes=(arm_id(CORP),))
            with connect(settings, os.environ) as azure, contextlib.suppress(AzureError):
                snapshot = azure.reader().snapshot(settings, declarations)
                read_built_in(azure.client, [scope for scope in snapshot.expected if scope.subscription])
                RightsSurvey(azure.client, snapshot, settings.scopes).lacking(WRITE_ACTIONS)
                writer = azure.writer(whole=frozenset(one.id.key for one in snapshot.exemptions))
                for one in snapshot.exemptions:
                    writer.put(one)
                    writer.delete(one.id)
            return sorted({request.target.partition("?")[0] for request in cloud.requests if request.status == 403})

    return refused


def test_the_writers_role_is_refused_nothing(login):
    assert everything()(login, actions_of(Role.WRITER)) == [OF_THE_TENANT]


@pytest.mark.parametrize("action", sorted({*actions_of(Role.WRITER)} - {PERMISSIONS}))
def test_no_action_of_the_writers_role_is_asked_for_in_vain(login, action):
    """Without any one of them Azure refuses something that a run asks; wildcards grant what nobody reviewed."""
    assert "*" not in action
    refused = everything()(login, [one for one in actions_of(Role.WRITER) if one != action])
    assert [path for path in refused if path != OF_THE_TENANT]


def test_a_repository_without_writers_is_told_the_line(doctor):
    robot = principal(grant(CORP, *actions_of(Role.WRITER)))
    checks, _ = doctor(tenant(principals=[robot]), check=0)
    assert checks["writers"]["remedy"].endswith(f"add to reconciler.yaml: writers: [{ROBOT}]")
    ours, _ = doctor(tenant(principals=[robot]), check=0, settings=f"writers: [{ROBOT.upper()}]\n")
    assert ours["writers"]["state"] == "ok"
    other = "00000000-0000-4000-8000-00000000beef"
    others, _ = doctor(tenant(principals=[robot]), check=0, settings=f"writers: [{other}]\n")
    assert others["writers"]["state"] == "warning"
    assert others["writers"]["remedy"].endswith(f"writers: [{other}, {ROBOT}]")


def test_a_reader_that_should_write_is_told_what_is_missing_and_how_to_grant_it(doctor):
    robot = principal({"scope": CORP, "role": "Reader"})
    checks, _ = doctor(tenant(principals=[robot]), check=1)
    assert checks["reading"]["state"] == "ok"
    assert checks["writing"]["state"] == checks["assignments"]["state"] == "failed"
    assert checks["writing"]["message"] == "exemptions cannot be changed at 5 scopes"
    assert [line.split(": ")[0] for line in checks["writing"]["details"]] == checks["writing"]["scopes"]
    assert all("policyExemptions/write, " in line for line in checks["writing"]["details"])
    assert "policyAssignments/exempt/action" in checks["assignments"]["message"]
    assert (
        f'az role assignment create --assignee {ROBOT} --role "Resource Policy Contributor"'
        in checks["writing"]["remedy"]
    )
    assert len(checks["writing"]["scopes"]) == 5


def test_for_a_reader_reading_is_all_that_is_asked(doctor):
    robot = principal({"scope": CORP, "role": "Reader"})
    checks, requests = doctor(tenant(principals=[robot]), "--read-only", check=0)
    assert "writing" not in checks
    assert not any("/permissions" in one.target for one in requests)


def test_rights_granted_further_down_count_where_they_are(doctor):
    """The groups lack what two of the subscriptions have: only the rest is named."""
    writer = actions_of(Role.WRITER)
    robot = principal({"scope": CORP, "role": "Reader"}, *(grant(subscription(number), *writer) for number in (0, 2)))
    checks, _ = doctor(tenant(principals=[robot]), check=1)
    assert checks["writing"]["scopes"] == sorted([CORP, f"{GROUP}landing", subscription(1)], key=str.lower)


def test_an_assignment_above_the_managed_scopes_needs_its_own_right(doctor):
    robot = principal(
        {"scope": CORP, "role": "Reader"}, {"scope": subscription(0), "role": "Resource Policy Contributor"}
    )
    checks, _ = doctor(tenant(principals=[robot]), check=1, scopes=[subscription(0)])
    assert checks["writing"]["state"] == "ok"
    assert (checks["assignments"]["scopes"], checks["assignments"].get("details", [])) == ([CORP], [])
    assert checks["assignments"]["message"].startswith(f"the assignments cannot be exempted from at {CORP}: Microsoft.")
    assert "exempt doctor --role assignment" in checks["assignments"]["remedy"]


def test_of_a_managed_resource_group_only_its_own_rights_are_asked(doctor):
    group = f"{subscription(0)}/resourceGroups/rg"
    robot = principal({"scope": CORP, "role": "Reader"}, grant(group, *actions_of(Role.WRITER)))
    server = f"{group}/providers/Microsoft.Sql/servers/legacy"
    checks, _ = doctor(tenant(principals=[robot], resources=[server]), check=1, scopes=[group])
    assert checks["writing"]["state"] == "ok"
    assert checks["assignments"]["scopes"] == [CORP]


def test_what_cannot_be_read_fails_the_check_and_names_the_scope(doctor):
    robot = principal(grant(CORP, "Microsoft.Management/*/read"), grant(subscription(0), *actions_of(Role.WRITER)))
    checks, _ = doctor(tenant(principals=[robot]), check=1)
    assert checks["reading"]["state"] == "failed"
    assert subscription(1) in checks["reading"]["scopes"]
    assert "az role assignment create" in checks["reading"]["remedy"]


def test_subscriptions_without_the_benchmark_are_named(doctor):
    content = tenant(policyAssignments=[assignment(subscription(1), "mcsb")])
    checks, _ = doctor(content, check=0)
    assert checks["benchmark"]["state"] == "warning"
    assert checks["benchmark"]["scopes"] == [subscription(0), subscription(2)]
    assert "az policy assignment create" in checks["benchmark"]["remedy"]


def test_an_identity_of_another_tenant_is_the_only_check_and_fails(tmp_path):
    text = f"owner: contoso\ntenantId: dddddddd-0000-4000-8000-000000000000\nscopes:\n  - {CORP}\n"
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    with running() as cloud:
        done = exempt(cloud, "doctor", cwd=tmp_path, check=[1])
    assert done.stdout.splitlines()[0].startswith("failed  identity")
    assert "reconciler.yaml manages tenant" in done.stdout
    assert "1 check failed" in done.stderr


def test_a_declared_management_group_reminds_of_defenders_own_right(doctor, tmp_path):
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "exemptions" / "wide.yaml").write_text(
        f"name: wide\npolicySetDefinition: 1f3afdf9-d0c9-4c3d-847f-89da613e70a8\nscopes:\n  - {CORP}\ncategory: Waiver\n"
        "justification: for a test\nowner: me@contoso.example\n",
        encoding="utf-8",
    )
    checks, _ = doctor(tenant(), check=0)
    assert checks["defender"]["state"] == "unknown"
    assert checks["defender"]["scopes"] == [CORP]
    assert f"--role Reader --scope {CORP}" in checks["defender"]["remedy"]


def test_the_text_form_says_the_same(tmp_path):
    text = "owner: contoso\ntenantId: {}\nscopes:\n  - {}\n"
    with running(tenant()) as cloud:
        (tmp_path / "reconciler.yaml").write_text(text.format(cloud.tenant.id, CORP), encoding="utf-8")
        done = exempt(cloud, "doctor", cwd=tmp_path, check=[0])
    assert [row.split()[1] for row in done.stdout.splitlines() if row[:1].strip()] == [
        "identity", "cloud", "clock", "api", "reading", "writers", "writing", "assignments", "benchmark",
    ]  # fmt: skip
    assert done.stderr == "nothing failed\n"
    assert cloud.token() not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("skew", "state"),
    [
        (0, State.OK),
        (-59, State.OK),
        (61, State.WARNING),
        (-299, State.WARNING),
        (301, State.FAILED),
        (-9999, State.FAILED),
    ],
)
def test_a_clock_is_judged_by_what_entra_tolerates(skew, state):
    assert clock_check(skew).state is state
    if state is not State.OK:
        direction = "ahead of" if skew > 0 else "behind"
        assert clock_check(skew).message.startswith(f"this machine's clock is {abs(skew)} s {direction} Azure's; ")
        assert clock_check(skew).remedy == "synchronise it (NTP)"


def test_roles_print_without_asking_azure(tmp_path):
    scopes = f"  - {CORP}\n  - {GROUP}other\n  - {subscription(0)}\n"
    text = f"owner: contoso\ntenantId: dddddddd-0000-4000-8000-000000000000\nscopes:\n{scopes}"
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    with running() as cloud:
        done = exempt(cloud, "doctor", "--role", "writer", cwd=tmp_path, check=[0])
        assert cloud.requests == []
    roles = json.loads(done.stdout)
    assert [one["AssignableScopes"] for one in roles] == [[CORP], [f"{GROUP}other"], [subscription(0)]]
    assert len({one["Name"] for one in roles}) == 3
    assert "one management group" in done.stderr


def test_a_single_root_makes_a_single_role(tmp_path):
    [role] = role_definitions(Role.READER, [arm_id(CORP)])
    assert role["Name"] == "Exempt Reader"
    assert role_definitions(Role.ASSIGNMENT, [arm_id(one) for one in (subscription(1), subscription(2))]) == [
        {
            "Name": "Exempt From Assignments",
            "IsCustom": True,
            "Description": "May exempt from the policy assignments at a scope; for assignments above the managed scopes.",
            "Actions": ["Microsoft.Authorization/policyAssignments/exempt/action"],
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": [subscription(1), subscription(2)],
        }
    ]
    assert not any(action.endswith(("/write", "/delete", "/action")) for action in role["Actions"])


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [
        ([], ("A/b/write",)),
        ([Permission(("*",))], ()),
        ([Permission(("a/B/*",))], ()),
        ([Permission(("*/write",), ("A/*",))], ("A/b/write",)),
        ([Permission(("*",), ("A/*/write",)), Permission(("A/b/write",))], ()),
        ([Permission(("A/b",))], ("A/b/write",)),
        ([Permission(("A.b/write",))], ("A/b/write",)),
    ],
)
def test_actions_are_matched_as_azure_matches_them(permissions, missing):
    assert missing_actions(permissions, ("A/b/write",)) == missing


def test_the_permissions_api_and_a_real_write_agree(login):
    """What doctor says of a scope is what Azure then does there."""
    robot = principal(
        {"scope": subscription(0), "role": "Resource Policy Contributor"}, {"scope": CORP, "role": "Reader"}
    )
    with running(tenant(principals=[robot])) as cloud:
        caller = Client(cloud, "robot")
        allowed = caller.get(f"{subscription(0)}/providers/Microsoft.Authorization/permissions").json["value"]
        found = [Permission(tuple(one["actions"]), tuple(one["notActions"])) for one in allowed]
        assert missing_actions(found, ("Microsoft.Authorization/policyExemptions/write",)) == ()
        refused = caller.put(f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions/x", {
            "policyAssignmentId": AT_CORP, "exemptionCategory": "Waiver",
        })  # fmt: skip
        assert refused.code == "LinkedAuthorizationFailed", "written here, but not exempted from there"


def checks_of(azure, environment=()):
    found = []
    run_checks(azure, (), dict(environment), standards=(), read_only=False, on_check=found.append)
    return {one.name: one for one in found}


@pytest.mark.parametrize(
    ("claims", "identity", "writer"),
    [
        ({}, "application unknown, object id unknown", "OBJECT_ID"),
        (
            {"upn": "ann@contoso.example", "oid": "1", "appid": "2"},
            "user ann@contoso.example, object id 1",
            "ann@contoso.example",
        ),
        ({"app_displayname": "robot", "oid": "1", "appid": "2"}, "application robot, object id 1", "1"),
        ({"oid": "1", "appid": "2", "idtyp": "user"}, "user 2, object id 1", "1"),
    ],
)
def test_who_asks_is_said_as_far_as_the_token_says_it(connected, claims, identity, writer):
    with connected() as (cloud, azure):
        found = checks_of(dataclasses.replace(azure, claims=claims))
    assert found["identity"].message == f"{identity}, of tenant {cloud.tenant.id}"
    assert found["writers"].remedy.endswith(f"add to reconciler.yaml: writers: [{writer}]")


def test_without_an_answer_the_clock_and_the_reading_fail_with_the_reason(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda _: Drop()
        azure.client._transport.interrupt()
        found = checks_of(azure)
    assert found["cloud"].state is State.OK, "nothing overrides the endpoint in this environment"
    assert found["clock"].state is found["reading"].state is State.FAILED
    assert found["clock"].message.startswith("Azure does not answer: 127.0.0.1:")
    assert found["reading"].message.startswith("127.0.0.1:")
    assert all("HTTPS_PROXY" in found[name].remedy for name in ("clock", "reading"))
    assert "writing" not in found


def test_an_answer_without_a_date_leaves_the_clock_unknown(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"value": []}) if seen.path == "/tenants" else None
        assert checks_of(azure)["clock"].state is State.UNKNOWN


def test_where_azure_does_not_tell_rights_nothing_is_claimed(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(404, "InvalidResourceType") if "permissions" in seen.path else None
        found = checks_of(azure)
    assert found["writing"].state is found["assignments"].state is State.UNKNOWN
    assert found["writing"].message == f"Azure does not say what is allowed at {CORP}: InvalidResourceType"


def test_rights_in_another_form_are_not_known(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            Reply(200, {"value": [{"actions": 5}]}) if seen.path.endswith("/permissions") else None
        )
        found = checks_of(azure)
    assert found["writing"].state is State.UNKNOWN
    assert f"the list {CORP}/providers/Microsoft.Authorization/permissions: actions" in found["writing"].message


def test_a_cloud_that_lags_behind_or_a_fixed_version_is_said(interrupted):
    with interrupted(None, api_version="2022-07-01-preview") as (_, azure):
        assert "reconciler.yaml says so" in checks_of(azure)["api version"].message


def test_who_declares_what_no_policy_stands_behind_is_told_of_rights_in_defender(doctor, tmp_path):
    declared = (
        "name: alone\nrecommendation: 48fad5ca-f530-41bb-9454-c6002bd1085c\nscopes:\n"
        f"  - {subscription(0)}\ncategory: Waiver\njustification: why\nowner: team@contoso.example\n"
    )
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "exemptions" / "alone.yaml").write_text(declared, encoding="utf-8")
    allowed, _ = doctor(tenant(principals=[principal(grant(CORP, *actions_of(Role.WRITER)))]), check=0)
    assert allowed["defender writing"]["state"] == "ok"
    without = [action for action in actions_of(Role.WRITER) if not action.startswith("Microsoft.Security/standard")]
    refused, _ = doctor(tenant(principals=[principal(grant(CORP, *without))]), check=1)
    assert (refused["writing"]["state"], refused["reading"]["state"]) == ("ok", "failed")
    assert "standard assignments at" in " ".join(refused["reading"]["details"])
    assert len(refused["defender writing"]["scopes"]) == 5
    assert '--role "Security Admin"' in refused["defender writing"]["remedy"]
