"""The bundled facts: their counts, computed anew from the members, and every oddity of the real data by name."""

import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from catalog_command import CIS_2, MCSB, NIST_R5, SECURE_TRANSFER, TDE_KEY, TDE_POLICY, policy

from reconciler import model
from reconciler.catalog import (
    Environment,
    Evidence,
    Obstacle,
    Retirement,
    RetirementReason,
    initiative_id,
    load,
    policy_id,
    store,
)
from reconciler.catalog.catalogue import Catalogue
from reconciler.model import Cloud, arm_id, assessment_id

CATALOGUE = load()
GOVERNMENT = load(Cloud.US_GOVERNMENT)


def definitions(name, catalogue=CATALOGUE):
    return {member.definition for member in catalogue.initiative(initiative_id(name)).members}


# --- counts


def test_the_public_edition_has_181_initiatives_over_2354_policies():
    held = {member.definition for one in CATALOGUE.initiatives.values() for member in one.members}
    assert len(CATALOGUE.initiatives) == 181
    assert len(held) == 2354
    assert sum(len(one.members) for one in CATALOGUE.initiatives.values()) == 15_815
    assert sum(one.deprecated for one in CATALOGUE.initiatives.values()) == 37
    assert sum(one.preview for one in CATALOGUE.initiatives.values()) == 30


def test_the_government_edition_is_its_own():
    held = {member.definition for one in GOVERNMENT.initiatives.values() for member in one.members}
    assert (len(GOVERNMENT.initiatives), len(held)) == (76, 1815)
    assert len(definitions(MCSB, GOVERNMENT)) == 170
    assert GOVERNMENT.initiative(initiative_id(MCSB)).version != CATALOGUE.initiative(initiative_id(MCSB)).version


def test_there_are_969_keys_of_four_environments():
    found = Counter(one.environment for one in CATALOGUE.recommendations.values())
    assert found == {
        Environment.AZURE: 379,
        Environment.AWS: 354,
        Environment.GCP: 185,
        Environment.DEVOPS: 48,
        Environment.UNKNOWN: 3,  # of any machine: the successors of a grouped recommendation
    }
    assert sum(bool(one.policies) for one in CATALOGUE.recommendations.values()) == 253


def test_the_benchmark_has_223_policies_each_under_one_reference_id():
    benchmark = CATALOGUE.initiative(initiative_id(MCSB))
    assert benchmark.title == "Microsoft cloud security benchmark"
    assert len(benchmark.members) == len(definitions(MCSB)) == 223


def test_exempting_the_benchmark_beside_nist_r5_takes_372_exemptions():
    benchmark, nist = definitions(MCSB), definitions(NIST_R5)
    assert len(benchmark & nist) == 149
    assert sum(1 + (one in nist) for one in benchmark) == 372


def test_every_member_of_every_initiative_is_a_known_policy():
    for catalogue in (CATALOGUE, GOVERNMENT):
        members = (member for one in catalogue.initiatives.values() for member in one.members)
        assert all(catalogue.policy(member.definition) for member in members)


def test_reference_ids_are_unique_in_an_initiative_whatever_their_case():
    for one in CATALOGUE.initiatives.values():
        folded = [member.reference_id.lower() for member in one.members]
        assert len(folded) == len(set(folded)), one.title


# --- titles that name two recommendations


def test_a_title_of_two_recommendations_gives_both():
    found = CATALOGUE.find("Azure AI Services resources should use Azure Private Link")
    assert [one.key for one in found] == [
        "54f53ddf-6ebd-461e-a247-394c542bc5d1",
        "67279c29-fa4c-4f09-ae59-cb1491565995",
    ]


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("[Deprecated]: Sensitive data in your SQL databases should be classified", "b0df6f56-862d-4730-8597-38c0fd4ebd59"),
        ("[Preview] Containers running in Azure should have vulnerability findings resolved", "e9acaf48-d2cf-45a3-a6e7-3caa2ef769e0"),
        ("Install endpoint protection solution on your machines", "383cf3bc-fdf9-4a02-120a-3e7e36c6bfee"),
    ],
)  # fmt: skip
def test_a_title_that_the_documentation_marks_up_is_known_as_defender_shows_it(title, key):
    assert [one.key for one in CATALOGUE.find(title)] == [key]


def test_the_brackets_of_every_title_are_whole():
    for one in (*CATALOGUE.recommendations.values(), *CATALOGUE.keyless.values()):
        assert one.title.count("[") == one.title.count("]"), one.title
        assert one.title.count("(") == one.title.count(")"), one.title
        assert "(key:" not in one.title


