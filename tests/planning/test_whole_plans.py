"""Whole plans, told in full, in golden files: every field that apply, the reports and a saved plan rely on."""

from dataclasses import replace
from datetime import datetime, timedelta

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
    policy,
    snapshot,
)

from reconciler.catalog.facts import EXPLANATIONS
from reconciler.catalog.subjects import resolve_subject
from reconciler.model import Limits, Member, ResourceSelector, Selector, Subject, SubjectKind, Unread, arm_id
from reconciler.planning.allowances import Allowances
from reconciler.planning.values import Action
from reconciler.reports.evidence import evidence_to_json

WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
EAST = (ResourceSelector("east", (Selector(kind="resourceLocation", values=("eastus",)),)),)
EPAC = {"pacOwnerId": "epac"}
NIST = assignment(SUB, "nist", STANDARD.id)
GONE = assignment(ROOT, "gone", BENCHMARK.id)
RG2 = arm_id(f"{SUB}/resourceGroups/rg-web")
ELSEWHERE = arm_id("/subscriptions/00000000-0000-4000-8000-000000000009")


def by_initiative(name, *references, scope=RG, **more):
    return replace(
        declaration(name, scope, **more),
        subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb", reference_ids=references),
    )


def by_assignment(name, identifier, *references, scope=RG):
    return replace(
        declaration(name, scope),
        subject=Subject(kind=SubjectKind.ASSIGNMENT, value=str(identifier), reference_ids=references),
    )


def told(done):
    """Everything a plan holds, as lines."""
    yield f"plan of {done.tenant_id} by {done.owner}, taken {done.taken_at}, complete {done.complete}, empty {done.is_empty}"
    yield f"  scopes {[str(scope) for scope in done.scopes]}, digest {done.digest}, {done.summary}, owned {done.owned}, declared {done.declared}"
    for change in done.changes:
        yield f"{change.action} {change.reason} {change.id}"
        yield f"  {change.declaration} {change.source} widens {[each.value for each in change.widens]} also {change.also_exempts}"
        yield f"  {change.fingerprint}"
        yield f"  before {change.before and change.before.reference_ids} after {change.after and change.after.reference_ids}"
        yield from (f"  waits for {key.rsplit('/', 1)[-1]}" for key in change.waits_for)
        yield from (f"  relies on {kept.name} {kept.reference_ids}" for kept in change.relies_on)
    for name in ("unchanged", "foreign"):
        yield f"{name} {[each.name for each in getattr(done, name)]}"
    for line in done.held:
        yield f"held {line.cause} {line.declaration} {line.source} {line.reference_ids}"
        yield f"  at {line.scope} in {line.assignment} by {line.exemption}"
        yield f"  {line.message}"
        yield f"  {line.remedy}"
    for found in done.findings:
        yield f"{found.kind} {found.severity} {found.subject}"
        yield f"  {found.declaration} {found.source} {found.assignment} {evidence_to_json(found.evidence)}"
        yield f"  {found.message}"
        yield f"  {found.remedy}"
    for refusal in done.refusals:
        yield f"refused {refusal.rule}: {refusal.message}: {refusal.remedy or 'no option'}"


def held():
    """Every cause for which something is held."""
    single = assignment(SUB, "tls", policy("c"))
    unread_set = assignment(OTHER_SUB, "unread", initiative("unread", x="x").id)
    lives = (
        live("theirs", RG, ("refA",), metadata=EPAC), live("tf", RG2, ("refB",), by="Application"),
        ours("kept", "foreign", target=SUB), ours("torn", "absent", target=SUB, references=("refC",)),
    )  # fmt: skip
    found = snapshot(
        *lives, assignments=(AT_ROOT, single, unread_set), gone=frozenset({RESOURCE.key, GONE.id.key}),
        unread=(Unread(scope=OTHER_SUB, what=unread_set.definition.text, message="AuthorizationFailed"),),
    )  # fmt: skip
    return plan(
        found, declaration("foreign"), declaration("application", RG2, what="b"), declaration("gone", RESOURCE, what="b"),
        declaration("outside", ELSEWHERE),
        declaration("torn-1", RG, what="c"), declaration("torn-2", LEFT, what="c"), declaration("torn-3", ROOT, what="c"),
        by_assignment("no-assignment", GONE.id), by_assignment("unseen", f"{ROOT}/providers/Microsoft.Authorization/policyAssignments/unseen"),
        by_assignment("no-references", single.id, "refA"), by_initiative("mistyped", "refX", "refA", scope=OTHER_SUB),
        by_initiative("whole", scope=OTHER_SUB),
    )  # fmt: skip


