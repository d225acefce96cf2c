"""The fault walk: a repository and an Azure with one of every kind of change to make, and a hand on every request.

`Scene` prepares the state once; `Scene.azure()` starts a fresh Azure in it, whose `Ledger` numbers the requests, notes
what is exempt after every effect, and lets a test strike at the k-th request.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import emulated
import proofs
from main_job import repositories as repo

from reconciler.catalog.catalogue import load
from reconciler.cli.main import guarded
from reconciler.emulator.faults.scripted import FaultAction, parse_faults
from reconciler.emulator.wire.http import Request, Response
from reconciler.model import arm_id

ONE, TWO = repo.subscription(1), repo.subscription(2)
BENCHMARK = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(ONE, "nist", repo.NIST)
APPLY = ("apply", "--yes", "--allow-deletes", "9")

T = TypeVar("T")

Cells = frozenset[tuple[str, str, str]]
"""(subscription, folded assignment id, folded reference id; `*` for all of them)"""


def references(policy: str, definition: str = repo.BENCHMARK) -> list[str]:
    initiative = load().initiative(arm_id(definition))
    return sorted(member.reference_id for member in initiative.members if member.definition.key == policy)


def policies() -> list[str]:
    """Some policies that both initiatives have, each under one name in the benchmark."""
    benchmark, nist = (load().initiative(arm_id(found)) for found in (repo.BENCHMARK, repo.NIST))
    shared = {member.definition.key for member in benchmark.members} & {m.definition.key for m in nist.members}
    return sorted(policy for policy in shared if len(references(policy)) == 1)[:8]


def declare(name: str, policy: str, *scopes: str, **more: str) -> dict[str, Any]:
    return {"name": name, "policyDefinition": policy.rsplit("/", 1)[-1], "scopes": list(scopes), **more}


def covered(exemptions: dict[str, dict[str, Any]]) -> Cells:
    """What is exempt for a resource in each subscription, by whatever object."""
    found = set()
    for key, body in exemptions.items():
        properties = body["properties"]
        scope = key.rsplit("/providers/microsoft.authorization/", 1)[0]
        for subscription in (ONE, TWO):
            if scope == repo.ROOT.lower() or scope == subscription:
                for reference in properties.get("policyDefinitionReferenceIds") or ["*"]:
                    found.add((subscription, properties["policyAssignmentId"].lower(), reference.lower()))
    return frozenset(found)


def essence(exemptions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What two end states must have in common: everything but when and by whom."""
    return {key: json.dumps(body["properties"], sort_keys=True) for key, body in exemptions.items()}


@dataclass
class Ledger:
    """Every request of an Azure, numbered from 0. `strike` decides what befalls it; `effects` are the writes that took
    effect, `states` what was exempt after each.
    """

    azure: emulated.Azure
    strike: Callable[[int, Request], FaultAction | None] = lambda *_: None
    count: int = 0
    requests: list[str] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)
    states: list[Cells] = field(default_factory=list)

    def __post_init__(self) -> None:
        gateway = self.azure._gateway
        inner = gateway._with_faults

        def through(request: Request, principal: Any) -> Response:
            number, self.count = self.count, self.count + 1
            self.requests.append(request.method)
            action = self.strike(number, request)
            if action and action.prevents:
                return action.apply(Response(status=0))
            response = inner(request, principal)
            if request.method in {"PUT", "DELETE"} and response.status < 300:
                self.effects.append((request.method, request.path.lower()))
                self.states.append(covered(self.azure.exemptions))
            return action.apply(response) if action else response

        gateway._with_faults = through

    def always_kept(self, cells: Cells) -> bool:
        return all(cells <= state for state in self.states)


