"""Turns what went wrong on the way, in the SDK's words or Azure's, into faults of ours with a remedy."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from urllib3.exceptions import NameResolutionError, ProxyError

from reconciler.arm.shapes import ShapeError
from reconciler.azure.credentials import no_identity
from reconciler.azure.remedies import ErrorDetails, redact, remedy_for
from reconciler.azure.request_monitor import correlation
from reconciler.model import JSON
from reconciler.problems import AzureError, ReconcilerError

_OTHER_VERSION: Final = frozenset({"InvalidResourceType", "NoRegisteredProviderFound", "InvalidApiVersionParameter"})
_INVALID_ANSWER: Final = "InvalidAnswer"
_PORTS: Final = {"https": 443, "http": 80}


def from_answer(status: int, headers: Mapping[str, str], body: JSON, url: str, method: str = "GET") -> AzureError:
    """The fault that an error answer describes: ARM's own form, or a bare `{code, message}`."""
    error = body.get("error", body) if isinstance(body, Mapping) else {}
    error = error if isinstance(error, Mapping) else {"message": str(error)}
    details = ErrorDetails(
        status=status,
        code=str(error.get("code") or status),
        message=redact(" ".join(_messages(error))) or f"Azure answered {status} without a reason",
        target=_path(url),
        method=method,
    )
    return _azure_error(details, correlation(headers))


def from_sdk(error: SdkError, url: str) -> ReconcilerError:
    """The fault behind an exception of the SDK for a request to `url` (absolute): no token, connection or answer."""
    if isinstance(error, ClientAuthenticationError):
        return no_identity(error)
    host = urlsplit(url).netloc
    causes = list(_causes(error))
    # The system's own words for what went wrong, without the layers around them.
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and isinstance(cause.strerror, str)]
    reason = (reasons[-1] if reasons else "") or redact(str(error))
    is_insecure = any(isinstance(cause, ssl.SSLError) for cause in causes)
    if any(isinstance(cause, ProxyError) for cause in causes):
        code = "Tls" if is_insecure else "NotSent"
        message = f"the proxy on the way to {host} cannot be used: {reason}"
    elif any(isinstance(cause, NameResolutionError | socket.gaierror) for cause in causes):
        code, message = "NameResolution", f"{host} cannot be found: {reason}"
    elif is_insecure:
        code, message = "Tls", f"the connection to {host} is not secure: {reason}"
    elif isinstance(error, ServiceRequestError):
        code, message = "NotSent", f"{host} cannot be reached: {reason}"
    else:
        code, message = "AnswerLost", f"{host} gave no answer: {reason}"
    return _azure_error(ErrorDetails(status=0, code=code, message=message))


def not_json(status: int, url: str, reason: str) -> AzureError:
    """An answer that is not from Resource Manager: a proxy's page, or cut short."""
    message = (
        f"the answer to {_path(url)} (status {status}) is not JSON of Azure's ({reason}); a proxy may have answered"
    )
    status = status if status >= 400 else 0
    return _azure_error(ErrorDetails(status=status, code="NotJson", message=message))


def invalid_answer(origin: str, reason: str) -> AzureError:
    """An answer that is JSON, but not what Resource Manager documents: nothing in it is believed."""
    return _azure_error(
        ErrorDetails(status=0, code=_INVALID_ANSWER, message=f"Azure's answer cannot be used: {origin}: {reason}")
    )


@contextlib.contextmanager
def reading(origin: str) -> Iterator[None]:
    """What is decoded inside comes from `origin`: another shape than documented is that answer's fault."""
    try:
        yield
    except ShapeError as error:
        raise invalid_answer(origin, str(error)) from error


def from_redirect(status: int, headers: Mapping[str, str], url: str) -> AzureError:
    """A redirect is never followed: Resource Manager sends none, and who sends one could answer in its place."""
    target = headers.get("location", "an address that it does not name")
    message = f"Azure answered {_path(url)} with a redirect to {target:.200}, which is not followed"
    return _azure_error(ErrorDetails(status=status, code="Redirect", message=message))


def is_version_refused(error: AzureError) -> bool:
    """Whether the cloud does not know the api-version that was asked for."""
    return error.status in {400, 404} and error.code in _OTHER_VERSION


def is_unanswered(error: AzureError) -> bool:
    """Whether no answer came, or one that is not from Resource Manager at all."""
    return error.status == 0 and error.code != _INVALID_ANSWER


def same_origin(link: JSON, endpoint: str) -> bool:
    """Whether a link leads to the endpoint, so that it may be given our token; False for what is no link at all."""
    try:
        return isinstance(link, str) and _origin(link) == _origin(endpoint)
    except ValueError:  # a port or an address in brackets that is none
        return False


def refuse_dots(path: str) -> None:
    """Refuses `.` and `..` in a path: HTTP clients resolve them, and would ask for another object than was meant."""
    if any(segment in {".", ".."} for segment in path.split("/")):
        raise ReconcilerError(
            f"the id {path!r} has a segment that is a dot or two; no Azure resource is called so",
            "correct the id where it is written",
        )


def _azure_error(details: ErrorDetails, support: str = "") -> AzureError:
    return AzureError(details.status, details.code, details.message, remedy_for(details), support)


def _messages(error: Mapping[str, JSON]) -> Iterator[str]:
    """The message and those of the details below it, which often name the real reason."""
    if message := error.get("message"):
        yield str(message)
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield from _messages(detail)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that it wraps: as cause, context or argument, or in the SDK's and urllib3's own ways."""
    waiting: list[object] = [error]
    visited: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        inner = (getattr(cause, "inner_exception", None), getattr(cause, "reason", None))
        waiting += [cause.__cause__, cause.__context__, *cause.args, *inner]


def _origin(link: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(link)
    return parts.scheme.lower(), parts.hostname, parts.port or _PORTS.get(parts.scheme.lower())


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)