def unread():
    """Scopes that could not be read, above, at and below what is declared or owned."""
    lines = (
        Unread(scope=SUB, what="exemptions", message="AuthorizationFailed", remedy="ask for Reader"),
        Unread(scope=SUB, what="assignments", message="AuthorizationFailed"),
    )
    lives = (
        ours("at-root", "one", target=ROOT, references=("refA", "refB")),
        ours("below", "absent", target=RG),
        ours("beside", "absent", target=OTHER_SUB),
    )
    return plan(snapshot(*lives, unread=lines[::-1]), declaration("one", ROOT), declaration("two", RG, what="b"))


def unwanted():
    """ExistingExemption ones that keep no wish, of every kind."""
    excluding = assignment(ROOT, "excluding", BENCHMARK.id, not_scopes=(RG2,))
    at_left = assignment(LEFT, "at-left", BENCHMARK.id)
    at_other = assignment(OTHER_SUB, "at-other", BENCHMARK.id)
    stray = assignment(ROOT, "stray", BENCHMARK.id)
    lives = (
        ours("removed", "absent"), ours("disabled", "off"), ours("over", "over", references=("refB",)),
        ours("untargeted", "one", target=RG2, references=("refC",)), ours("orphan", "one", to=GONE),
        ours("moved-from-assignment", "other", target=OTHER_SUB, to=at_left),
        ours("moved-from-target", "left", target=LEFT, scope=OTHER_SUB, references=("refB",), to=at_other),
        ours("moot", "web", target=RG2, to=excluding), ours("unseen", "one", to=stray),
        ours("stale", "one", references=("old", "older"), to=excluding), ours("outside", "absent", target=ELSEWHERE),
        replace(ours("blank", ""), metadata={"managedBy": "exempt", "owner": SETTINGS.owner}, reference_ids=("refC",)),
        ours("nested", "deep", target=RG, references=("refC",), to=at_left),
        live("p-expired", expires_on="2026-11-01T00:00:00Z"), live("f-expired", metadata=EPAC, expires_on="2026-11-01T00:00:00Z"),
        live("p-orphan", to=GONE), live("p-stray", to=stray), live("p-whole", references=(), to=at_left, scope=SUB), live("p-other", OTHER_SUB),
    )  # fmt: skip
    found = snapshot(*lives, assignments=(AT_ROOT, excluding, at_left, at_other), gone=frozenset({GONE.id.key}))
    deep = replace(
        declaration("deep", RG, SUB, what="c"),
        subject=Subject(kind=SubjectKind.ASSIGNMENT, value=at_left.id.text, reference_ids=("refC",)),
    )
    return plan(
        found, declaration("one", RG), declaration("off", enabled=False), declaration("over", expires_on=NOW),
        declaration("web", RG2), declaration("other", OTHER_SUB, what="a"), declaration("left", LEFT, what="b"), deep,
        allowed=Allowances(strict=True),
    )  # fmt: skip


def kept_by_nesting():
    """One of ours whose broader twin is not part of the run, and orphans that may go."""
    lives = ours("nested", "one", target=RG), ours("orphan", "one", target=RG, to=GONE)
    return plan(
        snapshot(*lives, gone=frozenset({GONE.id.key})), declaration("one", RG, SUB), only=RG, allowed=Allowances(delete_orphans=1)
    )  # fmt: skip


