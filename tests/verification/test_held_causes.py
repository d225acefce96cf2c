"""A held line excuses a declared fact only where the raw objects show its cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    CATALOGUE,
    LEFT,
    NOW,
    OTHER_SUB,
    RESOURCE,
    RG,
    ROOT,
    SETTINGS,
    STANDARD,
    SUB,
    assignment,
    declaration,
    initiative,
    live,
    ours,
    plan,
    snapshot,
)
from verification.raw import case, resealed

from reconciler.catalog.facts import Obstacle
from reconciler.kinds import HeldCause
from reconciler.model import FolderRule, LifetimeRule, Rules, Subject, SubjectKind, Unread
from reconciler.verification import verify

ONE = declaration("one")
WHOLE = declaration("one", subject=Subject(kind=SubjectKind.INITIATIVE, value=BENCHMARK.id.text))
OUTSIDE = replace(SETTINGS, scopes=(RG,))
FORBIDDEN = Unread(message="Forbidden", scope=RG, what="exemptions")
FORGED = replace(SETTINGS, writers=("robot",))

HARDLY = {
    obstacle: next(policy for policy in CATALOGUE.policies.values() if obstacle in policy.obstacles).id.name
    for obstacle in (Obstacle.MODE, Obstacle.UNSUPPORTED)
}
ODD = initiative("odd", refA="a", mode=HARDLY[Obstacle.MODE], ignored=HARDLY[Obstacle.UNSUPPORTED])
AT_ODD = assignment(ROOT, "odd", ODD.id)
WITH_ODD = snapshot(assignments=(AT_ROOT, AT_ODD), initiatives=(BENCHMARK, ODD))


def ruled(**rules):
    return replace(SETTINGS, rules=Rules(**rules))


def addressed(reference):
    """A declaration about one reference of an assignment."""
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=AT_ODD.id.text, reference_ids=(reference,))
    return declaration("one", subject=subject)


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
    HeldCause.NEVER_EXEMPT: (snapshot(), ruled(never_policies=("A",)), [ONE]),
    HeldCause.LIFETIME: (WITH_ODD, ruled(lifetimes=(LifetimeRule(days=30, severity="High"),)), [addressed("refA")]),
    HeldCause.UNSUPPORTED: (WITH_ODD, ruled(strict_unsupported=True), [addressed("ignored")]),
    HeldCause.NOT_EXEMPTABLE: (WITH_ODD, SETTINGS, [addressed("mode")]),
    HeldCause.OUTSIDE_PLACES: (snapshot(), ruled(folders=(FolderRule(folder="", below=(OTHER_SUB,)),)), [ONE]),
}  # fmt: skip
"""By cause, a tenant, settings and declarations of which a plan says that it is held."""
RULES = {
    HeldCause.NEVER_EXEMPT: (snapshot(), ruled(never_policies=("b",)), [ONE]),
    HeldCause.LIFETIME: (
        WITH_ODD, ruled(lifetimes=(LifetimeRule(days=30),)), [replace(addressed("refA"), expires_on=NOW + timedelta(days=30))],
    ),
    HeldCause.UNSUPPORTED: (WITH_ODD, ruled(strict_unsupported=True), [addressed("refA")]),
    HeldCause.NOT_EXEMPTABLE: (WITH_ODD, SETTINGS, [addressed("ignored")]),
    HeldCause.OUTSIDE_PLACES: (snapshot(), ruled(folders=(FolderRule(folder="", below=(SUB,)),)), [ONE]),
    HeldCause.WHOLE_ASSIGNMENT: (snapshot(), ruled(allow_whole_assignment=True), [WHOLE]),
    HeldCause.FOREIGN_OWNER: (snapshot(live("f", metadata={"pacOwnerId": "epac"})), SETTINGS, [replace(ONE, take_over="epac")]),
    HeldCause.NOT_ADOPTABLE: (snapshot(live("f", by="Application")), SETTINGS, [replace(ONE, adopt=True)]),
}  # fmt: skip
"""By cause, a world in which there is something of the kind, but nothing that stops what is declared."""
ELSEWHERE = {
    "a subscription beside it": Unread(message="Forbidden", scope=OTHER_SUB, what="exemptions"),
    "the group above it": Unread(message="Forbidden", scope=LEFT, what="exemptions"),
    "an initiative": Unread(message="Forbidden", scope=SUB, what=STANDARD.id.text),
    "Defender's list, of which nobody declares anything": Unread(
        message="Forbidden", scope=SUB, what="standard assignments"
    ),
}


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


def unowned(documents, cause, **more):
    """The documents without the write that owns what is declared, which is said to be held instead."""
    (write,) = documents["plan"]["changes"]
    documents["plan"]["changes"] = []
    line = {
        "declaration": "one",
        "scope": write["key"]["scope"],
        "assignment": write["key"]["assignment"],
        "referenceIds": [],
        "exemption": None,
        "cause": cause,
        "source": write["source"],
    }
    documents["plan"]["held"] = [{**line, "message": "", "remedy": "", **more}]
    resealed(documents["plan"])
    return documents


@pytest.mark.parametrize("cause", RULES)
def test_and_where_what_it_names_does_not_stop_the_declaration(cause):
    assert {violation.rule for violation in verify(**unowned(proof(RULES[cause]), cause.value))} == {"owned once"}


@pytest.mark.parametrize("unread", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_is_unread_elsewhere_holds_nothing(unread):
    documents = unowned(proof((snapshot(unread=(unread,)), SETTINGS, [ONE])), "unread")
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]
    documents["plan"]["held"] = []
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]


@pytest.mark.parametrize("listed", ["exemptions", "assignments"])
def test_what_is_unread_in_the_list_that_would_show_it_holds_it(listed):
    unread = Unread(message="Forbidden", scope=SUB, what=listed)
    documents = proof((snapshot(unread=(unread,)), SETTINGS, [ONE]))
    assert [line["cause"] for line in documents["plan"]["held"]] == ["unread"]
    assert verify(**documents) == []


def test_a_target_that_a_group_may_hold_whose_descendants_are_unread_is_held():
    hidden = Unread(message="Forbidden", scope=ROOT, what="descendants")
    tenant = snapshot(unread=(hidden,), parents={}, expected=(ROOT,))
    documents = proof((tenant, SETTINGS, [ONE]))
    assert [line["cause"] for line in documents["plan"]["held"]] == ["unread"]
    assert verify(**documents) == []


def test_one_that_bears_our_name_and_a_forged_mark_is_still_in_the_way():
    create = proof((snapshot(), SETTINGS, [ONE]))["plan"]["changes"][0]
    documents = proof((snapshot(ours(create["key"]["name"], "one")), FORGED, [ONE]))
    assert [line["cause"] for line in documents["plan"]["held"]] == ["forged"]
    assert verify(**documents) == []


@pytest.mark.parametrize("cause", ["unread", "left-out", "neighbour"])
def test_an_object_that_nothing_keeps_is_not_why_its_update_is_left_out(cause):
    renamed = ours("was", "before")
    documents = proof((snapshot(renamed), SETTINGS, [ONE]))
    assert verify(**documents) == []
    documents = unowned(documents, cause, exemption=renamed.id.text, referenceIds=["refA"])
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]


@pytest.mark.parametrize("cause", ["assignment-gone", "unknown-reference", "initiative-unread"])
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
