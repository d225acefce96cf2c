"""Writes what follows from the registries of kinds and codes: the enums of the schemas, the tables of docs/drift.md and
docs/problems.md. And what follows from the bundled facts: the choices of the issue form, what a search looks through.

`python scripts/generate.py` writes; with `--check` it only says which files are stale, and exits 1 (tests/drift/test_kinds.py).
"""

from __future__ import annotations

import enum
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.catalog.entries import all_entries
from reconciler.catalog.search import index_text
from reconciler.catalog.store import DATA
from reconciler.codes import FileCode, ProblemCode, RuleCode
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Severity
from reconciler.planning.values import Action, Reason, Widening
from reconciler.requesting.issue_form import issue_form
from reconciler.runs.scaffold import ISSUE_FORM

ROOT: Final = Path(__file__).parent.parent
_CODES: Final[tuple[ProblemCode, ...]] = (*FileCode, *RuleCode)
ENUMS: Final[Mapping[str, Sequence[enum.StrEnum]]] = {
    **{members.__name__: tuple(members) for members in (Action, FindingKind, HeldCause, Reason, Severity, Widening)},
    ProblemCode.__name__: _CODES,
}
"""What a schema names in a `$comment` before an `enum`."""
_DRIFT: Final = "docs/drift.md"
_PROBLEMS: Final = "docs/problems.md"
_ENUM: Final = re.compile(r'("\$comment": "(\w+)",\s*"enum": )\[([^\]]*)\]')


def generated() -> Iterator[tuple[Path, str]]:
    """Each file that holds generated text, with the text that the whole file should have."""
    for path in sorted((ROOT / "schemas").glob("*.json")):
        yield path, _ENUM.sub(_members, path.read_text(encoding="utf-8"))
    yield ROOT / ISSUE_FORM, issue_form(load_catalogue().recommendation_categories)
    yield DATA / "search.txt", index_text(all_entries(load_catalogue())) + "\n"
    yield ROOT / _DRIFT, _with_tables(_DRIFT, {"kinds": _kinds(), "held": _held()})
    yield ROOT / _PROBLEMS, _with_tables(_PROBLEMS, {"problems": _problems()})


def stale() -> list[str]:
    """The files whose generated text is not what the registry says, by their path in the repository."""
    return [str(path.relative_to(ROOT)) for path, text in generated() if path.read_text(encoding="utf-8") != text]


def _members(match: re.Match[str]) -> str:
    """The enum that the comment before it names, with all its members; a last `null` stays."""
    before, name, texts = match.groups()
    if name not in ENUMS:
        raise SystemExit(f"a schema names the enum {name}, which is none of {', '.join(ENUMS)}")
    null = [None] if texts.rstrip().endswith("null") else []
    return f"{before}{json.dumps([member.value for member in ENUMS[name]] + null)}"


def _with_tables(name: str, tables: Mapping[str, Iterable[tuple[str, ...]]]) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    for title, rows in tables.items():
        begin, end = f"<!-- generated: {title} -->\n", "<!-- end -->\n"
        head, marker, rest = text.partition(begin)
        if not marker:
            raise SystemExit(f"{name}: no {begin.strip()}")
        header, *body = ("| " + " | ".join(row) + " |\n" for row in rows)
        rule = "|" + "---|" * (header.count("|") - 1) + "\n"
        text = f"{head}{begin}{header}{rule}{''.join(body)}{end}{rest.partition(end)[2]}"
    return text


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


def _problems() -> Iterator[tuple[str, ...]]:
    yield "code", "severity", "means", "because"
    for code in _CODES:
        rule = code.rule
        severity = f"{rule.severity}; {rule.exception}" if rule.exception else rule.severity.value
        yield f"`{code}`", severity, rule.meaning, rule.cause


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
