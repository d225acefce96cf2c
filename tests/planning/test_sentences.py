"""Every sentence that planning says, in one golden file, so that they are read and improved together."""

import inspect
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    CATALOGUE,
    NOW,
    RESOURCE,
    RG,
    ROOT,
    SUB,
    declaration,
    initiative,
    live,
    ours,
    plan,
    snapshot,
)

from reconciler.model import FolderRule, Source, Subject, SubjectKind, SystemData, Unread, arm_id
from reconciler.planning import hold_messages
from reconciler.planning.descriptions import made_when
from reconciler.planning.evidence import Evidence
from reconciler.planning.findings import about_declarations, about_exemptions
from reconciler.planning.findings.about_exemptions import Orphan, OrphanCause
from reconciler.planning.values import Change, Finding, Reason

ONE, TWO = declaration("one"), declaration("two")
TITLE, WHY = "Transparent data encryption", "of this reason"
UNREAD = Unread(scope=SUB, what="exemptions", message="AuthorizationFailed: no right", remedy="ask for Reader")
PORTAL = live("portal", by="Application", metadata={"pacOwnerId": "epac", "declaration": "one"})
KEPT = ours("kept", "one")
MOVED = Orphan(cause=OrphanCause.MOVED, why=WHY)
PLACE = Source("exemptions/one.yaml", 3)
RETIRED = next(recommendation for recommendation in CATALOGUE.recommendations.values() if recommendation.retirement)
CREATE = Change(before=None, after=KEPT, reason=Reason.DECLARED, fingerprint="", declaration="one")


def holds():
    """Why something is held; said within a test, so that mutation testing knows which test it is."""
    return {
        "assignment_gone": hold_messages.assignment_gone(AT_ROOT.id),
        "assignment_unread": hold_messages.assignment_unread(AT_ROOT.id),
        "conflict": hold_messages.conflict(ONE, TWO, RG, SUB, AT_ROOT),
        "foreign_owner": hold_messages.foreign_owner(PORTAL),
        "forged": hold_messages.forged(PORTAL),
        "initiative_unread": hold_messages.initiative_unread(AT_ROOT, UNREAD),
        "left_out": hold_messages.left_out(RG),
        "lifetime": hold_messages.lifetime(ONE, 90, "High", date(2027, 1, 31)),
        "neighbour_held": hold_messages.neighbour_held(PORTAL, "two", RG),
        "never_exempt": hold_messages.never_exempt(AT_ROOT, TITLE),
        "no_subscription": hold_messages.no_subscription(RESOURCE),
        "not_adoptable": hold_messages.not_adoptable(PORTAL),
        "not_exemptable": hold_messages.not_exemptable(AT_ROOT, TITLE, WHY),
        "outside_places": hold_messages.outside_places(RESOURCE, FolderRule(folder="shop", below=(SUB,))),
        "outside_scopes": hold_messages.outside_scopes(RESOURCE),
        "reduction_unread": hold_messages.reduction_unread(UNREAD),
        "resource_gone": hold_messages.resource_gone(RESOURCE, (arm_id(RESOURCE.text + "-2"),)),
        "strict_unsupported": hold_messages.strict_unsupported(AT_ROOT, TITLE, WHY),
        "unknown_reference": hold_messages.unknown_reference(AT_ROOT, ("refZ",), BENCHMARK),
        "unread": hold_messages.unread(UNREAD),
        "whole_refused": hold_messages.whole_refused(AT_ROOT),
    }


def findings():
    """What is found."""
    return {
        "ahead_of_move": about_declarations.ahead_of_move(ONE, RG, AT_ROOT),
        "ahead_of_not_scope": about_declarations.ahead_of_not_scope(ONE, RG, AT_ROOT),
        "duplicate": about_exemptions.duplicate(PORTAL, KEPT, ONE),
        "expired_foreign": about_exemptions.expired_foreign(PORTAL),
        "forged": about_exemptions.forged(PORTAL),
        "kept_moot": about_exemptions.kept_moot(PORTAL, AT_ROOT, PLACE),
        "kept_outside": about_exemptions.kept_outside(PORTAL),
        "kept_unclear": about_exemptions.kept_unclear(PORTAL, WHY, PLACE),
        "kept_unproven": about_exemptions.kept_unproven(PORTAL, PLACE),
        "moot_effect": about_declarations.moot_effect(ONE, RG, AT_ROOT, ("refA", "refB")),
        "moot_not_scope": about_declarations.moot_not_scope(ONE, RG, AT_ROOT),
        "moot_selector": about_declarations.moot_selector(ONE, RG, AT_ROOT),
        "orphaned": about_exemptions.orphaned(PORTAL, MOVED, PLACE, ours=True),
        "overlap": about_exemptions.overlap(PORTAL, AT_ROOT),
        "quota": about_exemptions.quota(RG, 950),
        "retired": about_declarations.retired(ONE, RETIRED, CATALOGUE),
        "shadowed": about_exemptions.shadowed(PORTAL, ONE, RG),
        "uncovered": about_declarations.uncovered(ONE, TITLE, RESOURCE),
        "unexemptable": about_declarations.unexemptable([CREATE], AT_ROOT),
        "unmanaged": about_exemptions.unmanaged(PORTAL),
        "unsupported": about_declarations.unsupported(ONE, TITLE, WHY),
    }


