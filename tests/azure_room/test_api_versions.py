"""Which version of an initiative a pinned pattern means, and which api-version a cloud can be asked with."""

import pytest

from reconciler.azure.api_versions import KNOWN, Api, ApiVersions, listed_versions
from reconciler.azure.definitions import matches, newest
from reconciler.azure.errors import is_version_refused
from reconciler.emulator import versions
from reconciler.problems import AzureError


@pytest.mark.parametrize(
    ("pattern", "version", "taken"),
    [
        ("1.*.*", "1.4.0", True),
        ("1.*.*", "2.0.0", False),
        ("1.2.*", "1.2.9", True),
        ("1.2.*", "1.3.0", False),
        ("1.2.3", "1.2.3", True),
        ("1.*.*", "1.4.0-preview", False),
        ("1.*.*-preview", "1.4.0-preview", True),
        ("1.*.*-preview", "1.4.0", True),
        ("1.*.*-preview", "1.4.0-deprecated", False),
        ("odd", "ODD", True),
        ("odd", "1.0.0", False),
    ],
)
def test_a_pattern_takes_the_versions_it_names(pattern, version, taken):
    assert matches(pattern, version) is taken


def test_numbers_are_compared_as_numbers():
    assert newest("1.*.*", ["1.9.0", "1.10.0", "2.0.0", "1.2.0"]) == "1.10.0"


def test_a_stable_version_wins_over_its_own_preview():
    assert newest("1.*.*-preview", ["1.1.0-preview", "1.1.0"]) == "1.1.0"


def test_no_pattern_takes_the_newest_and_none_fitting_gives_none():
    assert newest(None, ["1.0.0", "3.0.0", "2.0.0"]) == "3.0.0"
    assert newest("4.*.*", ["1.0.0"]) is None
    assert newest(None, []) is None


REFUSAL = (
    "The resource type 'policyExemptions' could not be found in the namespace 'Microsoft.Authorization' for api "
    "version '2026-01-01-preview'. The supported api-versions are '2020-07-01-preview,2022-07-01-preview'."
)


def test_a_refusal_lists_versions_newest_first():
    assert listed_versions(REFUSAL) == ("2022-07-01-preview", "2020-07-01-preview")
    assert listed_versions("no list here") == ()
    both = "supported versions are '2020-07-01-preview, 2020-07-01 ,,2019-01-01'"
    assert listed_versions(both) == ("2020-07-01", "2020-07-01-preview", "2019-01-01")


def test_an_older_cloud_settles_the_version_for_the_rest_of_the_run():
    versions = ApiVersions()
    first = versions.current(Api.EXEMPTIONS)
    assert versions.settle(Api.EXEMPTIONS, first, REFUSAL)
    assert versions.current(Api.EXEMPTIONS) == "2022-07-01-preview"
    assert not versions.settle(Api.EXEMPTIONS, "2022-07-01-preview", REFUSAL), "nothing new: give up, do not loop"


def test_a_version_that_reconciler_yaml_fixes_is_never_changed():
    versions = ApiVersions("2024-12-01-preview")
    assert not versions.settle(Api.EXEMPTIONS, "2024-12-01-preview", REFUSAL)
    assert versions.current(Api.EXEMPTIONS) == "2024-12-01-preview"


@pytest.mark.parametrize(
    ("status", "code", "is_refused"),
    [
        (400, "InvalidApiVersionParameter", True),
        (404, "InvalidResourceType", True),
        (404, "NoRegisteredProviderFound", True),
        (404, "ResourceNotFound", False),
        (409, "InvalidResourceType", False),
    ],
)
def test_a_version_is_refused_by_a_code_and_a_status(status, code, is_refused):
    assert is_version_refused(AzureError(status, code, REFUSAL)) is is_refused


def test_versions_that_this_code_does_not_understand_are_not_taken():
    versions = ApiVersions()
    assert not versions.settle(Api.EXEMPTIONS, "2026-01-01-preview", "supported api-versions are '2031-01-01'")


def test_for_an_unknown_type_a_stable_version_is_preferred():
    versions = ApiVersions()
    listed = "The supported api-versions are '2019-01-01,2023-08-01-preview,2021-11-01'."
    assert versions.settle("microsoft.sql/servers", versions.current("microsoft.sql/servers"), listed)
    assert versions.current("microsoft.sql/servers") == "2021-11-01"


TYPES = {
    Api.EXEMPTIONS: "microsoft.authorization/policyexemptions",
    Api.STANDARDS: "microsoft.security/standardassignments",
    Api.ASSIGNMENTS: "microsoft.authorization/policyassignments",
    Api.INITIATIVES: "microsoft.authorization/policysetdefinitions",
    Api.POLICIES: "microsoft.authorization/policydefinitions",
    Api.PERMISSIONS: "microsoft.authorization/permissions",
    Api.GROUPS: "microsoft.management/managementgroups",
    Api.GRAPH: "microsoft.resourcegraph/resources",
    Api.METADATA: "microsoft.security/assessmentmetadata",
    Api.SECURE_SCORE: "microsoft.security/securescorecontroldefinitions",
}


@pytest.mark.parametrize("api", Api)
def test_every_version_we_ask_with_is_one_that_azure_lists(api):
    """The embedded Azure's lists are written from Azure's own, apart from ours."""
    listed = versions.KNOWN[TYPES[api]] if api in TYPES else versions.RESOURCE_MANAGER
    assert set(KNOWN[api]) - set(listed) == set()
