"""What is written on an exemption, what it is called, why it changes, and whether its policy is switched on at all."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from planning.world import (
    AT_ROOT,
    BENCHMARK,
    CATALOGUE,
    NOW,
    OTHER_SUB,
    RG,
    SETTINGS,
    SUB,
    assignment,
    declaration,
    initiative,
    live,
    ours,
    policy,
    shape,
    snapshot,
)
from planning.world import plan as plan_without_history

from reconciler.model import Member, Policy, ResourceSelector, Selector, Subject, SubjectKind, SystemData
from reconciler.planning import marks
from reconciler.planning.decide.naming import exemption_id
from reconciler.planning.decisions import decisions_of
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import Commit, NoHistory

OURS = {"managedBy": "exempt", "owner": SETTINGS.owner}


def plan(found, *declarations, history=NoHistory(), settings=SETTINGS):  # noqa: B008 - frozen
    return make_plan(declarations, CATALOGUE, found, settings, history, NOW)


# --- marks ---


@pytest.mark.parametrize(("metadata", "whose"), [
    (OURS, "OURS"),
    ({"managedBy": "exempt", "owner": "contoso/old"}, "OURS"),
    ({"managedBy": "exempt", "owner": "fabrikam"}, "FOREIGN"),
    ({"managedBy": "exempt"}, "FOREIGN"),
    ({"managedBy": "terraform", "owner": SETTINGS.owner}, "UNOWNED"),
    ({"pacOwnerId": "x"}, "FOREIGN"),
    ({"deployedBy": "x"}, "FOREIGN"),
    ({"pacOwnerId": ""}, "UNOWNED"),
    ({"epacMetadata": {}}, "UNOWNED"),
    ({**OURS, "pacOwnerId": "x"}, "FOREIGN"),
    ({**OURS, "deployedBy": "x"}, "FOREIGN"),
    ({**OURS, "pacOwnerId": "", "epacMetadata": {}}, "OURS"),
    ({}, "UNOWNED"),
])  # fmt: skip
def test_whose_it_is(metadata, whose):
    settings = replace(SETTINGS, former_owners=("contoso/old",))
    assert marks.ownership(live("x", metadata=metadata), settings).name == whose


def test_owners_can_be_addressed_by_each_of_their_names():
    both = live("x", metadata={"pacOwnerId": "p", "deployedBy": "d", "owner": "o"})
    assert marks.owners(both) == ("p", "d")
    assert marks.owners(live("x", metadata={"managedBy": "exempt", "owner": "o", "deployedBy": "d"})) == ("d", "o")
    taken = plan(
        snapshot(live("f", metadata={"pacOwnerId": "p", "deployedBy": "d"})), declaration("one", take_over="d")
    )
    assert shape(taken) == [("update", "take-over", "f", ("refA",))]


def test_the_users_own_metadata_stays_beside_the_marks_and_goes_when_it_is_taken_out():
    first = plan(snapshot(), declaration("one", metadata={"area": "data", "cost": 1})).changes[0].after
    assert first.metadata["declared"] == ["area", "cost"]
    noted = replace(first, metadata={**first.metadata, "note": "of others"})
    then = plan(snapshot(noted), declaration("one", metadata={"cost": 2})).changes[0].after
    assert (then.metadata["cost"], then.metadata["declared"], then.metadata["note"]) == (2, ["cost"], "of others")
    assert "area" not in then.metadata
    last = plan(snapshot(then), declaration("one")).changes[0].after
    assert not {"declared", "cost"} & set(last.metadata)


def test_users_metadata_never_forges_a_mark():
    after = plan(snapshot(), declaration("one", metadata={"owner": "fabrikam", "target": "x"})).changes[0].after
    assert (after.metadata["owner"], after.metadata["target"]) == (SETTINGS.owner, RG.text)


def test_ticket_and_revision_are_written_and_revision_alone_is_no_update():
    made = plan(snapshot(), declaration("one", ticket="T-1"), history=Git("a")).changes[0].after
    assert (made.metadata["ticket"], made.metadata["revision"]) == ("T-1", "a")
    assert plan(snapshot(made), declaration("one", ticket="T-1"), history=Git("b")).is_empty
    assert plan(
        snapshot(made), declaration("one", ticket="T-1", owner="new@contoso.example"), history=Git("b")
    ).is_empty
    assert shape(plan(snapshot(made), declaration("one", ticket="T-2"), history=Git("b"))) == [
        ("update", "edited", made.name, ("refA",))
    ]
    without = plan(snapshot(made), declaration("one"), history=NoHistory()).changes[0].after
    assert not {"ticket", "revision"} & set(without.metadata)


def test_who_asked_is_what_the_declaration_or_its_history_says_and_alone_no_update():
    history = Git(asked_by="lea@contoso.example")
    for wish, by, expected in (
        (declaration("one"), history, "lea@contoso.example"),
        (declaration("one", requested_by="shop@contoso.example"), history, "shop@contoso.example"),
        (declaration("one"), NoHistory(), declaration("one").owner),
    ):
        made = plan(snapshot(), wish, history=by).changes[0].after
        assert made.metadata["requestedBy"] == expected
        assert plan(snapshot(made), wish, history=Git(asked_by="somebody@else.example")).is_empty
    with_history, without = (plan(snapshot(), declaration("one"), history=by) for by in (history, NoHistory()))
    assert with_history.digest == without.digest
    (decision,) = decisions_of(with_history)
    assert (decision.owner, decision.requester) == (declaration("one").owner, "lea@contoso.example")
    (ended,) = decisions_of(plan(snapshot(with_history.changes[0].after)))
    assert (ended.owner, ended.requester) == ("", "lea@contoso.example")


def test_made_by_a_user_is_what_azure_says():
    assert marks.made_by_user(live("x", by="user"))
    assert not marks.made_by_user(live("x", by="Application"))
    assert not marks.made_by_user(replace(live("x"), system=None))


# --- what an exemption says ---


def test_what_a_new_one_says():
    wish = declaration("one", display_name="Shown", expires_on=datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC))
    after = plan(snapshot(), wish).changes[0].after
    assert (after.display_name, after.description, after.category) == ("Shown", "Because it retires.", "Waiver")
    assert (after.expires_on, after.validation, after.extra) == ("2027-01-31T23:59:59Z", "", {})
    assert plan(snapshot(), declaration("one")).changes[0].after.display_name == "one: a"
    long = plan(snapshot(), declaration("n" * 150)).changes[0].after
    assert long.display_name == "n" * 128


# --- names ---


def test_names_are_a_readable_stem_and_a_hash():
    found = plan(snapshot(), declaration("legacy sql.tde/1")).changes[0].after
    assert re.fullmatch(r"legacy-sql-tde-1-[0-9a-f]{12}", found.name)
    assert found.id.text.startswith(f"{RG}/providers/Microsoft.Authorization/policyExemptions/")
    long = plan(snapshot(), declaration("x" * 90)).changes[0].after
    assert re.fullmatch(r"x{48}-[0-9a-f]{12}", long.name)
    assert plan(snapshot(), declaration("äöü")).changes[0].after.name.startswith("exemption-")


def test_names_differ_by_what_they_stand_for_and_by_nothing_else():
    base = plan(snapshot(), declaration("one")).changes[0].after.name
    selected = declaration("one", selectors=WEST)
    other_owner = replace(SETTINGS, owner="fabrikam")
    again = assignment(SUB, "again", BENCHMARK.id)
    others = [
        plan(snapshot(), declaration("one", SUB)), plan(snapshot(), declaration("one", what="b")), plan(snapshot(), selected),
        plan(snapshot(), declaration("one"), settings=other_owner), plan(snapshot(assignments=(again,)), declaration("one")),
    ]  # fmt: skip
    assert len({base, *(each.changes[0].after.name for each in others)}) == 6
    newer = initiative("mcsb", refNew="a")
    same = [declaration("one", expires_on=NOW + timedelta(days=1)), declaration("one", ticket="x")]
    assert {plan(snapshot(), each).changes[0].after.name for each in same} == {base}
    assert plan(snapshot(initiatives=(newer,)), declaration("one")).changes[0].after.name == base


WEST = (ResourceSelector("west", (Selector(kind="resourceLocation", values=("westeurope",)),)),)


def test_names_never_grow_over_64_characters():
    first = exemption_id(RG, "y" * 60, "0" * 12, ())
    taken = {first.key, *(f"{first.key}-{number}" for number in range(2, 100))}
    hundredth = exemption_id(RG, "y" * 60, "0" * 12, taken)
    assert hundredth.name.endswith("-100")
    assert len(hundredth.name) == 64
    assert exemption_id(RG, "y", "0" * 12, taken).name == "y-" + "0" * 12


# --- reasons ---


@dataclass(frozen=True)
class Git:
    """Revisions a < b < c; the declarations were last changed at `changed`."""

    head: str | None = "c"
    changed: str | None = "b"
    dirty: bool = False
    asked_by: str = ""

    def requester(self, file):
        return self.asked_by

    def last_commit(self, file):
        return Commit(self.changed, datetime(2026, 11, 10, tzinfo=UTC)) if self.changed else None

    def contains(self, revision, commit):
        return bool(revision) and commit <= revision


def at(day):
    return datetime(2026, 11, day, tzinfo=UTC)


def assigned(day):
    return replace(AT_ROOT, system=SystemData(created_at=at(day)))


def of(revision, name="o", mark="one", **more):
    found = ours(name, mark, **more)
    return replace(found, metadata={**found.metadata, "revision": revision})


def reasons(done):
    return [change.reason.value for change in done.changes]


def written(day, revision="c", **more):
    """What a run at that revision left of another declaration on that day of November."""
    system = SystemData(created_by_type="Application", created_at=at(1), last_modified_at=at(day), **more)
    return replace(of(revision, mark="two", references=("refB",)), system=system)


def create_reason(tenant, history=None):
    done = plan(tenant, declaration("one"), declaration("two", what="b"), history=history or Git())
    (reason,) = [change.reason.value for change in done.changes if change.declaration == "one"]
    return reason


@pytest.mark.parametrize("day", [9, 11])
def test_what_no_run_knew_is_declared_whenever_it_was_committed_and_assigned(day):
    """The declaration was committed on the 10th; nothing of it has been applied."""
    found = snapshot(assignments=(assigned(day),))
    assert reasons(plan(found, declaration("one"), history=Git())) == ["declared"]
    assert reasons(plan(found, declaration("one"))) == ["declared"]
    assert create_reason(snapshot(written(5, "a"), assignments=(assigned(day),))) == "declared"


def test_a_create_is_fan_out_where_the_assignment_came_after_the_last_run():
    assert create_reason(snapshot(written(5), assignments=(assigned(6),))) == "fan-out"
    assert create_reason(snapshot(written(6), assignments=(assigned(5),))) == "recreate"
    old = replace(of("a", "p", "zero", scope=OTHER_SUB, references=("refB",)), system=written(8).system)
    assert create_reason(snapshot(written(6), old, assignments=(assigned(7),))) == "fan-out"


def test_a_create_is_fan_out_where_the_initiative_changed_after_the_last_run():
    """It gained its first policy of the recommendation."""
    changed = replace(BENCHMARK, system=SystemData(last_modified_at=at(6)))
    for day, reason in ((5, "fan-out"), (7, "recreate")):
        found = snapshot(written(day), assignments=(assigned(1),), initiatives=(changed,))
        assert create_reason(found) == reason


def test_what_a_person_changed_last_does_not_date_a_run():
    by_hand = written(20, last_modified_by_type="User")
    assert create_reason(snapshot(by_hand, assignments=(assigned(6),))) == "fan-out"


@pytest.mark.parametrize(
    ("revision", "reason"), [("a", "declared"), ("b", "recreate"), ("c", "recreate"), ("", "declared")]
)
def test_a_create_is_recreate_where_its_commit_was_applied(revision, reason):
    kept = of(revision, mark="two", references=("refB",))
    done = plan(snapshot(kept), declaration("one"), declaration("two", what="b"), history=Git())
    assert {change.declaration: change.reason.value for change in done.changes if change.before is None} == {
        "one": reason
    }


def test_what_others_own_tells_nothing_about_us():
    theirs = live("f", references=("refB",), metadata={"managedBy": "exempt", "owner": "fabrikam", "revision": "c"})
    assert reasons(plan(snapshot(theirs), declaration("one"), history=Git())) == ["declared"]


@pytest.mark.parametrize(("revision", "reason"), [("a", "edited"), ("b", "revert"), ("c", "revert"), ("", "edited")])
def test_an_update_is_a_revert_where_its_own_revision_has_the_commit(revision, reason):
    assert reasons(plan(snapshot(of(revision)), declaration("one"), history=Git())) == [reason]
    assert reasons(plan(snapshot(of(revision)), declaration("one"))) == ["edited"]


RENAMED = initiative("mcsb", newA="a", refB="b")
GAINED = initiative("mcsb", refA="a", refA2="a", refB="b")


def as_applied(references=("refA",), by="Application", revision="c", **more):
    """What a run at that revision left of declaration one, when the initiative had these references of it."""
    after = plan(snapshot(), declaration("one"), history=Git()).changes[0].after
    system = SystemData(created_by_type="Application", last_modified_by_type=by)
    metadata = {**after.metadata, "revision": revision}
    return replace(after, reference_ids=references, system=system, metadata=metadata, **more)


@pytest.mark.parametrize(
    ("initiatives", "existing", "reason"),
    [
        (RENAMED, as_applied(), "fan-out"),  # the reference was renamed
        (RENAMED, as_applied(by="User"), "fan-out"),  # Azure takes no unknown reference from anybody
        (RENAMED, as_applied(revision="a"), "fan-out"),  # whatever was edited, this reference did exist
        (GAINED, as_applied(), "fan-out"),  # a second policy of it
        (GAINED, as_applied(by="User"), "revert"),  # cut short in the portal, as far as anybody can tell
        (GAINED, as_applied(revision="a"), "edited"),
        (RENAMED, as_applied(("refA", "refB")), "revert"),  # refB was added by hand: the initiative has it, one does not mean it
        (RENAMED, as_applied(description="by hand"), "revert"),  # not the references alone
        (RENAMED, as_applied(expires_on="2027-01-01T00:00:00Z"), "revert"),
        (BENCHMARK, as_applied(("refA", "refB")), "revert"),
    ],
    ids=["renamed", "renamed, last written by a person", "renamed, edited since", "gained", "gained or cut by hand",
         "gained, edited since", "renamed and added to", "renamed and described", "renamed and prolonged", "added to"],
)  # fmt: skip
def test_an_update_is_fan_out_where_the_initiative_alone_explains_it(initiatives, existing, reason):
    found = snapshot(existing, initiatives=(initiatives,))
    assert reasons(plan(found, declaration("one"), history=Git())) == [reason]


@pytest.mark.parametrize(
    ("writers", "last", "reason"),
    [((), "0b1e", "revert"), (("0b1e",), "0B1E", "edited"), (("0b1e",), "an app", "revert")],
)
def test_what_our_own_writer_wrote_last_nobody_changed_in_azure(writers, last, reason):
    """The catalogue's title, the settings or the tool are not as they were: nothing to accuse anybody of."""
    existing = as_applied(display_name="one: an earlier title")
    system = SystemData(created_by="0b1e", last_modified_by=last)
    settings = replace(SETTINGS, writers=frozenset(writers))
    found = snapshot(replace(existing, system=system))
    done = make_plan([declaration("one")], CATALOGUE, found, settings, Git(), NOW)
    assert reasons(done) == [reason]


