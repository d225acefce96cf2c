"""`exempt emulator`: Azure on loopback, for tests and trials."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from reconciler.emulator.command import Options, serve

HELP = "run an embedded Azure on loopback"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--tenant", type=Path, metavar="FILE", help="what the tenant holds at start, YAML or JSON")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the TLS port; 0 (default) takes any free one")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="start from this file where it exists, and save the state there"
    )
    weather = parser.add_argument_group("weather", "fine unless said otherwise; the tenant file can set it too")
    weather.add_argument("--throttle", action="store_true", help="Azure's token buckets in their documented sizes")
    weather.add_argument("--latency", type=float, metavar="SECONDS", help="how long every answer takes")
    weather.add_argument("--jitter", type=float, metavar="SECONDS", help="how much longer it may take, by the seed")
    weather.add_argument("--seed", type=int, metavar="N", help="the same seed, the same weather")
    weather.add_argument("--fault", action="append", metavar="JSON", help="a scripted fault, see docs/emulator.md")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; the ready line goes to standard output."""
    try:
        serve(Options(args.tenant, args.port, args.state, _weather(args)), _announce)
    except ValueError as error:  # the tenant file, a fault or the weather
        return _failed(str(error))
    except OSError as error:
        return _failed(f"the emulator cannot run: {error.strerror or error}")
    return 0


def _weather(args: argparse.Namespace) -> dict[str, Any]:
    """The options in the form of the tenant file's `weather`."""
    given = {
        "throttling": args.throttle or None,
        "latency": args.latency,
        "jitter": args.jitter,
        "seed": args.seed,
        "faults": [_fault(text) for text in args.fault] if args.fault else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _fault(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"--fault: not JSON: {error}") from None


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 1
