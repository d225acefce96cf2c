"""SARIF 2.1.0, the form that GitHub code scanning reads: it opens an alert for each result and closes it when the
result is gone. Both depend on a fingerprint that stays the same while lines move, so none holds a line number.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.model import JSON, Source
from reconciler.reports.escape import json_indented, sarif_text

SETTINGS: Final = Source("reconciler.yaml")
"""Code scanning shows a result only where it has a place; what no file declares is a matter of the settings."""

MOST: Final = 25_000
"""Code scanning refuses a run with more results than this."""

_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result. `rule` is a stable name; `level` is error, warning or info; `identity` is what makes it the same
    result in the next run.
    """

    rule: str
    level: str
    message: str
    remedy: str
    source: Source | None
    identity: tuple[str, ...]


def sarif_document(results: Sequence[Result], rules: dict[str, str] | None = None) -> str:
    """A SARIF log of one run. `rules` maps a rule's name to what it means. Too many results are cut, and it says so."""
    meanings = rules or {}
    results = _cut(results)
    names = sorted({result.rule for result in results})
    texts = {name: {"text": sarif_text(meanings.get(name) or name.replace("-", " "))} for name in names}
    driver: dict[str, JSON] = {
        "name": "exempt",
        "semanticVersion": __version__,
        "rules": [{"id": name, "shortDescription": text, "fullDescription": text} for name, text in texts.items()],
    }
    counts: Counter[str] = Counter()
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, names.index(result.rule), counts) for result in results],
    }
    return json_indented(
        {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    )


def _cut(results: Sequence[Result]) -> Sequence[Result]:
    over = len(results) - MOST
    if over <= 0:
        return results
    message = f"{over + 1} more results are left out, since code scanning takes {MOST} at most"
    last = Result(
        rule="too-many-results",
        level="warning",
        message=message,
        remedy="read them all with --format json",
        source=None,
        identity=("too-many-results",),
    )
    return [*results[: MOST - 1], last]


def _result(result: Result, rule_index: int, counts: Counter[str]) -> dict[str, JSON]:
    text = f"{result.message.rstrip('.')}. To fix: {result.remedy}" if result.remedy else result.message
    source = result.source or SETTINGS
    place = {"uri": quote(source.file, errors="surrogatepass"), "uriBaseId": "%SRCROOT%"}
    region = {"startLine": max(source.line, 1), "startColumn": max(source.column, 1)}
    # Equal identities of one run are told apart by their order, which is that of the report.
    fingerprint = hashlib.sha256("\0".join(result.identity).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    counts[fingerprint] += 1
    return {
        "ruleId": result.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[result.level],
        "message": {"text": sarif_text(text) or result.rule},
        "locations": [{"physicalLocation": {"artifactLocation": place, "region": region}}],
        "partialFingerprints": {
            "exempt/v1": (fingerprint if counts[fingerprint] == 1 else f"{fingerprint}-{counts[fingerprint]}")
        },
    }
