"""The lists of a scope, merged: what is read again, what is decoded once, and what lists of standard assignments hold."""

from urllib.parse import unquote

from interposed import Reply, error
from tenants import GROUP, MCSB, assignment, exemption, subscription, tenant

from reconciler.azure.raw_snapshot import snapshot_of
from reconciler.model import Category, Declaration, Source, Subject, SubjectKind, arm_id

CORP = f"{GROUP}corp"
AT_CORP = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/mcsb"
ONE = subscription(1)
STANDARDS = f"{ONE}/providers/Microsoft.Security/standardAssignments"
ASSIGNMENTS = f"{ONE}/providers/Microsoft.Authorization/policyAssignments"
ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"


def standard(identifier, effect="Exempt"):
    data = {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": ALONE}}
    return {"id": identifier, "properties": {"effect": effect, "exemptionData": data}}


def test_each_exemption_of_a_list_is_decoded_once(connected):
    live = [exemption(ONE, name, AT_CORP) for name in ("a", "b")]
    content = tenant(policyExemptions=live, standardAssignments=[standard(f"{STANDARDS}/one")])
    with connected(content) as (_, azure):
        raw = azure.reader().raw_snapshot(azure.settings)
    decoded = {exemption.id.key: exemption for exemption in snapshot_of(raw).exemptions}
    assert len(raw.decoded) == len(raw.exemptions) == 3
    for value in raw.exemptions:
        kept, value_decoded = raw.decoded[id(value)]
        assert kept is value
        assert decoded[value["id"].lower()] is value_decoded
    assert set(raw.versions) == {"policyExemptions", "policyAssignments", "policySetDefinitions"}
    assert (raw.tenant_id, raw.cloud, raw.requests) == (
        azure.settings.tenant_id,
        azure.settings.cloud,
        azure.requests,
    )


def test_an_assignment_that_lists_show_differently_is_read_again_with_its_version(interrupted):
    with interrupted() as (door, azure):
        stale = {"value": [assignment(CORP, "mcsb", displayName="before")]}
        door.answer = lambda seen: Reply(200, stale) if seen.path == ASSIGNMENTS else None
        found = azure.reader().snapshot(azure.settings)
        [again] = [seen for seen in door.seen if seen.path.lower() == AT_CORP.lower()]
    assert found.assignments[AT_CORP.lower()].display_name != "before"
    assert "$expand=EffectiveDefinitionVersion" in unquote(again.query)
    assert found.complete


def test_an_assignment_that_no_list_shows_is_asked_for_with_its_version(interrupted):
    far = assignment("/subscriptions/0badc0de-0000-4000-8000-000000000000", "far")
    with interrupted(tenant(policyExemptions=[exemption(ONE, "far", far["id"])])) as (door, azure):
        door.answer = lambda seen: Reply(200, far) if seen.path == far["id"] else None
        assert azure.reader().snapshot(azure.settings).complete
        [asked] = [seen for seen in door.seen if seen.path == far["id"]]
    assert "$expand=EffectiveDefinitionVersion" in unquote(asked.query)


def test_a_list_of_standard_assignments_in_another_form_leaves_its_scope_unread(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            Reply(200, {"value": [{"id": f"{STANDARDS}/x", "properties": 5}]}) if seen.path == STANDARDS else None
        )
        [unread] = azure.reader().snapshot(azure.settings).unread
    assert (unread.scope.text, unread.what) == (ONE, "standard assignments")
    assert f"the list of standard assignments at {ONE}" in unread.message


def test_of_standard_assignments_those_that_exempt_are_exemptions(connected):
    listed = [standard(f"{STANDARDS}/one"), standard(f"{STANDARDS}/two", effect="Audit")]
    with connected(tenant(standardAssignments=listed)) as (_, azure):
        found = azure.reader().snapshot(azure.settings)
    assert [each.id.text for each in found.exemptions] == [f"{STANDARDS}/one"]


def test_a_standard_assignment_of_a_resource_is_found_by_its_name_where_the_run_reads(interrupted):
    """On what the subscription's list does not show; what exempts in another way is none, and elsewhere nobody looks."""
    server = f"{ONE}/resourceGroups/rg/providers/Microsoft.Sql/servers/s"
    there, audits, below = (
        f"{server}/providers/Microsoft.Security/standardAssignments/{name}" for name in ("there", "audits", "below")
    )
    outside = there.replace(ONE, "/subscriptions/0badc0de-0000-4000-8000-000000000000")
    listed = f"{STANDARDS}/listed"
    with interrupted() as (door, azure):
        door.answer = lambda seen: {
            there: Reply(200, standard(there)),
            audits: Reply(200, standard(audits, effect="Audit")),
            STANDARDS: Reply(200, {"value": [standard(below)]}),
        }.get(seen.path)
        names = [arm_id(text) for text in (there, audits, below, outside, listed)]
        found = azure.reader().snapshot(azure.settings, standards=names)
        asked = {seen.path for seen in door.seen if "/standardAssignments/" in seen.path}
    assert {each.id.text for each in found.exemptions} == {there, below}
    assert asked == {there, audits}


def test_what_was_declared_once_is_looked_for_without_being_owed(interrupted):
    """Where there is no list of standard assignments at all, only who declares some misses it."""
    server = f"{ONE}/resourceGroups/rg/providers/Microsoft.Sql/servers/s"
    former = arm_id(f"{server}/providers/Microsoft.Security/standardAssignments/former")
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(404, "InvalidResourceType", "not here") if seen.path == STANDARDS else None
        found = azure.reader().raw_snapshot(azure.settings, former=[former])
        assert [seen.path for seen in door.seen].count(former.text) == 1
    assert found.unread == ()


def test_a_declared_subscription_that_azure_does_not_find_is_gone_and_one_out_of_sight_is_not(interrupted):
    lost, hidden = (f"/subscriptions/0badc0de-0000-4000-8000-00000000000{number}" for number in (1, 2))
    declared = Declaration(
        name="one",
        subject=Subject(kind=SubjectKind.INITIATIVE, value=MCSB),
        scopes=tuple(map(arm_id, (f"{lost}/resourceGroups/rg", hidden, ONE))),
        category=Category.WAIVER,
        justification="why",
        owner="team@contoso.example",
        source=Source("one.yaml"),
    )
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if seen.path == hidden else None
        found = azure.reader().snapshot(azure.settings, [declared])
        asked = [seen.path for seen in door.seen if seen.path in {lost, hidden, ONE}]
    assert lost in found.gone
    assert hidden not in found.gone
    assert sorted(asked) == [lost, hidden], "what lies below the managed scopes is known"
