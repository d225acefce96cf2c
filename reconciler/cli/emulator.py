"""`exempt emulator`: Azure on loopback, for tests and trials."""

from __future__ import annotations

import argparse
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.terminal import write
from reconciler.emulator import command
from reconciler.problems import ReconcilerError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt emulator`."""

    tenant: Path | None
    port: int
    state: Path | None
    throttle: bool
    latency: float | None
    jitter: float | None
    seed: int | None
    fault: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--tenant", type=Path, metavar="FILE", help="what the tenant holds at start, YAML or JSON")
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="the TLS port; 0 (default) takes any free one"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="start from this file where it exists, and save the state there"
    )
    faults = parser.add_argument_group("fault injection", "off by default; the tenant file can set it too")
    faults.add_argument("--throttle", action="store_true", help="Azure's token buckets in their documented sizes")
    faults.add_argument("--latency", type=_seconds, metavar="SECONDS", help="how long every answer takes")
    faults.add_argument("--jitter", type=_seconds, metavar="SECONDS", help="how much longer it may take, by the seed")
    faults.add_argument("--seed", type=int, metavar="N", help="the same seed, the same faults")
    faults.add_argument(
        "--fault", action="append", default=[], metavar="JSON", help="a scripted fault, see docs/emulator.md"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; the ready line goes to standard output."""
    options = typed(Options, args)
    if options.state is not None and not os.access(options.state.absolute().parent, os.W_OK):
        raise UsageError(
            f"--state: {options.state} cannot be written", "name a file in a folder that exists and is writable"
        )
    try:
        served = command.Options(
            tenant=options.tenant, port=options.port, state=options.state, faults=_fault_settings(options)
        )
        command.serve(served, write)
    except ValueError as error:  # the tenant file, a scripted fault or another setting
        raise UsageError(str(error), "schemas/tenant.schema.json and docs/emulator.md have the form") from None
    except OSError as error:
        raise ReconcilerError(f"the emulator cannot run: {error.strerror or error}", "try another --port") from None
    return Exit.DONE


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: seconds from 0 to 3600")
    return found


def _fault_settings(options: Options) -> dict[str, Any]:
    """The options in the form of the tenant file's `faultInjection`."""
    given = {
        "throttling": options.throttle or None,
        "latency": options.latency,
        "jitter": options.jitter,
        "seed": options.seed,
        "faults": [_fault(text) for text in options.fault] if options.fault else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _fault(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"--fault: not JSON: {error}", 'such as \'{"path": "policyExemptions", "status": 503}\''
        ) from None
