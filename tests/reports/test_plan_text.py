import dataclasses
import re
from datetime import UTC, datetime

import pytest
import samples

from reconciler.kinds import FindingKind
from reconciler.model import ResourceSelector, Selector, SystemData, Unread, arm_id
from reconciler.planning.values import Finding, Reason, Refusal, Widening
from reconciler.reports.context import ReportContext
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_text import plan_lines
from reconciler.reports.styled import Style

ALICE = SystemData(
    created_by="alice@contoso.example", created_by_type="User", created_at=datetime(2025, 3, 1, tzinfo=UTC)
)


def text_of(*changes, **fields):
    return samples.text_of(samples.plan(changes, **fields), samples.NAMES)


def test_the_whole_plan(golden):
    golden("plan.txt", samples.text_of(samples.full_plan(), samples.NAMES))


def test_a_plan_without_display_names_shows_whole_ids(golden):
    golden("plan-without-names.txt", samples.text_of(samples.plan()))


def test_colour_is_a_matter_of_spans_and_text_is_their_sum():
    lines = list(plan_lines(plan_report(samples.full_plan()), ReportContext(names=samples.NAMES)))
    text = samples.text_of(samples.full_plan(), samples.NAMES)
    assert "\n".join("".join(span.text for span in line).rstrip() for line in lines) + "\n" == text
    styles = {span.style for line in lines for span in line}
    assert {Style.CREATE, Style.UPDATE, Style.DELETE, Style.WIDENS, Style.ERROR, Style.WARNING, Style.NAME} <= styles


def test_an_empty_plan_says_so_in_a_sentence_and_ends_with_the_counts():
    counts = "Plan for 3f2c1abd9e0f, 2 scopes: 0 to create, 0 to update, 0 to delete (41 unchanged, 3 not ours)"
    assert text_of() == f"No changes. Azure matches the declarations.\n\n{counts}\n"


def test_an_empty_plan_does_not_claim_what_it_cannot_know():
    unread = Unread(scope=arm_id(samples.SANDBOX), what="exemptions", message="no right", remedy="grant Reader")
    assert text_of(unread=(unread,)).startswith("No changes in what could be read; not everything could be read.\n")
    text = text_of(held=(samples.held(),))
    assert text.startswith("No changes in what can be decided now; 1 declaration is held.\n")
    assert text.endswith("(41 unchanged, 3 not ours, 1 held)\n")


def test_what_could_not_be_read_is_the_cause_and_comes_first():
    text = samples.text_of(samples.full_plan())
    parts = [
        "Could not be read",
        "web-public-ip",
        "Held at 1 place",
        "\nRefused: ",
        "Worth knowing about these decisions (1)",
        "Other findings (1)",
        "Digest ",
        "Plan for ",
    ]
    assert sorted(parts, key=text.index) == parts


def test_what_exempts_more_comes_first():
    names = re.findall(r"^  [+~-] \w+ +(\S+)", samples.text_of(samples.full_plan()), re.MULTILINE)
    assert names == ["legacy-sql-tde", "sandbox-all", "web-public-ip", "old-batch", "web-adopted"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.FAN_OUT, "because its assignment or initiative is newer than the last run"),
        (Reason.RECREATE, "because it is missing, although its declaration was applied before"),
        (Reason.REVERT, "because it is no longer what its declaration, applied before, asks for"),
        (Reason.NARROW, "narrowed to what no other exemption covers"),
        (Reason.EXPIRED, "because its declaration has expired"),
        (Reason.ORPHAN, "because it exempts nothing any more"),
        (Reason.UNMANAGED, "because no declaration asks for it and unmanaged exemptions are to be deleted"),
        (Reason.REMOVED, "because its declaration was removed"),
        (Reason.DUPLICATE, "because another exemption exempts the same"),
        (Reason.ADOPT, "adopts an exemption made outside this repository"),
        (Reason.TAKE_OVER, "takes over from the owner contoso/exemptions"),
    ],
)
def test_every_reason_is_said_in_words(reason, said):
    assert f"            {said}\n" in text_of(samples.change(samples.exemption(), None, reason))