def test_eleven_titles_are_ambiguous():
    titles = {" ".join(one.title.split()).casefold() for one in CATALOGUE.recommendations.values()}
    assert Counter(len(CATALOGUE.find(title)) for title in titles) == {1: 813, 2: 11}


def test_a_title_means_the_documented_key_and_not_one_that_only_a_recording_has():
    (found,) = CATALOGUE.find("Machines should be configured securely")
    recorded = CATALOGUE.recommendations["181ac480-f7c4-544b-9865-11b8ffe87f47"]
    assert found.recorded == ""
    assert (recorded.title, recorded.recorded) == (found.title, "2022-10-25")
    assert CATALOGUE.find(recorded.key) == (recorded,)
    alone = CATALOGUE.recommendations["111cb068-89df-48bd-9493-2e6773444af8"]
    assert CATALOGUE.find(alone.title) == (alone,)


@pytest.mark.parametrize(
    "written",
    [
        TDE_KEY,
        TDE_KEY.upper(),
        f"  {TDE_KEY} ",
        "Transparent Data Encryption on SQL databases should be enabled",
        "transparent data encryption  on SQL databases\nshould be enabled",
    ],
)
def test_a_key_and_a_title_are_exact_but_for_case_and_white_space(written):
    assert [one.key for one in CATALOGUE.find(written)] == [TDE_KEY]


@pytest.mark.parametrize("written", ["", "Transparent Data Encryption", TDE_KEY[:-1], "secure transfer", "%", "*"])
def test_nothing_is_found_by_resemblance(written):
    assert CATALOGUE.find(written) == ()


def test_a_documented_title_without_a_public_key_is_known_as_such():
    found = CATALOGUE.without_key("SQL servers should have a Microsoft Entra administrator provisioned")
    assert found.key == ""
    assert [one.name for one in found.policies] == ["1f314764-cb73-4fc9-b863-8eca98ac36e9"]
    assert CATALOGUE.find(found.title) == ()
    assert len(CATALOGUE.keyless) == 320


# --- keys with two policies, policies behind two recommendations


def test_no_public_source_names_two_policies_behind_a_recommendation():
    assert Counter(len(one.policies) for one in CATALOGUE.recommendations.values()) == {0: 716, 1: 253}


READERS = {
    "82e20e14-edc5-4373-bfc4-f13121257c37": "ef2a8f2a-b3d9-49cd-a8a8-9a3aaaf647d9",
    "ffff0522-1e88-47fc-8382-2a80ba848f5d": "13ce0167-8ca6-4048-8e6b-f996402e3c1b",
    "45cfe080-ceb1-a91e-9743-71551ed24e94": "15fdbc87-8a47-4ee9-a2aa-9a2ea1f37554",
    "bd20bd91-aaf1-7f14-b6e4-866de2f43146": "4df26ba8-026d-45b0-9521-bffa44d741d2",
    "8941d121-f740-35f6-952c-6561d2b38d36": "a0c11ca4-5828-4384-a2f2-fd7444dd5b4d",
    "e71020c2-860c-3235-cd39-04f3f8c936d2": "1e378679-f122-4a96-a739-a7729c46e1aa",
}


@pytest.mark.parametrize(("key", "reader"), READERS.items())
def test_a_policy_that_only_reads_an_assessment_is_not_behind_it(key, reader):
    found = CATALOGUE.recommendations[key]
    assert found.read_by == (policy(reader),)
    assert found.policies
    assert policy(reader) not in found.policies
    assert found not in CATALOGUE.resting_on(policy(reader))
    for catalogue in (CATALOGUE, GOVERNMENT):
        known = catalogue.policy(policy(reader))
        assert known is None or known.assessment == ""


def test_a_policy_that_the_documentation_links_wrongly_is_not_behind_the_recommendation():
    found = CATALOGUE.recommendations["c0b7cfc6-3172-465a-b378-53c7ff2cc0d5"]
    assert [one.name for one in found.policies] == ["090c7b07-b4ed-4561-ad20-e9075f3ccaff"]


def test_a_recording_names_policies_that_the_documentation_does_not():
    found = CATALOGUE.recommendations["f738efb8-005f-680d-3d43-b3db762d6243"]
    assert ([one.name for one in found.policies], found.evidence) == (
        ["037eea7a-bd0a-46c5-9a66-03aea78705d3"],
        Evidence.RECORDED,
    )
    assert sum(one.evidence is Evidence.RECORDED for one in CATALOGUE.recommendations.values()) == 25


# --- retired recommendations


