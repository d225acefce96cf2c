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
from reconciler.reports.context import ReportContext
from reconciler.reports.markdown import LIMIT
from reconciler.reports.outcomes import Ending, outcome_report
from reconciler.reports.outcomes_json import outcomes_json
from reconciler.reports.outcomes_markdown import outcomes_markdown
from reconciler.reports.outcomes_text import outcomes_text

SCHEMA = json.loads(schema_path("outcome").read_text(encoding="utf-8"))


def made_run(**fields):
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
    return report(plan, made)


def report(plan, outcomes):
    return outcome_report(summarise(plan, outcomes), plan)


def all_as(status, **fields):
    plan = samples.plan()
    return report(plan, [Outcome(change=change, status=status, **fields) for change in plan.changes])


FULL = made_run(held=(samples.held(),), unread=samples.full_plan().unread)
NAMED = ReportContext(names=samples.NAMES)


def test_every_form_of_a_run(golden):
    golden("outcomes.txt", outcomes_text(FULL, NAMED))
    golden("outcomes.md", outcomes_markdown(FULL, NAMED))
    golden("outcomes.json", outcomes_json(FULL, 1, "0.1.0"))


def test_the_json_form_is_what_the_schema_says():
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA, registry=Registry())
    for run in (FULL, all_as(Status.DONE), report(samples.plan(()), []), report(samples.full_plan(), [])):
        document = json.loads(outcomes_json(run, of_run(run.summary.verdict)))
        validator.validate(document)
        assert set(document) == set(SCHEMA["properties"])
        assert set(SCHEMA["properties"]) - set(SCHEMA["required"]) == {"decisions"}, "what 1.1 had is still valid"
    assert set(SCHEMA["$defs"]["decision"]["properties"]["ending"]["enum"]) == {*Ending}
    assert set(SCHEMA["properties"]["verdict"]["enum"]) == {*Verdict} - {Verdict.INVALID, Verdict.CHANGES}
    assert set(SCHEMA["$defs"]["outcome"]["properties"]["status"]["enum"]) == {status.value for status in Status}
    assert set(SCHEMA["$defs"]["outcome"]["properties"]["cause"]["enum"]) == {
        None,
        *(cause.value for cause in HeldCause),
    }


@pytest.mark.parametrize(
    ("run", "code", "said"),
    [
        (all_as(Status.DONE), 0, "Done: 5 decisions; 7 exemptions written."),
        (all_as(Status.UNCHANGED), 0, "Done: 5 decisions; 7 exemptions already so."),
        (report(samples.plan(()), []), 0, "Nothing to do."),
        (
            all_as(Status.AWAITING),
            2,
            "Done, but for what awaits approval: 0 of 5 decisions done; 7 exemptions awaiting approval; 3 wanted exemptions are not there.",
        ),
        (
            all_as(Status.FAILED),
            1,
            "Incomplete: 0 of 5 decisions done; 7 exemptions failed; 3 wanted exemptions are not there.",
        ),
        (FULL, 1, "Incomplete: 2 of 5 decisions done, 1 in part; 2 exemptions written, 1 already so, "),
        (
            report(samples.full_plan(), refused_outcomes(samples.full_plan().changes)),
            1,
            "Refused, nothing was written: 0 of 5 decisions done; 7 exemptions skipped, 1 held, 1 unread; 3 wanted exemptions are not there.",
        ),
        (
            all_as(Status.SKIPPED, cut_short=True),
            130,
            "Interrupted; the next run finishes the work: 0 of 5 decisions done; 7 exemptions skipped; ",
        ),
    ],
)
def test_the_verdict_is_said_last_and_follows_the_exit_code(run, code, said):
    assert of_run(run.summary.verdict) == code
    assert outcomes_text(run).splitlines()[-1].startswith(said)
    assert json.loads(outcomes_json(run, code))["exitCode"] == code
    assert outcomes_markdown(run).splitlines()[1].startswith(f"### {said}")


def test_what_was_not_written_stands_above_the_fold_with_cause_and_remedy():
    above = outcomes_markdown(FULL, NAMED).partition("<details>")[0]
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


def many_decisions(number, status, message=""):
    changes = [
        samples.change(None, samples.exemption(f"n{n}", metadata={**samples.MARKS, "declaration": f"d{n}"}), declaration=f"d{n}")
        for n in range(number)
    ]  # fmt: skip
    plan = samples.plan(changes)
    return report(plan, [Outcome(change=change, status=status, message=message) for change in plan.changes])


def test_a_long_run_keeps_within_githubs_limit():
    text = outcomes_markdown(many_decisions(2000, Status.DONE), NAMED)
    assert len(text.encode()) <= LIMIT
    assert text.count("; 1 exemption created\n") > 150
    assert " more in the artifact." in text


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_after_a_hundred_decisions_each_has_a_line_and_what_failed_is_named(status):
    rows = outcomes_text(many_decisions(105, status, "Conflict"), NAMED).splitlines()
    assert sum(row.startswith("  + more    d") for row in rows) == 100
    assert sum(row.startswith("  + d") for row in rows) == 5
    named = {row.split()[2].rstrip(":") for row in rows if row.startswith("            failed    create n")}
    assert named == ({f"n{n}" for n in range(105)} if status is Status.FAILED else set())
    assert sum("Conflict" in row for row in rows) == (105 if status is Status.FAILED else 0)


def test_what_stopped_several_exemptions_of_a_decision_is_said_once():
    text = outcomes_text(all_as(Status.SKIPPED, message="stopped", remedy="start again"), NAMED)
    block = text.partition("  + more    legacy-sql-tde ")[2].partition("\n\n")[0]
    assert block.count("            skipped   ") == 3
    assert (block.count("stopped"), block.count("start again")) == (1, 1)


def test_every_exemption_is_listed_on_request_alone():
    names = {outcome.change.exemption.name for outcome in all_as(Status.DONE).summary.outcomes}
    short, long = (
        outcomes_text(all_as(Status.DONE), ReportContext(names=samples.NAMES, verbose=verbose))
        for verbose in (False, True)
    )
    assert not [name for name in names if f" {name} " in short]
    assert not [name for name in names if f" {name} " not in long]
    assert set(short.splitlines()) <= set(long.splitlines())


def test_every_outcome_is_told_with_some_decision():
    for run in (FULL, all_as(Status.DONE), many_decisions(3, Status.FAILED)):
        told = {id(outcome) for item in run.decisions for outcome in item.outcomes}
        assert told == {id(outcome) for outcome in run.summary.outcomes}
        assert {item.ending for item in run.done} <= {Ending.DONE}
