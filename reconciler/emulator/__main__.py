"""`python -m reconciler.emulator [TENANT]`: the embedded Azure without the rest of the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.emulator.command import Options, serve
from reconciler.emulator.tenantfile import TenantError


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        serve(Options(tenant=Path(sys.argv[1]) if len(sys.argv) > 1 else None), _announce)
    except TenantError as problem:
        raise SystemExit(str(problem)) from None
