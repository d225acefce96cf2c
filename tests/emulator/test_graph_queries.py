"""Resource Graph: tables, operators, pages, scopes, errors, and what it gets wrong."""

import contoso
import emulated
import pytest
from contoso import DATABASE, GROUP, ONE, ROOT, SERVER, TWO, exemption_id, seeded, waiver

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
RESOURCES = [
    DATABASE,
    {"id": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-one", "location": "northeurope", "tags": {"env": "prod"}},
    f"{TWO}/resourceGroups/rg-web/providers/Microsoft.KeyVault/vaults/KV-Two",
]


@pytest.fixture
def arm(start):
    return emulated.Client(start(resources=RESOURCES, policyExemptions=[seeded(ROOT, "root"), seeded(ONE, "one")]))


def ask(arm, query, **body):
    answer = arm.request("POST", GRAPH, {"query": query, **body}, version="2022-10-01")
    assert answer.status == 200, answer.body
    return answer.json


def names(arm, query, **body):
    return [row["name"] for row in ask(arm, query, **body)["data"]]


def test_resources_by_type_in_lower_case(arm):
    rows = ask(arm, "Resources | where type =~ 'Microsoft.KeyVault/vaults' | order by name asc")["data"]
    assert [row["name"] for row in rows] == ["KV-Two", "kv-one"]
    assert {row["type"] for row in rows} == {"microsoft.keyvault/vaults"}
    assert rows[1]["resourceGroup"] == "rg-data"
    assert rows[1]["subscriptionId"] == ONE.split("/")[2]


def test_the_answer_has_azures_envelope(arm):
    answer = arm.request("POST", GRAPH, {"query": "project id | limit 1"}, version="2021-03-01")
    assert list(answer.json) == ["totalRecords", "count", "data", "facets", "resultTruncated"]
    assert answer.json["resultTruncated"] == "false"
    assert answer.headers["x-ms-user-quota-resets-after"] == "00:00:05"
    assert int(answer.headers["x-ms-user-quota-remaining"]) >= 0


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name == 'kv-one'", ["kv-one"]),
        ("name == 'KV-ONE'", []),
        ("name =~ 'KV-ONE'", ["kv-one"]),
        ("name != 'kv-one' and type has 'keyvault'", ["KV-Two"]),
        ("name !~ 'kv-two' and type has \"keyvault\"", ["kv-one"]),
        ("name contains 'v-o'", ["kv-one"]),
        ("name startswith 'KV'", ["KV-Two", "kv-one"]),
        ("name endswith 'one'", ["kv-one"]),
        ("name in ('kv-one', 'ledger')", ["kv-one", "ledger"]),
        ("name in~ ('KV-ONE')", ["kv-one"]),
        ("type has 'keyvault' and name !in ('kv-one')", ["KV-Two"]),
        ("name matches regex '^l.*r$'", ["ledger"]),
        ("tags.env == 'prod'", ["kv-one"]),
        ("tags['env'] == 'prod'", ["kv-one"]),
        ("tolower(name) == 'kv-two' or isnotempty(tags.env)", ["KV-Two", "kv-one"]),
        ("not(name has 'kv') and name !contains 'sql'", ["ledger"]),
        ("array_length(split(id, '/')) > 9", ["ledger"]),
        ("location == 'northeurope' // a comment", ["kv-one"]),
        ("name !has 'kv' and name !startswith 'leg' and name !endswith 'x'", ["ledger"]),
        ("strlen(name) > 6 and strlen(name) <= 10", ["legacy-sql"]),
        ("strlen(name) >= 6 and strlen(name) < 7 and type has 'keyvault' and name in~ (dynamic('kv-one'))", ["kv-one"]),
        ("name has_any ('ledger', 'nothing')", ["ledger"]),
        ("coalesce(tags.env, 'none') == 'none' and iff(name == 'ledger', true, false)", ["ledger"]),
        ("split(id, '/')[2] == '00000000-0000-4000-8000-000000000002'", ["KV-Two"]),
        ("(name == @'ledger')", ["ledger"]),
        ('isempty(tags.env) and isnotnull(location) and name == "ledger"', ["ledger"]),
        ("isnull(tags.env) and strcat(name, '!') == 'ledger!'", ["ledger"]),
    ],
)
def test_conditions(arm, condition, found):
    assert sorted(names(arm, f"resources | where {condition}")) == sorted(found)


def test_operators(arm):
    assert ask(arm, "resources | summarize count() by type | order by count_ desc, type asc | take 1")["data"] == [
        {"type": "microsoft.keyvault/vaults", "count_": 2}
    ]
    assert ask(arm, "resources | count")["data"] == [{"Count": 4}]
    assert ask(arm, "resources | extend short = toupper(name) | project short, env = tags.env | top 1 by env")[
        "data"
    ] == [{"short": "KV-ONE", "env": "prod"}]
    assert len(ask(arm, "resources | distinct subscriptionId")["data"]) == 2
    assert ask(arm, "resources | where name == 'ledger' | project properties.nothing, location")["data"] == [
        {"properties_nothing": None, "location": "westeurope"}
    ]
    assert "tags" not in ask(arm, "resources | project-away tags")["data"][0]


def test_pages(arm):
    first = ask(arm, "resources | project name | order by name asc", options={"$top": 3})
    assert (first["totalRecords"], first["count"]) == (4, 3)
    second = ask(arm, "resources | project name | order by name asc", options={"$skipToken": first["$skipToken"]})
    assert [row["name"] for row in first["data"] + second["data"]] == ["KV-Two", "kv-one", "ledger", "legacy-sql"]
    assert "$skipToken" not in second
    assert arm.request("POST", GRAPH, {"query": "resources", "options": {"$skipToken": "x"}}).status == 400


