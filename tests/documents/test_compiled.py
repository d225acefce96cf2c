"""The predicate compiled from a schema never says "valid" where jsonschema does not, and says it wherever it can."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.documents.compiled import compiled
from reconciler.documents.schema import errors, is_surely_valid, judge, schema, validator_for

SUBSCRIPTION = "/subscriptions/6f0e1111-2222-4333-8444-555566667777"

# --- schemas that are made up --------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "kind", ""])
SIZES = st.integers(0, 3)
TEXTS = st.sampled_from(["", "a", "b", "ab", "Waiver", "a\n", " a", "1"])
LEAVES = st.none() | st.booleans() | st.sampled_from([0, 1, 2, -1, 0.0, 1.0, 1.5, 10**20]) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


def optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A schema with any of these keywords."""
    return st.fixed_dictionaries({}, optional=keywords)


DECIDABLE = {
    "type": st.sampled_from(["object", "array", "string", "boolean", "integer", "number"]),
    "enum": st.lists(TEXTS, min_size=1, max_size=3),
    "const": TEXTS,
    "pattern": st.sampled_from(["^a", "b$", "^\\S(?:.*\\S)?$", "[ab]"]),
    "minLength": SIZES,
    "maxLength": SIZES,
    "minimum": SIZES,
    "maximum": st.sampled_from([0, 1, 1.5]),
    "minItems": SIZES,
    "maxItems": SIZES,
    "minProperties": SIZES,
    "maxProperties": SIZES,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "additionalProperties": st.just(False),
    "title": TEXTS,
}
UNDECIDABLE = {
    "type": st.sampled_from(["null", ["string", "null"]]),
    "enum": st.lists(LEAVES, min_size=1, max_size=3),
    "uniqueItems": st.booleans(),
    "multipleOf": st.just(2),
    "exclusiveMinimum": st.just(1),
    "format": st.just("email"),
}


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas that hold others."""
    members = st.dictionaries(NAMES, inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=3)
    counted = st.fixed_dictionaries({"contains": inner}, optional={"minContains": SIZES, "maxContains": SIZES})
    conditional = st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner})
    plain = optional(
        type=DECIDABLE["type"], items=inner, properties=members, additionalProperties=inner | st.just(False),
        propertyNames=inner, dependentSchemas=members, allOf=several, anyOf=several, oneOf=several, minContains=SIZES, then=inner,
        **{"not": inner},
    )  # fmt: skip
    return plain | counted | conditional


DECIDABLE_SCHEMAS = st.recursive(optional(**DECIDABLE), nested, max_leaves=5)
ANY_SCHEMAS = st.recursive(optional(**DECIDABLE) | optional(**UNDECIDABLE), nested, max_leaves=5)


@settings(max_examples=400)
@given(DECIDABLE_SCHEMAS, VALUES)
@example({"contains": {"const": "a"}, "minContains": 0, "maxContains": 1}, ["a", "a"])
@example({"contains": {"const": "a"}}, [])
@example({"minContains": 2}, [])
@example({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1})
@example({"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {})
@example({"type": "integer"}, 1.0)
@example({"type": "number"}, True)
@example({"minimum": 1}, True)
@example({"oneOf": [{}, {}]}, "a")
def test_both_find_the_same(root: dict[str, Any], value: Any) -> None:
    assert compiled(root, {})(value) == validator_for(root).is_valid(value)


@settings(max_examples=400)
@given(ANY_SCHEMAS, VALUES)
@example({"uniqueItems": True}, [1, True])
@example({"uniqueItems": True}, [1, 1.0])
@example({"uniqueItems": True}, ["a", "a"])
@example({"uniqueItems": True}, [[], {}])
@example({"not": {"uniqueItems": True}}, [1, True])
@example({"if": {"multipleOf": 2}, "then": {"type": "string"}}, 4)
@example({"contains": {"enum": [1]}, "maxContains": 0}, [1.0])
def test_what_is_surely_valid_is_valid(root: dict[str, Any], value: Any) -> None:
    assert not compiled(root, {})(value) or validator_for(root).is_valid(value)


# --- declarations -------------------------------------------------------------------------------------------------

PROPERTIES: dict[str, Any] = schema("exemption")["properties"]
GOOD: dict[str, Any] = {
    "name": "x", "recommendation": "k", "scopes": [SUBSCRIPTION], "category": "Waiver", "justification": "j", "owner": "o",
}  # fmt: skip
KINDS = ["resourceLocation", "resourceType", "resourceWithoutLocation", "userPrincipalId", "groupPrincipalId"]
WORDS = st.sampled_from(["westeurope", "subscriptionLevelResources", "a"])
LISTS = st.lists(WORDS, min_size=1, max_size=2)
CONDITIONS = st.fixed_dictionaries({"kind": st.sampled_from(KINDS), "in": LISTS}) | st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "notIn": LISTS}
)
GOOD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "resourceSelectors": st.lists(
            st.fixed_dictionaries({"name": WORDS, "selectors": st.lists(CONDITIONS, min_size=1, max_size=3)}),
            min_size=1,
            max_size=2,
        ),
        "vulnerabilities": st.fixed_dictionaries(
            {"cvssBelow": st.sampled_from([0, 7.5, 10])},
            optional={
                "cves": st.lists(st.sampled_from(["CVE-2020-1347", "CVE-2021-2222"]), min_size=1, max_size=2),
                "minSeverity": st.just("Low"),
            },
        ),
        "selectedBy": st.dictionaries(WORDS, TEXTS, min_size=1, max_size=2),
        "metadata": st.dictionaries(st.sampled_from(["riskId", "note", "OWNER"]), VALUES, max_size=2),
        "expiresOn": st.sampled_from(["2027-01-31", "2027-02-30", "2027-01-31T00:00:00Z", "2027-01-31T00:00:00"]),
        "referenceIds": LISTS,
        "assignmentScopeValidation": st.sampled_from(["Default", "DoNotValidate"]),
    },
)
ODD = LEAVES | st.sampled_from([[], {}, 11, -1, "7", "x", "CVE-2020-1347", ["a", "a"]])


@st.composite
def declarations(draw: st.DrawFn) -> Any:
    """A declaration that is mostly right: some place in it may hold what does not belong there, or nothing."""
    data: Any = GOOD | draw(GOOD_FIELDS)
    if "referenceIds" in data or "assignmentScopeValidation" in data:
        del data["recommendation"]
        data["policyAssignment"] = PROPERTIES["policyAssignment"]["examples"][0]
    data = copy.deepcopy(data)
    if draw(st.booleans()):
        holder, step = draw(st.sampled_from([*_places(data)]))
        if draw(st.booleans()):
            holder[step] = draw(ODD)
        else:
            del holder[step]
    return data


def _places(value: Any) -> Iterator[tuple[Any, str | int]]:
    """Every place in a value: what holds it, and by which key or at which position."""
    steps = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield value, step
        yield from _places(value[step])


@settings(max_examples=400)
@given(declarations())
def test_both_find_the_same_in_declarations(data: Any) -> None:
    assert bool(errors("exemption", data)) == bool(judge("exemption", data))
    # Beside the verdict: what the predicate knows, it must know to be right, or the judge is asked for nothing.
    assert judge("exemption", data) or is_surely_valid("exemption", data)


SUBJECTS = {"recommendation", "recommendations", "recommendationCategory", "policyDefinition", "policySetDefinition", "policyAssignment"}  # fmt: skip


@pytest.mark.parametrize("field", sorted(PROPERTIES))
def test_good_values_of_each_field_wait_for_no_judge(field: str) -> None:
    """Whoever adds a keyword that the predicate does not know makes each file that has it a dozen times as slow."""
    good = PROPERTIES[field].get("examples") or PROPERTIES[field].get("enum") or [GOOD.get(field, True)]
    if field == "resourceSelectors":
        conditions = [
            {"kind": "resourceLocation", "in": ["westeurope"]}, {"kind": "resourceType", "notIn": ["Microsoft.Sql/servers"]},
        ]  # fmt: skip
        good = [[{"name": "europe", "selectors": conditions}]]
    beside = {"policyAssignment": PROPERTIES["policyAssignment"]["examples"][0]}
    for value in good:
        data = {key: item for key, item in GOOD.items() if key != "recommendation" or field not in SUBJECTS}
        if field in {"referenceIds", "assignmentScopeValidation"}:
            data = {key: item for key, item in data.items() if key != "recommendation"} | beside
        assert is_surely_valid("exemption", data | {field: value}), value
