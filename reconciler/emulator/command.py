"""The life of the emulator as a process: ready line, signals, saved state."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

from reconciler.emulator.server import serving
from reconciler.emulator.tenantfile import load_tenant


def serve(tenant: Path | None, port: int, state: Path | None, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the ready line.

    Where the `state` file exists the tenant is taken from there instead, and the state is saved there at the end.

    Raises:
        TenantError: the file cannot be used.
        OSError: the port is taken, or the state cannot be saved.
    """
    source = state if state and state.exists() else tenant
    with serving(load_tenant(source) if source else {}, port) as azure:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: azure.stop())
        announce(azure.ready_line)
        azure.run()
        if state:
            _save(state, json.dumps(azure.dump(), indent=1))


def _save(path: Path, text: str) -> None:
    """Replace the file at once, so that a crash leaves the old state."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
