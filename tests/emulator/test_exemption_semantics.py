"""What recordings of the real exemption API show, as small cases of our own."""

import contoso
import emulated
import pytest
from contoso import ASSIGNMENT, DATABASE, GROUP, ONE, ROOT, SERVER, TWO, exemption_id, waiver


def test_put_creates_with_201_then_replaces_whole_with_200(arm):
    created = arm.put(exemption_id(SERVER), waiver(description="first", metadata={"ticket": "A-1"}))
    replaced = arm.put(exemption_id(SERVER), waiver(displayName="second"))
    assert (created.status, replaced.status) == (201, 200)
    assert replaced.json["properties"] == waiver(displayName="second")


def test_answers_have_the_order_and_form_of_the_wire(arm):
    answer = arm.put(
        exemption_id(SERVER),
        {
            "metadata": {"b": 1, "a": 2},
            "expiresOn": "2031-03-09T07:30:10.0000000Z",
            "description": "Ünïcode",
            "displayName": "shown",
            "exemptionCategory": "Mitigated",
            "policyDefinitionReferenceIds": ["Rule1"],
            "policyAssignmentId": ASSIGNMENT,
        },
    )
    expected = (
        '{"properties":{"policyAssignmentId":"%s","policyDefinitionReferenceIds":["Rule1"],'
        '"exemptionCategory":"Mitigated","displayName":"shown","description":"Ünïcode",'
        '"expiresOn":"2031-03-09T07:30:10Z","metadata":{"b":1,"a":2}},"id":"%s",'
        '"type":"Microsoft.Authorization/policyExemptions","name":"waived","systemData":'
    )
    assert answer.body.decode().startswith(expected % (ASSIGNMENT, exemption_id(SERVER)))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_system_data_keeps_creation_and_moves_even_for_an_identical_put(cloud, arm):
    first = emulated.Client(cloud, emulated.PORTAL).put(exemption_id(SERVER), waiver()).json["systemData"]
    second = arm.put(exemption_id(SERVER), waiver()).json["systemData"]
    assert (first["createdBy"], first["createdByType"]) == (emulated.PORTAL, "User")
    assert second["createdAt"] == first["createdAt"]
    assert second["createdBy"] == emulated.PORTAL
    assert second["lastModifiedByType"] == "Application"
    assert second["lastModifiedBy"].count("-") == 4, "applications are named by object id"
    assert second["lastModifiedAt"] > first["lastModifiedAt"]
    assert not second["lastModifiedAt"].endswith("0Z")


def test_delete_answers_the_last_state_then_204(arm):
    body = arm.put(exemption_id(SERVER), waiver()).json
    gone, again = arm.delete(exemption_id(SERVER)), arm.delete(exemption_id(SERVER))
    assert (gone.status, gone.json) == (200, body)
    assert (again.status, again.body) == (204, b"")
    missing = arm.get(exemption_id(SERVER))
    assert (missing.status, missing.code) == (404, "PolicyExemptionNotFound")
    assert missing.message == "The policy exemption 'waived' could not be found."
    assert missing.headers["content-type"] == "application/json"


def test_ids_compare_in_any_case_and_show_as_first_written(arm):
    arm.put(exemption_id(SERVER, "MixedCase"), waiver(policyAssignmentId=ASSIGNMENT.upper()))
    shouted = arm.put(exemption_id(SERVER.upper(), "MIXEDCASE"), waiver(policyAssignmentId=ASSIGNMENT))
    assert shouted.status == 200
    assert shouted.json["id"] == exemption_id(SERVER, "MixedCase")
    assert shouted.json["name"] == "MixedCase"
    lower = arm.get(exemption_id(SERVER, "mixedcase").lower())
    assert lower.json["id"] == exemption_id(SERVER, "MixedCase")


def test_double_slashes_and_encoded_names_reach_the_same_object(arm):
    arm.put(exemption_id(SERVER, "with space in it"), waiver())
    path = "/" + exemption_id(SERVER, "with%20space%20in%20it") + "?api-version=2022-07-01-preview"
    assert arm.get(path).json["name"] == "with space in it"


