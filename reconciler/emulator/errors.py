"""ARM's errors: the codes and texts that clients meet.

Texts that a recording or an issue thread shows are verbatim; the others say so. The table with all evidence is in
docs/emulator.md.
"""

from __future__ import annotations

from typing import Protocol

GATEWAY = {"x-ms-failure-cause": "gateway"}


class Caller(Protocol):
    """What an access error says about who called."""

    @property
    def trace(self) -> str: ...
    @property
    def object_id(self) -> str: ...


class Deny(Protocol):
    """What an access error says about a deny assignment."""

    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def scope(self) -> str: ...


class ArmError(Exception):
    """An answer other than success: `{"error": {"code", "message"}}` with its status."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.details: list[dict[str, object]] = []
        self.is_capitalised = False


# --- before any resource is looked at ----------------------------------------------------------------------------


def missing_api_version() -> ArmError:
    """No `api-version` in the query."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
        GATEWAY,
    )


def unsupported_api_version(namespace: str, kind: str, version: str, supported: tuple[str, ...]) -> ArmError:
    """The type does not exist in that version."""
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{kind}' could not be found in the namespace '{namespace}' for api version '{version}'. "
        f"The supported api-versions are '{','.join(supported)}'.",
        GATEWAY,
    )


def invalid_api_version(version: str, supported: tuple[str, ...]) -> ArmError:
    """Resource Manager itself has no such version."""
    return ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid. The supported versions are '{','.join(supported)}'.",
        GATEWAY,
    )


def unknown_type(namespace: str, version: str) -> ArmError:
    """The namespace has no such type."""
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type could not be found in the namespace '{namespace}' for api version '{version}'.",
        GATEWAY,
    )


def missing_subscription() -> ArmError:
    """The path leads nowhere: neither a subscription nor a provider of the tenant."""
    return ArmError(
        404,
        "MissingSubscription",
        "The request did not have a subscription or a valid tenant level resource provider.",
        GATEWAY,
    )


def unsupported_resource_type(kind: str) -> ArmError:
    """A name with a slash reads as a type that does not exist."""
    return ArmError(404, "ResourceTypeNotSupported", f"Unsupported resource type: '{kind}'.")


def not_modelled(kind: str) -> ArmError:
    """Azure may have such a type; this Azure does not know how it behaves, and does not pretend to.

    Neither 404, which reads as "there is none", nor a status that clients try again.
    """
    return ArmError(
        400,
        "NotModelled",
        f"The resource type '{kind}' is not modelled by this emulator, so that no answer about it would be true. "
        "docs/emulator.md lists what is modelled.",
    )


def unsupported_option(name: str, kind: str) -> ArmError:
    """A query option that would be ignored."""
    return ArmError(
        400,
        "UnsupportedQueryOption",
        f"The query option '{name}' is not supported for '{kind or 'this request'}' by this emulator, and is not ignored.",
        GATEWAY,
    )


def unsupported_option_value(name: str, value: str) -> ArmError:
    """A query option whose value would be ignored."""
    return ArmError(
        400,
        "UnsupportedQueryOption",
        f"The value '{value}' of the query option '{name}' is not supported by this emulator, and is not ignored.",
        GATEWAY,
    )


def method_not_allowed(method: str, *, collection: bool) -> ArmError:
    """The path exists, the verb does not."""
    kind = "a resource collection" if collection else "a resource"
    return ArmError(405, "HttpMethodNotSupported", f"The http method '{method}' is not supported for {kind}.")


def unparsable_body(why: str) -> ArmError:
    """The body is no JSON object, or not of the expected form."""
    return ArmError(
        400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{why}'."
    )


def required_property(name: str) -> ArmError:
    """A required property is missing from `properties`, in the words of ARM's deserialiser."""
    return unparsable_body(f"Required property '{name}' not found in JSON. Path 'properties'.")


def bad_value(value: object, name: str) -> ArmError:
    """A property's value is not of its type, in the words of ARM's deserialiser."""
    return unparsable_body(f"Error converting value \"{value}\". Path 'properties.{name}'.")


