import dataclasses
import re
from datetime import UTC, datetime

import pytest
import samples

from reconciler.model import ResourceSelector, Selector, SystemData, Unread, arm_id
from reconciler.planning.values import Finding, FindingKind, Reason, Refusal, Widening
from reconciler.reports.lines import Style
from reconciler.reports.plan_markdown import plan_markdown
from reconciler.reports.plan_text import plan_lines, plan_text

ALICE = SystemData(
    created_by="alice@contoso.example", created_by_type="User", created_at=datetime(2025, 3, 1, tzinfo=UTC)
)


def text_of(*changes, **fields):
    return plan_text(samples.plan(changes, **fields), samples.NAMES)


def test_the_whole_plan(golden):
    golden("plan.txt", plan_text(samples.full_plan(), samples.NAMES))


def test_a_plan_without_display_names_shows_whole_ids(golden):
    golden("plan-without-names.txt", plan_text(samples.plan()))


def test_colour_is_a_matter_of_spans_and_text_is_their_sum():
    plan = samples.full_plan()
    lines = list(plan_lines(plan, samples.NAMES))
    assert "\n".join("".join(span.text for span in line).rstrip() for line in lines) + "\n" == plan_text(
        plan, samples.NAMES
    )
    styles = {span.style for line in lines for span in line}
    assert {Style.CREATE, Style.UPDATE, Style.DELETE, Style.WIDENS, Style.ERROR, Style.WARNING, Style.NAME} <= styles


def test_an_empty_plan_says_so_in_a_sentence():
    assert text_of() == "No changes. Azure matches the declarations (41 unchanged, 3 not ours).\n"


def test_an_empty_plan_does_not_claim_what_it_cannot_know():
    unread = Unread(scope=arm_id(samples.SANDBOX), what="exemptions", message="no right", remedy="grant Reader")
    assert text_of(unread=(unread,)).startswith("No changes in what could be read, but not everything could be (")
    assert text_of(held=(samples.held(),)).startswith(
        "No changes, but not everything can be decided now (41 unchanged, 3 not ours, 1 held)"
    )


def test_what_exempts_more_comes_first_and_is_named():
    text = plan_text(samples.full_plan())
    names = re.findall(r"^  [+~-] \w+  (\S+)", text, re.MULTILINE)
    assert names[:2] == ["sandbox-all", "web-public-ip"]
    assert text.index("Exempts more than before (2)") < text.index("sandbox-all") < text.index("Other changes (5)")
    assert "exempts more: expiry, references" in text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.FAN_OUT, "because this was assigned after the declaration was written"),
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
        assert f"            {said}\n" in text_of(done)
    assert f"`{said}`" in plan_markdown(samples.plan((samples.change(before, None, Reason.DUPLICATE),)))


def test_ours_under_another_name_is_named_too():
    before = samples.exemption("made-by-hand")
    assert "            exemption made-by-hand\n" in text_of(samples.change(before, None, Reason.EXPIRED))
    assert "exemption " not in text_of(samples.change(samples.exemption(), None, Reason.EXPIRED)).split("because")[0]


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
        assert f"            {said}" in text_of(done)
    assert "covers a whole subscription, as far as its resource selectors choose\n" in text_of(
        samples.change(None, broad)
    )
    assert said in plan_markdown(samples.plan((samples.change(None, broad),))).split("<details>")[0]


def test_selectors_that_change_are_told_in_words_and_whole_where_words_are_the_same():
    west = Selector(kind="resourceLocation", values=("westeurope",))
    one, renamed, other = (
        samples.exemption(selectors=(ResourceSelector(name, (part,)),))
        for name, part in (("a", west), ("b", west), ("a", dataclasses.replace(west, negated=True)))
    )
    said = "resourceSelectors  resourceLocation in westeurope -> "
    assert f"{said}resourceLocation not in westeurope\n" in text_of(samples.change(one, other, Reason.EDITED))
    assert f"{said}(none)\n" in text_of(samples.change(one, samples.exemption(), Reason.EDITED))
    assert '"name": "b"' in text_of(samples.change(one, renamed, Reason.EDITED))


