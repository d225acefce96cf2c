"""An environment that leads nowhere is named as what it is, before anything is read or written."""

import emulated
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from main_job import repositories as repo

from reconciler.azure import errors


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("REQUESTS_CA_BUNDLE", "nowhere.pem", "REQUESTS_CA_BUNDLE is 'nowhere.pem', and nothing is there"),
        ("CURL_CA_BUNDLE", "nowhere.pem", "CURL_CA_BUNDLE is 'nowhere.pem', and nothing is there"),
        ("EXEMPT_ARM_ENDPOINT", "http://127.0.0.1:1", "which is no https address"),
    ],
)
def test_a_variable_that_leads_nowhere_is_named(tmp_path, variable, value, says):
    root = repo.write(tmp_path, [])
    with emulated.running(repo.tenant()) as azure:
        done = emulated.exempt(azure, "plan", cwd=root, check=[1], **{variable: value})
        assert says in done.stderr
        assert "correct or unset the variable" in done.stderr
        assert not azure.requests


def test_a_proxy_that_cannot_be_reached_is_not_taken_for_azure():
    url = "https://management.azure.com/tenants"
    with RequestsTransport() as transport, pytest.raises(ServiceRequestError) as raised:
        transport.send(HttpRequest("GET", url), proxies={"https": "http://127.0.0.1:9"})
    fault = errors.from_sdk(raised.value, url)
    assert fault.message == "the proxy on the way to management.azure.com cannot be used: Connection refused"
    assert "HTTPS_PROXY" in fault.remedy
