"""What a tenant's metadata asks of the overlay: small, sorted, never a guess, and nothing twice."""

import random
from dataclasses import replace

from catalog_command import MCSB, NIST_R5, SECURE_TRANSFER, TDE_KEY, TDE_POLICY, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog import Environment, Obstacle, initiative_id, load, policy_id
from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.compare import Difference, FieldChange, Kind, differences, gone_entries
from reconciler.catalog.live import LiveRecommendation, live_policy, live_recommendations
from reconciler.catalog.overlay import InitiativeEntry, Overlay, RecommendationEntry
from reconciler.catalog.refresh import LiveFacts, gone, refreshed, unknown_policies
from reconciler.model import Category, Cloud, Declaration, Initiative, Member, Source, Subject, SubjectKind

SHIPPED = load()
NOTHING = Overlay()
NEW_KEY = "0a0a0a0a-1111-2222-3333-444444444444"
TDE = LiveRecommendation(
    key=TDE_KEY,
    title="Transparent Data Encryption on SQL databases should be enabled",
    severity="Low",
    policy=policy(TDE_POLICY),
)
ASSERTED = "82e20e14-edc5-4373-bfc4-f13121257c37"
"""A recommendation that the rule of the policy behind it names."""
OWN_SET = initiative_id(
    "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policySetDefinitions/own"
)


def metadata(key, **properties):
    return {
        "name": key,
        "properties": {"displayName": "Title", "severity": "Low", "assessmentType": "BuiltIn", **properties},
    }


def overlay(*recommendations, current=NOTHING, initiatives=()):
    return refreshed(SHIPPED, current, LiveFacts(recommendations=recommendations, initiatives=tuple(initiatives)))


def benchmark():
    bundled = SHIPPED.initiative(initiative_id(MCSB))
    return Initiative(id=bundled.id, members=bundled.members, version=bundled.version, display_name=bundled.title)


# --- recommendations


def test_a_tenant_as_bundled_asks_for_nothing():
    assert overlay(TDE, initiatives=[benchmark()]) == NOTHING


def test_letters_case_and_white_space_of_a_title_ask_for_nothing():
    assert overlay(replace(TDE, title=TDE.title.upper() + " ")) == NOTHING


def test_only_what_differs_is_written():
    (entry,) = overlay(replace(TDE, title="TDE should be on", severity="High", preview=True)).recommendations
    assert entry == RecommendationEntry(key=TDE_KEY, title="TDE should be on", severity="High", preview=True)


def test_a_new_recommendation_with_a_policy_is_added():
    (entry,) = overlay(
        LiveRecommendation(key=NEW_KEY, title="New", severity="High", policy=policy(SECURE_TRANSFER))
    ).recommendations
    assert entry == RecommendationEntry(
        key=NEW_KEY, title="New", severity="High", environment=Environment.AZURE, policies=(policy(SECURE_TRANSFER),)
    )


def test_a_new_recommendation_without_a_policy_stands_alone():
    live = LiveRecommendation(
        key=NEW_KEY, title="New", severity="High", category="SystemUpdate", clouds=("Azure", "AWS")
    )
    (entry,) = overlay(live).recommendations
    assert entry == RecommendationEntry(key=NEW_KEY, title="New", severity="High", policies=(), category="SystemUpdate")
    assert overlay(replace(live, category="Unknown", clouds=("GCP",))).recommendations == (
        replace(entry, category=None, environment=Environment.GCP),
    )
    assert overlay(replace(live, custom=True)) == overlay(replace(live, clouds=("DevOps",))) == NOTHING


def test_a_known_recommendation_without_a_policy_is_confirmed_to_stand_alone():
    unsure = next(one for one in SHIPPED.recommendations.values() if one.obstacles == (Obstacle.NO_POLICY,))
    live = LiveRecommendation(key=unsure.key, title=unsure.title, severity=unsure.severity)
    (entry,) = overlay(live).recommendations
    assert entry == RecommendationEntry(key=unsure.key, policies=())
    assert Catalogue(Cloud.PUBLIC, overlay(live)).recommendations[unsure.key].exemptable


def test_the_one_live_policy_confirms_what_the_facts_know():
    known = SHIPPED.recommendations[ASSERTED]
    (behind,) = known.policies
    assert (
        overlay(LiveRecommendation(key=ASSERTED, title=known.title, severity=known.severity, policy=behind)) == NOTHING
    )


