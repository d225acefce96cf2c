"""What every command that asks Azure does, whichever it is: it says where it asks, and what is wrong in reconciler.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from main_job import repositories as repo

from reconciler.emulator import Azure

ONE = repo.subscription(1)
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9"
OTHER_TENANT = "dddddddd-0000-4000-8000-000000000000"
ELSEWHERE = {
    "EXEMPT_ARM_ENDPOINT": "https://arm.invalid",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "planted",
    "AZURE_CLIENT_ID": "0b1ec700-0000-4000-8000-000000000009",
    "AZURE_TENANT_ID": OTHER_TENANT,
}
"""A job of a workflow for another tenant: nobody is logged in, so nothing is asked for there."""

READ_SETTINGS_ALONE = (
    ("list",),
    ("status", "--score"),
    ("doctor",),
    ("doctor", "--read-only"),
    ("catalog", "diff"),
    ("catalog", "refresh"),
    ("import", "live", "--dry-run"),
    ("snapshot", "--out", "snapshot.json"),
    ("emulator", "prove", "--scope", ONE),
)
JUDGE_DECLARATIONS = (
    ("plan",),
    ("apply", "--yes"),
    ("drift",),
    ("explain", "--declaration", "web"),
    ("status",),
    ("register", "--out", "site"),
    ("list", "--in-force"),
)


@pytest.fixture(scope="module")
def azure() -> Iterator[Azure]:
    with emulated.running(repo.tenant()) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    declared = {"name": "web", "policyDefinition": POLICY, "scopes": [ONE]}
    return repo.write(tmp_path, [declared], armEndpoint="https://arm.invalid")


@pytest.mark.parametrize("words", [*READ_SETTINGS_ALONE, *JUDGE_DECLARATIONS], ids=" ".join)
def test_another_host_than_the_clouds_is_said_and_that_nobody_is_logged_in(
    azure: Azure, root: Path, words: tuple[str, ...]
) -> None:
    ended = exempt(azure, *words, root=root, check=1, **ELSEWHERE)
    assert "warning: requests to Azure go to arm.invalid, as EXEMPT_ARM_ENDPOINT says\n" in ended.stderr
    assert f"AZURE_TENANT_ID is {OTHER_TENANT}, but reconciler.yaml manages tenant " in ended.stdout + ended.stderr
    assert "name the same tenant" in " ".join((ended.stdout + ended.stderr).split())


@pytest.mark.parametrize("words", [*READ_SETTINGS_ALONE, *JUDGE_DECLARATIONS], ids=" ".join)
def test_a_mistake_in_the_settings_is_shown_where_it_stands(azure: Azure, root: Path, words: tuple[str, ...]) -> None:
    settings = root / "reconciler.yaml"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}cloud: Elsewhere\n", encoding="utf-8")
    before = len(azure.requests)
    ended = exempt(azure, *words, root=root, check=1)
    assert "reconciler.yaml:6:8: cloud: " in ended.stdout + ended.stderr
    assert ended.stderr.splitlines()[-1] == "help: correct them; 'exempt validate' shows them again"
    assert len(azure.requests) == before
