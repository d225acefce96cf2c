"""A judge for development: what people see in an editor, from the YAML language server that editors run (npm).

`make test-editor` runs it; not part of `make test`, which reaches no network and needs no Node.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipelines.test_init import TOOL, exempt

SERVER = Path(os.environ["EDITOR_NODE"]) / "node_modules" / ".bin" / "yaml-language-server"
DECLARATION = """\
name: legacy-sql-tde
recommendation: 651967bf-044e-4bde-8376-3e08e0600105
scopes:
  - /subscriptions/c0ffee00-0000-4000-8000-000000000003
category: 
justification: Retires.
owner: data@contoso.example
"""  # noqa: W291 - the cursor stands behind `category: `


class Editor:
    """One language server, spoken to as an editor does, with the settings that `exempt init` wrote."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.number = 0
        self.problems: dict[str, list[str]] = {}
        self.settings = json.loads((root / ".vscode" / "settings.json").read_text(encoding="utf-8"))
        self.process = subprocess.Popen([SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        folder = {"uri": root.as_uri(), "name": root.name}
        capabilities = {"workspace": {"configuration": True, "workspaceFolders": True}}
        self.ask(
            "initialize",
            {"processId": None, "rootUri": root.as_uri(), "workspaceFolders": [folder], "capabilities": capabilities},
        )
        self.send({"method": "initialized", "params": {}})

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            if match := re.fullmatch(rb"Content-Length: (\d+)", line):
                length = int(match[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if "id" in message and "method" in message:  # the server asks: for the settings, or to register something
            self.send({"id": message["id"], "result": self._answer(message)})
        if message.get("method") == "textDocument/publishDiagnostics":
            found = [problem["message"] for problem in message["params"]["diagnostics"]]
            self.problems[message["params"]["uri"]] = found
        return message

    def _answer(self, message: dict[str, Any]) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        sections = {
            "yaml": {
                "schemas": self.settings["yaml.schemas"], "schemaStore": {"enable": False},
                "hover": True, "completion": True, "validate": True,
            }
        }  # fmt: skip
        return [sections.get(item.get("section"), {}) for item in message["params"]["items"]]

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self.number and "method" not in message:
                return message["result"]

    def open(self, name: str, text: str) -> str:
        uri = (self.root / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while uri not in self.problems:
            self.receive()
        return uri

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        return self.ask(
            f"textDocument/{method}",
            {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}},
        )


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    exempt("init", "new", "--tool", TOOL, cwd=tmp_path)
    editor = Editor(tmp_path / "new")
    yield editor
    with editor.process as process:
        process.kill()


def test_a_field_is_explained_and_its_values_are_offered(editor: Editor) -> None:
    uri = editor.open("exemptions/data/legacy-sql-tde.yaml", DECLARATION)
    hover = editor.at("hover", uri, 4, 3)["contents"]["value"]
    assert "Waiver: the risk is accepted" in hover
    labels = {item["label"] for item in editor.at("completion", uri, 4, 10)["items"]}
    assert {"Waiver", "Mitigated"} <= labels


def test_fields_that_are_missing_or_mistyped_are_marked_as_one_types(editor: Editor) -> None:
    uri = editor.open("exemptions/other.yaml", "name: other\nexpires: 2027-01-31\n")
    problems = " ".join(editor.problems[uri])
    assert "expires" in problems
    assert "justification" in problems
    labels = {item["label"] for item in editor.at("completion", uri, 2, 0)["items"]}
    assert {"expiresOn", "justification", "scopes"} <= labels


def test_settings_have_their_own_schema(editor: Editor) -> None:
    text = (editor.root / "reconciler.yaml").read_text(encoding="utf-8")
    uri = editor.open("reconciler.yaml", text)
    assert editor.problems[uri] == []
    line = next(number for number, row in enumerate(text.splitlines()) if row.startswith("unmanaged:"))
    assert "report" in editor.at("hover", uri, line, 3)["contents"]["value"]