def test_the_table_form(arm):
    data = ask(arm, "resources | where name == 'ledger' | project name, tags", options={"resultFormat": "table"})[
        "data"
    ]
    assert data["columns"][0] == {"name": "name", "type": "string"}
    assert data["rows"][0][0] == "ledger"


def test_containers_know_what_is_above(arm):
    rows = ask(arm, "resourcecontainers | where type == 'microsoft.resources/subscriptions' | where name == 'one'")[
        "data"
    ]
    assert [each["name"] for each in rows[0]["properties"]["managementGroupAncestorsChain"]] == [
        "corp",
        "contoso",
        contoso.TENANT_ID,
    ]
    assert "rg-data" in names(arm, "resourcecontainers | where type endswith 'resourcegroups'")


def test_policy_objects_lose_their_scope_validation(start):
    silent = seeded(ONE, "one", assignmentScopeValidation="DoNotValidate")
    arm = emulated.Client(start(policyExemptions=[silent]))
    (row,) = ask(arm, "policyresources | where type =~ 'Microsoft.Authorization/policyExemptions'")["data"]
    assert row["properties"] == waiver()
    assert row["systemData"]["createdByType"] == "User"
    assert names(arm, "policyresources | where type == 'microsoft.authorization/policyassignments' | order by name asc") == [
        "baseline", "corp-baseline", "tde-only",
    ]  # fmt: skip


EXEMPTIONS = "policyresources | where type == 'microsoft.authorization/policyexemptions' | order by name asc"


def test_scopes(arm):
    one = {"subscriptions": [ONE.split("/")[2]]}
    assert names(arm, EXEMPTIONS) == ["one", "root"]
    assert names(arm, EXEMPTIONS, **one) == ["one"]
    assert names(arm, EXEMPTIONS, **one, options={"authorizationScopeFilter": "AtScopeAboveAndBelow"}) == [
        "one",
        "root",
    ]
    assert names(arm, EXEMPTIONS, managementGroups=["corp"]) == ["one"]
    assert names(
        arm, EXEMPTIONS, managementGroups=["contoso"], options={"authorizationScopeFilter": "AtScopeExact"}
    ) == ["root"]
    assert names(arm, "resources", subscriptions=[TWO.split("/")[2]]) == ["KV-Two"]


def test_it_hides_what_the_caller_may_not_read(start):
    reader = {
        "objectId": "aaaaaaaa-0000-4000-8000-000000000001",
        "name": "a",
        "roles": [{"role": "Reader", "scope": GROUP}],
    }
    cloud = start(resources=RESOURCES, principals=[reader])
    assert "KV-Two" not in names(emulated.Client(cloud, "a"), "resources")
    assert "kv-one" in names(emulated.Client(cloud, "a"), "resources")


@pytest.mark.parametrize(
    "query",
    [
        "where where",
        "resources | where",
        "resources | dance",
        "no-such-table",
        "resources | where name ==",
        "resources | where f(x)",
        "resources )",
        "resources | take x",
        "`",
    ],
)
def test_a_query_that_cannot_be_read(arm, query):
    answer = arm.request("POST", GRAPH, {"query": query})
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert answer.message.startswith("Please provide below info when asking for support: timestamp = ")
    assert [each["code"] for each in answer.json["error"]["details"]] == ["InvalidQuery", "ParserFailure"]


def test_where_the_query_fails_is_said(arm):
    details = arm.request("POST", GRAPH, {"query": "where where"}).json["error"]["details"][1]
    assert (details["line"], details["token"]) == (1, "<EOF>")


# --- what it gets wrong, if faults are injected --------------------------------------------------------------------


def test_it_lags_behind(start):
    cloud = start(faultInjection={"graph": {"lag": 60}}, policyExemptions=[seeded(ONE, "old")])
    arm = emulated.Client(cloud)
    arm.put(exemption_id(SERVER, "new"), waiver())
    arm.delete(exemption_id(ONE, "old"))
    assert names(arm, EXEMPTIONS) == ["old"]
    cloud.tenant.clock.advance(61)
    assert names(arm, EXEMPTIONS) == ["new"]


def test_it_keeps_ghosts_of_deleted_groups(start):
    cloud = start(
        faultInjection={"graph": {"ghosts": True}}, policyExemptions=[seeded(GROUP, "haunting"), seeded(ONE, "gone")]
    )
    arm = emulated.Client(cloud)
    arm.delete(GROUP)
    arm.delete(exemption_id(ONE, "gone"))
    assert names(arm, EXEMPTIONS) == ["haunting"]
    assert arm.get(exemption_id(GROUP, "haunting")).code == "ResourceGroupNotFound"


def test_it_throttles_by_its_own_quota(start):
    arm = emulated.Client(start(faultInjection={"throttling": True}))
    for _ in range(15):
        arm.request("POST", GRAPH, {"query": "resources | take 1"})
    refused = [arm.request("POST", GRAPH, {"query": "resources | take 1"}) for _ in range(3)]
    throttled = [answer for answer in refused if answer.status == 429]
    assert throttled, "fifteen in five seconds"
    assert throttled[0].json["error"]["code"] == "RateLimiting"
    assert throttled[0].headers["x-ms-user-quota-remaining"] == "0"
