"""Who we are to Azure: the right tenant or no run at all, and no token in any message."""

import dataclasses
import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from azure.core import AzureClouds
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError
from azure.mgmt.core.tools import get_arm_endpoints
from emulated import Client, running
from interposed import Reply
from tenants import settings_of, subscription, tenant

from reconciler.azure import az_login
from reconciler.azure.clouds import endpoints
from reconciler.azure.credentials import TenantCredential, choose, no_identity, token_claims
from reconciler.azure.session import connect
from reconciler.emulator.state.principals import FederatedCredential
from reconciler.model import Cloud, Settings, arm_id
from reconciler.problems import CredentialError, UsageError

APPLICATION = {
    "objectId": "0b1ec700-0000-4000-8000-000000000001",
    "clientId": "0b1ec700-0000-4000-8000-000000000002",
    "name": "pipeline-app",
    "type": "Application",
}


def github(cloud, subject="repo:contoso/exemptions:ref:refs/heads/main", **more):
    """The environment of a job on GitHub Actions with `id-token: write`."""
    oidc = json.loads(cloud.ready_line)["oidcEndpoint"]
    return {
        "EXEMPT_ARM_ENDPOINT": cloud.arm_endpoint,
        "REQUESTS_CA_BUNDLE": cloud.ca_bundle,
        "AZURE_AUTHORITY_HOST": cloud.arm_endpoint,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{oidc}?api-version=2.0&subject={subject}",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": cloud.env["IDENTITY_HEADER"],
        "AZURE_CLIENT_ID": APPLICATION["clientId"],
        "AZURE_TENANT_ID": cloud.tenant.id,
        **more,
    }


@pytest.fixture
def github_cloud():
    """An Azure whose application trusts its own runner service; the issuer is known once it listens."""
    with running(tenant(principals=[APPLICATION])) as cloud:
        principal = cloud.tenant.principals.find(APPLICATION["clientId"])
        trust = FederatedCredential(
            issuer=cloud.identity_endpoint, subject="repo:contoso/exemptions:ref:refs/heads/main"
        )
        object.__setattr__(principal, "federated", (trust,))
        yield cloud


def test_a_job_on_github_logs_in_by_exchanging_its_own_token(github_cloud, login):
    login(github(github_cloud))
    with connect(settings_of(github_cloud), os.environ) as azure:
        assert azure.claims["oid"] == APPLICATION["objectId"]
        assert azure.reader().snapshot(azure.settings).complete
    assert {one.principal for one in github_cloud.requests if "policyexemptions" in one.target.lower()} == {
        APPLICATION["objectId"]
    }


def test_the_tenants_letters_do_not_matter_to_a_job(github_cloud, login):
    login(github(github_cloud, AZURE_TENANT_ID=github_cloud.tenant.id.upper()))
    connect(settings_of(github_cloud), os.environ).close()


def test_a_job_that_entra_does_not_trust_is_told_so(github_cloud, login):
    login(github(github_cloud, subject="repo:fork/exemptions:pull_request"))
    with pytest.raises(CredentialError, match="No matching federated identity record"):
        connect(settings_of(github_cloud), os.environ)


def test_a_job_without_the_permission_is_told_which_one_it_needs(github_cloud, login):
    login(github(github_cloud, ACTIONS_ID_TOKEN_REQUEST_TOKEN="wrong-but-secret-token"))
    with pytest.raises(CredentialError) as caught:
        connect(settings_of(github_cloud), os.environ)
    assert caught.value.message.startswith("GitHub gave no identity token for this job: ")
    assert caught.value.remedy == (
        "the job needs `permissions: id-token: write`, and is not given it for pull requests from forks"
    )
    assert "wrong-but-secret-token" not in caught.value.message


def test_a_workflow_for_another_tenant_is_refused_before_anything_is_sent(github_cloud, login):
    login(github(github_cloud, AZURE_TENANT_ID="dddddddd-0000-4000-8000-000000000000"))
    with pytest.raises(CredentialError, match=r"reconciler\.yaml manages tenant") as caught:
        connect(settings_of(github_cloud), os.environ)
    assert caught.value.remedy == (
        "let the workflow's variable AZURE_TENANT_ID and `tenantId` in reconciler.yaml name the same tenant"
    )
    assert github_cloud.requests == []


