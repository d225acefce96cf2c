"""The read: complete or with a note of what is missing, two requests a scope, each distinct definition once."""

import json
from urllib.parse import unquote

import pytest
from interposed import Reply, error
from tenants import GROUP, MCSB, assignment, exemption, subscription, tenant

from reconciler.model import Category, Declaration, Source, Subject, SubjectKind, arm_id
from reconciler.problems import ReconcilerError

CORP = f"{GROUP}corp"
AT_CORP = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/mcsb"
SERVER = f"{subscription(0)}/resourceGroups/rg/providers/Microsoft.Sql/servers/legacy"


def declare(*scopes, kind=SubjectKind.POLICY, value="some"):
    return Declaration(
        name="one",
        subject=Subject(kind=kind, value=value),
        scopes=tuple(map(arm_id, scopes)),
        category=Category.WAIVER,
        justification="why",
        owner="me",
        source=Source("a.yaml"),
    )


def read(azure, *declarations, scope=None):
    return azure.reader().snapshot(azure.settings, declarations, scope and arm_id(scope))


def test_a_whole_tenant_is_read_with_three_requests_a_scope_and_a_constant(connected):
    ids = [one for number in range(3) for one in (f"a{number}", f"b{number}")]
    exemptions = [exemption(subscription(number % 3), name, AT_CORP) for number, name in enumerate(ids)]
    with connected(tenant(policyExemptions=exemptions)) as (cloud, azure):
        found = read(azure)
        lists = [
            one
            for one in cloud.requests
            if any(
                f"{kind}?" in one.target.lower()
                for kind in ("policyassignments", "policyexemptions", "standardassignments")
            )
        ]
        assert len(lists) == 3 * len(found.expected) == 15
        assert azure.requests == 15 + 3, "descendants, the root itself, one initiative"
    assert found.complete
    assert {one.name for one in found.exemptions} == set(ids)
    assert found.parents[subscription(1)].text == f"{GROUP}landing"
    assert found.parents[f"{GROUP}landing".lower()].text == CORP
    assert found.names[subscription(2)] == "sub 2"
    assert [one.key for one in found.expected] == sorted(
        [CORP.lower(), f"{GROUP}landing".lower(), *(subscription(number) for number in range(3))]
    )


def test_a_groups_lists_are_asked_with_the_filter_that_azure_demands_and_a_subscriptions_with_none(interrupted):
    """Without one Azure refuses a management group's list; with one a subscription's would lack what lies below."""
    with interrupted() as (door, azure):
        read(azure)
        lists = [one for one in door.seen if one.path.endswith(("/policyAssignments", "/policyExemptions"))]
    assert {("managementGroups" in one.path, "atScope()" in unquote(one.query)) for one in lists} == {
        (True, True),
        (False, False),
    }
    expanded = {
        one.path.rsplit("/", 1)[1] for one in lists if "$expand=EffectiveDefinitionVersion" in unquote(one.query)
    }
    assert expanded == {"policyAssignments"}, (
        "which version of its definition an assignment uses, Azure says where asked"
    )


def test_what_is_inherited_comes_once_however_many_lists_show_it(connected):
    at_top = exemption(CORP, "shared", AT_CORP, description="for all")
    with connected(tenant(policyExemptions=[at_top])) as (_, azure):
        found = read(azure)
        assert [one.name for one in found.exemptions] == ["shared"]
        assert azure.requests == 18
    assert found.assignments.keys() == {AT_CORP.lower()}


def test_lists_are_followed_over_all_pages(connected):
    many = [exemption(subscription(0), f"e{number:03}", AT_CORP) for number in range(25)]
    with connected(tenant(policyExemptions=many, limits={"pageSize": 10})) as (_, azure):
        assert len(read(azure).exemptions) == 25


