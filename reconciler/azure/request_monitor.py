"""Sees every attempt of every request: counts them, tells observers (the rate limiter) what Azure's limits leave, and
keeps a log for support cases. Bodies, tokens and query strings never pass through here.
"""

from __future__ import annotations

import email.utils
import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from reconciler.azure.waits import Waits
from reconciler.model import Operation, RateObserver

LOG: Final = logging.getLogger("exempt.azure")
"""One line a request: method, path, status and Azure's correlation id."""

_SUBSCRIPTION: Final = re.compile(r"/+subscriptions/+([^/?]+)", re.IGNORECASE)
_DEFENDER: Final = re.compile(r"/providers/microsoft\.security/standardassignments(?:/|$)", re.IGNORECASE)
_OPERATIONS: Final = {"PUT": Operation.WRITES, "PATCH": Operation.WRITES, "DELETE": Operation.DELETES}


class RequestMonitor(SansIOHTTPPolicy[Any, Any]):
    """A pipeline policy behind the retries, so that it meets each attempt. Safe among threads."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self._waits = waits
        self._lock = threading.Lock()
        self._requests = 0
        self._observers: tuple[RateObserver, ...] = ()

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repeats included."""
        return self._requests

    def add_observer(self, observer: RateObserver) -> None:
        """Lets an observer hear of every response from now on."""
        with self._lock:
            self._observers = (*self._observers, observer)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Counts."""
        request.context["exempt_started"] = time.monotonic()
        self._waits.sent()
        with self._lock:
            self._requests += 1

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Tells the observers and the log."""
        sent, answer = request.http_request, response.http_response
        self._waits.answered(answer.status_code)
        if self._observers:  # who only reads has none
            self._tell(sent, answer)
        if LOG.isEnabledFor(logging.INFO):
            taken = time.monotonic() - request.context["exempt_started"]
            LOG.info(
                "%s: %d in %.0f ms, correlation id %s",
                f"{sent.method} {_path(sent.url)}",
                answer.status_code,
                taken * 1000,
                correlation(answer.headers) or "none",
            )

    def _tell(self, sent: Any, answer: Any) -> None:
        path = _path(sent.url)
        match = _SUBSCRIPTION.match(path)
        subscription = match[1].lower() if match else None
        operation = _OPERATIONS.get(sent.method, Operation.READS)
        level = "tenant" if subscription is None else "subscription"
        tokens = remaining(answer.headers, level, operation)
        if _DEFENDER.search(path):
            # Its requests draw from a bucket of its own, and from Resource Manager's: the emptier one counts.
            operation = Operation.RESOURCE_REQUESTS
            buckets = (tokens, remaining(answer.headers, "subscription", operation))
            tokens = min((number for number in buckets if number is not None), default=None)
        wait = retry_after(answer.headers)
        if answer.status_code != 429 or wait is not None:  # else whoever sent it decides how long
            for observer in self._observers:
                observer(subscription, operation, tokens, wait)

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        """Notes a request that got no answer."""
        LOG.info("%s %s: no answer", request.http_request.method, _path(request.http_request.url))


def correlation(headers: Mapping[str, str]) -> str:
    """The id by which Azure's support finds the request; empty where the answer has none."""
    return headers.get("x-ms-correlation-request-id") or headers.get("x-ms-request-id") or ""


def remaining(headers: Mapping[str, str], level: str, operation: Operation) -> int | None:
    """What the answer says is left in a bucket of the tenant or the subscription."""
    value = headers.get(f"x-ms-ratelimit-remaining-{level}-{operation}", "")
    return int(value) if value.isdigit() else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How long Azure asks to wait, in seconds; it writes seconds, milliseconds in a header of its own, or a date. In the
    headers of an answer, case does not matter.
    """
    milliseconds = headers.get("retry-after-ms") or headers.get("x-ms-retry-after-ms") or ""
    if milliseconds.isdigit():
        return int(milliseconds) / 1000
    value = headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            return None


def _path(url: str) -> str:
    """The path as sent, still percent-encoded: one line stays one line."""
    return urlsplit(url).path
