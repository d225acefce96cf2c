import dataclasses
import re

import pytest
import samples

from reconciler.codes import RuleCode
from reconciler.model import Source, arm_id
from reconciler.planning.values import Reason, Refusal
from reconciler.problems import Problem
from reconciler.reports.context import Pipeline
from reconciler.reports.markdown import LIMIT
from reconciler.reports.plan_markdown import MARKER


def above_of(plan, **fields):
    return samples.comment_of(plan, samples.NAMES, **fields).partition("<details>")[0]


def test_the_whole_comment(golden):
    golden("plan.md", samples.comment_of(samples.full_plan(), samples.NAMES))


def test_an_empty_plan_is_a_marker_a_sentence_and_the_counts():
    assert samples.comment_of(samples.plan(())) == (
        f"{MARKER}\n### No changes. Azure matches the declarations.\n\n"
        "Plan for `3f2c1abd9e0f`, 2 scopes: 0 to create, 0 to update, 0 to delete (41 unchanged, 3 not ours).\n"
    )


def test_the_verdict_comes_first_then_a_line_a_decision_then_what_stands_in_the_way():
    text = samples.comment_of(samples.full_plan(), samples.NAMES)
    above, _, below = text.partition("<details>")
    assert above.splitlines()[1].startswith(
        "### Refused: 3 decisions exempt more, until `2027-01-31` (in 72 days) at the latest; "
    )
    parts = ["Could not be read", "- **more** `sandbox-all`", "- **changes** `web-public-ip`", "- **ends** `old-batch`",
             "**In total 5 decisions:**", "**Held at 1 place: nothing", "**Refused: nothing is written (1)**"]  # fmt: skip
    assert sorted(parts, key=above.index) == parts
    assert "\n! web-public-ip-77aa  sub Payments" in below
    assert "\n- old-batch-9f9f  rg rg-batch" in below
    assert text.rstrip().splitlines()[-1].endswith(f"Digest `{samples.full_plan().digest}`")


def test_a_name_is_a_link_to_its_line_where_files_have_an_address():
    url = "https://github.com/contoso/exemptions/blob/3f2c/{file}#L{line}"
    odd = samples.change(None, samples.exemption(), declaration="sql tde](x)", line=4)
    text = samples.comment_of(samples.plan((odd,)), file_url=url)
    assert (
        "[`sql tde](x)`](https://github.com/contoso/exemptions/blob/3f2c/exemptions/data/sql%20tde%5D%28x%29.yaml#L4)"
        in text
    )


def many(number):
    return [
        samples.change(None, samples.exemption(f"n{n:05}", expires_on="2027-01-31T23:59:59Z"), declaration=f"d{n:05}")
        for n in range(number)
    ]


@pytest.mark.parametrize("number", [1, 100, 180, 1000, 5000])
def test_the_comment_fits_and_says_how_many_are_left(number):
    text = samples.comment_of(samples.plan(many(number), findings=samples.findings()), samples.NAMES)
    assert len(text.encode()) <= LIMIT
    above, _, below = text.partition("<details>")
    assert above.count("\n- **more** ") == min(number, 20)
    further = len(re.findall(r"^\+ d\d{5}", below, re.MULTILINE))
    objects = len(re.findall(r"^\+ n\d{5}", below, re.MULTILINE))
    for shown, total in ((further, max(number - 20, 0)), (objects, number)):
        assert (f"\n{total - shown:,} more in the artifact.\n" in text) is (shown < total)
    assert text.count("```") == 2 * text.count("<details>")
    assert text.count("<details>") == text.count("</details>")
    assert "expires in 9 days" in text
    assert objects > 50 or objects == number


def test_decisions_too_long_for_a_comment_are_counted():
    deletes = [
        samples.change(samples.exemption(f"n{n}", description="@x " * 170), None, Reason.REMOVED, f"gone-{n}")
        for n in range(500)
    ]
    text = samples.comment_of(samples.plan(deletes))
    listed = text.count("\n- **ends**")
    assert 5 < listed <= 20
    assert f"- and {500 - listed} more\n" in text.partition("<details>")[0]
    assert len(text.encode()) <= LIMIT


