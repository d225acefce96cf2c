"""Where the managed scopes lie: names and parents as far as Azure says them, and what a narrowed run needs of them."""

import pytest
from interposed import Drop, Reply, error
from tenants import GROUP, subscription, tenant

from reconciler.azure.hierarchy import groups_alone, missing_subscriptions, read_hierarchy, read_narrowed
from reconciler.model import arm_id
from reconciler.problems import AzureError, ReconcilerError

CORP, LANDING, DATA = (arm_id(f"{GROUP}{name}") for name in ("corp", "landing", "data"))
SUBS = [arm_id(subscription(number)) for number in range(3)]
ENTITIES = "/providers/Microsoft.Management/getEntities"


def deep():
    """corp > landing > data; a subscription in each."""
    content = tenant()
    content["managementGroups"] = [
        *content["managementGroups"],
        {"name": "data", "displayName": "Data", "parent": "landing"},
    ]
    places = zip(content["subscriptions"], ("corp", "landing", "data"), strict=True)
    content["subscriptions"] = [{**each, "managementGroup": place} for each, place in places]
    return content


def test_everything_below_a_group_and_all_above_it_have_their_parents_and_names(connected):
    with connected(deep()) as (cloud, azure):
        found = read_hierarchy(azure.client, [LANDING, arm_id(f"{SUBS[2]}/resourceGroups/rg"), LANDING])
    assert found.expected == sorted([LANDING, DATA, SUBS[1], SUBS[2]])
    names = [found.nodes[scope.key].name for scope in (CORP, LANDING, DATA)]
    assert names == ["Corp", "Landing zones", "Data"]
    assert found.nodes[SUBS[2].key].name == "sub 2"
    assert found.chain(SUBS[2]) == (SUBS[2], DATA, LANDING, CORP, arm_id(f"{GROUP}{cloud.tenant.id}"))
    assert found.chain(SUBS[1])[:3] == (SUBS[1], LANDING, CORP)
    assert found.is_within(SUBS[2], LANDING)
    assert not found.is_within(LANDING, DATA)


def test_without_its_ancestors_a_group_has_at_least_its_parent(interrupted):
    told = {"details": {"parent": {"id": CORP.text}}, "displayName": "Landing"}
    with interrupted(deep()) as (door, azure):
        door.answer = lambda seen: (
            Reply(200, {"id": LANDING.text, "properties": told}) if seen.path == LANDING.text else None
        )
        found = read_hierarchy(azure.client, [LANDING])
        assert found.chain(SUBS[1]) == (SUBS[1], LANDING, CORP)
        assert (found.nodes[LANDING.key].name, found.nodes[CORP.key].name) == ("Landing", "")
        door.answer = lambda seen: error(403, "AuthorizationFailed") if seen.path == LANDING.text else None
        assert read_hierarchy(azure.client, [LANDING]).chain(SUBS[1]) == (SUBS[1], LANDING)


@pytest.mark.parametrize(
    ("entity", "above"),
    [
        ({"parentNameChain": ["corp", "landing"], "parent": {"id": DATA.text}}, (LANDING, CORP)),
        ({"parent": {"id": DATA.text}}, (DATA,)),
        ({"parent": {}}, ()),
        ({}, ()),
    ],
)
def test_a_subscription_lies_where_the_entities_say(interrupted, entity, above):
    """The chain of names goes from the top down."""
    rows = [{"id": SUBS[0].text, "properties": {"parent": {"id": CORP.text}}}]
    rows.append({"id": SUBS[1].text.upper(), "properties": {"displayName": "One", **entity}})
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"value": rows}) if seen.path == ENTITIES else None
        found = read_hierarchy(azure.client, [SUBS[1]])
        assert [seen.method for seen in door.seen if seen.path == ENTITIES] == ["POST"]
    assert found.chain(SUBS[1]) == (SUBS[1], *above)
    assert found.nodes[SUBS[1].key].name == "One"
    assert found.expected == [SUBS[1]]
    assert SUBS[0].key not in found.nodes, "it is no part of the run"


