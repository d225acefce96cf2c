"""Who may do what: tokens, roles, linked access, deny assignments, locks, disabled subscriptions."""

import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import contoso
import emulated
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential
from contoso import ASSIGNMENT, AUTHORIZATION, CORP, GROUP, ONE, ROOT, SERVER, TWO, exemption_id, exemptions_of, waiver

ALICE = "aaaaaaaa-0000-4000-8000-000000000001"
ISSUER = "https://token.contoso.example"
SUBJECT = "repo:contoso/exemptions:environment:production"


def principal(*roles, **more):
    return {"objectId": ALICE, "name": "alice@contoso.example", "type": "User", "roles": list(roles), **more}


def role(name, scope):
    return {"role": name, "scope": scope}


@pytest.fixture
def alice(start):
    """`alice(role, …)` gives a client for a user who has just those roles."""
    return lambda *roles, **more: emulated.Client(start(principals=[principal(*roles)], **more), ALICE)


def refusal(answer):
    return answer.status, answer.code


# --- roles -------------------------------------------------------------------------------------------------------


def test_nobody_reads_without_a_role_and_the_error_says_it_in_azures_words(alice):
    answer = alice().get(exemption_id(SERVER))
    assert refusal(answer) == (403, "AuthorizationFailed")
    assert answer.message == (
        f"The client 'alice@contoso.example' with object id '{ALICE}' does not have authorization to perform action "
        f"'Microsoft.Authorization/policyExemptions/read' over scope '{exemption_id(SERVER)}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )
    assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_a_role_holds_at_its_scope_and_below_only(alice):
    client = alice(role("Reader", GROUP))
    assert client.get(exemptions_of(SERVER)).status == 200
    assert client.get(exemptions_of(GROUP)).status == 200
    assert refusal(client.get(exemptions_of(ONE))) == (403, "AuthorizationFailed")
    assert client.put(exemption_id(SERVER), waiver()).status == 403
    everywhere = alice(role("reader", "/"))
    assert everywhere.get(exemptions_of(ROOT)).status == 200


def test_writing_an_exemption_takes_a_right_on_its_assignment_too(alice):
    client = alice(role("Resource Policy Contributor", ONE))
    answer = client.put(exemption_id(SERVER), waiver())
    assert refusal(answer) == (403, "LinkedAuthorizationFailed")
    assert answer.message == (
        f"The client 'alice@contoso.example' with object id '{ALICE}' has permission to perform action "
        f"'Microsoft.Authorization/policyExemptions/write' on scope '{exemption_id(SERVER)}'; however, it does not have "
        "permission to perform action(s) 'Microsoft.Authorization/policyAssignments/exempt/action' on the linked "
        f"scope(s) '{ASSIGNMENT}' (respectively) or the linked scope(s) are invalid."
    )
    own = waiver(policyAssignmentId=contoso.POLICY_ASSIGNMENT)
    assert client.put(exemption_id(SERVER), own).status == 201
    assert client.delete(exemption_id(SERVER)).status == 200


def test_a_narrow_custom_role_on_the_assignment_is_enough(alice):
    exempt = {"actions": ["Microsoft.Authorization/policyAssignments/exempt/action"], "scope": ASSIGNMENT}
    client = alice(role("Resource Policy Contributor", ONE), exempt)
    assert client.put(exemption_id(SERVER), waiver()).status == 201


def test_not_actions_take_away_from_their_own_grant_only(alice):
    writes = {
        "actions": ["*"],
        "notActions": ["Microsoft.Authorization/policyExemptions/delete"],
        "scope": "/",
    }
    assert alice(writes).delete(exemption_id(SERVER)).status == 403
    other = {"actions": ["microsoft.authorization/policyexemptions/*"], "scope": ONE}
    assert alice(writes, other).delete(exemption_id(SERVER)).status == 204


def test_contributors_do_not_write_policy(alice):
    client = alice(role("Contributor", "/"))
    assert client.put(exemption_id(SERVER), waiver()).status == 403
    assert client.request("PUT", f"{ONE}/resourceGroups/new", {}).status == 201


def test_lists_show_what_one_may_see(alice):
    client = alice(role("Reader", TWO))
    assert [each["id"] for each in client.list("/subscriptions")] == [TWO]
    assert client.get(f"{ROOT}/descendants").status == 403
    assert {each["name"] for each in client.list("/providers/Microsoft.Management/managementGroups")} == {
        contoso.TENANT_ID,
        "contoso",
    }


def test_the_permissions_api_tells_what_one_may_do(alice):
    custom = {"actions": ["a/read"], "notActions": ["a/b/read"], "scope": CORP}
    client = alice(role("Reader", ROOT), custom, role("Owner", TWO))
    shown = client.list(f"{SERVER}{AUTHORIZATION}/permissions", version="2022-04-01")
    assert shown == [
        {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []},
        {"actions": ["a/read"], "notActions": ["a/b/read"], "dataActions": [], "notDataActions": []},
    ]


def test_who_has_no_roles_field_may_do_everything(cloud):
    client = emulated.Client(cloud)
    assert client.list(f"{ONE}{AUTHORIZATION}/permissions")[0]["actions"] == ["*"]


# --- deny assignments, locks, disabled subscriptions ---------------------------------------------------------------


def test_a_deny_assignment_beats_every_role(alice):
    deny = {"name": "managed", "scope": GROUP, "actions": ["*/write", "*/delete"]}
    client = alice(role("Owner", "/"), denyAssignments=[deny])
    answer = client.put(exemption_id(SERVER), waiver())
    assert refusal(answer) == (403, "DenyAssignmentAuthorizationFailed")
    assert "deny assignment with name 'managed'" in answer.message
    assert client.get(exemptions_of(SERVER)).status == 200
    assert client.put(exemption_id(ONE), waiver()).status == 201


def test_a_deny_assignment_spares_whom_it_excludes(alice):
    deny = {"name": "managed", "scope": GROUP, "actions": ["*"], "excludePrincipals": [ALICE]}
    assert alice(role("Owner", "/"), denyAssignments=[deny]).put(exemption_id(SERVER), waiver()).status == 201


def test_a_delete_lock_stops_deletions_below_it(start):
    arm = emulated.Client(start(locks=[{"scope": GROUP, "level": "CanNotDelete"}]))
    assert arm.put(exemption_id(SERVER), waiver()).status == 201
    answer = arm.delete(exemption_id(SERVER))
    assert refusal(answer) == (409, "ScopeLocked")
    assert answer.message == (
        f"The scope '{exemption_id(SERVER)}' cannot perform delete operation because following scope(s) are locked: "
        f"'{GROUP}'. Please remove the lock and try again."
    )


def test_a_read_only_lock_stops_every_write_until_it_is_removed(arm):
    lock = f"{GROUP}{AUTHORIZATION}/locks/frozen"
    assert arm.put(lock, {"level": "ReadOnly"}).status == 201
    assert arm.put(exemption_id(SERVER), waiver()).code == "ScopeLocked"
    assert arm.get(exemptions_of(SERVER)).status == 200
    assert [each["name"] for each in arm.list(f"{SERVER}{AUTHORIZATION}/locks")] == ["frozen"]
    assert arm.delete(lock).status == 200
    assert arm.get(lock).code == "LockNotFound"
    assert arm.put(exemption_id(SERVER), waiver()).status == 201


def test_a_disabled_subscription_can_only_be_read(start):
    guid = ONE.split("/")[2]
    subscriptions = [{"id": guid, "managementGroup": "corp", "state": "Disabled"}]
    arm = emulated.Client(start(subscriptions=subscriptions, resources=[SERVER]))
    answer = arm.put(exemption_id(SERVER), waiver())
    assert refusal(answer) == (409, "ReadOnlyDisabledSubscription")
    assert arm.get(exemptions_of(SERVER)).status == 200
    assert arm.list("/subscriptions")[0]["state"] == "Disabled"


# --- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        ("Bearer a.b.c", "InvalidAuthenticationToken"),
        ("Basic abc", "InvalidAuthenticationToken"),
    ],
)
def test_requests_without_a_good_token(cloud, arm, header, code):
    answer = arm.get("/subscriptions", headers={"Authorization": header} if header else {})
    assert refusal(answer) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_tokens_for_other_services_or_of_other_emulators_are_refused(cloud, arm, start):
    def ask(token):
        return arm.get("/subscriptions", headers={"Authorization": f"Bearer {token}"})

    assert ask(identity_token(cloud, resource="https://vault.azure.net")).code == "InvalidAuthenticationTokenAudience"
    assert ask(start().token()).code == "InvalidAuthenticationToken"


