"""Resource Graph: tables, operators, pages, scopes, errors, and what it gets wrong."""

import contextlib
from datetime import UTC, datetime

import contoso
import emulated
import graph_queries
import graph_tenant
import pytest
from contoso import DATABASE, GROUP, ONE, ROOT, SERVER, TWO, exemption_id, seeded, waiver
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator.graph import tables
from reconciler.emulator.graph.language import parse_query
from reconciler.emulator.graph.schema import Column
from reconciler.emulator.graph.tokens import QueryError
from reconciler.emulator.graph.values import Type

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
    assert ask(
        arm, "resources | extend short = toupper(name) | project short, env = tostring(tags.env) | top 1 by env"
    )["data"] == [{"short": "KV-ONE", "env": "prod"}]
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


# --- the language ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stocked():
    """A tenant in which every query finds something."""
    with emulated.running(graph_tenant.content()) as cloud:
        yield emulated.Client(cloud)


@pytest.mark.parametrize("query", graph_queries.ARTICLE)
def test_the_queries_of_the_article_answer_verbatim(stocked, query):
    rows = ask(stocked, query.replace("<your-subscription-id>", ONE.split("/")[2]))["data"]
    assert rows, "each finds what the tenant has"


def test_what_the_queries_of_the_article_find(stocked):
    first, second, third = (
        ask(stocked, query.replace("<your-subscription-id>", ONE.split("/")[2]))["data"]
        for query in graph_queries.ARTICLE
    )
    assert [(row["ResourceType"], row["ResourceName"], row["StatusCode"]) for row in first] == [
        ("servers", "legacy-sql", "NotApplicable")
    ]
    assert {row["name"] for row in second} == {"old-waiver", "open", "narrow"}
    (double,) = third
    assert (double["ExemptionCount"], double["ExemptionNames"]) == (2, ["old-waiver", "open"])
    assert list(double)[:2] == ["properties_policyAssignmentId", "properties_resourceSelectors"]


@pytest.mark.parametrize("query", graph_queries.ANSWERED)
def test_queries_that_people_ask_are_answered(stocked, query):
    ask(stocked, query)


@pytest.mark.parametrize("query", graph_queries.REFUSED + graph_queries.UNMODELLED)
def test_other_queries_are_refused_in_the_recorded_form(stocked, query):
    answer = stocked.request("POST", GRAPH, {"query": query}, version="2022-10-01")
    assert answer.status == 400
    invalid, failure = answer.json["error"]["details"]
    assert (invalid["code"], failure["code"]) == ("InvalidQuery", "ParserFailure")
    assert set(failure) == {"code", "message", "line", "characterPositionInLine", "token", "expectedToken"}


@pytest.mark.parametrize(
    ("query", "line", "column", "token"),
    [
        ("where where", 1, 11, "<EOF>"),
        ("resources\n| project nothere", 2, 10, "nothere"),
        (
            "securityresources | where type == 'microsoft.security/subassessments'",
            1,
            34,
            "'microsoft.security/subassessments'",
        ),
        ("resources | frobnicate x", 1, 12, "frobnicate"),
    ],
)
def test_a_refusal_names_the_place(stocked, query, line, column, token):
    details = stocked.request("POST", GRAPH, {"query": query}, version="2022-10-01").json["error"]["details"][1]
    assert (details["line"], details["characterPositionInLine"], details["token"]) == (line, column, token)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("tolong('x') == 1", False),
        ("tolong('x') != 1", True),
        ("tolong('x') == tolong('y')", None),
        ("tolong('x') != tolong('y')", None),
        ("tolong('x') < 1", None),
        ("not(tolong('x') < 1)", None),
        ("tolong('x') < 1 and 1 == 2", False),
        ("tolong('x') < 1 and 1 == 1", None),
        ("tolong('x') < 1 or 1 == 1", True),
        ("tolong('x') < 1 or 1 == 2", None),
        ("isnull(tolong('x'))", True),
        ("isnull(name)", False),
        ("isempty(properties.nothere)", True),
        ("isnull(properties.nothere)", True),
        ("properties.nothere == ''", False),
        ("properties.nothere =~ ''", True),
        ("todatetime('never') < now()", None),
        ("1 + tolong('x')", None),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", 3.5),
        ("7 / 0", None),
        ("7 % 4", 3),
        ("tostring(dynamic(['a', {'b': 1}]))", '["a",{"b":1}]'),
        ("tostring(dynamic(null))", ""),
        ("tostring(true)", "true"),
        ("tostring(todatetime('2026-01-02T03:04:05.5Z'))", "2026-01-02T03:04:05.5000000Z"),
        ("datetime(2026-01-02) - datetime(2026-01-01)", "1.00:00:00"),
        ("datetime(2026-01-31) + 1d", "2026-02-01T00:00:00.0000000Z"),
        ("round(0.5)", 1.0),
        ("round(2.345, 2)", 2.35),
        ("iff(tolong('x') == tolong('y'), 'yes', 'no')", "no"),
        ("case(1 == 2, 'a', 2 == 2, 'b', 'c')", "b"),
        ("coalesce(tolong('x'), 5)", 5),
        ("'a b-c' has 'b'", True),
        ("'a bc' has 'b'", False),
        ("'ABC' contains_cs 'b'", False),
        ("split('a/b/c', '/')[1]", "b"),
        ("split('a/b/c', '/').[-1]", "c"),
        ("dynamic({'a': {'b c': 4}}).a['b c']", 4),
        ("3 in (1, 2, 3)", True),
        ("'B' in~ ('a', 'b')", True),
        ("'x' in (dynamic(['x', 'y']))", True),
        ("'a-b' has_all ('a', 'b')", True),
        ("datetime_add('month', 1, datetime(2026-01-31))", "2026-02-28T00:00:00.0000000Z"),
        ("datetime_diff('month', datetime(2027-01-01), datetime(2026-11-30))", 2),
        ("bin(datetime(2026-05-06T07:08:09Z), 1h)", "2026-05-06T07:00:00.0000000Z"),
        ("format_datetime(datetime(2026-05-06T07:08:09Z), 'yyyy-MM-dd HH:mm')", "2026-05-06 07:08"),
        ("@'a\\b'", "a\\b"),
        ("'a\\tb\\u0041'", "a\tbA"),
    ],
)  # fmt: skip
def test_expressions(stocked, expression, value):
    (row,) = ask(stocked, f"resources | project x = {expression} | take 1")["data"]
    assert row == {"x": value}
    assert type(row["x"]) is type(value)


