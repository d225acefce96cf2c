"""One tenant read and written in parts, by identities that each may do only theirs: one plan, one approval, the same end."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo

from reconciler.azure.merged_snapshot import merge_snapshots
from reconciler.azure.raw_snapshot import RawSnapshot, ScopeNode
from reconciler.azure.rights import EXEMPT_ACTION, Role, role_definitions
from reconciler.model import Cloud, Unread, arm_id
from reconciler.problems import ReconcilerError

TRANSFER = "Secure transfer to storage accounts should be enabled"
REFERENCE = "secureTransferToStorageAccountMonitoring"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
SUBS = [repo.subscription(1), repo.subscription(2)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Something declared in each subscription and at the group, and a portal's duplicate of one."""
    declarations = [
        {"name": "first", "recommendation": TRANSFER, "scopes": [SUBS[0]]},
        {"name": "second", "recommendation": TRANSFER, "scopes": [SUBS[1]]},
        {"name": "everywhere", "recommendation": "f2f595ec-5dc6-68b4-82ef-b63563e9c610", "scopes": [repo.ROOT]},
    ]
    root = repo.write(tmp_path / "repository", declarations)
    repo.commit(root)
    return root


@pytest.fixture
def azure() -> Any:
    portal = [repo.exemption(SUBS[1], name, AT_ROOT["id"], [REFERENCE]) for name in ("one", "two")]
    stray = repo.exemption(SUBS[0], "stray", AT_ROOT["id"], ["storageAccountsShouldRestrictNetworkAccessMonitoring"])
    with emulated.running(repo.tenant(AT_ROOT, exemptions=[*portal, stray])) as cloud:
        yield cloud


def read(azure: emulated.Azure, root: Path, name: str, *options: str) -> str:
    path = root.parent / f"{name}.json"
    emulated.exempt(azure, "snapshot", "--out", str(path), *options, cwd=root, check=[0])
    return str(path)


def merged(azure: emulated.Azure, root: Path, *parts: str, code: int = 0) -> str:
    path = root.parent / "whole.json"
    emulated.exempt(azure, "snapshot", "--merge", *parts, "--out", str(path), cwd=root, check=[code])
    return str(path)


def plan(azure: emulated.Azure, root: Path, *options: str, code: int = 0) -> dict[str, Any]:
    return json.loads(emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=[code]).stdout)


def test_the_plan_of_the_parts_is_the_plan_of_the_whole_and_is_applied_part_by_part(
    azure: emulated.Azure, root: Path
) -> None:
    parts = [read(azure, root, "groups", "--groups"), *(read(azure, root, sub[-1], "--scope", sub) for sub in SUBS)]
    whole = plan(azure, root)
    saved = root.parent / "plan.json"
    of_parts = plan(azure, root, "--snapshot", merged(azure, root, *parts), "--out", str(saved))
    assert of_parts["digest"] == whole["digest"]
    assert {change["reason"] for change in whole["changes"]} == {"declared", "adopt", "duplicate"}
    before = len(azure.exemptions)
    for sub in SUBS:
        emulated.exempt(azure, "apply", str(saved), "--scope", sub, "--yes", cwd=root, check=[0])
    assert len(azure.exemptions) == before  # one created, one duplicate gone; the group's waits for its own part
    emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[0])
    assert plan(azure, root)["changes"] == []


