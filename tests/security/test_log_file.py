"""`--log-file`: what a support case needs, and nothing that anybody could use."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import emulated
import pytest
from main_job import repositories as repo

DECLARATION = {
    "name": "transfer",
    "recommendation": "Secure transfer to storage accounts should be enabled",
    "scopes": [repo.subscription(1)],
    "justification": "Words of the body.",
}
ROW = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO (GET|PUT|POST|DELETE) /\S*: \d{3} in \d+ ms, correlation id [\w-]+"
)


@pytest.mark.parametrize(
    ("command", "method"),
    [
        (["plan"], "GET"),
        (["apply", "--yes"], "PUT"),
        (["drift"], "GET"),
        (["snapshot"], "GET"),
        (["doctor"], "GET"),
        (["explain", repo.subscription(1)], "GET"),
        (["catalog", "refresh"], "GET"),
    ],
)
def test_every_request_is_noted_without_token_body_or_query(tmp_path: Path, command: list[str], method: str) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION])
    log = tmp_path / "support.log"
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))) as azure:
        emulated.exempt(azure, *command, "--log-file", str(log), cwd=root)
        sent = [one for one in azure.requests if "/oauth2/" not in one.target]
    text = log.read_text(encoding="utf-8")
    rows = text.splitlines()
    assert len(rows) == len(sent) > 0
    assert all(ROW.fullmatch(row) for row in rows), text
    assert method in {row.split()[2] for row in rows}
    assert not re.search(r"eyJ|[Bb]earer|api-version|\?|Words of the body", text)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_is_appended_to_and_one_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    root = repo.write(tmp_path / "data", [DECLARATION])
    log = tmp_path / "support.log"
    with emulated.running(repo.tenant()) as azure:
        for _ in range(2):
            emulated.exempt(azure, "plan", "--log-file", str(log), cwd=root)
        assert len(log.read_text(encoding="utf-8").splitlines()) == len(azure.requests)
        sent = len(azure.requests)
        refused = emulated.exempt(azure, "plan", "--log-file", str(tmp_path / "no" / "log"), cwd=root, check=[1])
        assert (
            f"nothing could be saved: there is no folder {str(tmp_path / 'no')!r} for 'log'\nhelp: name a file"
            in refused.stderr
        )
        assert len(azure.requests) == sent


def test_what_azure_says_cannot_pass_for_a_row_of_ours(tmp_path: Path) -> None:
    """A hostile name reaches the log in a path, which is percent-encoded as it is sent."""
    root = repo.write(tmp_path / "data", [DECLARATION])
    to = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    odd = repo.exemption(repo.subscription(1), "x ::error::y", to["id"], ["secureTransferToStorageAccountMonitoring"])
    log = tmp_path / "support.log"
    with emulated.running(repo.tenant(to, exemptions=[odd])) as azure:
        done = emulated.exempt(azure, "apply", "--yes", "--format", "json", "--log-file", str(log), cwd=root)
    assert json.loads(done.stdout)["outcomes"], done.stderr
    assert all(ROW.fullmatch(row) for row in log.read_text(encoding="utf-8").splitlines())
