"""The drift report as one HTML page that needs nothing else: no script, no request, readable in light and dark, on
paper and by a screen reader. The auditor's form: it can be archived and read in ten years.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler import __version__, package_data
from reconciler.model import count
from reconciler.reports.drift import DriftReport, Identified, by_cause, by_kind, gone, identify
from reconciler.reports.drift_text import comparison_sentence, heading, healing_sentence, severity_counts
from reconciler.reports.escape import html_text as h
from reconciler.reports.evidence import evidence_labels, patch_lines, portal_link
from reconciler.reports.findings_text import subject_label
from reconciler.reports.labels import NO_NAMES, Names, assignment_label, scope_label, source_label

# Nothing on the page may load, run or be submitted, whatever text got into it.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def drift_html(report: DriftReport, names: Names = NO_NAMES) -> str:
    """The report as an HTML document."""
    findings = identify(report)
    title = h(f"Drift of {report.owner}")
    revision = f", revision {report.revision[:12]}" if report.revision else ""
    origin = f"Read {report.taken_at:%Y-%m-%d %H:%M} UTC{revision}, tenant {report.tenant_id}."
    scopes = "; ".join(scope_label(scope, names) for scope in report.scopes)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>{package_data.site('page.css')}</style>\n</head>\n<body>",
            f'<header>\n<h1>{title}</h1>\n<p class="quiet">{h(origin)}</p>',
            f'<p class="quiet">{h(f"Scopes: {scopes}")}</p>\n</header>\n<main>',
            *_main(report, findings, names),
            f'</main>\n<footer>\n<p class="quiet">exempt {h(__version__)}</p>\n</footer>\n</body>\n</html>\n',
        ]
    )


def _main(report: DriftReport, findings: list[Identified], names: Names) -> Iterator[str]:
    counts = severity_counts(report)
    good = "" if findings or not report.complete else " good"
    yield f'<p class="verdict{good}">{h(counts or heading(report))}</p>'
    yield from (
        f"<p>{h(sentence)}</p>" for sentence in (healing_sentence(report), comparison_sentence(report)) if sentence
    )
    kinds = by_kind(findings)
    if kinds:
        rows = [
            f'<tr><th scope="row"><a href="#{kind.value}">{kind.value}</a></th>'
            f'<td class="number">{len(of)}</td><td>{h(kind.meaning)}</td></tr>'
            for kind, of in kinds.items()
        ]
        head = (
            '<tr><th scope="col">Kind</th><th scope="col" class="number">Findings</th><th scope="col">Meaning</th></tr>'
        )
        yield "\n".join(
            ["<table>\n<caption>By kind</caption>", f"<thead>{head}</thead>\n<tbody>", *rows, "</tbody>\n</table>"]
        )
    for kind, of in kinds.items():
        yield f'<section aria-labelledby="{kind.value}">\n<h2 id="{kind.value}">{kind.value} ({len(of)})</h2>'
        yield f'<p class="quiet">{h(kind.meaning)}</p>'
        yield from (_article(group, names) for group in by_cause(of))
        yield "</section>"
    if report.earlier is not None:
        absent = gone(report)
        yield f'<section aria-labelledby="gone">\n<h2 id="gone">Gone since the earlier report ({len(absent)})</h2>\n<ul>'
        for finding in absent:
            text = f"{finding.get('kind', '')}: {finding.get('declaration') or finding.get('subject', '')} (id {finding.get('id', '')})"
            yield f"<li>{h(text)}</li>"
        yield "</ul>\n</section>"


def _article(group: Sequence[Identified], names: Names) -> str:
    """One finding, or many of one cause with the place of each."""
    if len(group) > 1:
        return _cause(group, names)
    identified, finding = group[0], group[0].finding
    assignment = assignment_label(finding.assignment, names) if finding.assignment else ""
    head = f'<span class="severity">{finding.severity.value}{", new" if identified.is_new else ""}</span> {h(finding.declaration or "")}'
    where = f'<span class="where">{h(subject_label(finding, names))}</span>'
    rows = [("assignment", assignment), ("found", finding.message), *evidence_labels(finding)]
    rows += [("help", finding.remedy), ("declared in", source_label(finding.source))]
    rows += [("ARM id", finding.subject.text), ("id", identified.id)]
    link = portal_link(finding)
    patch = "\n".join(h(text) for text in patch_lines(finding))
    extras = f"\n<pre>{patch}</pre>" if patch else ""
    extras += f'\n<p><a href="{h(link)}" rel="noreferrer">Show in the Azure portal</a></p>' if link else ""
    return f'<article class="{finding.severity.value}" id="f-{identified.id}">\n<h3>{head} {where}</h3>\n{_list(rows)}{extras}\n</article>'


def _cause(group: Sequence[Identified], names: Names) -> str:
    first = group[0].finding
    new = ", new" if group[0].is_new else ""
    head = f'<span class="severity">{first.severity.value}{new}</span> {count(len(group), "finding")} of one cause'
    rows = _list([("found", first.message), ("cause", first.cause), ("help", first.remedy)])
    places = []
    for identified in group:
        finding = identified.finding
        assignment = assignment_label(finding.assignment, names) if finding.assignment else ""
        where = h(", ".join(filter(None, (finding.declaration, subject_label(finding, names), assignment))))
        places.append(f'<li id="f-{identified.id}">{where} <span class="quiet">{identified.id}</span></li>')
    listing = "\n".join(places)
    return (
        f'<article class="{first.severity.value}">\n<h3>{head}</h3>\n{rows}\n'
        f"<details>\n<summary>Where</summary>\n<ul>\n{listing}\n</ul>\n</details>\n</article>"
    )


def _list(rows: list[tuple[str, str]]) -> str:
    pairs = []
    for label, text in rows:
        emphasis = ' class="remedy"' if label == "help" else ""
        if text:
            pairs.append(f"<dt>{h(label)}</dt><dd{emphasis}>{h(text)}</dd>")
    listing = "\n".join(pairs)
    return f"<dl>\n{listing}\n</dl>"
