"""A held line excuses a declared fact only where the raw objects show its cause."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    OTHER_SUB,
    RESOURCE,
    RG,
    SETTINGS,
    SUB,
    declaration,
    live,
    ours,
    plan,
    snapshot,
)
from verification.raw import case, resealed

from reconciler.kinds import HeldCause
from reconciler.model import Subject, SubjectKind, Unread
from reconciler.verification import verify

ONE = declaration("one")
WHOLE = declaration("one", subject=Subject(kind=SubjectKind.INITIATIVE, value=BENCHMARK.id.text))
OUTSIDE = replace(SETTINGS, scopes=(RG,))
FORBIDDEN = Unread(message="Forbidden", scope=RG, what="exemptions")
FORGED = replace(SETTINGS, writers=("robot",))

WORLDS = {
    HeldCause.FOREIGN_OWNER: (snapshot(live("f", metadata={"pacOwnerId": "epac"})), SETTINGS, [ONE]),
    HeldCause.NOT_ADOPTABLE: (snapshot(live("f", by="Application")), SETTINGS, [ONE]),
    HeldCause.FORGED: (snapshot(ours("f", "one")), FORGED, [ONE]),
    HeldCause.CONFLICT: (snapshot(), SETTINGS, [ONE, declaration("two")]),
    HeldCause.UNREAD: (snapshot(unread=(FORBIDDEN,)), SETTINGS, [ONE]),
    HeldCause.RESOURCE_GONE: (
        snapshot(gone=frozenset({RESOURCE.key})), SETTINGS, [declaration("one", RESOURCE)],
    ),
    HeldCause.OUTSIDE_SCOPES: (snapshot(), OUTSIDE, [declaration("one", SUB, RG)]),
    HeldCause.WHOLE_ASSIGNMENT: (snapshot(), SETTINGS, [WHOLE]),
}  # fmt: skip
"""By cause, a tenant, settings and declarations of which a plan says that it is held."""


def proof(world, held=None):
    """The documents of a proof; `held` is another cause for all that is held."""
    tenant, settings, declarations = world
    scenario = SimpleNamespace(snapshot=lambda: tenant, settings=settings, declarations=declarations)
    documents = case(scenario, plan(tenant, *declarations, settings=settings))
    for line in documents["plan"]["held"]:
        line["cause"] = held or line["cause"]
    return documents


@pytest.mark.parametrize("cause", WORLDS)
def test_a_cause_that_the_tenant_shows_is_believed(cause):
    documents = proof(WORLDS[cause])
    assert cause.value in {line["cause"] for line in documents["plan"]["held"]}
    assert verify(**documents) == []


@pytest.mark.parametrize("cause", WORLDS)
def test_and_refuted_where_nothing_shows_it(cause):
    """The same line of a world in which the fact could be owned, and the create that owns it left out."""
    documents = proof((snapshot(), SETTINGS, [ONE]))
    create = documents["plan"]["changes"].pop()
    line = {
        "declaration": "one",
        "scope": RG.text,
        "assignment": AT_ROOT.id.text,
        "referenceIds": [],
        "exemption": None,
    }
    documents["plan"]["held"] = [{**line, "cause": cause.value, "message": "", "remedy": "", "source": None}]
    resealed(documents["plan"])
    assert create["actions"] == ["create"]
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]


@pytest.mark.parametrize("cause", ["assignment-gone", "unknown-reference"])
def test_what_is_there_is_not_held_as_gone(cause):
    assert [violation.rule for violation in verify(**proof(WORLDS[HeldCause.CONFLICT], held=cause))] == [
        "owned once"
    ] * 2


def test_who_wants_it_elsewhere_and_is_served_there_is_no_conflict():
    """Declarations for a subscription and for a resource group of another one."""
    documents = proof((snapshot(), SETTINGS, [ONE, declaration("two", OTHER_SUB)]))
    creates = documents["plan"]["changes"]
    documents["plan"]["changes"] = [change for change in creates if change["declaration"] == "two"]
    line = {
        "declaration": "one",
        "scope": RG.text,
        "assignment": AT_ROOT.id.text,
        "referenceIds": [],
        "exemption": None,
    }
    documents["plan"]["held"] = [{**line, "cause": "conflict", "message": "", "remedy": "", "source": None}]
    resealed(documents["plan"])
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]
