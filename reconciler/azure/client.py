"""Requests to Resource Manager and their answers: our threads on the SDK's pipeline, and Azure's errors as ours."""

from __future__ import annotations

import itertools
import json
import platform
import threading
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from azure.core import __version__ as azure_core_version
from azure.core.exceptions import AzureError as SdkError
from azure.core.rest import HttpRequest
from azure.mgmt.resource.resources import ResourceManagementClient

from reconciler import __version__
from reconciler.arm.shapes import ShapeError, objects_in
from reconciler.azure import errors
from reconciler.azure.api_versions import ApiVersions
from reconciler.azure.clouds import Endpoints
from reconciler.azure.credentials import TenantCredential
from reconciler.azure.request_monitor import RequestMonitor
from reconciler.azure.transport import Transport, TransportResponse, pipeline_policies
from reconciler.azure.waits import Waits
from reconciler.documents.json_input import JsonInputError, read_json
from reconciler.model import JSON
from reconciler.problems import AzureError

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS: Final = 16
"""Enough to hide the latency of lists; more only queue at Azure's token buckets."""

_AHEAD: Final = 16 * THREADS
"""How many are asked for before the first of them is there: what came behind a slow one is kept until then."""

_NO_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"
"""The client asks for one; nothing that is sent through it bears it."""

_USER_AGENT: Final = f"exempt/{__version__} azure-core/{azure_core_version} Python/{platform.python_version()}"
_UNRESERVED: Final = "/:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResponse:
    """What came back: the status (always below 400), headers (names in any letter case), the JSON object (empty where
    there was no body).
    """

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, JSON]