def circles():
    """Keepers that wait for each other, with and without a way to order them."""
    every = ("refA", "refB", "refC")
    lives = [ours(name, mark, references=every) for name, mark in (("a", "one"), ("b", "two"), ("c", "three"))]
    swapped = [ours("x", "four", target=RG2, selectors=WEST), ours("y", "five", target=RG2, selectors=EAST)]
    return plan(
        snapshot(*lives, *swapped), declaration("one"), declaration("two", what="b"), declaration("three", what="c"),
        declaration("four", RG2, selectors=EAST), declaration("five", RG2, selectors=WEST),
    )  # fmt: skip


def limits():
    """Every guard at once."""
    over = assignment(ROOT, "over", BENCHMARK.id)
    lives = [ours(f"o{n}", "absent", target=arm_id(f"{SUB}/resourceGroups/r{n}")) for n in range(12)]
    lives += [
        live("p1"),
        live("p2", RG2, ("refB",)),
        ours("orphan-1", "one", to=GONE),
        ours("orphan-2", "one", to=GONE, target=RG),
    ]
    lives += [live("w1", OTHER_SUB, ()), live("w2", OTHER_SUB, (), to=over)]
    settings = replace(SETTINGS, limits=Limits(deletes=3, creates=0, adoptions=0))
    found = snapshot(*lives, assignments=(AT_ROOT, over), gone=frozenset({GONE.id.key}))
    wishes = declaration("one"), declaration("two", RG2, what="b")
    return plan(found, *wishes, settings=settings, allowed=Allowances(strict=True, delete_orphans=1))


def test_recommendations_say_what_else_they_exempt_and_why_they_may_be_ignored():
    every = [found for found in CATALOGUE.recommendations.values() if found.policies]
    shared = next(r for r in every if len(CATALOGUE.resting_on(r.policies[0])) > 1 and not r.obstacles)
    ignored = next(found for found in every if found.obstacles)
    members = [
        Member(definition=p, reference_id=f"ref-{n}-{k}")
        for n, r in enumerate((shared, ignored))
        for k, p in enumerate(r.policies)
    ]
    sets = replace(BENCHMARK, members=tuple(members))
    wishes = [
        replace(declaration(name, *scopes), subject=Subject(kind=SubjectKind.RECOMMENDATION, value=text))
        for name, scopes, text in (
            ("shared", (RG,), shared.key), ("ignored", (RG2,), ignored.title), ("twice", (OTHER_SUB, RESOURCE), ignored.key.upper()),
        )
    ]  # fmt: skip
    by_policy = declaration("policy", OTHER_SUB, what=shared.policies[0].text)
    done = plan(snapshot(initiatives=(sets,)), *wishes, by_policy)
    also = {change.declaration: change.also_exempts for change in done.changes}
    others = sorted(each.title for each in CATALOGUE.resting_on(shared.policies[0]))
    own_title = CATALOGUE.policy(shared.policies[0]).title
    assert also["policy"] == tuple(title for title in others if title != own_title)
    assert also["shared"] == tuple(title for title in others if title != shared.title)
    refs = {change.declaration: change.after.reference_ids for change in done.changes}
    assert refs["shared"] == tuple(f"ref-0-{k}" for k in range(len(shared.policies)))
    assert refs["ignored"] == tuple(f"ref-1-{k}" for k in range(len(ignored.policies)))
    said = [f for f in done.findings if f.kind.value == "unsupported"]
    assert [(f.declaration, f.subject) for f in said] == [("ignored", RG2), ("twice", OTHER_SUB)]
    why = "; ".join(EXPLANATIONS[obstacle] for obstacle in ignored.obstacles)
    assert said[0].message == f"an exemption of {ignored.title!r} may have no effect: {why}"
    shown = next(change.after.display_name for change in done.changes if change.declaration == "ignored")
    assert shown == f"ignored: {ignored.title}"[:128]


@pytest.mark.parametrize(
    "story", [held, unread, unwanted, kept_by_nesting, circles, limits], ids=lambda story: story.__name__
)
def test_a_whole_plan(story, golden):
    golden(f"plan-{story.__name__}.txt", "\n".join(told(story())) + "\n")


# --- numbers that no small tenant shows ---


def resources(count, **more):
    return [live("p", arm_id(f"{RG}/providers/Microsoft.Sql/servers/s{n}"), **more) for n in range(count)]


