"""`exempt emulator prove`: planted changes of behaviour are found, and nothing of the tenant gets into the recording."""

import datetime as dt
import json

import contoso
import emulated
import planted
import pytest
from contoso import GROUP, ONE, ROOT, SERVER, exemption_id, waiver

from reconciler.emulator.proving import prove as proving
from reconciler.emulator.proving.exchanges import to_emulator
from reconciler.model import arm_id

CALLER = proving.Caller(
    tenant=contoso.TENANT_ID,
    object_id="aaaa0000-0000-4000-8000-0000000000a9",
    name="robin.oak@contoso.example",
    is_user=True,
)
SECRETS = [
    "hunter2",
    "correct horse battery staple",
    "eyJhbGciOiJIUzI1NiJ9",
    "robin.oak",
    "pine@contoso.example",
    "10.20.30.40",
    "2001:db8::7",
    "vault-7.contoso.example",
    "legacy-sql",
    "rg-data",
    "4111 1111 1111 1111",
    "aaaa0000-0000-4000-8000-0000000000a9",
    "c0ffee00-0000-4000-8000-0000000000aa",
    "d00d0000-0000-4000-8000-00000000000d",
    "prj-lyra",
    "555-0100",
]
NOTE = f"{SECRETS[1]}; call 555-0100 or pine@contoso.example at 10.20.30.40, 2001:db8::7, card 4111 1111 1111 1111"


def tenant():
    """A sandbox full of what must not leave it."""
    principal = {"objectId": CALLER.object_id, "name": CALLER.name, "type": "User"}
    content = contoso.tenant(principals=[principal], faultInjection={"throttling": proving.PLENTY})
    content["policyAssignments"].append(
        {
            "id": f"{ONE}/providers/Microsoft.Authorization/policyAssignments/security",
            "properties": {
                "policyDefinitionId": contoso.INITIATIVE,
                "displayName": NOTE,
                "parameters": {"hunter2": {"value": "eyJhbGciOiJIUzI1NiJ9"}},
                "metadata": {"vault-7.contoso.example": {"prj-lyra": 41111111}, "owner": SECRETS[4]},
            },
        }
    )
    content["policyExemptions"] = [
        {
            "id": exemption_id(ONE),
            "properties": waiver(
                description=NOTE,
                metadata={"hunter2": "hunter2", "ticket": SECRETS[13], "pin": 4711},
                resourceSelectors=[
                    {"name": "prj-lyra", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}
                ],
            ),
        },
        {"id": exemption_id(SERVER, "prj-lyra"), "properties": waiver(displayName=SECRETS[1])},
        {"id": exemption_id(ONE, "was-waived"), "properties": waiver(expiresOn="2021-01-01T00:00:00Z")},
        {"id": exemption_id(ROOT, "top"), "properties": waiver()},
    ]
    return content


@pytest.fixture(scope="module")
def sandbox():
    with emulated.running(tenant()) as azure, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", azure.tenant.clock.advance)  # what rate limits ask for
        yield azure


@pytest.fixture(scope="module", autouse=True)
def same_names():
    """The same run every time, so that the emulator's own side need not be asked again for every plant."""
    remembered = {}
    whole, variables = proving._on_emulator, proving._variables

    def once(scenarios, content, caller, names):
        key = (len(scenarios), caller, names["scope"], len(content["policyExemptions"]))
        if key not in remembered:
            remembered[key] = whole(scenarios, content, caller, names)
        return remembered[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proving, "_on_emulator", once)
        patch.setattr(
            proving,
            "_variables",
            lambda *args: variables(*args) | {"run": "prove0a1b", "missing": "5b8f0000-0000-4000-8000-00000000dead"},
        )
        yield


def prove(azure, scope=ONE, *, write=False, plant=None):
    with to_emulator(azure, CALLER.object_id) as send:
        asking = planted.planted(send, plant[0], **plant[1]) if plant else send
        proof = proving.prove(asking, arm_id(scope), CALLER, dt.datetime.now(dt.UTC), write=write)
    return proof, json.dumps(proving.as_json(proof, "1.0"), ensure_ascii=False)


def leaks(text):
    return [secret for secret in SECRETS if secret.lower() in text.lower()]


