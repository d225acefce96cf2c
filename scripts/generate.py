"""Writes what follows from the registry of kinds: the enums of the schemas and the tables of docs/drift.md.

`python scripts/generate.py` writes; with `--check` it only says which files are stale, and exits 1 (tests/drift/test_kinds.py).
"""

from __future__ import annotations

import enum
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Severity
from reconciler.planning.values import Action, Reason, Widening
from reconciler.requesting.issue_form import issue_form
from reconciler.runs.scaffold import ISSUE_FORM

ROOT: Final = Path(__file__).parent.parent
ENUMS: Final[tuple[type[enum.StrEnum], ...]] = (Action, FindingKind, HeldCause, Reason, Severity, Widening)
_DRIFT: Final = "docs/drift.md"
_ENUM: Final = re.compile(r'"enum": \[("[^\]]*)\]')


def generated() -> Iterator[tuple[Path, str]]:
    """Each file that holds generated text, with the text that the whole file should have."""
    for path in sorted((ROOT / "schemas").glob("*.json")):
        yield path, _ENUM.sub(_members, path.read_text(encoding="utf-8"))
    yield ROOT / ISSUE_FORM, issue_form(load_catalogue().recommendation_categories)
    text = (ROOT / _DRIFT).read_text(encoding="utf-8")
    text = _with_table(text, "kinds", _kinds())
    yield ROOT / _DRIFT, _with_table(text, "held", _held())


def stale() -> list[str]:
    """The files whose generated text is not what the registry says, by their path in the repository."""
    return [str(path.relative_to(ROOT)) for path, text in generated() if path.read_text(encoding="utf-8") != text]


def _members(match: re.Match[str]) -> str:
    """An enum that begins like one of ours, with all members of ours; a last `null` stays."""
    values = json.loads(f"[{match[1]}]")
    for members in ENUMS:
        names = [member.value for member in members]
        if values[:2] == names[:2]:
            return f'"enum": {json.dumps(names + values[-1:] if values[-1] is None else names)}'
    return match[0]


def _with_table(text: str, name: str, rows: Iterable[tuple[str, ...]]) -> str:
    begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->\n"
    head, marker, rest = text.partition(begin)
    if not marker:
        raise SystemExit(f"{_DRIFT}: no {begin.strip()}")
    header, *body = ("| " + " | ".join(row) + " |\n" for row in rows)
    rule = "|" + "---|" * (header.count("|") - 1) + "\n"
    return f"{head}{begin}{header}{rule}{''.join(body)}{end}{rest.partition(end)[2]}"


def _kinds() -> Iterator[tuple[str, ...]]:
    yield "kind", "severity", "means", "cause, where no better one is known", "settled by"
    for kind in FindingKind:
        facts = kind.facts
        severity = f"{facts.severity}; {facts.exception}" if facts.exception else facts.severity.value
        yield kind.value, severity, facts.meaning, facts.cause, facts.settled_by


def _held() -> Iterator[tuple[str, ...]]:
    yield "held", "because", "kind in drift", "fails the run"
    for cause in HeldCause:
        facts = cause.facts
        yield cause.value, facts.cause, facts.kind.value, "no" if facts.is_gone else "yes"


def main() -> int:
    """Writes, or checks; the exit code."""
    if "--check" in sys.argv[1:]:
        names = stale()
        sys.stdout.writelines(f"{name} is stale: run python scripts/generate.py\n" for name in names)
        return 1 if names else 0
    for path, text in generated():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
