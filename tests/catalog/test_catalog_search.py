"""Search by the words people use: what must come first, with typos, abbreviations and words run together."""

import pytest
from catalog_command import MCSB, NIST_R5, TDE_KEY, TDE_POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog import Recommendation, load
from reconciler.catalog.spelling import distance, stem

CATALOGUE = load()


def titles(query, limit=5):
    return [
        CATALOGUE.initiative_titles[hit.item] if isinstance(hit.item, str) else hit.item.title
        for hit in CATALOGUE.search(query, limit)
    ]


def recommendations(query, limit=10):
    return [hit.item.title for hit in CATALOGUE.search(query, limit) if isinstance(hit.item, Recommendation)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("secure transfer", "Secure transfer to storage accounts should be enabled"),
        ("Secure transfer to storage accounts should be enabled", "Secure transfer to storage accounts should be enabled"),
        ("secure trasnfer", "Secure transfer to storage accounts should be enabled"),
        ("sql tde", "Transparent Data Encryption on SQL databases should be enabled"),
        ("transprent data encrpytion", "Transparent Data Encryption on SQL databases should be enabled"),
        ("keyvault firewall", "Firewall should be enabled on Key Vault"),
        ("key vault fierwall", "Firewall should be enabled on Key Vault"),
        ("purge protection", "Key vaults should have purge protection enabled"),
        ("nsg subnet", "(Enable if required) Subnets should be associated with a network security group"),
        ("aks rbac", "Role-Based Access Control should be used on Kubernetes Services"),
        ("private link acr", "Container registries should use private link"),
        ("privileged containers", "Privileged containers should be avoided"),
        ("pubic acess storage", "Storage account public access should be disallowed"),
        ("cmk cosmosdb", "(Enable if required) Azure Cosmos DB accounts should use customer-managed keys to encrypt data at rest"),
        ("unencrypted disks", "Linux virtual machines should enable Azure Disk Encryption or EncryptionAtHost"),
        ("too many owners", "A maximum of 3 owners should be designated for subscriptions"),
        ("key expiry", "Key Vault keys should have an expiration date"),
        ("azure ad admin sql", "SQL servers should have an Azure Active Directory administrator provisioned"),
        ("cors", "CORS should not allow every resource to access Function Apps"),
        ("NIST SP 800-53 Rev. 5", "NIST SP 800-53 Rev. 5"),
        ("mcsb", "Microsoft cloud security benchmark"),
    ],
)  # fmt: skip
def test_the_best_comes_first(query, first):
    assert titles(query)[0] == first


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("mfa", "Accounts with owner permissions on Azure resources should be MFA enabled"),
        ("multi factor authentication", "Accounts with write permissions on Azure resources should be MFA enabled"),
        ("multifactor", "Ensure multifactor authentication (MFA) is enabled for all IAM users that have a console password"),
        ("public network access storage", "Storage account public access should be disallowed"),
        ("disk encryption", "Windows virtual machines should enable Azure Disk Encryption or EncryptionAtHost"),
        ("disk encrpytion", "Linux virtual machines should enable Azure Disk Encryption or EncryptionAtHost"),
        ("disks encrypted", "Linux virtual machines should enable Azure Disk Encryption or EncryptionAtHost"),
        ("open ports rdp", "Management ports should be closed on your virtual machines"),
        ("jit", "Management ports of virtual machines should be protected with just-in-time network access control"),
        ("remote debuging", "Remote debugging should be turned off for Web Applications"),
        ("guest acounts", "Guest accounts with owner permissions on Azure resources should be removed"),
        ("audit sql server", "Auditing on SQL server should be enabled"),
        ("https only web app", "Web Application should only be accessible over HTTPS"),
        ("microsft.storage/storageaccounts", "Secure transfer to storage accounts should be enabled"),
    ],
)  # fmt: skip
def test_what_people_mean_is_among_the_first(query, expected):
    assert expected in recommendations(query)


