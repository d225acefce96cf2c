"""Whatever a person pastes: addresses of the portal as they are, ids, titles, words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.catalog.catalogue import load
from reconciler.model import parse_scope
from reconciler.requesting.pasted import scopes_in
from reconciler.requesting.subjects import find_subject

CATALOGUE = load()
TDE = "651967bf-044e-4bde-8376-3e08e0600105"
SUB = "/subscriptions/00000000-0000-4000-8000-000000000001"
GROUP = SUB + "/resourceGroups/rg-data"
SERVER = GROUP + "/providers/Microsoft.Sql/servers/legacy-sql"
ENCODED = SERVER.replace("/", "%2F")
CONNECTOR = GROUP + "/providers/Microsoft.Security/securityConnectors/aws-shop"

ADDRESSES_OF_RESOURCES = [
    (SERVER, SERVER),
    (f"https://portal.azure.com/#@contoso.example/resource{SERVER}/overview", SERVER),
    (f"https://portal.azure.com/#@contoso.example/resource{SERVER}", SERVER),
    (f"https://portal.azure.com/#resource{SERVER}/defender_for_cloud", SERVER),
    (f"https://portal.azure.us/#@contoso.example/resource{GROUP}/overview", GROUP),
    (f"https://portal.azure.com/#@contoso.example/resource{SUB}/overview", SUB),
    (f"https://portal.azure.com/#@x/resource{SERVER}/databases/orders/overview", f"{SERVER}/databases/orders"),
    (f"https://portal.azure.com/#view/X/YBlade/resourceId/{ENCODED}/showSecurityCenterCommandBar~/false", SERVER),
    (f"https://portal.azure.com/#view/X/YBlade/id/{ENCODED.replace('%', '%25')}", SERVER),
    (f"{SERVER}/providers/Microsoft.Security/assessments/{TDE}", SERVER),
    (CONNECTOR, CONNECTOR),
    (f"https://portal.azure.com/#@contoso.example/resource{CONNECTOR}/overview", CONNECTOR),
    (f"{CONNECTOR}/providers/Microsoft.Security/assessments/{TDE}", CONNECTOR),
    (f"see {SERVER}, please", SERVER),
    (f'"{SERVER}"', SERVER),
    (
        "https://portal.azure.com/#view/Microsoft_Azure_ManagementGroups/ManagementGroupDrilldownMenuBlade/~/overview/tenantId/c0ffee00-0000-4000-8000-000000000001/mgId/contoso/mgDisplayName/Contoso",
        "/providers/Microsoft.Management/managementGroups/contoso",
    ),
]


@pytest.mark.parametrize(("text", "scope"), ADDRESSES_OF_RESOURCES)
def test_an_address_of_the_portal_gives_the_resource(text: str, scope: str) -> None:
    assert [found.text for found in scopes_in(text)] == [scope]


def test_several_lines_give_several_and_each_once() -> None:
    text = f"- {SERVER}\n- https://portal.azure.com/#resource{SERVER}/overview\n- {GROUP}"
    assert [found.text for found in scopes_in(text)] == [SERVER, GROUP]


@pytest.mark.parametrize("text", ["", "legacy-sql", "/subscriptions/not-a-guid", "https://contoso.example/", SUB[:-3]])
def test_what_names_no_scope_gives_none(text: str) -> None:
    assert scopes_in(text) == ()


ADDRESSES_OF_RECOMMENDATIONS = [
    TDE,
    TDE.upper(),
    "transparent  data encryption on SQL databases should be enabled",
    f"https://portal.azure.com/#blade/Microsoft_Azure_Security/RecommendationsBlade/assessmentKey/{TDE}",
    f"https://ms.portal.azure.com/#view/Microsoft_Azure_Security/GenericRecommendationDetailsBlade/assessmentKey/{TDE}/showSecurityCenterCommandBar~/false",
    f"www.portal.azure.com/?fea#blade/Microsoft_Azure_Security/RecommendationsBlade/assessmentKey/{TDE}/resourceId/{ENCODED}",
    f"{SERVER}/providers/Microsoft.Security/assessments/{TDE}",
    f"https://portal.azure.com/#view/X/Y/recommendationId/{ENCODED}%2Fproviders%2FMicrosoft.Security%2Fassessments%2F{TDE}",
]


@pytest.mark.parametrize("text", ADDRESSES_OF_RECOMMENDATIONS)
def test_an_address_gives_the_recommendation(text: str) -> None:
    search = find_subject(CATALOGUE, text)
    assert [found.subject.value for found in search.subjects] == [TDE]


def test_words_give_what_can_be_exempted_first() -> None:
    search = find_subject(CATALOGUE, "sql tde")
    assert not search.is_clear
    assert search.near[0].title.startswith("Transparent")
    assert all(found.recommendation is not None for found in search.near)
    assert search.near[0].subject.value in search.unclear.remedy


def test_what_is_proposed_is_found() -> None:
    search = find_subject(CATALOGUE, "Transparent Data Encrypton on SQL databases should be enabled")
    assert not search.is_clear
    assert find_subject(CATALOGUE, search.near[0].subject.value).is_clear


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_any_text_gives_a_subject_or_says_why_not(text: str) -> None:
    search = find_subject(CATALOGUE, text)
    assert search.is_clear or search.unclear.message
    for scope in scopes_in(text):
        assert parse_scope(scope.text) == scope


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="/%2Fsubscriptionsprovde#?& \n" + SERVER, max_size=200))
def test_any_likely_text_gives_only_scopes(text: str) -> None:
    for scope in scopes_in(text):
        assert parse_scope(scope.text) == scope