def test_entities_are_asked_for_only_where_a_subscriptions_place_is_not_known(connected):
    with connected(deep()) as (cloud, azure):
        read_hierarchy(azure.client, [CORP, SUBS[1]])
        assert not [one for one in cloud.requests if "getEntities" in one.target]
        read_hierarchy(azure.client, [DATA, SUBS[1]])
        assert len([one for one in cloud.requests if "getEntities" in one.target]) == 1


def test_descendants_that_cannot_be_read_are_told_with_the_reason(interrupted):
    with interrupted(deep()) as (door, azure):
        door.answer = lambda seen: (
            error(403, "AuthorizationFailed", "not for you") if seen.path == f"{DATA}/descendants" else None
        )
        found = read_hierarchy(azure.client, [DATA, SUBS[0]])
        [line] = found.unread
        assert (line.scope, line.what, line.message) == (DATA, "descendants", "not for you")
        assert "az role assignment create" in line.remedy
        assert found.expected == sorted([DATA, SUBS[0]])
        assert groups_alone(found).unread == found.unread
        narrowed = read_narrowed(azure.client, SUBS[0], [DATA, SUBS[0]])
        assert (narrowed.expected, narrowed.unread) == ([SUBS[0]], ())
        assert read_narrowed(azure.client, DATA, [DATA, SUBS[0]]).unread == found.unread
        assert read_narrowed(azure.client, DATA, [CORP, DATA]).unread == found.unread


def test_the_groups_alone_leave_every_subscription_to_others(connected):
    with connected(deep()) as (_, azure):
        whole = read_hierarchy(azure.client, [LANDING])
    found = groups_alone(whole)
    assert found.expected == sorted([LANDING, DATA])
    assert found.nodes.keys() == whole.nodes.keys()
    assert found.chain(SUBS[2]) == whole.chain(SUBS[2])


def test_what_lies_in_no_managed_scope_is_refused_with_all_of_them(connected):
    with connected(deep()) as (_, azure), pytest.raises(ReconcilerError) as refused:
        read_narrowed(azure.client, SUBS[0], [DATA, SUBS[1]])
    message = f"{SUBS[0]} does not lie within the managed scopes, as far as Azure shows them"
    assert (refused.value.message, refused.value.remedy) == (message, f"choose a scope within: {DATA}, {SUBS[1]}")


def test_a_scope_may_say_itself_that_it_lies_within_a_root_whose_descendants_are_out_of_sight(interrupted):
    with interrupted(deep()) as (door, azure):
        door.answer = lambda seen: error(403, "No") if seen.path == f"{CORP}/descendants" else None
        found = read_narrowed(azure.client, arm_id(f"{SUBS[2]}/resourceGroups/rg"), [CORP])
    assert (found.expected, found.unread) == ([SUBS[2]], ())
    assert found.chain(SUBS[2])[:4] == (SUBS[2], DATA, LANDING, CORP)


def test_of_subscriptions_only_those_that_azure_does_not_find_are_missing(interrupted):
    strangers = [arm_id(f"/subscriptions/0badc0de-0000-4000-8000-00000000000{number}") for number in range(3)]
    with interrupted() as (door, azure):
        hierarchy = read_hierarchy(azure.client, [CORP])
        door.answer = lambda seen: {
            strangers[0].text: Reply(200, {"id": strangers[0].text}),
            strangers[1].text: error(403, "AuthorizationFailed"),
        }.get(seen.path)
        targets = [*SUBS, CORP, *(arm_id(f"{scope}/resourceGroups/rg") for scope in strangers)]
        assert missing_subscriptions(azure.client, hierarchy, targets) == {strangers[2].key}


def test_where_nothing_answers_no_hierarchy_is_made_up(interrupted):
    with interrupted() as (door, azure):
        azure.client._transport.interrupt()  # no waiting between the attempts
        door.answer = lambda _: Drop()
        with pytest.raises(AzureError):
            read_hierarchy(azure.client, [CORP])
