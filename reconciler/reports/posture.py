"""The secure score as it is, with exemptions and without, beside an earlier estimate: text, JSON, Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from reconciler import __version__
from reconciler.model import JSON, count
from reconciler.planning.score.actual import ActualScore, Comparison, Outcome, ScoreReport
from reconciler.planning.score.formula import combined
from reconciler.reports.context import NO_NAMES, Names
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import header
from reconciler.reports.labels import scope_label
from reconciler.reports.markdown import bullets, value
from reconciler.reports.score import percent, score_figures
from reconciler.reports.styled import BLANK, Line, Style, line

FORMAT_VERSION: Final = "1.0"
_RAW: Final = "As if nothing were exempt: what is exempt is taken to be unhealthy."
_STYLES: Final = {
    Outcome.AS_ESTIMATED: Style.GOOD,
    Outcome.WITHIN: Style.GOOD,
    Outcome.UNCHANGED: Style.WARNING,
    Outcome.OTHERWISE: Style.WARNING,
    Outcome.GONE: Style.WARNING,
}
_MEANINGS: Final = {
    Outcome.AS_ESTIMATED: "as estimated",
    Outcome.WITHIN: "within the estimate, so Mitigated ones count as healthy here",
    Outcome.UNCHANGED: "as before the change: 'exempt status' says what is waiting",
    Outcome.OTHERWISE: "otherwise: other findings came or went, or other exemptions",
    Outcome.GONE: "there is no score any more",
}


def score_lines(report: ScoreReport, names: Names = NO_NAMES) -> Iterator[Line]:
    """The report as styled lines."""
    yield line((Style.HEADING, _headline(report)))
    if report.subscriptions:
        yield BLANK
        yield line((Style.QUIET, f"{'now':>10}  {'raw':>10}  exempt"))
        for item in report.subscriptions:
            now, raw = percent(item.reported.percentage), percent(item.raw.percentage)
            yield line(
                f"{now:>10}  {raw:>10}  {item.exempt:>6,}  ", (Style.NAME, scope_label(item.subscription, names))
            )
        yield line((Style.QUIET, f"raw: {_RAW[0].lower()}{_RAW[1:]}"))
    if report.without_score:
        places = "; ".join(scope_label(subscription, names) for subscription in report.without_score)
        yield line(f"No score, since Defender evaluates nothing that this identity may see: {places}")
    if report.compared:
        yield BLANK
        yield line((Style.HEADING, f"What the plan{_of(report)} estimated"))
        for comparison in report.compared:
            yield line("  ", scope_label(comparison.estimate.subscription, names), f": {_estimated(comparison)}")
            yield line("    ", (_STYLES[comparison.outcome], _happened(comparison)))


def score_markdown(report: ScoreReport, names: Names = NO_NAMES) -> str:
    """The report as Markdown."""

    def scored(item: ActualScore) -> str:
        figures = f"{percent(item.reported.percentage)} now, {percent(item.raw.percentage)} raw, {item.exempt:,} exempt"
        return f"{value(scope_label(item.subscription, names))}: {figures}"

    def compared(item: Comparison) -> str:
        return f"{value(scope_label(item.estimate.subscription, names))}: {_estimated(item)}; {_happened(item)}"

    lines = [f"### {_headline(report)}"]
    lines += bullets("Subscriptions", report.subscriptions, scored)
    lines += [f"\nRaw: {_RAW[0].lower()}{_RAW[1:]}"] if report.subscriptions else []
    lines += bullets("No score", [scope_label(item, names) for item in report.without_score], value)
    lines += bullets(f"What the plan{_of(report, code=True)} estimated", report.compared, compared)
    return "\n".join(lines) + "\n"


def score_json(report: ScoreReport, tool_version: str = __version__) -> str:
    """The report as a JSON document (schemas/score.schema.json)."""
    subscriptions: list[JSON] = [
        {
            "id": item.subscription.text,
            "reported": score_figures(item.reported),
            "raw": score_figures(item.raw),
            "exempt": item.exempt,
        }
        for item in report.subscriptions
    ]
    return json_document(
        {
            **header(FORMAT_VERSION, tool_version),
            "total": {
                "reported": _figure(combined(item.reported for item in report.subscriptions)),
                "raw": _figure(combined(item.raw for item in report.subscriptions)),
            }
            if report.subscriptions
            else None,
            "subscriptions": subscriptions,
            "withoutScore": [subscription.text for subscription in report.without_score],
            "estimate": {
                "revision": report.revision or None,
                "subscriptions": [_comparison_to_json(item) for item in report.compared],
            }
            if report.compared
            else None,
        }
    )


def _figure(share: Fraction | None) -> float | None:
    return None if share is None else float(share)


def _headline(report: ScoreReport) -> str:
    if not report.subscriptions:
        return "There is no secure score in what is managed."
    now = combined(item.reported for item in report.subscriptions)
    raw = combined(item.raw for item in report.subscriptions)
    exempt = sum(item.exempt for item in report.subscriptions)
    if now is None and raw is None:
        return "The secure score is unknown: Defender has assessed nothing yet."
    where = f" over {count(len(report.subscriptions), 'subscription')}" if len(report.subscriptions) > 1 else ""
    return f"Secure score {percent(now)}{where}; {percent(raw)} without exemptions ({count(exempt, 'finding')})."


def _of(report: ScoreReport, *, code: bool = False) -> str:
    revision = report.revision[:12]
    return f" of {value(revision) if code else revision}" if revision else ""


def _estimated(comparison: Comparison) -> str:
    estimate = comparison.estimate
    after, upper = estimate.after.percentage, estimate.upper.percentage
    best = f", at most {percent(upper)}" if upper != after else ""
    return f"{percent(estimate.now.percentage)} → {percent(after)}{best}"


def _happened(comparison: Comparison) -> str:
    meaning = _MEANINGS[comparison.outcome]
    return meaning if comparison.actual is None else f"now {percent(comparison.actual.percentage)}: {meaning}"


def _comparison_to_json(item: Comparison) -> dict[str, JSON]:
    estimate = item.estimate
    return {
        "id": estimate.subscription.text,
        "now": score_figures(item.actual) if item.actual else None,
        "then": score_figures(estimate.now),
        "after": score_figures(estimate.after),
        "upper": score_figures(estimate.upper),
        "outcome": item.outcome.value,
    }
