"""Forms of a search in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.catalog import (
    Catalogue,
    Hit,
    Obstacle,
    Policy,
    Recommendation,
)
from reconciler.catalog.narrowing import Narrowed
from reconciler.model import agree, count
from reconciler.reports.escape import json_document
from reconciler.reports.exemptability import FORMAT, INDENT, exemptable_fields, obstacle_lines
from reconciler.reports.styled import Line, Style, line


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One hit of a search, in the form that both text and JSON need."""

    kind: str
    identifier: str
    title: str
    severity: str
    environment: str
    obstacles: tuple[Obstacle, ...]
    exemptable: bool


def search_lines(narrowed: Narrowed, catalogue: Catalogue, query: str) -> Iterator[Line]:
    """Two lines a hit: what and where, then how it can be exempted or why not; last how many may be meant as well."""
    hits = narrowed.hits
    if not hits:
        sentence_end = " is known to evaluate this type" if narrowed.untyped else " in the catalogue is so"
        yield (
            line("nothing in the catalogue is like ", (Style.NAME, query)) if query else line(f"nothing{sentence_end}")
        )
        yield line(
            (Style.QUIET, "help: "), "try fewer or other words; `exempt catalog refresh` adds what this tenant has"
        )
    for result in (_search_result(hit, catalogue) for hit in hits):
        yield line((Style.HEADING, result.title))
        identifier = f" {result.identifier}" if result.identifier else ""
        words = [f"{result.severity} severity" if result.severity else "", result.environment]
        rating = "".join(f", {word}" for word in words if word)
        yield line(f"{INDENT}{result.kind}", (Style.NAME, identifier), (Style.QUIET, rating))
        yield from obstacle_lines(result.obstacles, 1)
    if number := narrowed.untyped:
        many = f"{count(number, 'more recommendation')} {agree(number, 'is', 'are')} left out"
        yield line(f"{many}: which types {agree(number, 'it evaluates', 'they evaluate')} is not known")
        yield line((Style.QUIET, "help: "), "search by words, without --for and --type, to see them")


def search_json(narrowed: Narrowed, catalogue: Catalogue, query: str) -> str:
    """`{format_version, query, results: [{kind, id, title, severity, environment, exemptable, obstacles, score}], unknownType}`."""
    results = []
    for hit in narrowed.hits:
        result = _search_result(hit, catalogue)
        fields = {"kind": result.kind, "id": result.identifier, "title": result.title, "severity": result.severity}
        fields |= {"environment": result.environment}
        results.append(
            {
                **fields,
                **exemptable_fields(result.obstacles, exemptable=result.exemptable),
                "score": round(hit.score, 3),
            }
        )
    return json_document(
        {"format_version": FORMAT, "query": query, "results": results, "unknownType": narrowed.untyped}
    )


def _search_result(hit: Hit, catalogue: Catalogue) -> SearchResult:
    match hit.item:
        case Recommendation() as recommendation:
            kind = "recommendation" if recommendation.key else "recommendation without a public key"
            identifier = recommendation.key or ", ".join(policy.name for policy in recommendation.policies)
            return SearchResult(
                kind=kind,
                identifier=identifier,
                title=recommendation.title,
                severity=recommendation.severity,
                environment=recommendation.environment.value,
                obstacles=recommendation.obstacles,
                exemptable=recommendation.exemptable,
            )
        case Policy() as policy:
            return SearchResult(
                kind="policy",
                identifier=policy.id.name,
                title=policy.title,
                severity="",
                environment="",
                obstacles=policy.obstacles,
                exemptable=policy.exemptable,
            )
        case str() as key:
            return SearchResult(
                kind="initiative",
                identifier=key.rsplit("/", 1)[-1],
                title=catalogue.initiative_titles[key],
                severity="",
                environment="",
                obstacles=(),
                exemptable=True,
            )