def test_an_exemption_too_large_for_any_comment_is_left_to_the_artifact():
    references = tuple(f"{n}" + "ü" * 30_000 for n in range(3))
    text = samples.comment_of(samples.plan([samples.change(None, samples.exemption(reference_ids=references))]))
    assert "1 more in the artifact." in text
    assert len(text.encode()) <= LIMIT


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scope": samples.PAYMENTS}, "a whole subscription"),
        ({"scope": samples.GROUP}, "a whole management group"),
        ({"expires_on": ""}, "never ends"),
        ({"category": "mitigated"}, "says that the risk is resolved elsewhere"),
    ],
)
def test_what_must_not_be_overlooked_stands_out_and_a_delete_need_not(fields, said):
    marked = samples.exemption(**fields)
    marked = dataclasses.replace(marked, metadata=samples.MARKS)
    assert f"<br>⚠️ **{said}**<br>" in above_of(samples.plan([samples.change(None, marked)]))
    assert "⚠️" not in above_of(samples.plan([samples.change(marked, None, Reason.REMOVED)]))


def test_a_wider_place_says_from_where_to_where_and_what_it_replaces():
    group = f"{samples.PAYMENTS}/resourceGroups/rg-lab"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stlab002"
    initiatives = [
        f"{samples.GROUP}/providers/Microsoft.Authorization/policyAssignments/a{number}" for number in range(3)
    ]

    def at(scope, initiative):
        metadata = {**samples.MARKS, "declaration": "lab", "target": scope}
        return samples.exemption(f"lab-{scope[-3:]}", scope, initiative, metadata=metadata)

    changes = [samples.change(at(account, initiative), None, Reason.REMOVED, "lab") for initiative in initiatives]
    changes += [samples.change(None, at(group, initiative), declaration="lab") for initiative in initiatives]
    above = above_of(samples.plan(changes))
    assert "### 1 decision exempts more, until `2027-01-31` (in 72 days)." in above
    assert "`stlab002` → `rg-lab`, in 3 initiatives, replaces 3" in above


def test_a_longer_end_and_another_category_say_from_what_to_what():
    before = samples.exemption(expires_on="2027-05-01T23:59:59Z")
    after = dataclasses.replace(before, expires_on="", category="Mitigated")
    above = above_of(samples.plan([samples.change(before, after, Reason.EDITED, widens=("expiry",))]))
    assert "Risk accepted (Waiver) → Resolved through 3rd party (Mitigated), ends `2027-05-01` → `never`," in above


def test_only_what_the_change_brings_is_told_as_its_own():
    text = samples.comment_of(samples.plan(), samples.NAMES, changed=frozenset({"sandbox-all"}))
    above, _, below = text.partition("<details>")
    assert above.count("\n- **") == 1
    assert "Not part of this change: 6 exemptions of other decisions that the next apply writes as well (4)" in below
    assert "web-public-ip" not in above


def test_warnings_for_the_changed_files_are_told():
    problem = Problem(
        source=Source("exemptions/a.yaml", 3, 1),
        code=RuleCode.SCOPE_TYPE,
        message="odd @team",
        remedy="look",
    )
    assert "**Warnings for the changed files (1)**\n\n- `exemptions/a.yaml:3`: `odd \\x40team`; `look`\n" in above_of(
        samples.plan(()), warnings=(problem,)
    )


def test_a_refusal_says_what_to_click():
    refusal = Refusal(rule="adoptions", message="12 adoptions, over the limit of 10", remedy="--allow-adoptions 12")
    plan = samples.plan((), refusals=(refusal,))
    assert "; `rerun with --allow-adoptions 12 to accept exactly this`" in above_of(plan)
    clicks = {
        Pipeline.GITHUB: "Actions, workflow 'apply', Run workflow, allow-adoptions: 12",
        Pipeline.AZURE_DEVOPS: "Pipelines, the pipeline of apply.yml, Run pipeline, 'Accept exactly this many adoptions': 12",
        Pipeline.GITLAB: "Build, Pipelines, New pipeline on main, ALLOW_ADOPTIONS: 12",
    }
    for pipeline, click in clicks.items():
        assert f"; `to accept exactly this, once it is merged: {click}`" in above_of(plan, pipeline=pipeline)


def test_what_is_held_is_told_once_a_cause():
    cells = tuple(
        dataclasses.replace(
            samples.held(), declaration=f"d{number:02}", assignment=arm_id(f"{samples.GROUP}/x/{number}")
        )
        for number in range(400)
    )
    above = above_of(samples.plan((), held=cells))
    assert "**Held at 400 places: nothing of it is deleted or shrunk**" in above
    assert "- **foreign-owner** `d00`, `d01`, `d02` and 397 more at 400 places: `" in above
