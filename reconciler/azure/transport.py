"""The way to Resource Manager and back: azure-mgmt-resource's pipeline, our threads, and Azure's errors as ours.

The SDK brings authentication, retries that honour Retry-After, proxies and custom certificate bundles. Its pipeline is
put together here without the policy that registers resource providers: a command that reads must not write. Beside
`credentials` the one module that imports the SDK.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import requests
import requests.adapters
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline import PipelineResponse, policies
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.resource.resources import ResourceManagementClient

from reconciler import __version__
from reconciler.azure import failures
from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential
from reconciler.azure.versions import Versions
from reconciler.azure.watch import Watch, retry_after
from reconciler.model import JSON, LONGEST_WAIT
from reconciler.problems import AzureError

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS: Final = 16
"""Enough to hide the latency of lists; more only queue at Azure's token buckets."""

_CONNECTIONS: Final = 64
"""Kept open: more than the threads that read or the apply engine's, so that none is closed to be opened again."""

_READ_RETRIES: Final = 6
_BACKOFF_SECONDS: Final = 20
_CONNECT_SECONDS: Final = 20
_ANSWER_SECONDS: Final = 120
_BLOCK: Final = 1 << 18
_NO_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"
_UNRESERVED: Final = "/:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the status (always below 400), headers by lower-case name, the JSON object (empty where
    there was no body).
    """

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, JSON]


class Arm:
    """Requests to one Resource Manager as one identity, from any number of threads.

    Every fault is raised as `AzureError` (status 0: no answer) or `CredentialError`.
    """

    def __init__(self, credential: TenantCredential, endpoints: Endpoints, versions: Versions) -> None:
        self.watch = Watch()
        self._credential = credential
        self._endpoint = endpoints.resource_manager
        self._versions = versions
        self._transport = _Transport(endpoints.resource_manager)
        self._client = ResourceManagementClient(
            credential,
            _NO_SUBSCRIPTION,  # required, and without effect on what is sent
            base_url=endpoints.resource_manager,
            credential_scopes=[endpoints.oauth_scope],
            transport=self._transport,
            policies=_policies(credential, endpoints, self.watch),
        )

    def get(self, path: str, kind: str, **query: str) -> Answer:
        """One object. Throttling and faults of the service are waited out."""
        return self._read("GET", path, kind, query)

    def post(self, path: str, kind: str, body: JSON) -> Answer:
        """A question that is asked by POST, such as a Resource Graph query. Waited out like a read."""
        return self._read("POST", path, kind, {}, body)

    def pages(self, path: str, kind: str, method: str = "GET", **query: str) -> list[JSON]:
        """All objects of a list, however many pages it has."""
        answer = self._read(method, path, kind, query)
        found = _values(answer)
        seen: set[str] = set()
        while link := answer.body.get("nextLink"):
            if link in seen or not failures.same_origin(link, self._endpoint):
                raise AzureError(200, "InvalidNextLink", f"the list {path} goes on at an address of another service")
            seen.add(link)
            answer = self._send(method, _escape_braces(link), None)
            found += _values(answer)
        return found

    def once(self, method: str, path: str, kind: str, body: JSON = None) -> Answer:
        """Exactly one request, without retries or waiting. After a 401 the next request carries a fresh token."""
        return self._send(method, self._url(path, kind, {}), body, retry_total=0)

    def each(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        finished: Callable[[int], None] | None = None,
    ) -> list[Result | AzureError]:
        """The results of a function in the order of the items, many at once; an `AzureError` takes a result's place.

        `finished` is told how many are done, from the calling thread.
        """
        if not items:
            return []
        patient = True  # with everything but Ctrl-C: who reads only need not sit out an answer that may take minutes
        pool = ThreadPoolExecutor(min(THREADS, len(items)), thread_name_prefix="azure")
        try:
            waiting = [pool.submit(function, item) for item in items]
            for count, done in enumerate(as_completed(waiting), start=1):
                _raise_unless_of_one(done)
                if finished is not None:
                    finished(count)
            return _settled(waiting)
        except BaseException as error:
            self._transport.interrupt()
            patient = isinstance(error, Exception)
            raise
        finally:
            pool.shutdown(wait=patient, cancel_futures=True)

    def wait(self, seconds: float) -> None:
        """Waits for what Azure asks to be waited for."""
        self._transport.sleep(seconds)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
        self._credential.close()

    def _read(self, method: str, path: str, kind: str, query: Mapping[str, str], body: JSON = None) -> Answer:
        version = self._versions.current(kind)
        try:
            return self._authorised(method, self._url(path, kind, query), body)
        except AzureError as error:
            if not failures.is_version_refused(error) or not self._versions.settle(kind, version, error.message):
                raise
            return self._authorised(method, self._url(path, kind, query), body)

    def _authorised(self, method: str, url: str, body: JSON) -> Answer:
        try:
            return self._send(method, url, body)
        except AzureError as error:
            if error.status != 401:
                raise
            return self._send(method, url, body)

    def _url(self, path: str, kind: str, query: Mapping[str, str]) -> str:
        failures.refuse_dots(path)
        escaped = quote(path if path.startswith("/") else f"/{path}", safe=_UNRESERVED)
        options = {f"${name}": value for name, value in query.items()}
        return f"{escaped}?{urlencode({'api-version': self._versions.current(kind), **options}, safe='$')}"

    def _send(self, method: str, url: str, body: JSON, **options: Any) -> Answer:
        request = HttpRequest(method, url, headers={"Accept": "application/json"}, json=body)
        try:
            response = self._client.send_request(request, **options)
        except SdkError as error:
            raise failures.from_sdk(error, url if "://" in url else self._endpoint + url) from error
        if response.status_code == 401:
            self._credential.forget(response.request.headers.get("Authorization", ""))
        return _answer(response, url)


def _values(answer: Answer) -> list[JSON]:
    """The objects on one page of a list."""
    values = answer.body.get("value")
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _answer(response: HttpResponse, url: str) -> Answer:
    try:
        body = json.loads(response.content) if response.content else None
    except ValueError as error:
        raise failures.not_json(response.status_code, url) from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    if response.status_code >= 400:
        raise failures.from_answer(response.status_code, headers, body, url, response.request.method)
    if not isinstance(body, dict | None):
        raise failures.not_json(response.status_code, url)
    return Answer(status=response.status_code, headers=headers, body=body or {})


def _raise_unless_of_one(done: Future[Any]) -> None:
    """Raises at once what concerns all: without an identity, asking for the other thousand is only waiting."""
    error = done.exception()
    if error is not None and not isinstance(error, AzureError):
        raise error


def _settled(waiting: Sequence[Future[Result]]) -> list[Result | AzureError]:
    results: list[Result | AzureError] = []
    for one in waiting:
        try:
            results.append(one.result())
        except AzureError as error:
            results.append(error)
    return results


def _escape_braces(link: str) -> str:
    """A link as given: the SDK would take braces for its own placeholders."""
    return link.replace("{", "%7B").replace("}", "%7D")


def raise_if_unreachable(answers: Sequence[object]) -> None:
    """Raises the first fault where not one request was answered: that is no matter of single scopes."""
    faults = [one for one in answers if isinstance(one, AzureError) and one.status == 0]
    if faults and len(faults) == len(answers):
        raise faults[0]


class _Adapter(requests.adapters.HTTPAdapter):
    """Reads in larger blocks than http.client does: lists have megabytes."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Passes the block size to every connection."""
        super().init_poolmanager(*arguments, blocksize=_BLOCK, **options)


