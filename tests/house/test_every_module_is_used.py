"""A module that nothing imports is a command, a format or a table that nobody reaches."""

import ast
import re
from pathlib import Path

from reconciler.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reconciler"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """The modules that one imports, at its top or where it needs them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def reached_by_name() -> set[str]:
    """What is imported by a name in a table, and what starts by itself."""
    by_command = {f"reconciler.cli.{name}" for name in COMMANDS}
    renderers = re.findall(r'_module\("([a-z_]+)"\)', (PACKAGE / "reports" / "formats.py").read_text(encoding="utf-8"))
    by_entry_point = re.findall(r'"(reconciler[\w.]*)(?::\w+)?"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return by_command | {f"reconciler.reports.{name}" for name in renderers} | set(by_entry_point)


def test_every_module_is_reached():
    modules = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"}
    reached = reached_by_name().union(*(imported(path) for path in PACKAGE.rglob("*.py")))
    packages = {name_of(path) for path in PACKAGE.rglob("__init__.py")}
    assert [name for name in modules if name not in reached | packages] == []


def test_every_command_has_its_module():
    """Its file is named as it is typed, and has what `main` calls."""
    for name in COMMANDS:
        tree = ast.parse((PACKAGE / "cli" / f"{name}.py").read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {"add_arguments", "run"} <= functions, name
