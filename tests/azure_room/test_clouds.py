"""Where requests go: the cloud's own Resource Manager, unless the environment and reconciler.yaml agree on another."""

import emulated
import pytest
from main_job import repositories as repo

from reconciler.azure.clouds import elsewhere, endpoints
from reconciler.model import Cloud, Settings, arm_id
from reconciler.problems import UsageError

ROOT = arm_id("/providers/Microsoft.Management/managementGroups/corp")


def settings(cloud=Cloud.PUBLIC, permitted=None):
    return Settings(owner="contoso", tenant_id="t", scopes=(ROOT,), cloud=cloud, arm_endpoint=permitted)


@pytest.mark.parametrize("cloud", Cloud)
def test_without_the_variable_no_request_goes_elsewhere(cloud):
    assert elsewhere(endpoints(settings(cloud, permitted="https://arm.contoso.example"), {}), cloud) is None


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("https://127.0.0.1:8443", None),
        ("https://[::1]:8443", None),
        ("https://localhost:8443/", None),
        ("https://management.azure.com", None),
        ("https://MANAGEMENT.azure.com:443", None),
        ("https://management.usgovcloudapi.net", None),
        ("https://arm.contoso.example", "https://arm.contoso.example"),
        ("https://ARM.contoso.example/", "https://arm.contoso.example:443"),
        ("https://arm.contoso.example:8443", "https://arm.contoso.example:8443/"),
    ],
)
def test_this_machine_a_cloud_and_what_the_settings_permit_are_used(address, permitted):
    found = endpoints(settings(permitted=permitted), {"EXEMPT_ARM_ENDPOINT": address})
    assert found.resource_manager == address.rstrip("/")


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("https://arm.contoso.example", None),
        ("https://arm.contoso.example", "https://other.contoso.example"),
        ("https://arm.contoso.example:8443", "https://arm.contoso.example"),
        ("https://localhost.contoso.example", None),
        ("https://127.0.0.1.contoso.example", None),
        ("https://management.azure.com.contoso.example", None),
        ("https://10.0.0.1", None),
    ],
)
def test_another_host_needs_the_settings_and_is_told_the_line(address, permitted):
    with pytest.raises(UsageError, match="neither a cloud's") as refused:
        endpoints(settings(permitted=permitted), {"EXEMPT_ARM_ENDPOINT": address})
    assert refused.value.remedy.endswith(f"armEndpoint: {address}")


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1",
        "127.0.0.1:1",
        "https://",
        "https://[::1",
        "https://h:abc/",
        "https://management.azure.com@arm.contoso.example",
        "https://127.0.0.1/path",
        "https://127.0.0.1?x",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="EXEMPT_ARM_ENDPOINT is") as refused:
        endpoints(settings(permitted="https://arm.contoso.example"), {"EXEMPT_ARM_ENDPOINT": address})
    assert refused.value.remedy == "correct or unset the variable"


def test_another_host_is_said_on_standard_error_and_needs_both(tmp_path):
    """Nothing answers there: what counts is that no token went, and what the person reads."""
    nowhere = {
        "EXEMPT_ARM_ENDPOINT": "https://arm.invalid",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    with emulated.running(repo.tenant()) as azure:
        refused = emulated.exempt(azure, "plan", cwd=repo.write(tmp_path / "a", []), check=[1], **nowhere)
        root = repo.write(tmp_path / "b", [], armEndpoint="https://arm.invalid")
        agreed = emulated.exempt(azure, "plan", cwd=root, check=[1], **nowhere)
        quiet = emulated.exempt(azure, "plan", cwd=root, check=[0])
    assert "armEndpoint: https://arm.invalid" in refused.stderr
    assert "requests to Azure go to arm.invalid, as EXEMPT_ARM_ENDPOINT says" in agreed.stderr
    assert "arm.invalid" in agreed.stderr.replace("requests to Azure go to arm.invalid", "")
    assert "requests to Azure" not in quiet.stderr