UNKNOWN = replace(PORTAL, system=None)
NAMELESS = replace(PORTAL, system=SystemData())


def of_nobody_known():
    """Sentences about something of which Azure does not say who made it."""
    return {
        "forged": hold_messages.forged(UNKNOWN),
        "not_adoptable": hold_messages.not_adoptable(UNKNOWN),
        "kept_unproven": about_exemptions.kept_unproven(UNKNOWN, PLACE),
    }


def of_other_kinds():
    """Sentences that depend on what is declared, or on how much there is."""
    declared = {kind: replace(ONE, subject=Subject(kind=kind, value="x")) for kind in SubjectKind}
    return {
        **{f"uncovered {kind}": about_declarations.uncovered(each, TITLE, RESOURCE) for kind, each in declared.items()},
        "moot_effect of all": about_declarations.moot_effect(ONE, RG, AT_ROOT, ()),
        "unexemptable, of an assignment that was not read": about_declarations.unexemptable([CREATE, CREATE], None),
    }


SPEAKERS = [(holds, {hold_messages}), (findings, {about_declarations, about_exemptions})]


def said(words):
    yield f"  {words.message}"
    yield f"  fix: {words.remedy}"
    if isinstance(words, Finding):
        yield f"  {words.kind}, {words.severity}, about {words.subject}"
        yield f"  {words.declaration}, {words.source}, in {words.assignment.name if words.assignment else None}"
        known = {field.name: getattr(words.evidence, field.name) for field in fields(words.evidence)}
        yield from (f"  {name}: {value}" for name, value in known.items() if value)


def every(sentences):
    for name, words in sentences.items():
        yield name
        yield from said(words)


def test_every_sentence(golden):
    golden("sentences.txt", "\n".join([*every(holds()), *every(findings())]) + "\n")


def test_what_depends_on_the_kind_of_what_is_declared(golden):
    golden("sentences_of_other_kinds.txt", "\n".join(every(of_other_kinds())) + "\n")


def test_no_finding_says_the_id_of_what_every_report_names_beside_it():
    """A shadowed one alone names another place than its own."""
    assert [name for name, finding in findings().items() if "/subscriptions/" in finding.message] == ["shadowed"]
    assert not [name for name, finding in findings().items() if "/managementGroups/" in finding.message]


def test_what_azure_does_not_say_is_not_said(golden):
    golden("sentences_of_nobody_known.txt", "\n".join(every(of_nobody_known())) + "\n")
    nameless = [hold_messages.forged(NAMELESS), hold_messages.not_adoptable(NAMELESS)]
    nameless.append(about_exemptions.kept_unproven(NAMELESS, PLACE))
    assert [list(said(words)) for words in nameless] == [list(said(words)) for words in of_nobody_known().values()]


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (SystemData(created_at=NOW, created_by="ann@contoso.example"), "2026-11-20T12:00:00Z by ann@contoso.example"),
        (SystemData(created_at=NOW), "2026-11-20T12:00:00Z"),
        (SystemData(created_by="ann@contoso.example"), ""),
        (None, ""),
    ],
)
def test_when_something_was_made(system, words):
    assert made_when(system) == words


@pytest.mark.parametrize(("sentences", "modules"), SPEAKERS)
def test_no_sentence_is_left_out(sentences, modules):
    functions = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "__mutmut_" not in name
    }
    assert functions - {"label"} == set(sentences())


def test_sentences_fit_what_is_there():
    bare = replace(live("p"), system=None, display_name="My exemption", expires_on="2026-11-01T00:00:00Z")
    assert "an unknown identity" in hold_messages.not_adoptable(bare).message
    assert (
        hold_messages.unread(Unread(scope=SUB, what="x", message="y")).remedy
        == hold_messages.reduction_unread(Unread(scope=SUB, what="x", message="y")).remedy
    )
    assert "run again; if it stays so" in hold_messages.unread(Unread(scope=SUB, what="x", message="y")).remedy
    assert (
        hold_messages.unknown_reference(AT_ROOT, ("xyz",), BENCHMARK).remedy
        == "correct referenceIds in the declaration"
    )
    assert (
        hold_messages.unknown_reference(AT_ROOT, ("refA",), None).remedy == "remove referenceIds from the declaration"
    )
    here = hold_messages.conflict(declaration("a"), declaration("b"), RG, RG, AT_ROOT)
    assert "which contains" not in here.message
    assert about_exemptions.unmanaged(bare).message.startswith("'My exemption' is")
    assert about_exemptions.overlap(bare, None).message.startswith("exempts every policy of assignment 'mcsb'")
    assert "--delete-orphans" not in about_exemptions.orphaned(bare, MOVED, None, ours=False).remedy
    assert about_exemptions.quota(RG, 1001).severity.value == "error"
    assert about_exemptions.quota(RG, 1000).severity.value == "warning"
    assert "()" not in about_declarations.moot_effect(declaration("one"), RG, AT_ROOT, ()).message
    assert hold_messages.label(replace(AT_ROOT, display_name="")) == "mcsb"
    assert "2026-11-01" in about_exemptions.expired_foreign(bare).message


