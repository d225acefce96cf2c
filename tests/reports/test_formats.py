"""The registry of reports: every row renders, so that a format which names no renderer is seen here."""

import json
from datetime import timedelta
from fractions import Fraction

import pytest
import samples
import test_any_text
from planning import world
from planning.test_explanations import decided

from reconciler.assessments.case import EffectInputs
from reconciler.assessments.report import effect_report
from reconciler.assessments.values import DefenderView
from reconciler.catalog.catalogue import load
from reconciler.catalog.lookup import look_up
from reconciler.catalog.narrowing import Narrowing, narrowed
from reconciler.drift import DriftInputs, take_inventory
from reconciler.drift.life import Event, EventKind, Life
from reconciler.importing.values import Import, ImportRow, Outcome
from reconciler.model import Verdict
from reconciler.model.posture import Posture, ReportedScore
from reconciler.planning.explain.declaration import explain_declaration
from reconciler.planning.explain.resource import explain_resource
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.planner import assemble_plan
from reconciler.planning.provenance import NoHistory
from reconciler.planning.score.actual import EarlierEstimate, score_report
from reconciler.planning.score.formula import Score
from reconciler.reports import formats
from reconciler.reports.export import Export
from reconciler.reports.formats import Document, Report
from reconciler.reports.imports import ImportReport
from reconciler.reports.plan import plan_report
from reconciler.reports.styled import plain

REPORTS = {name: report for name, report in vars(formats).items() if isinstance(report, Report)}
CATALOGUE = load()


def score_of_two():
    """Two subscriptions, one of which an earlier plan estimated."""
    guid = world.SUB.name
    figures = ReportedScore(current=Fraction(2), max=4, percentage=Fraction("0.5"), weight=8)
    posture = Posture(assessments=(), definitions=(), counts={}, scores={guid: figures})
    some = Score(current=Fraction(1), max=4, weight=8)
    earlier = EarlierEstimate(subscription=world.SUB, now=some, after=some, upper=some)
    return score_report(posture, (world.SUB, world.OTHER_SUB), (earlier,), "abc")


def inventory():
    return take_inventory(
        DriftInputs(
            snapshot=world.snapshot(world.live("x")),
            resolved=ResolvedDeclarations.of((), world.CATALOGUE),
            catalogue=world.CATALOGUE,
            settings=world.SETTINGS,
            history=NoHistory(),
            now=world.NOW,
        )
    )


def import_report():
    row = ImportRow(source="\x1b[31mx", title="::error::x", outcome=Outcome.REFUSED, message="because", notes=("a",))
    return ImportReport(imported=Import(files=(), rows=(row,)), problems={}, verdict=Verdict.INCOMPLETE, written=True)


def value_of(name):
    declared = world.declaration("lab")
    basis = decided(world.snapshot(), declared)
    return {
        "PLAN": lambda: plan_report(samples.full_plan()),
        "OUTCOMES": lambda: test_any_text.hostile_run("x"),
        "DRIFT": samples.drift_report,
        "RESOURCE": lambda: explain_resource(basis, assemble_plan(basis), world.RG),
        "DECLARATION": lambda: explain_declaration(basis, assemble_plan(basis), declared),
        "INVENTORY": inventory,
        "IMPORT": import_report,
        "LIFE": lambda: Life(name="lab", events=(Event(when=world.NOW, kind=EventKind.ASKED, detail="x"),)),
        "EXPORT": lambda: Export(declarations=[declared], catalogue=CATALOGUE),
        "PROBLEMS": lambda: test_any_text.hostile_problems("x"),
        "SEARCH": lambda: (narrowed(CATALOGUE, "transfer", Narrowing(), 10), CATALOGUE, "transfer"),
        "LOOKUP": lambda: (look_up(CATALOGUE, "Secure transfer to storage accounts should be enabled"), CATALOGUE, "x"),
        "CATALOGUE": lambda: CATALOGUE,
        "DIFFERENCES": tuple,
        "SCORE": score_of_two,
        "STATUS": lambda: effect_report(
            EffectInputs(
                basis=basis,
                plan=assemble_plan(basis),
                view=DefenderView(as_of=world.NOW),
                within=timedelta(hours=24),
            )
        ),
    }[name]()


@pytest.mark.parametrize(("name", "form"), [(name, form) for name, report in REPORTS.items() for form in report.names])
def test_every_row_renders(name, form):
    rendered = REPORTS[name].render(form, value_of(name))
    match rendered:
        case str():
            text = rendered
        case Document(pieces=pieces):
            text = "".join(pieces)
        case lines:
            text = plain(lines)
    assert text or (name, form) == ("DIFFERENCES", "text")
    if form in {"json", "sarif"}:
        assert json.loads(text)


def test_text_is_what_a_person_gets_unasked():
    assert {report.names[0] for report in REPORTS.values()} == {"text"}