def test_what_can_be_exempted_comes_before_its_like_in_another_cloud():
    found = [one for one in (hit.item for hit in CATALOGUE.search("jit", 5)) if isinstance(one, Recommendation)]
    assert [one.exemptable for one in found] == sorted((one.exemptable for one in found), reverse=True)


@pytest.mark.parametrize("query", [TDE_KEY, TDE_KEY[:8], TDE_KEY.upper()])
def test_the_beginning_of_a_key_finds_it(query):
    assert [hit.item.key for hit in CATALOGUE.search(query)] == [TDE_KEY]


def test_the_name_of_a_policy_and_of_an_initiative_find_them():
    assert [hit.item.id.name for hit in CATALOGUE.search(TDE_POLICY[:8])] == [TDE_POLICY]
    assert titles(MCSB) == ["Microsoft cloud security benchmark"]
    assert titles(NIST_R5[:13]) == ["NIST SP 800-53 Rev. 5"]


def test_a_documented_title_without_a_key_is_found():
    assert "SQL servers should have a Microsoft Entra administrator provisioned" in titles("entra administrator sql")


@pytest.mark.parametrize("query", ["", "   ", "?!", "qqqqqqqqqq", "zzxxyy"])
def test_nothing_is_like_nonsense(query):
    assert CATALOGUE.search(query) == ()


def test_the_limit_is_kept_and_scores_fall():
    hits = CATALOGUE.search("storage", 7)
    assert len(hits) == 7
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_nearest_keys_and_titles_are_offered():
    assert [one.key for one in CATALOGUE.nearest(TDE_KEY.replace("4bde", "4bd"))] == [TDE_KEY]
    assert [one.key for one in CATALOGUE.nearest(TDE_KEY.replace("651967bf", "651976bf"))] == [TDE_KEY]
    found = CATALOGUE.nearest("Secure transfer to storage account should be enabeld")
    assert found[0].title == "Secure transfer to storage accounts should be enabled"
    assert len(found) == 1
    assert CATALOGUE.nearest("00000000-0000-0000-0000-000000000000") == ()
    assert CATALOGUE.nearest("please exempt my colleague's weekend project") == ()


@pytest.mark.parametrize(
    "text",
    ["nope", "1", "none", "main", "prod", "hello world", "no such thing", "frobnicate storage", "rg-data", "storage"],
)
def test_what_is_far_or_one_of_many_is_not_offered(text):
    assert CATALOGUE.nearest(text) == ()
    assert CATALOGUE.nearest_title(text) is None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("HostPth", "Usage of pod HostPath volume mounts should be restricted"),
        ("TDE", "Transparent Data Encryption on SQL databases"),
        ("purge protecton", "Key vaults should have purge protection enabled"),
        ("storage account public", "Storage account public access should be disallowed"),
    ],
)
def test_what_is_near_is_offered(text, title):
    assert CATALOGUE.nearest(text)[0].title.startswith(title)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_searched(text):
    assert len(CATALOGUE.search(text, 3)) <= 3
    assert len(CATALOGUE.nearest(text, 3)) <= 3


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE.recommendations)))
def test_every_recommendation_is_found_by_its_own_title(key):
    wanted = CATALOGUE.recommendations[key]
    assert wanted.title in recommendations(wanted.title, 12)


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("disk", "disk", 0),
        ("disk", "disks", 1),
        ("encrpytion", "encryption", 1),
        ("teh", "the", 1),
        ("abcd", "dcba", 3),
    ],
)
def test_distance_counts_slips_and_a_swap_as_one(one, other, slips):
    assert distance(one, other, 2) == distance(other, one, 2) == slips


def test_forms_of_one_word_share_a_stem():
    assert {stem(word) for word in ("encrypt", "encrypted", "encryption", "encrypts", "encrypting")} == {"encrypt"}
    assert {stem(word) for word in ("vulnerability", "vulnerabilities")} == {"vulnerabilit"}
    assert stem("owner") != stem("own")
