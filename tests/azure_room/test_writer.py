"""Single exemptions: what is put is what is read, one call is one request, and every fault has its name."""

import dataclasses
import json

import pytest
from interposed import Drop, Reply, error
from tenants import GROUP, exemption, subscription, tenant

from reconciler.arm import canonical
from reconciler.arm.objects import decode_exemption
from reconciler.model import UNPUBLISHED, Exemption, Operation, ResourceSelector, Selector, arm_id, assessment_id
from reconciler.problems import AzureError, ReconcilerError

AT_CORP = arm_id(f"{GROUP}corp/providers/Microsoft.Authorization/policyAssignments/mcsb")
EXEMPTIONS = f"{subscription(0)}/providers/Microsoft.Authorization/policyExemptions"


def wanted(name="legacy", **more):
    fields = {
        "id": arm_id(f"{EXEMPTIONS}/{name}"),
        "assignment": AT_CORP,
        "category": "Waiver",
        "reference_ids": ("sqlDbEncryptionMonitoring",),
        "display_name": "Legacy",
        "description": "Retires soon: Ä, 語, “quotes”",
        "expires_on": "2027-01-31T23:59:59Z",
        "metadata": {"managedBy": "exempt", "owner": "contoso"},
    }
    return Exemption(**{**fields, **more})


@pytest.fixture
def known_reference(connected):
    """A reference id that the benchmark has."""
    with connected() as (_, azure):
        return next(iter(azure.reader().snapshot(azure.settings).initiatives.values())).members[0].reference_id


def test_put_read_delete(connected, known_reference):
    exemption_wanted = wanted(
        reference_ids=(known_reference,),
        selectors=(ResourceSelector("eu", (Selector(kind="resourceLocation", values=("westeurope",)),)),),
        extra={"exemptionManagementMode": "Admin"},
    )
    with connected() as (cloud, azure):
        writer = azure.writer()
        assert writer.read(exemption_wanted.id) is None
        stored = writer.put(exemption_wanted)
        assert canonical.equivalent(stored, exemption_wanted)
        assert writer.read(exemption_wanted.id) == stored
        assert stored.system.created_by_type == "Application"
        writer.delete(exemption_wanted.id)
        writer.delete(exemption_wanted.id)
        assert writer.read(exemption_wanted.id) is None
        assert cloud.exemptions == {}


def test_the_body_of_a_put_is_the_canonical_form_and_nothing_else(connected, known_reference):
    with connected() as (cloud, azure):
        azure.writer().put(wanted(reference_ids=(known_reference,)))
        put = next(one for one in cloud.requests if one.method == "PUT")
    assert json.loads(put.body) == {"properties": canonical.encode_properties(wanted(reference_ids=(known_reference,)))}


def test_an_empty_list_of_references_is_sent_only_where_the_whole_assignment_is_meant(connected):
    everything = wanted(reference_ids=())
    with connected() as (cloud, azure):
        with pytest.raises(ReconcilerError, match=f"exempt all of {AT_CORP}") as caught:
            azure.writer(whole=frozenset({wanted("another").id.key})).put(everything)
        assert caught.value.remedy == (
            "this is a defect in exempt: run apply again with --log-file FILE, and report it with that file"
        )
        assert not any(one.method == "PUT" for one in cloud.requests)
        assert azure.writer(whole=frozenset({everything.id.key})).put(everything).reference_ids == ()


def test_read_and_write_use_the_version_that_reconciler_yaml_fixes(connected, known_reference):
    with connected(api_version="2022-07-01-preview") as (cloud, azure):
        azure.reader().snapshot(azure.settings)
        azure.writer().put(wanted(reference_ids=(known_reference,)))
        versions = {
            one.target.split("api-version=")[1][:18]
            for one in cloud.requests
            if "policyexemptions" in one.target.lower()
        }
    assert versions == {"2022-07-01-preview"}