# --- notes on confirmed wishes ---


def kinds(done, kind):
    return [(finding.subject.name, finding.declaration) for finding in done.findings if finding.kind.value == kind]


def test_shadowed_by_what_nobody_here_declared_on_a_containing_scope():
    lives = (
        live("above", ROOT),
        live("other-cells", SUB, ("refB",)),
        live("over", SUB, expires_on="2026-11-01T00:00:00Z"),
    )
    done = plan(snapshot(*lives, live("below", RESOURCE)), declaration("one"))
    assert kinds(done, "shadowed") == [("above", "one")]
    twice = plan(snapshot(live("above", ROOT)), declaration("one"), declaration("two", SUB, what="b"))
    assert kinds(twice, "shadowed") == [("above", "one")]


def test_not_shadowed_by_ours_nor_by_what_is_written_now():
    assert (
        kinds(
            plan(
                snapshot(ours("o", "two", target=SUB, references=("refA", "refB"))),
                declaration("one"),
                declaration("two", SUB, what="b"),
            ),
            "shadowed",
        )
        == []
    )
    gone = plan(snapshot(live("above", SUB)), declaration("one", RG), declaration("two", SUB, what="b"))
    assert kinds(gone, "shadowed") == [("above", "one")]


def test_moot_effects_and_selectors_are_noted():
    off = initiative("mcsb", refA="a")
    off = replace(off, members=(replace(off.members[0], effect="Disabled"),))
    done = plan(snapshot(initiatives=(off,)), declaration("one"))
    assert kinds(done, "moot") == [("rg-data", "one")]
    assert "(refA)" in next(f.message for f in done.findings if f.kind.value == "moot")
    choosing = replace(AT_ROOT, selectors=declaration("x").selectors or (object(),))
    assert "resource selectors" in next(
        f.message for f in plan(snapshot(assignments=(choosing,)), declaration("one")).findings
    )


def test_quota_counts_what_the_plan_leaves():
    many = [live(f"p{number}", references=("refC",)) for number in range(899)]
    assert kinds(plan(snapshot(*many)), "quota") == []
    assert kinds(plan(snapshot(*many), declaration("one")), "quota") == [("rg-data", None)]
    going = ours("o", "gone", references=("refB",))
    assert kinds(plan(snapshot(*many, going)), "quota") == []
    assert "would hold 900" in next(
        f.message for f in plan(snapshot(*many), declaration("one")).findings if f.kind.value == "quota"
    )
    full = plan(snapshot(*many, *(live(f"q{n}", references=("refC",)) for n in range(101))), declaration("one"))
    assert [f.severity.value for f in full.findings if f.kind.value == "quota"] == ["error"]


def test_expiring_is_told_once_for_each_declaration():
    soon = declaration("one", RG, SUB, what="a", expires_on=NOW + timedelta(days=7))
    done = plan(snapshot(), replace(soon, scopes=(RG, RESOURCE.parent, ROOT)))
    found = [f for f in done.findings if f.kind.value == "expiring"]
    assert [(f.severity.value, f.evidence) for f in found] == [
        ("warning", Evidence(expires_on="2026-11-27T12:00:00Z", exemptions=1))
    ]
    later = plan(snapshot(), declaration("one", expires_on=NOW + timedelta(days=8)))
    assert [f.severity.value for f in later.findings] == ["info"]
    assert "in 8 days" in later.findings[0].message
    assert plan(snapshot(), declaration("one", expires_on=NOW + timedelta(days=31))).findings == ()
    edge = plan(snapshot(), declaration("one", expires_on=NOW + timedelta(days=30)))
    assert len(edge.findings) == 1
    today = plan(snapshot(), declaration("one", expires_on=datetime(2026, 11, 20, 23, tzinfo=UTC)))
    assert "today" in today.findings[0].message
    tomorrow = plan(snapshot(), declaration("one", expires_on=datetime(2026, 11, 21, 23, tzinfo=UTC)))
    assert "in 1 day)" in tomorrow.findings[0].message
