"""What to do about an answer of Azure: from its status, code and words to a remedy that names role, scope and command.

Follows Microsoft's troubleshooting of exemptions and of Resource Manager's errors. Pure: the words of the service are
evidence, never instructions.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

_SCOPE = re.compile(r"over scope '([^']+)'")
_LINKED = re.compile(r"linked scope\(s\) '([^']+)'")
_OBJECT = re.compile(r"object id '([^']+)'")
_LOCKED = re.compile(r"locked: '([^']+)'")
_ACTION = re.compile(r"perform action '([^']+)'")
_SUBSCRIPTION = re.compile(r"^/subscriptions/([^/]+)", re.IGNORECASE)
_NAMESPACE = re.compile(r"namespace '([\w.]+)'")
_PROVIDER = re.compile(r"/providers/([\w.]+)/[^/]+$")
_DEFENDER = re.compile(r"/providers/Microsoft\.Security/[^/]+$", re.IGNORECASE)
_INITIATIVE = re.compile(r"/providers/Microsoft\.Authorization/policySetDefinitions/[^/]+$", re.IGNORECASE)
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]*\.?[\w-]*|(?i:bearer\s+[\w.~+/-]{16,}=*)")

_POLICY_OBJECTS: Final = "/providers/microsoft.authorization/"
_DEFENDER_OBJECTS: Final = "/providers/microsoft.security/"
_LOCKS: Final = "/providers/Microsoft.Authorization/locks?api-version=2020-05-01"
"""By a request: the Azure CLI's own list takes no scope."""

_WRITING: Final = ("/write", "/delete", "/action")
_WRITES: Final = frozenset({"PUT", "DELETE"})

READ_ROLE: Final = "Reader"
WRITE_ROLE: Final = "Resource Policy Contributor"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetails:
    """An error as Azure gave it; `target` is the path that was asked for (percent-decoded), without its query, and
    `method` how. Where no remedy depends on it, `target` is empty.
    """

    status: int
    code: str
    message: str
    target: str = ""
    method: str = "GET"


def redact(text: str) -> str:
    """The text without anything that looks like an access token."""
    return _TOKEN.sub("[token removed]", text)


def remedy_for(error: ErrorDetails) -> str:
    """What a person can do about it; empty where there is nothing better than Azure's own words."""
    code = "QuotaExceeded" if error.code.endswith("QuotaExceeded") else error.code
    remedy = _BY_CODE.get(code) or _BY_STATUS.get(error.status, "")
    return remedy if isinstance(remedy, str) else remedy(error)


# --- rights ------------------------------------------------------------------------------------------------------


def _grant(error: ErrorDetails, role: str, scope: str) -> str:
    principal = _first(_OBJECT, error.message) or "OBJECT_ID"
    return f'az role assignment create --assignee {shlex.quote(principal)} --role "{role}" --scope {shlex.quote(scope)}'


def _no_right(error: ErrorDetails) -> str:
    scope = _assignable(_first(_SCOPE, error.message) or error.target)
    action = _first(_ACTION, error.message)
    writes = action.lower().endswith(_WRITING) if action else error.method in _WRITES
    role = WRITE_ROLE if writes else READ_ROLE
    granted = f" ({action})" if action else ""
    if scope.lower().startswith(_POLICY_OBJECTS):
        return (
            f"it is built in, and no role can be granted on it: {role}{granted} on any managed scope lets the identity read "
            "it; `exempt doctor` prints a role with only the rights that are needed"
        )
    return (
        f"grant the identity the role {role}{granted} at {scope}: {_grant(error, role, scope)}; a new grant takes up "
        "to five minutes, and `exempt doctor` prints roles with only the rights that are needed"
    )


def _no_linked_right(error: ErrorDetails) -> str:
    assignment = _first(_LINKED, error.message)
    scope = _assignable(assignment or error.target)
    return (
        "an exemption also needs Microsoft.Authorization/policyAssignments/exempt/action on the assignment it exempts "
        f"from: grant {WRITE_ROLE} (or Security Admin) at {scope}: {_grant(error, WRITE_ROLE, scope)}"
    )


