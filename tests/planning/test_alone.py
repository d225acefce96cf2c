"""What no policy stands behind meets the same authority table, by a mark that stands in a description."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning import world
from planning.world import CATALOGUE, NOW, RESOURCE, RG, ROOT, SETTINGS, SUB, plan, snapshot

from reconciler.arm import canonical
from reconciler.arm.objects import decode_exemption, encode_exemption
from reconciler.arm.standard_properties import marked_description, parted_description
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.overlay import Overlay, RecommendationEntry
from reconciler.model import Carrier, Cloud, Subject, SubjectKind, Unread, assessment_id
from reconciler.planning.allowances import Allowances
from reconciler.planning.decide.naming import standard_ids
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory

KEY = "48fad5ca-f530-41bb-9454-c6002bd1085c"
OTHER = "24b8d8dd-4e2e-4cdf-9fb0-b480401a54e0"
ROBOT, PERSON = "0b1ec700-0000-4000-8000-00000000000b", "0b1ec700-0000-4000-8000-00000000000a"
OURS = standard_ids(SETTINGS.owner, RG, assessment_id(KEY))
MARK = {"owner": SETTINGS.owner, "declaration": "one", "target": RG.text}


def declaration(name, *scopes, key=KEY, **more):
    return world.declaration(name, *scopes, subject=Subject(kind=SubjectKind.RECOMMENDATION, value=key), **more)


def raw(identifier, description="Because it retires.", *, key=KEY, by=ROBOT, mark=MARK, **properties):
    """A standard assignment as Azure gives it."""
    return {
        "id": str(identifier),
        "properties": {
            "displayName": "one: Execute permissions on xp_cmdshell from all users (except dbo) should be revoked for SQL Servers",
            "description": marked_description(description, mark),
            "effect": "Exempt",
            "exemptionData": {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": key}},
            "metadata": {"createdBy": by, "createdOn": "2026-11-01T00:00:00Z", "lastUpdatedBy": by},
            **properties,
        },
    }


def live(*arguments, **more):
    return decode_exemption(raw(*arguments, **more))


def at(name, scope=RG):
    return Carrier.STANDARD.path(scope.text, name)


UNNAMED = at("11111111-2222-4333-8444-555555555555")


def actions(done):
    return [(change.action.value, change.reason.value) for change in done.changes]


def test_a_create_has_the_documented_body_and_a_name_from_owner_and_cell():
    (change,) = plan(snapshot(), declaration("one", RG, metadata={"risk": "R-7"})).changes
    assert change.id == OURS[0]
    body = encode_exemption(change.after)["properties"]
    assert (body["assignedStandard"], body["excludedScopes"], body["effect"]) == (None, [], "Exempt")
    assert body["exemptionData"] == {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": KEY}}
    text, metadata = parted_description(body["description"])
    assert (text, metadata["risk"], metadata["managedBy"]) == ("Because it retires.", "R-7", "exempt")


def test_what_was_written_is_unchanged_however_azure_spells_it():
    wish = declaration("one", RG)
    (change,) = plan(snapshot(), wish).changes
    shouted = encode_exemption(change.after)["properties"]
    shouted["exemptionData"] = {
        "exemptionCategory": "WAIVER",
        "assignedAssessment": {"assessmentKey": KEY.upper()},
    }
    shouted["assignedStandard"] = {"id": "/providers/Microsoft.Security/securityStandards/x"}
    stored = decode_exemption({"id": str(change.id).upper(), "properties": shouted})
    assert plan(snapshot(stored), wish).changes == ()


def test_unknown_live_fields_survive_an_update():
    before = raw(OURS[0], "Another reason.", assignedStandard={"id": "/s"}, future={"a": [1]})
    before["properties"]["exemptionData"]["later"] = True
    (change,) = plan(snapshot(decode_exemption(before)), declaration("one", RG)).changes
    after = encode_exemption(change.after)["properties"]
    assert (after["assignedStandard"], after["future"]) == ({"id": "/s"}, {"a": [1]})
    assert after["exemptionData"]["later"] is True


def test_excluded_scopes_on_ours_are_reverted():
    found = live(OURS[0], excludedScopes=[RESOURCE.text])
    (change,) = plan(snapshot(found), declaration("one", RG)).changes
    assert (change.action.value, change.widens) == ("update", ("selectors",))
    assert encode_exemption(change.after)["properties"]["excludedScopes"] == []


FOREIGN = {**MARK, "owner": "contoso/others"}


@pytest.mark.parametrize(
    ("found", "more", "expected", "held"),
    [
        (live(UNNAMED, mark={}), {}, [], ["not-adoptable"]),
        (live(UNNAMED, mark={}), {"adopt": True}, [("update", "adopt")], []),
        (live(OURS[0], mark={}), {}, [("update", "adopt")], []),
        (live(OURS[0], mark={"owner": SETTINGS.owner}), {}, [("update", "adopt")], []),
        (live(UNNAMED, mark=FOREIGN), {}, [], ["foreign-owner"]),
        (live(UNNAMED, mark=FOREIGN), {"take_over": "contoso/others"}, [("update", "take-over")], []),
        (live(UNNAMED, mark={**MARK, "declaration": "former"}), {}, [("update", "rename")], []),
        (live(UNNAMED, mark={}, expiresOn="2026-01-01T00:00:00Z"), {}, [("create", "declared")], []),
    ],
)
def test_the_authority_table_holds(found, more, expected, held):
    done = plan(snapshot(found), declaration("one", RG, **more))
    assert (actions(done), [line.cause.value for line in done.held]) == (expected, held)


@pytest.mark.parametrize(("by", "expected"), [(ROBOT, "unchanged"), (PERSON, "forged")])
def test_a_mark_is_believed_by_who_wrote_the_object(by, expected):
    settings = replace(SETTINGS, writers=(ROBOT,))
    wish = declaration("one", RG)
    tenant = snapshot(live(OURS[0], by=by, mark={**MARK, "requestedBy": "data@contoso.example"}))
    done = make_plan([wish], CATALOGUE, tenant, settings, NoHistory(), NOW)
    assert done.changes == ()
    assert [line.cause.value for line in done.held] == (["forged"] if expected == "forged" else [])


@pytest.mark.parametrize("cut", [1, 2, 10, 60])
def test_a_mark_that_was_cut_is_none(cut):
    whole = marked_description("Because it retires.", MARK)
    assert parted_description(whole[:-cut]) == (whole[:-cut], {})


TEXTS = st.text(max_size=40)


@given(text=TEXTS, metadata=st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2), max_size=3), owner=TEXTS)
def test_a_mark_is_read_as_it_was_written(text, metadata, owner):
    mark = {**metadata, "owner": owner, "declaration": "one", "managedBy": "exempt"}
    assert parted_description(marked_description(text.strip(), mark)) == (text.strip(), mark)


@given(text=st.text())
def test_any_description_is_read(text):
    parted, metadata = parted_description(text)
    assert parted == text or metadata["managedBy"] == "exempt"


def test_the_mark_alone_makes_no_update_but_what_it_says_does():
    stamped = {**MARK, "revision": "abc", "requestedBy": "somebody@contoso.example"}
    found = live(OURS[0], mark=stamped)
    assert plan(snapshot(found), declaration("one", RG)).changes == ()
    (change,) = plan(snapshot(found), declaration("one", RG, ticket="SEC-1")).changes
    assert change.action.value == "update"


def test_a_removed_declaration_a_removed_target_and_an_expired_one_end_it():
    found = live(OURS[0])
    assert actions(plan(snapshot(found))) == [("delete", "removed")]
    assert actions(plan(snapshot(found), declaration("one", SUB))) == [("create", "declared"), ("delete", "removed")]
    ended = declaration("one", RG, expires_on=datetime(2026, 11, 1, tzinfo=UTC))
    assert actions(plan(snapshot(found), ended)) == [("delete", "expired")]


def test_what_nobody_declared_is_a_finding_and_never_deleted():
    strange = raw(UNNAMED, mark={})
    strange["properties"]["exemptionData"] = {"exemptionCategory": "waiver", "recommendationCategory": "SystemUpdate"}
    for found in (live(UNNAMED, mark={}), decode_exemption(strange)):
        done = plan(snapshot(found))
        assert (done.changes, [finding.kind.value for finding in done.findings]) == ((), ["unmanaged"])


def test_what_was_not_read_is_not_reduced():
    unread = (Unread(scope=SUB, what="standard assignments", message="403"),)
    done = plan(replace(snapshot(live(OURS[0])), unread=unread))
    assert (done.changes, [line.cause.value for line in done.held]) == ((), ["unread"])


def test_guards_count_both_kinds():
    found = [live(at(f"11111111-2222-4333-8444-{number:012d}")) for number in range(11)]
    done = plan(snapshot(*found), declaration("another", SUB, key=OTHER))
    assert [refusal.rule for refusal in done.refusals] == ["deletes"]
    assert plan(snapshot(*found), declaration("x", SUB, key=OTHER), allowed=Allowances(deletes=11)).refusals == ()


def test_two_declarations_of_the_same_are_held_where_only_the_hierarchy_shows_it():
    done = plan(snapshot(), declaration("one", ROOT), declaration("two", RG))
    assert {line.cause.value for line in done.held} == {"conflict"}
    assert "both want the same at" in done.held[0].message
    assert "for recommendation 'Execute permissions" in done.held[0].message


def test_a_declaration_that_moves_to_the_other_kind_is_carried_over_without_a_gap():
    """The old exemption goes when the new one is there, and shares its outcome."""
    policy = CATALOGUE.recommendations["651967bf-044e-4bde-8376-3e08e0600105"].policies[0]
    benchmark = replace(
        world.BENCHMARK, members=(replace(world.BENCHMARK.members[0], definition=policy), *world.BENCHMARK.members[1:])
    )
    old = world.ours("old", "one", RG)
    tenant = snapshot(old, initiatives=(benchmark, world.STANDARD))
    assert actions(plan(tenant, declaration("one", RG, key="651967bf-044e-4bde-8376-3e08e0600105")))[0][0] == "update"
    create, delete = plan(tenant, declaration("one", RG)).changes[::-1]
    assert (create.action.value, delete.action.value) == ("create", "delete")
    assert delete.waits_for == (create.id.key,)
    assert [keeper.id for keeper in delete.relies_on] == [create.id]
    held = plan(replace(tenant, exemptions=(old, live(UNNAMED, mark=FOREIGN))), declaration("one", RG))
    assert (held.changes, {line.cause.value for line in held.held}) == ((), {"foreign-owner", "neighbour"})
    disputed = plan(tenant, declaration("one", RG), declaration("two", SUB))
    assert (disputed.changes, {line.cause.value for line in disputed.held}) == ((), {"conflict", "neighbour"})
    unread = (Unread(scope=SUB, what="standard assignments", message="403"),)
    assert plan(replace(tenant, unread=unread), declaration("one", RG)).changes == ()
    narrowed = plan(tenant, declaration("one", SUB, RESOURCE), only=RG)
    assert (narrowed.changes, {line.cause.value for line in narrowed.held}) == ((), {"left-out"})


IN_CATEGORY = Catalogue(
    Cloud.PUBLIC,
    Overlay(
        recommendations=tuple(RecommendationEntry(key=key, category="SystemUpdate") for key in sorted((KEY, OTHER)))
    ),
)


def test_a_category_is_every_recommendation_of_it():
    wish = world.declaration("one", RG, subject=Subject(kind=SubjectKind.CATEGORY, value="SystemUpdate"))
    done = make_plan([wish], IN_CATEGORY, snapshot(), SETTINGS, NoHistory(), NOW)
    assert sorted(change.after.assignment.name for change in done.changes) == sorted((KEY, OTHER))
    settled = snapshot(*(change.after for change in done.changes))
    assert make_plan([wish], IN_CATEGORY, settled, SETTINGS, NoHistory(), NOW).changes == ()
    smaller = Catalogue(Cloud.PUBLIC, Overlay(recommendations=IN_CATEGORY.overlay.recommendations[:1]))
    left = make_plan([wish], smaller, settled, SETTINGS, NoHistory(), NOW)
    assert actions(left) == [("delete", "removed")]
    assert [finding.kind.value for finding in plan(snapshot(), wish).findings] == ["uncovered"]


@given(
    kinds=st.lists(
        st.sampled_from(
            [
                {
                    "field": "va.cve.cveId",
                    "operationType": "ContainedInOperation",
                    "operation": {"values": [{"title": "CVE-1"}]},
                },
                {"field": "va.cve.cvss", "operationType": "LessThanFilterOperation", "operation": {"value": "8.0"}},
                {"field": "va.cve.severity", "operationType": "LessThanFilterOperation", "operation": {"value": "Low"}},
                {"field": "va.cve.later", "operationType": "New", "operation": {"value": "x"}},
            ]
        ),
        min_size=1,
        max_size=3,
    ),
    operator=st.sampled_from(["allOf", "anyOf", "noneOf"]),
    excluded=st.lists(st.just(RESOURCE.text), max_size=1),
)
def test_any_rule_about_findings_survives(kinds, operator, excluded):
    value = raw(UNNAMED, excludedScopes=excluded)
    value["properties"]["exemptionData"]["subAssessmentExemptionRule"] = {"if": {operator: kinds}}
    found = decode_exemption(value)
    again = decode_exemption({"id": value["id"], "properties": encode_exemption(found)["properties"]})
    assert canonical.equivalent(found, again)
    assert canonical.fold(canonical.encode_properties(found)) == canonical.comparable(again)
    body = encode_exemption(found)["properties"]
    is_known = all(kind["field"] != "va.cve.later" for kind in kinds)
    if len(kinds) == 1 and operator == "anyOf" and is_known:
        operator = "allOf"  # of one condition both say the same
    assert json.dumps(body["exemptionData"]["subAssessmentExemptionRule"], sort_keys=True) == json.dumps(
        {"if": {operator: kinds}}, sort_keys=True
    )