def identity_token(cloud, header=None, **query):
    url = f"{cloud.env['IDENTITY_ENDPOINT']}?{urllib.parse.urlencode({'api-version': '2019-08-01', **query})}"
    request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": header or cloud.env["IDENTITY_HEADER"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize(
    "audience",
    [
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://management.core.windows.net/",
        "https://management.core.windows.net",
    ],
)
def test_all_names_of_azure_resource_manager_are_good_audiences(cloud, arm, audience):
    token = identity_token(cloud, resource=audience)
    assert arm.get("/subscriptions", headers={"Authorization": f"Bearer {token}"}).status == 200


def test_the_endpoint_itself_is_a_good_audience(cloud, arm):
    """What the Azure CLI asks for where its cloud was registered without audiences."""
    token = identity_token(cloud, resource=cloud.arm_endpoint)
    assert arm.get("/subscriptions", headers={"Authorization": f"Bearer {token}"}).status == 200


def test_the_identity_endpoint_speaks_for_an_application_unless_told_otherwise(start):
    cloud = start(principals=[principal()])
    default = claims(identity_token(cloud, resource="https://management.azure.com"))
    named = claims(identity_token(cloud, resource="https://management.azure.com", client_id=ALICE))
    assert (default["idtyp"], default["tid"]) == ("app", contoso.TENANT_ID)
    assert (named["idtyp"], named["oid"], named["upn"]) == ("user", ALICE, "alice@contoso.example")


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [("wrong", {"resource": "x"}, 403), (None, {}, 400), (None, {"resource": "x", "client_id": "nobody"}, 400)],
)
def test_the_identity_endpoint_refuses(cloud, header, query, status):
    with pytest.raises(urllib.error.HTTPError) as refused:
        identity_token(cloud, header, **query)
    assert refused.value.code == status
    refused.value.close()