def test_the_initiative_of_each_assignment_is_fetched_once_per_version(connected):
    custom = {
        "id": f"{CORP}/providers/Microsoft.Authorization/policySetDefinitions/house",
        "properties": {
            "displayName": "House rules",
            "version": "2.0.0",
            "versions": ["2.0.0", "1.1.0", "1.0.0"],
            "policyDefinitions": [
                {
                    "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/p",
                    "policyDefinitionReferenceId": "new",
                }
            ],
        },
    }
    older = [
        {
            "id": f"{custom['id']}/versions/{version}",
            "properties": {
                "version": version,
                "policyDefinitions": [
                    {
                        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/p",
                        "policyDefinitionReferenceId": reference,
                    }
                ],
            },
        }
        for version, reference in (("1.1.0", "old"), ("1.0.0", "oldest"))
    ]
    assignments = [
        assignment(subscription(0), "pinned", custom["id"], definitionVersion="1.*.*"),
        assignment(subscription(1), "also-pinned", custom["id"], definitionVersion="1.*.*"),
        assignment(subscription(2), "newest", custom["id"], definitionVersion="2.*.*"),
    ]
    content = tenant(policySetDefinitions=[custom], policySetDefinitionVersions=older, policyAssignments=assignments)
    with connected(content) as (cloud, azure):
        found = read(azure)
        asked = [one.target for one in cloud.requests if "policysetdefinitions" in one.target.lower()]
    references = {one.rsplit("/", 1)[-1]: found.initiatives[one].members[0].reference_id for one in found.initiatives}
    assert references == {"pinned": "old", "also-pinned": "old", "newest": "new"}
    assert found.initiatives[assignments[0]["id"].lower()].version == "1.1.0"
    assert len(asked) == 2, "the set once, its older version once"


def test_without_the_effective_version_the_pattern_is_resolved_from_the_sets_own_versions(interrupted):
    """Older clouds ignore the expansion: the newest version that the pattern takes is the one in effect."""
    set_id = f"{CORP}/providers/Microsoft.Authorization/policySetDefinitions/house"
    with interrupted(tenant(policyAssignments=[])) as (door, azure):
        pages = {
            f"{set_id}/versions": {
                "value": [
                    {"name": "none", "properties": {"version": "1.0.0"}},
                    {"name": "1.10.0", "properties": {}},
                    {"name": "2.0.0", "properties": {"version": "1.9.0"}},
                ]
            },
            f"{set_id}/versions/1.10.0": {
                "id": f"{set_id}/versions/1.10.0",
                "properties": {"version": "1.10.0", "policyDefinitions": []},
            },
            set_id: {"id": set_id, "properties": {"version": "2.0.0", "policyDefinitions": []}},
            f"{subscription(0)}/providers/Microsoft.Authorization/policyAssignments": {
                "value": [assignment(subscription(0), "pinned", set_id, definitionVersion="1.*.*")]
            },
        }
        door.answer = lambda seen: Reply(200, pages[seen.path]) if seen.path in pages else None
        found = read(azure)
    assert found.complete
    assert [one.version for one in found.initiatives.values()] == ["1.10.0"]