def body_too_large(limit: int) -> ArmError:
    """ARM takes no more than 1,048,576 bytes."""
    return ArmError(
        413,
        "RequestContentTooLarge",
        f"The request content size exceeds the maximum size of '{limit}' bytes.",
        GATEWAY,
    )


def invalid_filter(text: str) -> ArmError:
    """A `$filter` that the list does not know."""
    return ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.")


def invalid_skip_token() -> ArmError:
    """A continuation that this list did not give out."""
    return ArmError(400, "InvalidSkipToken", "The provided skip token is not valid for this request.")


def internal() -> ArmError:
    """A mistake of the emulator itself."""
    return ArmError(500, "InternalServerError", "Encountered internal server error. Diagnostic information: emulator.")


# --- who may do what ---------------------------------------------------------------------------------------------


def authentication_missing() -> ArmError:
    """No bearer token."""
    return ArmError(
        401,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing.",
        {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"', **GATEWAY},
    )


def invalid_token(code: str = "InvalidAuthenticationToken", message: str = "The access token is invalid.") -> ArmError:
    """A token that this tenant did not issue, or that is no longer good."""
    return ArmError(401, code, message, {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"', **GATEWAY})


def authorization_failed(caller: Caller, action: str, scope: str) -> ArmError:
    """The caller lacks the action at the scope, or the scope does not exist for it."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{caller.trace}' with object id '{caller.object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
        GATEWAY,
    )


def linked_authorization_failed(caller: Caller, action: str, scope: str, linked: str, target: str) -> ArmError:
    """The caller may write here, but lacks an action on what the object refers to."""
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{caller.trace}' with object id '{caller.object_id}' has permission to perform action '{action}' on "
        f"scope '{scope}'; however, it does not have permission to perform action(s) '{linked}' on the linked "
        f"scope(s) '{target}' (respectively) or the linked scope(s) are invalid.",
        GATEWAY,
    )


def denied(caller: Caller, action: str, scope: str, deny: Deny) -> ArmError:
    """A deny assignment stands against what a role allows."""
    return ArmError(
        403,
        "DenyAssignmentAuthorizationFailed",
        f"The client '{caller.trace}' with object id '{caller.object_id}' has permission to perform action '{action}' on "
        f"scope '{scope}'; however, the access is denied because of the deny assignment with name '{deny.name}' and "
        f"Id '{deny.id}' at scope '{deny.scope}'.",
        GATEWAY,
    )


def locked(scope: str, operation: str, locks: str) -> ArmError:
    """A management lock forbids the operation."""
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are locked: '{locks}'. "
        "Please remove the lock and try again.",
        GATEWAY,
    )


def subscription_disabled(subscription: str) -> ArmError:
    """A disabled subscription can only be read."""
    return ArmError(
        409,
        "ReadOnlyDisabledSubscription",
        f"The subscription '{subscription}' is disabled and therefore marked as read only. You cannot perform any "
        "write actions on this subscription until it is re-enabled.",
        GATEWAY,
    )


# --- scopes ------------------------------------------------------------------------------------------------------


def invalid_subscription_id(subscription: str) -> ArmError:
    """What stands for a subscription is no GUID."""
    return ArmError(
        400,
        "InvalidSubscriptionId",
        f"The provided subscription identifier '{subscription}' is malformed or invalid.",
        GATEWAY,
    )


def subscription_not_found(subscription: str) -> ArmError:
    """No such subscription in this tenant."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.", GATEWAY)


def resource_group_not_found(name: str) -> ArmError:
    """The resource group is gone, or never was."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", GATEWAY)


def resource_not_found(resource: str, group: str | None) -> ArmError:
    """The resource is gone, or never was. `resource` is `Namespace/type/name`."""
    under = f" under resource group '{group}'" if group else ""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}'{under} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        GATEWAY,
    )


def management_group_not_found(name: str) -> ArmError:
    """No such management group."""
    return ArmError(404, "NotFound", f"'/providers/Microsoft.Management/managementGroups/{name}' not found.")