def test_identities_that_see_only_their_subscription_read_and_write_their_part(root: Path, tmp_path: Path) -> None:
    """Nobody but the reader of the groups sees anything above; together they adopt, narrow and complete one plan."""
    (root / "exemptions" / "everywhere.yaml").unlink()
    repo.commit(root, "Nothing for all")
    portal = [repo.exemption(SUBS[1], name, AT_ROOT["id"], [REFERENCE]) for name in ("one", "two")]
    exempt_there = [{"actions": [EXEMPT_ACTION], "scope": AT_ROOT["id"]}]
    people = {
        "reader-groups": repo.ROOT,
        "reader-1": SUBS[0],
        "reader-2": SUBS[1],
        "writer-1": SUBS[0],
        "writer-2": SUBS[1],
    }
    principals, clients = [], {}
    for number, (name, scope) in enumerate(people.items()):
        clients[name] = f"0b1ec700-0000-4000-8000-{100 + number:012d}"
        (role,) = role_definitions(Role(name.partition("-")[0]), [arm_id(scope)])
        sees_it = [{"actions": ["Microsoft.Security/assessments/read", "Microsoft.Resources/*/read"], "scope": scope}]
        roles = [{"actions": role["Actions"], "scope": scope}, *(exempt_there if "writer" in name else sees_it)]
        ids = {"objectId": clients[name].replace("-8000-", "-9000-"), "clientId": clients[name]}
        principals.append({**ids, "name": name, "type": "Application", "roles": roles})
    with emulated.running(repo.tenant(AT_ROOT, exemptions=portal, principals=principals)) as azure:

        def run(who: str, *words: str) -> Any:
            return emulated.exempt(azure, *words, cwd=root, check=[0], AZURE_CLIENT_ID=clients.get(who, ""))

        def read(folder: str) -> str:
            whole, parts = tmp_path / f"{folder}.json", tmp_path / folder
            parts.mkdir()
            run("reader-groups", "snapshot", "--groups", "--out", str(parts / "groups.json"))
            for number, sub in enumerate(SUBS, start=1):
                run(f"reader-{number}", "snapshot", "--scope", sub, "--out", str(parts / f"{number}.json"))
            run("nobody", "snapshot", "--merge", str(parts), "--out", str(whole))
            return str(whole)

        saved, records = str(tmp_path / "plan.json"), tmp_path / "records"
        records.mkdir()
        run("nobody", "plan", "--snapshot", read("before"), "--out", saved)
        for number, sub in enumerate(SUBS, start=1):
            done = run(
                f"writer-{number}",
                "apply",
                saved,
                "--scope",
                sub,
                "--yes",
                "--record-out",
                str(records / f"{number}.json"),
            )
            assert "no longer needed" not in done.stderr, "what others write is not superfluous"
            run(f"reader-{number}", "status", "--scope", sub)
        record = tmp_path / "record.json"
        after = read("after")
        done = run(
            "nobody", "plan", "--snapshot", after, "--record", str(records), "--record-out", str(record),
            "--detailed-exitcode", "--format", "json",
        )  # fmt: skip
        assert json.loads(done.stdout)["changes"] == []
        (adopted,) = json.loads(record.read_text())["adopted"]
        assert adopted in {each["id"].lower() for each in portal}
        gone = adopted.replace(adopted.rpartition("/")[2], "gone")
        (records / "1.json").write_text(record.read_text().replace(adopted, gone))
        run("nobody", "plan", "--snapshot", after, "--record", str(records), "--record-out", str(record))
        assert json.loads(record.read_text())["adopted"] == [adopted], "what is gone is forgotten"


def test_what_is_in_no_part_counts_as_unread(azure: emulated.Azure, root: Path) -> None:
    groups, first = read(azure, root, "groups", "--groups"), read(azure, root, "1", "--scope", SUBS[0])
    incomplete = plan(azure, root, "--snapshot", merged(azure, root, groups, first, code=1), code=1)
    (unread,) = incomplete["unread"]
    assert unread["scope"] == SUBS[1]
    assert unread["remedy"].startswith(f"add one: exempt snapshot --scope {SUBS[1]}")
    assert [change["declaration"] for change in incomplete["changes"]] == ["everywhere", "first"]
    assert {(line["declaration"], line["cause"]) for line in incomplete["held"]} >= {("second", "unread")}
    without_groups = plan(azure, root, "--snapshot", merged(azure, root, first, code=1), code=1)
    assert {entry["scope"] for entry in without_groups["unread"]} >= {repo.ROOT, SUBS[1]}
    assert [change["declaration"] for change in without_groups["changes"]] == ["first"]


