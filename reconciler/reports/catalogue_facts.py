"""Where the catalogue's facts come from, and how two catalogues differ, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.catalog import Catalogue, Obstacle
from reconciler.catalog.compare import Difference, Entry, FieldChange, Value
from reconciler.model import JSON, Cloud, count
from reconciler.reports.escape import json_document
from reconciler.reports.exemptability import FORMAT
from reconciler.reports.styled import Line, Style, line

_STYLES: Final = {
    Difference.ADDED: (Style.CREATE, "+"),
    Difference.CHANGED: (Style.UPDATE, "~"),
    Difference.REMOVED: (Style.DELETE, "-"),
    Difference.GONE: (Style.QUIET, "?"),
}
_CHINA_NOTE: Final = "no public source lists the built-ins of Azure China: the public cloud's stand in for them"


def catalogue_counts(catalogue: Catalogue) -> Mapping[str, int]:
    """How much the catalogue knows. Policies are those that an initiative holds; the others stand behind
    recommendations only.
    """
    members = {member.definition.key for item in catalogue.initiatives.values() for member in item.members}
    recommendations = catalogue.recommendations.values()
    return {
        "recommendations": len(catalogue.recommendations),
        "exemptable": sum(item.exemptable for item in recommendations),
        "unsupported": sum(Obstacle.UNSUPPORTED in item.obstacles for item in recommendations),
        "titlesWithoutKey": len(catalogue.keyless),
        "initiatives": len(catalogue.initiatives),
        "policies": len(members),
        "furtherPolicies": len(catalogue.policies.keys() - members),
        "references": sum(len(item.members) for item in catalogue.initiatives.values()),
    }


def info_lines(catalogue: Catalogue) -> Iterator[Line]:
    """The sources with commit and date, the counts, and what the repository's overlay adds."""
    yield line((Style.HEADING, f"Catalogue for {catalogue.cloud.value}"))
    for source in catalogue.provenance:
        release = f", {source.release}" if source.release else ""
        yield line(
            f"  {source.part:<10} {source.repository}", (Style.QUIET, f" {source.commit} of {source.date}{release}")
        )
    if catalogue.cloud is Cloud.CHINA:
        yield line("  ", (Style.WARNING, "note: "), _CHINA_NOTE)
    counts = catalogue_counts(catalogue)
    yield line(
        f"  {counts['recommendations']:>6,} recommendations, {counts['exemptable']:,} of them exemptable, "
        f"{counts['unsupported']:,} listed by Microsoft as unsupported"
    )
    yield line(f"  {counts['titlesWithoutKey']:>6,} more documented titles without a public key")
    yield line(f"  {counts['initiatives']:>6,} initiatives with {counts['references']:,} reference ids")
    yield line(
        f"  {counts['policies']:>6,} policies in them, {counts['furtherPolicies']:,} more behind recommendations only"
    )
    overlay = _overlay_counts(catalogue)
    if any(overlay.values()):
        changes = ", ".join(count(number, *_NOUNS[name]) for name, number in overlay.items() if number)
        yield line(f"  catalog.yaml changes or adds {changes}")


def info_json(catalogue: Catalogue) -> str:
    """`{format_version, cloud, sources: [{part, repository, commit, date, release}], counts, overlay}`."""
    sources = [
        {
            "part": source.part,
            "repository": source.repository,
            "commit": source.commit,
            "date": source.date,
            "release": source.release,
        }
        for source in catalogue.provenance
    ]
    counts, overlay = dict(catalogue_counts(catalogue)), dict(_overlay_counts(catalogue))
    cloud = catalogue.cloud.value
    return json_document(
        {"format_version": FORMAT, "cloud": cloud, "sources": sources, "counts": counts, "overlay": overlay}
    )


def _overlay_counts(catalogue: Catalogue) -> Mapping[str, int]:
    overlay = catalogue.overlay
    parts = (overlay.recommendations, overlay.policies, overlay.initiatives)
    return {name: len(entries) for name, entries in zip(_NOUNS, parts, strict=True)}


_NOUNS: Final = {
    "recommendations": ("recommendation", "recommendations"),
    "policies": ("policy", "policies"),
    "initiatives": ("initiative", "initiatives"),
}


# --- differences -----------------------------------------------------------------------------------------------------


def difference_lines(entries: Sequence[Entry]) -> Iterator[Line]:
    """Each difference with its fields and the declarations it touches; those that the tenant lacks come last."""
    for entry in sorted(entries, key=lambda item: item.difference is Difference.GONE):
        style, sign = _STYLES[entry.difference]
        note = " is not in this tenant" if entry.difference is Difference.GONE else ""
        yield line((style, f"{sign} {entry.kind.value} "), (Style.NAME, entry.identifier), f" {entry.title}{note}")
        for change in entry.changes:
            yield from _change_lines(change)
        if entry.declarations:
            yield line("    ", (Style.WARNING, "touches "), ", ".join(entry.declarations))


def difference_summary(entries: Sequence[Entry]) -> str:
    """`3 differences touch 1 declaration`, or that there is none."""
    differing = [entry for entry in entries if entry.difference is not Difference.GONE]
    if not differing:
        return "no differences"
    touched = {name for entry in differing for name in entry.declarations}
    verb = "touches" if len(differing) == 1 else "touch"
    return f"{count(len(differing), 'difference')} {verb} {count(len(touched), 'declaration')}"


def differences_json(entries: Sequence[Entry]) -> str:
    """`{format_version, differences: [{kind, id, title, difference, changes: [{field, before, after}], declarations}]}`.

    For lists, `before` and `after` hold what is only in the one and only in the other.
    """
    differences = [
        {
            "kind": entry.kind.value,
            "id": entry.identifier,
            "title": entry.title,
            "difference": entry.difference.value,
            "changes": [
                {"field": change.name, "before": _value(change.before), "after": _value(change.after)}
                for change in entry.changes
            ],
            "declarations": list(entry.declarations),
        }
        for entry in entries
    ]
    return json_document({"format_version": FORMAT, "differences": differences})


def _change_lines(change: FieldChange) -> Iterator[Line]:
    if isinstance(change.before, tuple) or isinstance(change.after, tuple):
        yield line(f"    {change.name}:")
        for style, sign, values in ((Style.DELETE, "-", change.before), (Style.CREATE, "+", change.after)):
            if isinstance(values, tuple):
                yield from (line("      ", (style, f"{sign} {value}")) for value in values)
        return
    yield line(
        f"    {change.name}: ",
        (Style.DELETE, _value_label(change.before)),
        " -> ",
        (Style.CREATE, _value_label(change.after)),
    )


def _value_label(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def _value(value: Value) -> JSON:
    return list(value) if isinstance(value, tuple) else value
