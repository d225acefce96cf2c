"""What a held line says of one object is not said of another one beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    LEFT,
    NOW,
    OTHER_SUB,
    RG,
    ROOT,
    SETTINGS,
    STANDARD,
    SUB,
    assignment,
    declaration,
    live,
    ours,
    plan,
    snapshot,
)
from verification.raw import case, resealed

from reconciler.model import ResourceSelector, Rules, Selector, Subject, SubjectKind, Unread
from reconciler.planning.values import HeldCause
from reconciler.verification import verify

HERE = replace(SETTINGS, scopes=(SUB,))
NIST = assignment(ROOT, "nist", STANDARD.id)


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


@pytest.mark.parametrize(
    ("mark", "references"),
    [({}, ("nistA", "nistA2")), ({"declaration": "alpha", "target": RG.text}, ("nistA", "nistA2", "nistD"))],
    ids=["of no declaration", "of the same declaration, for less"],
)
def test_an_object_that_is_kept_holds_nothing_that_a_create_bears(mark, references):
    until = NOW + timedelta(days=60)
    wanted = declaration("alpha", RG, SUB, expires_on=until, selectors=located("eastus"))
    beside = declaration("beta", SUB, what="d")
    metadata = {"managedBy": "exempt", "owner": SETTINGS.owner, **mark}
    kept = live("kept", RG, references, NIST, metadata=metadata, selectors=located("eastus") if not mark else ())
    tenant = snapshot(kept, assignments=(NIST,))
    settings = replace(SETTINGS, scopes=(RG,))
    done = plan(tenant, wanted, beside, settings=settings)
    assert [change.action.value for change in done.changes] == ["create"]
    assert [line.exemption for line in done.held if line.cause is HeldCause.NEIGHBOUR] == [kept.id]

    scenario = SimpleNamespace(snapshot=lambda: tenant, settings=settings, declarations=[wanted, beside])
    documents = case(scenario, done)
    assert verify(**documents) == []
    documents["plan"]["changes"][0]["after"]["policyDefinitionReferenceIds"].pop()
    resealed(documents["plan"])
    assert [violation.rule for violation in verify(**documents)] == ["owned once"]


def test_a_twin_marked_for_a_target_that_it_does_not_lie_below_goes_for_what_its_declaration_wants_here():
    """Its declaration wants less of the same scope, for some resources, and has that already."""
    wanted = declaration("alpha", SUB, RG, selectors=located("eastus"))
    right = ours("right", "alpha", SUB, selectors=located("eastus"))
    twin = ours("twin", "alpha", RG, scope=SUB, references=())
    tenant = snapshot(right, twin)
    done = plan(tenant, wanted)
    assert ("delete", "twin") in [(change.action.value, change.exemption.name) for change in done.changes]
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[wanted]), done)
    assert verify(**documents) == []
    elsewhere = replace(wanted, scopes=(RG,))
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[elsewhere]), done)
    assert "a cause in the repository" in {violation.rule for violation in verify(**documents)}


def test_an_adoption_where_the_assignment_is_gone_is_refuted():
    foreign = live("terraform", RG, ("refA",), NIST, by="Application")
    wanted = declaration("alpha", RG, subject=Subject(kind=SubjectKind.ASSIGNMENT, value=NIST.id.text))
    tenant = snapshot(foreign)
    documents = case(
        SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[wanted]), plan(tenant, wanted)
    )
    assert verify(**documents) == []
    before = documents["snapshot"]["policyExemptions"][0]["properties"]
    mark = {"managedBy": "exempt", "owner": SETTINGS.owner, "declaration": "alpha", "target": RG.text}
    documents["plan"]["changes"] = [
        {
            "actions": ["update"],
            "reason": "adopt",
            "key": {"scope": RG.text, "assignment": NIST.id.text, "name": "terraform"},
            "before": before,
            "after": {**before, "metadata": mark},
            "declaration": "alpha",
        }
    ]
    resealed(documents["plan"])
    assert "nothing foreign" in {violation.rule for violation in verify(**documents)}


@pytest.mark.parametrize(
    "metadata",
    [{"pacOwnerId": "epac", "declaration": "one"}, {"declaration": "one"}],
    ids=["another owner", "application"],
)
def test_what_others_made_is_not_taken_over_while_what_is_declared_is_held(metadata):
    """A declaration may take it over, but only by what it wants there: it says nothing that another writer marked."""
    one = declaration("one", take_over="epac", adopt=True)
    theirs = live("theirs", RG, ("refB",), metadata=metadata, by="Application")
    tenant = snapshot(theirs)
    wanted = [one, declaration("two")]
    documents = case(
        SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=wanted), plan(tenant, *wanted)
    )
    assert verify(**documents) == []
    assert "conflict" in {line["cause"] for line in documents["plan"]["held"] if line["declaration"] == "one"}
    before = documents["snapshot"]["policyExemptions"][0]["properties"]
    mark = {"managedBy": "exempt", "owner": SETTINGS.owner, "declaration": "one", "target": RG.text}
    documents["plan"]["changes"].append(
        {
            "actions": ["update"],
            "reason": "take over",
            "key": {"scope": RG.text, "assignment": AT_ROOT.id.text, "name": "theirs"},
            "before": before,
            "after": {
                **before,
                "metadata": mark,
                "exemptionCategory": "Waiver",
                "description": one.justification,
            },
            "declaration": "one",
        }
    )
    resealed(documents["plan"])
    assert "one wants nothing at this scope and assignment" in {violation.message for violation in verify(**documents)}


@pytest.mark.parametrize("unread", ["exemptions", "assignments"])
def test_a_whole_initiative_that_is_not_cut_down_to_what_is_declared_holds_that(unread):
    """It was another declaration's, for some resources; above it something is unread, so nothing is taken away."""
    whole = ours("whole", "before", SUB, references=(), selectors=located("westeurope"))
    wanted = declaration("now", SUB)
    tenant = snapshot(whole, unread=(Unread(message="Forbidden", scope=LEFT, what=unread),))
    done = plan(tenant, wanted)
    assert done.changes == ()
    assert [(line.exemption, line.cause, line.declaration) for line in done.held] == [
        (whole.id, HeldCause.UNREAD, "now")
    ]
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[wanted]), done)
    assert verify(**documents) == []
    elsewhere = replace(wanted, scopes=(OTHER_SUB,))
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[elsewhere]), done)
    assert "owned once" in {violation.rule for violation in verify(**documents)}


