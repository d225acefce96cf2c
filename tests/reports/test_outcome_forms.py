import json

import pytest
import samples
from jsonschema import Draft202012Validator
from referencing import Registry

from reconciler.applying.outcomes import Outcome, refused_outcomes, summarise
from reconciler.cli.exits import of_run
from reconciler.kinds import HeldCause
from reconciler.model import Status, Verdict
from reconciler.package_data import schema_path
from reconciler.reports.markdown import LIMIT
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.outcomes_markdown import outcomes_markdown
from reconciler.reports.outcomes_text import outcomes_text

SCHEMA = json.loads(schema_path("outcome").read_text(encoding="utf-8"))


def run(**fields):
    plan = samples.plan(**fields)
    statuses = (
        (Status.DONE, "", "", None, ""),
        (Status.FAILED, "AuthorizationFailed: the client has no right to write policy exemptions",
         "grant the writer role at the subscription", None, "8f6c7b1e-0000-4000-8000-123456789abc"),
        (Status.DONE, "", "", None, ""),
        (Status.SKIPPED, "it was changed since the plan was made", "plan again", None, ""),
        (Status.UNCHANGED, "", "", None, ""),
        (Status.HELD, "the resource group is gone", "remove the scope from the declaration", HeldCause.RESOURCE_GONE, ""),
        (Status.AWAITING, "the approved plan does not hold it", "approve the new plan", None, ""),
    )  # fmt: skip
    made = [
        Outcome(change=change, status=status, message=message, remedy=remedy, cause=cause, correlation=correlation)
        for change, (status, message, remedy, cause, correlation) in zip(plan.changes, statuses, strict=True)
    ]
    return summarise(plan, made)


def all_as(status, **fields):
    plan = samples.plan()
    return summarise(plan, [Outcome(change=change, status=status, **fields) for change in plan.changes])


FULL = run(held=(samples.held(),), unread=samples.full_plan().unread)


def test_every_form_of_a_run(golden):
    golden("outcomes.txt", outcomes_text(FULL, samples.NAMES))
    golden("outcomes.md", outcomes_markdown(FULL, samples.NAMES))
    golden("outcomes.json", outcomes_json(FULL, 1, "0.1.0"))


def test_the_json_form_is_what_the_schema_says():
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA, registry=Registry())
    for summary in (FULL, all_as(Status.DONE), summarise(samples.plan(()), []), summarise(samples.full_plan(), [])):
        document = json.loads(outcomes_json(summary, of_run(summary.verdict)))
        validator.validate(document)
        assert set(document) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    assert set(SCHEMA["properties"]["verdict"]["enum"]) == {*Verdict} - {Verdict.INVALID, Verdict.CHANGES}
    assert set(SCHEMA["$defs"]["outcome"]["properties"]["status"]["enum"]) == {status.value for status in Status}
    assert set(SCHEMA["$defs"]["outcome"]["properties"]["cause"]["enum"]) == {
        None,
        *(cause.value for cause in HeldCause),
    }


@pytest.mark.parametrize(
    ("summary", "code", "said"),
    [
        (all_as(Status.DONE), 0, "Done: 7 written."),
        (all_as(Status.UNCHANGED), 0, "Done: 7 already so."),
        (summarise(samples.plan(()), []), 0, "Nothing to do."),
        (
            all_as(Status.AWAITING),
            2,
            "Done, but for what awaits approval: 7 awaiting approval; 3 wanted exemptions are not there.",
        ),
        (all_as(Status.FAILED), 1, "Incomplete: 7 failed; 3 wanted exemptions are not there."),
        (FULL, 1, "Incomplete: "),
        (
            summarise(samples.full_plan(), refused_outcomes(samples.full_plan().changes)),
            1,
            "Refused, nothing was written: 7 skipped, 1 held, 1 unread; 3 wanted exemptions are not there.",
        ),
        (all_as(Status.SKIPPED, cut_short=True), 130, "Interrupted; the next run finishes the work: 7 skipped; "),
    ],
)
def test_the_verdict_is_said_last_and_follows_the_exit_code(summary, code, said):
    assert of_run(summary.verdict) == code
    assert outcomes_text(summary).splitlines()[-1].startswith(said)
    assert json.loads(outcomes_json(summary, of_run(summary.verdict)))["exitCode"] == code
    assert outcomes_markdown(summary).splitlines()[1].startswith(f"### {said}")


def test_what_was_not_written_stands_above_the_fold_with_cause_and_remedy():
    above = outcomes_markdown(FULL, samples.NAMES).partition("<details>")[0]
    for said in (
        "**failed** ",
        "AuthorizationFailed",
        "grant the writer role",
        "8f6c7b1e",
        "**skipped** ",
        "**held** ",
        "**awaiting approval** ",
    ):
        assert said in above
    assert "**done**" not in above


def test_a_long_run_keeps_within_githubs_limit():
    changes = [samples.change(None, samples.exemption(f"n{n}")) for n in range(2000)]
    plan = samples.plan(changes)
    text = outcomes_markdown(
        summarise(plan, [Outcome(change=change, status=Status.DONE) for change in plan.changes]), samples.NAMES
    )
    assert len(text.encode()) <= LIMIT
    assert text.count("\ncreated") > 150
    assert " more in the artifact." in text