def test_another_live_policy_replaces_those_that_rest_on_documentation():
    (entry,) = overlay(replace(TDE, policy=policy(SECURE_TRANSFER))).recommendations
    assert entry.policies == (policy(SECURE_TRANSFER),)


def test_a_policy_whose_own_rule_names_the_recommendation_stays_beside_the_live_one():
    known = SHIPPED.recommendations[ASSERTED]
    (entry,) = overlay(
        LiveRecommendation(key=ASSERTED, title=known.title, severity=known.severity, policy=policy(SECURE_TRANSFER))
    ).recommendations
    asserted = [one for one in known.policies if SHIPPED.policy(one).assessment == ASSERTED]
    assert asserted
    assert entry.policies == (policy(SECURE_TRANSFER), *asserted)


def test_a_recommendation_that_lost_its_policy_says_so():
    (entry,) = overlay(replace(TDE, policy=None)).recommendations
    assert entry.policies == ()


def test_a_custom_recommendation_is_marked():
    (entry,) = overlay(
        LiveRecommendation(key=NEW_KEY, title="Own", severity="Low", policy=policy(SECURE_TRANSFER), custom=True)
    ).recommendations
    catalogue = Catalogue(Cloud.PUBLIC, Overlay(recommendations=(entry,)))
    assert catalogue.find("own")[0].obstacles == (Obstacle.CUSTOM,)


def test_what_the_tenant_does_not_show_is_kept_as_written():
    written = Overlay(recommendations=(RecommendationEntry(key=NEW_KEY, title="By hand", policies=()),))
    assert overlay(TDE, current=written) == written


def test_what_the_bundled_facts_have_caught_up_with_is_dropped():
    assert overlay(TDE, current=Overlay(recommendations=(RecommendationEntry(key=TDE_KEY, severity="Low"),))) == NOTHING


def test_what_a_reviewer_added_is_kept_beside_the_live_policy():
    by_hand = RecommendationEntry(
        key=NEW_KEY, title="Old title", policies=(policy(SECURE_TRANSFER), policy(TDE_POLICY)), resource_types=("a/b",)
    )
    live = LiveRecommendation(key=NEW_KEY, title="New title", severity="Low", policy=policy(SECURE_TRANSFER))
    (entry,) = overlay(live, current=Overlay(recommendations=(by_hand,))).recommendations
    assert (entry.title, entry.policies, entry.resource_types) == ("New title", by_hand.policies, ("a/b",))


def test_what_is_gone_from_the_tenant_is_told_and_changes_nothing():
    assert overlay() == NOTHING
    lost = gone(SHIPPED, LiveFacts(recommendations=()))
    assert len(lost) == 253
    assert TDE_KEY not in {one.key for one in gone(SHIPPED, LiveFacts(recommendations=(TDE,)))}
    assert {entry.difference for entry in gone_entries(lost)} == {Difference.GONE}


def test_only_policies_that_nobody_knows_are_asked_for():
    own = policy_id(f"{OWN_SET.text.rsplit('/', 2)[0]}/policyDefinitions/own")
    live = LiveFacts(recommendations=(TDE, LiveRecommendation(key=NEW_KEY, title="Own", severity="Low", policy=own)))
    assert unknown_policies(SHIPPED, NOTHING, live) == (own,)
    known = live_policy({"id": own.text, "properties": {"displayName": "Own"}})
    assert unknown_policies(SHIPPED, Overlay(policies=(known,)), live) == ()


keys = st.sampled_from([TDE_KEY, ASSERTED, NEW_KEY, *list(SHIPPED.recommendations)[:20]])
policies = st.none() | st.sampled_from([policy(SECURE_TRANSFER), policy(TDE_POLICY), policy("own")])
titles = st.sampled_from([TDE.title, "A title", "Another title"])
lives = st.builds(
    LiveRecommendation,
    key=keys,
    title=titles,
    severity=st.sampled_from(["", "High", "Low"]),
    policy=policies,
    preview=st.booleans(),
)
tenants = st.lists(lives, unique_by=lambda one: one.key, max_size=8)