def _assignable(target: str) -> str:
    """The scope on which a role can be granted: what stands before an object of policy or of Defender, or before a list of
    the scope.
    """
    target = target.removesuffix("/descendants")
    folded = f"{target.lower()}/"  # a list's own id ends with the provider
    cut = max(folded.rfind(provider) for provider in (_POLICY_OBJECTS, _DEFENDER_OBJECTS))
    return target[:cut] if cut > 0 else target


def _denied(error: ErrorDetails) -> str:
    url = f"{_assignable(error.target)}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01"
    return (
        "a deny assignment (deployment stack, managed application or blueprint) forbids this, whatever roles are "
        "granted: ask its owner to exclude this identity; it is listed by: az rest --method get --url "
        f"{shlex.quote(url)}"
    )


def _locked(error: ErrorDetails) -> str:
    url = f"{_first(_LOCKED, error.message) or _assignable(error.target)}{_LOCKS}"
    return (
        f"a lock protects the scope or one above it; see it: az rest --method get --url {shlex.quote(url)}; remove it for "
        "the run (az lock delete --ids LOCK_ID), or leave the exemption as it is (read-only locks forbid any change, "
        "delete locks forbid removing)"
    )


_FORBIDDEN_BY_POLICY: Final = (
    "a policy with the deny effect forbids this exemption; its assignment is named in the message: change the "
    "declaration to satisfy it, or ask the policy's owner"
)


def _bad_token(error: ErrorDetails) -> str:
    if "audience" in error.message:
        return "the token is for another cloud: correct `cloud` in reconciler.yaml"
    return (
        "the token was refused or has expired: log in again (`az login --tenant TENANT`), or check the federated "
        "credential of the pipeline; if only some calls fail, check the machine's clock"
    )


# --- exemptions --------------------------------------------------------------------------------------------------

_INVALID_EXEMPTION: Final = (
    "Azure accepts an exemption only at or under the scope of an existing assignment; after a move between "
    "management groups it may take some minutes until Azure sees the new place: run again later; if the "
    "assignment was deleted, delete or edit the declaration"
)

_INVALID_REFERENCE: Final = (
    "the initiative no longer has this reference id, or the assignment is of a single policy and takes none: "
    "plan again; the initiative may have got a new version since the plan was made"
)

_IMMUTABLE_ASSIGNMENT: Final = (
    "an exemption cannot move to another assignment: delete it and plan again; a new one is then created"
)


def _quota(error: ErrorDetails) -> str:
    scope = _assignable(error.target)
    return (
        f"a scope holds at most 1,000 exemptions: remove expired ones at {scope}, shown with their ends by: az policy exemption "
        f'list --scope {shlex.quote(scope)} --query "[?expiresOn]"; or declare the exemption at a narrower or wider scope'
    )


def _gone(error: ErrorDetails) -> str:
    return f"{_assignable(error.target)} no longer exists: take it out of the declarations that name it, or remove them"


_DISABLED: Final = (
    "the subscription is disabled and read-only: re-enable it (Cost Management + Billing), or retire the "
    "declarations for it"
)


def _not_registered(error: ErrorDetails) -> str:
    """The subscription does not use a provider of resources yet."""
    subscription = _first(_SUBSCRIPTION, error.target) or "SUBSCRIPTION"
    namespace = _first(_NAMESPACE, error.message) or _first(_PROVIDER, error.target) or "NAMESPACE"
    return (
        f"the subscription does not use {namespace}: if it should, az provider register --namespace {shlex.quote(namespace)} "
        f"--subscription {shlex.quote(subscription)}; it takes some minutes"
    )


def _not_found(error: ErrorDetails) -> str:
    """Of Defender's lists and of initiatives: no right is missing. Elsewhere Azure's own words say what is not there."""
    if _INITIATIVE.search(error.target):
        return "no right is missing: the initiative is gone, so make it again, or delete the assignments of it"
    if not _DEFENDER.search(error.target):
        return ""
    subscription = _first(_SUBSCRIPTION, error.target)
    if not subscription:
        return "Defender for Cloud has no such list there: the management group may be gone, or this cloud may not have the list"
    return (
        "Defender for Cloud has no such list there: see whether the subscription uses it (az provider show --namespace "
        f"Microsoft.Security --subscription {shlex.quote(subscription)} --query registrationState); if it does, this cloud "
        "may not have the list"
    )


