"""What a held line says of one object is not said of another one beside it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from planning.world import ROOT, SETTINGS, SUB, declaration, ours, plan, snapshot
from verification.raw import case

from reconciler.model import ResourceSelector, Selector
from reconciler.planning.values import HeldCause
from reconciler.verification import verify

HERE = replace(SETTINGS, scopes=(SUB,))


def located(region):
    return (ResourceSelector("here", (Selector(kind="resourceLocation", values=(region,)),)),)


def test_one_object_is_held_and_its_twin_goes():
    held = ours("held", "above", references=("refA", "refB"), selectors=located("eastus"))
    twin = ours("twin", "above", references=("refB",), selectors=located("westeurope"))
    wanted = declaration("above", ROOT)
    tenant = snapshot(held, twin)
    done = plan(tenant, wanted, settings=HERE)
    assert [line.exemption for line in done.held if line.cause is HeldCause.NEIGHBOUR] == [held.id]
    assert [change.id for change in done.changes] == [twin.id]

    scenario = SimpleNamespace(snapshot=lambda: tenant, settings=HERE, declarations=[wanted])
    documents = case(scenario, done)
    assert verify(**documents) == []
    for line in documents["plan"]["held"]:
        line["exemption"] = twin.id.text if line["cause"] == "neighbour" else None
    assert [violation.rule for violation in verify(**documents)] == ["what is held stays"]
