"""What a pull request does to the secure score stands in its comment, the text and the JSON of its plan."""

import json
from pathlib import Path

import emulated
import jsonschema
import pytest
import repositories
from repositories import BENCHMARK, NIST, ROOT, subscription

from reconciler.azure.rights import DEFENDER_ACTIONS, READ_ACTIONS

ONE = subscription(1)
GROUP = f"{ONE}/resourceGroups/rg"
TDE, TRANSFER = "651967bf-044e-4bde-8376-3e08e0600105", "1c5de8e1-f68d-6a17-e0d2-ec259c42768c"
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))


def database(number):
    return f"{GROUP}/providers/Microsoft.Sql/servers/s/databases/d{number}"


def finding(resource, key=TDE, code="Unhealthy"):
    properties = {"status": {"code": code}}
    return {"id": f"{resource}/providers/Microsoft.Security/assessments/{key}", "properties": properties}


def tenant(**more):
    storage = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"
    found = [finding(database(1)), finding(database(2)), finding(database(3), code="Healthy")]
    return repositories.tenant(
        repositories.assignment(ROOT, "mcsb", BENCHMARK),
        repositories.assignment(ONE, "nist", NIST),
        assessments=[*found, finding(storage, TRANSFER)],
        **more,
    )


DECLARED = {"name": "tde", "recommendation": TDE, "scopes": [database(1)], "category": "Mitigated"}


@pytest.fixture
def repository(tmp_path):
    return repositories.write(tmp_path, [DECLARED])


def test_before_and_after_stand_in_every_form(repository):
    with emulated.running(tenant()) as cloud:
        text = emulated.exempt(cloud, "plan", "--out", "plan.json", cwd=repository, check=(0,)).stdout
        comment = emulated.exempt(cloud, "plan", "--format", "markdown", cwd=repository, check=(0,)).stdout
        sent = [request.target for request in cloud.requests if "secureScore" in request.target]
    assert "16.62 % → 25.00 % in sum over 2 subscriptions; at most 33.38 % if Mitigated ones count as healthy" in text
    assert "Sub 1 00000000…0001: 16.62 % → 25.00 % (1.33 of 8 → 2.00 of 8)" in text
    assert "Enable encryption at rest: 1 fewer unhealthy" in text
    assert "assumed: what is exempt leaves the count, whatever the category" in text
    assert "**Secure score, estimated for a day after apply**" in comment
    assert "- 16.62 % → 25.00 % in sum over 2 subscriptions" in comment
    saved = json.loads((repository / "plan.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(saved)
    (item,) = saved["score"]["subscriptions"]
    assert (item["now"]["current"], item["after"]["current"], item["upper"]["current"]) == (1.33, 2.0, 2.67)
    assert len(sent) == 2, "one list of definitions a plan; the rest are three queries to Resource Graph"


@pytest.mark.parametrize("status", [403, 400])
def test_a_defender_that_cannot_be_read_is_said_and_fails_nothing(repository, status):
    fault = {"path": "ResourceGraph", "status": status, "count": None, "code": "Nope", "message": "Ask somebody else."}
    with emulated.running(tenant(faultInjection={"faults": [fault]})) as cloud:
        done = emulated.exempt(cloud, "plan", "--format", "json", cwd=repository, check=(0,))
        score = json.loads(done.stdout)["score"]
        text = emulated.exempt(cloud, "plan", cwd=repository, check=(0,)).stdout
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(done.stdout))
    assert "Ask somebody else." in score["unread"]["message"]
    assert "not estimated, since Defender could not be read:" in text
    assert "2 to create" in text


def test_without_defender_there_is_no_score(repository):
    plans = [
        {"id": f"{ONE}/providers/Microsoft.Security/pricings/FoundationalCspm", "properties": {"pricingTier": "Free"}}
    ]
    with emulated.running(tenant(pricings=plans)) as cloud:
        text = emulated.exempt(cloud, "plan", cwd=repository, check=(0,)).stdout
    assert "none in what this plan changes: Defender evaluates nothing there that this identity may see" in text


def test_the_readers_role_suffices(repository):
    roles = [{"actions": [*READ_ACTIONS, *DEFENDER_ACTIONS], "scope": ROOT}]
    reader = {
        "objectId": "aaaa0000-0000-4000-8000-000000000001",
        "name": "reader",
        "type": "Application",
        "roles": roles,
    }
    with emulated.running(tenant(principals=[reader])) as cloud:
        text = emulated.exempt(cloud, "plan", cwd=repository).stdout
    assert "16.62 % → 25.00 % in sum over 2 subscriptions" in text


def test_what_moves_nothing_is_one_line_a_cause(tmp_path):
    ports, access, preview = (
        "bc303248-3d14-44c2-96a0-55f5c326b5fe",
        "805651bc-6ecd-4c73-9b55-97a19d0582d0",
        "483f12ed-ae23-447e-a2de-a67a10db4353",
    )
    machines = [f"{GROUP}/providers/Microsoft.Compute/virtualMachines/m{number}" for number in range(3)]
    found = [finding(machine, key) for machine in machines for key in (ports, access)] + [finding(machines[0], preview)]
    content = repositories.tenant(
        repositories.assignment(ROOT, "mcsb", BENCHMARK),
        assessments=found,
        assessmentMetadata=[{"name": preview, "properties": {"displayName": "A preview", "preview": True}}],
    )
    declared = [
        {"name": "ports", "recommendation": ports, "scopes": machines[:2]},
        {"name": "preview", "recommendation": preview, "scopes": [ONE]},
    ]
    with emulated.running(content) as cloud:
        text = emulated.exempt(cloud, "plan", cwd=repositories.write(tmp_path, declared), check=(0,)).stdout
    (line,) = (row for row in text.splitlines() if "no effect on" in row)
    assert "virtualMachines/m0" in line
    assert "virtualMachines/m1" in line
    assert line.count("stay unhealthy there by Management ports of virtual machines") == 1
    assert "  does not count: A preview, which is a preview\n" in text
    assert "no change in sum over 2 subscriptions: stays at 0.00 %" in text


def test_where_nothing_was_assessed_the_score_is_unknown(tmp_path):
    content = repositories.tenant(repositories.assignment(ROOT, "mcsb", BENCHMARK))
    key = "651967bf-044e-4bde-8376-3e08e0600105"
    root = repositories.write(tmp_path, [{"name": "tde", "recommendation": key, "scopes": [ONE]}])
    with emulated.running(content) as cloud:
        text = emulated.exempt(cloud, "plan", cwd=root, check=(0,)).stdout
        total = json.loads(emulated.exempt(cloud, "plan", "--format", "json", cwd=root).stdout)["score"]["total"]
    assert "unknown in sum over 2 subscriptions: Defender has assessed nothing there yet" in text
    assert "0.00 %" not in text
    assert total == dict.fromkeys(("now", "settled", "after", "upper"))