class ArmClient:
    """Requests to one Resource Manager as one identity, from any number of threads.

    Every fault is raised as `AzureError` (status 0: no answer) or `CredentialError`.
    """

    def __init__(
        self,
        credential: TenantCredential,
        endpoints: Endpoints,
        versions: ApiVersions,
        warn: Callable[[str], None],
    ) -> None:
        """`warn` is told what is waited for, from any thread."""
        waits = Waits(warn)
        self.monitor = RequestMonitor(waits)
        self._credential = credential
        self._endpoint = endpoints.resource_manager
        self._versions = versions
        self._transport = Transport(endpoints.resource_manager)
        self._client = ResourceManagementClient(
            credential,
            _NO_SUBSCRIPTION,
            base_url=endpoints.resource_manager,
            credential_scopes=[endpoints.oauth_scope],
            transport=self._transport,
            policies=pipeline_policies(credential, endpoints, self.monitor, waits),
        )
        self._run_id = uuid.uuid4().urn.removeprefix("urn:uuid:")[:24]
        self._numbers = itertools.count()

    def get(self, path: str, kind: str, **query: str) -> ArmResponse:
        """One object. Throttling and faults of the service are waited out."""
        return self._read("GET", path, kind, query)

    def post(self, path: str, kind: str, body: JSON) -> ArmResponse:
        """A question that is asked by POST, such as a Resource Graph query. Waited out like a read."""
        return self._read("POST", path, kind, {}, body)

    def pages(self, path: str, kind: str, method: str = "GET", **query: str) -> list[JSON]:
        """All objects of a list, however many pages it has."""
        response = self._read(method, path, kind, query)
        values = _values(response, path)
        followed: set[str] = set()
        while link := response.body.get("nextLink"):
            if not errors.same_origin(link, self._endpoint) or link in followed:
                excerpt = f"{link!r:.200}"
                raise errors.invalid_answer(f"the list {path}", f"nextLink {excerpt} leads to no further page of it")
            followed.add(link)
            parts = urlsplit(link)
            response = self._send(method, f"{parts.path or '/'}?{parts.query}", None)
            values += _values(response, path)
        return values

    def once(self, method: str, path: str, kind: str, body: JSON = None) -> ArmResponse:
        """Exactly one request, without retries or waiting. After a 401 the next request carries a fresh token."""
        return self._send(method, self._url(path, kind, {}), body, retry_total=0)

    def raw(self, method: str, target: str, body: JSON = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and content of whatever is answered. `target` is a path with its query, as it is sent;
        throttling is waited out for reads.
        """
        response = self._answer(method, target, body, **({} if method == "GET" else {"retry_total": 0}))
        return response.status_code, response.headers, response.content

    def each(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        finished: Callable[[int], None] | None = None,
    ) -> list[Result | AzureError]:
        """The results of a function in the order of the items, many at once; an `AzureError` takes a result's place.

        `finished` is called with how many are done, from the calling thread.
        """
        return [*self.in_turn(function, items, finished)]

    def in_turn(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        finished: Callable[[int], None] | None = None,
    ) -> Generator[Result | AzureError, None, None]:
        """The same, each as soon as it and all before it are there: whoever takes them need not keep them, and behind a slow
        one few are kept. To be closed; whoever takes no more may ask the client for other things.
        """
        tell = finished or (lambda _: None)
        answers: dict[int, Result | AzureError] = {}
        ready: SimpleQueue[tuple[int, Result | AzureError] | BaseException] = SimpleQueue()
        numbers, ended, room = itertools.count(), threading.Event(), threading.Semaphore(_AHEAD)

        def work() -> None:  # one thread's share: a future for each item costs as much CPU as to decode what it brings
            self._transport.wait_until(ended)
            try:
                while room.acquire() and (number := next(numbers)) < len(items) and not ended.is_set():
                    ready.put((number, _answer_or_fault(function, items[number])))
                room.release()  # for the next thread, which takes nothing either
            except BaseException as error:  # noqa: BLE001 - raised to the caller
                ready.put(error)

        wait = True  # for everything but Ctrl-C: who reads only need not sit out an answer that may take minutes
        turn = 0
        pool = ThreadPoolExecutor(THREADS)
        try:
            for _ in range(min(THREADS, len(items))):
                pool.submit(work)
            for count in range(1, len(items) + 1):
                answer = ready.get()
                if isinstance(answer, BaseException):
                    raise answer  # noqa: TRY301 - without an identity, asking for the other thousand is only waiting
                answers[answer[0]] = answer[1]
                tell(count)
                while turn in answers:
                    room.release()
                    yield answers.pop(turn)
                    turn += 1
        except BaseException as error:
            ended.set()
            room.release()
            if isinstance(error, KeyboardInterrupt):
                self._transport.interrupt()
            wait = isinstance(error, Exception)
            raise
        finally:
            pool.shutdown(wait=wait, cancel_futures=True)

    def wait(self, seconds: float) -> None:
        """Waits for what Azure asks to be waited for."""
        self._transport.sleep(seconds)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
        self._credential.close()

    def _read(self, method: str, path: str, kind: str, query: Mapping[str, str], body: JSON = None) -> ArmResponse:
        version = self._versions.current(kind)
        try:
            return self._authorised(method, self._url(path, kind, query), body)
        except AzureError as error:
            if not errors.is_version_refused(error) or not self._versions.settle(kind, version, error.message):
                raise
            return self._authorised(method, self._url(path, kind, query), body)

    def _authorised(self, method: str, url: str, body: JSON) -> ArmResponse:
        try:
            return self._send(method, url, body)
        except AzureError as error:
            if error.status != 401:
                raise
            return self._send(method, url, body)

    def _url(self, path: str, kind: str, query: Mapping[str, str]) -> str:
        errors.refuse_dots(path)
        escaped = quote(path if path.startswith("/") else f"/{path}", safe=_UNRESERVED)
        options = {f"${name}": value for name, value in query.items()}
        return f"{escaped}?{urlencode({'api-version': self._versions.current(kind), **options}, safe='$')}"

    def _send(self, method: str, url: str, body: JSON, **options: Any) -> ArmResponse:
        """What a response says, if it is no error and no redirect."""
        response = self._answer(method, url, body, **options)
        if 300 <= response.status_code < 400:
            raise errors.from_redirect(response.status_code, response.headers, url)
        try:
            value = read_json(response.content, origin=url).value if response.content else {}
        except JsonInputError as error:
            raise errors.not_json(response.status_code, url, error.message) from error
        if response.status_code >= 400:
            raise errors.from_answer(response.status_code, response.headers, value, url, method)
        if not isinstance(value, dict):
            raise errors.not_json(response.status_code, url, "an object is expected")
        return ArmResponse(status=response.status_code, headers=response.headers, body=value)

    def _answer(self, method: str, url: str, body: JSON, **options: Any) -> TransportResponse:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": _USER_AGENT,
            "x-ms-client-request-id": f"{self._run_id}{next(self._numbers):012x}",
        }
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        # An address as given: the client would take braces for placeholders of its own.
        address = self._endpoint + url.replace("{", "%7B").replace("}", "%7D")
        request = HttpRequest(method, address, headers=headers, content=content)
        try:
            response = cast(
                TransportResponse, self._client.send_request(request, **options)
            )  # as its transport gave it
        except SdkError as error:
            raise errors.from_sdk(error, self._endpoint + url) from error
        if response.status_code == 401:
            self._credential.forget(response.request.headers["Authorization"])
        return response


def _answer_or_fault(function: Callable[[Item], Result], item: Item) -> Result | AzureError:
    try:
        return function(item)
    except AzureError as error:
        return error


def _values(response: ArmResponse, path: str) -> list[JSON]:
    """The objects on one page of a list."""
    with errors.reading(f"the list {path}"):
        if "value" not in response.body:
            raise ShapeError("value is missing")
        return [*objects_in(response.body, "value")]


def read_object(
    client: ArmClient, path: str, kind: str, decode: Callable[[JSON], object], **query: str
) -> Mapping[str, JSON]:
    """One object as ARM gives it, once `decode` has found its shape to be right.

    Raises:
        AzureError: it could not be read, or has another shape.
    """
    body = client.get(path, kind, **query).body
    with errors.reading(path):
        decode(body)
    return body


def raise_if_unreachable(answers: Sequence[object]) -> None:
    """Raises the first fault where not one request was answered by Azure: that is no matter of single scopes."""
    faults = [answer for answer in answers if isinstance(answer, AzureError) and errors.is_unanswered(answer)]
    if faults and len(faults) == len(answers):
        raise faults[0]
