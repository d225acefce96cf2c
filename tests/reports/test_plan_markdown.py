import re

import pytest
import samples

from reconciler.planning.values import Reason
from reconciler.reports.markdown import LIMIT
from reconciler.reports.plan_markdown import MARKER, plan_markdown


def test_the_whole_comment(golden):
    golden("plan.md", plan_markdown(samples.full_plan(), samples.NAMES))


def test_an_empty_plan_is_a_marker_and_a_sentence():
    assert (
        plan_markdown(samples.plan(()))
        == f"{MARKER}\n### No changes. Azure matches the declarations (41 unchanged, 3 not ours).\n"
    )


def test_widening_and_deleting_stand_above_the_fold():
    above, _, below = plan_markdown(samples.full_plan(), samples.NAMES).partition("<details>")
    assert above.startswith(MARKER + "\n")
    for said in ("3 to create, 2 to update, 2 to delete", "`sandbox-all` (**scope**)", "`web-public-ip` (**expiry, references**)",
                 "`old-batch` (*removed*)", "--allow-deletes 2", "payments-legacy", "AuthorizationFailed"):  # fmt: skip
        assert said in above
    assert "\n+ create  legacy-sql-tde" in below
    assert "\n! update  web-public-ip" in below
    assert "\n- delete  old-batch" in below


def many(number):
    return [
        samples.change(None, samples.exemption(f"n{n:05}", expires_on="2027-01-31T23:59:59Z"), declaration=f"d{n:05}")
        for n in range(number)
    ]


@pytest.mark.parametrize("number", [1, 100, 180, 1000])
def test_the_comment_is_cut_between_changes_and_says_how_many_are_left(number):
    text = plan_markdown(samples.plan(many(number), findings=samples.findings()), samples.NAMES)
    assert len(text.encode()) <= LIMIT
    shown = len(re.findall(r"^\+ create  d\d{5}", text, re.MULTILINE))
    last = text.rpartition("+ create  ")[2]
    assert last.split("\n")[4].startswith("          exemptions/data/d")  # the last one shown is whole
    left = number - shown
    assert (f"\n{left} more in the artifact.\n" in text) is bool(left)
    assert text.count("```") == 4
    assert text.count("<details>") == text.count("</details>") == 2
    assert "expires in 9 days" in text
    assert shown > 100 or left == 0


def test_a_long_list_above_the_fold_is_cut_too():
    deletes = [
        samples.change(samples.exemption(f"n{n}", description="x" * 512), None, Reason.REMOVED, f"gone-{n}")
        for n in range(500)
    ]
    text = plan_markdown(samples.plan(deletes))
    above = text.partition("<details>")[0]
    listed = above.count("\n- delete")
    assert 5 < listed <= 20
    assert f"- and {500 - listed} more\n" in above
    assert len(text.encode()) <= LIMIT


def test_a_change_too_large_for_any_comment_is_left_to_the_artifact():
    before = samples.exemption()
    metadata = {f"key-{n}": "ü" * 600 for n in range(200)}
    text = plan_markdown(samples.plan([samples.change(before, samples.exemption(metadata=metadata))]))
    assert "1 more in the artifact." in text
    assert len(text.encode()) <= LIMIT


def test_a_create_that_covers_much_stands_above_the_fold():
    broad = samples.change(None, samples.exemption(scope=samples.PAYMENTS))
    above = plan_markdown(samples.plan([broad, samples.change(None, samples.exemption())])).partition("<details>")[0]
    assert "**Covers a whole subscription or management group (1)**" in above
    assert above.count("\n- create `legacy-sql-tde`") == 1