def test_what_changed_between_the_parts_counts_as_unread(azure: emulated.Azure, root: Path) -> None:
    parts = [read(azure, root, "groups", "--groups"), read(azure, root, "1", "--scope", SUBS[0])]
    late = repo.exemption(repo.ROOT, "late", AT_ROOT["id"], [REFERENCE])
    emulated.Client(azure, emulated.PORTAL).put(late["id"], late["properties"])
    parts.append(read(azure, root, "2", "--scope", SUBS[1]))
    found = plan(azure, root, "--snapshot", merged(azure, root, *parts, code=1), code=1)
    (unread,) = found["unread"]
    assert unread["scope"] == repo.ROOT
    assert "it changed between them" in unread["reason"]


def test_parts_of_another_tenant_and_options_without_effect_are_refused(azure: emulated.Azure, root: Path) -> None:
    part = Path(read(azure, root, "groups", "--groups"))
    other = root.parent / "other.json"
    other.write_text(part.read_text().replace(repo.TENANT, "c0ffee00-0000-4000-8000-00000000000f", 1))
    refused = emulated.exempt(azure, "snapshot", "--merge", str(part), str(other), cwd=root, check=[1])
    assert refused.stderr == (
        f"error: {other} is of tenant c0ffee00-0000-4000-8000-00000000000f, but reconciler.yaml names {repo.TENANT}\n"
        "help: leave it out\n"
    )
    empty = root.parent / "empty"
    empty.mkdir()
    refused = emulated.exempt(azure, "snapshot", "--merge", str(empty), cwd=root, check=[1])
    assert refused.stderr == (
        f"error: {empty} holds no snapshot (*.json)\nhelp: take some: exempt snapshot --scope ID --out FILE\n"
    )
    refused = emulated.exempt(azure, "snapshot", "--merge", str(part), "--groups", cwd=root, check=[1])
    assert refused.stderr == (
        "error: --merge reads nothing, so --scope and --groups have no effect\nhelp: leave them out\n"
    )


def test_groups_of_a_scope_that_holds_none_are_refused(azure, root):
    for scope, kind in ((SUBS[0], "subscription"), (f"{SUBS[0]}/resourceGroups/rg", "resource group")):
        refused = emulated.exempt(azure, "snapshot", "--groups", "--scope", scope, cwd=root, check=[1])
        assert refused.stdout == ""
        assert refused.stderr == (
            f"error: --groups reads management groups, and --scope names a {kind}, which holds none\n"
            "help: leave --groups out to read what it holds, or --scope to read all management groups\n"
        )
    below = emulated.exempt(azure, "snapshot", "--groups", "--scope", repo.ROOT, cwd=root, check=[0])
    assert json.loads(below.stdout)["policyAssignments"]


def test_where_no_group_is_managed_the_groups_are_an_empty_part_and_that_is_said(tmp_path, azure):
    declared = [{"name": "first", "recommendation": TRANSFER, "scopes": [SUBS[0]]}]
    root = repo.write(tmp_path / "repository", declared, scopes=SUBS)
    repo.commit(root)
    groups = root.parent / "groups.json"
    said = emulated.exempt(azure, "snapshot", "--groups", "--out", str(groups), cwd=root, check=[0]).stderr
    assert said.startswith(
        "warning: no management group is read, since `scopes` in reconciler.yaml names none: --groups takes an empty part, "
        "and the snapshots of the subscriptions (--scope ID) make the whole\n"
    )
    parts = [str(groups), *(read(azure, root, sub[-1], "--scope", sub) for sub in SUBS)]
    assert "warning" not in emulated.exempt(azure, "snapshot", "--scope", SUBS[0], cwd=root, check=[0]).stderr
    of_parts = plan(azure, root, "--snapshot", merged(azure, root, *parts))
    assert of_parts["digest"] == plan(azure, root)["digest"]


# --- what the parts come to --------------------------------------------------------------------------------------

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ONE, TWO = map(arm_id, SUBS)
AGAIN = "take the parts again, one after the other"