@pytest.mark.parametrize(
    "empty", [{"policyDefinitionReferenceIds": []}, {"metadata": {}}, {"displayName": ""}, {"description": ""}]
)
def test_empty_values_are_echoed_as_stored(arm, empty):
    assert arm.put(exemption_id(SERVER), waiver(**empty)).json["properties"] == waiver(**empty)


def test_null_is_absent_and_unknown_properties_are_ignored(arm):
    answer = arm.put(exemption_id(SERVER), waiver(description=None, colour="blue"))
    assert answer.json["properties"] == waiver()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2031-01-31", "2031-01-31T00:00:00Z"),
        ("2031-01-31T10:00:00.1234567Z", "2031-01-31T10:00:00.1234567Z"),
        ("2031-01-31T10:00:00.1200000Z", "2031-01-31T10:00:00.12Z"),
        ("2031-01-31T10:00:00.123456789Z", "2031-01-31T10:00:00.1234567Z"),
        ("2031-01-31T10:00:00+02:00", "2031-01-31T08:00:00Z"),
        ("2031-01-31T10:00:00.000Z", "2031-01-31T10:00:00Z"),
    ],
)
def test_expiry_is_normalised(arm, sent, shown):
    assert arm.put(exemption_id(SERVER), waiver(expiresOn=sent)).json["properties"]["expiresOn"] == shown


def test_metadata_is_never_stamped(arm):
    mine = {"createdBy": "me", "createdOn": "long ago"}
    assert arm.put(exemption_id(SERVER), waiver(metadata=mine)).json["properties"]["metadata"] == mine


def test_scope_validation_is_echoed_only_if_sent(arm):
    silent = arm.put(exemption_id(SERVER, "a"), waiver()).json["properties"]
    said = arm.put(exemption_id(SERVER, "b"), waiver(assignmentScopeValidation="default")).json["properties"]
    assert "assignmentScopeValidation" not in silent
    assert said["assignmentScopeValidation"] == "Default"


def test_the_category_is_understood_in_any_case(arm):
    assert (
        arm.put(exemption_id(SERVER), waiver(exemptionCategory="mitigated")).json["properties"]["exemptionCategory"]
        == "Mitigated"
    )


# --- PATCH -------------------------------------------------------------------------------------------------------

SELECTORS = [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]


def test_patch_changes_selectors_and_validation_and_nothing_else(arm):
    arm.put(exemption_id(SERVER), waiver(description="kept"))
    patch = {"properties": {"resourceSelectors": SELECTORS, "description": "ignored"}}
    patched = arm.request("PATCH", exemption_id(SERVER), patch)
    assert patched.status == 200
    assert patched.json["properties"] == waiver(description="kept", resourceSelectors=SELECTORS)


def test_patch_needs_the_object_and_a_version_that_has_it(arm):
    assert arm.request("PATCH", exemption_id(SERVER), {"properties": {}}).code == "PolicyExemptionNotFound"


# --- API versions ------------------------------------------------------------------------------------------------


def test_a_put_by_an_older_version_erases_what_it_cannot_show(arm):
    arm.put(exemption_id(SERVER), waiver(resourceSelectors=SELECTORS, assignmentScopeValidation="Default"))
    old = arm.get(exemption_id(SERVER), version="2020-07-01-preview").json["properties"]
    assert set(old) == {"policyAssignmentId", "exemptionCategory"}
    arm.put(exemption_id(SERVER), waiver(resourceSelectors=SELECTORS), version="2020-07-01-preview")
    assert arm.get(exemption_id(SERVER), version="2026-01-01-preview").json["properties"] == waiver()


def test_the_management_mode_came_last(arm):
    path = exemption_id(SERVER)
    arm.put(path, waiver(exemptionManagementMode="UserSelfServe"), version="2026-01-01-preview")
    assert arm.get(path, version="2026-01-01-preview").json["properties"]["exemptionManagementMode"] == "UserSelfServe"
    assert "exemptionManagementMode" not in arm.get(path, version="2024-12-01-preview").json["properties"]


@pytest.mark.parametrize(
    "version",
    ["2020-07-01-preview", "2022-07-01-preview", "2024-12-01-preview", "2025-12-01-preview", "2026-01-01-preview"],
)
def test_every_version_that_ever_was(arm, version):
    assert arm.put(exemption_id(SERVER), waiver(), version=version).status == 201


