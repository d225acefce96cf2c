"""What a plan means to people: which decisions it holds, what they exempt more and less, what stands out."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
import world

from reconciler.model import Category, arm_id
from reconciler.planning.covered import CoveredResources, covered
from reconciler.planning.decisions import Highlight, decisions_of, taken_from

END = datetime(2027, 5, 1, 23, 59, 59, tzinfo=UTC)
ACCOUNT = arm_id(f"{world.RG}/providers/Microsoft.Storage/storageAccounts/stlab002")


def applied(*declarations):
    """What Azure holds after these were applied."""
    return [change.after for change in world.plan(world.snapshot(), *declarations).changes]


def decisions(*declarations, live=(), changed=None, resources=MappingProxyType({})):
    return decisions_of(world.plan(world.snapshot(*live), *declarations), changed, resources)


def effects(decision):
    return decision.exempts_more, decision.exempts_less


def test_a_new_declaration_exempts_more_and_carries_what_a_reviewer_asks():
    (decision,) = decisions(world.declaration("lab", ACCOUNT, expires_on=END, ticket="SEC-1"))
    assert effects(decision) == (True, False)
    assert decision.before is None
    assert decision.after.targets == (ACCOUNT,)
    assert decision.after.expires_on == "2027-05-01T23:59:59Z"
    assert (decision.justification, decision.owner, decision.ticket) == (
        "Because it retires.",
        "data@contoso.example",
        "SEC-1",
    )
    assert decision.resources == CoveredResources(total=1)
    assert decision.highlights == ()


def test_a_wider_scope_is_one_decision_from_here_to_there():
    narrow = world.declaration("lab", ACCOUNT, expires_on=END)
    (decision,) = decisions(replace(narrow, scopes=(world.RG,)), live=applied(narrow))
    assert effects(decision) == (True, False)
    assert (decision.before.targets, decision.after.targets) == ((ACCOUNT,), (world.RG,))


def test_a_narrower_scope_exempts_less():
    wide = world.declaration("lab", world.RG, expires_on=END)
    (decision,) = decisions(replace(wide, scopes=(ACCOUNT,)), live=applied(wide))
    assert effects(decision) == (False, True)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (END, None, (True, False)),
        (END, END.replace(year=2028), (True, False)),
        (None, END, (False, True)),
        (END.replace(year=2028), END, (False, True)),
    ],
)
def test_a_longer_end_exempts_more_and_a_shorter_one_less(before, after, effect):
    old = world.declaration("lab", expires_on=before)
    (decision,) = decisions(replace(old, expires_on=after), live=applied(old))
    assert effects(decision) == effect
    assert (Highlight.NEVER_ENDS in decision.highlights) is (after is None)


def test_other_words_exempt_as_much_as_before_and_nothing_stands_out():
    old = world.declaration("lab")
    (decision,) = decisions(replace(old, justification="Other words."), live=applied(old))
    assert effects(decision) == (False, False)
    assert decision.highlights == ()


def test_a_removed_declaration_ends_and_nothing_stands_out():
    old = world.declaration("lab", world.SUB)
    (decision,) = decisions(live=applied(old))
    assert effects(decision) == (False, True)
    assert decision.after is None
    assert decision.highlights == ()
    assert decision.justification == "Because it retires."


def test_a_renamed_declaration_exempts_as_much_as_before():
    (decision,) = decisions(world.declaration("new"), live=applied(world.declaration("old")))
    assert decision.name == "new"
    assert effects(decision) == (False, False)


@pytest.mark.parametrize(
    ("fields", "highlight"),
    [
        ({"scopes": (world.SUB,)}, Highlight.WHOLE_SUBSCRIPTION),
        ({"scopes": (world.ROOT,)}, Highlight.WHOLE_MANAGEMENT_GROUP),
        ({"category": Category.MITIGATED}, Highlight.MITIGATED),
        ({"expires_on": None}, Highlight.NEVER_ENDS),
    ],
)
def test_what_must_not_be_overlooked_stands_out(fields, highlight):
    (decision,) = decisions(replace(world.declaration("lab", expires_on=END), **fields))
    assert decision.highlights == (highlight,)


def test_a_take_over_stands_out_and_names_whose_it_was():
    theirs = world.live("theirs", metadata={"pacOwnerId": "epac"})
    (decision,) = decisions(world.declaration("lab", expires_on=END, take_over="epac"), live=[theirs])
    assert Highlight.TAKE_OVER in decision.highlights
    assert taken_from(decision) == "epac"


def test_only_what_differs_from_the_base_is_proposed_and_it_comes_first():
    found = decisions(
        world.declaration("a", ACCOUNT), world.declaration("b", world.RG, what="b"), changed=frozenset({"b"})
    )
    assert [(decision.name, decision.is_proposed) for decision in found] == [("b", True), ("a", False)]


def test_resources_are_counted_where_they_are_known():
    declared = world.declaration("lab", world.RG)
    there = {world.RG.key: {"microsoft.storage/storageaccounts": 3, "microsoft.web/sites": 9}}
    assert decisions(declared, resources=there)[0].resources.total == 12
    assert decisions(declared)[0].resources is None


def test_what_lies_in_another_target_is_counted_once_and_evaluated_types_apart():
    group, other, types = world.RG, arm_id(f"{world.RG}-other"), frozenset({"microsoft.web/sites"})
    there = {group.key: {"microsoft.web/sites": 9, "microsoft.storage/storageaccounts": 3}}
    assert covered((group, ACCOUNT), there, types) == CoveredResources(total=12, evaluated=9)
    assert covered((group,), there, frozenset({"microsoft.sql/servers"})) == CoveredResources(total=12)
    assert covered((group, other), there, types) is None, "one that is not counted leaves the sum unknown"