def part(*expected: Any, unread: Sequence[Unread] = (), **more: Any) -> RawSnapshot:
    """Read of these subscriptions, in which there is nothing."""
    fields = {
        "tenant_id": repo.TENANT,
        "cloud": Cloud.PUBLIC,
        "taken_at": NOON,
        "nodes": tuple(ScopeNode(id=scope, parent=arm_id(repo.ROOT), expected=True) for scope in expected),
        "assignments": (),
        "exemptions": (),
        "initiatives": (),
        "used": {},
        "unread": tuple(unread),
    }
    return RawSnapshot(**{**fields, **more})


def test_what_one_part_could_not_read_is_read_where_another_part_did() -> None:
    line = Unread(scope=ONE, what="exemptions", message="not for you", remedy="ask")
    refused = part(ONE, unread=[line])
    assert merge_snapshots([refused, part(ONE)], [ONE]).unread == ()
    assert merge_snapshots([refused, refused], [ONE]).unread == (line,)
    assert merge_snapshots([part(TWO), refused], [ONE, TWO]).unread == (line,)
    assert merge_snapshots([refused, part(ONE, unread=[replace(line, what="assignments")])], [ONE]).unread == ()


def test_a_managed_subscription_that_no_part_knows_is_unread_and_how_to_add_it_is_said() -> None:
    whole = merge_snapshots([part(ONE)], [ONE, arm_id(f"{TWO}/resourceGroups/rg")])
    remedy = f"add one: exempt snapshot --scope {TWO}, or --groups for all management groups"
    line = Unread(scope=TWO, what="exemptions", message="it is in none of the snapshots", remedy=remedy)
    assert whole.unread == (line,)
    assert [node.id for node in whole.nodes if node.expected] == [ONE, TWO]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"tenant_id": "another"}, f"tenant: {repo.TENANT} and another"),
        ({"cloud": Cloud.CHINA}, "cloud: AzureCloud and AzureChinaCloud"),
        (
            {"versions": {"policyExemptions": "2"}},
            "API versions: {'policyExemptions': '1'} and {'policyExemptions': '2'}",
        ),
    ],
)
def test_parts_of_different_origin_do_not_belong_together(other: dict[str, Any], words: str) -> None:
    first = part(ONE, versions={"policyExemptions": "1"})
    assert merge_snapshots([first, replace(first, tenant_id=repo.TENANT.upper())], [ONE]).versions == first.versions
    with pytest.raises(ReconcilerError) as caught:
        merge_snapshots([first, first, replace(first, **other)], [ONE])
    assert (str(caught.value), caught.value.remedy) == (f"the snapshots are of different {words}", AGAIN)


def test_the_whole_is_as_old_as_its_oldest_part_and_took_the_requests_of_all() -> None:
    late = part(TWO, taken_at=NOON + timedelta(hours=1), requests=5, exists=frozenset({"x"}), similar={"a": (TWO,)})
    early = part(ONE, requests=3, gone=frozenset({"x", "y"}), similar={"b": (ONE,)})
    whole = merge_snapshots([late, early], [ONE, TWO])
    assert (whole.taken_at, whole.requests, whole.similar) == (NOON, 8, {"a": (TWO,), "b": (ONE,)})
    assert (whole.exists, whole.gone) == ({"x"}, {"y"}), "what one part shows is not gone because another missed it"


def test_an_object_that_the_parts_show_differently_is_named_with_what_to_do() -> None:
    there = repo.exemption(repo.ROOT, "there", AT_ROOT["id"])
    edited = {**there, "properties": {**there["properties"], "description": "edited"}}
    message = f"the snapshots show {there['id']} differently: it changed between them"
    line = Unread(scope=arm_id(repo.ROOT), what="exemptions", message=message, remedy=AGAIN)
    for second in ((edited,), ()):
        whole = merge_snapshots([part(ONE, exemptions=(there,)), part(TWO, exemptions=second)], [ONE, TWO])
        assert whole.unread == (line,)
    copy = {**there, "id": there["id"].upper()}
    whole = merge_snapshots([part(ONE, exemptions=(there,)), part(TWO, exemptions=(copy,))], [ONE, TWO])
    assert (whole.unread, whole.exemptions) == ((), (there,))
