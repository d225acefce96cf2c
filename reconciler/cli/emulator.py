"""`exempt emulator`: Azure on loopback, for tests and trials."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reconciler.emulator import TenantError
from reconciler.emulator.command import serve

HELP = "run an embedded Azure on loopback"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--tenant", type=Path, metavar="FILE", help="what the tenant holds at start, YAML or JSON")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the TLS port; 0 (default) takes any free one")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="start from this file where it exists, and save the state there"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; the ready line goes to standard output."""
    try:
        serve(args.tenant, args.port, args.state, _announce)
    except TenantError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"the emulator cannot run: {error.strerror or error}")
    return 0


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 1