def test_azure_identity_logs_in_by_managed_identity(cloud, monkeypatch):
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    with ManagedIdentityCredential() as credential:
        assert claims(credential.get_token("https://management.azure.com/.default").token)["idtyp"] == "app"


def oidc_token(**more):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": time.time() + 60, **more}
    return f"{part({'alg': 'none'})}.{part(body)}.signature"


def workload(cloud, tmp_path, token):
    file = tmp_path / "oidc"
    file.write_text(token)
    transport = RequestsTransport(connection_verify=cloud.ca_bundle)
    return WorkloadIdentityCredential(
        tenant_id=contoso.TENANT_ID,
        client_id="workload",
        token_file_path=os.fspath(file),
        authority=cloud.arm_endpoint,
        transport=transport,
        disable_instance_discovery=True,
        retry_total=0,
    )


@pytest.fixture
def federated(start):
    trust = {"issuer": ISSUER, "subject": SUBJECT}
    application = {"objectId": ALICE, "clientId": "workload", "type": "Application", "federatedCredentials": [trust]}
    return start(principals=[application])


def test_azure_identity_logs_in_by_workload_federation(federated, tmp_path):
    with workload(federated, tmp_path, oidc_token()) as credential:
        token = credential.get_token("https://management.azure.com/.default").token
    arm = emulated.Client(federated)
    assert arm.get("/subscriptions", headers={"Authorization": f"Bearer {token}"}).status == 200
    assert claims(token)["oid"] == ALICE


