"""Each error of Azure comes with what to do about it: role, scope and command."""

import pytest

from reconciler.azure import remedies
from reconciler.azure.remedies import ErrorDetails, redact, remedy_for

SCOPE = "/subscriptions/5a1e0001-0000-4000-8000-000000000001"
GROUP = "/providers/Microsoft.Management/managementGroups/corp"
ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/mcsb"
EXEMPTION = f"{SCOPE}/resourceGroups/rg 1/providers/Microsoft.Authorization/policyExemptions/x"


def told(code, message="", status=400, target=EXEMPTION, method="GET"):
    return remedy_for(ErrorDetails(status=status, code=code, message=message, target=target, method=method))


def test_a_missing_write_right_names_principal_role_and_scope():
    text = told(
        "AuthorizationFailed",
        "The client 'app' with object id '0b1ec7' does not have authorization to perform action "
        f"'Microsoft.Authorization/policyExemptions/write' over scope '{EXEMPTION}' or the scope is invalid.",
        403,
    )
    assert '--assignee 0b1ec7 --role "Resource Policy Contributor"' in text
    assert f"--scope '{SCOPE}/resourceGroups/rg 1'" in text


def test_a_missing_read_right_asks_for_no_more_than_reading():
    message = f"does not have authorization to perform action 'Microsoft.Authorization/policyExemptions/read' over scope '{SCOPE}'"
    assert '--role "Reader"' in told("AuthorizationFailed", message, 403)
    assert f'--role "Reader" --scope {GROUP};' in told(
        "AuthorizationFailed", f"over scope '{GROUP}'", 403, f"{GROUP}/descendants"
    )


def test_the_scope_of_a_list_is_one_that_a_role_can_be_granted_at():
    message = "to perform action 'Microsoft.Authorization/policyExemptions/read' over scope "
    for end in ("", "/providers/Microsoft.Authorization", "/providers/Microsoft.Security"):
        text = told("AuthorizationFailed", f"{message}'{SCOPE}{end}' or the scope is invalid.", 403)
        assert f'--role "Reader" --scope {SCOPE};' in text
    for name in ("Microsoft.Authorization/policyExemptions", "Microsoft.Security/standardAssignments"):
        assert f'--role "Reader" --scope {SCOPE};' in told("AuthorizationFailed", "", 403, f"{SCOPE}/providers/{name}")


@pytest.mark.parametrize(
    ("method", "role"),
    [("PUT", "Resource Policy Contributor"), ("DELETE", "Resource Policy Contributor"), ("GET", "Reader")],
)
def test_a_refusal_that_names_no_action_asks_for_what_the_request_needs(method, role):
    assert f'--role "{role}"' in told("AuthorizationFailed", "no", 403, method=method)


def test_a_missing_right_on_the_assignment_names_the_assignments_scope():
    text = told(
        "LinkedAuthorizationFailed",
        "The client 'app' with object id '0b1ec7' has permission to perform action "
        "'Microsoft.Authorization/policyExemptions/write' on scope 'S'; however, it does not have permission to perform "
        "action(s) 'Microsoft.Authorization/policyAssignments/exempt/action' on the linked scope(s) "
        f"'{GROUP}/providers/Microsoft.Authorization/policyAssignments/mcsb' (respectively) or the linked scope(s) are invalid.",
        403,
    )
    assert "policyAssignments/exempt/action" in text
    assert text.endswith(f"--scope {GROUP}")
    assert "Security Admin" in text


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("ScopeLocked", 409, "az rest --method get --url"),
        ("DenyAssignmentAuthorizationFailed", 403, "deny assignment"),
        ("RequestDisallowedByPolicy", 403, "policy"),
        ("InvalidCreatePolicyExemptionRequest", 400, "at or under"),
        ("InvalidPolicyDefinitionReference", 400, "reference id"),
        ("InvalidPolicyAssignmentIdUpdate", 400, "another assignment"),
        ("PolicyExemptionQuotaExceeded", 409, "1,000"),
        ("InvalidAuthenticationToken", 401, "az login"),
        ("ReadOnlyDisabledSubscription", 409, "disabled"),
        ("ResourceGroupNotFound", 404, "no longer exists"),
        ("NoRegisteredProviderFound", 400, "apiVersion"),
        ("NameResolution", 0, "DNS"),
        ("Tls", 0, "REQUESTS_CA_BUNDLE"),
        ("NotSent", 0, "proxy"),
        ("AnswerLost", 0, "connection broke"),
        ("TooManyRequests", 429, "limiting"),
        ("InternalServerError", 500, "fault of its own"),
        ("SomethingNew", 403, "az role assignment create"),
    ],
)
def test_every_known_fault_has_a_remedy(code, status, words):
    assert words in told(code, "", status)