def test_no_changes_are_no_match_where_declarations_exempt_nothing():
    idle = Finding(
        kind=FindingKind.UNCOVERED,
        subject=arm_id(samples.SQL),
        message="nothing",
        declaration="a",
    )
    assert plan_text(samples.plan((), findings=(idle, idle))).startswith(
        "No changes, but 1 declaration exempts nothing at some target ("
    )


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
        ("", "never expires"),
        ("2026-11-20T23:59:59Z", "expires 2026-11-20 (today)"),
        ("2026-11-20T08:00:00Z", "expired 2026-11-20T08:00:00Z (today)"),
        ("2026-11-21T23:59:59Z", "expires 2026-11-21 (in 1 day)"),
        ("2026-11-19T23:59:59Z", "expired 2026-11-19 (1 day ago)"),
        ("2027-11-20T23:59:59.1234567Z", "expires 2027-11-20T23:59:59.1234567Z (in 365 days)"),
        ("some day", "expires some day"),
    ],
)
def test_expiry_is_said_as_people_count_days(expiry, said):
    assert f"            Waiver, {said}\n" in text_of(samples.change(None, samples.exemption(expires_on=expiry)))


def test_an_update_shows_identity_even_where_it_is_unchanged():
    before = samples.exemption()
    text = text_of(samples.change(before, dataclasses.replace(before, description="New words"), Reason.EDITED))
    for identity in ("legacy-sql-tde", "servers/legacy-sql in rg rg-data", "asb-baseline", "Waiver", "2027-01-31"):
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
    assert text_of(change, dirty=True).startswith(
        "Plan for 3f2c1abd9e0f with uncommitted changes, 2 scopes: 1 to create, "
    )
    assert text_of(change, revision=None).startswith("Plan, 2 scopes: 1 to create, 0 to update, 0 to delete (")


def test_a_declaration_says_once_what_its_exemptions_share():
    other = samples.exemption("legacy-2", assignment=samples.NIST, reference_ids=("guid",))
    fewer = samples.exemption("z-last", assignment=samples.NIST, expires_on="", reference_ids=("x",))
    text = text_of(*(samples.change(None, each) for each in (samples.exemption(), other, fewer)))
    assert text.count("  + create  legacy-sql-tde  servers/legacy-sql in rg rg-data") == 3
    assert text.count('"Transparent data encryption should be on"') == 1
    assert text.count("exemptions/data/legacy-sql-tde.yaml:1") == 1
    assert text.count("Waiver, expires 2027-01-31") == 1
    assert text.count("Waiver, never expires") == 1
    assert text.count("), 1 policy: ") == 3


def test_what_exempts_more_is_said_for_each_and_every_change():
    both = [samples.change(None, samples.exemption(f"n{n}"), widens=(Widening.SCOPE,)) for n in range(2)]
    assert text_of(*both).count("exempts more: scope") == 2


def test_a_delete_says_everything_though_another_said_it_before():
    both = [samples.change(samples.exemption(f"n{n}"), None, Reason.REMOVED) for n in range(2)]
    assert text_of(*both).count("because its declaration was removed") == 2


@pytest.mark.parametrize(
    ("scope", "said"),
    [(samples.PAYMENTS, "covers a whole subscription"), (samples.GROUP, "covers a whole management group")],
)
def test_a_create_that_covers_much_says_so_and_a_delete_need_not(scope, said):
    broad = samples.exemption(scope=scope)
    assert f"            {said}\n" in text_of(samples.change(None, broad))
    assert "covers a whole" not in text_of(samples.change(broad, None, Reason.EXPIRED))
    assert "covers a whole" not in text_of(
        samples.change(None, samples.exemption(scope=f"{samples.PAYMENTS}/resourceGroups/rg"))
    )
