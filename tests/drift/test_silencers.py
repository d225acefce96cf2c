"""`exempt list --silenced`: what keeps Defender silent beside exemptions, one number each."""

import json
from pathlib import Path

import emulated
import jsonschema
import pytest
from cli import console
from main_job import repositories
from main_job.repositories import BENCHMARK, NIST, ROOT, SETS, subscription

from reconciler.azure import client, credentials

ONE, TWO = subscription(1), subscription(2)
GROUP = f"{ONE}/resourceGroups/rg"
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "list.schema.json").read_text(encoding="utf-8"))
POLICIES = [f"{ROOT}/providers/Microsoft.Authorization/policyDefinitions/p{number}" for number in range(3)]
OWN = f"{ROOT}{SETS}own"


def member(number, value):
    return {
        "policyDefinitionId": POLICIES[number],
        "policyDefinitionReferenceId": f"r{number}",
        "parameters": {"effect": {"value": value}},
    }


def override(*references, value="Disabled"):
    selectors = [{"kind": "policyDefinitionReferenceId", "in": list(references)}]
    return {"kind": "policyEffect", "value": value, "selectors": selectors}


def tenant(**more):
    """Three initiatives: one excludes two scopes and overrides, one sets parameters, one is narrowed."""
    rule = {
        "parameters": {"effect": {"type": "String", "defaultValue": "Audit"}},
        "policyRule": {"if": {}, "then": {"effect": "[parameters('effect')]"}},
    }
    own = {
        "parameters": {"first": {"defaultValue": "Audit"}, "second": {"defaultValue": "Disabled"}},
        "policyDefinitions": [member(0, "[parameters('first')]"), member(1, "[parameters('second')]"), member(2, "Disabled")],
    }  # fmt: skip
    where = [{"name": "w", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
    overrides = [override("sqlDbEncryptionMonitoring"), override("useRbacRulesMonitoring", value="Audit")]
    return repositories.tenant(
        repositories.assignment(ROOT, "mcsb", BENCHMARK, notScopes=[GROUP, TWO, GROUP.upper()], overrides=overrides),
        repositories.assignment(ROOT, "own", OWN, parameters={"first": {"value": "Disabled"}}),
        repositories.assignment(ONE, "nist", NIST, resourceSelectors=where),
        policyDefinitions=[{"id": policy, "properties": rule} for policy in POLICIES],
        policySetDefinitions=[{"id": OWN, "properties": own}],
        pricings=[
            {"id": f"{TWO}/providers/Microsoft.Security/pricings/FoundationalCspm", "properties": {"pricingTier": "Free"}},
            {"id": f"{ONE}/providers/Microsoft.Security/pricings/KeyVaults", "properties": {"pricingTier": "Standard"}},
        ],
        **more,
    )  # fmt: skip


def listed(cloud, root, *arguments):
    done = emulated.exempt(cloud, "list", "--silenced", "--format", "json", *arguments, cwd=root, check=(0,))
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document["silencers"], done.stderr


@pytest.fixture
def repository(tmp_path):
    return repositories.write(tmp_path, [])


def test_one_number_each(repository):
    with emulated.running(tenant()) as cloud:
        found, _ = listed(cloud, repository)
        text = emulated.exempt(cloud, "list", "--silenced", cwd=repository, check=(0,)).stdout
        plain = emulated.exempt(cloud, "list", "--format", "json", cwd=repository, check=(0,)).stdout
        refused = emulated.exempt(cloud, "list", "--silenced", "--format", "csv", cwd=repository, check=(1,)).stderr
    assert found == {
        "notScopes": 2,
        "disabledEffects": 2,
        "overrides": 1,
        "selectors": 1,
        "foundationalCspmOff": 1,
        "plansOff": 23,
    }
    assert "           2  policies disabled by parameters\n" in text
    assert json.loads(plain)["silencers"] is None
    assert "--format json or text" in refused


def test_plans_that_cannot_be_read_are_no_number(repository):
    fault = {"path": "ResourceGraph", "status": 403, "count": None, "code": "Nope", "message": "Ask somebody else."}
    with emulated.running(tenant(faultInjection={"faults": [fault]})) as cloud:
        found, told = listed(cloud, repository)
        text = emulated.exempt(cloud, "list", "--silenced", cwd=repository, check=(0,)).stdout
    assert (found["overrides"], found["plansOff"], found["foundationalCspmOff"]) == (1, None, None)
    assert "Defender's plans could not be read: " in told
    assert "    not read  other Defender plans that are off\n" in text


@pytest.mark.parametrize("options", [[], ["--in-force"]], ids=["alone", "in force"])
def test_whatever_is_asked_for_is_asked_over_one_connection_as_one_identity(repository, monkeypatch, options):
    logins, connections = [], []
    choose, opened = credentials.choose, client.ArmClient
    monkeypatch.setattr(credentials, "choose", lambda *given: logins.append(given) or choose(*given))
    monkeypatch.setattr(client, "ArmClient", lambda *given: connections.append(given) or opened(*given))
    record = repository / "record.json"
    record.write_text("[")
    with emulated.running(tenant()) as cloud:
        told = console.exempt(cloud, "list", "--silenced", "--record", str(record), *options, root=repository, check=0)
    assert (len(logins), len(connections)) == (1, 1)
    assert "policies disabled by parameters" in told.stdout
    assert told.stderr.count("the record is not used") == 1
