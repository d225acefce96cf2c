"""`exempt status --score`: the score with exemptions and without, and what became of an earlier estimate."""

import json
from pathlib import Path

import emulated
import jsonschema
import pytest
import repositories
from repositories import BENCHMARK, NIST, ROOT, subscription

ONE = subscription(1)
TDE = "651967bf-044e-4bde-8376-3e08e0600105"
DAY = 86_400
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "score.schema.json").read_text(encoding="utf-8"))


def database(number):
    return f"{ONE}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d{number}"


def tenant(**more):
    codes = enumerate(["Unhealthy", "Unhealthy", "Healthy"], 1)
    found = [
        {
            "id": f"{database(number)}/providers/Microsoft.Security/assessments/{TDE}",
            "properties": {"status": {"code": code}},
        }
        for number, code in codes
    ]
    assigned = [repositories.assignment(ROOT, "mcsb", BENCHMARK), repositories.assignment(ONE, "nist", NIST)]
    return repositories.tenant(*assigned, assessments=found, **more)


@pytest.fixture
def repository(tmp_path):
    declared = {"name": "tde", "recommendation": TDE, "scopes": [database(1)], "category": "Mitigated"}
    return repositories.write(tmp_path, [declared])


def test_an_estimate_is_compared_with_what_happened(repository):
    with emulated.running(tenant()) as cloud:

        def status(*arguments):
            done = emulated.exempt(cloud, "status", "--score", "plan.json", *arguments, cwd=repository, check=(0,))
            return done.stdout

        emulated.exempt(cloud, "plan", "--out", "plan.json", cwd=repository, check=(0,))
        emulated.exempt(cloud, "apply", "plan.json", "--yes", cwd=repository, check=(0,))
        waiting = json.loads(status("--format", "json"))
        cloud.tenant.clock.advance(DAY + 60)
        settled = json.loads(status("--format", "json", "--out", "score.json"))
        text, markdown = status(), status("--format", "markdown")
        alone = emulated.exempt(cloud, "status", "--score", cwd=repository, check=(0,)).stdout
        narrowed = json.loads(status("--format", "json", "--scope", ONE))
    assert [row["id"] for row in narrowed["subscriptions"]] == [ONE]
    for document in (waiting, settled, json.loads((repository / "score.json").read_text(encoding="utf-8"))):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
    (before,), (after,) = (document["estimate"]["subscriptions"] for document in (waiting, settled))
    assert (before["outcome"], after["outcome"]) == ("unchanged", "as estimated")
    row = next(row for row in settled["subscriptions"] if row["id"] == ONE)
    assert (row["reported"]["current"], row["raw"]["current"], row["exempt"]) == (2.0, 1.33, 1)
    assert waiting["total"] == {"reported": 0.3325, "raw": 0.3325}
    assert "Secure score 50.00 % over 2 subscriptions; 33.25 % without exemptions (1 finding)." in text
    assert "33.25 % → 50.00 %, at most 66.75 %\n    now 50.00 %: as estimated\n" in text
    assert "`sub Sub 1 00000000…0001`: 33.25 % → 50.00 %, at most 66.75 %; now 50.00 %: as estimated" in markdown
    assert "estimated" not in alone
    assert "   50.00 %     33.25 %       1  sub Sub 1 00000000…0001\n" in alone


def test_a_plan_without_an_estimate_and_options_of_the_other_report_are_refused(repository):
    with emulated.running(tenant()) as cloud:
        emulated.exempt(cloud, "snapshot", "--out", "snapshot.json", cwd=repository, check=(0,))
        emulated.exempt(cloud, "plan", "--snapshot", "snapshot.json", "--out", "old.json", cwd=repository, check=(0,))
        done = emulated.exempt(cloud, "status", "--score", "old.json", cwd=repository, check=(1,))
        assert "old.json holds no estimate of the secure score" in done.stderr
        assert "exempt plan --out FILE" in done.stderr
        done = emulated.exempt(cloud, "status", "--score", "--unneeded", cwd=repository, check=(1,))
        assert "--score is a report of its own" in done.stderr
        done = emulated.exempt(cloud, "status", "--score", "none.json", cwd=repository, check=(1,))
        assert done.stderr == (
            "error: there is no plan 'none.json'\n"
            "help: save one before the change is applied, with: exempt plan --out FILE\n"
        )


def unread(plan):
    """Defender refused when the plan was made."""
    plan["score"] = {"unread": {"message": "Forbidden", "remedy": ""}}


def of_another_tenant(plan):
    plan["tenantId"] = "00000000-0000-4000-8000-00000000000f"


def without_figures(plan):
    plan["score"]["subscriptions"][0]["now"]["current"] = "much"


def with_a_truth(plan):
    plan["score"]["subscriptions"][0]["upper"]["current"] = True


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (unread, ["plan.json holds no estimate of the secure score", "help: save one before the change is applied"]),
        (of_another_tenant, ["plan.json is of tenant 00000000-", "help: name another plan\n"]),
        (without_figures, ["a number is expected"]),
        (with_a_truth, ["a number is expected"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_estimate_that_is_none_is_refused(repository, edit, says):
    with emulated.running(tenant()) as cloud:
        emulated.exempt(cloud, "plan", "--out", "plan.json", cwd=repository, check=(0,))
        plan = json.loads((repository / "plan.json").read_text(encoding="utf-8"))
        edit(plan)
        (repository / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        done = emulated.exempt(cloud, "status", "--score", "plan.json", cwd=repository, check=(1,))
    assert done.stdout == ""
    for text in says:
        assert text in done.stderr
