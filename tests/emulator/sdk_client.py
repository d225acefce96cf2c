"""The last Azure SDK with typed exemption operations against the emulator: `make test-sdk`.

Not collected with the other tests, since it takes an environment of its own. `SDK_PYTHON` names its interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import contoso
import emulated
import pytest
from contoso import ASSIGNMENT, DATABASE, ONE, SERVER, exemption_id
from defended import TDE, finding, mcsb


@pytest.fixture(scope="module")
def seen():
    with emulated.running(contoso.tenant(limits={"pageSize": 10})) as cloud:
        # aiohttp, beneath the asynchronous client, knows no REQUESTS_CA_BUNDLE
        environment = emulated.environment(cloud, SSL_CERT_FILE=cloud.ca_bundle)
        command = [
            os.environ["SDK_PYTHON"],
            str(Path(__file__).with_name("sdk_session.py")),
            ONE.split("/")[2],
            SERVER,
            ASSIGNMENT,
        ]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout) | {"requests": cloud.requests}


def test_typed_operations_understand_what_they_get(seen):
    assert seen["sync"]["made"] == [exemption_id(SERVER, "sdk name"), "2031-01-01T00:00:00+00:00", ["Rule1"], {"a": 1}]
    assert seen["sync"]["system"] == ["Application", True]
    assert seen["sync"]["patched"] == ["westeurope"]
    assert seen["sync"]["replaced"] == [None, None, None]


def test_lists_of_every_kind(seen):
    assert seen["sync"]["lists"] == [["sdk name"], [], ["sdk name"], ["sdk name"], []]
    assert seen["sync"]["assignments"] == ["baseline", "corp-baseline", "tde-only"]


def test_deletions_and_errors(seen):
    assert seen["sync"]["deleted"] == [None, None], "once 200, once 204; this SDK shows neither"
    assert seen["sync"]["missing"] == [404, "PolicyExemptionNotFound"]


def test_many_at_once_without_waiting(seen):
    assert seen["async"] == {"made": True, "paged": 25, "left": []}


def test_all_of_it_by_the_version_of_that_sdk(seen):
    versions = {
        each.target.rpartition("api-version=")[2].split("&")[0]
        for each in seen["requests"]
        if "policyExemptions" in each.target
    }
    assert versions == {"2022-07-01-preview"}


# --- the SDKs around exemptions ----------------------------------------------------------------------------------

DEV = "aaaaaaaa-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def around():
    rule = {"if": {"field": "type", "equals": "Microsoft.Sql/servers"}, "then": {"effect": "audit"}}
    policies = [{"id": policy, "properties": {"policyRule": rule}} for policy in contoso.POLICIES]
    assessment = {"id": f"{SERVER}/providers/Microsoft.Security/assessments/a1"}
    assessment["properties"] = {"displayName": "x", "status": {"code": "Unhealthy"}}
    content = contoso.tenant(
        policyDefinitions=policies,
        policyStates=[
            {"resourceId": SERVER, "policyDefinitionId": contoso.POLICIES[0], "complianceState": "NonCompliant"}
        ],
        policyAssignments=[*contoso.tenant()["policyAssignments"], mcsb()],
        assessments=[assessment, finding(DATABASE)],
        principals=[
            {"objectId": "11111111-1111-4111-8111-111111111111", "name": "pipeline"},
            {"objectId": DEV, "name": "dev@contoso.example", "type": "User", "roles": []},
        ],
    )
    with emulated.running(content) as cloud:
        command = [os.environ["SDK_PYTHON"], str(Path(__file__).with_name("sdk_neighbours.py"))]
        done = subprocess.run(
            [*command, ONE.split("/")[2], DEV],
            env=emulated.environment(cloud), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def test_roles_by_the_typed_sdk(around):
    assert around["roles"] == [["Reader", ["*/read"]]]
    assert around["assigned"] == ["88888888-0000-4000-8000-000000000001", "User"]
    assert (around["assignments"], around["removed"]) == ([True], True)


def test_groups_by_the_typed_sdk(around):
    assert around["children"] == ["corp", contoso.TWO.split("/")[2]]
    assert {"Contoso", "Corp", "one", "two"} <= set(around["entities"])
    assert around["made"] == "lab"


def test_compliance_by_the_typed_sdk(around):
    assert {"legacy-sql NonCompliant", "legacy-sql Compliant", "ledger NonCompliant"} <= set(around["states"])
    assert around["summary"] == 2


def test_graph_and_security_by_the_typed_sdks(around):
    assert around["graph"] == [
        2, [{"type": "microsoft.sql/servers", "n": 1}, {"type": "microsoft.sql/servers/databases", "n": 1}]
    ]  # fmt: skip
    assert around["refused"] == [400, "InvalidQuery"] or around["refused"] == [400, "ParserFailure"]
    assert around["assessments"] == [["a1", "Unhealthy"], [TDE, "Unhealthy"]]
    assert around["score"] == [[["ascScore", 4, 0.0, 4]], [1], 600]
    assert (around["metadata"], around["pricings"]) == (True, "Standard")
