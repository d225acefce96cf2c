"""Resource Graph against two judges: Microsoft's own parser, and another engine on the same rows: `make test-kql`.

Not collected with the other tests: the parser needs Node and a package of npm (`KQL_NODE` is the folder that holds
`node_modules`), the engine a Python environment with duckdb-kql (`KQL_PYTHON`).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import emulated
import graph_queries
import graph_tenant
import pytest
from contoso import ONE

from reconciler.emulator.graph.tables import COLUMNS
from reconciler.emulator.graph.values import Type

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
HERE = Path(__file__).parent
KUSTO_TYPES = {Type.STRING: "string", Type.DYNAMIC: "dynamic"}
TYPES = {
    "int": "integer",
    "long": "integer",
    "real": "number",
    "bool": "boolean",
    "dynamic": "object",
    "timespan": "string",
}

ARTICLE = [query.replace("<your-subscription-id>", ONE.split("/")[2]) for query in graph_queries.ARTICLE]
QUERIES = [*ARTICLE, *graph_queries.ANSWERED]


@pytest.fixture(scope="module")
def arm():
    with emulated.running(graph_tenant.content()) as cloud:
        yield emulated.Client(cloud)


@pytest.fixture(scope="module")
def parsed():
    """What the parser says of every query, by its text. Table names do not mind case here: the parser is given each."""
    names = {name: name for name in COLUMNS}
    names |= {"Resources": "resources", "ResourceContainers": "resourcecontainers"}
    names |= {"PolicyResources": "policyresources", "SecurityResources": "securityresources"}
    tables = {
        written: {name: KUSTO_TYPES[column.type] for name, column in COLUMNS[table].items()}
        for written, table in names.items()
    }
    queries = [*QUERIES, *graph_queries.REFUSED]
    done = subprocess.run(
        ["node", os.fspath(HERE / "kql_parser.js")],
        input=json.dumps({"tables": tables, "queries": queries}),
        env={**os.environ, "NODE_PATH": os.fspath(Path(os.environ["KQL_NODE"]).absolute() / "node_modules")},
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return dict(zip(queries, json.loads(done.stdout), strict=True))


def ask(arm, query, **options):
    return arm.request("POST", GRAPH, {"query": query, "options": options}, version="2022-10-01")


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_answered_is_a_query_with_the_same_columns(arm, parsed, query):
    verdict = parsed[query]
    assert verdict["complaints"] == []
    columns = ask(arm, query, resultFormat="table").json["data"]["columns"]
    expected = [(name, TYPES.get(kind, kind)) for name, kind in verdict["columns"]]
    assert [(column["name"], column["type"]) for column in columns] == expected


@pytest.mark.parametrize("query", graph_queries.REFUSED)
def test_what_the_parser_refuses_is_refused(arm, parsed, query):
    assert parsed[query]["complaints"] or parsed[query]["columns"] == []
    assert ask(arm, query).status == 400


# --- results -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def computed(arm):
    """The rows of every query by the other engine, or why it has none."""
    tables = {name: everything(arm, name) for name in COLUMNS}
    done = subprocess.run(
        [os.environ["KQL_PYTHON"], os.fspath(HERE / "kql_engine.py")],
        input=json.dumps({"tables": tables, "queries": QUERIES, "dynamic": _dynamic()}),
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return dict(zip(QUERIES, json.loads(done.stdout), strict=True))


def everything(arm, table):
    """All pages of a table."""
    answer = ask(arm, table).json
    rows = answer["data"]
    while "$skipToken" in answer:
        answer = ask(arm, table, **{"$skipToken": answer["$skipToken"]}).json
        rows += answer["data"]
    return rows


def _dynamic():
    return {table: [n for n, c in columns.items() if c.type is Type.DYNAMIC] for table, columns in COLUMNS.items()}


@pytest.mark.parametrize("query", QUERIES)
def test_results_are_those_of_another_engine(arm, computed, query):
    verdict = computed[query]
    if "failure" in verdict:
        pytest.skip(f"the other engine does not run it: {verdict['failure'][:200]}")
    rows = ask(arm, query).json["data"]
    mine = [[plain(value) for value in row.values()] for row in rows]
    theirs = [[plain(value) for value in row] for row in verdict["rows"]]
    assert sorted(mine, key=repr) == sorted(theirs, key=repr)


def plain(value):
    """A value as both write it: instants without digits that say nothing, JSON as text, nothing for null."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return round(float(value), 6)
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    try:
        return plain(json.loads(value)) if value[:1] in '[{"' else value.replace(".0000000Z", "Z")
    except ValueError:
        return value
