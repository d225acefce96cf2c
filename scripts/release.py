"""What a release needs of the repository: `check TAG` that tag, version and changelog agree, `notes TAG` its notes,
`schemas TAG REPOSITORY FOLDER` the schemas of what people write, with the address at which that version can be read.

Uses nothing but Python, so that a job that may write releases installs nothing.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_WRITTEN_BY_PEOPLE: Final = ("exemption", "reconciler", "catalog")


def main(arguments: list[str]) -> int:
    """Runs one of them; 1 where something does not agree."""
    command, tag, *more = arguments
    version = tag.removeprefix("v")
    notes = section(version)
    match command:
        case "check":
            stated = re.search(
                r'__version__ = "(.+)"', (ROOT / "reconciler" / "__init__.py").read_text(encoding="utf-8")
            )
            if not stated or stated[1] != version:
                return _fail(f"the tag says {version}, reconciler/__init__.py {stated[1] if stated else 'nothing'}")
            if not notes:
                return _fail(f"CHANGELOG.md has no section '## {version}' with anything in it")
            return 0
        case "notes" if notes:
            print(notes)
            return 0
        case "schemas" if len(more) == 2:
            repository, folder = more
            return write_schemas(f"https://raw.githubusercontent.com/{repository}/{tag}/schemas/", Path(folder))
    return _fail(
        f"nothing to do for {command} {tag}: usage: release.py check|notes TAG, or schemas TAG ORGANISATION/REPOSITORY FOLDER"
    )


def write_schemas(place: str, folder: Path) -> int:
    """Writes each schema with its whole address as `$id` (a checkout's are relative to where they lie), and
    `schemastore.json`, the entries to propose to SchemaStore. They match no file names: `reconciler.yaml` is not ours alone.
    """
    entries = []
    for name in _WRITTEN_BY_PEOPLE:
        file = f"{name}.schema.json"
        text = (ROOT / "schemas" / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace(f'"$id": "{file}"', f'"$id": "{place}{file}"', 1), encoding="utf-8")
        schema = json.loads(text)
        entries.append({"name": f"exempt: {name}", "description": schema["title"], "url": f"{place}{file}"})
    (folder / "schemastore.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    return 0


def section(version: str) -> str:
    """What the changelog says of a version; empty where it has no such section."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    match = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return match[1].strip() if match else ""


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
