"""What a run came to: the verdict that text, JSON and exit code read, and its JSON form."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from azure_in_memory import TENANT, create
from jsonschema import Draft202012Validator

from reconciler.applying.outcomes import Outcome, Summary, refused_outcomes, summarise
from reconciler.cli.exits import of_run
from reconciler.kinds import HeldCause
from reconciler.model import Status, Unread, Verdict, arm_id
from reconciler.package_data import schema_path
from reconciler.planning.values import Held, Plan, Refusal
from reconciler.reports.outcomes import outcome_report
from reconciler.reports.outcomes_json import outcomes_json

SCOPE = arm_id("/subscriptions/11111111-1111-1111-1111-111111111111")
UNREAD = "unread"


def outcome(status, cause=None, name="one"):
    return Outcome(
        change=create(name), status=status, message="why", remedy="what to do", cause=cause, correlation="correlation"
    )


def held(cause):
    return Held(
        declaration="one",
        scope=SCOPE,
        assignment=None,
        reference_ids=("tls",),
        cause=cause,
        message="why",
        remedy="what",
    )


@pytest.mark.parametrize(
    ("summary", "code"),
    [
        (Summary(outcomes=()), 0),
        (Summary(outcomes=(outcome(Status.DONE), outcome(Status.UNCHANGED))), 0),
        (Summary(outcomes=(outcome(Status.FAILED),)), 1),
        (Summary(outcomes=(outcome(Status.SKIPPED),)), 1),
        (Summary(outcomes=(outcome(Status.HELD, HeldCause.CONFLICT),)), 1),
        (Summary(outcomes=(outcome(Status.HELD, HeldCause.RESOURCE_GONE),)), 0),
        (Summary(outcomes=(outcome(Status.HELD, HeldCause.ASSIGNMENT_GONE),)), 0),
        (Summary(outcomes=(outcome(Status.AWAITING),)), 2),
        (Summary(outcomes=(outcome(Status.AWAITING), outcome(Status.FAILED))), 1),
        (Summary(outcomes=(outcome(Status.AWAITING), outcome(Status.HELD, HeldCause.RESOURCE_GONE))), 2),
        (Summary(outcomes=(), held=(held(HeldCause.FOREIGN_OWNER),)), 1),
        (Summary(outcomes=(), held=(held(HeldCause.ASSIGNMENT_GONE),)), 0),
        (Summary(outcomes=(), refusals=(Refusal(rule="deletes", message="too many", remedy="--allow-deletes 12"),)), 1),
        (Summary(outcomes=(), unread=(UNREAD,)), 1),
        (Summary(outcomes=(outcome(Status.DONE), replace(outcome(Status.SKIPPED), cut_short=True))), 130),
    ],
)
def test_the_exit_code_follows_from_the_verdict(summary, code):
    assert of_run(summary.verdict) == code


@pytest.mark.parametrize(
    ("summary", "completed"),
    [
        (Summary(outcomes=(), revision="abc"), True),
        (Summary(outcomes=(outcome(Status.DONE), outcome(Status.UNCHANGED)), revision="abc"), True),
        (Summary(outcomes=(outcome(Status.DONE),)), False),
        (Summary(outcomes=(outcome(Status.AWAITING),), revision="abc"), False),
        (Summary(outcomes=(outcome(Status.FAILED),), revision="abc"), False),
        (Summary(outcomes=(outcome(Status.SKIPPED),), revision="abc"), False),
        (Summary(outcomes=(outcome(Status.HELD, HeldCause.RESOURCE_GONE),), revision="abc"), False),
        (Summary(outcomes=(), revision="abc", held=(held(HeldCause.ASSIGNMENT_GONE),)), False),
        (Summary(outcomes=(), revision="abc", unread=(UNREAD,)), False),
        (Summary(outcomes=(), revision="abc", refusals=(Refusal(rule="deletes", message="too many"),)), False),
    ],
)
def test_a_revision_is_completed_only_with_nothing_left_out(summary, completed):
    assert summary.completed is completed


def test_every_pair_of_endings_has_the_exit_code_of_the_worse():
    codes = {
        status: of_run(
            Summary(outcomes=(outcome(status, HeldCause.UNREAD if status is Status.HELD else None),)).verdict
        )
        for status in Status
    }
    for one, two in product(Status, Status):
        both = Summary(outcomes=tuple(outcome(s, HeldCause.UNREAD if s is Status.HELD else None) for s in (one, two)))
        expected = 1 if 1 in {codes[one], codes[two]} else max(codes[one], codes[two])
        assert of_run(both.verdict) == expected


def test_only_a_missing_create_leaves_something_uncovered():
    assert outcome(Status.FAILED).leaves_uncovered
    assert not outcome(Status.UNCHANGED).leaves_uncovered


def test_what_the_plan_could_not_do_or_read_and_when_it_was_read_is_in_the_summary():
    plan = Plan(
        tenant_id=TENANT, owner="contoso", scopes=(SCOPE,), revision="a1b2c3d", taken_at=datetime(2026, 11, 20, tzinfo=UTC), changes=(), unchanged=(), foreign=(), held=(held(HeldCause.UNREAD),),
        findings=(), refusals=(Refusal(rule="deletes", message="too many", remedy="--allow-deletes 12"),),
        unread=(Unread(scope=SCOPE, what="exemptions", message="403", remedy="grant Reader"),), digest="0" * 64,
    )  # fmt: skip
    summary = summarise(plan, refused_outcomes([create("one")]))
    assert (summary.revision, summary.held, summary.refusals, summary.unread, summary.taken_at) == (
        "a1b2c3d", plan.held, plan.refusals, plan.unread, plan.taken_at,
    )  # fmt: skip
    assert summarise(replace(plan, dirty=True), ()).revision is None
    (refused,) = summary.outcomes
    assert (refused.status, refused.message) == (
        Status.SKIPPED,
        "not written: the run was refused before its first write",
    )


def test_the_json_form_satisfies_its_schema():
    plan = Plan(
        tenant_id=TENANT, owner="contoso", scopes=(SCOPE,), revision=None, taken_at=datetime(2026, 11, 20, tzinfo=UTC), changes=(), unchanged=(), foreign=(), held=(held(HeldCause.UNREAD),),
        findings=(), refusals=(Refusal(rule="deletes", message="too many", remedy="--allow-deletes 12"),), unread=(), digest="0" * 64,
    )  # fmt: skip
    ended = [outcome(status, name=f"n-{number}") for number, status in enumerate(reversed(Status))]
    ended.append(outcome(Status.HELD, HeldCause.CONFLICT, "last"))
    summary = summarise(plan, ended)
    document = json.loads(outcomes_json(outcome_report(summary, None), of_run(summary.verdict)))
    schema = json.loads(schema_path("outcome").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    assert document["verdict"] == Verdict.REFUSED
    assert document["exitCode"] == 1
    assert sum(document["summary"].values()) == len(document["outcomes"]) == len(ended)
    names = [found["key"]["name"] for found in document["outcomes"]]
    assert names == sorted(names)