def test_a_version_is_required_and_must_exist(arm):
    missing = arm.get(exemption_id(SERVER) + "?x=y")
    assert (missing.status, missing.code) == (400, "MissingApiVersionParameter")
    wrong = arm.get(exemption_id(SERVER), version="2023-04-01")
    assert wrong.code == "InvalidResourceType"
    assert "'policyExemptions' could not be found in the namespace 'Microsoft.Authorization'" in wrong.message
    assert "2020-07-01-preview,2022-07-01-preview" in wrong.message


# --- what is refused ---------------------------------------------------------------------------------------------


def refusal(answer):
    return answer.status, answer.code


def test_an_assignment_that_does_not_exist(arm):
    answer = arm.put(exemption_id(SERVER), waiver(policyAssignmentId=ASSIGNMENT + "x"))
    assert refusal(answer) == (400, "InvalidCreatePolicyExemptionRequest")
    assert answer.message.startswith("The policy exemption 'waived' create request is invalid. ")
    assert f"'{ASSIGNMENT}x' could not be found" in answer.message


def test_the_assignment_of_an_exemption_never_changes(arm):
    arm.put(exemption_id(SERVER), waiver())
    other = arm.put(exemption_id(SERVER), waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT))
    missing = arm.put(exemption_id(SERVER), waiver(policyAssignmentId=ASSIGNMENT + "x"))
    assert refusal(other) == refusal(missing) == (400, "InvalidPolicyAssignmentIdUpdate")
    assert arm.put(exemption_id(SERVER), waiver(policyAssignmentId=ASSIGNMENT.lower())).status == 200


def test_reference_ids_must_be_in_the_initiative_in_any_case(arm):
    unknown = arm.put(exemption_id(SERVER), waiver(policyDefinitionReferenceIds=["Rule1", "Rule9"]))
    assert refusal(unknown) == (400, "InvalidPolicyDefinitionReference")
    assert "Rule9" in unknown.message
    assert arm.put(exemption_id(SERVER), waiver(policyDefinitionReferenceIds=["RULE1"])).status == 201


def test_a_single_policy_takes_no_reference_ids(arm):
    answer = arm.put(
        exemption_id(SERVER),
        waiver(policyAssignmentId=contoso.POLICY_ASSIGNMENT, policyDefinitionReferenceIds=["Rule1"]),
    )
    assert refusal(answer) == (400, "InvalidPolicyDefinitionReference")
    assert answer.message == (
        "The policy exemption 'waived' create request is invalid. The associated policy assignment is an assignment of "
        "a policy definition. The policy definition reference is only valid for policy assignments of policy set "
        "definitions."
    )


@pytest.mark.parametrize("scope", [ROOT, TWO, f"{TWO}/resourceGroups/rg-web"])
def test_an_exemption_above_or_beside_its_assignment(arm, scope):
    properties = waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT)
    answer = arm.put(exemption_id(scope), properties)
    assert refusal(answer) == (400, "InvalidCreatePolicyExemptionRequest")
    assert "is not at or under" in answer.message
    assert arm.put(exemption_id(scope), {**properties, "assignmentScopeValidation": "DoNotValidate"}).status == 201


@pytest.mark.parametrize("scope", [contoso.CORP, ONE, GROUP, SERVER, DATABASE])
def test_an_exemption_at_or_under_its_assignment(arm, scope):
    assert arm.put(exemption_id(scope), waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT)).status == 201


def test_a_moved_subscription_changes_what_is_under(arm):
    move = f"{contoso.CORP}/subscriptions/{TWO.split('/')[2]}"
    assert arm.request("PUT", move, version="2021-04-01").status == 200
    assert arm.put(exemption_id(TWO), waiver(policyAssignmentId=contoso.CORP_ASSIGNMENT)).status == 201


@pytest.mark.parametrize("name", ["a" * 65, "per%25cent", "a:b", "a.b", "ends%20with%20space%20", "a+b", "a?b", "a*b"])
def test_names_that_are_refused(arm, name):
    path = f"{exemption_id(SERVER, '')}{name.replace('?', '%3F').replace('+', '%2B')}?api-version=2022-07-01-preview"
    assert arm.put(path, waiver()).status == 400


