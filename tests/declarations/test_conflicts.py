"""Conflicts, held against a brute force that expands each declaration into the cells it wants and compares all pairs."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog import initiative_id, policy_id
from reconciler.catalog import load as load_catalogue
from reconciler.declarations import Loaded
from reconciler.declarations.check import check
from reconciler.model import (
    Category,
    Declaration,
    ResourceSelector,
    Selector,
    Source,
    Subject,
    SubjectKind,
    parse_object,
    parse_scope,
)

CATALOGUE = load_catalogue()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BENCHMARK, CIS = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8", "06f19060-9e68-4070-92ca-f15cc126059e"
TEN_TIMES = policy_id("b954148f-4c11-4c38-8221-be76711e194a")  # one policy, ten reference ids in the second initiative
ASSIGNMENT = (
    "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policyAssignments/x"
)
SUBSCRIPTION = "/subscriptions/6f0e1111-2222-4333-8444-555566667777"
REFERENCES = {
    name: CATALOGUE.initiative(initiative_id(name)).reference_ids(policy)
    for name, policy in ((BENCHMARK, policy_id("404c3081-a854-4457-ae30-26a93ef643f9")), (CIS, TEN_TIMES))
}

scopes = st.lists(
    st.sampled_from(
        [
            SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/a", f"{SUBSCRIPTION}/RESOURCEGROUPS/A", f"{SUBSCRIPTION}/resourceGroups/aa",
            f"{SUBSCRIPTION}/resourceGroups/a/providers/Microsoft.Sql/servers/s",
            f"{SUBSCRIPTION}/resourceGroups/a/providers/Microsoft.Sql/servers/s/databases/d",
            "/providers/Microsoft.Management/managementGroups/contoso",
        ]
    ),
    min_size=1, max_size=2,
).map(lambda texts: tuple({parse_scope(text).key: parse_scope(text) for text in texts}.values()))  # fmt: skip
subjects = st.one_of(
    st.sampled_from(
        [
            Subject(kind=SubjectKind.RECOMMENDATION, value="1c5de8e1-f68d-6a17-e0d2-ec259c42768c"),
            Subject(kind=SubjectKind.RECOMMENDATION, value="13b10b36-aa99-4db6-b00c-dcf87c4761e6"),
            Subject(kind=SubjectKind.RECOMMENDATION, value="6b5976a9-e81e-31f5-9a96-b8219af7ceec"),
            Subject(kind=SubjectKind.POLICY, value="71ef260a-8f18-47b7-abcb-62d0673d94dc"),
            Subject(kind=SubjectKind.POLICY, value=TEN_TIMES.text),
            Subject(kind=SubjectKind.INITIATIVE, value=BENCHMARK),
            Subject(kind=SubjectKind.INITIATIVE, value=CIS),
            Subject(kind=SubjectKind.ASSIGNMENT, value=ASSIGNMENT),
            Subject(kind=SubjectKind.ASSIGNMENT, value=ASSIGNMENT, reference_ids=("One",)),
            Subject(kind=SubjectKind.ASSIGNMENT, value=ASSIGNMENT.lower(), reference_ids=("one", "two")),
        ]
    ),
    st.sampled_from([BENCHMARK, CIS]).flatmap(
        lambda name: st.lists(st.sampled_from(REFERENCES[name]), min_size=1, max_size=2).map(
            lambda references: Subject(
                kind=SubjectKind.INITIATIVE, value=name, reference_ids=tuple(dict.fromkeys(references))
            )
        )
    ),
)
selectors = st.sampled_from(
    [(), (ResourceSelector("here", (Selector(kind="resourceLocation", values=("westeurope",)),)),)]
)


def declared(number: int, subject: Subject, where: tuple, narrowed: tuple) -> Declaration:
    return Declaration(
        name=f"d{number}",
        subject=subject,
        scopes=where,
        category=Category.WAIVER,
        justification="why",
        owner="owner",
        source=Source(f"exemptions/d{number}.yaml"),
        selectors=narrowed,
    )


declarations = st.lists(st.tuples(subjects, scopes, selectors), max_size=4).map(
    lambda parts: tuple(declared(number, *part) for number, part in enumerate(parts))
)


def wanted(subject: Subject) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(assignment, reference id) and (assignment, policy) of all that a subject means, over one assignment of each
    initiative, one of each policy by itself, and the one that is named.
    """
    if subject.kind is SubjectKind.ASSIGNMENT:
        assigned = parse_object(subject.value).key
        cells = {(assigned, reference.lower()) for reference in subject.reference_ids or ("one", "two", "three")}
        return cells, cells
    if subject.kind is SubjectKind.INITIATIVE:
        initiative = CATALOGUE.initiative(initiative_id(subject.value))
        named = {reference.lower() for reference in subject.reference_ids}
        members = [member for member in initiative.members if not named or member.reference_id.lower() in named]
        return (
            {(initiative.id.key, member.reference_id.lower()) for member in members},
            {(initiative.id.key, member.definition.key) for member in members},
        )
    is_key = subject.kind is SubjectKind.RECOMMENDATION
    policies = (
        {policy.key for policy in CATALOGUE.find(subject.value)[0].policies}
        if is_key
        else {policy_id(subject.value).key}
    )
    cells = {(policy, "*") for policy in policies}
    meant = {(policy, policy) for policy in policies}
    for initiative in (CATALOGUE.initiative(initiative_id(name)) for name in (BENCHMARK, CIS)):
        for member in initiative.members:
            if member.definition.key in policies:
                cells.add((initiative.id.key, member.reference_id.lower()))
                meant.add((initiative.id.key, member.definition.key))
    return cells, meant


