"""The comment on a pull request: what it says of a change against its base, and that there always is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

from reconciler.cli import main
from reconciler.runs import plan as plan_run

TRANSFER = "Secure transfer to storage accounts should be enabled"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
MARKER = "<!-- exempt:plan -->\n"


def transfer(name: str, number: int, **fields: str) -> dict[str, object]:
    return {"name": name, "recommendation": TRANSFER, "scopes": [repo.subscription(number)], **fields}


def comment(azure: emulated.Azure, root: Path, *options: str, code: int = 0, **environment: str) -> str:
    done = emulated.exempt(azure, "plan", "--format", "markdown", *options, cwd=root, check=[code], **environment)
    assert done.stdout.startswith(MARKER)
    return done.stdout


def test_only_what_the_change_brings_is_its_own(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("merged", 1, expiresOn="2030-01-31")])
    base = repo.commit(root)
    repo.write(root, [transfer("merged", 1, expiresOn="2030-01-31"), transfer("asked", 2, ticket="SEC-1")])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        text = comment(azure, root, "--base", base)
        assert text.splitlines()[1] == "### 1 decision exempts more, without end."
        above, _, below = text.partition("<details>")
        assert re.search(r"^- \*\*more\*\* `asked`: \*\*High\*\* `Secure transfer", above, re.MULTILINE)
        assert "**never ends; a whole subscription**" in above
        assert "`It retires soon.` — owner `team@contoso.example`, ticket `SEC-1`" in above
        assert "merged" not in above
        assert "Not part of this change: 1 exemption of other decisions" in below
        repo.write(root, [transfer("merged", 1, expiresOn="2030-01-31")], limits={"deletes": 5})
        repo.commit(root)
        assert "**more** `merged`" in comment(azure, root, "--base", base), "settings concern every declaration"
        repo.git(root, "checkout", "--quiet", base)
        assert "**more** `merged`" in comment(azure, root, "--base", base), "nothing is under review on the base itself"


def test_it_says_how_many_resources_a_decision_covers_now(tmp_path: Path) -> None:
    at = repo.subscription(1)
    accounts = [
        f"{at}/resourceGroups/rg-{part}/providers/Microsoft.Storage/storageAccounts/st{part}{n}"
        for part in "ab"
        for n in (1, 2)
    ]
    sites = [f"{at}/resourceGroups/rg-a/providers/Microsoft.Web/sites/web{n}" for n in (1, 2, 3)]
    empty = f"{at}/resourceGroups/rg-empty"
    wishes = {
        "group": f"{at}/resourceGroups/RG-A",
        "whole": at,
        "above": repo.ROOT,
        "nothing": empty,
        "one": accounts[2],
    }
    root = repo.write(tmp_path, [transfer(name, 1) | {"scopes": [scope]} for name, scope in wishes.items()][:1])
    with emulated.running(repo.tenant(AT_ROOT, resources=[*accounts, *sites, empty])) as azure:
        labels = {}
        for name, scope in wishes.items():
            repo.write(root, [transfer(name, 1) | {"scopes": [scope]}])
            text = comment(azure, root)
            labels[name] = re.search(r"<br>(?:`[^`]*`)( \([^)]*\))?:", text).group(1)
        assert labels == {
            "group": " (2 of 5 resources now)",
            "whole": " (4 of 7 resources now)",
            "above": " (4 of 7 resources now)",
            "nothing": " (number of resources unknown)",
            "one": None,
        }
        done = emulated.exempt(azure, "plan", "--format", "json", cwd=root, check=[0])
        assert json.loads(done.stdout)["decisions"][0]["resources"] == {"total": 1, "evaluated": None}


def test_what_resource_graph_refuses_to_count_is_unknown_and_fails_nothing(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("whole", 1)])
    refused = {"path": "Microsoft.ResourceGraph", "status": 403, "code": "AuthorizationFailed"}
    with emulated.running(repo.tenant(AT_ROOT, faultInjection={"faults": [refused]})) as azure:
        done = emulated.exempt(azure, "plan", cwd=root, check=[0])
    assert "(number of resources unknown)" in done.stdout
    assert "how many resources the decisions cover is not known" in done.stderr


def test_a_weakened_bundled_fact_stands_first(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("one", 1)])
    base = repo.commit(root)
    weaker = "recommendations:\n  - key: 1c5de8e1-f68d-6a17-e0d2-ec259c42768c\n    severity: Low\n"
    (root / "catalog.yaml").write_text(weaker)
    repo.write(root, [transfer("one", 1), transfer("two", 2)])
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        text = comment(azure, root, "--base", base)
    assert text.splitlines()[3] == "**Bundled facts that this weakens (1)**"
    assert f"`this weakens a bundled fact: '{TRANSFER}' is Low here and High in the bundled facts`" in text
    assert text.index("weakens") < text.index("`two`")
    assert "Warnings for the changed files" not in text


def test_a_weakened_bundled_fact_stands_first_where_the_repository_is_invalid_too(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("one", 1)])
    weaker = "recommendations:\n  - key: 1c5de8e1-f68d-6a17-e0d2-ec259c42768c\n    severity: Low\n"
    (root / "catalog.yaml").write_text(weaker)
    for number in range(30):
        (root / "exemptions" / f"a{number}.yaml").write_text("name: 5\n")
    text = exempt(None, "plan", "--format", "markdown", root=root, check=1).stdout
    assert text.splitlines()[1].startswith("### No plan: the repository is invalid")
    assert text.splitlines()[3] == "**Bundled facts that this weakens (1)**"
    assert f"'{TRANSFER}' is Low here and High in the bundled facts" in text.splitlines()[5]


def test_a_removed_declaration_is_a_change_of_the_request_that_removes_it(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("old", 1), transfer("kept", 2)])
    base = repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [transfer("kept", 2)])
        repo.commit(root)
        text = comment(azure, root, "--base", base)
    assert text.splitlines()[1] == "### 1 decision ends."
    assert "**ends** `old`" in text
    assert "because its declaration was removed" in text


def test_names_are_links_where_a_pipeline_says_where_files_are(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "teams" / "data", [transfer("asked", 1)])
    surroundings = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "contoso/exemptions",
        "GITHUB_SHA": "3f2c1ab",
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        text = comment(azure, root, **surroundings)
    assert "[`asked`](https://github.com/contoso/exemptions/blob/3f2c1ab/teams/data/exemptions/asked.yaml#L1)" in text


def test_an_invalid_repository_has_a_comment_with_every_mistake(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("asked", 1, category="Waver"), transfer("other", 1, expiresOn="soon")])
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        text = comment(azure, root, code=1)
        assert azure.requests == []
    assert text.splitlines()[1] == "### No plan: the repository is invalid."
    assert "`exemptions/asked.yaml:" in text
    assert "`exemptions/other.yaml:" in text
    assert text.endswith("What this change would do is not known. An earlier comment is no longer current.\n")


def test_an_azure_that_answers_nothing_has_a_comment(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [transfer("asked", 1)])
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        text = comment(azure, root, code=1, IDENTITY_ENDPOINT="http://127.0.0.1:9/")
    assert text.splitlines()[1].startswith("### No plan: Azure ")


@pytest.mark.parametrize(
    ("error", "cause"), [(ValueError("@team"), "exempt itself failed"), (KeyboardInterrupt(), "the run was cut off")]
)
def test_a_crash_has_a_comment(
    error: BaseException, cause: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(plan_run, "run", fail)
    with pytest.raises(type(error)):
        main.main(["plan", "--format", "markdown"])
    text = capsys.readouterr().out
    assert text.startswith(f"{MARKER}### No plan: {cause}.\n")
    assert "@team" not in text
