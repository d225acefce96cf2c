"""Resources to choose from: what is named is looked for by name, never by listing everything."""

import json

from interposed import Reply
from tenants import GROUP, subscription, tenant

from reconciler.azure import graph
from reconciler.azure.choices import MOST_NAMED, named, subscriptions_below, tagged, unhealthy
from reconciler.model import arm_id

SUB = subscription(1)
SERVERS = f"{SUB}/resourceGroups/rg-data/providers/Microsoft.Sql/servers"
MANY = [f"{SERVERS}/legacy-{number}/databases/default" for number in range(MOST_NAMED + 20)]


def looked_for(interrupted, name, resources):
    """What is of the name and near it; every query filters and is bounded."""
    with interrupted(tenant(resources=resources)) as (door, azure):
        found = named(azure.client, (arm_id(SUB),), name)
        queries = [json.loads(seen.body)["query"] for seen in door.seen if seen.path == graph.PATH]
    assert queries
    assert all(" where " in query and " top " in query for query in queries)
    return found


def test_a_name_is_looked_for_by_azure_and_not_here(interrupted):
    orders = f"{SERVERS}/legacy-1/databases/Orders"
    for name in ("orders", "ORDERS"):
        exact, near = looked_for(interrupted, name, [orders, *MANY])
        assert [found.text for found in exact] == [orders]
        assert near == ()
    exact, _ = looked_for(interrupted, "rg-data", [orders])
    assert [found.text.lower() for found in exact] == [f"{SUB}/resourcegroups/rg-data"]


def test_of_a_name_that_many_have_only_some_are_read(interrupted):
    exact, near = looked_for(interrupted, "default", MANY)
    assert len(exact) == MOST_NAMED
    assert near == ()


def test_a_mistyped_name_gives_those_that_begin_or_end_alike(interrupted):
    orders, stock = f"{SERVERS}/legacy-1/databases/orders", f"{SERVERS}/legacy-1/databases/stock"
    for mistyped in ("ordres", "irders", "ordersx"):
        exact, near = looked_for(interrupted, mistyped, [orders, stock])
        assert exact == ()
        assert [found.text for found in near] == [orders], mistyped


def test_of_many_alike_the_nearest_few_are_offered_wherever_they_stand_in_the_list(interrupted):
    servers = [f"{SERVERS}/orders{end}" for end in ("aaa", "bbb", "ccc", "z", "zz", "zzz")]
    _, near = looked_for(interrupted, "ordersyyy", [*servers, f"{SERVERS}/orderszyy"])
    assert f"{SERVERS}/orderszyy" in [found.text for found in near]
    assert len(near) <= 5


def test_rows_without_an_id_are_no_resources(interrupted):
    rows = [{"id": f"{SERVERS}/one"}, {}, {"id": None}, {"id": 5}, {"id": "one"}]
    with interrupted() as (door, azure):
        door.answer = lambda seen: Reply(200, {"data": rows}) if seen.path == graph.PATH else None
        assert [found.text for found in tagged(azure.client, (arm_id(SUB),), "a", "b")] == [f"{SERVERS}/one"]
        assert [found.text for found in named(azure.client, (arm_id(SUB),), "one")[0]] == [f"{SERVERS}/one"] * 2
        before = len(door.seen)
        assert named(azure.client, (), "one") == ((), ())
        assert len(door.seen) == before


def test_a_name_is_text_and_no_query(interrupted):
    for hostile in ("x' or 1 == 1 //", "x\\", "'", "x | take 1"):
        assert looked_for(interrupted, hostile, [MANY[0]]) == ((), ())


# --- what Defender and tags choose -------------------------------------------------------------------------------

TDE, AT_REST = "651967bf-044e-4bde-8376-3e08e0600105", "8fd574ec-43cf-426e-a439-a67cbaf2d564"


def assessed(resource, key, code):
    return {
        "id": f"{resource}/providers/Microsoft.Security/assessments/{key}",
        "properties": {"status": {"code": code}},
    }


def test_what_is_unhealthy_by_one_recommendation_is_offered_and_nothing_else(connected):
    orders, stock, bills = (f"{SERVERS}/legacy/databases/{name}" for name in ("orders", "stock", "bills"))
    found = [assessed(orders, TDE, "Unhealthy"), assessed(stock, TDE, "Healthy"), assessed(bills, AT_REST, "Unhealthy")]
    with connected(tenant(assessments=found)) as (cloud, azure):
        offered = unhealthy(azure.client, (arm_id(SUB),), TDE.upper())
        before = len(cloud.requests)
        assert unhealthy(azure.client, (), TDE) == ()
        assert len(cloud.requests) == before, "where there is no subscription nobody is asked"
    assert [(each.resource.key, each.key) for each in offered] == [(arm_id(orders).key, TDE)]


def test_a_tag_chooses_resources_by_name_and_value(connected):
    legacy, new = f"{SERVERS}/legacy", f"{SERVERS}/new"
    resources = [
        {"id": legacy, "tags": {"purpose": "Legacy"}},
        {"id": new, "tags": {"purpose": "new", "kind": "legacy"}},
    ]
    with connected(tenant(resources=resources)) as (cloud, azure):
        assert [each.text for each in tagged(azure.client, (arm_id(SUB),), "purpose", "legacy")] == [legacy]
        before = len(cloud.requests)
        assert tagged(azure.client, (), "purpose", "legacy") == ()
        assert len(cloud.requests) == before


def test_the_subscriptions_below_a_group_have_their_names(connected):
    with connected(tenant()) as (_, azure):
        below = subscriptions_below(azure.client, (arm_id(f"{GROUP}landing"),))
    assert {scope.text: name for scope, name in below.items()} == {subscription(n): f"sub {n}" for n in range(3)}
