"""The checker over worlds with both kinds of object: it proves every plan of ours, and refutes each mutation of one."""

import random as randomness
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES, LAW
from laws.scenarios import scenarios
from verification.mutations import carried_out
from verification.raw import case
from verification.standard_mutations import MUTATIONS, mutated

from reconciler.verification import verify

MIXED = scenarios(mixed=True)


@LAW
@given(MIXED)
def test_every_plan_of_both_kinds_is_proven(scenario):
    documents = case(replace(scenario, only=None))
    assert verify(**documents) == []
    carried_out(documents)
    assert verify(**documents) == []


@LAW
@given(MIXED, st.integers(0, 2**32))
def test_every_mutation_of_a_standard_assignment_is_refuted(scenario, seed):
    for found in mutated(replace(scenario, only=None), randomness.Random(seed)):
        assert verify(**found.documents), f"{found.name} is accepted"


def test_each_mutation_finds_worlds_with_room_for_it():
    missing = set(MUTATIONS)

    @settings(LAW, max_examples=max(EXAMPLES, 400))
    @given(MIXED, st.integers(0, 2**32))
    def search(scenario, seed):
        if missing:
            missing.difference_update(
                found.name for found in mutated(replace(scenario, only=None), randomness.Random(seed))
            )

    search()
    assert not missing
