"""Ancestors inferred from what lists inherit: never one that is not above, never a circle, in order where it matters."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tenants import GROUP, subscription

from reconciler.azure.hierarchy import Hierarchy, infer_ancestors
from reconciler.azure.raw_snapshot import ScopeNode
from reconciler.model import arm_id


@st.composite
def trees(draw):
    """Parents of groups (each earlier in the list), the group of each subscription, and the groups with assignments."""
    groups = draw(st.integers(1, 7))
    parents = [None] + [draw(st.integers(0, number - 1)) for number in range(1, groups)]
    places = draw(st.lists(st.integers(0, groups - 1), min_size=1, max_size=5))
    visible = draw(st.sets(st.integers(0, groups - 1)))
    return parents, places, visible


def chain_of(parents, group):
    chain = []
    while group is not None:
        chain.append(group)
        group = parents[group]
    return chain


def group_id(number):
    return arm_id(f"{GROUP}g{number}")


@given(trees())
def test_each_root_gets_exactly_the_groups_it_inherits_from(tree):
    parents, places, visible = tree
    roots = [arm_id(subscription(number)) for number in range(len(places))]
    inherited = {
        root.key: [
            arm_id(f"{group_id(group)}/providers/Microsoft.Authorization/policyAssignments/a")
            for group in chain_of(parents, place)
            if group in visible
        ]
        + [arm_id(f"{root}/providers/Microsoft.Authorization/policyAssignments/own")]
        for root, place in zip(roots, places, strict=True)
    }
    found = infer_ancestors(Hierarchy(nodes={root.key: ScopeNode(id=root, expected=True) for root in roots}), inherited)
    for root, place in zip(roots, places, strict=True):
        above = [group for group in chain_of(parents, place) if group in visible]
        chain = list(found.chain(root)[1:])
        assert set(chain) == {group_id(group) for group in above}
        for lower, upper in itertools.pairwise(above):
            if below(parents, places, upper) != below(parents, places, lower):
                assert chain.index(group_id(lower)) < chain.index(group_id(upper))
    assert [one.text for one in found.expected] == sorted(root.text for root in roots)


def below(parents, places, group):
    return {number for number, place in enumerate(places) if group in chain_of(parents, place)}