def test_an_identity_of_another_tenant_is_refused_before_azure_is_asked(login):
    with running() as cloud:
        login(cloud.env)
        other = Settings(
            owner="me", tenant_id="dddddddd-0000-4000-8000-000000000000", scopes=(arm_id(subscription(0)),)
        )
        with pytest.raises(CredentialError) as caught:
            connect(other, os.environ)
        assert cloud.tenant.id in caught.value.message
        assert "az login --tenant dddddddd-0000-4000-8000-000000000000" in caught.value.remedy
        assert cloud.requests == []


def test_tenant_ids_compare_without_regard_to_case(login):
    with running() as cloud:
        login(cloud.env)
        connect(
            Settings(owner="me", tenant_id=cloud.tenant.id.upper(), scopes=(arm_id(subscription(0)),)), os.environ
        ).close()


def test_without_any_identity_the_message_says_how_to_get_one(login, monkeypatch):
    with running() as cloud:
        login({**cloud.env, "IDENTITY_HEADER": "wrong"})
        monkeypatch.setenv("PATH", "/nonexistent")  # no az, no azd, no pwsh
        with pytest.raises(CredentialError) as caught:
            connect(settings_of(cloud), os.environ)
    assert "az login" in caught.value.remedy
    assert "ManagedIdentityCredential" in caught.value.message, "the way that is set up here"
    assert "X-IDENTITY-HEADER header is missing or wrong" in caught.value.message
    assert "AzureCliCredential" not in caught.value.message, "the ways that are not"


def test_where_nothing_is_set_up_the_message_is_short():
    text = (
        "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
        "\tEnvironmentCredential: EnvironmentCredential authentication unavailable. Variables are not configured.\n"
        "Visit https://aka.ms/x to troubleshoot this issue.\n"
        "\tAzureCliCredential: Azure CLI not found on path\n"
        "To mitigate this issue, please refer to the troubleshooting guidelines."
    )
    message = no_identity(ClientAuthenticationError(text)).message
    assert message == "no Azure identity could be had: none of the 2 ways to log in is set up here"