def test_a_plan_tells_revision_and_dirt():
    done = plan(snapshot(), declaration("one"), history=Git(dirty=True))
    assert (done.revision, done.dirty, done.declared, done.owned) == ("c", True, 1, 0)
    assert plan_without_history(snapshot(ours("o", "x"))).owned == 1


# --- effects ---


def effect(text, *, assigned_to=AT_ROOT, defaults=None, **parameters):
    found = initiative("mcsb", refA="a", refB="b")
    members = (
        Member(definition=policy("a"), reference_id="refA", effect=text),
        Member(definition=policy("b"), reference_id="refB", effect="Disabled"),
    )
    found = replace(found, members=members, defaults=defaults or {})
    to = replace(assigned_to, parameters=parameters) if parameters else assigned_to
    done = plan(snapshot(assignments=(to,), initiatives=(found,)), declaration("one"))
    return any(finding.kind.value == "moot" for finding in done.findings)


@pytest.mark.parametrize(("text", "values", "moot"), [
    ("Disabled", {}, True), ("AuditIfNotExists", {}, False), (None, {}, False),
    ("[parameters('e')]", {"e": "disabled"}, True), ("[ Parameters( 'E' ) ]", {"e": "Disabled"}, True),
    ("[parameters('e')]", {"e": "Audit"}, False), ("[parameters('e')]", {"other": "Disabled"}, False),
])  # fmt: skip
def test_a_disabled_effect_is_found(text, values, moot):
    assert effect(text, **values) is moot


