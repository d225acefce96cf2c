"""The laws of importing what exists: nothing new comes into being, nothing stops being exempt, nothing is imported twice."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from importing.hand_made import hand_made
from laws.profile import LAW
from laws.scenarios import CATALOGUE, NOW, after_all, scenarios

from reconciler.declarations import load_bytes
from reconciler.importing.left_out import Permissions
from reconciler.importing.live import Choice, import_live
from reconciler.importing.values import Outcome
from reconciler.model import Unmanaged
from reconciler.planning.allowances import Allowances
from reconciler.planning.inputs import PlanInputs, ResolvedDeclarations
from reconciler.planning.provenance import NoHistory
from reconciler.planning.values import Action, Reason

permissions = st.builds(
    Permissions, take_over=st.sampled_from([(), (), ("epac",), ("epac", "fabrikam")]), adopt=st.booleans()
)
ADOPTING = {Reason.ADOPT, Reason.TAKE_OVER, Reason.NARROW, Reason.DUPLICATE}
LATER = [NOW, *(NOW + timedelta(days=days) for days in (4, 30, 90, 500))]


def imported(scenario, allowed=Permissions()):  # noqa: B008 - frozen
    inputs = PlanInputs(
        declarations=ResolvedDeclarations.of(scenario.declarations, CATALOGUE),
        catalogue=CATALOGUE,
        snapshot=scenario.snapshot(),
        settings=scenario.settings,
        history=NoHistory(),
        now=NOW,
        allowed=Allowances(),
        only=None,
    )
    return import_live(inputs, Choice(permissions=allowed), [each.name for each in scenario.declarations])


def extended(scenario, found):
    added = tuple(file.declaration for file in found.files)
    return replace(scenario, declarations=(*scenario.declarations, *added), only=None)


@LAW
@given(st.one_of(hand_made(), scenarios()), permissions)
def test_the_plan_after_an_import_adopts_narrows_and_removes_proven_duplicates_only(scenario, allowed):
    found = imported(scenario, allowed)
    names = {file.declaration.name for file in found.files}
    earlier = {change.fingerprint for change in replace(scenario, only=None).plan().changes}
    plan = extended(scenario, found).plan()
    for change in plan.changes:
        if change.fingerprint in earlier:
            continue
        assert change.declaration in names, (change.action, change.reason, change.id.text)
        assert change.action is not Action.CREATE, change.id.text
        assert change.reason in ADOPTING, change.reason
        assert change.action is not Action.DELETE or change.reason is Reason.DUPLICATE
    assert not [held for held in plan.held if held.declaration in names]
    adopted = {change.id.key for change in plan.changes if change.declaration in names}
    assert {row.source.lower() for row in found.rows if row.outcome is Outcome.IMPORTED} <= adopted


@LAW
@given(st.one_of(hand_made(), scenarios()), permissions)
def test_coverage_is_the_same_before_and_after_now_and_at_every_later_time(scenario, allowed):
    house = replace(scenario.settings, unmanaged=Unmanaged.REPORT)
    scenario = replace(scenario, declarations=(), unread=(), only=None, settings=house)
    foreign = [each for each in scenario.live if each.metadata.get("managedBy") != "exempt"]
    scenario = replace(scenario, live=tuple(foreign))  # what is ours and undeclared goes with or without an import
    done = after_all(scenario.live, extended(scenario, imported(scenario, allowed)).plan().changes)
    for at in LATER:
        assert scenario.exempt(live=done, at=at) == scenario.exempt(at=at)


@LAW
@given(st.one_of(hand_made(), scenarios()), permissions)
def test_a_second_import_finds_nothing_new(scenario, allowed):
    first = imported(scenario, allowed)
    assert imported(extended(scenario, first), allowed).files == ()


@LAW
@given(st.one_of(hand_made(), scenarios()), permissions, st.randoms(use_true_random=False))
def test_the_order_of_what_azure_lists_changes_nothing(scenario, allowed, random):
    live = list(scenario.live)
    random.shuffle(live)
    assert imported(replace(scenario, live=tuple(live)), allowed) == imported(scenario, allowed)


@LAW
@given(st.one_of(hand_made(), scenarios()), permissions)
def test_every_file_says_exactly_its_declaration_and_every_exemption_has_its_line(scenario, allowed):
    found = imported(scenario, allowed)
    for file in found.files:
        loaded, problems = load_bytes(file.text.encode(), file.path)
        assert loaded is not None, (problems, file.text)
        assert replace(loaded, source=file.declaration.source, places={}) == file.declaration
    assert len({file.path.lower() for file in found.files}) == len(found.files)
    assert all(row.message or row.outcome in {Outcome.IMPORTED, Outcome.DUPLICATE} for row in found.rows)
    managed = scenario.snapshot().exemptions
    assert len(found.rows) <= len(managed)
    assert len({row.source for row in found.rows}) == len(found.rows)
