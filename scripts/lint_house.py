"""What ruff cannot check of the house's style: keyword construction, and names that say what a variable holds.

Run by `make lint`; prints each breach and exits 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

POSITIONAL_FIELDS: Final = 2
"""A dataclass of more fields is built by keyword: a call of three values cannot be read without the signature."""
POSITIONAL_ARGUMENTS: Final = 5
POSITIONAL: Final = {"Source"}
"""file, line, column: the order that every compiler and editor uses."""
VAGUE: Final = {
    "asked", "each", "found", "given", "gone", "held", "here", "it", "kept", "known", "left", "made", "more", "one", "other", "said",
    "same", "seen", "shown", "thing", "things", "this", "told", "wanted", "what", "who", "written",
}  # fmt: skip
"""Words that fit every variable and so tell the reader of none what it holds."""


def breaches(path: Path) -> Iterator[str]:
    """Each line of a module that breaks a rule, as `path:line: what`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.bases and node.name not in POSITIONAL:
            for decorator in node.decorator_list:
                if _is_positional(decorator) and _fields(node) > POSITIONAL_FIELDS:
                    yield f"{path}:{node.lineno}: dataclass {node.name} has {_fields(node)} fields and is not kw_only"
        if isinstance(node, ast.Call) and len(node.args) > POSITIONAL_ARGUMENTS:
            yield f"{path}:{node.lineno}: a call of {len(node.args)} positional arguments; name them"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (f"{path}:{line}: {name} says nothing; name it for what it holds" for line, name in _vague(node))


def _vague(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    """The variables and parameters of a function that are named by a word of VAGUE; a field may be a word of the glossary."""
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) if name in VAGUE:
                yield node.lineno, name
            case _:
                pass


def _is_positional(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        return _name(decorator.func) == "dataclass" and "kw_only" not in {word.arg for word in decorator.keywords}
    return _name(decorator) == "dataclass"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _fields(node: ast.ClassDef) -> int:
    return sum(isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line.annotation) for line in node.body)


def main() -> int:
    """Checks the package; the exit code."""
    lines = [line for path in sorted(Path("reconciler").rglob("*.py")) for line in breaches(path)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
