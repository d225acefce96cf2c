"""The shipped facts: their counts, computed anew from the members, and every oddity of the real data by name."""

import subprocess
import sys
from collections import Counter

import pytest
from catalog_command import CIS_2, MCSB, NIST_R5, SECURE_TRANSFER, TDE_KEY, TDE_POLICY, policy

from reconciler.catalog import Environment, Obstacle, initiative_id, load, policy_id
from reconciler.model import Cloud

CATALOGUE = load()
GOVERNMENT = load(Cloud.US_GOVERNMENT)


def definitions(name, catalogue=CATALOGUE):
    return {member.definition for member in catalogue.initiative(initiative_id(name)).members}


# --- counts


def test_the_public_edition_has_83_initiatives_over_1593_policies():
    held = {member.definition for one in CATALOGUE.initiatives.values() for member in one.members}
    assert len(CATALOGUE.initiatives) == 83
    assert len(held) == 1593
    assert sum(len(one.members) for one in CATALOGUE.initiatives.values()) == 14_396


def test_the_government_edition_is_its_own():
    held = {member.definition for one in GOVERNMENT.initiatives.values() for member in one.members}
    assert (len(GOVERNMENT.initiatives), len(held)) == (21, 1506)
    assert len(definitions(MCSB, GOVERNMENT)) == 170
    assert GOVERNMENT.initiative(initiative_id(MCSB)).version != CATALOGUE.initiative(initiative_id(MCSB)).version


def test_there_are_635_keys_of_four_environments():
    found = Counter(one.environment for one in CATALOGUE.recommendations.values())
    assert found == {
        Environment.AZURE: 276,
        Environment.AWS: 178,
        Environment.GCP: 137,
        Environment.DEVOPS: 44,
    }
    assert sum(bool(one.policies) for one in CATALOGUE.recommendations.values()) == 231


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
    for one in (*CATALOGUE.recommendations.values(), *CATALOGUE.keyless):
        assert one.title.count("[") == one.title.count("]"), one.title
        assert one.title.count("(") == one.title.count(")"), one.title
        assert "(key:" not in one.title


def test_nine_titles_are_ambiguous():
    titles = Counter(" ".join(one.title.split()).casefold() for one in CATALOGUE.recommendations.values())
    several = [title for title, number in titles.items() if number > 1]
    assert len(several) == 9
    assert all(len(CATALOGUE.find(title)) == 2 for title in several)


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
    assert len(CATALOGUE.keyless) == 326


# --- keys with two policies, policies behind two recommendations


def test_a_key_with_two_policies_has_both():
    (found,) = CATALOGUE.find("82e20e14-edc5-4373-bfc4-f13121257c37")
    assert [one.name for one in CATALOGUE.policy_ids_for(found)] == [
        "feedbf84-6b99-488c-acc2-71c829aa5ffc",
        "ef2a8f2a-b3d9-49cd-a8a8-9a3aaaf647d9",
    ]


def test_seven_keys_have_two_policies():
    assert Counter(len(one.policies) for one in CATALOGUE.recommendations.values()) == {0: 404, 1: 224, 2: 7}


def test_a_policy_behind_two_recommendations_tells_both():
    found = CATALOGUE.resting_on(policy("501541F7-F7E7-4CD6-868C-4190FDAD3AC9"))
    assert [one.title for one in found] == [
        "Machines should have vulnerability findings resolved",
        "Machines should have a vulnerability assessment solution",
    ]


def test_seven_policies_stand_behind_two_recommendations():
    behind = {policy.key: policy for one in CATALOGUE.recommendations.values() for policy in one.policies}
    assert sum(len(CATALOGUE.resting_on(one)) == 2 for one in behind.values()) == 7
    assert all(CATALOGUE.resting_on(one) for one in behind.values())


def test_a_policy_behind_nothing_has_nothing_resting_on_it():
    assert CATALOGUE.resting_on(policy("0004bbf0-5099-4179-869e-e9ffe5fb0945")) == ()


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
        ("001ddfe0-1b98-443f-819d-99f060fd67d5", (Obstacle.OTHER_CLOUD,)),  # AWS
        ("0007dd31-9e95-460d-82bd-ae3e9e623161", (Obstacle.OTHER_CLOUD,)),  # GCP
        ("00c6d40b-e990-6acf-d4f3-471e747a27c4", (Obstacle.DEPRECATED,)),
        ("4fa4b6c0-31ca-4c0d-b10d-24b96f62a751", (Obstacle.SUSPECT_KEY,)),
        ("c0b7cfc6-3172-465a-b378-53c7ff2cc0d5", ()),  # one of its two policies is deprecated, the other is not
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


def test_three_policies_have_a_mode_that_takes_no_exemption():
    found = [one for one in CATALOGUE.policies.values() if Obstacle.MODE in one.obstacles]
    assert sorted(one.mode for one in found) == [
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
    assert len(china.initiatives) == 83


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