def test_the_way_to_log_in_that_the_environment_permits_is_the_only_one_tried(login, monkeypatch):
    """The managed identity is there; only where it is permitted does anybody ask it."""
    monkeypatch.setenv("PATH", "/nonexistent")  # no az
    with running() as cloud:
        login({**cloud.env, "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"})
        with pytest.raises(
            CredentialError, match="permits AzureCliCredential alone, and that is not set up"
        ) as refused:
            connect(settings_of(cloud), os.environ)
        assert refused.value.remedy.startswith("run `az login`, or unset AZURE_TOKEN_CREDENTIALS")
        login({**cloud.env, "AZURE_TOKEN_CREDENTIALS": "OurCredential"})
        with pytest.raises(CredentialError, match="Invalid value for AZURE_TOKEN_CREDENTIALS") as caught:
            connect(settings_of(cloud), os.environ)
        assert caught.value.remedy == "correct the variable; those of azure-identity begin with AZURE_"
        login({**cloud.env, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"})
        connect(settings_of(cloud), os.environ).close()


@pytest.mark.parametrize(
    ("way", "remedy"),
    [
        ("ManagedIdentityCredential", "give this machine a managed identity"),
        ("WorkloadIdentityCredential", "correct AZURE_FEDERATED_TOKEN_FILE"),
        ("EnvironmentCredential", "correct AZURE_TENANT_ID, AZURE_CLIENT_ID"),
        ("AzurePowerShellCredential", "run `Connect-AzAccount`"),
    ],
)
def test_the_remedy_is_of_the_one_way_that_is_permitted_and_fails(way, remedy):
    refused = no_identity(ClientAuthenticationError(f"Attempted credentials:\n\t{way}: AADSTS700016: denied"))
    assert refused.remedy.startswith(remedy)
    assert "az login" not in refused.remedy


def test_a_managed_identity_that_is_permitted_alone_and_fails_is_what_the_remedy_is_about(login):
    with running() as cloud:
        only = "ManagedIdentityCredential"
        login({**cloud.env, "IDENTITY_HEADER": "wrong", "AZURE_TOKEN_CREDENTIALS": only})
        with pytest.raises(CredentialError, match="X-IDENTITY-HEADER") as caught:
            connect(settings_of(cloud), os.environ)
    assert caught.value.remedy.startswith("give this machine a managed identity")
    assert "az login" not in caught.value.remedy


def test_a_login_address_without_tls_is_refused(login):
    with running() as cloud:
        login({**cloud.env, "AZURE_AUTHORITY_HOST": "http://login.contoso.example"})
        with pytest.raises(CredentialError, match="TLS protected"):
            connect(settings_of(cloud), os.environ)
        login({**cloud.env, "EXEMPT_ARM_ENDPOINT": "http://127.0.0.1:1"})
        with pytest.raises(UsageError, match="no https address"):
            connect(settings_of(cloud), os.environ)


@pytest.mark.parametrize(
    ("cloud", "host", "scope", "login_host"),
    [
        (Cloud.PUBLIC, "management.azure.com", "https://management.azure.com/.default", "login.microsoftonline.com"),
        (
            Cloud.US_GOVERNMENT,
            "management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net/.default",
            "login.microsoftonline.us",
        ),
        (
            Cloud.CHINA,
            "management.chinacloudapi.cn",
            "https://management.chinacloudapi.cn/.default",
            "login.chinacloudapi.cn",
        ),
    ],
)
def test_each_cloud_has_its_own_addresses_as_the_sdk_knows_them(cloud, host, scope, login_host):
    settings = Settings(owner="contoso", tenant_id="t", scopes=(), cloud=cloud)
    found = endpoints(settings, {})
    assert (found.resource_manager, found.oauth_scope, found.authority) == (
        f"https://{host}",
        scope,
        f"https://{login_host}",
    )
    sdk = get_arm_endpoints(
        {
            Cloud.PUBLIC: AzureClouds.AZURE_PUBLIC_CLOUD,
            Cloud.US_GOVERNMENT: AzureClouds.AZURE_US_GOVERNMENT,
            Cloud.CHINA: AzureClouds.AZURE_CHINA_CLOUD,
        }[cloud]
    )
    assert sdk["resource_manager"].rstrip("/") == found.resource_manager
    assert sdk["credential_scopes"] == [found.oauth_scope]
    assert endpoints(settings, {"AZURE_AUTHORITY_HOST": login_host}).known_authority
    other = endpoints(settings, {"AZURE_AUTHORITY_HOST": "https://adfs.contoso.example/"})
    assert (other.authority, other.known_authority) == ("https://adfs.contoso.example", False)
    assert endpoints(settings, {"AZURE_AUTHORITY_HOST": "adfs.contoso.example"}).authority == other.authority


class OpaqueTokens(BaseHTTPRequestHandler):
    """An identity service whose tokens cannot be read, as Azure's need not be."""

    def do_GET(self):
        body = json.dumps({
            "access_token": "opaque", "expires_on": str(int(time.time()) + 3600), "resource": "r", "token_type": "Bearer",
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_an_unreadable_token_is_judged_by_the_tenants_it_may_see(interrupted, login, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), OpaqueTokens)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        with interrupted() as (door, azure):
            cloud_token = Client(door.cloud).request("GET", "/tenants").json["value"]
            door.answer = lambda seen: Reply(200, {"value": cloud_token}) if seen.path == "/tenants" else None
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/msi/token")
            connect(azure.settings, os.environ).close()
            other = Settings(owner="me", tenant_id="dddddddd-0000-4000-8000-000000000000", scopes=azure.settings.scopes)
            with pytest.raises(CredentialError, match=door.cloud.tenant.id):
                connect(other, os.environ)
            door.answer = lambda _: Reply(200, {"value": []})
            with pytest.raises(CredentialError, match="the identity is of tenant none, but"):
                connect(other, os.environ)
    finally:
        server.shutdown()
        server.server_close()


class Counting:
    """A credential that counts, slowly, so that a stampede would show."""

    def __init__(self, lifetime=3600):
        self.asked = []
        self.lifetime = lifetime

    def get_token_info(self, *scopes, options=None):
        time.sleep(0.01)
        self.asked.append(options)
        return AccessTokenInfo(f"token {len(self.asked)}", int(time.time()) + self.lifetime)

    def close(self):
        pass


def test_the_first_token_is_of_the_tenant_too():
    inner = Counting()
    credential = TenantCredential(inner, "tenant")
    credential.begin("scope")
    assert credential.get_token("scope").token == "token 1"
    assert inner.asked == [{"tenant_id": "tenant"}]


def test_a_token_is_renewed_when_the_identity_provider_says_so():
    class Refreshing(Counting):
        def get_token_info(self, *scopes, options=None):
            token = super().get_token_info(*scopes, options=options)
            return AccessTokenInfo(token.token, token.expires_on, refresh_on=int(time.time()) - 1)

    credential = TenantCredential(Refreshing(), "tenant")
    assert [credential.get_token("scope").token for _ in range(2)] == ["token 1", "token 2"]


def test_after_a_refusal_the_identity_provider_is_asked_anew(monkeypatch, login):
    """What the SDK keeps of the old token goes with the credential that kept it."""
    asked = []

    class Noting(OpaqueTokens):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    server = HTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        login({"IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.server_port}/msi/token", "IDENTITY_HEADER": "x"})
        settings = Settings(owner="me", tenant_id="t", scopes=())
        credential = choose("t", endpoints(settings, {}), os.environ)
        for times in (1, 1):
            credential.get_token("https://management.azure.com/.default")
            assert len(asked) == times
        credential.forget("Bearer another")
        credential.get_token("https://management.azure.com/.default")
        assert len(asked) == 1, "another token was refused"
        credential.forget("Bearer opaque")
        credential.get_token("https://management.azure.com/.default")
        assert len(asked) == 2
        credential.close()
    finally:
        server.shutdown()
        server.server_close()


WAYS = (
    "EnvironmentCredential",
    "WorkloadIdentityCredential",
    "ManagedIdentityCredential",
    "AzureCliCredential",
    "AzurePowerShellCredential",
    "AzureDeveloperCliCredential",
    "BrokerCredential",
)


def test_what_people_are_told_who_cannot_log_in_reads_as_it_did(golden):
    unset = (
        "\tEnvironmentCredential: unavailable. Variables are not configured.\n\tAzureCliCredential: not found on path"
    )
    texts = {f"{way} failed": f"\t{way}: AADSTS700016:  denied\n by policy\nTo mitigate this issue" for way in WAYS}
    texts |= {f"{way} alone": f"\t{way}: not installed" for way in WAYS}
    texts |= {"nothing is set up": unset, "one failed": unset.replace("unavailable", "AADSTS: expired")}
    texts |= {
        "in words of its own": unset.replace("not found on path", "Please log in"),
        "GitHub": "AADSTS70021:\n no match",
    }
    lines = []
    for name, text in texts.items():
        error = no_identity(ClientAuthenticationError(text))
        lines.append(f"{name}: {error.message}\n  remedy: {error.remedy}\n")
    golden("login.txt", "\n".join(lines))


@pytest.mark.parametrize("claim", ["oid", "appid", "azp", "upn", "unique_name"])
def test_an_identity_is_a_writer_by_each_name_that_azure_may_stamp(connected, claim):
    with connected(writers=frozenset({"0b1ec7-robot"})) as (_, azure):
        assert not azure.is_writer
        odd = {"oid": 5, "appid": "", "upn": None, "name": "0b1ec7-robot"}
        assert not dataclasses.replace(azure, claims=odd).is_writer
        named = dataclasses.replace(azure, claims={**odd, claim: "0B1EC7-Robot"})
        assert named.identities == {"0b1ec7-robot"}
        assert named.is_writer


def test_the_libraries_that_log_in_say_nothing_by_themselves(connected):
    with connected():
        for name in ("azure", "msal", "urllib3", "reconciler.applying"):
            kinds = [type(handler) for handler in logging.getLogger(name).handlers]
            assert logging.NullHandler in kinds, name


def test_sixteen_threads_share_one_token():
    inner = Counting()
    credential = TenantCredential(inner, "tenant")
    threads = [threading.Thread(target=credential.get_token_info, args=("scope",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inner.asked == [{"tenant_id": "tenant"}]


def test_a_token_is_renewed_before_it_ends_after_a_refusal_and_for_a_challenge():
    ageing = Counting(lifetime=200)
    credential = TenantCredential(ageing, "tenant")
    assert credential.get_token("scope").token != credential.get_token("scope").token
    lasting = Counting()
    credential = TenantCredential(lasting, "tenant")
    assert credential.get_token("scope") == credential.get_token("scope")
    credential.forget()
    assert credential.get_token("scope").token == "token 2"
    assert credential.get_token("scope", claims="{}").token == "token 3"
    assert lasting.asked[-1]["claims"] == "{}"


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.!!!.c", "a.W10.c", "\N{SNOWMAN}.x"])
def test_a_token_that_cannot_be_read_has_no_claims(token):
    assert token_claims(token) == {}


def test_a_failing_credential_never_shows_a_token():
    leaked = "eyJhbGciOiJub25lIn0.eyJ0aWQiOiJ4In0.c2ln"
    assert leaked not in no_identity(ClientAuthenticationError(f"refused: {leaked}")).message


# --- the Azure CLI's login ---------------------------------------------------------------------------------------

TENANT = "5a1e0000-0000-4000-8000-00000000beef"
ACCOUNT = {"tenantId": TENANT, "id": "5a1e0001-0000-4000-8000-000000000001", "name": "Shop Production"}


@pytest.fixture
def az(tmp_path, monkeypatch):
    """`az(script)`: what `az account show` does, as shell commands; nothing else is on the path."""

    def use(script):
        (tmp_path / "az").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / "az").chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return use


def test_where_there_is_no_azure_cli_nobody_is_logged_in(az):
    assert az_login.az_login() is None


def test_the_login_of_the_azure_cli_is_its_tenant_with_the_subscription_that_is_set(az):
    asked = "[ \"$*\" = 'account show --output json --only-show-errors' ] || exit 9"
    az(f"{asked}\nread typed && exit 8\necho 'a warning' >&2\necho '{json.dumps(ACCOUNT)}'")
    found = az_login.az_login()
    assert (found.tenant, found.subscription.text, found.name) == (
        TENANT,
        f"/subscriptions/{ACCOUNT['id']}",
        "Shop Production",
    )


def test_an_azure_cli_that_fails_has_no_login_whatever_it_prints(az):
    az(f"echo '{json.dumps(ACCOUNT)}'\nexit 1")
    assert az_login.az_login() is None


def test_a_login_to_a_tenant_alone_has_no_subscription(az):
    az(f"echo '{json.dumps({**ACCOUNT, 'id': TENANT})}'")
    assert az_login.az_login().subscription is None


@pytest.mark.parametrize(
    "said",
    ["", "Please run 'az login'", "[]", json.dumps({**ACCOUNT, "id": 5}), json.dumps({**ACCOUNT, "id": "a/b"})],
    ids=["nothing", "words", "list", "number", "path"],
)
def test_whatever_else_the_azure_cli_says_is_no_login(az, said):
    az(f"cat <<'END'\n{said}\nEND".replace("cat", "/bin/cat"))
    assert az_login.az_login() is None


def test_an_azure_cli_that_hangs_is_not_waited_for(az, monkeypatch):
    monkeypatch.setattr(az_login, "_SECONDS", 0.2)
    az(f"echo '{json.dumps(ACCOUNT)}'\nexec /bin/sleep 100")
    assert az_login.az_login() is None