@pytest.mark.parametrize(
    ("key", "retirement"),
    [
        (
            "1195afff-c881-495e-9bc5-1486211ae03f",
            Retirement(reason=RetirementReason.GROUPED, date="2026-07-31", category="SoftwareUpdate"),
        ),
        (
            "dc5357d0-3858-4d17-a1a3-072840bff5be",
            Retirement(
                reason=RetirementReason.GROUPED,
                date="2026-07-31",
                successors=(
                    "d44de051-1862-48f8-8476-192aee854699",
                    "aafa7d27-01ae-40c6-a56c-1d0ef04b1d71",
                    "506d18a1-d571-4341-aad5-a7d363c5bbd4",
                ),
            ),
        ),
        (
            "fde1c0c9-0fd2-4ecc-87b5-98956cbc1095",
            Retirement(reason=RetirementReason.REPLACED, successors=("422107c6-5b9a-46a6-bb1d-26ef1cc52d65",)),
        ),
        ("add45209-73f6-4fa5-a5a5-74a451b07fbe", Retirement(reason=RetirementReason.DEPRECATED, date="2026-07-01")),
        (TDE_KEY, None),
    ],
)
def test_a_retired_recommendation_tells_when_and_what_serves_instead(key, retirement):
    found = CATALOGUE.recommendations[key]
    assert found.retirement == retirement
    assert (Obstacle.RETIRED in found.obstacles) == (retirement is not None)


def test_38_grouped_5_replaced_and_4_deprecated_recommendations_are_retired():
    retired = [one for one in CATALOGUE.recommendations.values() if one.retirement]
    assert Counter(one.retirement.reason for one in retired) == {
        RetirementReason.GROUPED: 38,
        RetirementReason.REPLACED: 5,
        RetirementReason.DEPRECATED: 4,
    }
    assert sum(one.exemptable for one in retired) == 24


def test_successors_and_categories_of_the_retired_are_known():
    retirements = [one.retirement for one in CATALOGUE.recommendations.values() if one.retirement]
    successors = {key for one in retirements for key in one.successors}
    assert len(successors) == 8
    assert all(CATALOGUE.find(key) and not CATALOGUE.find(key)[0].retirement for key in successors)
    assert {one.category for one in retirements} - {""} <= set(CATALOGUE.recommendation_categories)
    assert CATALOGUE.recommendation_categories["SystemUpdate"] == "System updates"
    assert len(CATALOGUE.recommendation_categories) == 8


def test_the_title_of_a_replaced_recommendation_goes_on_meaning_it():
    title = "Guest accounts with read permissions on Azure resources should be removed"
    assert [one.key for one in CATALOGUE.find(title)] == ["fde1c0c9-0fd2-4ecc-87b5-98956cbc1095"]


def test_the_rules_of_sql_vulnerability_assessment_are_recommendations_of_their_own():
    (found,) = CATALOGUE.find("Database user GUEST should not be a member of any role in SQL databases")
    assert (found.severity, found.policies) == ("High", ())


# --- earlier versions of initiatives


def test_an_initiative_tells_what_each_of_its_versions_holds():
    contents = CATALOGUE.initiative_contents(initiative_id("03055927-78bd-4236-86c0-f36125a10dc9"))
    current = CATALOGUE.initiative(initiative_id("03055927-78bd-4236-86c0-f36125a10dc9"))
    assert contents[0].members == current.members
    assert contents[0].versions == (current.version,) == ("15.22.0",)
    assert contents[1].versions == ("15.21.0",)
    assert [len(one.members) for one in contents[:2]] == [435, 438]
    assert sum(len(CATALOGUE.initiative_contents(one.id)) > 1 for one in CATALOGUE.initiatives.values()) == 81
    assert sum(len(GOVERNMENT.initiative_contents(one.id)) > 1 for one in GOVERNMENT.initiatives.values()) == 23


def test_every_version_is_told_once_and_every_content_is_whole():
    for catalogue in (CATALOGUE, GOVERNMENT):
        for initiative in catalogue.initiatives.values():
            contents = catalogue.initiative_contents(initiative.id)
            versions = [version for content in contents for version in content.versions]
            assert len(versions) == len(set(versions))
            assert contents[0].members == initiative.members
            for content in contents:
                folded = [member.reference_id.lower() for member in content.members]
                assert folded
                assert len(folded) == len(set(folded)), (initiative.title, content.versions)


def test_an_unknown_initiative_has_no_versions():
    assert CATALOGUE.initiative_contents(initiative_id("no-such-initiative")) == ()


def test_a_policy_behind_two_recommendations_tells_both():
    found = CATALOGUE.resting_on(policy("501541F7-F7E7-4CD6-868C-4190FDAD3AC9"))
    assert [one.title for one in found] == [
        "Machines should have vulnerability findings resolved",
        "Machines should have a vulnerability assessment solution",
    ]


