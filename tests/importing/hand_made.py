"""Tenants without any declaration, whose exemptions people made by hand: mostly what some recommendation would fan out
to, with pieces missing, doubled, nested, merged, or said otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st
from laws.drawing import one_of, part
from laws.oracle import Tenant
from laws.scenarios import (
    CATALOGUE,
    GENEROUS,
    ONE,
    OTHER_SUB,
    PARENTS,
    RG,
    RG2,
    SUB,
    TWO,
    WEST,
    Scenario,
    after_all,
    any_case,
    later,
    leaves,
)
from planning.world import LEFT, ROOT, SETTINGS, assignment, declaration, initiative, policy

from reconciler.model import Category, Rules, Subject, SubjectKind, SystemData, arm_id

SINGLE = [
    each
    for each in CATALOGUE.recommendations.values()
    if each.exemptable and not each.obstacles and len(each.policies) == 1
]
RECOMMENDATIONS = [each for each in SINGLE if len(CATALOGUE.resting_on(each.policies[0])) == 1][:3]
A, B, C = (each.policies[0].name for each in RECOMMENDATIONS)
BENCHMARK = initiative("mcsb", refA=A, refB=B, refC1=C, refC2=C, plain="unrated")
STANDARD = initiative("nist", nistA=A, nistA2=A, nistC=C, nistPlain="unrated")
SETS = {each.id.key: each for each in (BENCHMARK, STANDARD)}

recommendations_of_one = st.lists(
    st.sampled_from(RECOMMENDATIONS), min_size=1, max_size=2, unique_by=lambda each: each.key
)
scopes_of_one = st.lists(
    st.sampled_from([SUB, SUB, OTHER_SUB, RG, RG2, ONE, TWO, LEFT]), min_size=1, max_size=2, unique=True
)
metadata_of_others = st.sampled_from([{}, {}, {"ticketRef": "SEC-7"}, {"pacOwnerId": "epac", "note": None}])


@part
def assigned(draw):
    found = {}
    for number in range(draw(st.integers(1, 4))):
        scope = one_of(draw, ROOT, ROOT, LEFT, SUB, SUB, RG)
        definition = one_of(draw, BENCHMARK.id, BENCHMARK.id, STANDARD.id, policy(A))
        not_scopes = one_of(draw, *[()] * 6, (RG,))
        each = assignment(scope, f"as-{number}", definition, not_scopes=not_scopes)
        found[each.id.key] = each
    return tuple(found.values())


@part
def wishes(draw, number):
    """What somebody wanted exempted when they clicked through the portal."""
    chosen = draw(recommendations_of_one)
    first, *further = (each.key for each in chosen)
    subject = Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))
    if one_of(draw, *[False] * 4, True):
        subject = Subject(kind=SubjectKind.POLICY, value="unrated")
    scopes = draw(scopes_of_one)
    return declaration(
        f"wish-{number}",
        *scopes,
        subject=subject,
        category=one_of(draw, *Category),
        display_name=one_of(draw, "", "Legacy", "Legacy"),
        justification=one_of(draw, "Retires.", "Retires.", "Accepted:\nsince # 2019", "no", "2027-01-01"),
        expires_on=draw(later),
        selectors=one_of(draw, (), (), (), WEST),
    )


@part
def by_hand(draw, made, number):
    """An exemption as somebody left it: no mark, any case, perhaps edited."""
    metadata = draw(metadata_of_others)
    references = list(made.reference_ids)
    match one_of(draw, *["as is"] * 6, "fewer", "dead", "more", "whole"):
        case "fewer":
            references = references[:1]
        case "dead":
            references = [*references, "stale"] if references else []
        case "more":
            references = [*references, "refB"] if references else []
        case "whole":
            references = []
    by = one_of(draw, *["User"] * 5, "Application")
    on = datetime(2026, draw(st.integers(1, 10)), draw(st.integers(1, 19)), tzinfo=UTC)
    system = SystemData(
        created_by="ann@contoso.example", created_by_type=by, created_at=on, last_modified_by="ann", last_modified_at=on
    )
    identifier = draw(any_case(arm_id(f"{made.scope}/providers/Microsoft.Authorization/policyExemptions/e{number}")))
    return replace(
        made, id=identifier, reference_ids=tuple(dict.fromkeys(references)), metadata=metadata, system=system
    )


@st.composite
def hand_made(draw) -> Scenario:
    found = assigned(draw)
    sets = {each.id.key: SETS[each.definition.key] for each in found if each.definition.key in SETS}
    house = replace(SETTINGS, rules=Rules(allow_whole_assignment=draw(st.booleans())))
    empty = Scenario(Tenant(leaves(PARENTS), found, sets), (), (), house, GENEROUS)
    live = []
    for number in range(draw(st.integers(1, 3))):
        wish = wishes(draw, number)
        wanted = after_all((), replace(empty, declarations=(wish,)).plan().changes)
        for made in wanted:
            for _ in range(one_of(draw, 0, 1, 1, 1, 1, 1, 2)):
                live.append(by_hand(draw, made, len(live)))
    return replace(empty, live=tuple(live))
