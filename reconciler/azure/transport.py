"""The pipeline that requests travel through: azure-mgmt-resource's policies and requests' connections.

The SDK brings authentication, retries that honour Retry-After, proxies and custom certificate bundles. Its pipeline is
put together here without the policy that registers resource providers: a command that reads must not write.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import requests
import requests.adapters
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline import PipelineResponse, policies
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from reconciler import __version__
from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential
from reconciler.azure.request_monitor import RequestMonitor, retry_after
from reconciler.azure.waits import Waits

_CONNECTIONS: Final = 64
"""Kept open: more than the threads that read or the apply engine's, so that none is closed to be opened again."""

_READ_RETRIES: Final = 6
_BACKOFF_SECONDS: Final = 20
_CONNECT_SECONDS: Final = 20
_ANSWER_SECONDS: Final = 120
_BLOCK: Final = 1 << 18


class _Adapter(requests.adapters.HTTPAdapter):
    """Reads in larger blocks than http.client does: lists have megabytes."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Passes the block size to every connection."""
        super().init_poolmanager(*arguments, blocksize=_BLOCK, **options)


class Transport(RequestsTransport):  # type: ignore[misc]  # the SDK exports it lazily, so untyped
    """The SDK's transport, with a connection for each thread and waits that an interrupted run need not sit out."""

    def __init__(self, endpoint: str) -> None:
        session = requests.Session()
        environment = session.merge_environment_settings(endpoint, {}, stream=False, verify=True, cert=None)
        session.trust_env = False  # read once, here: per request it costs more than the request
        session.proxies = environment["proxies"]
        session.mount("https://", _Adapter(pool_maxsize=_CONNECTIONS, max_retries=0))
        super().__init__(
            session=session,
            connection_verify=environment["verify"],
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_ANSWER_SECONDS,
            connection_data_block_size=_BLOCK,
        )
        self._interrupted = threading.Event()

    def interrupt(self) -> None:
        """Ends all waiting before a retry; whatever waits fails."""
        self._interrupted.set()

    def sleep(self, duration: float) -> None:
        """Waits before a retry."""
        if self._interrupted.wait(duration):
            raise ServiceRequestError("the run was interrupted")


class _RetryPolicy(policies.RetryPolicy[Any, Any]):
    """The SDK's retries, which say what they wait for, and end where waiting is not worthwhile."""

    def __init__(self, waits: Waits, **options: Any) -> None:
        super().__init__(**options)
        self._waits = waits

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        """Whether to ask again, after counting this attempt."""
        answer = response.http_response if isinstance(response, PipelineResponse) else None
        if not super().increment(settings, response=response, error=error):
            return False
        wait = retry_after(answer.headers) if answer is not None else None
        seconds = wait or self.get_backoff_time(settings)
        if not self._waits.is_worthwhile(seconds):
            return False
        attempt = len(settings["history"]) + 1
        counters = ("total", "connect", "read") if answer is None else ("total", "status")
        remaining = min(settings[name] for name in counters)
        self._waits.waiting(_cause(answer), attempt, attempt + remaining, seconds)
        return True


def _cause(answer: Any) -> str:
    if answer is None:
        return "Azure gives no answer"
    return "Azure limits requests" if answer.status_code == 429 else f"Azure answers {answer.status_code}"


def pipeline_policies(
    credential: TenantCredential, endpoints: Endpoints, monitor: RequestMonitor, waits: Waits
) -> list[Any]:
    """The policies of the pipeline, in the order in which a request passes them."""
    retries = {
        "retry_total": _READ_RETRIES,
        "retry_status": _READ_RETRIES,
        "retry_backoff_max": _BACKOFF_SECONDS,
    }
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(base_user_agent=f"exempt/{__version__}"),
        policies.ProxyPolicy(),
        _RetryPolicy(waits, **retries),
        ARMChallengeAuthenticationPolicy(credential, endpoints.oauth_scope),
        monitor,
        policies.SensitiveHeaderCleanupPolicy(),
    ]
