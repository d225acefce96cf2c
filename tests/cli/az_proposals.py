"""The command lines of the Azure CLI that messages and pages propose, and which options its commands have.

`OPTIONS` holds only what is proposed; `make test-az` compares it with the help of the Azure CLI itself.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

OPTIONS = {
    "account get-access-token": {"--resource", "--query", "--output"},
    "account list": set(),
    "account show": {"--query", "--output"},
    "ad app create": {"--display-name", "--query", "--output"},
    "ad app federated-credential create": {"--id", "--parameters", "--output"},
    "ad sp create": {"--id", "--output"},
    "ad sp show": {"--id", "--query", "--output"},
    "bicep build": {"--file"},
    "lock delete": {"--ids"},
    "login": {"--tenant", "--allow-no-subscriptions"},
    "monitor activity-log list": {"--offset", "--resource-id"},
    "policy assignment create": {"--name", "--policy-set-definition", "--scope"},
    "policy assignment update": {"--name", "--scope", "--definition-version"},
    "policy exemption list": {"--scope", "--query"},
    "policy state list": set(),
    "resource delete": {"--ids"},
    "provider register": {"--namespace", "--subscription"},
    "provider show": {"--namespace", "--query", "--subscription"},
    "resource list": {"--name", "--query"},
    "rest": {"--method", "--url"},
    "role assignment create": {
        "--assignee",
        "--assignee-object-id",
        "--assignee-principal-type",
        "--role",
        "--scope",
        "--output",
    },
    "role assignment list": {"--scope"},
    "role definition create": {"--role-definition", "--output"},
}
"""By command, the options that are proposed with it."""

_PROPOSED = re.compile(r"(?<![\w.-])az ((?:[a-z][a-z-]*(?: |\b))+)([^`;)\n]*)")
_SUBSTITUTED = re.compile(r"\$\(([^()]*)\)")


@functools.cache
def texts(path: Path) -> tuple[str, ...]:
    """The strings of a module, with what is filled in as WORD."""
    inner, strings = set[int](), list[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inner |= set(map(id, node.values))
            strings.append(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "WORD" for part in node.values)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            strings.append(node.value)
    return tuple(strings)


def proposals() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Where, the words of the command as far as they are such, and its options. The embedded Azure speaks of az itself."""
    modules = (path for path in (CHECKOUT / "reconciler").rglob("*.py") if "emulator" not in path.as_posix())
    sources = [(path, text) for path in modules for text in texts(path)]
    sources += [
        (path, path.read_text(encoding="utf-8").replace("\\\n", " "))
        for path in (CHECKOUT / "docs").glob("*.md")
        if path.name != "emulator.md"
    ]
    for path, text in sources:
        parts = [_SUBSTITUTED.sub("WORD", text), *_SUBSTITUTED.findall(text)]
        for words, rest in (found for part in parts for found in _PROPOSED.findall(part)):
            known = [command for command in OPTIONS if f"{words.strip()} ".startswith(f"{command} ")]
            command = max(known, key=len, default=words.strip())
            options = frozenset(re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest))
            yield path.relative_to(CHECKOUT).as_posix(), command, options