def meet(one: Declaration, other: Declaration) -> bool:
    (cells, meant), (other_cells, other_meant) = wanted(one.subject), wanted(other.subject)
    for here, there in itertools.product(one.scopes, other.scopes):
        if here == there:
            if cells & other_cells and one.selectors == other.selectors:
                return True
        elif (here.contains(there) or there.contains(here)) and meant & other_meant:
            return True
    return False


@settings(max_examples=150)
@given(declarations)
def test_conflicts_are_exactly_those_of_the_brute_force(found: tuple[Declaration, ...]) -> None:
    expected = {later.name for one, later in itertools.combinations(found, 2) if meet(one, later)}
    problems = [
        problem
        for problem in check(Loaded(settings=None, declarations=found, problems=()), CATALOGUE, NOW, None)
        if problem.code == "conflict"
    ]
    by_file = {declaration.source.file: declaration for declaration in found}
    told = {by_file[problem.source.file].name for problem in problems}
    assert told <= expected
    assert bool(told) == bool(expected)
    assert told == expected or len(found) > 2, "of many on one scope, some are told once the first are mended"
    for problem in problems:
        later, first = by_file[problem.source.file], by_file[f"exemptions/{problem.message.split(chr(39))[1]}.yaml"]
        assert meet(first, later)


@given(declarations)
def test_what_wants_nothing_conflicts_with_nothing(found: tuple[Declaration, ...]) -> None:
    past = datetime(2026, 1, 1, tzinfo=UTC)
    quiet = tuple(
        Declaration(
            name=each.name, subject=each.subject, scopes=each.scopes, category=each.category, justification="why", owner="owner", source=each.source,
            expires_on=past if number % 2 else None, enabled=bool(number % 2),
        )
        for number, each in enumerate(found)
    )  # fmt: skip
    problems = check(Loaded(settings=None, declarations=quiet, problems=()), CATALOGUE, NOW, None)
    assert {problem.code for problem in problems} <= {"expired"}


def test_what_is_under_review_is_named_as_the_one_to_change() -> None:
    """Whatever the order of the files: the pull request brings one of the two."""

    def one(name: str, scope: str) -> Declaration:
        return Declaration(
            name=name,
            subject=Subject(kind=SubjectKind.POLICY, value="404c3081-a854-4457-ae30-26a93ef643f9"),
            scopes=(parse_scope(scope),),
            category=Category.WAIVER,
            justification="x",
            owner="x",
            source=Source(f"exemptions/{name}.yaml"),
        )

    for below, told in (
        ("", "change 'old' instead of writing a second one"),
        ("/resourceGroups/rg", "narrow the scopes of 'a-new', or take this scope out of 'old' in the same change"),
    ):
        pair = (one("a-new", SUBSCRIPTION), one("old", SUBSCRIPTION + below))
        (problem,) = check(Loaded(settings=None, declarations=pair, problems=()), CATALOGUE, NOW, frozenset({"a-new"}))
        assert (problem.source.file, problem.remedy) == ("exemptions/a-new.yaml", told)
        (problem,) = check(Loaded(settings=None, declarations=pair, problems=()), CATALOGUE, NOW, None)
        assert problem.source.file == "exemptions/old.yaml"
