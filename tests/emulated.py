"""Helpers for every test that needs an Azure: start one, ask it anything as anybody, run `exempt` against it.

    with emulated.running(tenant) as cloud:
        portal = emulated.Client(cloud, "portal.user@contoso.example")
        portal.put(exemption_id, properties={...})
        done = emulated.exempt(cloud, "plan", cwd=repository)

Nothing here is a fixture; compose as you like. (The module is not called `azure`: that name is the SDK's.) Requests go over the socket, as any client's do.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import urllib.parse
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prefork
import proofs

from reconciler.emulator import Azure, running

__all__ = ["PORTAL", "VERSIONS", "Answer", "Azure", "Client", "environment", "exempt", "running"]

PORTAL = "portal.user@contoso.example"
"""The user that every tenant has unless its file names users of its own."""

VERSIONS = {
    "policyexemptions": "2022-07-01-preview",
    "policyassignments": "2025-11-01",
    "policydefinitions": "2025-11-01",
    "policysetdefinitions": "2025-11-01",
    "managementgroups": "2021-04-01",
    "getentities": "2021-04-01",
    "operationresults": "2021-04-01",
    "locks": "2016-09-01",
    "permissions": "2022-04-01",
    "roleassignments": "2022-04-01",
    "roledefinitions": "2022-04-01",
    "policystates": "2019-10-01",
    "asyncoperationresults": "2019-10-01",
    "microsoft.resourcegraph": "2022-10-01",
    "assessments": "2021-06-01",
    "assessmentmetadata": "2021-06-01",
    "pricings": "2024-01-01",
    "standardassignments": "2024-08-01",
    "securitystandards": "2024-08-01",
}
"""The API version that `Client` asks by, for the last type in a path; others get 2022-09-01."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code, or empty."""
        return self.json["error"]["code"] if self.status >= 400 and self.body else ""

    @property
    def message(self) -> str:
        return self.json["error"]["message"]


class Client:
    """One connection to an emulator as one principal (object id, client id or name; None: the default application)."""

    def __init__(self, cloud: Azure, principal: str | None = None) -> None:
        self._cloud = cloud
        self._token = cloud.token(principal)
        host = urllib.parse.urlsplit(cloud.arm_endpoint).netloc
        context = ssl.create_default_context(cafile=cloud.ca_bundle)
        self._connection = http.client.HTTPSConnection(host, context=context, timeout=30)
        weakref.finalize(self, self._connection.close)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """Any request. `path` may carry a query, which then is sent as it stands; `headers` replace the usual ones."""
        if "?" not in path:
            names = {"api-version": version or _version(path)} | {f"${name}": text for name, text in query.items()}
            path = urllib.parse.quote(path, safe="/()'") + "?" + urllib.parse.urlencode(names, safe="$()'")
        usual = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, path, data, usual if headers is None else dict(headers))
            response = self._connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            self._connection.close()  # the next request opens it anew
            raise

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def put(self, path: str, properties: Mapping[str, Any], **options: Any) -> Answer:
        return self.request("PUT", path, {"properties": properties}, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.request("DELETE", path, **options)

    def list(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        answer, rows = self.get(path, **options), []
        while True:
            assert answer.status == 200, answer.body
            rows += answer.json["value"]
            link = answer.json.get("nextLink")
            if not link:
                return rows
            answer = self.get(link.removeprefix(self._cloud.arm_endpoint))


def _version(path: str) -> str:
    known = (VERSIONS[part] for part in reversed(path.lower().split("/")) if part in VERSIONS)
    return next(known, "2022-09-01")


def environment(cloud: Azure, **more: str) -> dict[str, str]:
    """The environment of a process that uses this Azure and no other; proxies and other identities are left out."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_FILE", "PYTHONPATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | cloud.env | more


def exempt(
    cloud: Azure, *arguments: str, cwd: Path, check: Sequence[int] | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would. `check` are the exit codes that are right; any if absent. In tests/main_job a plan
    or an apply is proven by the independent checker.
    """
    with proofs.proven_in_scenarios(arguments, cwd) as extended:
        done = prefork.run(extended, cwd=cwd, env=environment(cloud, **more))
    assert check is None or done.returncode in check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
