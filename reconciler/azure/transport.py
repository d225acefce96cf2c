"""The way to Resource Manager and back: connections by urllib3, in the pipeline of azure-mgmt-resource's client.

The SDK brings authentication (claims challenges included) and retries that honour Retry-After; proxies and certificate
bundles are taken from the environment as requests takes them. The SDK's own transport, on requests, costs more CPU than
all else that a request needs: see docs/architecture.md for the figures. There is no policy that registers resource
providers, since a command that reads must not write, and none that follows redirects.
"""

from __future__ import annotations

import http.client
import threading
from types import TracebackType
from typing import Any, Final, Self

import certifi
import requests.adapters
import requests.utils
import urllib3
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline import PipelineResponse, policies
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from urllib3.util.ssl_ import create_urllib3_context

from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential
from reconciler.azure.request_monitor import RequestMonitor, retry_after
from reconciler.azure.waits import Waits

_CONNECTIONS: Final = 64
"""Kept open: more than the threads that read or the apply engine's, so that none is closed to be opened again."""

_READ_RETRIES: Final = 6
_BACKOFF_SECONDS: Final = 20
_TIMEOUT: Final = urllib3.Timeout(connect=20, read=120)
_BLOCK: Final = 1 << 18
"""Bytes that a connection reads at once: lists have megabytes."""

_SCHEME: Final = "https://"
_NEVER_SENT: Final = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.LocationValueError,
    http.client.InvalidURL,
)


class TransportResponse:
    """An answer, read whole. What azure-core's policies ask of a response, and nothing else."""

    __slots__ = ("content", "headers", "request", "status_code")

    def __init__(self, request: HttpRequest, response: urllib3.BaseHTTPResponse) -> None:
        self.request = request
        self.status_code = response.status
        self.headers = response.headers
        self.content = response.data


class Transport(HttpTransport[HttpRequest, TransportResponse]):
    """Connections to one endpoint, shared by all threads, and waits that an interrupted run need not sit out.

    The environment is read once, here, and the certificates are loaded once, for all connections.
    """

    def __init__(self, endpoint: str) -> None:
        environment = requests.Session().merge_environment_settings(endpoint, {}, stream=False, verify=True, cert=None)
        # Certificates are always checked: by the bundle (a file, or a folder of hashes) that the environment names.
        context = create_urllib3_context()
        bundle = environment["verify"] if isinstance(environment["verify"], str) else certifi.where()
        try:
            context.load_verify_locations(cafile=bundle)
        except IsADirectoryError:
            context.load_verify_locations(capath=bundle)
        options: dict[str, Any] = {"ssl_context": context, "blocksize": _BLOCK}
        proxy = requests.utils.select_proxy(endpoint, environment["proxies"])
        if proxy is None:
            self._manager = urllib3.PoolManager(maxsize=_CONNECTIONS, **options)
        else:
            proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")
            if proxy.lower().startswith("https"):
                options["proxy_ssl_context"] = context
            self._manager = requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS).proxy_manager_for(proxy, **options)
        self._pool = self._manager.connection_from_url(endpoint)
        self._interrupted = threading.Event()
        self._of_thread = threading.local()

    def send(self, request: HttpRequest, **options: Any) -> TransportResponse:  # noqa: ARG002 - those of policies
        """Sends one request; its URL is of this transport's endpoint."""
        try:
            response = self._pool.urlopen(
                request.method,
                request.url[request.url.index("/", len(_SCHEME)) :],
                body=request.content,
                headers=request.headers,
                retries=False,
                redirect=False,
                timeout=_TIMEOUT,
            )
        except _NEVER_SENT as error:
            raise ServiceRequestError(str(error)) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise ServiceResponseError(str(error)) from error
        return TransportResponse(request, response)

    def interrupt(self) -> None:
        """Ends all waiting before a retry; whatever waits fails."""
        self._interrupted.set()

    def wait_until(self, ended: threading.Event) -> None:
        """Lets what this thread waits for end with the event, whoever else waits."""
        self._of_thread.ended = ended

    def sleep(self, duration: float) -> None:
        """Waits before a retry."""
        ended: threading.Event = getattr(self._of_thread, "ended", self._interrupted)
        if self._interrupted.is_set() or ended.wait(duration):
            raise ServiceRequestError("the run was interrupted")

    def open(self) -> None:
        """Connections are opened when they are needed."""

    def close(self) -> None:
        """Closes all connections."""
        self._manager.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


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
        if answer is None:
            cause = "Azure gives no answer"
        else:
            cause = "Azure limits requests" if answer.status_code == 429 else f"Azure answers {answer.status_code}"
        self._waits.waiting(cause, attempt, attempt + remaining, seconds)
        return True


def pipeline_policies(
    credential: TenantCredential, endpoints: Endpoints, monitor: RequestMonitor, waits: Waits
) -> list[Any]:
    """The policies of the pipeline, in the order in which a request passes them."""
    return [
        _RetryPolicy(waits, retry_total=_READ_RETRIES, retry_status=_READ_RETRIES, retry_backoff_max=_BACKOFF_SECONDS),
        ARMChallengeAuthenticationPolicy(credential, endpoints.oauth_scope),
        monitor,
    ]
