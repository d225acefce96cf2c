"""The life of the emulator as a process: ready line, signals, saved state."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.emulator.server import Azure, running, serving
from reconciler.emulator.tenantfile import fault_settings, load_tenant
from reconciler.model import JSON

_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve. Where the `state` file exists the tenant is taken from there, and saved there at the end.

    `faults` (the form of the tenant file's `faultInjection`) is laid over the tenant file's: fields that it has win.
    """

    tenant: Path | None = None
    port: int = 0
    state: Path | None = None
    faults: Mapping[str, Any] = field(default_factory=dict)


class StateNotSavedError(OSError):
    """The state could not be written; the file that was there before is as it was."""


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the ready line.

    Raises:
        TenantError: the file cannot be used.
        ValueError: the fault injection is not of its form.
        StateNotSavedError: the state cannot be saved.
        OSError: the port is taken.
    """
    gc.set_threshold(100_000, 20, 100)  # a server lives long: it looks for garbage more often than a command that ends
    with serving(content_of(options), options.port) as azure:
        for number in _ENDINGS:
            signal.signal(number, lambda *_: azure.stop())
        announce(azure.ready_line)
        azure.run()
        for number in _ENDINGS:  # told a second time, it does not leave before the state is saved
            signal.signal(number, signal.SIG_IGN)
        if options.state:
            save_state(options.state, azure.dump())


def run_with(options: Options, use: Callable[[Azure], int]) -> int:
    """Let something use an emulator in this process; save the state at the end. What `use` came to.

    Raises:
        TenantError, ValueError, StateNotSavedError, OSError: as for `serve`.
    """
    with running(content_of(options), port=options.port) as azure:
        code = use(azure)
        if options.state:
            save_state(options.state, azure.dump())
    return code


def content_of(options: Options) -> dict[str, Any]:
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


def save_state(path: Path, state: dict[str, JSON]) -> None:
    """Replace the file at once, so that a crash or a full disk leaves the old state, and nothing else.

    Raises:
        StateNotSavedError: it cannot be written.
    """
    target = Path(os.path.realpath(path))  # of a link, where it leads
    draft = target.with_name(target.name + ".new")
    try:
        draft.write_text(json.dumps(state, indent=1), encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise StateNotSavedError(error.errno, error.strerror or str(error), str(path)) from None