def test_a_name_of_64_characters_is_accepted(arm):
    assert arm.put(exemption_id(SERVER, "a" * 64), waiver()).status == 201


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"exemptionCategory": "Waiver"},
        {"policyAssignmentId": ASSIGNMENT},
        waiver(exemptionCategory="Forever"),
        waiver(expiresOn="soon"),
        waiver(expiresOn="2031-02-30"),
        waiver(expiresOn=""),
        waiver(displayName="x" * 129),
        waiver(description="x" * 513),
        waiver(metadata=[]),
        waiver(policyDefinitionReferenceIds="Rule1"),
        waiver(assignmentScopeValidation="Maybe"),
    ],
)
def test_properties_that_are_refused(arm, properties):
    answer = arm.put(exemption_id(SERVER), properties)
    assert answer.status == 400
    assert answer.code in {"InvalidRequestContent", "InvalidCreatePolicyExemptionRequest"}
    assert arm.get(exemption_id(SERVER)).status == 404


def test_texts_at_their_limits_are_accepted(arm):
    assert arm.put(exemption_id(SERVER), waiver(displayName="x" * 128, description="x" * 512)).status == 201


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"properties": 3}', b"\xff"])
def test_bodies_that_are_no_exemption(arm, body):
    answer = arm.request("PUT", exemption_id(SERVER), body)
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")


def test_a_body_over_the_limit(arm):
    answer = arm.put(exemption_id(SERVER), waiver(metadata={"x": "y" * 1_048_576}))
    assert answer.status == 413


def condition(**more):
    return [{"name": "only", "selectors": [more] if isinstance(more, dict) else more}]


@pytest.mark.parametrize(
    "selectors",
    [
        condition(kind="resourceColour", **{"in": ["blue"]}),
        condition(kind="resourceLocation", **{"in": ["a"], "notIn": ["b"]}),
        condition(kind="resourceLocation"),
        condition(kind="resourceLocation", **{"in": [str(number) for number in range(51)]}),
        condition(kind="resourceWithoutLocation", **{"in": ["everything"]}),
        [
            {
                "name": "twice",
                "selectors": [{"kind": "resourceType", "in": ["a"]}, {"kind": "resourceType", "in": ["b"]}],
            }
        ],
        [
            {
                "name": "both",
                "selectors": [
                    {"kind": "resourceLocation", "in": ["westeurope"]},
                    {"kind": "resourceWithoutLocation", "in": ["subscriptionLevelResources"]},
                ],
            }
        ],
        "west",
    ],
)
def test_selectors_that_are_refused(arm, selectors):
    assert arm.put(exemption_id(SERVER), waiver(resourceSelectors=selectors)).status == 400


def test_selectors_come_back_as_sent(arm):
    assert (
        arm.put(exemption_id(SERVER), waiver(resourceSelectors=SELECTORS)).json["properties"]["resourceSelectors"]
        == SELECTORS
    )


def test_selector_kinds_came_with_versions(arm):
    by_user = [
        {"name": "one", "selectors": [{"kind": "userPrincipalId", "in": ["aaaaaaaa-0000-4000-8000-000000000001"]}]}
    ]
    path = exemption_id(SERVER)
    assert arm.put(path, waiver(resourceSelectors=by_user), version="2022-07-01-preview").status == 400
    assert arm.put(path, waiver(resourceSelectors=by_user), version="2024-12-01-preview").status == 201


def test_a_scope_holds_no_more_than_its_quota(start):
    arm = emulated.Client(start(limits={"policyExemptionsPerScope": 2}))
    for name in ("a", "b"):
        assert arm.put(exemption_id(SERVER, name), waiver()).status == 201
    full = arm.put(exemption_id(SERVER, "c"), waiver())
    assert (full.status, full.code) == (409, "PolicyExemptionQuotaExceeded")
    assert "Existing policy exemptions: '2', the quota is: '2'." in full.message
    assert arm.put(exemption_id(SERVER, "b"), waiver(displayName="x")).status == 200
    assert arm.put(exemption_id(DATABASE, "c"), waiver()).status == 201, "the quota is per scope"