def near(done):
    return [
        (f.severity.value, f.subject, f.message, evidence_to_json(f.evidence))
        for f in done.findings
        if f.evidence.aspect == "resources"
    ]


def test_defenders_limit_of_a_subscription():
    others = [live("q", RG), live("q", OTHER_SUB), live("r", resources(1)[0].scope, ("refB",))]
    expired = [
        live("x", arm_id(f"{RG}/providers/Microsoft.Sql/servers/x{n}"), expires_on="2026-11-01T00:00:00Z")
        for n in range(3)
    ]
    assert near(plan(snapshot(*resources(4499), *others, *expired))) == []
    wish = declaration("one", arm_id(f"{RG}/providers/Microsoft.Sql/servers/new"))
    going = ours("g", "absent", target=arm_id(f"{RG}/providers/Microsoft.Sql/servers/going"))
    ((severity, subject, message, evidence),) = near(plan(snapshot(*resources(4499), *others, going), wish))
    assert (severity, subject, evidence) == ("warning", SUB, {"what": "resources", "count": 4500, "limit": 5000})
    assert (
        message == "would have 4,500 exempt resources of the 5,000 that Defender for Cloud allows in one subscription"
    )


def test_defenders_limit_is_exact():
    exact, over = (near(plan(snapshot(*resources(count))))[0][0] for count in (5000, 5001))
    assert (exact, over) == ("warning", "error")


def test_a_scopes_limit_counts_both_ways():
    lives = [live(f"p{n}", references=("refC",)) for n in range(900)]
    found = [f for f in plan(snapshot(*lives, ours("o", "absent"))).findings if f.kind.value == "quota"]
    assert [(f.subject, f.message.split()[2]) for f in found] == [(RG, "900")]
    fewer = [f for f in plan(snapshot(*lives[:899], ours("o", "absent"))).findings if f.kind.value == "quota"]
    assert fewer == []


def test_what_ends_soon():
    two = declaration("two", RG, OTHER_SUB, expires_on=datetime(2026, 12, 1, tzinfo=NOW.tzinfo))
    done = plan(snapshot(), two)
    (found,) = [f for f in done.findings if f.kind.value == "expiring"]
    assert found.message == "2 exemptions end on 2026-12-01 (in 11 days); then the resources count as unhealthy again"
    assert found.remedy.startswith("to keep it, set a later expiresOn in exemptions/two.yaml:1; to let it end")
    assert (found.subject, found.declaration, found.source) == (RG, "two", two.source)
    one = [
        f
        for f in plan(snapshot(), declaration("one", expires_on=NOW + timedelta(hours=1))).findings
        if f.kind.value == "expiring"
    ]
    assert one[0].message == "1 exemption ends on 2026-11-20 (today); then the resources count as unhealthy again"


# --- names and digests never change by themselves: approvals and live names depend on them ---


def test_names_and_digests_are_stable():
    done = plan(snapshot(), declaration("one"), declaration("two", RG2, what="b", selectors=WEST))
    assert done.count(Action.CREATE) == 2
    assert done.summary["create"] == 2
    assert plan(snapshot(), declaration("one")).changes[0].after.name == "one-13e0e51447ba"


def test_meanings_that_the_catalogue_does_not_know():
    def means(kind, value):
        return resolve_subject(Subject(kind=kind, value=value), CATALOGUE)

    assert means(SubjectKind.RECOMMENDATION, "nothing is called this") is None
    known = next(r for r in CATALOGUE.recommendations.values() if r.policies)
    assert means(SubjectKind.RECOMMENDATION, known.title).title == known.title
    assert means(SubjectKind.POLICY, known.policies[0].text).title == CATALOGUE.policy(known.policies[0]).title
    benchmark = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
    assert means(SubjectKind.INITIATIVE, benchmark).title.startswith("Microsoft cloud security benchmark")
    assert means(SubjectKind.INITIATIVE, "own").title == "own"
    assert means(SubjectKind.ASSIGNMENT, AT_ROOT.id.text).title == "mcsb"
    twice = next((t for t in CATALOGUE._titles.values() if len(t) > 1), None)
    assert twice is None or means(SubjectKind.RECOMMENDATION, twice[0].title) is None