def test_a_workload_logs_in_with_the_environment_that_the_emulator_gives(cloud, monkeypatch):
    for name, value in cloud.workload_env.items():
        monkeypatch.setenv(name, value)
    with WorkloadIdentityCredential() as credential:
        token = credential.get_token("https://management.azure.com/.default").token
    assert claims(token)["oid"] == cloud.tenant.principals.default.object_id


def test_a_principal_with_credentials_of_its_own_trusts_no_others(federated, monkeypatch):
    for name, value in federated.workload_env.items():
        monkeypatch.setenv(name, value)
    with WorkloadIdentityCredential() as credential, pytest.raises(ClientAuthenticationError, match="AADSTS70021"):
        credential.get_token("https://management.azure.com/.default")


def test_workload_federation_by_environment_alone(federated, tmp_path, monkeypatch):
    file = tmp_path / "oidc"
    file.write_text(oidc_token())
    for name, value in {
        "AZURE_AUTHORITY_HOST": federated.arm_endpoint,
        "AZURE_TENANT_ID": contoso.TENANT_ID,
        "AZURE_CLIENT_ID": "workload",
        "AZURE_FEDERATED_TOKEN_FILE": os.fspath(file),
        "REQUESTS_CA_BUNDLE": federated.ca_bundle,
    }.items():
        monkeypatch.setenv(name, value)
    with WorkloadIdentityCredential() as credential:
        assert claims(credential.get_token("https://management.azure.com/.default").token)["oid"] == ALICE


@pytest.mark.parametrize("wrong", [{"iss": "https://evil.example"}, {"sub": "repo:fork"}, {"aud": "other"}, {"exp": 1}])
def test_federation_trusts_only_what_it_was_told_to(federated, tmp_path, wrong):
    with (
        workload(federated, tmp_path, oidc_token(**wrong)) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS"),
    ):
        credential.get_token("https://management.azure.com/.default")


def test_a_runner_gets_its_oidc_token_as_from_github(start):
    with urllib.request.urlopen(oidc_request(start(), audience="api://AzureADTokenExchange"), timeout=10) as answer:
        value = claims(json.load(answer)["value"])
    assert value["aud"] == "api://AzureADTokenExchange"
    assert value["sub"].startswith("repo:")


def oidc_request(cloud, **query):
    url = f"{cloud.identity_endpoint}/oidc/token?{urllib.parse.urlencode(query)}"
    return urllib.request.Request(url, headers={"Authorization": f"Bearer {cloud.env['IDENTITY_HEADER']}"})


def test_the_cloud_describes_itself_to_whoever_registers_it(cloud, arm):
    shown = arm.get("/metadata/endpoints", headers={}).json
    assert shown["resourceManager"] == cloud.arm_endpoint
    assert shown["authentication"]["loginEndpoint"] == cloud.arm_endpoint + "/"
    openid = arm.get(f"/{contoso.TENANT_ID}/v2.0/.well-known/openid-configuration", headers={}).json
    assert openid["token_endpoint"] == f"{cloud.arm_endpoint}/{contoso.TENANT_ID}/oauth2/v2.0/token"
    discovery = arm.get("/common/discovery/instance", headers={}).json
    assert discovery["tenant_discovery_endpoint"].endswith("/.well-known/openid-configuration")


@pytest.mark.parametrize(
    "form", [b"", b"client_id=nobody&client_assertion=x", b"client_id=workload&client_assertion=x", b"\xff"]
)
def test_the_authority_refuses_what_it_does_not_know(federated, form):
    answer = emulated.Client(federated).request("POST", f"/{contoso.TENANT_ID}/oauth2/v2.0/token", form, headers={})
    assert answer.status in {400, 401}
    assert answer.json["error_description"].startswith("AADSTS")


def test_a_runner_without_its_request_token_gets_none(cloud):
    request = urllib.request.Request(f"{cloud.identity_endpoint}/oidc/token")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401
    refused.value.close()