@pytest.mark.parametrize("listed", [[], ["refA"]], ids=["whole", "listed"])
@pytest.mark.parametrize(
    ("other", "beside"),
    [
        ({"metadata": {"pacOwnerId": "epac"}}, None),
        ({"expires_on": "2026-11-01T00:00:00Z"}, None),
        ({}, {"scope": OTHER_SUB}),
        ({}, {"to": NIST}),
    ],
    ids=["another owner's", "expired", "elsewhere", "of another assignment"],
)
def test_an_object_that_no_update_would_make_the_declared_one_holds_nothing(listed, other, beside):
    where = {"references": ("refA",) if listed else (), "selectors": located("westeurope"), **(beside or {})}
    bearing = replace(ours("bearing", "before", SUB, **where), **other)
    wanted = declaration("now", SUB)
    unread = (Unread(message="Forbidden", scope=LEFT, what="exemptions"),)
    tenant = snapshot(bearing, unread=unread, assignments=(AT_ROOT, NIST))
    done = plan(tenant, wanted)
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[wanted]), done)
    assert verify(**documents) == []
    line = {"declaration": "now", "scope": SUB.text, "referenceIds": listed, "cause": "unread", "message": ""}
    more = {"exemption": bearing.id.text, "remedy": "", "source": {"file": "now.yaml"}}
    documents["plan"]["changes"] = []
    documents["plan"]["held"] = [
        {**line, **more, "assignment": at.id.text, "referenceIds": names}
        for at, names in ((AT_ROOT, listed), (NIST, ["nistA", "nistA2"] if listed else []))
    ]
    resealed(documents["plan"])
    unowned = [violation for violation in verify(**documents) if violation.rule == "owned once"]
    assert any("what now declares for refa of" in violation.message for violation in unowned)


def test_what_bears_another_owners_mark_beside_ours_goes_by_no_removal():
    once_ours = ours("o", "removed")
    tenant = snapshot(once_ours)
    done = plan(tenant)
    assert [change.after for change in done.changes] == [None]
    documents = case(SimpleNamespace(snapshot=lambda: tenant, settings=SETTINGS, declarations=[]), done)
    assert verify(**documents) == []
    for metadata in (
        documents["snapshot"]["policyExemptions"][0]["properties"]["metadata"],
        documents["plan"]["changes"][0]["before"]["metadata"],
    ):
        metadata["pacOwnerId"] = "epac"
    resealed(documents["plan"])
    assert "nothing foreign" in {violation.rule for violation in verify(**documents)}


def test_an_object_that_lies_above_its_assignment_bears_nothing_that_is_wanted_below():
    """What is declared for the group is wanted in the subscription, where the initiative is assigned."""
    here = assignment(SUB, "here", BENCHMARK.id)
    settings = replace(SETTINGS, rules=Rules(allow_whole_assignment=True))
    subject = Subject(kind=SubjectKind.ASSIGNMENT, value=here.id.text)
    whole, contender = declaration("gamma", LEFT, subject=subject), declaration("beta", RG, what="a")
    above = ours("above", "gamma", RG, scope=LEFT, to=here, references=("refA", "refB", "refC"))
    tenant = snapshot(above, assignments=(AT_ROOT, here))
    done = plan(tenant, whole, contender, settings=settings)
    assert above.id in [line.exemption for line in done.held]
    scenario = SimpleNamespace(snapshot=lambda: tenant, settings=settings, declarations=[whole, contender])
    documents = case(scenario, done)
    assert verify(**documents) == []
    (create,) = (change for change in documents["plan"]["changes"] if change["declaration"] == "gamma")
    assert create["after"]["policyDefinitionReferenceIds"] == ["refB", "refC"]
    create["after"]["policyDefinitionReferenceIds"] = ["refB"]
    resealed(documents["plan"])
    assert {violation.rule for violation in verify(**documents)} == {"owned once"}
