"""GitHub and Azure DevOps on loopback, as far as pull requests go: they record each call, and answer as the real ones do."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: Any


@dataclass
class Service:
    """`calls` in order; `pulls` are the pull requests that were opened; `parent` what the repository is a fork of: OWNER/NAME,
    in Azure DevOps PROJECT/NAME; `merged` are pull requests by commit, and `completes` how they ended in Azure DevOps.
    """

    endpoint: str = ""
    calls: list[Call] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    parent: str = ""
    refuses: int = 0
    redirects_to: str = ""
    reviews: list[dict[str, Any]] = field(default_factory=list)
    merged: dict[str, int] = field(default_factory=dict)
    completes: str = "completed"

    def answer(self, call: Call) -> tuple[int, Any]:
        if self.redirects_to:
            return 307, {}
        if self.refuses:
            return self.refuses, {"message": "Resource not accessible by personal access token"}
        if "/_apis/git/" in call.path:
            return self._azure_devops(call)
        if match := re.fullmatch(r"/repos/[^/]+/[^/]+/commits/([0-9a-f]+)/pulls", call.path):
            number = self.merged.get(match[1])
            return 200, [{"number": number, "user": {"login": "asker"}}] if number else []
        if call.path.endswith("/reviews"):
            return 200, self.reviews
        if call.method == "PATCH":
            pull = self.pulls[int(call.path.rpartition("/")[2]) - 1]
            pull.update(call.body)
            return 200, pull
        if call.path.endswith("/pulls"):
            return self._github(call)
        parent = {"parent": {"full_name": self.parent, "default_branch": "main"}} if self.parent else {}
        return 200, {"full_name": call.path.removeprefix("/repos/"), "fork": bool(self.parent), **parent}

    def _github(self, call: Call) -> tuple[int, Any]:
        if call.method == "GET":
            head = call.query["head"].rpartition(":")[2]
            return 200, [pull for pull in self.pulls if pull["head"].rpartition(":")[2] == head]
        pull = {"number": len(self.pulls) + 1, **call.body}
        self.pulls.append(pull)
        return 201, pull

    def _azure_devops(self, call: Call) -> tuple[int, Any]:
        if call.path.endswith("/pullrequestquery"):
            found = {
                sha: [
                    {
                        "pullRequestId": number,
                        "status": self.completes,
                        "createdBy": {"uniqueName": "asker@contoso.example"},
                    }
                ]
                for query in call.body["queries"]
                for sha in query["items"]
                if (number := self.merged.get(sha)) and query["type"] == "lastMergeCommit"
            }
            return 200, {"results": [found, {}]}
        if call.path.endswith("/reviewers"):
            return 200, {"count": len(self.reviews), "value": self.reviews}
        if not call.path.rpartition("/repositories/")[2].count("/"):
            return 200, self._devops_repository(call)
        if call.method == "GET":
            source = (call.query["searchCriteria.sourceRefName"], call.query.get("searchCriteria.sourceRepositoryId"))
            return 200, {"value": [pull for pull in self.pulls if _source(pull) == source]}
        if call.method == "PATCH":
            pull = self.pulls[int(call.path.rpartition("/")[2]) - 1]
            pull.update(call.body)
            return 200, pull
        if self.parent and _devops_names(call.path) == self.parent and "forkSource" not in call.body:
            return 400, {"message": "TF401398: the source branch no longer exists"}
        pull = {"pullRequestId": len(self.pulls) + 1, **call.body}
        self.pulls.append(pull)
        return 201, pull

    def _devops_repository(self, call: Call) -> dict[str, Any]:
        """A repository; its parent only for who asks for it, and without its default branch, as the documentation has it."""
        names = _devops_names(call.path)
        name = names.rpartition("/")[2]
        about = {"id": f"id of {names}", "name": name, "defaultBranch": "refs/heads/main"}
        if not self.parent or names == self.parent:
            return about
        parent_project, _, parent_name = self.parent.rpartition("/")
        parent = {"id": f"id of {self.parent}", "name": parent_name, "project": {"name": parent_project}}
        asks = call.query.get("includeParent") == "true"
        return {**about, "isFork": True, **({"parentRepository": parent} if asks else {})}


def _devops_names(path: str) -> str:
    """PROJECT/NAME in a path of Azure DevOps' REST interface."""
    match = re.match(r"/[^/]+/([^/]+)/_apis/git/repositories/([^/]+)", path)
    return unquote("/".join(match.groups())) if match else ""


def _source(pull: dict[str, Any]) -> tuple[str, str | None]:
    return pull["sourceRefName"], pull.get("forkSource", {}).get("repository", {}).get("id")


@contextlib.contextmanager
def running() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            call = Call(
                self.command, parts.path, query, self.headers.get("Authorization", ""), json.loads(data or "null")
            )
            service.calls.append(call)
            status, value = service.answer(call)
            content = json.dumps(value).encode()
            self.send_response(status)
            if status == 307:
                self.send_header("Location", service.redirects_to)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    service.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