def test_an_effects_default_counts_where_the_assignment_sets_nothing():
    assert effect("[parameters('e')]", defaults={"E": "Disabled"})
    assert not effect("[parameters('e')]", defaults={"e": "Disabled"}, e="Audit")
    assert effect("[parameters('e')]", defaults={"e": "Audit"}, e="Disabled")


def override(value, *selectors):
    return replace(AT_ROOT, overrides=({"kind": "policyEffect", "value": value, "selectors": list(selectors)},))


def test_an_override_comes_first():
    about = {"kind": "policyDefinitionReferenceId", "in": ["REFA"]}
    assert effect("Audit", assigned_to=override("Disabled"))
    assert not effect("Disabled", assigned_to=override("Audit"))
    assert effect("Audit", assigned_to=override("disabled", about))
    assert not effect("Audit", assigned_to=override("Disabled", {**about, "in": ["refB"]}))
    assert not effect("Audit", assigned_to=override("Disabled", {"kind": about["kind"], "notIn": ["refA"]}))
    assert effect("Audit", assigned_to=override("Disabled", {"kind": about["kind"], "notIn": ["refB"]}))
    assert not effect("Audit", assigned_to=override("Disabled", {"kind": "resourceLocation", "in": ["x"]}))
    other = replace(AT_ROOT, overrides=({"kind": "other", "value": "Disabled"},))
    assert not effect("Audit", assigned_to=other)