def test_six_policies_stand_behind_two_recommendations():
    behind = {policy.key: policy for one in CATALOGUE.recommendations.values() for policy in one.policies}
    assert sum(len(CATALOGUE.resting_on(one)) == 2 for one in behind.values()) == 6
    assert all(CATALOGUE.resting_on(one) for one in behind.values())


def test_a_policy_behind_nothing_has_nothing_resting_on_it():
    assert CATALOGUE.resting_on(policy("0004bbf0-5099-4179-869e-e9ffe5fb0945")) == ()


@pytest.mark.parametrize("catalogue", [CATALOGUE, GOVERNMENT], ids=["public", "government"])
def test_a_few_questions_are_answered_as_many_are(catalogue, monkeypatch):
    evaluators = [*catalogue.policies, *(assessment_id(key).key for key in catalogue.recommendations)]
    several = {key: catalogue.resting_on(arm_id(key)) for key in evaluators}
    assert sum(map(bool, several.values())) > 800
    monkeypatch.setattr(store, "FEW", len(evaluators))
    few = Catalogue(catalogue.cloud)
    assert {key: few.resting_on(arm_id(key)) for key in evaluators} == several


def test_an_initiative_is_with_each_policy_that_it_has():
    holders = defaultdict(set)
    for one in CATALOGUE.initiatives.values():
        for member in one.members:
            holders[member.definition].add(one.id)
    for one in [*holders][::23]:
        assert {initiative.id for initiative in CATALOGUE.initiatives_with(one)} == holders[one]
        titles = [initiative.title for initiative in CATALOGUE.initiatives_with(arm_id(one.text.upper()))]
        assert titles == sorted(titles)
        assert len(titles) == len(holders[one])


# --- names are opaque


def test_one_policy_has_a_guid_that_is_none():
    (found,) = CATALOGUE.find(TDE_KEY)
    assert [one.name for one in found.policies] == [TDE_POLICY]
    assert CATALOGUE.policy(policy_id(TDE_POLICY)).title.startswith("Transparent Data Encryption")
    assert CATALOGUE.policy(policy_id(TDE_POLICY.upper())).id.text.endswith(TDE_POLICY)
    assert "sqlDbEncryptionMonitoring" in CATALOGUE.initiative(initiative_id(MCSB)).reference_ids(policy(TDE_POLICY))


def test_a_bare_name_is_a_built_in_and_a_full_id_stays():
    full = "/providers/Microsoft.Authorization/policyDefinitions/" + SECURE_TRANSFER
    own = "/providers/Microsoft.Management/managementGroups/contoso" + full
    assert policy_id(SECURE_TRANSFER) == policy_id(full)
    assert policy_id(own).text == own
    assert CATALOGUE.policy(policy_id(own)) is None


def test_an_initiative_with_one_policy_ten_times_tells_all_ten_reference_ids():
    found = CATALOGUE.initiative(initiative_id(CIS_2))
    counts = Counter(member.definition for member in found.members)
    most, number = counts.most_common(1)[0]
    assert number == 10
    assert most.name.startswith("b954148f")
    assert len(set(found.reference_ids(most))) == 10


def test_a_policy_has_other_reference_ids_in_other_initiatives():
    holders = {
        one.title: one.reference_ids(policy(SECURE_TRANSFER))
        for one in CATALOGUE.initiatives_with(policy(SECURE_TRANSFER))
    }
    assert holders["Microsoft cloud security benchmark"] == ("secureTransferToStorageAccountMonitoring",)
    assert holders["NIST SP 800-53 Rev. 5"] == (SECURE_TRANSFER,)
    assert holders["FedRAMP High"] == ("auditSecureTransferToStorageAccounts",)
    assert list(holders) == sorted(holders)


# --- exemptable or not, and why


@pytest.mark.parametrize(
    ("key", "obstacles"),
    [
        (TDE_KEY, ()),
        ("5d90913f-a1c5-4429-ad54-2c6c17fb3c73", (Obstacle.UNSUPPORTED,)),  # privileged containers
        ("d8326952-60bb-40fb-b33f-51e662708a88", (Obstacle.NO_POLICY, Obstacle.UNSUPPORTED)),  # IP filter rule
        ("9f4a17ee-7a02-4978-b968-8c36b74ac8e3", (Obstacle.DEVOPS, Obstacle.PREVIEW)),
        ("001ddfe0-1b98-443f-819d-99f060fd67d5", ()),  # AWS: by a standard assignment
        ("0007dd31-9e95-460d-82bd-ae3e9e623161", ()),  # GCP
        ("48fad5ca-f530-41bb-9454-c6002bd1085c", ()),  # a rule of SQL vulnerability assessment
        ("00c6d40b-e990-6acf-d4f3-471e747a27c4", (Obstacle.DEPRECATED,)),
        ("4fa4b6c0-31ca-4c0d-b10d-24b96f62a751", (Obstacle.SUSPECT_KEY,)),
        ("c0b7cfc6-3172-465a-b378-53c7ff2cc0d5", (Obstacle.RETIRED,)),
    ],
)
def test_each_kind_of_obstacle_is_told(key, obstacles):
    assert CATALOGUE.recommendations[key].obstacles == obstacles
    assert CATALOGUE.recommendations[key].exemptable == (not any(one.blocks for one in obstacles))