@settings(max_examples=150, deadline=None)
@given(tenants, tenants)
def test_a_second_refresh_changes_nothing_whatever_was_before(before, after):
    first = overlay(*after, current=overlay(*before))
    assert overlay(*after, current=first) == first


@settings(max_examples=100, deadline=None)
@given(tenants, st.randoms())
def test_the_order_of_the_tenants_answers_does_not_matter(found, chance):
    shuffled = random.Random(chance.random()).sample(found, len(found))
    assert overlay(*found) == overlay(*shuffled)


@settings(max_examples=100, deadline=None)
@given(tenants)
def test_after_a_refresh_every_listed_recommendation_rests_on_its_live_policy(found):
    catalogue = Catalogue(Cloud.PUBLIC, overlay(*found))
    for one in found:
        if one.policy:
            assert one.policy in catalogue.recommendations[one.key].policies
            titled = catalogue.find(one.title)
            replaced = any(found.retirement and one.key in found.retirement.successors for found in titled)
            assert catalogue.recommendations[one.key] in titled or one.title == TDE.title or replaced


# --- initiatives


def test_a_newer_version_is_written_as_what_was_added_and_removed():
    live = benchmark()
    changed = replace(
        live,
        version="58.0.0",
        members=(*live.members[1:], Member(definition=policy("brand-new"), reference_id="brandNew")),
    )
    (entry,) = overlay(initiatives=[changed]).initiatives
    assert entry == InitiativeEntry(
        id=live.id, version="58.0.0", added=(Member(definition=policy("brand-new"), reference_id="brandNew"),),
        removed=(live.members[0].reference_id,),
    )  # fmt: skip


def test_a_reference_id_that_names_another_policy_now_is_added():
    live = benchmark()
    moved = Member(definition=policy("brand-new"), reference_id=live.members[0].reference_id.upper())
    (entry,) = overlay(initiatives=[replace(live, members=(moved, *live.members[1:]))]).initiatives
    assert (entry.added, entry.removed) == ((moved,), ())
    found = Catalogue(Cloud.PUBLIC, Overlay(initiatives=(entry,))).initiative(live.id)
    assert len(found.members) == 223
    assert found.reference_ids(policy("brand-new")) == (moved.reference_id,)


def test_a_version_with_the_same_members_asks_for_nothing():
    assert overlay(initiatives=[replace(benchmark(), version="58.0.0")]) == NOTHING


def test_of_several_pinned_versions_the_newest_counts():
    old = replace(benchmark(), version="9.0.0", members=())
    assert overlay(initiatives=[benchmark(), old]) == overlay(initiatives=[old, benchmark()]) == NOTHING


def test_a_custom_initiative_is_written_whole_where_it_evaluates_a_recommendation():
    own = Initiative(
        id=OWN_SET,
        members=(
            Member(definition=policy(TDE_POLICY), reference_id="b"),
            Member(definition=policy("own"), reference_id="a"),
        ),
        version="1.0.0",
        display_name="Own\u200b set",
    )
    (entry,) = overlay(initiatives=[own]).initiatives
    assert (entry.title, entry.version) == ("Own set", "1.0.0")
    assert [one.reference_id for one in entry.members] == ["a", "b"]


def test_a_custom_initiative_without_a_recommendation_is_left_out():
    assert (
        overlay(
            initiatives=[
                Initiative(
                    id=OWN_SET,
                    members=(Member(definition=policy("own"), reference_id="a"),),
                    version="1.0.0",
                    display_name="Own",
                )
            ]
        )
        == NOTHING
    )


def test_a_custom_initiative_counts_where_a_new_recommendation_rests_on_it():
    own = Initiative(
        id=OWN_SET, members=(Member(definition=policy("own"), reference_id="a"),), version="1.0.0", display_name="Own"
    )
    found = overlay(
        LiveRecommendation(key=NEW_KEY, title="Own", severity="Low", policy=policy("own")), initiatives=[own]
    )
    assert [entry.id for entry in found.initiatives] == [OWN_SET]


def test_an_initiative_that_is_not_assigned_now_is_kept():
    written = Overlay(initiatives=(InitiativeEntry(id=initiative_id(NIST_R5), version="99.0.0"),))
    assert overlay(TDE, current=written) == written


# --- reading the answers


