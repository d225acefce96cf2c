"""Each kind seeded once and twice, by what people and time do to a tenant that was clean; and none when nothing is."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from drift.diagnosed import Git, drift, kinds, settled, stamped, with_one, without
from planning import world

from reconciler.drift import read_outcomes
from reconciler.kinds import FindingKind
from reconciler.model import ResourceSelector, Selector, Severity, Subject, SubjectKind, SystemData, Unread, arm_id
from reconciler.planning.evidence import FieldDifference
from reconciler.problems import ReconcilerError
from reconciler.reports.evidence import evidence_labels

ONE, TWO = world.declaration("one", world.RG), world.declaration("two", world.OTHER_SUB, what="b")
CLEAN = settled(world.snapshot(), ONE, TWO)
MINE, YOURS = sorted(CLEAN.exemptions, key=lambda each: each.metadata["declaration"])


def found(snapshot, *declarations, **more):
    return drift(snapshot, *(declarations or (ONE, TWO)), history=more.pop("history", Git()), **more)


def only(findings, kind, count=1):
    assert kinds(findings) == Counter({kind: count})
    return findings[0]


def test_a_clean_tenant_gives_nothing_at_all():
    assert found(CLEAN) == ()
    assert drift(CLEAN, ONE, TWO) == ()
    assert drift(world.snapshot()) == ()


def test_missing_accuses_nobody_of_what_azure_may_have_refused():
    """Another object of the same run bears the revision: that run may have been refused this one."""
    finding = only(found(without(CLEAN, MINE)), "missing")
    assert finding.subject == MINE.id
    assert finding.declaration == "one"
    assert (
        finding.cause
        == "never made when it was applied (refused by Azure, or not yet in the initiative), or deleted in Azure"
    )
    assert finding.remedy == "exempt apply --only recreate"
    assert finding.evidence.activity_log.startswith("az monitor activity-log list --offset 90d --resource-id ")
    only(found(without(CLEAN, MINE, YOURS), history=Git()), "missing", 2)


def outcomes(status, message=""):
    """Outcomes of an apply, as it saves them."""
    scope, _, name = MINE.id.text.partition("/providers/Microsoft.Authorization/policyExemptions/")
    outcome = {"actions": ["create"], "status": status, "key": {"scope": scope, "name": name}, "message": message}
    return read_outcomes(json.dumps({"outcomes": [outcome]}), origin="outcomes.json")


@pytest.mark.parametrize(
    ("status", "cause"),
    [("done", "deleted in Azure"), ("unchanged", "deleted in Azure"), ("failed", "not made when it was applied"),
     ("awaiting approval", "never made when it was applied (refused by Azure, or not yet in the initiative), or deleted in Azure")],
)  # fmt: skip
def test_outcomes_of_an_apply_tell_refused_from_deleted(status, cause):
    finding = only(found(without(CLEAN, MINE), outcomes=outcomes(status, "RequestDisallowedByPolicy: no")), "missing")
    assert finding.cause == cause
    assert ("RequestDisallowedByPolicy: no" in finding.message) == (status == "failed")
    assert bool(finding.evidence.activity_log) == (status != "failed")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"outcomes": [5]}', '{"outcomes": [{"actions": []}]}', "[" * 100_000]
)
def test_what_are_no_outcomes_is_a_mistake(text):
    with pytest.raises(ReconcilerError, match=r"outcomes\.json: "):
        read_outcomes(text, origin="outcomes.json")


def test_missing_was_never_applied():
    new = world.declaration("three", world.OTHER_SUB)
    finding = only(found(CLEAN, ONE, TWO, new, history=Git(revisions=frozenset())), "missing")
    assert finding.cause == "not applied yet"
    assert not finding.evidence.activity_log
    assert finding.remedy == "exempt apply --only declared"


def test_without_git_nobody_claims_to_know_who_deleted_it():
    finding = only(drift(without(CLEAN, MINE), ONE, TWO), "missing")
    assert finding.cause == "deleted in Azure, or not applied yet"


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("expires_on", "2026-11-25T00:00:00Z", "expiresOn"),
        ("category", "Mitigated", "exemptionCategory"),
        ("description", "mine now", "description"),
        ("display_name", "another", "displayName"),
    ],
)
def test_modified_says_field_by_field_what_differs_and_who_did_it(field, value, path):
    by = SystemData(
        created_by="a",
        created_by_type="Application",
        created_at=MINE.system.created_at,
        last_modified_by="eve@contoso.example",
        last_modified_by_type="User",
        last_modified_at=world.NOW,
    )
    changed = replace(MINE, system=by, **{field: value})
    finding = only(found(with_one(CLEAN, changed)), "modified")
    assert [each.path for each in finding.evidence.changed] == [path]
    assert finding.evidence.changed[0].existing == value
    assert finding.evidence.system.last_modified_by == "eve@contoso.example"
    assert finding.evidence.system.last_modified_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert finding.cause == "changed in Azure"
    assert finding.severity is Severity.WARNING
    both = with_one(CLEAN, changed, replace(YOURS, **{field: value}))
    only(found(both), "modified", 2)


@pytest.mark.parametrize(
    ("declared", "live", "said"),
    [
        ({"expires_on": datetime(2027, 1, 1, tzinfo=UTC)}, {"expires_on": ""}, "longer"),
        ({"expires_on": datetime(2027, 1, 1, tzinfo=UTC)}, {"expires_on": "2028-01-01T00:00:00Z"}, "longer"),
        ({}, {"reference_ids": ("refA", "refC")}, "more policies"),
        ({}, {"reference_ids": ()}, "more policies"),
    ],
)
def test_modified_so_that_more_is_exempt_than_declared_is_an_error(declared, live, said):
    wanted = replace(ONE, **declared)
    tenant = settled(world.snapshot(), wanted)
    finding = only(found(with_one(tenant, replace(tenant.exemptions[0], **live)), wanted), "modified")
    assert finding.severity is Severity.ERROR
    assert f"exempts {said} than declared" in finding.message


def test_modified_by_an_edit_of_the_repository_is_not_blamed_on_azure():
    edited = replace(ONE, justification="Because it moves.")
    finding = only(found(CLEAN, edited, TWO, history=Git(revisions=frozenset())), "modified")
    assert finding.cause == "edited in the repository, not applied yet"
    finding = only(drift(CLEAN, edited, TWO), "modified")
    assert finding.cause == "changed in Azure, or edited and not applied yet"


def test_unmanaged_is_declared_nowhere():
    stray = world.live("by-hand", world.OTHER_SUB, ("refC",))
    finding = only(found(with_one(CLEAN, stray)), "unmanaged")
    assert finding.subject == stray.id
    assert finding.evidence.system.created_by == "ann@contoso.example"
    assert finding.evidence.system.created_at == datetime(2026, 11, 1, tzinfo=UTC)
    only(found(with_one(CLEAN, stray, world.live("again", world.SUB, ("refC",)))), "unmanaged", 2)


def test_unmanaged_is_what_a_removed_declaration_left():
    finding = only(found(CLEAN, ONE), "unmanaged")
    assert finding.subject == YOURS.id
    assert finding.cause == "its declaration was removed"
    assert finding.remedy == "exempt apply --only removed"
    only(drift(CLEAN), "unmanaged", 2)


def test_duplicate_exempts_the_same_again():
    again = world.live("again", references=("refA",))
    assert only(found(with_one(CLEAN, again)), "duplicate").subject == again.id
    by_robot = world.live("by-robot", references=("refA",), by="Application")
    findings = found(with_one(CLEAN, again, by_robot))
    assert kinds(findings) == Counter(duplicate=2)
    assert {each.remedy.split()[0] for each in findings} == {"exempt", "remove"}


def test_duplicate_in_part_is_narrowed_field_by_field():
    wider = world.live("wider", references=("refA", "refB"), by="User")
    finding = only(found(with_one(CLEAN, wider)), "duplicate")
    assert finding.evidence.changed == (
        FieldDifference(path="policyDefinitionReferenceIds", declared=["refB"], existing=["refA", "refB"]),
    )


def test_what_waits_for_another_write_is_not_offered_by_itself():
    """`apply --only` would leave out the write that it waits for, and write nothing."""
    new = world.declaration("three", world.OTHER_SUB, what="a")
    wider = world.live("wider", world.OTHER_SUB, references=("refA", "refC"), by="User")
    findings = found(with_one(CLEAN, wider), ONE, TWO, new, history=Git(revisions=frozenset()))
    assert kinds(findings) == Counter(missing=1, duplicate=1)
    remedies = {finding.kind.value: finding.remedy for finding in findings}
    assert remedies == {"missing": "exempt apply --only declared", "duplicate": "exempt apply"}


def test_selectors_are_shown_of_what_is_missing_and_of_what_nobody_declared():
    west = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
    stray = replace(world.live("by-hand", world.OTHER_SUB, ("refC",)), selectors=west)
    new = replace(world.declaration("three", world.OTHER_SUB, what="a"), selectors=west)
    findings = found(with_one(CLEAN, stray), ONE, TWO, new, history=Git(revisions=frozenset()))
    assert kinds(findings) == Counter(missing=1, unmanaged=1)
    for finding in findings:
        assert finding.evidence.resource_selectors == "resourceLocation in westeurope"
        assert ("only", "resourceLocation in westeurope") in evidence_labels(finding)


def test_references_that_somebody_changed_are_told_from_an_initiative_that_changed():
    by_hand = only(found(with_one(CLEAN, replace(MINE, reference_ids=("refC",)))), "modified")
    assert by_hand.cause == "changed in Azure"
    assert "edit the declaration" in by_hand.remedy


@pytest.mark.parametrize(
    ("references", "kind"),
    [({"newA": "a"}, "uncovered"), ({"refA": "a", "refA2": "a"}, "modified")],
    ids=["renamed", "gained"],
)
def test_an_initiative_that_changed_is_the_cause_and_apply_the_remedy(references, kind):
    """The reference was renamed, so nothing of it is exempt any more; or a second policy of it came."""
    changed = world.initiative("mcsb", **references, refB="b", refC="c")
    tenant = replace(CLEAN, initiatives={world.AT_ROOT.id.key: changed})
    finding = only(found(tenant), kind)
    assert finding.cause == "its initiative changed after it was applied"
    assert finding.remedy == "exempt apply --only fan-out"


def test_overlap_exempts_a_whole_assignment():
    whole = world.live("whole", world.OTHER_SUB, ())
    assert only(found(with_one(CLEAN, whole)), "overlap").subject == whole.id
    only(found(with_one(CLEAN, whole, world.live("whole", world.RG, ()))), "overlap", 2)


def test_shadowed_by_an_undeclared_exemption_above():
    above = world.live("above", world.ROOT, ("refA", "refC"))
    assert kinds(found(with_one(CLEAN, above))) == Counter(shadowed=1, unmanaged=1)
    also = world.live("also", world.LEFT, ("refA",))
    assert kinds(found(with_one(CLEAN, above, also)))["shadowed"] == 2


def test_orphaned_outlives_its_assignment():
    gone = world.assignment(world.RG, "gone", world.BENCHMARK.id)
    left = stamped(world.live("left", to=gone))
    tenant = replace(with_one(CLEAN, left), gone=frozenset({gone.id.key}))
    assert only(found(tenant), "orphaned").subject == left.id
    only(found(with_one(tenant, world.live("left", world.SUB, to=gone))), "orphaned", 2)


def test_expired_is_past_its_end():
    past = world.live("past", world.OTHER_SUB, ("refC",), expires_on="2026-11-19T00:00:00Z")
    finding = only(found(with_one(CLEAN, past)), "expired")
    assert finding.severity is Severity.INFO
    only(found(with_one(CLEAN, past, replace(past, id=arm_id(f"{past.id}-2")))), "expired", 2)


def test_expired_is_what_an_ended_declaration_left():
    ended = replace(ONE, expires_on=datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC))
    left = replace(MINE, expires_on="2026-11-19T23:59:59Z")
    finding = only(found(with_one(CLEAN, left), ended, TWO), "expired")
    assert finding.remedy == "exempt apply --only expired"
    assert "ended on 2026-11-19" in finding.message
    still = only(found(CLEAN, ended, TWO), "expired")
    assert "still exempts" in still.message


@pytest.mark.parametrize(("days", "severity"), [(30, "info"), (8, "info"), (7, "warning"), (0, "warning")])
def test_expiring_is_told_in_time_and_louder_towards_the_end(days, severity):
    ending = replace(ONE, expires_on=world.NOW + timedelta(days=days, hours=-1 if days else 1))
    tenant = settled(world.snapshot(), ending, TWO)
    finding = only(found(tenant, ending, TWO), "expiring")
    assert finding.severity.value == severity
    assert finding.declaration == "one"


def test_expiring_twice_never_before_its_time_and_as_early_as_the_settings_say():
    ends = world.NOW + timedelta(days=40)
    ending = replace(ONE, expires_on=ends), replace(TWO, expires_on=ends)
    tenant = settled(world.snapshot(), *ending)
    assert found(tenant, *ending) == ()
    only(found(tenant, *ending, settings=replace(world.SETTINGS, expiring_days=60)), "expiring", 2)
    assert found(tenant, *ending, settings=replace(world.SETTINGS, expiring_days=0)) == ()


def test_resource_gone_names_the_scope():
    declared = world.declaration("server", world.RESOURCE)
    gone = replace(CLEAN, gone=frozenset({world.RESOURCE.key}))
    assert only(found(gone, ONE, TWO, declared), "resource-gone").subject == world.RESOURCE
    other = arm_id(f"{world.RG}/providers/Microsoft.Sql/servers/other")
    both = replace(gone, gone=frozenset({world.RESOURCE.key, other.key}))
    only(found(both, ONE, TWO, replace(declared, scopes=(world.RESOURCE, other))), "resource-gone", 2)


def test_uncovered_by_a_newly_assigned_initiative():
    system = SystemData(
        created_by="bob@contoso.example", created_by_type="User", created_at=datetime(2026, 11, 9, tzinfo=UTC)
    )
    new = world.assignment(world.SUB, "nist", world.STANDARD.id, system=system)
    tenant = replace(
        CLEAN,
        assignments={**CLEAN.assignments, new.id.key: new},
        initiatives={**CLEAN.initiatives, new.id.key: world.STANDARD},
    )
    finding = only(found(tenant), "uncovered")
    assert finding.cause == "assigned, or its initiative changed, after the declaration was applied"
    assert finding.evidence.assigned_by == "bob@contoso.example"
    assert finding.evidence.assigned_at == "2026-11-09T00:00:00Z"
    assert finding.remedy == "exempt apply --only fan-out"
    without_git = only(drift(tenant, ONE, TWO), "uncovered")
    assert without_git.cause == finding.cause


def test_uncovered_for_lack_of_a_right_says_which_and_where():
    right = frozenset({world.AT_ROOT.id.key})
    finding = only(found(without(CLEAN, MINE), forbidden=right), "uncovered")
    assert "policyAssignments/exempt/action at /providers/Microsoft.Management" in finding.remedy
    assert "no right" in finding.cause
    only(found(without(CLEAN, MINE, YOURS), forbidden=right), "uncovered", 2)


def test_uncovered_by_any_assignment():
    nowhere = world.declaration("nowhere", world.RG, world.OTHER_SUB, what="z")
    finding = only(found(CLEAN, ONE, TWO, nowhere), "uncovered", 2)
    assert "exempts nothing there" in finding.message
    only(found(CLEAN, ONE, TWO, replace(nowhere, scopes=(world.RG,))), "uncovered")


def test_held_by_an_applications_exemption():
    theirs = world.live("terraform", references=("refC",), by="Application")
    declared = world.declaration("three", world.RG, what="c")
    finding = only(found(with_one(CLEAN, theirs), ONE, TWO, declared), "held")
    assert finding.subject == theirs.id
    assert finding.evidence.aspect == "not-adoptable"
    assert finding.evidence.system.created_by == "ann@contoso.example"
    below = world.declaration("four", world.SUB, what="c", subject=Subject(kind=SubjectKind.POLICY, value="b"))
    more = world.live("terraform", world.SUB, ("refB",), by="Application")
    only(found(with_one(CLEAN, theirs, more), ONE, TWO, declared, below), "held", 2)


def test_foreign_owner_is_named():
    theirs = world.live("epac", references=("refC",), metadata={"pacOwnerId": "epac-prod"})
    declared = world.declaration("three", world.RG, what="c")
    finding = only(found(with_one(CLEAN, theirs), ONE, TWO, declared), "foreign-owner")
    assert finding.subject == theirs.id
    assert "epac-prod" in finding.message
    twice = replace(theirs, id=arm_id(f"{theirs.id}-2"))
    only(found(with_one(CLEAN, theirs, twice), ONE, TWO, declared), "foreign-owner", 2)


def test_moot_is_excluded_or_disabled():
    excluded = replace(world.AT_ROOT, not_scopes=(world.RG,))
    tenant = replace(without(CLEAN, MINE), assignments={excluded.id.key: excluded})
    assert only(found(tenant), "moot").evidence.aspect == "notScopes"
    both = replace(world.AT_ROOT, not_scopes=(world.ROOT,))
    only(found(replace(without(CLEAN, MINE, YOURS), assignments={both.id.key: both})), "moot", 2)


def test_quota_of_one_scope():
    many = [world.live(f"x{n}", world.OTHER_SUB, ("refC",), expires_on="2026-01-01T00:00:00Z") for n in range(998)]
    findings = found(with_one(CLEAN, *many))
    (quota,) = [each for each in findings if each.kind is FindingKind.QUOTA]
    assert quota.subject == world.OTHER_SUB
    assert quota.severity is Severity.WARNING
    assert "999 exemptions of the 1,000" in quota.message


def test_quota_of_exempt_resources_in_one_subscription():
    name = "{}/providers/Microsoft.Sql/servers/s{}"
    many = [world.live("x", arm_id(name.format(world.RG, n)), ("refC",)) for n in range(4500)]
    quotas = [each for each in found(with_one(CLEAN, *many)) if each.kind is FindingKind.QUOTA]
    assert [each.subject for each in quotas] == [world.SUB]
    assert "4,500 exempt resources of the 5,000" in quotas[0].message
    assert quotas[0].severity is Severity.WARNING
    fewer = [each for each in found(with_one(CLEAN, *many[1:])) if each.kind is FindingKind.QUOTA]
    assert fewer == []


def test_incomplete_says_what_was_not_read_and_each_has_its_own_line():
    unread = [
        Unread(scope=world.OTHER_SUB, what=what, message="403", remedy="grant Reader")
        for what in ("exemptions", "assignments")
    ]
    findings = found(replace(CLEAN, unread=(unread[0],)))
    assert kinds(findings) == Counter(incomplete=1, held=1)
    (incomplete,) = [each for each in findings if each.kind is FindingKind.INCOMPLETE]
    assert incomplete.severity is Severity.ERROR
    assert incomplete.subject == world.OTHER_SUB
    both = found(replace(CLEAN, unread=tuple(unread)))
    assert kinds(both)["incomplete"] == 2


# --- what every finding says -------------------------------------------------------------------------------------


def test_every_finding_has_a_cause_a_remedy_and_the_portals_page():
    stray = world.live("by-hand", world.OTHER_SUB, ("refC",))
    whole = world.live("whole", world.RG, ())
    tenant = replace(
        with_one(without(CLEAN, MINE), stray, whole),
        unread=(Unread(scope=world.LEFT, what="exemptions", message="403"),),
    )
    findings = found(tenant)
    assert {"missing", "unmanaged", "overlap", "incomplete"} <= set(kinds(findings))
    for finding in findings:
        assert finding.cause
        assert finding.remedy
        assert finding.evidence.portal.startswith("https://portal.azure.com/#")


def test_the_place_is_the_line_that_somebody_would_edit():
    line = {"expiresOn": 7, "scopes.0": 3, "scopes.1": 4}
    places = {path: replace(ONE.source, line=number) for path, number in line.items()}
    ends = datetime(2027, 5, 1, tzinfo=UTC)
    declared = replace(ONE, scopes=(world.RG, world.OTHER_SUB), expires_on=ends, places=places)
    tenant = settled(world.snapshot(), declared)
    first, second = sorted(tenant.exemptions, key=lambda each: each.scope)
    assert (first.scope, second.scope) == (world.RG, world.OTHER_SUB)
    assert only(found(without(tenant, second), declared), "missing").source.line == 4
    later = replace(first, expires_on="2029-01-01T00:00:00Z")
    assert only(found(with_one(tenant, later), declared), "modified").source.line == 7
    renamed = replace(first, display_name="x")
    assert only(found(with_one(tenant, renamed), declared), "modified").source.line == 1