def test_every_reason_has_words_but_those_that_explain_themselves():
    silent = {
        reason for reason in Reason if "because" not in text_of(samples.change(samples.exemption(), None, reason))
    }
    others = {Reason.ADOPT, Reason.TAKE_OVER, Reason.NARROW, Reason.RENAME}
    assert silent == {Reason.DECLARED, Reason.EDITED, *others}


def test_an_update_that_follows_its_initiative_accuses_no_date():
    text = text_of(samples.change(samples.exemption(), samples.exemption(reference_ids=("newA",)), Reason.FAN_OUT))
    assert "because its initiative has other reference ids for it than when it was written\n" in text
    assert "newer than the last run" not in text


def test_a_removal_says_which_edit_it_follows_from():
    why = "its declaration is disabled"
    assert f"because {why}\n" in text_of(samples.change(samples.exemption(), None, Reason.REMOVED, why=why))


def test_a_revert_names_the_revision_that_it_restores():
    before = samples.exemption(
        metadata={**samples.MARKS, "revision": "3f2c1abd9e0f4c5b", "declaration": "legacy-sql-tde"}
    )
    text = text_of(samples.change(before, samples.exemption(), Reason.REVERT))
    assert "because it is no longer what revision 3f2c1abd9e0f asks for\n" in text


def test_another_mark_says_what_the_object_stands_for_and_what_it_stood_for():
    before = samples.exemption(metadata={**samples.MARKS, "declaration": "old-name"})
    text = text_of(samples.change(before, samples.exemption(), Reason.RENAME))
    assert "now stands for declaration 'legacy-sql-tde' (was 'old-name')\n" in text


def test_another_owner_says_whose_it_was():
    before = samples.exemption(
        metadata={"managedBy": "exempt", "owner": "contoso/old", "declaration": "legacy-sql-tde"}
    )
    text = text_of(samples.change(before, samples.exemption(), Reason.RENAME))
    assert "now belongs to owner 'contoso/exemptions' (was 'contoso/old')\n" in text


def test_a_duplicate_names_what_stays():
    keeper = samples.exemption("the-keeper")
    text = text_of(samples.change(samples.exemption(), None, Reason.DUPLICATE, relies_on=(keeper,)))
    assert "because the-keeper exempts the same" in text


def test_a_duplicate_is_not_said_to_be_exempt_by_one_that_holds_a_part_of_it():
    before = samples.exemption(reference_ids=("a", "b"))
    keepers = tuple(samples.exemption(f"keeper-{each}", reference_ids=(each,)) for each in "ab")
    assert "because keeper-a takes its place\n" in text_of(
        samples.change(before, None, Reason.DUPLICATE, relies_on=keepers[:1])
    )
    assert "because keeper-a and keeper-b take its place\n" in text_of(
        samples.change(before, None, Reason.DUPLICATE, relies_on=keepers)
    )


@pytest.mark.parametrize(
    ("fields", "whose"),
    [
        ({"metadata": {}, "system": ALICE}, "made by alice@contoso.example (User) on 2025-03-01"),
        ({"metadata": {"pacOwnerId": "epac-prod"}}, "marked by owner 'epac-prod'"),
        ({"metadata": {"managedBy": "exempt", "owner": "contoso/other"}}, "marked by owner 'contoso/other'"),
        ({"metadata": {}}, "made outside this repository"),
    ],
)
def test_what_is_not_ours_is_named_with_whose_it_is(fields, whose):
    before = samples.exemption("legacy-sql-tde-by-hand", reference_ids=("a", "b"), **fields)
    after = dataclasses.replace(before, reference_ids=("b",))
    for done in (samples.change(before, after, Reason.NARROW), samples.change(before, None, Reason.DUPLICATE)):
        said = f"exemption legacy-sql-tde-by-hand, {whose}"
        assert said in text_of(done)
        assert f"`{said}`" in samples.comment_of(samples.plan((done,))).partition("<details>")[0]


def test_ours_under_another_name_is_named_too():
    before = samples.exemption("made-by-hand")
    assert ", exemption made-by-hand\n" in text_of(samples.change(before, None, Reason.EXPIRED))
    assert ", exemption " not in text_of(samples.change(samples.exemption(), None, Reason.EXPIRED))


