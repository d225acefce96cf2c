"""Every report and its formats: what `--format` takes, and what renders it. A new format is one row here.

A renderer is imported when it is used: `exempt validate` must not wait for the modules of a plan. Text comes as styled
lines, whose colour is the terminal's business; every other format is the whole document.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from reconciler.reports.context import NO_CONTEXT, ReportContext

if TYPE_CHECKING:
    from reconciler.assessments.report import EffectReport
    from reconciler.catalog import Catalogue
    from reconciler.catalog.compare import Entry
    from reconciler.catalog.lookup import Lookup
    from reconciler.catalog.narrowing import Narrowed
    from reconciler.drift.inventory import Inventory
    from reconciler.drift.life import Life
    from reconciler.planning.explain.declaration import DeclarationExplanation
    from reconciler.planning.explain.values import ResourceExplanation
    from reconciler.planning.score.actual import ScoreReport
    from reconciler.problems import Problem
    from reconciler.reports.drift import DriftReport
    from reconciler.reports.export import Export
    from reconciler.reports.imports import ImportReport
    from reconciler.reports.outcomes import OutcomeReport
    from reconciler.reports.plan import PlanReport
    from reconciler.reports.styled import Line

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of hundreds of megabytes, in the pieces in which it is written: never the whole of it in memory."""

    pieces: Iterable[str]


Rendered: TypeAlias = "str | Document | Iterable[Line]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Generic[Value]):
    """One kind of report. `formats` maps a name to its renderer; the first is the default."""

    formats: Mapping[str, Callable[[Value, ReportContext], Rendered]]

    @property
    def names(self) -> tuple[str, ...]:
        """What `--format` takes."""
        return tuple(self.formats)

    def render(self, name: str, value: Value, context: ReportContext = NO_CONTEXT) -> Rendered:
        """The report in one of its formats: styled lines, or a document."""
        return self.formats[name](value, context)


def _module(name: str) -> Any:
    return importlib.import_module(f"reconciler.reports.{name}")


PLAN: Final[Report[PlanReport]] = Report(
    formats={
        "text": lambda report, context: _module("plan_text").plan_lines(report, context),
        "json": lambda report, _: Document(pieces=_module("plan_json").plan_json_pieces(report)),
        "markdown": lambda report, context: _module("plan_markdown").plan_markdown(report, context),
    }
)
OUTCOMES: Final[Report[OutcomeReport]] = Report(
    formats={
        "text": lambda report, context: _module("outcomes_text").outcome_lines(report, context),
        "json": lambda report, context: _module("outcomes_json").outcomes_json(report, context.exit_code),
        "markdown": lambda report, context: _module("outcomes_markdown").outcomes_markdown(report, context),
    }
)
DRIFT: Final[Report[DriftReport]] = Report(
    formats={
        "text": lambda report, context: _module("drift_text").drift_lines(report, context.names),
        "json": lambda report, _: _module("drift_json").drift_json(report),
        "markdown": lambda report, context: _module("drift_markdown").drift_markdown(report, context.names),
        "sarif": lambda report, context: _module("drift_sarif").drift_sarif(report, context.names),
        "html": lambda report, context: _module("drift_html").drift_html(report, context.names),
    }
)
STATUS: Final[Report[EffectReport]] = Report(
    formats={
        "text": lambda report, context: _module("status_text").status_lines(report, context.names),
        "json": lambda report, _: _module("status_json").status_json(report),
        "markdown": lambda report, context: _module("status_markdown").status_markdown(report, context.names),
    }
)
SCORE: Final[Report[ScoreReport]] = Report(
    formats={
        "text": lambda report, context: _module("posture").score_lines(report, context.names),
        "json": lambda report, _: _module("posture").score_json(report),
        "markdown": lambda report, context: _module("posture").score_markdown(report, context.names),
    }
)
RESOURCE: Final[Report[ResourceExplanation]] = Report(
    formats={
        "text": lambda explanation, context: _module("explain_text").explanation_lines(explanation, context.names),
        "json": lambda explanation, _: _module("explain_json").explanation_json(explanation),
    }
)
DECLARATION: Final[Report[DeclarationExplanation]] = Report(
    formats={
        "text": lambda explanation, context: _module("explain_text").fan_out_lines(explanation, context.names),
        "json": lambda explanation, _: _module("explain_json").fan_out_json(explanation),
    }
)
INVENTORY: Final[Report[Inventory]] = Report(
    formats={
        "text": lambda inventory, context: _module("inventory").inventory_lines(inventory, context.names),
        "json": lambda inventory, _: _module("inventory").inventory_json(inventory),
        "csv": lambda inventory, _: _module("inventory").inventory_csv(inventory),
    }
)
LIFE: Final[Report[Life]] = Report(
    formats={
        "text": lambda life, _: _module("life").life_lines(life),
        "json": lambda life, _: _module("life").life_json(life),
    }
)
EXPORT: Final[Report[Export]] = Report(
    formats={
        "text": lambda export, _: _module("export").export_lines(export),
        "csv": lambda export, _: _module("export").export_csv(export),
        "json": lambda export, _: _module("export").export_json(export),
        "epac": lambda export, _: _module("export").export_epac(export),
    }
)
IMPORT: Final[Report[ImportReport]] = Report(
    formats={
        "text": lambda report, _: _module("imports").import_lines(report),
        "json": lambda report, _: _module("imports").import_json(report),
    }
)
PROBLEMS: Final[Report[Sequence[Problem]]] = Report(
    formats={
        "text": lambda problems, _: _module("problems").problem_lines(problems),
        "json": lambda problems, _: _module("problems").problems_json(problems),
        "github": lambda problems, context: _module("problems").problems_github(problems, context.folder),
        "sarif": lambda problems, context: _module("problems").problems_sarif(problems, context.folder),
    }
)
SEARCH: Final[Report[tuple[Narrowed, Catalogue, str]]] = Report(
    formats={
        "text": lambda search, _: _module("catalogue_search").search_lines(*search),
        "json": lambda search, _: _module("catalogue_search").search_json(*search),
    }
)
LOOKUP: Final[Report[tuple[Lookup, Catalogue, str]]] = Report(
    formats={
        "text": lambda lookup, _: _module("catalogue").show_lines(*lookup[:2]),
        "json": lambda lookup, _: _module("catalogue").show_json(*lookup),
    }
)
CATALOGUE: Final[Report[Catalogue]] = Report(
    formats={
        "text": lambda catalogue, _: _module("catalogue_facts").info_lines(catalogue),
        "json": lambda catalogue, _: _module("catalogue_facts").info_json(catalogue),
    }
)
DIFFERENCES: Final[Report[Sequence[Entry]]] = Report(
    formats={
        "text": lambda entries, _: _module("catalogue_facts").difference_lines(entries),
        "json": lambda entries, _: _module("catalogue_facts").differences_json(entries),
    }
)