def test_a_cloud_that_lags_behind_settles_the_version_for_get_and_put_alike(interrupted, known_reference):
    refusal = (
        "The resource type 'policyExemptions' could not be found in the namespace 'Microsoft.Authorization' for api version "
        "'x'. The supported api-versions are '2020-07-01-preview,2022-07-01-preview'."
    )

    def older_cloud(seen):
        if "policyExemptions" in seen.path and "2022-07-01-preview" not in seen.query:
            return error(400, "InvalidResourceType", refusal)
        return None

    with interrupted() as (door, azure):
        door.answer = older_cloud
        assert azure.reader().snapshot(azure.settings).complete
        azure.writer().put(wanted(reference_ids=(known_reference,)))
        puts = [one.query for one in door.seen if one.method == "PUT"]
    assert puts == ["api-version=2022-07-01-preview"]


def test_a_scope_that_is_gone_is_not_a_missing_exemption(connected):
    gone = arm_id(f"{subscription(0)}/resourceGroups/removed/providers/Microsoft.Authorization/policyExemptions/x")
    with connected() as (_, azure), pytest.raises(AzureError) as caught:
        azure.writer().read(gone)
    assert caught.value.is_gone
    assert caught.value.code == "ResourceGroupNotFound"


@pytest.mark.parametrize("method", ["read", "put", "delete"])
def test_one_call_is_one_request_whatever_azure_says(interrupted, method):
    with interrupted() as (door, azure):
        door.answer = lambda _: error(503, "ServerBusy", "later", **{"Retry-After": "9"})
        subject = wanted() if method == "put" else wanted().id
        with pytest.raises(AzureError) as caught:
            getattr(azure.writer(), method)(subject)
        assert (caught.value.status, caught.value.code) == (503, "ServerBusy")
        assert len(door.seen) == 1


def test_the_pace_maker_hears_what_remains_and_how_long_to_wait(interrupted):
    heard = []
    with interrupted() as (door, azure):
        writer = azure.writer(lambda *one: heard.append(one))
        headers = {"x-ms-ratelimit-remaining-subscription-deletes": "199"}
        door.answer = lambda _: Reply(200, {}, headers)
        writer.delete(wanted().id)
        door.answer = lambda _: error(429, "TooManyRequests", "slow down", **{"Retry-After": "7"})
        with pytest.raises(AzureError, match="slow down"):
            writer.put(wanted())
        with pytest.raises(AzureError):
            writer.read(
                dataclasses.replace(
                    wanted(), id=arm_id(f"{GROUP}corp/providers/Microsoft.Authorization/policyExemptions/x")
                ).id
            )
    number = subscription(0).rsplit("/", 1)[-1]
    assert heard == [(number, "deletes", 199, None), (number, "writes", None, 7.0), (None, "reads", None, 7.0)]


