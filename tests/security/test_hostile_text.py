"""Hostile text in declarations, in reconciler.yaml and in live objects, through every command and every form.

The reports' own tests prove the escaping for any text; here the whole way is walked, from Azure and YAML to the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emulated
import pytest
from main_job import repositories as repo
from markdown_it import MarkdownIt

SPICE = (
    "\n::error::pwned\n ::add-mask::a ##[error]b ##vso[task.setvariable variable=c]d %0A::warning::e\r\x1b[2J\x1b]52;c;eA==\x07"
    "\u202e\u2066\u200b`` ``` ````\n# Approved by @contoso/security\n| a | b |\n<img src=https://evil.example/x.png>"
    "<script>alert(1)</script></details>](https://evil.example) ![x](https://evil.example) $(touch pwned) {{7*7}}"
)
PLAIN = (
    "::error::pwned ##[error]b ##vso[task.complete]d %0A::warning::e `` ``` ```` # Approved by @contoso/security | a | b |"
    " <img src=https://evil.example/x.png><script>alert(1)</script></details>](https://evil.example) $(touch pwned)"
)
"""What a declaration may hold: the loader refuses control and bidirectional characters."""

REFERENCE = "secureTransferToStorageAccountMonitoring"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
COMMAND = re.compile(r"^\s*::|##\[|##vso\[", re.MULTILINE | re.IGNORECASE)


def declarations() -> list[dict[str, Any]]:
    common = {
        "recommendation": "Secure transfer to storage accounts should be enabled",
        "justification": PLAIN,
        "displayName": PLAIN[:120],
        "owner": PLAIN,
        "ticket": PLAIN[:60],
        "metadata": {PLAIN[:100]: PLAIN},
    }
    return [
        {**common, "name": "one", "scopes": [repo.subscription(1)]},
        {**common, "name": "gone", "scopes": [f"{repo.subscription(2)}/resourceGroups/missing"]},
    ]


def live() -> dict[str, Any]:
    """Exemptions of ours, of a foreign owner and of nobody, one whole and one expired, and names to match."""
    to = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK, displayName=SPICE, description=SPICE)
    spice = {"displayName": SPICE, "description": SPICE}
    two = repo.subscription(2)
    mine = {"managedBy": "exempt", "owner": "contoso/exemptions"}
    exemptions = [
        repo.exemption(two, "unmanaged", to["id"], [REFERENCE], **spice, metadata={SPICE: SPICE}),
        repo.exemption(two, "removed", to["id"], ["x" + SPICE], **spice, metadata={**mine, "declaration": SPICE, "target": two}),
        repo.exemption(two, "other", to["id"], ["other"], **spice, metadata={"pacOwnerId": SPICE}),
        repo.exemption(two, "whole", to["id"], **spice, metadata={"deployedBy": SPICE}),
        repo.exemption(two, "expired", to["id"], ["y"], **spice, expiresOn="2025-01-01T00:00:00Z"),
    ]  # fmt: skip
    system = {"createdAt": "2025-01-01T00:00:00Z", "createdBy": SPICE, "createdByType": "User"}
    content = repo.tenant(to, exemptions=[{**each, "systemData": system} for each in exemptions])
    content["managementGroups"][0]["displayName"] = SPICE
    for each in content["subscriptions"]:
        each["displayName"] = SPICE
    return content


@dataclass(frozen=True)
class Scene:
    azure: emulated.Azure
    root: Path

    def told(self, *command: str) -> tuple[str, str]:
        done = emulated.exempt(self.azure, *command, cwd=self.root, check=[0, 1, 2])
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stdout or command[0] == "doctor", done.stderr
        return done.stdout, done.stderr


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = repo.write(tmp_path_factory.mktemp("data"), declarations(), limits={"deletes": 0})
    repo.commit(root, SPICE.replace("\x00", ""))
    with emulated.running(live()) as azure:
        yield Scene(azure, root)


TEXT = [
    ["validate"],
    ["plan"],
    ["plan", "--allow-deletes", "9"],
    ["drift"],
    ["explain", repo.subscription(2)],
    ["doctor"],
    ["apply", "--yes", "--only", "revert"],
]


@pytest.mark.parametrize("command", TEXT, ids=" ".join)
def test_text_has_no_control_character_and_no_command(scene: Scene, command: list[str]) -> None:
    for text in scene.told(*command):
        assert not CONTROLS.search(text), CONTROLS.search(text)
        assert not COMMAND.search(text), COMMAND.search(text)


@pytest.mark.parametrize("command", [["plan"], ["drift"], ["apply", "--yes", "--only", "revert"]], ids=" ".join)
def test_markdown_renders_values_as_code_and_pings_nobody(scene: Scene, command: list[str]) -> None:
    text, said = scene.told(*command, "--format", "markdown")
    assert "evil.example" in text or command[0] == "apply", "the hostile text is there to be seen"
    assert not CONTROLS.search(text + said)
    assert not COMMAND.search(text + said)
    assert not re.search(r"(?<![A-Za-z0-9_])@[A-Za-z0-9_-]", text.replace("portal.azure.com/#@", ""))
    kinds = set()
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        kinds.add(token.type)
        if token.type == "html_block":
            assert not re.search(r"<(?!!--|/?(details|summary)\b)", token.content), token.content
        for child in token.children or ():
            assert child.type not in {"image", "link_open"}, child
            if child.type == "html_inline":
                assert re.fullmatch(r"</?(details|summary|sub)>|<br>|<!--.*-->", child.content), child.content
            if child.type == "text":
                assert "evil" not in child.content
                assert "Approved" not in child.content


def test_the_page_has_no_element_of_theirs(scene: Scene) -> None:
    page, _ = scene.told("drift", "--format", "html")
    assert "evil.example" in page
    assert not re.search(r"<(img|script)[^>]*(evil|alert)|<script>alert|href=.https://evil", page)
    assert not CONTROLS.search(page)


@pytest.mark.parametrize(
    "command",
    [["plan", "--format", "json"], ["drift", "--format", "json"], ["drift", "--format", "sarif"], ["snapshot"],
     ["doctor", "--format", "json"],
    ["validate", "--format", "sarif"], ["validate", "--format", "json"], ["explain", repo.subscription(2), "--format", "json"],
     ["apply", "--yes", "--only", "revert", "--format", "json"]],
    ids=" ".join,
)  # fmt: skip
def test_json_says_exactly_what_is_there_in_harmless_letters(scene: Scene, command: list[str]) -> None:
    text, said = scene.told(*command)
    assert json.loads(text)
    assert not CONTROLS.search(text + said)
    assert not COMMAND.search(text + said)


def test_json_keeps_what_anybody_wrote_letter_by_letter(scene: Scene) -> None:
    """Escaped for the stream, and whole again for whoever reads the JSON: nothing is dropped, cut or made up."""
    drift = json.loads(scene.told("drift", "--format", "json")[0])
    assert SPICE in {finding["systemData"]["createdBy"] for finding in drift["findings"] if finding["systemData"]}
    snapshot = json.loads(scene.told("snapshot")[0])
    exemptions = [exemption["properties"] for exemption in snapshot["policyExemptions"]]
    assert {exemption["displayName"] for exemption in exemptions} == {SPICE}
    assert {"x" + SPICE} in [set(exemption.get("policyDefinitionReferenceIds", ())) for exemption in exemptions]
    plan = json.loads(scene.told("plan", "--format", "json")[0])
    wanted = [change["after"] for change in plan["changes"] if change["declaration"] == "one" and change["after"]]
    assert wanted
    for properties in wanted:
        assert (properties["description"], properties["displayName"]) == (PLAIN, PLAIN[:120])
        assert properties["metadata"][PLAIN[:100]] == PLAIN


def test_annotations_are_ours_alone(tmp_path: Path) -> None:
    bad = {"name": "one", "recommendation": PLAIN, "scopes": [PLAIN], "category": PLAIN, PLAIN: PLAIN}
    root = repo.write(tmp_path, [bad, {"name": "two", "recommendation": SPICE, "scopes": [SPICE]}])
    with emulated.running(repo.tenant()) as azure:
        done = emulated.exempt(azure, "validate", "--format", "github", cwd=root, check=[1])
    rows = done.stdout.splitlines()
    assert rows
    assert all(re.match(r"::(error|warning) file=[^:]*::", row) for row in rows), done.stdout
    assert not COMMAND.search(done.stderr)
    assert not CONTROLS.search(done.stdout + done.stderr)


def test_hostile_settings_and_overlay_are_only_text(tmp_path: Path) -> None:
    root = repo.write(tmp_path, [], owner=PLAIN, scopes=[PLAIN], rules={"ticketPattern": "(a+)+$" * 50 + PLAIN})
    (root / "catalog.yaml").write_text(
        json.dumps({PLAIN: [PLAIN], "recommendations": {PLAIN: PLAIN}}), encoding="utf-8"
    )
    with emulated.running(repo.tenant()) as azure:
        for form in ("text", "github", "json", "sarif"):
            done = emulated.exempt(azure, "validate", "--format", form, cwd=root, check=[1])
            assert "Traceback" not in done.stderr
            body = re.sub(r"^::(error|warning) file=[^:]*::", "", done.stdout, flags=re.MULTILINE)
            assert not COMMAND.search(body + done.stderr), body
            assert not CONTROLS.search(body + done.stderr)
        assert azure.requests == []
