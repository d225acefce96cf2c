"""What a release needs of the repository: `check TAG` that tag, version and changelog agree, `notes TAG` its notes.

Uses nothing but Python, so that a job that may write releases installs nothing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Runs one of both; 1 where something does not agree."""
    command, tag = arguments
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
    return _fail(f"nothing to do for {command} {tag}: usage: release.py check|notes TAG")


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