def test_resource_selectors_are_shown_wherever_they_narrow_a_change():
    west = Selector(kind="resourceLocation", values=("westeurope", "northeurope"))
    selectors = (
        ResourceSelector("a", (west, Selector(kind="resourceType", values=("x",), negated=True))),
        ResourceSelector("b", (west,)),
    )
    said = "only resourceLocation in westeurope, northeurope and resourceType not in x, or resourceLocation in"
    broad = samples.exemption(scope=samples.PAYMENTS, selectors=selectors)
    for done in (
        samples.change(None, broad),
        samples.change(broad, None, Reason.EXPIRED),
        samples.change(broad, broad),
    ):
        assert said in text_of(done)
    assert said in samples.comment_of(samples.plan((samples.change(None, broad),))).partition("<details>")[0]


def test_selectors_that_change_are_told_in_words_and_whole_where_words_are_the_same():
    west = Selector(kind="resourceLocation", values=("westeurope",))
    one, renamed, other = (
        samples.exemption(selectors=(ResourceSelector(name, (part,)),))
        for name, part in (("a", west), ("b", west), ("a", dataclasses.replace(west, negated=True)))
    )
    said = ", only resourceLocation in westeurope → "
    assert f"{said}only resourceLocation not in westeurope\n" in text_of(samples.change(one, other, Reason.EDITED))
    assert f"{said}all of it\n" in text_of(samples.change(one, samples.exemption(), Reason.EDITED))
    assert '"name": "b"' in text_of(samples.change(one, renamed, Reason.EDITED))


def test_no_changes_are_no_match_where_declarations_exempt_nothing():
    idle = Finding(
        kind=FindingKind.UNCOVERED,
        subject=arm_id(samples.SQL),
        message="nothing",
        declaration="a",
    )
    assert text_of(findings=(idle, idle)).startswith("No changes, but 1 declaration exempts nothing at some target.\n")


def test_an_adoption_says_whose_work_it_is_and_leaves_our_marks_out():
    before = samples.exemption(metadata={}, system=SystemData(created_by="bob@contoso.example", created_by_type="User"))
    text = text_of(samples.change(before, samples.exemption(), Reason.ADOPT))
    assert "adopts what bob@contoso.example made\n" in text
    assert "managedBy" not in text


def test_a_take_over_names_the_former_owner():
    before = samples.exemption(metadata={"pacOwnerId": "epac-prod"})
    assert "takes over from the owner epac-prod" in text_of(
        samples.change(before, samples.exemption(), Reason.TAKE_OVER)
    )


@pytest.mark.parametrize(
    ("expiry", "said"),
    [
        ("", "never ends"),
        ("2026-11-20T23:59:59Z", "until 2026-11-20 (today)"),
        ("2026-11-21T23:59:59Z", "until 2026-11-21 (in 1 day)"),
        ("2027-11-20T23:59:59.1234567Z", "until 2027-11-20T23:59:59.1234567Z (in 365 days)"),
        ("some day", "until some day"),
    ],
)
def test_an_end_is_told_as_people_count_days(expiry, said):
    text = text_of(samples.change(None, samples.exemption(expires_on=expiry)))
    assert f"            Risk accepted (Waiver), {said}, in 1 initiative\n" in text


@pytest.mark.parametrize(
    ("expiry", "said"),
    [("2026-11-20T08:00:00Z", "ended 2026-11-20T08:00:00Z (today)"), ("2026-11-19T23:59:59Z", "ended 2026-11-19 (1 day ago)"),
     ("2026-11-30T23:59:59Z", "was to end 2026-11-30 (in 10 days)")],
)  # fmt: skip
def test_a_delete_says_when_it_ended_or_was_to_end(expiry, said):
    assert f", {said}" in text_of(samples.change(samples.exemption(expires_on=expiry), None, Reason.REMOVED))


def test_an_update_shows_identity_even_where_it_is_unchanged():
    before = samples.exemption()
    text = text_of(samples.change(before, dataclasses.replace(before, description="New words"), Reason.EDITED))
    for identity in ("legacy-sql-tde", "servers/legacy-sql in rg rg-data", "asb-baseline", "(Waiver)", "2027-01-31"):
        assert identity in text
    assert "justification  Server retires with project Lyra in January 2027. -> New words\n" in text


def test_an_update_between_the_whole_assignment_and_some_of_it_is_plain():
    before = samples.exemption(reference_ids=())
    text = text_of(samples.change(before, samples.exemption(), Reason.NARROW))
    assert 'policies  (the whole assignment) -> ["sqlTransparentDataEncryption"]' in text


