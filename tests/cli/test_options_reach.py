"""Every option reaches what it is about. One snapshot of a small tenant serves all the commands that can do without Azure,
and none of them asks Azure anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
import pytest
import yaml
from cli.console import Ended, exempt
from main_job import repositories as repo

from reconciler.emulator.state.principals import PIPELINE

ONE, TWO = repo.subscription(1), repo.subscription(2)
GROUP = f"{TWO}/resourceGroups/rg-data"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
TRANSFER = "Secure transfer to storage accounts should be enabled"
POLICY = "404c3081-a854-4457-ae30-26a93ef643f9"
REFERENCE = "secureTransferToStorageAccountMonitoring"
END = datetime.now(UTC) + timedelta(days=100)
SOON, LATE = str(END.date()), str((END + timedelta(days=2)).date())
OURS = {"managedBy": "exempt", "owner": "contoso/exemptions", "target": GROUP, "declaration": "edited"}
BY_HAND = {"createdBy": emulated.PORTAL, "createdByType": "User", "createdAt": "2025-01-01T00:00:00Z"}
EDITED = GROUP + repo.EXEMPTIONS + "edited"


def declared(name: str, *scopes: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "recommendation": TRANSFER, "scopes": list(scopes), **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A repository, what Azure held, and which exemption a production run had adopted."""

    azure: emulated.Azure
    root: Path
    snapshot: Path
    record: Path

    def run(self, *arguments: str, check: int | None = None) -> Ended:
        """The command on what was saved."""
        before = len(self.azure.requests)
        ended = exempt(self.azure, *arguments, "--snapshot", str(self.snapshot), root=self.root, check=check)
        assert len(self.azure.requests) == before, "a saved snapshot is all that is read"
        return ended

    def json(self, *arguments: str, check: int | None = None) -> Any:
        return self.run(*arguments, "--format", "json", check=check).json


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder = tmp_path_factory.mktemp("saved")
    live = [
        {**repo.exemption(scope, name, AT_ROOT["id"], [REFERENCE], displayName=name, **more), "systemData": BY_HAND}
        for scope, name, more in (
            (GROUP, "edited", {"metadata": OURS, "exemptionCategory": "Mitigated"}),
            (repo.ROOT, "epac", {"metadata": {"pacOwnerId": "epac-prod"}, "expiresOn": f"{LATE}T00:00:00Z"}),
        )
    ]
    root = repo.write(
        folder / "repository",
        [declared("one", ONE, expiresOn=SOON, owner="ann@contoso.example"), declared("edited", GROUP)],
        writers=[PIPELINE.object_id],
    )
    repo.commit(root)
    record = folder / "record.json"
    document = {"format_version": "1.0", "tenantId": repo.TENANT, "owner": "contoso/exemptions"}
    record.write_text(json.dumps({**document, "adopted": [EDITED.lower()]}), encoding="utf-8")
    with emulated.running(repo.tenant(AT_ROOT, exemptions=live, resources=[GROUP])) as azure:
        exempt(azure, "apply", "--yes", "--scope", ONE, "--only", "declared", root=root)
        snapshot = folder / "snapshot.json"
        exempt(azure, "snapshot", "--out", str(snapshot), root=root, check=0)
        yield Saved(azure=azure, root=root, snapshot=snapshot, record=record)


