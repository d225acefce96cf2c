"""Builds the documentation's site: the pages of docs/, and a reference written from the parser and the schemas.

`python scripts/site.py` writes build/docs and has Zensical make build/site of it, strict about links. What a page says of
a file outside docs/ becomes a link into the repository where its address is known, else plain text.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reconciler.cli.exits import Exit, of_run  # noqa: E402 - of this checkout
from reconciler.cli.main import COMMANDS  # noqa: E402
from reconciler.cli.parser import parser_of  # noqa: E402
from reconciler.model import Verdict  # noqa: E402
from reconciler.repository.tool import running_tool  # noqa: E402

_LINK: Final = re.compile(r"\[(?P<text>[^\]]*)\]\(\.\./(?P<path>[^)#]+)(?P<anchor>#[^)]*)?\)")
_SCHEMAS: Final = (("exemption", "A declaration: `exemptions/**/*.yaml`"), ("reconciler", "Settings: `reconciler.yaml`"), ("catalog", "The overlay: `catalog.yaml`"))  # fmt: skip


def main() -> int:
    """Writes the pages and builds the site; exits as Zensical does."""
    folder = ROOT / "build" / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    tool = running_tool()
    base = f"{tool.repository}/blob/{tool.commit}/" if tool.repository else ""
    for page in sorted((ROOT / "docs").glob("*.md")):
        (folder / page.name).write_text(with_outer_links(page.read_text(encoding="utf-8"), base), encoding="utf-8")
    (folder / "reference" / "commands.md").write_text("\n".join(command_page()) + "\n", encoding="utf-8")
    (folder / "reference" / "exit-codes.md").write_text("\n".join(exit_code_page()) + "\n", encoding="utf-8")
    (folder / "reference" / "fields.md").write_text("\n".join(fields_page()) + "\n", encoding="utf-8")
    zensical = Path(sys.executable).parent / "zensical"
    return subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode


def with_outer_links(text: str, base: str) -> str:
    """The page, with links to files outside docs/ leading to `base`; empty: to nowhere, as plain text."""
    if not base:
        return _LINK.sub(lambda link: link["text"], text)
    return _LINK.sub(lambda link: f"[{link['text']}]({base}{link['path']}{link['anchor'] or ''})", text)


# --- commands ----------------------------------------------------------------------------------------------------


def command_page() -> Iterator[str]:
    """Every command with its options, as the parser has them."""
    yield from ("# Commands", "", "`exempt COMMAND --help` says the same in a terminal.", "")
    for name, summary in COMMANDS.items():
        yield from _command(parser_of(name, importlib.import_module(f"reconciler.cli.{name}")), summary)


def _command(parser: argparse.ArgumentParser, summary: str, level: int = 2) -> Iterator[str]:
    yield from (f"{'#' * level} {parser.prog}", "", f"{summary[:1].upper()}{summary[1:]}.", "")
    if parser.description:
        yield from (_escaped(parser.description.strip()), "")
    for group in _groups(parser):
        if group.description:
            yield from (f"**{_cell(group.title or '')}**: {_cell(group.description)}", "")
        yield from ("| option | meaning |", "|---|---|")
        for action in _rows(group):
            yield f"| {_option(action)} | {_cell((action.help or '') % _values(action, parser))} |"
        yield ""
    for action in parser._actions:  # noqa: SLF001 - likewise
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001 - likewise
            for name, inner in dict(action.choices).items():
                yield from _command(inner, summaries.get(name) or name, level + 1)


def _groups(parser: argparse.ArgumentParser) -> Iterator[argparse._ArgumentGroup]:
    """The options of a command as its help has them: what it takes, then each group that says why it is one."""
    groups = parser._action_groups  # noqa: SLF001 - argparse shows them nowhere else
    plain = argparse.ArgumentParser(add_help=False).add_argument_group()
    plain._group_actions += [action for group in groups if group.description is None for action in _rows(group)]  # noqa: SLF001 - likewise
    yield from (group for group in (plain, *groups) if _rows(group) and (group is plain or group.description))


def _rows(group: argparse._ArgumentGroup) -> list[argparse.Action]:
    return [
        action
        for action in group._group_actions  # noqa: SLF001 - likewise
        if action.help and action.help is not argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - likewise
    ]


def _values(action: argparse.Action, parser: argparse.ArgumentParser) -> Mapping[str, object]:
    return {"prog": parser.prog, "default": action.default, "metavar": action.metavar, "dest": action.dest}


def _option(action: argparse.Action) -> str:
    takes = "" if action.nargs == 0 else f" {_placeholder(action)}"
    if not action.option_strings:
        return f"`{_placeholder(action)}`"
    return ", ".join(f"`{name}{takes}`" for name in action.option_strings).replace("|", "\\|")


def _placeholder(action: argparse.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return metavar if action.option_strings else metavar.upper()


def exit_code_page() -> Iterator[str]:
    """Every exit code, with the verdicts of runs that lead to it."""
    meanings = {
        Exit.DONE: "done, or in sync",
        Exit.FAILED: "could not: also a fault or a mistyped option",
        Exit.CHANGES: "changes (`plan --detailed-exitcode`), awaiting approval, or drift; never an error",
        Exit.INTERRUPTED: "interrupted by Ctrl-C or SIGTERM",
    }
    yield from ("# Exit codes", "", "Text, JSON (`verdict`) and exit code follow from one verdict of the run.", "")
    yield from ("| code | meaning | verdicts |", "|---|---|---|")
    for code, meaning in meanings.items():
        verdicts = ", ".join(f"`{verdict.value}`" for verdict in Verdict if of_run(verdict) is code)
        yield f"| {code.value} | {meaning} | {verdicts} |"
    yield from (
        "",
        "A command says in its `--help` where it differs: `drift --fail-on` and `fmt --check`, for instance.",
    )


# --- fields ------------------------------------------------------------------------------------------------------


def fields_page() -> Iterator[str]:
    """Every field of the files that people write, as the schemas have them."""
    yield from (
        "# Fields",
        "",
        "An editor with a YAML language server shows the same; the schemas are in `schemas/`.",
        "",
    )
    for name, title in _SCHEMAS:
        schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
        yield from (f"## {title}", "", "| field | form | meaning |", "|---|---|---|")
        for path, field, is_required in _fields(schema, schema, ()):
            form = _form(field) + (", required" if is_required else "")
            yield f"| `{'.'.join(path)}` | {_cell(form)} | {_cell(str(field.get('description', '')))} |"
        yield ""


def _fields(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    for name, value in schema.get("properties", {}).items():
        field = _resolved(value, root)
        here = (*path, name)
        yield here, field, name in schema.get("required", ())
        yield from _fields(field, root, here)
        items = field.get("items")
        if isinstance(items, dict):
            yield from _fields(_resolved(items, root), root, (*path, f"{name}[]"))


def _resolved(value: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The field with what it refers to; what it says itself wins."""
    if not isinstance(value, dict):
        return {}
    reference = value.get("$ref", "")
    if not reference.startswith("#/"):
        return value
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **{key: item for key, item in value.items() if key != "$ref"}}


def _form(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return "one of " + ", ".join(f"`{choice}`" for choice in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "any")
    return ", ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    raise SystemExit(main())
