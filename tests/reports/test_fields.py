import dataclasses

import deepdiff  # noqa: F401 - loads slowly, which is no example's fault
import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from reconciler.arm.canonical import equivalent
from reconciler.model import ResourceSelector, Selector, arm_id
from reconciler.reports.fields import changed_paths, differences

WORDS = st.sampled_from(
    ["", "a", "A", "b", "__a", "__a__", "[0]", "root", "'", '"', "long text", "2027-01-31T23:59:59Z"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, 0.5]) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
SELECTORS = st.lists(
    st.builds(ResourceSelector, WORDS, st.just((Selector(kind="resourceLocation", values=("a",)),))), max_size=2
).map(tuple)
EXEMPTIONS = st.builds(
    samples.exemption,
    category=st.sampled_from(["Waiver", "waiver", "Mitigated"]),
    reference_ids=st.lists(st.sampled_from(["a", "A", "b", "c"]), max_size=3).map(tuple),
    display_name=WORDS,
    expires_on=st.sampled_from(["", "2027-01-31T23:59:59Z", "2027-01-31T23:59:59.000Z"]),
    selectors=SELECTORS,
    validation=st.sampled_from(["", "Default", "DoNotValidate"]),
    metadata=st.dictionaries(
        st.sampled_from(["ticket", "revision", "requestedBy", "a.b", "own", "__own", "0"]), VALUES
    ),
    extra=st.dictionaries(st.sampled_from(["exemptionManagementMode", "x", "__x"]), VALUES),
)


@given(EXEMPTIONS, EXEMPTIONS)
def test_people_and_machines_are_told_of_the_same_places(before, after):
    assert [difference.path for difference in differences(before, after)] == changed_paths(before, after)


@given(EXEMPTIONS, EXEMPTIONS)
def test_there_is_a_difference_exactly_where_a_write_is_needed(before, after):
    assert (changed_paths(before, after) == []) is equivalent(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [(True, 1), (1, 1.0), (0, False), (None, 0), ([1], [True]), ([1, 2], [2, 1]), ("1", 1), ([], None), ({}, []),
     ({"a": 1}, {"a": True}), ({"a": {}}, {"a": {"b": 1}}), ({"a": [1]}, {"a": [1, [2]]}), ({"a": 1}, {})],
)  # fmt: skip
def test_what_needs_no_write_is_no_difference_whatever_its_type(before, after):
    sides = [samples.exemption(metadata={"own": value}) for value in (before, after)]
    paths = [difference.path for difference in differences(*sides)]
    assert paths == changed_paths(*sides)
    assert (paths == []) is equivalent(*sides)


def test_a_set_says_what_it_lost_and_gained():
    before = samples.exemption(reference_ids=("Keep", "lost"))
    (found,) = differences(before, dataclasses.replace(before, reference_ids=("keep", "gained")))
    assert (found.label, found.removed, found.added) == ("policies", ("lost",), ("gained",))


def test_narrowing_from_the_whole_assignment_shows_both_sides():
    before = samples.exemption(reference_ids=())
    (found,) = differences(before, dataclasses.replace(before, reference_ids=("b", "a")))
    assert (found.before, found.after) == ([], ["a", "b"])


def test_a_list_is_one_field():
    one = ResourceSelector("eu", (Selector(kind="resourceLocation", values=("westeurope",)),))
    two = ResourceSelector("eu", (Selector(kind="resourceLocation", values=("westeurope", "northeurope")),))
    (found,) = differences(samples.exemption(selectors=(one,)), samples.exemption(selectors=(two,)))
    assert found.path == "resourceSelectors"
    assert found.after == [
        {"name": "eu", "selectors": [{"kind": "resourceLocation", "in": ["northeurope", "westeurope"]}]}
    ]


def test_letter_case_of_ids_is_no_difference():
    before = samples.exemption()
    after = dataclasses.replace(before, assignment=arm_id(before.assignment.text.upper()))
    assert differences(before, after) == ()


def test_a_key_that_python_would_call_private_is_shown():
    before = samples.exemption()
    after = dataclasses.replace(before, metadata={**before.metadata, "__note": "secret", "nested": {"__deep": [1]}})
    (note, deep) = differences(before, after)
    assert (note.path, note.before, note.after) == ("metadata.__note", None, "secret")
    assert (deep.path, deep.after) == ("metadata.nested", {"__deep": [1]})