def test_a_list_of_defenders_that_is_not_there_needs_no_right():
    """Azure's answer to a subscription that does not use a provider names it; a group has no registration."""
    lists = "/providers/Microsoft.Security/standardAssignments"
    assert f"--namespace Microsoft.Security --subscription {SCOPE.rpartition('/')[2]} " in told(
        "NotFound", "", 404, SCOPE + lists
    )
    assert "management group may be gone" in told("NotFound", "", 404, GROUP + lists)
    assert told("NotFound", "", 404, EXEMPTION) == ""
    assert "apiVersion" not in told("NoRegisteredProviderFound", "", 400, SCOPE + lists)
    message = "The subscription is not registered to use namespace 'Microsoft.Security'."
    assert "az provider register --namespace Microsoft.Security " in told(
        "MissingSubscriptionRegistration", message, 409, SCOPE + lists
    )


def test_a_token_for_another_cloud_points_to_the_setting():
    said = (
        "The access token has been obtained for wrong audience or resource 'https://management.core.usgovcloudapi.net'."
    )
    assert "`cloud` in reconciler.yaml" in remedy_for(
        ErrorDetails(status=401, code="InvalidAuthenticationToken", message=said, target="/tenants")
    )


def test_an_unknown_code_is_left_to_azures_own_words():
    assert told("SomethingNew", "as Azure says", 400) == ""


def test_hostile_text_in_a_message_cannot_break_out_of_the_command():
    text = told("AuthorizationFailed", "action 'x/write' over scope '/a; rm -rf /$(x)'", 403)
    assert "--scope '/a; rm -rf /$(x)'" in text


def test_tokens_never_survive():
    token = "eyJhbGciOiJub25lIn0.eyJ0aWQiOiJ4In0.c2ln"
    said = redact(f"header Authorization: Bearer {token} was refused {token}")
    assert said == "header Authorization: [token removed] was refused [token removed]"
    assert redact("Authorization: Bearer abcdefghijklmnop.qrstuvwx-yz") == "Authorization: [token removed]"


PUT = "'Microsoft.Authorization/policyExemptions/write'"


def test_what_people_are_told_to_do_reads_as_it_did(golden):
    """Each remedy in full, for what Azure says in its own words and for a code alone."""
    says = {
        "AuthorizationFailed": f"object id '0b1ec7' to perform action {PUT} over scope '{EXEMPTION}'",
        "LinkedAuthorizationFailed": f"object id '0b1ec7', on the linked scope(s) '{GROUP}{ASSIGNMENT}'",
        "ScopeLocked": f"The scope(s) are locked: '{SCOPE}/resourceGroups/rg 1'",
    }
    lines = [f"{code}: {told(code, message, 400)}" for code, message in says.items()]
    lines += [f"{code} alone: {told(code, '', 400)}" for code in sorted(remedies._BY_CODE)]
    lines += [f"{status}: {told('SomethingNew', '', status)}" for status in sorted(remedies._BY_STATUS)]
    lines.append(f"descendants: {told('AuthorizationFailed', '', 403, f'{GROUP}/descendants')}")
    built_in = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9"
    lines.append(f"built in: {told('AuthorizationFailed', '', 403, built_in)}")
    lines.append(f"another cloud: {told('InvalidAuthenticationToken', 'wrong audience', 401)}")
    golden("remedies.txt", "\n\n".join(lines) + "\n")