def test_a_single_policys_effect():
    single = assignment(SUB, "tls", policy("a"))
    found = {"assignments": (single,)}

    def moot(to=single, **more):
        done = plan(snapshot(**{**found, "assignments": (to,)}, **more), declaration("one"))
        return [finding.message for finding in done.findings if finding.kind.value == "moot"]

    assert moot() == []
    assert moot(replace(single, parameters={"Effect": "Disabled"}))
    assert moot(replace(single, overrides=({"kind": "policyEffect", "value": "Disabled"},)))
    known = {
        policy("a").key: Policy(
            id=policy("a"), display_name="A", effect="[parameters('e')]", defaults={"e": "Disabled"}
        )
    }
    assert moot(policies=known)
    assert moot(replace(single, parameters={"e": "Audit"}), policies=known) == []
    assert "()" not in moot(policies=known)[0]


def test_a_whole_assignment_is_never_called_moot():
    off = replace(BENCHMARK, members=tuple(replace(member, effect="Disabled") for member in BENCHMARK.members))
    wish = replace(declaration("one"), subject=Subject(kind=SubjectKind.INITIATIVE, value="mcsb"))
    allowed = replace(SETTINGS, rules=replace(SETTINGS.rules, allow_whole_assignment=True))
    assert plan(snapshot(initiatives=(off,)), wish, settings=allowed).findings == ()


def test_a_policy_has_the_catalogues_default_effect():
    known = next(found for found in CATALOGUE.policies.values() if found.default_effect.lower() == "disabled")
    sets = replace(BENCHMARK, members=(Member(definition=known.id, reference_id="refA"),))
    done = plan(snapshot(initiatives=(sets,)), declaration("one", what=known.id.text))
    assert [finding.kind.value for finding in done.findings if finding.kind.value == "moot"] == ["moot"]