def test_a_retry_after_in_the_form_of_a_date_is_understood(interrupted):
    heard = []
    with interrupted() as (door, azure):
        door.answer = lambda _: error(429, "TooManyRequests", **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
        with pytest.raises(AzureError):
            azure.writer(lambda *one: heard.append(one)).delete(wanted().id)
    assert heard[0][3] == 0.0


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_is_a_fault_without_status_whether_or_not_it_took_effect(interrupted, known_reference, after):
    with interrupted() as (door, azure):
        door.answer = lambda seen: Drop(after=after) if seen.method == "PUT" else None
        writer, subject = azure.writer(), wanted(reference_ids=(known_reference,))
        with pytest.raises(AzureError) as caught:
            writer.put(subject)
        assert caught.value.status == 0
        assert caught.value.code in {"AnswerLost", "NotSent"}
        assert (writer.read(subject.id) is not None) is after
        assert len([one for one in door.seen if one.method == "PUT"]) == 1


def test_after_a_401_the_next_call_carries_a_fresh_token(interrupted):
    with interrupted() as (door, azure):
        writer = azure.writer()
        door.answer = lambda _: error(401, "ExpiredAuthenticationToken", "expired") if len(door.seen) == 1 else None
        with pytest.raises(AzureError) as caught:
            writer.read(wanted().id)
        assert caught.value.status == 401
        assert "az login" in caught.value.remedy
        assert writer.read(wanted().id) is None


def test_azures_own_words_code_and_support_id_reach_the_fault(interrupted):
    body = {
        "error": {
            "code": "RequestDisallowedByPolicy",
            "message": "Resource 'x' was disallowed.",
            "details": [{"code": "PolicyViolation", "message": "Assignment 'no-exemptions' forbids it."}],
        }
    }
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(403, body, {"x-ms-correlation-request-id": "c0ffee"})
        with pytest.raises(AzureError) as caught:
            azure.writer().put(wanted())
    assert caught.value.message == "Resource 'x' was disallowed. Assignment 'no-exemptions' forbids it."
    assert caught.value.correlation == "c0ffee"
    assert "deny effect" in caught.value.remedy


@pytest.mark.parametrize(
    ("headers", "correlation"),
    [
        ({"x-ms-correlation-request-id": "one", "x-ms-request-id": "two"}, "one"),
        ({"x-ms-request-id": "two"}, "two"),
        ({}, ""),
    ],
)
def test_the_id_for_support_is_azures_correlation_or_else_its_request(interrupted, headers, correlation):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(403, {"error": {"code": "No", "message": "no"}}, headers)
        with pytest.raises(AzureError) as caught:
            azure.writer().read(wanted().id)
    assert caught.value.correlation == correlation


@pytest.mark.parametrize(
    "reply",
    [
        Reply(502, b"<html>Bad gateway</html>", content_type="text/html"),
        Reply(400, b"<html>Bad request</html>", content_type="text/html"),
        Reply(200, b"<html>Please log in to the proxy</html>", content_type="text/html"),
        Reply(200, b'{"cut": ', content_type="application/json"),
    ],
)
def test_a_page_of_a_proxy_is_a_fault_and_not_a_crash(interrupted, reply):
    with interrupted() as (door, azure):
        door.answer = lambda _: reply
        with pytest.raises(AzureError, match="not JSON") as caught:
            azure.writer().read(wanted().id)
    assert (caught.value.status, caught.value.code) == (reply.status if reply.status >= 400 else 0, "NotJson")
    assert f"(status {reply.status})" in caught.value.message


NO_REASON = "Azure answered 400 without a reason"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": "just text"}, "400", "just text"),
        ({"code": "Odd", "message": "bare"}, "Odd", "bare"),
        ({"error": {"code": "Odd", "details": [{"message": "why"}, "text", {"message": ""}]}}, "Odd", "why"),
        ({"error": {"message": "only", "details": None}}, "400", "only"),
        ([], "400", NO_REASON),
        ("text", "400", NO_REASON),
        (None, "400", NO_REASON),
    ],
)
def test_an_error_in_an_unknown_form_still_is_a_fault(interrupted, body, code, message):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(400, body)
        with pytest.raises(AzureError) as caught:
            azure.writer().read(wanted().id)
    assert (caught.value.status, caught.value.code, caught.value.message) == (400, code, message)


def test_names_with_spaces_and_letters_of_any_script_are_addressed_as_they_are(connected, known_reference):
    subject = wanted("Alte Datenbank (Köln) 100 {x}", reference_ids=(known_reference,))
    with connected() as (cloud, azure):
        writer = azure.writer()
        writer.put(subject)
        assert writer.read(subject.id).name == "Alte Datenbank (Köln) 100 {x}"
        assert [one["name"] for one in cloud.exemptions.values()] == ["Alte Datenbank (Köln) 100 {x}"]


