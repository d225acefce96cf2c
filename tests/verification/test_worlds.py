"""The checker over generated worlds: it proves every plan of ours, and refutes each semantic mutation of one."""

import random as randomness
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES, LAW
from laws.scenarios import scenarios
from verification.mutations import MUTATIONS, bare_without_a_wait, carried_out, mutated
from verification.raw import case

from reconciler.verification import verify


@LAW
@given(scenarios())
def test_every_plan_of_ours_is_proven(scenario):
    """That of a run which is narrowed to a scope too."""
    assert verify(**case(scenario)) == []


@LAW
@given(scenarios(), st.integers(0, 2**32))
def test_every_mutation_is_refuted(scenario, seed):
    for found in mutated(replace(scenario, only=None), randomness.Random(seed)):
        assert verify(**found.documents), f"{found.name} is accepted"


def test_each_mutation_finds_worlds_with_room_for_it():
    """A mutation that no world has room for proves nothing."""
    missing = set(MUTATIONS)

    @settings(LAW, max_examples=max(EXAMPLES, 400))
    @given(scenarios(), st.integers(0, 2**32))
    def search(scenario, seed):
        if missing:
            missing.difference_update(
                found.name for found in mutated(replace(scenario, only=None), randomness.Random(seed))
            )

    search()
    assert not missing


@LAW
@given(scenarios(), st.randoms(use_true_random=False))
def test_what_differs_in_nothing_that_counts_is_proven(scenario, random):
    """Another order, other letters in ids, and what a run really did."""
    arguments = case(replace(scenario, only=None))
    plan = arguments["plan"]
    random.shuffle(plan["changes"])
    for change in plan["changes"]:
        change["key"] = {name: text if name == "name" else text.swapcase() for name, text in change["key"].items()}
        if change["after"] and change["after"].get("policyDefinitionReferenceIds"):
            random.shuffle(change["after"]["policyDefinitionReferenceIds"])
    for name in ("policyExemptions", "policyAssignments", "hierarchy"):
        random.shuffle(arguments["snapshot"][name])
    random.shuffle(arguments["declarations"])
    carried_out(arguments)
    arguments["approved"] = plan
    assert verify(**arguments) == []


@LAW
@given(scenarios(), st.randoms(use_true_random=False))
def test_a_dropped_wait_is_refuted_where_something_could_be_bare(scenario, random):
    scenario = replace(scenario, only=None)
    plan = scenario.plan()
    waiting = [(change.id.key, awaited) for change in plan.changes for awaited in change.waits_for]
    if not waiting:
        return
    key, awaited = random.choice(waiting)
    if not bare_without_a_wait(scenario, plan, key, awaited):
        return
    arguments = case(scenario)
    for change in arguments["plan"]["changes"]:
        change["waitsFor"] = [name for name in change.get("waitsFor") or () if name.lower() != awaited]
    assert "never bare" in {violation.rule for violation in verify(**arguments)}


@LAW
@given(scenarios())
def test_without_its_waits_a_plan_is_refuted_or_needed_none(scenario):
    """Every order is allowed then: what the checker still accepts is bare after no single write in the worst of them."""
    scenario = replace(scenario, only=None)
    arguments = case(scenario)
    for change in arguments["plan"]["changes"]:
        change["waitsFor"] = []
    if any(violation.rule == "never bare" for violation in verify(**arguments)):
        return
    precious = scenario.exempt() & scenario.wanted()
    live = {exemption.id.key: exemption for exemption in scenario.live}
    reducing_first = sorted(scenario.plan().changes, key=lambda change: (change.before is None, change.id.key))
    for change in reducing_first:
        if change.after is None:
            live.pop(change.id.key, None)
        else:
            live[change.id.key] = change.after
        assert precious <= scenario.exempt(live.values())
