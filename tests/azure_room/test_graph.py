"""Resource Graph is asked in waves that its quota allows, and whoever gets no answer is told so."""

import json
import threading

import pytest
from interposed import Reply, error
from tenants import tenant

from reconciler.azure import graph
from reconciler.model import arm_id
from reconciler.problems import AzureError

QUERIES = [{"query": f"resources | where name == '{number}' | project id"} for number in range(40)]


class Quota:
    """Resource Graph with `size` queries a window; the window is renewed by whoever waits."""

    def __init__(self, size, told=True, resets="00:00:03"):
        self.size, self.told, self.resets = size, told, resets
        self.left, self.lock, self.waits, self.refused = size, threading.Lock(), [], 0

    def answer(self, seen):
        if seen.path != graph.PATH:
            return None
        with self.lock:
            self.refused += self.left == 0
            self.left = max(0, self.left - 1)
            headers = {"x-ms-user-quota-remaining": str(self.left)}
        if self.resets is not None:
            headers["x-ms-user-quota-resets-after"] = self.resets
        asked = json.loads(seen.body)
        assert asked["options"] == {"resultFormat": "objectArray", "$top": 1000}
        return Reply(200, {"data": [{"id": asked["query"]}]}, headers if self.told else {})

    def wait(self, seconds):
        self.waits.append(seconds)
        self.left = self.size


@pytest.mark.parametrize("size", [11, 15, 20])
def test_no_query_is_sent_that_the_quota_does_not_allow(interrupted, monkeypatch, size):
    quota, done = Quota(size), []
    with interrupted() as (door, azure):
        door.answer = quota.answer
        monkeypatch.setattr(azure.client, "wait", quota.wait)
        found = graph.ask(azure.client, QUERIES, done.append)
    assert [rows[0]["id"] for rows in found] == [query["query"] for query in QUERIES]
    assert quota.refused == 0
    assert quota.waits == [3.0] * ((len(QUERIES) - 1) // size)
    assert done == sorted(done)
    assert done[-1] == len(QUERIES)


@pytest.mark.parametrize(
    ("resets", "waited"),
    [("00:01:40", 60.0), ("01:00:00", 60.0), ("soon", 5.0), ("1:2", 5.0), (None, 5.0), ("00:00:00", None)],
)
def test_a_wait_is_as_long_as_azure_says_but_never_endless(interrupted, monkeypatch, resets, waited):
    quota = Quota(10, resets=resets)
    with interrupted() as (door, azure):
        door.answer = quota.answer
        monkeypatch.setattr(azure.client, "wait", quota.wait)
        graph.ask(azure.client, QUERIES[:20])
    assert quota.waits == ([waited] if waited is not None else [])


def test_without_a_word_on_the_quota_nothing_is_waited_for(interrupted, monkeypatch):
    quota = Quota(15, told=False)
    with interrupted() as (door, azure):
        door.answer = quota.answer
        monkeypatch.setattr(azure.client, "wait", quota.wait)
        assert len(graph.ask(azure.client, QUERIES)) == len(QUERIES)
    assert quota.waits == []


def test_a_query_without_an_answer_leaves_the_others_theirs(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda seen: (
            error(400, "BadRequest") if b"'1'" in seen.body else Reply(200, {"data": [{"id": "x"}]})
        )
        found = graph.ask(azure.client, QUERIES[:3])
    assert [isinstance(each, AzureError) for each in found] == [False, True, False]


@pytest.mark.parametrize("data", [None, {"columns": [], "rows": []}, "text", [None, 1]])
def test_an_answer_in_another_form_shows_nothing(interrupted, data):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(200, {"data": data})
        assert graph.ask(azure.client, QUERIES[:1]) == [[]]


def test_the_rows_of_a_query_are_read_to_the_last_page_and_for_all_subscriptions(interrupted, monkeypatch):
    """A query names at most a thousand subscriptions, and the quota is waited for between pages, not after the last."""
    asked, waits = [], []

    def answer(seen):
        body = json.loads(seen.body)
        asked.append((len(body["subscriptions"]), body["options"].pop("$skipToken", "")))
        assert (body["query"], body["options"]) == ("resources", {"resultFormat": "objectArray", "$top": 1000})
        page = {"data": [{"id": f"{body['subscriptions'][0]} {len(asked)}"}]}
        following = {"": "two", "two": "three", "three": "three"}[asked[-1][1]]
        headers = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": f"00:00:0{len(asked)}"}
        return Reply(200, {**page, "$skipToken": following} if len(body["subscriptions"]) > 1 else page, headers)

    subscriptions = [arm_id(f"/subscriptions/{number}") for number in range(1001)]
    with interrupted() as (door, azure):
        door.answer = answer
        monkeypatch.setattr(azure.client, "wait", waits.append)
        rows = graph.rows(azure.client, "resources", subscriptions)
    assert asked == [(1000, ""), (1000, "two"), (1000, "three"), (1, "")]
    assert [row["id"] for row in rows] == ["0 1", "0 2", "0 3", "1000 4"]
    assert waits == [1.0, 2.0]


def test_about_no_subscription_nobody_is_asked(connected):
    with connected() as (cloud, azure):
        before = len(cloud.requests)
        assert graph.rows(azure.client, "resources | order by id asc", []) == []
        assert graph.ask(azure.client, []) == []
        assert len(cloud.requests) == before


@pytest.mark.parametrize(
    ("text", "literal"), [("plain", "'plain'"), ("o'brien", r"'o\'brien'"), ("a\\", r"'a\\'"), ("\\'", r"'\\\''")]
)
def test_a_text_stays_one_string_of_the_query_language(text, literal):
    assert graph.literal(text) == literal


def test_the_embedded_azures_quota_refuses_none(connected):
    sixteen = [{"query": "resources | count"}] * 16
    with connected(tenant(faultInjection={"throttling": True})) as (cloud, azure):
        found = graph.ask(azure.client, sixteen)
        assert [one.status for one in cloud.requests if one.method == "POST"] == [200] * 16
    assert not any(isinstance(each, AzureError) for each in found)