def test_the_azure_cli_and_we_see_the_same(connected):
    live = exemption(subscription(0), "by-portal", AT_CORP.text, description="clicked")
    with connected(tenant(policyExemptions=[live])) as (_, azure):
        found = azure.writer().read(arm_id(live["id"].upper()))
    assert found == decode_exemption(live)
    assert found.id.text.endswith("/by-portal"), "the id as Azure stores it, not as we asked"


ALONE = assessment_id("48fad5ca-f530-41bb-9454-c6002bd1085c")
STANDARDS = f"{subscription(0)}/providers/Microsoft.Security/standardAssignments"
STANDARD = Exemption(
    id=arm_id(f"{STANDARDS}/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"),
    assignment=ALONE,
    category="Waiver",
    description="why",
)


def test_a_standard_assignment_is_put_read_and_deleted_and_needs_no_reference_ids(connected):
    with connected() as (cloud, azure):
        writer = azure.writer()
        assert writer.read(STANDARD.id) is None
        assert canonical.equivalent(writer.put(STANDARD), STANDARD)
        assert canonical.equivalent(writer.read(STANDARD.id), STANDARD)
        writer.delete(STANDARD.id)
        writer.delete(STANDARD.id)
        assert len(cloud.tenant.standard_assignments) == 0


def test_what_exempts_in_no_known_form_is_not_written(connected):
    with connected() as (cloud, azure):
        with pytest.raises(
            ReconcilerError, match=f"{STANDARD.id} is no exemption of a form that is known here"
        ) as caught:
            azure.writer().put(dataclasses.replace(STANDARD, assignment=UNPUBLISHED))
        assert caught.value.remedy == UNKNOWN_FORM
        assert not [request for request in cloud.requests if request.method == "PUT"]


UNKNOWN_FORM = (
    "look at it in Defender for Cloud (Environment settings > Exemptions), and remove it there if it should not be"
)


def test_a_standard_assignment_that_exempts_from_nothing_is_not_taken_for_an_exemption(interrupted):
    with interrupted() as (door, azure):
        door.answer = lambda _: Reply(200, {"id": STANDARD.id.text, "properties": {"effect": "Audit"}})
        with pytest.raises(ReconcilerError, match=f"^{STANDARD.id} is no exemption of a form") as caught:
            azure.writer().read(STANDARD.id)
    assert caught.value.remedy == UNKNOWN_FORM


@pytest.mark.parametrize(
    ("code", "message", "is_missing"),
    [
        ("NotFound", "Standard assignment was not found", True),
        ("ResourceNotFound", "The Resource 'Microsoft.Security/standardAssignments/x' was not found.", True),
        ("ResourceNotFound", "The Resource 'Microsoft.Sql/servers/x' was not found.", False),
        ("ResourceGroupNotFound", "Resource group 'rg' could not be found.", False),
    ],
)
def test_a_404_is_about_the_object_or_about_its_scope(interrupted, code, message, is_missing):
    with interrupted() as (door, azure):
        door.answer = lambda seen: error(404, code, message) if "standardAssignments" in seen.path else None
        if is_missing:
            assert azure.writer().read(STANDARD.id) is None
        else:
            with pytest.raises(AzureError) as caught:
                azure.writer().read(STANDARD.id)
            assert caught.value.is_gone


def test_defenders_own_bucket_and_resource_managers_are_kept_to(connected):
    """The emptier of both counts, whatever is asked of a standard assignment."""
    heard = []
    with connected(tenant(faultInjection={"throttling": {"reads": {"size": 40, "refill": 0.01}}})) as (_, azure):
        azure.client.monitor.add_observer(lambda *arguments: heard.append(arguments))
        azure.writer().read(STANDARD.id)
        azure.writer().put(STANDARD)
    (read, put) = heard[-2:]
    assert {read[1], put[1]} == {Operation.RESOURCE_REQUESTS}
    assert (read[2], put[2]) == (39, 199), "of 40 and 750; of 200 alone, since writes are not told of"