def test_metadata_is_read_leniently():
    rows = [
        metadata(TDE_KEY.upper(), displayName="A\u200b  b\x00", severity="HIGH", preview=True,
                 policyDefinitionId="/providers/Microsoft.Authorization/policyDefinitions/x"),
        metadata(TDE_KEY, displayName="second"),
        metadata(NEW_KEY, assessmentType="CustomPolicy", severity="Unheard", policyDefinitionId="nonsense"),
        metadata("not-a-key"), metadata(NEW_KEY.replace("0a", "0b"), displayName=None), {}, None, 7, {"name": TDE_KEY},
    ]  # fmt: skip
    assert live_recommendations(rows) == (
        LiveRecommendation(key=NEW_KEY, title="Title", custom=True),
        LiveRecommendation(key=TDE_KEY, title="A b", severity="High", policy=policy("x"), preview=True),
    )


def test_a_policy_definition_is_read_leniently():
    identifier = "/providers/Microsoft.Authorization/policyDefinitions/own"
    rule = {"then": {"effect": "[parameters('effect')]"}}
    found = live_policy(
        {"id": identifier, "properties": {"displayName": "Own", "mode": "All", "policyRule": rule,
                                          "parameters": {"effect": {"defaultValue": "Deny"}}}}
    )  # fmt: skip
    assert (found.title, found.mode, found.default_effect) == ("Own", "All", "Deny")
    assert live_policy({"id": identifier}).title == "own"
    assert live_policy({"id": "/subscriptions/x"}) is None
    assert live_policy(None) is None


# --- differences, and what they touch


def declaration(name, kind, value):
    return Declaration(
        name=name,
        subject=Subject(kind=kind, value=value),
        scopes=(),
        category=Category.WAIVER,
        justification="because",
        owner="a@contoso.example",
        source=Source(f"exemptions/{name}.yaml"),
    )


def test_differences_tell_fields_and_the_declarations_they_touch():
    changed = Overlay(
        recommendations=(
            RecommendationEntry(key=TDE_KEY, title="TDE should be on", policies=(policy(SECURE_TRANSFER),)),
        ),
        initiatives=(
            InitiativeEntry(id=initiative_id(MCSB), added=(Member(definition=policy("new"), reference_id="new"),)),
        ),
    )
    declarations = [
        declaration("by-key", SubjectKind.RECOMMENDATION, TDE_KEY),
        declaration("by-old-title", SubjectKind.RECOMMENDATION, TDE.title),
        declaration("by-new-title", SubjectKind.RECOMMENDATION, "tde should be on"),
        declaration("by-initiative", SubjectKind.INITIATIVE, MCSB),
        declaration("by-policy", SubjectKind.POLICY, SECURE_TRANSFER),
        declaration("by-assignment", SubjectKind.ASSIGNMENT, "/providers/x/y/z"),
    ]
    first, second = differences(SHIPPED, Catalogue(Cloud.PUBLIC, changed), declarations)
    assert (first.kind, first.identifier, first.difference) == (Kind.RECOMMENDATION, TDE_KEY, Difference.CHANGED)
    assert first.declarations == ("by-key", "by-new-title", "by-old-title")
    assert FieldChange(name="title", before=TDE.title, after="TDE should be on") in first.changes
    assert (
        FieldChange(name="policies", before=(policy(TDE_POLICY).text,), after=(policy(SECURE_TRANSFER).text,))
        in first.changes
    )
    assert (second.kind, second.declarations) == (Kind.INITIATIVE, ("by-initiative",))
    assert second.changes == (FieldChange(name="members", before=(), after=("new = new",)),)


def test_what_is_added_and_what_is_taken_away_mirror_each_other():
    added = Catalogue(
        Cloud.PUBLIC, Overlay(recommendations=(RecommendationEntry(key=NEW_KEY, title="New", policies=(policy("x"),)),))
    )
    (there,), (back,) = differences(SHIPPED, added), differences(added, SHIPPED)
    assert (there.difference, back.difference) == (Difference.ADDED, Difference.REMOVED)
    assert there.identifier == back.identifier == NEW_KEY


def test_a_catalogue_does_not_differ_from_itself():
    same = Overlay(recommendations=(RecommendationEntry(key=TDE_KEY, severity="High"),))
    assert differences(Catalogue(Cloud.PUBLIC, same), Catalogue(Cloud.PUBLIC, same)) == ()
