"""`exempt snapshot` as a user runs it, and a plan from its file as from Azure."""

import json
import os

import pytest
from emulated import exempt, running
from tenants import GROUP, exemption, subscription, tenant

AT_CORP = f"{GROUP}corp/providers/Microsoft.Authorization/policyAssignments/mcsb"
LIVE = [exemption(subscription(0), "by-portal", AT_CORP, expiresOn="2020-01-01T00:00:00Z")]
READER = {
    "objectId": "0b1ec700-0000-4000-8000-000000000003",
    "name": "half-blind",
    "roles": [
        {
            "scope": f"{GROUP}corp",
            "actions": ["Microsoft.Management/*/read"],
        },
        *({"scope": subscription(number), "actions": ["*/read"]} for number in range(2)),
    ],
}


@pytest.fixture
def repository(tmp_path):
    def make(cloud):
        text = f"owner: contoso\ntenantId: {cloud.tenant.id}\nscopes:\n  - {GROUP}corp\n"
        (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def test_it_goes_to_standard_output_and_says_what_it_cost(repository):
    with running(tenant(policyExemptions=LIVE)) as cloud:
        done = exempt(cloud, "snapshot", cwd=repository(cloud), check=[0])
    assert [one["name"] for one in json.loads(done.stdout)["policyExemptions"]] == ["by-portal"]
    assert done.stderr == "1 exemption, 1 assignment, 1 initiative read from 5 scopes with 18 requests\n"


def test_a_plan_from_the_file_says_what_a_plan_from_azure_says(repository):
    with running(tenant(policyExemptions=LIVE)) as cloud:
        root = repository(cloud)
        exempt(cloud, "snapshot", "--out", "now.json", cwd=root, check=[0])
        before = len(cloud.requests)
        from_file = exempt(cloud, "plan", "--snapshot", "now.json", "--format", "json", cwd=root, check=[0])
        assert len(cloud.requests) == before
        from_azure = exempt(cloud, "plan", "--format", "json", cwd=root, check=[0])
    assert json.loads(from_file.stdout) == json.loads(from_azure.stdout)
    assert (root / "now.json").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_out_of_sight_is_named_and_the_exit_tells(repository):
    with running(tenant(policyExemptions=LIVE, principals=[READER])) as cloud:
        done = exempt(cloud, "snapshot", cwd=repository(cloud), check=[1])
    document = json.loads(done.stdout)
    assert not document["complete"]
    unread = {(one["scope"].rsplit("/", 1)[-1], one["what"]) for one in document["unread"]}
    assert unread == {
        (scope, what)
        for scope in ("corp", "landing", subscription(2).rsplit("/", 1)[-1])
        for what in ("assignments", "exemptions", "standard assignments")
    }
    assert "az role assignment create" in done.stderr
    assert [one["name"] for one in document["policyExemptions"]] == ["by-portal"], "the readable part is there"


def test_a_narrowed_snapshot_holds_one_subscription(repository):
    with running(tenant(policyExemptions=LIVE)) as cloud:
        done = exempt(cloud, "snapshot", "--scope", subscription(1), cwd=repository(cloud), check=[0])
    expected = [one["id"] for one in json.loads(done.stdout)["hierarchy"] if one["expected"]]
    assert expected == [subscription(1)]


def test_another_tenant_is_refused(repository):
    with running({"tenantId": "dddddddd-0000-4000-8000-000000000000"}) as other, running(tenant()) as cloud:
        done = exempt(other, "snapshot", cwd=repository(cloud), check=[1])
    assert "reconciler.yaml manages tenant" in done.stderr
    assert done.stdout == ""


def test_a_file_that_cannot_be_written_is_a_message_and_leaves_no_half(repository):
    with running(tenant()) as cloud:
        root = repository(cloud)
        done = exempt(cloud, "snapshot", "--out", "no/where.json", cwd=root, check=[1])
        assert "there is no folder 'no' for 'where.json'" in done.stderr
        assert not cloud.requests
        done = exempt(cloud, "snapshot", "--out", "/dev/full", cwd=root, check=[1])
    assert "/dev/full cannot be written: No space left on device" in done.stderr
    assert [one.name for one in root.iterdir()] == ["reconciler.yaml"]


def test_an_existing_file_is_replaced_whole_and_keeps_its_rights(repository):
    with running(tenant()) as cloud:
        root = repository(cloud)
        (root / "now.json").write_text("old", encoding="utf-8")
        (root / "now.json").chmod(0o600)
        exempt(cloud, "snapshot", "--out", "now.json", cwd=root, check=[0])
        assert json.loads((root / "now.json").read_text(encoding="utf-8"))["complete"] is True
        assert (root / "now.json").stat().st_mode & 0o777 == 0o600


def test_without_a_valid_reconciler_yaml_it_says_where(tmp_path):
    (tmp_path / "reconciler.yaml").write_text("owner: contoso\n", encoding="utf-8")
    with running() as cloud:
        done = exempt(cloud, "snapshot", cwd=tmp_path, check=[1])
    assert "tenantId" in done.stderr
    assert "Traceback" not in done.stderr