class Scene:
    """One of everything: create (below and at the group), edit, adopt, duplicate, narrow, move to narrower scopes, remove."""

    def __init__(self, root: Path) -> None:
        p = policies()
        old = [
            declare("edited", p[1], ONE),
            declare("removed", p[2], ONE),
            declare("kept", p[3], ONE, TWO),
            declare("moved", p[6], repo.ROOT),
        ]
        new = [
            declare("adopted", p[0], ONE),
            declare("edited", p[1], ONE, justification="It retires later."),
            declare("kept", p[3], ONE, TWO),
            declare("moved", p[6], ONE, TWO),
            declare("narrowing", p[4], TWO),
            declare("everywhere", p[7], repo.ROOT),
        ]
        self.root = repo.write(root, old)
        with emulated.running(repo.tenant(BENCHMARK, NIST)) as azure:
            emulated.exempt(azure, *APPLY, cwd=self.root, check=[0])
            portal, to = emulated.Client(azure, emulated.PORTAL), BENCHMARK["id"]
            for name, scope, ids in (
                ("portal-one", ONE, references(p[0])),
                ("portal-two", ONE, references(p[0])),
                ("portal-wide", TWO, references(p[4]) + references(p[5])),
            ):
                body = repo.exemption(scope, name, to, ids)
                assert portal.put(body["id"], body["properties"]).status == 201
            self.content = azure.dump()
        repo.write(root, new)
        with self.azure() as ledger:
            self.before = covered(ledger.azure.exemptions)
            assert self.apply(ledger.azure) == 0
            self.requests = list(ledger.requests)
            self.writes = len(ledger.effects)
            self.after = essence(ledger.azure.exemptions)
            self.kept = self.before & covered(ledger.azure.exemptions)
            assert ledger.always_kept(self.kept)

    @contextlib.contextmanager
    def azure(self) -> Iterator[Ledger]:
        with emulated.running(self.content) as azure:
            yield Ledger(azure)

    def child(self, azure: emulated.Azure) -> subprocess.Popen[str]:
        """The command as a process of its own, which a test may kill."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *APPLY],
            cwd=self.root,
            env=emulated.environment(azure),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def apply(self, azure: emulated.Azure, *options: str) -> int:
        """The command within this process: the same code without the seconds that an interpreter takes to start."""
        out = io.StringIO()
        with (
            proofs.proven([*APPLY, *options], self.root) as arguments,
            _environment(emulated.environment(azure)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
        ):
            code = guarded([*arguments, "--root", str(self.root)])
        assert "Traceback" not in out.getvalue(), out.getvalue()
        return code

    def check_finished(self, ledger: Ledger) -> None:
        """The end state of an undisturbed run, by as many writes, and nothing wanted ever bare on the way."""
        self.check_end(ledger)
        assert len(ledger.effects) == self.writes

    def check_end(self, ledger: Ledger) -> None:
        """The end state of an undisturbed run, and nothing wanted ever bare on the way."""
        assert essence(ledger.azure.exemptions) == self.after
        assert ledger.always_kept(self.kept)


@contextlib.contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


Place = tuple[str, int]
"""A request of a run: its method, and how many of that method came before it. Threads send in no fixed order, so that
the tenth request of one run may be a read and of the next a write; the third PUT always is a PUT."""


def places(requests: Sequence[str]) -> dict[str, list[Place]]:
    """Every request of a run by its method."""
    return {method: [(method, number) for number in range(requests.count(method))] for method in sorted(set(requests))}


class Strike:
    """Strikes one request, and knows that it did."""

    def __init__(self, place: Place, action: Callable[[], FaultAction]) -> None:
        self.place = place
        self.action = action
        self.struck = False
        self._earlier = itertools.count()

    def __call__(self, number: int, request: Request) -> FaultAction | None:
        method, wanted = self.place
        if request.method != method or next(self._earlier) != wanted:
            return None
        self.struck = True
        return self.action()


def kill_at(place: Place, process: list[subprocess.Popen[str]], *, applied: bool) -> Strike:
    """Kills the process at one of its requests, before that has taken effect or after."""

    def kill() -> FaultAction:
        process[0].send_signal(signal.SIGKILL)
        return FaultAction(drop=True, applied=applied)

    return Strike(place, kill)


def fault_at(place: Place, form: dict[str, Any]) -> Strike:
    """Strikes one request with a fault as the emulator's tenant file writes it."""
    (fault,) = parse_faults([form], "faults")
    return Strike(place, lambda: fault.action)


def meddle(azure: emulated.Azure, method: str, path: str, properties: Any = None) -> None:
    """A person at work in the portal while a request is under way: asks the front door itself, not the socket, since
    the loop that would answer is the one that waits.
    """
    version = emulated._version(path)
    headers = {"authorization": f"Bearer {azure.token(emulated.PORTAL)}"}
    body = json.dumps({"properties": properties}).encode() if properties is not None else b""
    response = azure._gateway(
        Request(method=method, target=path, path=path, query={"api-version": version}, headers=headers, body=body)
    )
    assert response.status < 300, response.body


def sample(numbers: Sequence[T], wanted: int) -> list[T]:
    """All of them in the long profile, else some, spread evenly and the last among them."""
    if os.environ.get("EXEMPT_CHAOS") or len(numbers) <= wanted:
        return list(numbers)
    step = len(numbers) / wanted
    return [numbers[position] for position in sorted({int(i * step + step) - 1 for i in range(wanted)})]


PARTS = 4
"""Into how many tests a walk is cut, for both cores."""


def part_of(numbers: list[int], part: int) -> list[int]:
    return list(itertools.islice(numbers, part, None, PARTS))
