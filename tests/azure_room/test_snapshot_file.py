"""A snapshot on disk: the same values again, without the SDK, and useful to other tools."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from interposed import error
from tenants import GROUP, exemption, subscription, tenant

from reconciler.azure.raw_snapshot import snapshot_of
from reconciler.azure.snapshot_file import load_snapshot, snapshot_pieces
from reconciler.package_data import schema_path
from reconciler.problems import ReconcilerError

CORP = f"{GROUP}corp"
AT_CORP = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/mcsb"
ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
HIDDEN = f"{subscription(2)}/providers/Microsoft.Authorization/policyExemptions"


@pytest.fixture
def record(interrupted):
    """A tenant with some of everything, one list of it unreadable."""
    content = tenant(
        policyExemptions=[
            exemption(
                subscription(0), "einé", AT_CORP, expiresOn="2027-01-31T00:00:00Z", metadata={"a": ["##vso[task] ###"]}
            ),
            exemption(subscription(1), "orphan", f"{CORP}/providers/Microsoft.Authorization/policyAssignments/gone"),
        ],
        standardAssignments=[
            {
                "id": f"{subscription(1)}/providers/Microsoft.Security/standardAssignments/one",
                "properties": {
                    "effect": "Exempt",
                    "exemptionData": {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": ALONE}},
                },
            }
        ],
    )
    with interrupted(content) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed", "no") if seen.path == HIDDEN else None
        return azure.reader().raw_snapshot(azure.settings)


def test_what_is_loaded_is_what_was_read(record, tmp_path):
    path = tmp_path / "snapshot.json"
    path.write_text("".join(snapshot_pieces(record)), encoding="utf-8")
    loaded, read = load_snapshot(path), snapshot_of(record)
    assert loaded == read
    assert [one.system for one in loaded.exemptions] == [one.system for one in read.exemptions]
    assert [one.name for one in loaded.exemptions if one.assignment.name == ALONE] == ["one"]
    assert [line.is_refused for line in loaded.unread] == [line.is_refused for line in read.unread]
    assert any(line.is_refused for line in loaded.unread)
    assert "##" not in path.read_text(encoding="utf-8"), "no pipeline takes a line of it for a command"
    assert not loaded.complete


def test_the_file_is_as_its_schema_says_with_one_object_a_line(record):
    text = "".join(snapshot_pieces(record))
    schema = json.loads(schema_path("snapshot").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    lines = [line for line in text.splitlines() if '"Microsoft.Authorization/policyExemptions"' in line]
    assert [json.loads(line.strip().rstrip(","))["name"] for line in lines] == ["einé", "orphan"]


def test_the_objects_inside_are_azures_own(record):
    document = json.loads("".join(snapshot_pieces(record)))
    assert document["policyExemptions"][0]["properties"]["expiresOn"] == "2027-01-31T00:00:00Z"
    assert document["policyExemptions"][0]["systemData"]["createdByType"] == "User"
    place = document["initiativeOfAssignment"][AT_CORP]
    assert document["policySetDefinitions"][place]["properties"]["displayName"] == "Microsoft cloud security benchmark"


def test_an_empty_tenant_has_a_file_too(connected, tmp_path):
    with connected({}, "/providers/Microsoft.Management/managementGroups/c0ffee00-0000-4000-8000-000000000001") as (
        _,
        azure,
    ):
        read = azure.reader().raw_snapshot(azure.settings)
    path = tmp_path / "empty.json"
    path.write_text("".join(snapshot_pieces(read)), encoding="utf-8")
    assert load_snapshot(path) == snapshot_of(read)


def test_loading_needs_no_sdk(record, tmp_path):
    path = tmp_path / "snapshot.json"
    path.write_text("".join(snapshot_pieces(record)), encoding="utf-8")
    program = (
        "import sys, pathlib, reconciler.azure.session\n"
        "from reconciler.azure.snapshot_file import load_snapshot\n"
        "load_snapshot(pathlib.Path(sys.argv[1]))\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'azure', 'requests', 'msal', 'urllib3'}])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def damaged(document, name, value):
    return (
        json.dumps({**document, name: value})
        if value is not ...
        else json.dumps({key: held for key, held in document.items() if key != name})
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("policyExemptions", ..., '"policyExemptions" is missing'),
        ("policyExemptions", {}, "policyExemptions: an array is expected, not an object"),
        ("policyExemptions", [{"properties": {}}], "policyExemptions[0]: id is missing"),
        ("policyExemptions", [{"id": 5}], "policyExemptions[0]: id: a string is expected, not a number"),
        ("policyExemptions", ["text"], "policyExemptions[0]: an object is expected"),
        ("policyExemptions", [{"id": "/x", "properties": {"metadata": "text"}}], "policyExemptions[0]: metadata"),
        ("policyAssignments", [{"id": "/x", "properties": {"notScopes": [5]}}], "policyAssignments[0]: notScopes"),
        ("policyDefinitions", [{"id": "/x", "properties": []}], "policyDefinitions[0]: properties"),
        ("hierarchy", [{"id": "/a"}], 'hierarchy[0]: "displayName" is missing'),
        (
            "hierarchy",
            [{"id": one, "displayName": "", "parent": other, "expected": True} for one, other in ("ab", "ba")],
            "hierarchy: a contains itself",
        ),
        ("initiativeOfAssignment", {"/a": 99}, "initiativeOfAssignment./a: 99 is no position"),
        (
            "initiativeOfAssignment",
            {"/a": 1},
            "initiativeOfAssignment./a: 1 is no position in policySetDefinitions, which has 1",
        ),
        ("initiativeOfAssignment", {"/a": -1}, "initiativeOfAssignment./a: -1 is no position"),
        ("initiativeOfAssignment", {"/a": "0"}, "initiativeOfAssignment./a: a whole number is expected"),
        ("cloud", "AzureGermanCloud", "cloud: one of AzureCloud"),
        ("takenAt", "yesterday", "takenAt: no date and time"),
        ("takenAt", "2026-11-28T00:00:00", "takenAt: the time zone is missing"),
        ("unread", [{}], 'unread[0]: "scope" is missing'),
        ("gone", [1], "gone[0]: a string is expected"),
        ("requests", None, "requests: a whole number is expected"),
    ],
)
def test_a_damaged_file_is_a_message_and_not_a_crash(record, tmp_path, name, value, says):
    path = tmp_path / "snapshot.json"
    path.write_text(damaged(json.loads("".join(snapshot_pieces(record))), name, value), encoding="utf-8")
    with pytest.raises(ReconcilerError) as refused:
        load_snapshot(path)
    assert refused.value.message.startswith(f"{path}: {says}")
    assert "exempt snapshot --out" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "nested more than 60 deep"),
        ("[]", "an object is expected"),
        ("{}", "no format_version"),
        ('{"format_version": 1}', "format_version 1 is no version"),
        ('{"format_version": "2.0"}', "reads 1.x"),
        ('{"format_version": "1.0", "format_version": "1.0"}', "twice"),
        ("\xff", "not JSON"),
    ],
)
def test_another_file_is_refused_with_the_reason(tmp_path, text, words):
    path = tmp_path / "other.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ReconcilerError, match=words):
        load_snapshot(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReconcilerError, match=r"there is no snapshot '.*none\.json'") as caught:
        load_snapshot(Path(tmp_path / "none.json"))
    assert caught.value.remedy == "name what 'exempt snapshot --out FILE' saved"
