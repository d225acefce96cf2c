"""Every sentence that planning says, in one golden file, so that they are read and improved together."""

import inspect
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

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

from reconciler.model import FolderRule, Source, Unread, arm_id
from reconciler.planning import hold_messages
from reconciler.planning.evidence import Evidence
from reconciler.planning.findings import messages as finding_messages
from reconciler.planning.findings.messages import Orphan, OrphanCause
from reconciler.planning.values import Change, Finding, Reason

EXAMPLES = {
    "scope": RG, "target": RESOURCE, "other_scope": SUB, "title": "Transparent data encryption", "name": "two", "why": "of this reason",
    "rule": FolderRule(folder="shop", below=(SUB,)), "declaration": declaration("one"), "mine": declaration("one"), "other": declaration("two"), "desired": declaration("one"),
    "keeper": ours("kept", "one"), "unknown": ("refZ",), "initiative": BENCHMARK, "references": ("refA", "refB"),
    "line": Unread(scope=SUB, what="exemptions", message="AuthorizationFailed: no right", remedy="ask for Reader"), "source": Source("exemptions/one.yaml", 3),
    "count": 950, "days": 90, "severity": "High", "latest": date(2027, 1, 31), "ours": True, "orphan": Orphan(cause=OrphanCause.MOVED, why="of this reason"), "similar": (arm_id(RESOURCE.text + "-2"),),
    "recommendation": next(each for each in CATALOGUE.recommendations.values() if each.retirement), "catalogue": CATALOGUE,
    "creates": [Change(before=None, after=ours("kept", "one"), reason=Reason.DECLARED, fingerprint="", declaration="one")],
}  # fmt: skip


def said(words):
    yield f"  {words.message}"
    yield f"  fix: {words.remedy}"
    if isinstance(words, Finding):
        yield f"  {words.kind}, {words.severity}, about {words.subject}"
        yield f"  {words.declaration}, {words.source}, in {words.assignment.name if words.assignment else None}"


def every(module):
    for name, speaker in sorted(inspect.getmembers(module, inspect.isfunction)):
        if speaker.__module__ == module.__name__ and not name.startswith("_") and name != "label":
            names = inspect.signature(speaker).parameters
            assignment = AT_ROOT.id if name.startswith("assignment_") else AT_ROOT
            given = {
                "existing": live("portal", by="Application", metadata={"pacOwnerId": "epac", "declaration": "one"}),
                "assignment": assignment,
                **EXAMPLES,
            }
            yield name
            yield from said(speaker(**{each: given[each] for each in names}))


def test_every_sentence(golden):
    golden("sentences.txt", "\n".join([*every(hold_messages), *every(finding_messages)]) + "\n")


def test_sentences_fit_what_is_there():
    bare = replace(live("p"), system=None, display_name="My exemption", expires_on="2026-11-01T00:00:00Z")
    assert "an unknown identity" in hold_messages.not_adoptable(bare).message
    assert (
        hold_messages.unread(Unread(scope=SUB, what="x", message="y")).remedy
        == hold_messages.reduction_unread(Unread(scope=SUB, what="x", message="y")).remedy
    )
    assert "give the identity Reader" in hold_messages.unread(Unread(scope=SUB, what="x", message="y")).remedy
    assert (
        hold_messages.unknown_reference(AT_ROOT, ("xyz",), BENCHMARK).remedy
        == "correct referenceIds in the declaration"
    )
    assert (
        hold_messages.unknown_reference(AT_ROOT, ("refA",), None).remedy == "remove referenceIds from the declaration"
    )
    here = hold_messages.conflict(declaration("a"), declaration("b"), RG, RG, AT_ROOT)
    assert "which contains" not in here.message
    assert finding_messages.unmanaged(bare).message.startswith("'My exemption' is")
    assert finding_messages.overlap(bare, None).message.startswith("exempts every policy of assignment 'mcsb'")
    assert "--delete-orphans" not in finding_messages.orphaned(bare, EXAMPLES["orphan"], None, ours=False).remedy
    assert finding_messages.quota(RG, 1001).severity.value == "error"
    assert finding_messages.quota(RG, 1000).severity.value == "warning"
    assert "()" not in finding_messages.moot_effect(declaration("one"), RG, AT_ROOT, ()).message
    assert hold_messages.label(replace(AT_ROOT, display_name="")) == "mcsb"
    assert "2026-11-01" in finding_messages.expired_foreign(bare).message


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