def test_types_reach_the_table_form(stocked):
    query = "resources | project a = name, b = 1, c = 1.5, d = true, e = now(), f = tags, g = 1d | take 1"
    columns = ask(stocked, query, options={"resultFormat": "table"})["data"]["columns"]
    assert [column["type"] for column in columns] == [
        "string", "integer", "number", "boolean", "datetime", "object", "string"
    ]  # fmt: skip


# --- what surrounds a query --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"managementGroups": ["corpp"]}, "ManagementGroupNotFound"),
        ({"managementGroups": ["corp", "corpp"]}, "ManagementGroupNotFound"),
        ({"subscriptions": ["00000000-0000-4000-8000-00000000dead"]}, "NoValidSubscriptionsInQueryRequest"),
        ({"options": {"$top": 0}}, "InvalidTop"),
        ({"options": {"$top": -1}}, "InvalidTop"),
        ({"options": {"$top": 1001}}, "InvalidTop"),
        ({"options": {"$skip": -1}}, "InvalidSkip"),
        ({"facets": [{"expression": "type"}]}, "FacetsNotModelled"),
    ],
)
def test_scopes_and_options_that_cannot_be_honoured_are_refused(stocked, body, code):
    answer = stocked.request("POST", GRAPH, {"query": "resources", **body}, version="2022-10-01")
    assert (answer.status, answer.json["error"]["details"][0]["code"]) == (400, code)


@pytest.mark.parametrize("options", [{"authorizationScopeFilter": "Nonsense"}, {"resultFormat": "xml"}, {"$top": "x"}])
def test_options_of_no_known_value_are_refused(stocked, options):
    answer = stocked.request("POST", GRAPH, {"query": "resources", "options": options}, version="2022-10-01")
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")


def test_policy_states_are_rows_with_their_weights(stocked):
    rows = ask(
        stocked,
        "policyresources | where type == 'microsoft.policyinsights/policystates' | project "
        "r = tostring(split(tostring(properties.resourceId), '/')[-1]), s = tostring(properties.complianceState), "
        "w = tolong(properties.stateWeight) | distinct r, s, w | order by r asc, w desc",
    )["data"]
    assert rows == [
        {"r": "ledger", "s": "NonCompliant", "w": 300},
        {"r": "ledger", "s": "Exempt", "w": 50},
        {"r": "legacy-sql", "s": "Compliant", "w": 200},
        {"r": "legacy-sql", "s": "Exempt", "w": 50},
    ]


def test_policy_states_are_computed_for_those_that_a_query_keeps(stocked, monkeypatch):
    computed, whole = [], tables.state_properties
    monkeypatch.setattr(tables, "state_properties", lambda *args: computed.append(args) or whole(*args))
    (row,) = ask(stocked, "policyresources | summarize n = countif(type has 'policystates')")["data"]
    assert len(computed) == row["n"] > 0
    computed.clear()
    assert ask(stocked, "policyresources | where name == 'none' | project properties")["data"] == []
    assert computed == []
    states = ask(stocked, "policyresources | where type has 'policystates' | where properties.stateWeight == 50")[
        "data"
    ]
    assert {row["properties"]["complianceState"] for row in states} == {"Exempt"}


def test_built_in_definitions_are_there_for_joins(stocked):
    (row,) = ask(
        stocked,
        "policyresources | where type == 'microsoft.authorization/policysetdefinitions' "
        "| where name == '1f3afdf9-d0c9-4c3d-847f-89da613e70a8' | project policyType = tostring(properties.policyType)",
    )["data"]
    assert row == {"policyType": "BuiltIn"}


@given(st.text(alphabet="abn |'\"()[]{}.,=~!<>0123456789-+*/\\\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_query_or_refused(text):
    columns = {"resources": {"a": Column(type=Type.STRING), "b": Column(type=Type.DYNAMIC)}}
    rows = [{"a": "x", "b": {"n": [1, None, {}]}}, {"a": "", "b": None}]
    for query in (text, f"resources | where {text}", f"resources | project {text}", f"resources | {text}"):
        with contextlib.suppress(QueryError):
            parse_query(query, columns, lambda *_: rows, datetime(2026, 1, 1, tzinfo=UTC)).run()
