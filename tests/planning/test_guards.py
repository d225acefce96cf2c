"""What stops a run before its first write, at which number exactly, and which option accepts it."""

from dataclasses import replace

import pytest
from planning.world import RG, SETTINGS, SUB, declaration, live, ours, plan, snapshot

from reconciler.model import Limits, arm_id
from reconciler.planning.allowances import Allowances


def group(number):
    return arm_id(f"{SUB}/resourceGroups/rg-{number}")


def owned(count, mark="gone"):
    """So many of ours, of a declaration that is absent."""
    return [ours(f"o{number}", mark, target=group(number)) for number in range(count)]


def stopped(lives, *declarations, allowed=None, **limits):
    settings = replace(SETTINGS, limits=Limits(**limits))
    done = plan(snapshot(*lives), *declarations, settings=settings, allowed=allowed or Allowances())
    return [(refusal.rule, refusal.remedy) for refusal in done.refusals]


OTHER = declaration("other", what="c", enabled=False)


@pytest.mark.parametrize(("count", "rules"), [(10, []), (11, ["deletes"])])
def test_ten_deletes_are_the_limit(count, rules):
    lives = [*owned(count), *(ours(f"k{n}", "kept", target=group(100 + n)) for n in range(60))]
    kept = declaration("kept", *(group(100 + n) for n in range(60)))
    found = stopped(lives, kept)
    assert [rule for rule, _ in found] == rules
    assert [accept for _, accept in found] == [f"--allow-deletes {count}"] * len(rules)


def test_the_limit_is_a_setting():
    assert stopped(owned(2), OTHER, deletes=1) == [("deletes", "--allow-deletes 2")]
    assert stopped(owned(2), OTHER, deletes=2) == []


@pytest.mark.parametrize(("going", "staying", "rules"), [
    (3, 6, []), (3, 7, ["deletes-percent"]), (3, 9, []), (2, 8, []), (4, 10, ["deletes-percent"]),
])  # fmt: skip
def test_a_quarter_of_at_least_ten_is_the_other_limit(going, staying, rules):
    lives = [*owned(going), *(ours(f"k{n}", "kept", target=group(100 + n)) for n in range(staying))]
    kept = declaration("kept", *(group(100 + n) for n in range(staying)))
    assert [rule for rule, _ in stopped(lives, kept)] == rules


def test_the_percentage_is_a_setting_and_says_the_share():
    settings = replace(SETTINGS, limits=Limits(deletes_percent=20))
    lives = [*owned(3), *(ours(f"k{n}", "kept", target=group(100 + n)) for n in range(9))]
    done = plan(snapshot(*lives), declaration("kept", *(group(100 + n) for n in range(9))), settings=settings)
    assert (
        done.refusals[0].message
        == "3 deletes (25 % of the 12 exemptions this repository owns), over the limit of 20 % (limits.deletesPercent)"
    )
    assert done.refusals[0].remedy == "--allow-deletes 3"


def test_the_number_counts_before_the_percentage():
    assert [rule for rule, _ in stopped(owned(11), OTHER)] == ["deletes"]


@pytest.mark.parametrize(("ceiling", "rules"), [(10, ["deletes"]), (11, []), (12, []), (0, ["deletes"])])
def test_allow_deletes_is_a_ceiling_that_replaces_both(ceiling, rules):
    assert [rule for rule, _ in stopped(owned(11), OTHER, allowed=Allowances(deletes=ceiling))] == rules


def test_no_declarations_at_all_stops_even_one_delete():
    assert stopped(owned(1)) == [("no-declarations", "--allow-deletes 1")]
    assert stopped(owned(1), allowed=Allowances(deletes=1)) == []
    assert stopped(owned(2), allowed=Allowances(deletes=1)) == [("deletes", "--allow-deletes 2")]
    assert stopped([]) == []
    assert stopped(owned(1), OTHER) == []


def test_creates_have_a_limit_only_where_one_is_set():
    many = declaration("one", *(group(n) for n in range(30)))
    assert stopped([], many) == []
    assert stopped([], many, creates=29) == [("creates", "--allow-creates 30")]
    assert stopped([], many, creates=30) == []
    assert stopped([], many, creates=1, allowed=Allowances(creates=30)) == []
    assert stopped([], many, allowed=Allowances(creates=29)) == [("creates", "--allow-creates 30")]


def test_adoptions_count_take_overs_too():
    lives = live("p"), live("f", group(1), metadata={"pacOwnerId": "epac"})
    both = declaration("one", RG, group(1), take_over="epac")
    assert stopped(lives, both) == []
    assert stopped(lives, both, adoptions=1) == [("adoptions", "--allow-adoptions 2")]
    assert stopped(lives, both, adoptions=2) == []
    assert stopped(lives, both, adoptions=0, allowed=Allowances(adoptions=2)) == []
    assert stopped(lives, both, allowed=Allowances(adoptions=0)) == [("adoptions", "--allow-adoptions 2")]


def test_duplicates_count_as_deletes_and_updates_do_not():
    lives = [live(f"p{n}") for n in range(13)]
    assert stopped(lives, declaration("one")) == [("deletes", "--allow-deletes 12")]


def test_what_is_said_counts_right():
    one = plan(snapshot(*owned(1)))
    assert (
        one.refusals[0].message
        == "there is no declaration at all, so everything this repository owns would go (1 delete)"
    )
    eleven = plan(snapshot(*owned(11)), OTHER)
    assert eleven.refusals[0].message == "11 deletes, over the limit of 10 (limits.deletes)"
    allowed = plan(snapshot(*owned(11)), OTHER, allowed=Allowances(deletes=2))
    assert allowed.refusals[0].message == "11 deletes, over the 2 of --allow-deletes"
    strict = plan(snapshot(live("w", references=())), allowed=Allowances(strict=True))
    assert strict.refusals[0].message == (
        "beside 1 exemption of a whole assignment declared ones make no difference, and --strict is set: remove it, or "
        "run without --strict"
    )
    assert strict.refusals[0].remedy == ""  # no option accepts it


def test_the_other_guards_say_the_number_and_the_limit():
    many = declaration("one", *(group(n) for n in range(30)))
    creates = plan(snapshot(), many, allowed=Allowances(creates=29)).refusals[0]
    assert creates.message == "30 creates, over the limit of 29 (--allow-creates)"
    adoptions = plan(snapshot(live("p")), declaration("one"), allowed=Allowances(adoptions=0)).refusals[0]
    assert adoptions.message == "1 adoption, over the limit of 0 (--allow-adoptions)"