def test_a_value_beyond_azures_limits_is_cut_and_says_so():
    before = samples.exemption()
    text = text_of(
        samples.change(before, dataclasses.replace(before, metadata={**before.metadata, "note": "x" * 5000}))
    )
    assert "x" * 600 + "… (4400 characters more)" in text
    assert "x" * 601 not in text


def test_other_recommendations_on_the_same_policy_are_named():
    assert "also exempts: One; Two\n" in text_of(samples.change(None, samples.exemption(), also_exempts=("One", "Two")))


def test_a_refusal_prints_the_option_that_accepts_exactly_this():
    refusal = Refusal(rule="deletes", message="11 deletes are over the limit of 10.", remedy="--allow-deletes 11")
    assert (
        "Refused: 11 deletes are over the limit of 10; rerun with --allow-deletes 11 to accept exactly this\n"
        in text_of(samples.change(None, samples.exemption()), refusals=(refusal,))
    )
    assert "Refused: nothing is declared\n" in text_of(
        refusals=(Refusal(rule="empty", message="nothing is declared", remedy=""),)
    )


def test_uncommitted_changes_are_noted():
    change = samples.change(None, samples.exemption())
    assert "\nPlan for 3f2c1abd9e0f with uncommitted changes, 2 scopes: 1 to create, " in text_of(change, dirty=True)
    assert "\nPlan, 2 scopes: 1 to create, 0 to update, 0 to delete (" in text_of(change, revision=None)


def test_a_declaration_is_told_once_whatever_it_comes_to():
    initiatives = [
        f"{samples.GROUP}/providers/Microsoft.Authorization/policyAssignments/a{number}" for number in range(6)
    ]
    creates = [
        samples.change(None, samples.exemption(f"legacy-sql-tde-{number}", assignment=initiative))
        for number, initiative in enumerate(initiatives)
    ]
    text = text_of(*creates)
    assert text.count("legacy-sql-tde  servers/legacy-sql in rg rg-data") == 1
    assert "Risk accepted (Waiver), until 2027-01-31 (in 72 days), in 6 initiatives\n" in text
    assert text.count("+ create ") == 4
    assert "and 2 more exemptions, listed by --verbose\n" in text


def test_what_exempts_more_names_the_respects():
    changes = [samples.change(None, samples.exemption("n1"), widens=(Widening.SCOPE,)),
               samples.change(samples.exemption("n2"), samples.exemption("n2"), widens=(Widening.EXPIRY, Widening.SCOPE))]  # fmt: skip
    assert "exempts more than before by its expiry, scope\n" in text_of(*changes)


def test_what_is_held_is_told_once_a_cause():
    cells = [
        dataclasses.replace(
            samples.held(), declaration=f"d{number:02}", assignment=arm_id(f"{samples.GROUP}/x/{place}")
        )
        for number in range(20)
        for place in range(20)
    ]
    text = text_of(held=tuple(cells))
    assert "Held at 400 places: nothing of it is deleted or shrunk\n" in text
    assert "! foreign-owner  d00, d01, d02 and 17 more at 400 places\n" in text
    assert text.count(samples.held().message) == text.count(samples.held().remedy) == 1


def test_what_belongs_to_another_change_is_told_in_short():
    plan = samples.plan()
    text = samples.text_of(plan, changed=frozenset({"sandbox-all"}))
    assert text.startswith("1 decision exempts more, until 2027-01-31 (in 72 days).\n")
    assert "Not part of this change (4 decisions, 6 exemptions): the next apply brings it as well\n" in text
    assert "web-public-ip  sub" in text
    assert "justification: " not in text.partition("Not part of this change")[2]
    assert samples.text_of(plan, changed=frozenset()).startswith("This change alters nothing in Azure.\n")


def test_ten_thousand_decisions_are_told_in_a_thousand_lines():
    changes = [
        samples.change(None, samples.exemption(f"n{number}"), declaration=f"d{number:05}") for number in range(10_000)
    ]
    text = text_of(*changes)
    assert text.count("justification: ") == 100
    assert "9,900 more decisions, a line each\n" in text
    assert "and 8,900 more decisions, listed by --format json\n" in text
    assert "In total 10,000 decisions: " in text