def test_twenty_recommendations_are_on_the_list_of_the_unsupported():
    listed = [one for one in CATALOGUE.recommendations.values() if Obstacle.UNSUPPORTED in one.obstacles]
    assert len(listed) == 20


def test_a_listed_recommendation_without_a_key_marks_its_policy():
    for name in ("a451c1ef-c6ca-483d-87ed-f49761e3ffb5", "1f314764-cb73-4fc9-b863-8eca98ac36e9"):
        assert Obstacle.UNSUPPORTED in CATALOGUE.policy(policy(name)).obstacles


def test_seven_policies_have_a_mode_that_takes_no_exemption():
    found = [one for one in CATALOGUE.policies.values() if Obstacle.MODE in one.obstacles]
    assert sorted(one.mode for one in found) == ["Microsoft.CognitiveServices.Data"] * 4 + [
        "Microsoft.MachineLearningServices.v2.Data",
        "Microsoft.MachineLearningServices.v2.Data",
        "Microsoft.ManagedHSM.Data",
    ]
    assert not any(one.exemptable for one in found)


def test_a_policy_without_a_mode_takes_exemptions():
    found = CATALOGUE.policy(policy("0004bbf0-5099-4179-869e-e9ffe5fb0945"))
    assert found.mode == ""
    assert found.exemptable


def test_policies_tell_title_mode_effect_and_types():
    found = CATALOGUE.policy(policy(SECURE_TRANSFER))
    assert found.title == "Secure transfer to storage accounts should be enabled"
    assert (found.mode, found.default_effect, found.version) == ("Indexed", "Audit", "2.0.0")
    assert found.resource_types == ("microsoft.storage/storageaccounts",)


def test_a_retired_policy_behind_a_recommendation_is_known_by_title():
    found = CATALOGUE.policy(policy("cddd188c-4b82-4c48-a19d-ddf74ee66a01"))
    assert Obstacle.DEPRECATED in found.obstacles
    assert CATALOGUE.initiatives_with(found.id) == ()


def test_the_sources_are_named_with_commit_and_date():
    for catalogue in (CATALOGUE, GOVERNMENT):
        for source in catalogue.provenance:
            assert source.repository.startswith("https://github.com/")
            assert len(source.commit) == 40
            assert len(source.date) == 10


def test_china_has_no_edition_and_uses_the_public_one_with_its_own_modes():
    china = load(Cloud.CHINA)
    assert china.find(TDE_KEY)[0].policies == CATALOGUE.find(TDE_KEY)[0].policies
    assert len(china.initiatives) == 181


# --- reading


def test_importing_and_opening_read_no_facts_and_load_no_heavy_library():
    code = (
        "import sys; from reconciler.catalog import load; from reconciler.catalog import store; load();"
        "assert store.shard.cache_info().currsize == 0;"
        "print(sorted({'yaml', 'jsonschema', 'azure', 'difflib', 'git'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_one_initiative_is_read_alone():
    code = (
        "from reconciler.catalog import load, initiative_id, store;"
        f"load().initiative(initiative_id('{MCSB}'));"
        "print(store.shard.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_a_record_cut_out_of_the_text_is_the_one_that_parsing_gives():
    shards = (store.recommendation_rows, lambda: store.policy_rows("public"), lambda: store.policy_rows("usgov"))
    for rows in shards:
        for name, row in list(rows().all.items())[::37]:
            assert rows().get(name) == row
        assert rows().get('nothing","title":"') is None


def test_a_search_reads_only_what_it_shows():
    code = (
        "import sys; from reconciler.catalog import load, store; hits = load().search('secure transfer', 3);"
        "print(len(hits), store.shard.cache_info().currsize, 'reconciler.model.settings' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3 0 False\n"


def test_every_name_of_the_model_can_be_asked_for():
    assert all(getattr(model, name) is not None for name in model.__all__ if name != "JSON")
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = model.Nothing
