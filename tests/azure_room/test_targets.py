"""Which declared resources exist, and what may have been meant by one that does not."""

import json

import pytest
from interposed import Reply, error
from tenants import GROUP, subscription, tenant

from reconciler.azure import graph
from reconciler.azure.targets import confirm_targets
from reconciler.model import arm_id

SQL = "providers/Microsoft.Sql/servers"
RG = f"{subscription(0)}/resourceGroups/rg"


def confirmed(azure, *targets, progress=lambda *_: None):
    return confirm_targets(azure.client, map(arm_id, targets), progress)


def queries(door):
    return [json.loads(seen.body) for seen in door.seen if seen.path == graph.PATH]


def test_a_query_names_the_subscriptions_of_its_targets_alone(interrupted):
    targets = [f"{subscription(number)}/resourceGroups/rg/{SQL}/s" for number in (1, 0)]
    with interrupted(tenant(resources=targets)) as (door, azure):
        assert confirmed(azure, *targets, *(text.upper() for text in targets)).exists == set(map(str.lower, targets))
        [query] = queries(door)
    assert query["subscriptions"] == [subscription(number).rpartition("/")[2] for number in (0, 1)]


def test_of_what_resource_graph_says_nothing_of_each_is_asked_for_whatever_its_kind(interrupted):
    there, lost = [f"{RG}/{SQL}/s", RG], [f"{RG}/{SQL}/lost", f"{subscription(0)}/resourceGroups/lost"]
    with interrupted(tenant(resources=there[:1])) as (door, azure):
        door.answer = lambda seen: error(403, "AuthorizationFailed") if seen.path == graph.PATH else None
        found = confirmed(azure, *there, *lost, f"{GROUP}corp", subscription(0))
        assert len(queries(door)) == 2, "who was refused is not asked what may have been meant"
    assert (found.exists, found.gone) == (set(map(str.lower, there)), set(map(str.lower, lost)))
    assert found.similar == {}


def test_more_than_one_query_holds_are_asked_in_several_and_each_once(interrupted):
    servers = [f"{RG}/{SQL}/s{number:04}" for number in range(401)]
    told = []
    with interrupted() as (door, azure):

        def answer(seen):
            if seen.path != graph.PATH:
                return None
            named = [text for text in servers if f"'{text}'" in json.loads(seen.body)["query"]]
            return Reply(200, {"data": [{"id": text} for text in named] + [{}, {"id": None}]})

        door.answer = answer
        found = confirmed(azure, *servers, progress=lambda *figures: told.append(figures))
        sizes = [query["query"].count(SQL) for query in queries(door)]
    assert found.exists == set(map(str.lower, servers))
    assert sorted(sizes) == [1, 400]
    assert told[-1] == (2, 2)


def test_what_may_have_been_meant_lies_in_the_same_subscription_and_is_of_the_same_type(connected):
    missing = f"{RG}/{SQL}/legacyy"
    near = [f"{subscription(0)}/resourceGroups/other/{SQL}/{name}" for name in ("legacy", "legacyx")]
    elsewhere = f"{subscription(1)}/resourceGroups/rg/{SQL}/legacyy"
    with connected(tenant(resources=[*near, elsewhere, f"{RG}/providers/Microsoft.Web/sites/legacyy"])) as (_, azure):
        found = confirmed(azure, missing, f"{RG}/{SQL}/quite-another-name")
    assert {key: {each.text for each in texts} for key, texts in found.similar.items()} == {missing.lower(): set(near)}


def test_of_many_namesakes_three_are_shown(connected):
    namesakes = [f"{subscription(0)}/resourceGroups/rg{number}/{SQL}/s" for number in range(5)]
    with connected(tenant(resources=namesakes)) as (_, azure):
        found = confirmed(azure, f"{RG}/{SQL}/s")
    assert [each.text for each in found.similar[f"{RG}/{SQL}/s".lower()]] == namesakes[:3]


@pytest.mark.parametrize("second", [error(403, "AuthorizationFailed"), Reply(200, {"data": [{}, {"id": "s"}]})])
def test_without_an_answer_to_what_was_meant_nothing_is_proposed(interrupted, second):
    missing = f"{RG}/{SQL}/s"
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            (Reply(200, {"data": []}) if seen.count == 1 else second) if seen.path == graph.PATH else None
        )
        found = confirmed(azure, missing)
    assert (found.gone, found.similar) == ({missing.lower()}, {})


def test_a_group_that_does_not_exist_has_its_likes_too(connected):
    with connected(tenant(resources=[f"{RG}-data/{SQL}/s"])) as (_, azure):
        found = confirmed(azure, f"{RG}-dat")
    assert [each.text.lower() for each in found.similar[f"{RG}-dat".lower()]] == [f"{RG}-data".lower()]