def _no_such_type(error: ErrorDetails) -> str:
    return _not_found(error) or _OLD_VERSION


_OLD_VERSION: Final = "set `apiVersion` in reconciler.yaml to one of the versions that the message lists, or remove it"


# --- service and network -----------------------------------------------------------------------------------------

_BUSY: Final = "Azure is limiting requests: run again in some minutes, or narrow the run with --scope"

_BROKEN: Final = "Azure had a fault of its own: run again later; https://status.azure.com shows outages"

_NAME_RESOLUTION: Final = (
    "the name could not be resolved: check DNS, the proxy (HTTPS_PROXY, NO_PROXY) and `cloud` in reconciler.yaml"
)

_TLS: Final = (
    "the certificate that answers is not trusted; where a proxy speaks or inspects TLS, let REQUESTS_CA_BUNDLE name a file "
    "with all trusted certificate authorities, the proxy's among them"
)

_UNREACHABLE: Final = "no connection: check the network and the proxy (HTTPS_PROXY, NO_PROXY), then run again"

_NOT_AZURE: Final = (
    "something between here and Azure may answer in its place: check the proxy (HTTPS_PROXY, NO_PROXY), and `cloud` in "
    "reconciler.yaml; if Azure itself answers so, report it with --log-file FILE"
)

_LOST: Final = (
    "the connection broke before the answer came; run again: a change may have taken effect, and what is done stays"
)


_Remedy: TypeAlias = str | Callable[[ErrorDetails], str]
"""A text, or what makes one from the error's details."""

_BY_CODE: Final[Mapping[str, _Remedy]] = MappingProxyType(
    {
        "AuthorizationFailed": _no_right,
        "LinkedAuthorizationFailed": _no_linked_right,
        "DenyAssignmentAuthorizationFailed": _denied,
        "ScopeLocked": _locked,
        "RequestDisallowedByPolicy": _FORBIDDEN_BY_POLICY,
        "InvalidAuthenticationToken": _bad_token,
        "ExpiredAuthenticationToken": _bad_token,
        "InvalidAuthenticationTokenTenant": _bad_token,
        "AuthenticationFailed": _bad_token,
        "InvalidCreatePolicyExemptionRequest": _INVALID_EXEMPTION,
        "InvalidPolicyDefinitionReference": _INVALID_REFERENCE,
        "InvalidPolicyAssignmentIdUpdate": _IMMUTABLE_ASSIGNMENT,
        "ResourceNotFound": _gone,
        "ResourceGroupNotFound": _gone,
        "ParentResourceNotFound": _gone,
        "SubscriptionNotFound": _gone,
        "ManagementGroupNotFound": _gone,
        "ReadOnlyDisabledSubscription": _DISABLED,
        "DisabledSubscription": _DISABLED,
        "SubscriptionIsDisabled": _DISABLED,
        "InvalidResourceType": _no_such_type,
        "NoRegisteredProviderFound": _no_such_type,
        "MissingSubscriptionRegistration": _not_registered,
        "InvalidApiVersionParameter": _OLD_VERSION,
        "NameResolution": _NAME_RESOLUTION,
        "Tls": _TLS,
        "NotSent": _UNREACHABLE,
        "AnswerLost": _LOST,
        "NotJson": _NOT_AZURE,
        "Redirect": _NOT_AZURE,
        "InvalidAnswer": _NOT_AZURE,
        "QuotaExceeded": _quota,
    }
)
_BY_STATUS: Final[Mapping[int, _Remedy]] = MappingProxyType(
    {
        401: _bad_token,
        403: _no_right,
        404: _not_found,
        429: _BUSY,
        500: _BROKEN,
        502: _BROKEN,
        503: _BROKEN,
        504: _BROKEN,
    }
)


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