def test_an_unreadable_initiative_is_told_and_leaves_its_assignment_without_one(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if seen.path == MCSB else None
        found = read(azure)
    assert found.initiatives == {}
    assert [(one.scope, one.what) for one in found.unread] == [(arm_id(CORP), MCSB)]
    assert "Reader on any managed scope" in found.unread[0].remedy


def test_one_unreadable_subscription_does_not_stop_the_others(interrupted):
    hidden = f"{subscription(1)}/providers/Microsoft.Authorization/policyExemptions"
    with interrupted(tenant(policyExemptions=[exemption(subscription(2), "seen", AT_CORP)])) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed", "no right here") if seen.path == hidden else None
        found = read(azure)
    assert [one.name for one in found.exemptions] == ["seen"]
    assert not found.complete
    assert [(one.scope.text, one.what, one.message) for one in found.unread] == [
        (subscription(1), "exemptions", "no right here")
    ]
    assert f"--scope {subscription(1)};" in found.unread[0].remedy


@pytest.mark.parametrize(
    ("status", "code", "is_unread"),
    [
        (400, "InvalidResourceType", False),
        (404, "InvalidResourceType", False),
        (409, "MissingSubscriptionRegistration", False),
        (409, "Conflict", True),
        (410, "MissingSubscriptionRegistration", True),
        (403, "AuthorizationFailed", True),
    ],
)
def test_where_defender_has_no_list_nothing_is_missing_unless_something_of_it_is_declared(
    interrupted, status, code, is_unread
):
    path = f"{subscription(1)}/providers/Microsoft.Security/standardAssignments"
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(status, code, "not here") if seen.path == path else None
        found = read(azure)
        declared = azure.reader().snapshot(azure.settings, standards=[arm_id(f"{path}/one")])
    line = (subscription(1), "standard assignments", "not here", status == 403)
    assert [(one.scope.text, one.what, one.message, one.is_refused) for one in found.unread] == [line] * is_unread
    assert [(one.scope.text, one.what, one.message, one.is_refused) for one in declared.unread] == [line]


def test_a_subscription_that_is_gone_is_gone_and_not_unread(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(404, "SubscriptionNotFound") if seen.path.startswith(subscription(1)) else None
        found = read(azure)
    assert found.complete
    assert subscription(1) in found.gone


def test_a_managed_scope_that_azure_does_not_find_is_unread_and_says_where_it_is_written(connected):
    root = "/subscriptions/00000000-0000-4000-8000-00000000dead"
    with connected(None, CORP, f"{root}/resourceGroups/rg") as (_, azure):
        found = read(azure)
    assert [(one.scope.text, one.message, one.remedy) for one in found.unread] == [
        (
            root,
            "Azure finds no subscription of this id",
            "correct `scopes` in reconciler.yaml, or take out what exists no longer",
        )
    ]
    assert root not in found.gone


def test_a_subscription_that_only_one_list_calls_gone_is_unread(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            error(404, "SubscriptionNotFound")
            if seen.path.startswith(subscription(1)) and seen.path.endswith("policyExemptions")
            else None
        )
        found = read(azure)
    assert subscription(1) not in found.gone
    assert [(one.scope.text, one.what) for one in found.unread] == [(subscription(1), "exemptions")]


def test_unreadable_descendants_are_told_and_the_root_itself_is_read(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if seen.path.endswith("/descendants") else None
        found = read(azure)
    assert [(one.scope.text, one.what) for one in found.unread] == [(CORP, "descendants")]
    assert [one.text for one in found.expected] == [CORP]
    assert AT_CORP.lower() in found.assignments


def test_copies_that_differ_are_read_again(interrupted):
    at_top = exemption(CORP, "shared", AT_CORP, description="now")
    stale = {"value": [{**at_top, "properties": {**at_top["properties"], "description": "before"}}]}
    path = f"{subscription(1)}/providers/Microsoft.Authorization/policyExemptions"
    with interrupted(tenant(policyExemptions=[at_top])) as (door, azure):
        door.answer = lambda seen: Reply(200, stale) if seen.path == path else None
        found = read(azure)
        again = [one for one in door.seen if one.path.lower() == at_top["id"].lower()]
    assert [one.description for one in found.exemptions] == ["now"]
    assert len(again) == 1


def test_a_copy_in_other_letters_is_no_difference(interrupted):
    at_top = exemption(CORP, "shared", AT_CORP)
    shouted = {
        **at_top,
        "id": at_top["id"].upper(),
        "properties": {**at_top["properties"], "policyAssignmentId": AT_CORP.upper()},
    }
    path = f"{subscription(1)}/providers/Microsoft.Authorization/policyExemptions"
    with interrupted(tenant(policyExemptions=[at_top])) as (door, azure):
        door.answer = lambda seen: Reply(200, {"value": [shouted]}) if seen.path == path else None
        assert len(read(azure).exemptions) == 1
        assert azure.requests == 18


def test_assignments_that_only_exemptions_or_declarations_name_are_gone_or_unread(interrupted):
    """Three exemptions of one deleted assignment cost one request; a right that is missing is not absence."""
    deleted = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/deleted"
    hidden = f"{GROUP}elsewhere/providers/Microsoft.Authorization/policyAssignments/hidden"
    declared = f"{CORP}/providers/Microsoft.Authorization/policyAssignments/never-was"
    orphans = [exemption(subscription(number), "orphan", deleted) for number in range(3)]
    with interrupted(tenant(policyExemptions=[*orphans, exemption(subscription(0), "far", hidden)])) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if "/elsewhere/" in seen.path else None
        found = read(azure, declare(subscription(0), kind=SubjectKind.ASSIGNMENT, value=declared))
        asked = [one.path for one in door.seen if one.path.endswith("/deleted")]
    assert found.gone == {deleted.lower(), declared.lower()}
    assert [(one.scope.text, one.what) for one in found.unread] == [(f"{GROUP}elsewhere", hidden)]
    assert len(asked) == 1


def test_a_narrowed_run_reads_only_what_lies_at_or_below(connected):
    with connected() as (cloud, azure):
        found = read(azure, scope=f"{subscription(1)}/resourceGroups/rg")
        assert [one.text for one in found.expected] == [subscription(1)]
        assert found.parents[subscription(1)].text == f"{GROUP}landing"
        assert AT_CORP.lower() in found.assignments
        below = read(azure, scope=f"{GROUP}landing")
        assert len(below.expected) == 4
        assert not any(
            "subscriptions" in one.target
            and "/policyexemptions" in one.target.lower()
            and subscription(0) in one.target
            for one in cloud.requests[:5]
        )


def test_what_a_narrowed_run_does_not_need_cannot_spoil_it(interrupted):
    """Another root's descendants are out of sight, which is no matter here."""
    other = f"{GROUP}elsewhere"
    with interrupted(None, CORP, other) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if "/elsewhere" in seen.path else None
        assert read(azure, scope=subscription(1)).complete
        assert {one.scope.text for one in read(azure).unread} == {other}


@pytest.mark.parametrize(
    ("status", "code", "is_unread"),
    [
        (403, "AuthorizationFailed", True),
        (500, "Broken", True),
        (404, "NotFound", False),
        (404, "ResourceNotFound", False),
    ],
)
def test_a_standard_assignment_that_no_list_shows_is_asked_for_by_its_name(interrupted, status, code, is_unread):
    name = arm_id(f"{SERVER}/providers/Microsoft.Security/standardAssignments/ours")
    with interrupted(tenant(resources=[SERVER])) as (door, azure):
        door.answer = lambda seen: (
            error(status, code, "no", **{"retry-after-ms": "1"}) if seen.path == name.text else None
        )
        found = azure.reader().snapshot(azure.settings, standards=[name])
        assert [seen.path for seen in door.seen if "standardAssignments/" in seen.path].count(name.text) >= 1
    assert [(one.scope.text, one.what, one.message, one.is_refused) for one in found.unread] == [
        (subscription(0), "standard assignments", "no", status == 403)
    ] * is_unread
    assert all(one.remedy for one in found.unread)
    assert found.exemptions == ()


def test_what_is_no_assignment_is_not_asked_for(connected):
    odd = f"{subscription(0)}/providers/Microsoft.KeyVault/vaults/secret"
    with connected() as (cloud, azure):
        assert read(azure, declare(subscription(0), kind=SubjectKind.ASSIGNMENT, value=odd)).complete
        assert not any("KeyVault" in one.target for one in cloud.requests)


def test_a_scope_outside_the_managed_ones_is_refused(connected):
    outside = "/subscriptions/0badc0de-0000-4000-8000-000000000000"
    with connected() as (_, azure), pytest.raises(ReconcilerError, match=f"{outside} does not lie within") as caught:
        read(azure, scope=outside)
    assert caught.value.remedy == f"choose a scope within: {CORP}"


def test_a_team_with_one_subscription_still_gets_its_ancestors_in_order(connected):
    with connected(None, subscription(1)) as (_, azure):
        found = read(azure)
    assert [one.text for one in found.expected] == [subscription(1)]
    assert found.parents[subscription(1)].text == f"{GROUP}landing"
    assert found.parents[f"{GROUP}landing".lower()].text == CORP
    assert found.complete


def test_ancestors_out_of_sight_are_inferred_from_what_the_lists_inherit(interrupted):
    content = tenant(policyAssignments=[assignment(CORP, "mcsb"), assignment(f"{GROUP}landing", "nist")])
    with interrupted(content, subscription(0), subscription(1)) as (door, azure):
        door.answer = lambda seen: (
            error(403, "AuthorizationFailed")
            if "managementgroups" in seen.path.lower() or "getEntities" in seen.path
            else None
        )
        found = read(azure)
    assert found.complete, "what a team cannot see of the tree is no fault of its run"
    chain, scope = [], arm_id(subscription(0))
    while (scope := found.parents.get(scope.key)) is not None:
        chain.append(scope.name)
    assert sorted(chain) == ["corp", "landing"]


def graph(*shown):
    """Resource Graph as it answers a query for ids: rows for those among `shown`."""

    def answer(seen):
        if "ResourceGraph" not in seen.path:
            return None
        query = json.loads(seen.body)["query"].lower()
        table = "resources " if "/providers/" in query else "resourcecontainers "
        rows = [{"id": one} for one in shown if f"'{one.lower()}'" in query and query.startswith(table)]
        return Reply(200, {"totalRecords": len(rows), "count": len(rows), "data": rows, "resultTruncated": "false"})

    return answer


def test_declared_resources_are_confirmed_by_one_query_a_kind_and_absent_ones_by_a_get(interrupted):
    removed = f"{subscription(0)}/resourceGroups/rg/providers/Microsoft.Sql/servers/o'brien"
    group = f"{subscription(0)}/resourceGroups/rg"
    with interrupted(tenant(resources=[SERVER])) as (door, azure):
        door.answer = graph(SERVER.upper(), group)
        found = read(azure, declare(SERVER, removed.replace("'", "\u2019"), group, subscription(0), CORP))
        queries = [one for one in door.seen if "ResourceGraph" in one.path]
        gets = [one.path for one in door.seen if "Microsoft.Sql" in one.path]
    assert found.exists == {SERVER.lower(), group.lower()}
    assert removed.replace("'", "\u2019").lower() in found.gone
    assert len(queries) == 3, "one a kind, and one that asks what may have been meant"
    assert len(gets) == 1, "only what Resource Graph does not show"


def test_the_embedded_azures_own_resource_graph_gives_the_same_verdicts(connected):
    removed, child = f"{SERVER}-removed", f"{SERVER}/databases/Main"
    group = f"{subscription(0)}/resourceGroups/rg"
    with connected(tenant(resources=[SERVER, child])) as (cloud, azure):
        found = read(azure, declare(SERVER.upper(), child, removed, group, f"{group}-removed"))
        gets = [one for one in cloud.requests if "Microsoft.Sql" in one.target or "rg-removed" in one.target]
    assert found.exists == {SERVER.lower(), child.lower(), group.lower()}
    assert found.gone == {removed.lower(), f"{group}-removed".lower()}
    assert [near.text for near in found.similar[removed.lower()]] == [SERVER]
    assert len(gets) == 2


def test_what_bears_an_exemption_exists_and_goes_with_it(connected):
    """No question for it while it stands; once its resource group is deleted, the exemption is gone and it is asked for."""
    group = f"{subscription(0)}/resourceGroups/rg"
    bearing = exemption(SERVER, "there", AT_CORP)
    with connected(tenant(resources=[SERVER], policyExemptions=[bearing])) as (cloud, azure):
        standing = read(azure, declare(SERVER.upper()))
        asked = [one for one in cloud.requests if "ResourceGraph" in one.target or one.target.startswith(SERVER)]
        assert (standing.exists, standing.gone, asked) == ({SERVER.lower()}, frozenset(), [])
        azure.client.once("DELETE", group, "resourceGroups")
        after = read(azure, declare(SERVER))
    assert after.exemptions == ()
    assert (after.exists, SERVER.lower() in after.gone) == (frozenset(), True)


def test_a_narrowed_run_asks_only_for_its_own_targets(connected):
    other = SERVER.replace(subscription(0), subscription(1))
    with connected(tenant(resources=[SERVER, other])) as (_, azure):
        declarations = declare(SERVER, other)
        assert read(azure, declarations, scope=subscription(1)).exists == {other.lower()}
        assert read(azure, declarations, scope=f"{SERVER}").exists == {SERVER.lower()}
        assert read(azure, declarations, scope=f"{GROUP}landing").exists == {SERVER.lower(), other.lower()}


def test_a_quote_in_a_resources_name_stays_inside_the_query(interrupted):
    odd = f"{subscription(0)}/resourceGroups/rg/providers/Microsoft.Sql/servers/o'brien"
    with interrupted() as (door, azure):
        door.answer = graph()
        read(azure, declare(odd))
        query = next(json.loads(one.body)["query"] for one in door.seen if "ResourceGraph" in one.path)
    assert (
        query
        == f"resources | where id in~ ('{subscription(0)}/resourceGroups/rg/providers/Microsoft.Sql/servers/o\\'brien') | project id | order by id asc"
    )


def test_without_resource_graph_a_few_are_asked_for_one_by_one_and_many_not_at_all(interrupted):
    many = [f"{subscription(0)}/resourceGroups/rg/providers/Microsoft.Sql/servers/s{number}" for number in range(101)]
    with interrupted(tenant(resources=[SERVER])) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if "ResourceGraph" in seen.path else None
        assert read(azure, declare(SERVER)).exists == {SERVER.lower()}
        found = read(azure, declare(*many))
        assert read(azure, declare(*many[:100])).gone == {one.lower() for one in many[:100]}
    assert (found.exists, found.gone, found.complete) == (frozenset(), frozenset(), True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BadRequest"),
        (401, "ExpiredAuthenticationToken"),
        (403, "AuthorizationFailed"),
        (404, "ResourceTypeNotSupported"),
        (404, "InvalidResourceType"),
        (409, "Conflict"),
        (410, "Gone"),
        (500, "InternalServerError"),
    ],
)
def test_a_declared_resource_is_gone_only_where_azure_says_that_it_does_not_exist(interrupted, status, code):
    """With the writer's role nobody may read the resource itself: it is neither known to exist nor to be gone."""
    with interrupted() as (door, azure):

        def answer(seen):
            if "ResourceGraph" in seen.path:
                return Reply(200, {"data": []})
            return error(status, code, "no", **{"retry-after-ms": "1"}) if seen.path == SERVER else None

        door.answer = answer
        found = read(azure, declare(SERVER))
        assert any(seen.path == SERVER for seen in door.seen)
    assert (SERVER.lower() in found.gone, SERVER.lower() in found.exists) == (False, False)


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"])
def test_a_declared_resource_that_azure_does_not_find_is_gone(interrupted, code):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            Reply(200, {"data": []})
            if "ResourceGraph" in seen.path
            else error(404, code, "gone")
            if seen.path == SERVER
            else None
        )
        assert SERVER.lower() in read(azure, declare(SERVER)).gone


def test_a_resource_whose_type_needs_another_version_is_asked_again_with_one_it_has(interrupted):
    odd = f"{subscription(0)}/resourceGroups/rg/providers/Contoso.Odd/things/one/parts/two"
    refusal = "The supported api-versions are '2019-08-01,2021-02-01-preview'."
    with interrupted() as (door, azure):

        def answer(seen):
            if "ResourceGraph" in seen.path:
                return Reply(200, {"data": []})
            if seen.path == odd:
                return (
                    Reply(200, {"id": odd})
                    if "2019-08-01" in seen.query
                    else error(400, "NoRegisteredProviderFound", refusal)
                )
            return None

        door.answer = answer
        assert read(azure, declare(odd)).exists == {odd.lower()}


def test_custom_single_policies_are_fetched_when_an_exemption_or_declaration_needs_them(connected):
    policy = {
        "id": f"{CORP}/providers/Microsoft.Authorization/policyDefinitions/tags",
        "properties": {
            "mode": "Indexed",
            "policyRule": {"if": {"field": "tags", "exists": "false"}, "then": {"effect": "[parameters('effect')]"}},
            "parameters": {"effect": {"type": "String", "defaultValue": "Disabled"}},
        },
    }
    used = assignment(CORP, "tags", policy["id"])
    content = tenant(
        policyDefinitions=[policy],
        policyAssignments=[used],
        policyExemptions=[exemption(subscription(0), "no-tags", used["id"])],
    )
    with connected(content) as (_, azure):
        found = read(azure)
    assert found.policies[policy["id"].lower()].defaults == {"effect": "Disabled"}
    assert found.initiatives == {}
    with connected(tenant(policyDefinitions=[policy], policyAssignments=[used])) as (_, azure):
        assert read(azure).policies == {}
        assert read(azure, declare(subscription(0), value=policy["id"])).policies.keys() == {policy["id"].lower()}


def test_progress_is_told_while_reading(connected):
    told = []
    with connected(tenant(resources=[SERVER])) as (_, azure):
        azure.reader().snapshot(azure.settings, [declare(SERVER)], progress=lambda *one: told.append(one))
    lists = [("assignments and exemptions", done, 15) for done in range(1, 16)]
    around = [[(what, done, 1) for done in (0, 1)] for what in ("hierarchy", "initiatives", "declared resources")]
    assert told == [*around[0], *lists, *around[1], *around[2]]


def test_the_order_of_azures_lists_changes_nothing(connected):
    some = [exemption(subscription(number % 3), f"e{number}", AT_CORP) for number in range(9)]
    with connected(tenant(policyExemptions=some)) as (_, azure):
        one = read(azure)
    with connected(tenant(policyExemptions=some[::-1])) as (_, azure):
        other = read(azure)
    assert one.exemptions == other.exemptions
    assert list(one.assignments) == list(other.assignments)


def versioned(pattern):
    """A tenant with one house initiative at 2.0.0 and one assignment pinned to a pattern."""
    policy = "/providers/Microsoft.Authorization/policyDefinitions/p"
    members = [{"policyDefinitionId": policy, "policyDefinitionReferenceId": "new"}]
    house = f"{CORP}/providers/Microsoft.Authorization/policySetDefinitions/house"
    return house, tenant(
        policySetDefinitions=[{"id": house, "properties": {"version": "2.0.0", "policyDefinitions": members}}],
        policyAssignments=[assignment(subscription(0), "pinned", house, definitionVersion=pattern)],
    )


def test_a_pattern_that_no_version_fits_leaves_the_assignment_undecided(interrupted):
    house, content = versioned("1.*.*")
    with interrupted(content) as (_, azure):
        found = read(azure)
    assert found.initiatives == {}
    assert [(one.scope.text, one.what) for one in found.unread] == [(subscription(0), house)]
    assert found.unread[0].message == f"{house} has no version that 1.*.* takes"
    assert found.unread[0].remedy == (
        "pin the assignment to one of its versions (2.0.0): az policy assignment update --name NAME --scope SCOPE "
        "--definition-version '2.*.*'"
    )


def test_an_older_version_that_cannot_be_read_leaves_the_assignment_undecided(interrupted):
    house, content = versioned("1.*.*")
    newest = {"id": house, "properties": {"version": "2.0.0", "versions": ["2.0.0", "1.2.0"], "policyDefinitions": []}}

    def answer(seen):
        if seen.path == house:
            return Reply(200, newest)
        return error(403, "AuthorizationFailed", "not for you") if seen.path == f"{house}/versions/1.2.0" else None

    with interrupted(content) as (door, azure):
        door.answer = answer
        found = read(azure)
    assert [(one.what, one.message) for one in found.unread] == [(house, "not for you")]


def test_a_versions_list_that_cannot_be_read_leaves_the_assignment_undecided(interrupted):
    house, content = versioned("1.*.*")

    def answer(seen):
        if seen.path == house:
            return Reply(200, {"id": house, "properties": {"version": "2.0.0", "policyDefinitions": []}})
        return error(403, "AuthorizationFailed", "not for you") if seen.path == f"{house}/versions" else None

    with interrupted(content) as (door, azure):
        door.answer = answer
        assert [one.what for one in read(azure).unread] == [house]


def differing(door, at_top, own):
    """One list shows another copy of an inherited exemption; `own` answers the GET that settles it."""
    changed = {**at_top, "properties": {**at_top["properties"], "description": "other"}}
    path = f"{subscription(1)}/providers/Microsoft.Authorization/policyExemptions"

    def answer(seen):
        if seen.path == path:
            return Reply(200, {"value": [changed]})
        return own if seen.path == at_top["id"] else None

    door.answer = answer


def test_an_exemption_that_was_deleted_while_the_lists_were_read_is_not_there(interrupted):
    at_top = exemption(CORP, "shared", AT_CORP)
    with interrupted(tenant(policyExemptions=[at_top])) as (door, azure):
        differing(door, at_top, error(404, "PolicyExemptionNotFound"))
        found = read(azure)
    assert found.exemptions == ()
    assert found.complete


def test_an_exemption_of_two_minds_that_cannot_be_read_again_makes_its_scope_unread(interrupted):
    at_top = exemption(CORP, "shared", AT_CORP)
    with interrupted(tenant(policyExemptions=[at_top])) as (door, azure):
        differing(door, at_top, error(403, "AuthorizationFailed", "no"))
        found = read(azure)
    assert [(one.scope.text, one.what) for one in found.unread] == [(CORP, "exemptions")]


def test_an_assignment_that_exists_but_in_no_list_is_known_after_one_request(interrupted):
    """Such as one of a subscription beyond the managed scopes, exempted from with DoNotValidate."""
    elsewhere = assignment("/subscriptions/0badc0de-0000-4000-8000-000000000000", "far")
    live = exemption(subscription(0), "far", elsewhere["id"], assignmentScopeValidation="DoNotValidate")
    with interrupted(tenant(policyExemptions=[live])) as (door, azure):
        door.answer = lambda seen: Reply(200, elsewhere) if seen.path == elsewhere["id"] else None
        found = read(azure)
    assert elsewhere["id"].lower() in found.assignments
    assert elsewhere["id"].lower() in found.initiatives
    assert found.complete
