"""Tenants, declarations and other people's edits, generated small so that everything meets everything.

A scenario is a past (declarations that an earlier run applied), what others did since, the declarations of today, and
what cannot be read. Ids vary in letter case wherever Azure ignores it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from laws.drawing import one_of, part, some_of
from laws.oracle import Leaf, Tenant
from planning.world import (
    CATALOGUE,
    LEFT,
    NOW,
    OTHER_SUB,
    RG,
    ROOT,
    SETTINGS,
    SUB,
    TENANT,
    assignment,
    initiative,
    policy,
)
from verification.raw import violations

from reconciler.arm.standard_properties import marked_description, parted_description
from reconciler.model import (
    ArmId,
    Assignment,
    Carrier,
    Category,
    Declaration,
    Exemption,
    ResourceSelector,
    Rules,
    Selector,
    Settings,
    Snapshot,
    Source,
    Subject,
    SubjectKind,
    SystemData,
    Unmanaged,
    Unread,
    arm_id,
    assessment_id,
)
from reconciler.planning.allowances import Allowances
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import NoHistory
from reconciler.planning.values import Plan

ABOVE = arm_id("/providers/Microsoft.Management/managementGroups/tenant-root")
ELSEWHERE = arm_id("/subscriptions/00000000-0000-4000-8000-000000000009")
RG2 = arm_id(f"{SUB}/resourceGroups/rg-web")
OTHER_RG = arm_id(f"{OTHER_SUB}/resourceGroups/rg-data")
ONE = arm_id(f"{RG}/providers/Microsoft.Sql/servers/one")
TWO = arm_id(f"{RG}/providers/Microsoft.Storage/storageAccounts/two")
THREE = arm_id(f"{RG2}/providers/Microsoft.Sql/servers/three")
FOUR = arm_id(f"{OTHER_RG}/providers/Microsoft.Sql/servers/four")
FIVE = arm_id(f"{ELSEWHERE}/resourceGroups/rg/providers/Microsoft.Sql/servers/five")
PARENTS = {ROOT.key: ABOVE, LEFT.key: ROOT, SUB.key: LEFT, OTHER_SUB.key: ROOT, ELSEWHERE.key: ABOVE}
MOVED = ({SUB.key: ROOT}, {OTHER_SUB.key: LEFT}, {SUB.key: ROOT, OTHER_SUB.key: LEFT})
"""What somebody may do to the hierarchy between two runs."""
EXPECTED = (ROOT, LEFT, SUB, OTHER_SUB)
MANAGED = (ROOT, LEFT, SUB, RG, RG2, ONE, TWO, THREE, OTHER_SUB, OTHER_RG, FOUR)
SCOPES = (*MANAGED, ABOVE, ELSEWHERE)


def leaves(parents) -> tuple[Leaf, ...]:
    """The resources of the tenant, in the hierarchy as it is."""
    return tuple(
        Leaf(chain_in(parents, scope), location, kind)
        for scope, location, kind in (
            (ONE, "westeurope", "microsoft.sql/servers"),
            (TWO, "northeurope", "microsoft.storage/storageaccounts"),
            (THREE, "westeurope", "microsoft.sql/servers"),
            (FOUR, "northeurope", "microsoft.sql/servers"),
            (FIVE, "westeurope", "microsoft.sql/servers"),
        )
    )


def chain_in(parents, scope) -> tuple[str, ...]:
    """Folded ids of the scope and all that contains it."""
    chain = [scope]
    while (above := chain[-1].parent or parents.get(chain[-1].key)) is not None:
        chain.append(above)
    return tuple(each.key for each in chain)


DEFENDED = next(each.policies[0].name for each in CATALOGUE.recommendations.values() if each.policies)
"""A policy behind a recommendation: what `unmanaged: delete` asks of an initiative."""
BENCHMARK = initiative("mcsb", refA="a", refB="b", refC="c", refD=DEFENDED)
STANDARD = initiative("nist", nistA="a", nistA2="a", nistD="d")
OLDER = replace(initiative("mcsb", oldA="a", oldB="b", refD=DEFENDED), version="0.9.0")
INITIATIVES = {each.id.key: each for each in (BENCHMARK, STANDARD)}
REFERENCES = ("refA", "refB", "refC", "refD", "nistA", "nistA2", "nistD", "oldA", "oldB", "stale")
USUAL = (LEFT, SUB, SUB, RG, RG, ONE, RG2, OTHER_SUB, ROOT)
WEST = (ResourceSelector("g", (Selector(kind="resourceLocation", values=("westeurope",)),)),)
NORTH = (ResourceSelector("g", (Selector(kind="resourceLocation", values=("northeurope",)),)),)
SQL = (ResourceSelector("g", (Selector(kind="resourceType", values=("Microsoft.Sql/servers",)),)),)
NAMES = ("alpha", "beta", "gamma")

ALONE = Assignment(
    id=assessment_id("48fad5ca-f530-41bb-9454-c6002bd1085c"),
    definition=assessment_id("48fad5ca-f530-41bb-9454-c6002bd1085c"),
)
"""A recommendation that no policy stands behind: in a mixed tenant, exemptions are from it too."""
BUT_ONE = (ResourceSelector("findings", (Selector(kind="excludedScopes", values=(ONE.text,), negated=True),)),)

mostly_never = st.sampled_from(
    [None, None, None, NOW + timedelta(days=5), NOW + timedelta(days=60), NOW - timedelta(days=2)]
)
later = st.sampled_from([None, NOW + timedelta(days=3), NOW + timedelta(days=400)])
selectors = st.sampled_from([(), (), (), (), WEST, NORTH, SQL])


def any_case(identifier):
    """An ARM id in one of three spellings."""
    return _any_case(identifier.text)


@functools.cache
def _any_case(text):
    return st.sampled_from([text, text.upper(), arm_id(text).key]).map(arm_id)


moves = st.sampled_from(MOVED)
names_of_some = [st.lists(st.sampled_from(NAMES), min_size=fewest, max_size=3, unique=True) for fewest in range(3)]
scopes_of_one = st.lists(st.sampled_from(USUAL).flatmap(any_case), min_size=1, max_size=3, unique=True)
metadata_of_one = st.sampled_from([{}, {}, {"costCentre": "17"}, {"risk": {"id": 7, "seen": ["a", True]}}])
any_references = st.lists(st.sampled_from(("refA", "refB", "nistA", "REFC")), max_size=2, unique=True)
references_in = {
    "mcsb": st.sampled_from([("refA",), ("REFA", "refB")]),
    "nist": st.sampled_from([("nistA", "nistD")]),
}


@part
def assignments(draw) -> tuple[Assignment, ...]:
    """One to four assignments of two initiatives and a single policy, above, at and below what is declared."""
    sets = [BENCHMARK.id, BENCHMARK.id, STANDARD.id, policy("a")]
    found = {}
    for number in range(draw(st.integers(1, 4))):
        scope = one_of(draw, ROOT, ROOT, LEFT, SUB, SUB, RG, ABOVE)
        not_scopes = one_of(draw, (), (), (), (RG,), (OTHER_SUB,))
        definition = draw(st.sampled_from(sets))
        version = one_of(draw, None, None, "0.9.*") if definition == BENCHMARK.id else None
        each = assignment(scope, f"as-{number}", definition, not_scopes=not_scopes, version=version)
        found[each.id.key] = each
    return tuple(found.values())


def policies_among(found):
    return [each for each in found if each != ALONE]


def initiatives_of(found):
    sets = {a.id.key: OLDER if a.version else INITIATIVES.get(a.definition.key) for a in found}
    return {key: each for key, each in sets.items() if each}


@part
def declarations(draw, found: tuple[Assignment, ...]) -> tuple[Declaration, ...]:
    """Up to three declarations with different names."""
    names = draw(names_of_some[one_of(draw, 1, 2, 2, 0)])
    return tuple(declaration(draw, name, found) for name in names)


def plain(declared: Declaration) -> Declaration:
    """Without selectors where no policy stands behind it: a declaration cannot have both."""
    return replace(declared, selectors=()) if declared.subject.kind is SubjectKind.RECOMMENDATION else declared


@part
def declaration(draw, name, found) -> Declaration:
    declared = Declaration(
        name=name,
        subject=subjects(draw, found),
        scopes=tuple(draw(scopes_of_one)),
        category=one_of(draw, *Category),
        justification=one_of(draw, "because", "because", "since"),
        owner="data@contoso.example",
        source=Source(f"exemptions/{name}.yaml"),
        expires_on=draw(mostly_never),
        selectors=draw(selectors),
        ahead=one_of(draw, False, False, False, True),
        adopt=one_of(draw, False, False, True),
        take_over=one_of(draw, None, None, "epac", "fabrikam"),
        enabled=one_of(draw, True, True, True, True, False),
        metadata=draw(metadata_of_one),
        display_name=one_of(draw, "", "", "Legacy server"),
    )
    return plain(declared)


@part
def subjects(draw, found) -> Subject:
    alone = [SubjectKind.RECOMMENDATION] * 3 * (ALONE in found)
    kind = one_of(draw, *[SubjectKind.POLICY] * 4, SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT, *alone)
    if kind is SubjectKind.RECOMMENDATION:
        return Subject(kind=kind, value=ALONE.id.name)
    sets = initiatives_of(found)
    if kind is SubjectKind.POLICY:
        assigned = {member.definition.name for initiative in sets.values() for member in initiative.members} & set(
            "abcd"
        )
        return Subject(kind=kind, value=one_of(draw, "a", "a", "b", "c", "d", *sorted(assigned) * 4))
    references = any_references
    if kind is SubjectKind.INITIATIVE:
        value = one_of(draw, "mcsb", "nist", *sorted({each.display_name for each in sets.values()}) * 3)
        if one_of(draw, True, True, False):  # mostly by names that it has
            references = references_in[value]
        return Subject(kind=kind, value=value, reference_ids=tuple(draw(references)))
    value = draw(st.sampled_from(policies_among(found))).id.text
    return Subject(kind=kind, value=value, reference_ids=tuple(draw(references)))


@part
def exemption(draw, number: int, found: tuple[Assignment, ...], wanted: list[Exemption]) -> Exemption:
    """Anybody's: the portal's, an application's, another owner's, a former owner's, or ours. Mostly about something
    that is wanted, with the same, fewer, more or other references.
    """
    like = draw(st.sampled_from(wanted)) if wanted and one_of(draw, *[True] * 5, False) else None
    name = one_of(draw, "", "", "x") + f"e{number}"
    scope = draw(st.sampled_from([like.scope] * 6 + [*SCOPES[:6]])) if like else one_of(draw, *SCOPES)
    gone = assignment(ROOT, "as-gone", BENCHMARK.id)
    to = draw(st.sampled_from([*found, *found, gone])).id if like is None else like.assignment
    made = datetime(2026, draw(st.integers(1, 11)), draw(st.integers(1, 19)), tzinfo=UTC)
    by = one_of(draw, "User", "User", "Application")
    alone = to.key == ALONE.id.key
    path = f"{scope}/providers/Microsoft.Authorization/policyExemptions/{name}"
    if alone:  # Azure does not say of such an object whether a person made it
        path, by = (
            f"{scope}/providers/Microsoft.Security/standardAssignments/{number:08x}-0000-4000-8000-000000000000",
            "",
        )
    expires = draw(mostly_never)
    return Exemption(
        id=draw(any_case(arm_id(path))),
        assignment=draw(any_case(to)),
        category=one_of(draw, "Waiver", "waiver", "Mitigated"),
        reference_ids=references_of(draw, initiatives_of(found).get(to.key), like),
        expires_on=expires.strftime("%Y-%m-%dT%H:%M:%SZ") if expires else "",
        selectors=chosen_like(draw, like, alone=alone),
        metadata=carried_mark(draw(marks)) if alone else draw(marks),
        system=SystemData(
            created_by="somebody",
            created_by_type=by,
            created_at=made,
            last_modified_by="somebody",
            last_modified_by_type=by,
            last_modified_at=made,
        ),
    )


@part
def chosen_like(draw, like, *, alone) -> tuple[ResourceSelector, ...]:
    """The selectors of what is wanted, mostly; else any."""
    if like and one_of(draw, *[True] * 5, False):
        return like.selectors
    return one_of(draw, (), (), BUT_ONE) if alone else draw(selectors)


@part
def references_of(draw, found, like) -> tuple[str, ...]:
    """References in any case: those of the wanted one, some of them, more, others; none for a single policy."""
    if found is None:
        return ()
    known = [member.reference_id for member in found.members]
    own = list(like.reference_ids) if like else []
    more = some_of(draw, *known, *known, "stale", most=3)
    picked = draw(st.sampled_from([own, own, own + more, own + more, own[:1] + more, more]))
    unique = list(dict.fromkeys(picked))
    return tuple(draw(st.sampled_from([unique, [each.upper() for each in unique]])))


def carried_mark(metadata):
    """What a standard assignment tells of a mark: Azure writes its metadata, so the mark stands in the description."""
    return parted_description(marked_description("", metadata))[1]


def mark(owner, name, target):
    return {"managedBy": "exempt", "owner": owner, "declaration": name, "target": target.text}


marks = st.one_of(
    st.just({}),
    st.just({}),
    st.sampled_from([{"pacOwnerId": "epac"}, {"deployedBy": "epac", "x": 1}, mark("fabrikam", "alpha", RG)]),
    st.builds(
        mark,
        st.sampled_from([SETTINGS.owner, SETTINGS.owner, "contoso/former"]),
        st.sampled_from([*NAMES, "gone"]),
        st.sampled_from(USUAL),
    ),
    st.sampled_from([{"managedBy": "exempt", "owner": SETTINGS.owner}]),
)


@dataclass(frozen=True)
class Scenario:
    """What a law is judged on. `live` is everything in Azure; `snapshot()` shows what could be read of it."""

    tenant: Tenant
    live: tuple[Exemption, ...]
    declarations: tuple[Declaration, ...]
    settings: Settings
    allowed: Allowances
    unread: tuple[Unread, ...] = ()
    only: ArmId | None = None
    parents: Mapping[str, ArmId] = field(default_factory=lambda: PARENTS)

    def chain(self, scope) -> tuple[str, ...]:
        return chain_in(self.parents, scope)

    def snapshot(self) -> Snapshot:
        groups = {each.scope.key for each in self.unread if each.what == "descendants"}
        sets = {each.scope.key for each in self.unread if each.what.startswith("/")}
        unlisted = {key for key in self.parents if not groups.isdisjoint(self.chain(arm_id(key))[1:])}
        unlisted -= {root.key for root in self.settings.scopes}  # which is asked for by its name
        expected = tuple(each for each in EXPECTED if each.key not in unlisted)
        there = {
            each.id.key: each
            for each in policies_among(self.tenant.assignments)
            if self._visible(each.scope, "assignments", expected)
        }
        return Snapshot(
            tenant_id=TENANT,
            taken_at=NOW,
            parents={key: above for key, above in self.parents.items() if key not in unlisted},
            expected=expected,
            assignments=there,
            initiatives={
                key: each
                for key, each in self.tenant.initiatives.items()
                if key in there and there[key].scope.key not in sets
            },
            exemptions=tuple(each for each in self.live if self._visible(each.scope, LISTS[each.carrier], expected)),
            unread=self.unread,
            gone=frozenset({assignment(ROOT, "as-gone", BENCHMARK.id).id.key}),
        )

    def _visible(self, scope, what, expected) -> bool:
        """A subscription's list shows what is above, at and below it; a group's what is at and above it."""
        missing = {each.scope.key for each in self.unread if each.what == what}
        return any(
            scope.key in self.chain(listed) or (listed.key in self.chain(scope) and "/subscriptions/" in listed.key)
            for listed in expected
            if listed.key not in missing
        )

    def plan(self, *, is_proven: bool = True, **changed) -> Plan:
        """The plan of this scenario, or of it with other fields; the independent checker proves each, if asked to."""
        here = replace(self, **changed)
        plan = make_plan(
            here.declarations, CATALOGUE, here.snapshot(), here.settings, NoHistory(), NOW, here.allowed, here.only
        )
        assert not is_proven or violations(here, plan) == []
        return plan

    def exempt(self, live=None, at=NOW):
        return self.tenant.exempt(self.live if live is None else live, at)

    def wanted(self, at=NOW):
        return self.tenant.wanted(self.declarations, at, whole=self.settings.rules.allow_whole_assignment)


LISTS = {Carrier.POLICY: "exemptions", Carrier.STANDARD: "standard assignments"}
GENEROUS = Allowances(deletes=1000, creates=1000, adoptions=1000, unmanaged=1000)
policies_of_house = st.builds(
    Settings,
    owner=st.just(SETTINGS.owner),
    tenant_id=st.just(TENANT),
    scopes=st.sampled_from([(ROOT,)] * 12 + [(LEFT, OTHER_SUB), (SUB,), (RG, RG2)]),
    former_owners=st.just(("contoso/former",)),
    unmanaged=st.sampled_from([Unmanaged.REPORT, Unmanaged.REPORT, Unmanaged.DELETE]),
    rules=st.sampled_from([Rules(), Rules(allow_whole_assignment=True)]),
)


@st.composite
def scenarios(draw, *, mixed: bool = False) -> Scenario:
    """A past that a run applied, edits by others since, and today's declarations; now and then something is unread.
    `mixed`: standard assignments are among them.
    """
    found = assignments(draw) + ((ALONE,) if mixed else ())
    house = draw(policies_of_house)
    allowed = replace(GENEROUS, delete_orphans=one_of(draw, None, None, 1000))
    past = Scenario(
        Tenant(leaves(PARENTS), found, initiatives_of(found)), (), declarations(draw, found), house, allowed
    )
    today = replace(past, declarations=edited(draw, past.declarations, found))
    if one_of(draw, *[False] * 5, True):
        today = moved(today, draw(moves))
    made = list(after_all((), past.plan().changes))
    made = [each for each in made if one_of(draw, *[True] * 7, False)]
    wanted = [*made, *after_all((), today.plan().changes)]
    live = [meddled(draw, each, made) if one_of(draw, *[False] * 4, True) else each for each in made]
    live += [exemption(draw, number, found, wanted) for number in range(draw(st.integers(0, 6)))]
    unique = {each.id.key: each for each in live}
    missing = unreadable(draw, found, house.scopes) if one_of(draw, False, False, True) else ()
    only = one_of(draw, *[None] * 8, LEFT, SUB, RG)
    return replace(today, live=tuple(unique.values()), unread=missing, only=only)


@st.composite
def changed(draw, scenario: Scenario) -> Scenario:
    """What people do between two runs: a pull request, a move, a change in the portal."""
    found = scenario.tenant.assignments
    live = tuple(
        meddled(draw, each, scenario.live) if one_of(draw, *[False] * 5, True) else each for each in scenario.live
    )
    after = replace(scenario, live=live, declarations=edited(draw, scenario.declarations, found))
    return moved(after, draw(moves)) if one_of(draw, *[False] * 3, True) else after


def moved(scenario: Scenario, parents) -> Scenario:
    """The same after somebody moved subscriptions to other management groups."""
    hierarchy = {**scenario.parents, **parents}
    return replace(scenario, parents=hierarchy, tenant=replace(scenario.tenant, leaves=leaves(hierarchy)))


@part
def edited(draw, past, found) -> tuple[Declaration, ...]:
    """What became of the declarations: kept, renamed, moved, about something else, written anew, removed, joined."""
    kept: dict[str, Declaration] = {}
    for each in past:
        how = one_of(
            draw, "keep", "keep", "rename", "scopes", "subject", "selectors", "split", "anew", "remove", "renew"
        )
        for one in edit(draw, each, how, found):
            kept.setdefault(one.name, one)
    for name in NAMES:
        if name not in kept and one_of(draw, False, False, True):
            kept[name] = declaration(draw, name, found)
    return tuple(kept.values())


@part
def edit(draw, each: Declaration, how: str, found) -> tuple[Declaration, ...]:
    other = declaration(draw, each.name, found)
    match how:
        case "keep":
            return (each,)
        case "rename":
            return (replace(each, name="renamed", source=Source("exemptions/renamed.yaml")),)
        case "scopes":
            return (replace(each, scopes=other.scopes),)
        case "subject":
            return (plain(replace(each, subject=other.subject)),)
        case "selectors":
            return (plain(replace(each, selectors=other.selectors)),)
        case "renew":
            return (plain(replace(each, expires_on=draw(later), subject=draw(st.sampled_from([each, other])).subject)),)
        case "split":
            first, *rest = each.scopes
            half = replace(each, scopes=(first,))
            return (
                (half, replace(each, name="split", scopes=tuple(rest), source=Source("exemptions/split.yaml")))
                if rest
                else (half,)
            )
        case "anew":
            return (other,)
        case _:
            return ()


@part
def meddled(draw, live: Exemption, made) -> Exemption:
    """One exemption as somebody changed it by hand."""
    match one_of(draw, "references", "mix", "mix", "expiry", "later", "selectors", "marks", "text", "all"):
        case "mix":
            others = [ref for each in made if each.assignment == live.assignment for ref in each.reference_ids]
            mixed = dict.fromkeys((*live.reference_ids, *others))
            return replace(live, reference_ids=tuple(mixed) if live.reference_ids else ())
        case "later":
            return replace(live, expires_on=(NOW + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        case "references":
            return replace(
                live,
                reference_ids=(*live.reference_ids, one_of(draw, *REFERENCES)) if live.reference_ids else (),
            )
        case "expiry":
            return replace(live, expires_on="2026-11-01T00:00:00Z")
        case "selectors":
            return replace(live, selectors=chosen_like(draw, None, alone=live.carrier is Carrier.STANDARD))
        case "marks":
            return replace(live, metadata={})
        case "text":
            return replace(live, description="edited in the portal")
        case _:
            return replace(live, reference_ids=())


@part
def unreadable(draw, found, roots) -> tuple[Unread, ...]:
    what = []
    groups = [scope for scope in roots if scope in (ROOT, LEFT)]  # whose descendants are asked for
    if draw(st.booleans()):
        listed = one_of(draw, "exemptions", "exemptions", "assignments", *["descendants"] * len(groups))
        place = one_of(draw, *(groups if listed == "descendants" else EXPECTED))
        what.append(Unread(scope=place, what=listed, message="AuthorizationFailed"))
    if draw(st.booleans()):
        each = draw(st.sampled_from(policies_among(found)))
        what.append(Unread(scope=each.scope, what=each.definition.text, message="AuthorizationFailed"))
    if ALONE in found and draw(st.booleans()):
        what.append(Unread(scope=one_of(draw, *EXPECTED), what=LISTS[Carrier.STANDARD], message="Forbidden"))
    return tuple(what)


def after_all(live, changes) -> tuple[Exemption, ...]:
    """What is live once every change is done; what is made is made by an application, at the run's time."""
    kept = {each.id.key: each for each in live}
    for change in changes:
        carried_out(kept, change)
    return tuple(kept.values())


def carried_out(kept: dict[str, Exemption], change) -> None:
    """One write, as Azure does it."""
    system = SystemData(created_by="robot", created_by_type="Application", created_at=NOW - timedelta(hours=1))
    kept.pop(change.id.key, None)
    if change.after is not None:
        kept[change.id.key] = replace(change.after, system=change.before.system if change.before else system)
