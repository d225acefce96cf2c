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
from reconciler.model import LONGEST_WAIT

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
    """The SDK's retries, but for waits so long that a person or pipeline would take them for a hang."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to ask again."""
        wait = retry_after(response.http_response.headers)
        return (wait is None or wait <= LONGEST_WAIT) and bool(super().is_retry(settings, response))


def pipeline_policies(credential: TenantCredential, endpoints: Endpoints, monitor: RequestMonitor) -> list[Any]:
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
        _RetryPolicy(**retries),
        ARMChallengeAuthenticationPolicy(credential, endpoints.oauth_scope),
        monitor,
        policies.SensitiveHeaderCleanupPolicy(),
    ]