@pytest.mark.parametrize("scope", [ONE, GROUP, ROOT])
def test_an_azure_like_this_one_shows_no_difference_and_keeps_its_secrets(sandbox, scope):
    before = sandbox.exemptions
    proof, text = prove(sandbox, scope, write=True)
    assert proof.differences == ()
    assert proof.remaining == ()
    assert leaks(text) == []
    assert sandbox.exemptions == before, "what it made is gone, and nothing else"
    assert not any("prove" in key for key in sandbox.tenant.assignments.by_id)


def test_without_write_nothing_is_written(sandbox):
    asked = len(sandbox.requests)
    proof, _ = prove(sandbox)
    assert len(proof.exchanges) > 50
    verbs = {(entry.method, entry.target.partition("?")[0].rpartition("/")[2]) for entry in sandbox.requests[asked:]}
    assert {verb for verb, _ in verbs} == {"GET", "POST"}
    assert {end for verb, end in verbs if verb == "POST"} == {"resources", "queryResults"}


PLANTS = [(name, False, plant) for name, plant in planted.READ.items()] + [
    (name, True, plant) for name, plant in planted.WRITE.items()
]


@pytest.mark.parametrize(("name", "write", "plant"), PLANTS, ids=[name for name, _, _ in PLANTS])
def test_a_planted_change_is_found(sandbox, name, write, plant):
    proof, text = prove(sandbox, write=write, plant=plant)
    assert proof.differences, name
    assert leaks(text) == []


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_an_error_that_nobody_foresaw_is_no_secret_told(sandbox, secret):
    plant = (
        r"policyExemptions/[0-9a-f-]{36}\?",
        {
            "answer": planted.error(
                message=f"The vault '{secret}' of {secret} is not known; {secret}.", **{secret: secret}
            )
        },
    )
    proof, text = prove(sandbox, plant=plant)
    assert any("The <text" in str(item.real) for item in proof.differences)
    assert leaks(text) == []


def command(azure, *words, root, **more):
    (root / "reconciler.yaml").write_text(
        f"owner: contoso/exemptions\ntenantId: {contoso.TENANT_ID}\nscopes: [{ROOT}]\n"
    )
    return emulated.exempt(azure, "emulator", "prove", *words, cwd=root, **more)


def test_the_command_compares_and_writes_a_recording(start, tmp_path):
    azure = start(faultInjection={"throttling": proving.PLENTY})
    done = command(azure, f"--scope={GROUP}", "--out=recording.json", root=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "0 differences" in done.stderr
    recording = json.loads((tmp_path / "recording.json").read_text())
    assert (recording["tier"], recording["differences"]) == ("read", [])
    assert recording["exchanges"][0]["response"]["status"] == 400


@pytest.mark.parametrize(("identity", "kind"), [({}, "Application"), ({"AZURE_CLIENT_ID": emulated.PORTAL}, "User")])
def test_the_emulator_has_a_principal_of_the_callers_kind_and_name(start, tmp_path, identity, kind):
    azure = start(faultInjection={"throttling": proving.PLENTY})
    done = command(azure, f"--scope={ONE}", "--write", "--out=recording.json", root=tmp_path, **identity)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    recording = json.loads((tmp_path / "recording.json").read_text())
    text = json.dumps(recording)
    assert recording["tier"] == "write"
    assert f'"createdByType": "{kind}"' in text
    assert '"createdBy": "<caller>"' in text
    assert leaks(text) == []


def test_the_command_says_where_azure_differs(start, tmp_path):
    fault = {"path": "policyExemptions/[0-9a-f-]{36}", "status": 410, "code": "Gone", "message": "It is not there."}
    azure = start(faultInjection={"throttling": proving.PLENTY, "faults": [fault | {"count": None}]})
    done = command(azure, f"--scope={ONE}", "--write", root=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "no such exemption: status" in done.stdout
    assert '"Gone"' in done.stdout
    assert azure.exemptions == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scope", SERVER], "a management group, a subscription or a resource group is needed"),
        (["--scope", f"{ONE}/resourceGroups/none"], "answers 404 ResourceGroupNotFound"),
        (["--scope", "none"], "is"),
        ([], "--scope"),
    ],
)
def test_a_sandbox_that_cannot_be_used_is_a_message(start, tmp_path, words, says):
    done = command(start(), *words, root=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    if "--scope" in words and words[1] != "none":
        assert done.stderr.endswith("help: name a scope that is small, that you may read, and that nobody else needs\n")
