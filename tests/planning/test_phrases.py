"""Short phrases that several reports share."""

from dataclasses import replace
from datetime import timedelta

import pytest
from planning.world import NOW, RG, SUB, declaration, ours

from reconciler.model import ResourceSelector, Selector
from reconciler.planning.descriptions import describe_removal, describe_selectors

EAST = Selector(kind="resourceLocation", values=("eastus", "eastus2"))
NOT_VM = Selector(kind="resourceType", values=("Microsoft.Compute/virtualMachines",), negated=True)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ((), ""),
        (((EAST,),), "resourceLocation in eastus, eastus2"),
        (
            ((EAST, NOT_VM),),
            "resourceLocation in eastus, eastus2 and resourceType not in Microsoft.Compute/virtualMachines",
        ),
        (
            ((EAST,), (NOT_VM,)),
            "resourceLocation in eastus, eastus2, or resourceType not in Microsoft.Compute/virtualMachines",
        ),
        (((),), "everything"),
    ],
)
def test_what_selectors_choose(groups, said):
    assert describe_selectors(tuple(ResourceSelector(f"group-{n}", group) for n, group in enumerate(groups))) == said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (None, "its declaration was removed"),
        (replace(declaration("one", RG), enabled=False), "its declaration is disabled"),
        (replace(declaration("one", RG), expires_on=NOW - timedelta(days=1)), "its declaration has expired"),
        (declaration("one", SUB), "its declaration no longer lists this target"),
        (declaration("one", RG), "its declaration no longer means these policies"),
    ],
)
def test_which_edit_made_it_unwanted(now, said):
    assert describe_removal(ours("kept", "one", RG), now, NOW) == said