class _Transport(RequestsTransport):  # type: ignore[misc]  # the SDK exports it lazily, so untyped
    """The SDK's transport, with a connection for each thread and waits that an interrupted run need not sit out."""

    def __init__(self, endpoint: str) -> None:
        session = requests.Session()
        given = session.merge_environment_settings(endpoint, {}, stream=False, verify=True, cert=None)
        session.trust_env = False  # read once, here: per request it costs more than the request
        session.proxies = given["proxies"]
        session.mount("https://", _Adapter(pool_maxsize=_CONNECTIONS, max_retries=0))
        super().__init__(
            session=session,
            connection_verify=given["verify"],
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


class _Retries(policies.RetryPolicy[Any, Any]):
    """The SDK's retries, but for waits so long that a person or pipeline would take them for a hang."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether to ask again."""
        wait = retry_after(response.http_response.headers)
        return (wait is None or wait <= LONGEST_WAIT) and bool(super().is_retry(settings, response))


def _policies(credential: TenantCredential, endpoints: Endpoints, watch: Watch) -> list[Any]:
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
        policies.RedirectPolicy(),
        _Retries(**retries),
        ARMChallengeAuthenticationPolicy(credential, endpoints.oauth_scope),
        watch,
        policies.SensitiveHeaderCleanupPolicy(),
    ]
