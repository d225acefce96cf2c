"""The life of the emulator as a process: ready line, signals, saved state."""

from __future__ import annotations

import gc
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.emulator.server import serving
from reconciler.emulator.tenantfile import fault_settings, load_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve. Where the `state` file exists the tenant is taken from there, and saved there at the end.

    `faults` (the form of the tenant file's `faultInjection`) is laid over the tenant file's: fields that it has win.
    """

    tenant: Path | None = None
    port: int = 0
    state: Path | None = None
    faults: Mapping[str, Any] = field(default_factory=dict)


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the ready line.

    Raises:
        TenantError: the file cannot be used.
        ValueError: the fault injection is not of its form.
        OSError: the port is taken, or the state cannot be saved.
    """
    state = options.state
    gc.set_threshold(100_000, 20, 100)  # a server lives long: it looks for garbage more often than a command that ends
    with serving(_content(options), options.port) as azure:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: azure.stop())
        announce(azure.ready_line)
        azure.run()
        if state:
            _save(state, json.dumps(azure.dump(), indent=1))


def _content(options: Options) -> dict[str, Any]:
    """What the tenant holds at start, with the fault injection of the options over it."""
    source = options.state if options.state and options.state.exists() else options.tenant
    content = load_tenant(source) if source else {}
    content["faultInjection"] = {**fault_settings(content), **options.faults}
    content["policyExemptions"] = _drained(content.get("policyExemptions", []))
    return content


def _drained(items: list[Any]) -> Iterator[Any]:
    """The items in order, each let go once it is used, so that a large tenant is not in memory twice."""
    items.reverse()
    while items:
        yield items.pop()


def _save(path: Path, text: str) -> None:
    """Replace the file at once, so that a crash leaves the old state."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