def test_a_plan_of_a_snapshot_with_a_record_saves_itself_and_the_next_record(saved: Saved, tmp_path: Path) -> None:
    without = saved.json("plan", check=0)
    assert [(line["declaration"], line["cause"]) for line in without["held"]] == [("edited", "forged")]
    plan, record = tmp_path / "plan.json", tmp_path / "record.json"
    options = ["--record", str(saved.record), "--out", str(plan), "--record-out", str(record)]
    ended = saved.run("plan", *options, "--format", "json", check=0)
    assert ended.json["held"] == []
    assert [(change["declaration"], change["reason"]) for change in ended.json["changes"]] == [("edited", "edited")]
    assert plan.read_text(encoding="utf-8") == ended.stdout
    assert ended.stderr == f"saved to {plan}; apply exactly this with: exempt apply {plan}\n"
    expected = json.loads(saved.record.read_text(encoding="utf-8"))
    assert json.loads(record.read_text(encoding="utf-8")) == {"tool_version": ended.json["tool_version"], **expected}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), {"one", "edited", "epac"}),
        (("--scope", TWO), {"edited"}),
        (("--recommendation", "to storage"), {"one", "edited", "epac"}),
        (("--recommendation", "no such title"), set()),
        (("--category", "Mitigated"), {"edited"}),
        (("--owner", "ann@"), {"one"}),
        (("--severity", "Low"), set()),
        (("--expires-before", LATE), {"one"}),
        (("--never-ends",), {"edited"}),
        (("--declared",), {"one"}),
        (("--undeclared",), {"edited", "epac"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_list_has_what_its_options_choose(saved: Saved, options: tuple[str, ...], names: set[str]) -> None:
    entries = saved.json("list", *options, check=0)["exemptions"]
    assert {entry["displayName"].partition(":")[0] for entry in entries} == names


def test_a_list_knows_by_the_record_what_is_ours_and_counts_what_else_is_silent_where_asked(saved: Saved) -> None:
    def whose(*options: str) -> dict[str, str]:
        document = saved.json("list", "--scope", TWO, *options, check=0)
        assert (document["silencers"] is not None) is ("--silenced" in options)
        return {entry["name"]: entry["ownership"] for entry in document["exemptions"]}

    assert whose() == {"edited": "forged"}
    assert "sub Sub 2 00000000…0002" in saved.run("list", "--scope", TWO).stdout, "a subscription is shown by its name"
    assert whose("--record", str(saved.record)) == {"edited": "ours"}
    assert whose("--silenced") == {"edited": "forged"}


def test_drift_of_a_snapshot_saves_itself_in_every_form_and_knows_the_record_and_the_earlier_report(
    saved: Saved, tmp_path: Path
) -> None:
    out, sarif, comment, before = (tmp_path / name for name in ("out.json", "sarif", "comment", "before.json"))
    first = saved.run("drift", "--out", str(out), "--sarif", str(sarif), "--format", "json", check=2)
    assert out.read_text(encoding="utf-8") == first.stdout
    kinds = [finding["kind"] for finding in first.json["findings"]]
    assert sorted(kinds) == ["forged", "shadowed"]
    results = json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]
    assert sorted(result["ruleId"] for result in results) == sorted(kinds)
    again = saved.json("drift", "--since", str(out), "--comment", str(comment), check=2)
    assert {finding["new"] for finding in again["findings"]} == {False}
    assert not comment.exists(), "nothing is new"
    before.write_text(json.dumps({**first.json, "findings": []}), encoding="utf-8")
    saved.run("drift", "--since", str(before), "--comment", str(comment), check=2)
    assert "forged" in comment.read_text(encoding="utf-8")
    recorded = saved.json("drift", "--record", str(saved.record))
    assert "forged" not in {finding["kind"] for finding in recorded["findings"]}
    assert [finding["kind"] for finding in saved.json("drift", "--kind", "forged")["findings"]] == ["forged"]


def test_an_explanation_is_of_what_was_asked_for(saved: Saved) -> None:
    other = "Storage account should use a private link connection"
    exemptions = {
        title: saved.json("explain", GROUP, "--recommendation", title, check=0) for title in (TRANSFER, other)
    }
    assert exemptions[TRANSFER] != exemptions[other]
    assert EDITED.lower() in json.dumps(exemptions[TRANSFER]).lower()
    assert EDITED.lower() not in json.dumps(exemptions[other]).lower()
    by_record = saved.json("explain", GROUP, "--recommendation", TRANSFER, "--record", str(saved.record), check=0)
    assert by_record != exemptions[TRANSFER]
    assert saved.json("explain", "--declaration", "one", check=0)["declaration"] == "one"


def test_a_register_is_of_the_scope_and_the_record_that_were_named(saved: Saved, tmp_path: Path) -> None:
    def register(*options: str) -> tuple[str, set[tuple[str, str]]]:
        said = saved.run("register", "--out", str(tmp_path / "for/auditors/page"), *options, check=0).stderr
        document = json.loads((tmp_path / "for/auditors/page/register.json").read_text(encoding="utf-8"))
        rows = [dict(zip(document["columns"], row, strict=True)) for row in document["rows"]]
        assert document["texts"][rows[0]["name"]] in (tmp_path / "for/auditors/page/index.html").read_text(
            encoding="utf-8"
        )
        return said, {
            (document["texts"][row["name"]].partition("-")[0], document["texts"][row["whose"]]) for row in rows
        }

    page = tmp_path / "for/auditors/page/index.html"
    said, rows = register()
    assert rows == {("one", "ours"), ("edited", "forged mark"), ("epac", "epac-prod")}
    assert said == f"3 exemptions, 2 declarations and 2 findings in {page}\n"
    assert register("--scope", TWO)[1] == {("edited", "forged mark")}
    assert register("--scope", TWO, "--record", str(saved.record))[1] == {("edited", "ours")}


def test_an_import_takes_over_adopts_and_chooses_as_it_is_told(saved: Saved) -> None:
    def outcomes(*options: str) -> dict[str, str]:
        rows = saved.json("import", "live", "--dry-run", *options)["rows"]
        return {row["source"].rpartition("/")[2].partition("-")[0]: row["outcome"] for row in rows}

    assert outcomes() == {"one": "declared", "edited": "refused", "epac": "left"}
    assert outcomes("--adopt") == {"one": "declared", "edited": "declared", "epac": "left"}
    taken_over = outcomes("--take-over", "epac-prod")
    assert taken_over == {"one": "declared", "edited": "refused", "epac": "refused"}, "others are declared below it"
    assert outcomes("--created-by", "portal.user", "--scope", TWO) == {"edited": "refused"}
    assert outcomes("--title", "epac") == outcomes("--assignment", "mcsb", "--title", "EPAC") == {"epac": "left"}
    assert outcomes("--assignment", "nist") == {}


def test_rows_of_another_tool_are_said_as_the_options_tell(saved: Saved, tmp_path: Path) -> None:
    row = {"name": "row", "displayName": "Row", "description": "It retires.", "exemptionCategory": "Waiver"}
    row |= {
        "scope": "/subscriptions/subscriptionsPattern/sub*",
        "expiresOn": "6/1/2099",
        "policyDefinitionName": POLICY,
    }
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([row]), encoding="utf-8")

    def fields(*options: str) -> dict[str, Any]:
        document = saved.json("import", "epac", str(rows), "--dry-run", "--into", "theirs", *options, check=1)
        (file,) = document["files"]
        assert file["path"] == "exemptions/theirs/row.yaml"
        assert not (saved.root / file["path"]).exists()
        said: dict[str, Any] = yaml.load(file["text"], Loader=yaml.BaseLoader)
        return {name: said.get(name) for name in ("scopes", "expiresOn", "owner", "policyDefinition", "recommendation")}

    assert "6/1/2099" in saved.json("import", "epac", str(rows), check=1)["rows"][0]["message"]
    day, month = "2099-01-06T00:00:00Z", "2099-06-01T00:00:00Z"
    written = {"scopes": [ONE, TWO], "owner": "unknown", "policyDefinition": POLICY, "recommendation": None}
    assert fields("--date-order", "dmy") == {**written, "expiresOn": day}
    key = {"policyDefinition": None, "recommendation": "1c5de8e1-f68d-6a17-e0d2-ec259c42768c"}
    told = ("--date-order", "mdy", "--owner", "rows@contoso.example", "--as", "recommendation")
    assert fields(*told) == {**written, **key, "expiresOn": month, "owner": "rows@contoso.example"}


@pytest.mark.parametrize("command", ["validate", "plan", "drift", "apply"])
def test_the_base_that_is_named_is_the_one_that_counts(
    command: str, tmp_path: Path, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the base has already is only judged strictly against an earlier one."""
    root = repo.write(tmp_path, [], rules={"maxLifetimeDays": 30})
    start = repo.commit(root)
    repo.write(root, [declared("long", ONE)], rules={"maxLifetimeDays": 30})
    repo.commit(root, "Without an end")
    monkeypatch.chdir(root)
    more = {"apply": ["--yes", "--only", "expired"], "plan": ["--scope", ONE]}.get(command, [])
    for base, is_refused in (("HEAD", False), (start, True)):
        ended = exempt(saved.azure, command, *more, "--base", base, root=root)
        severity = "" if is_refused else "warning: "
        assert f"long.yaml:1:1: {severity}expiresOn: it never expires" in ended.stdout + ended.stderr
        assert (ended.code == 1) is is_refused
