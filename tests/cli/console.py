"""The command line within the test's own process: the same code, without the second that an interpreter takes to start."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emulated
import proofs

from reconciler.cli.main import guarded


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        assert self.stdout, f"exit {self.code} without an artefact\n{self.stderr}"
        return json.loads(self.stdout)


def exempt(cloud: emulated.Azure | None, *arguments: str, root: Path, check: int | None = None, **more: str) -> Ended:
    """Runs the command on the repository at `root`; `more` are variables of its environment, `check` its exit code."""
    variables = {**emulated.environment(cloud, **more)} if cloud else {**os.environ, **more}
    out, err = io.StringIO(), io.StringIO()
    with (
        proofs.proven_in_scenarios(arguments, root) as extended,
        _environment(variables),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = guarded([*extended, "--root", str(root)])
    ended = Ended(code=int(code), stdout=out.getvalue(), stderr=err.getvalue())
    assert "Traceback" not in ended.stderr, ended.stderr
    assert check is None or ended.code == check, f"exit {ended.code}\n{ended.stdout}\n{ended.stderr}"
    return ended


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
