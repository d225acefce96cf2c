"""Runs a command on an emulator: its environment, and for the Azure CLI a configuration of its own.

The CLI keeps clouds and logins in a folder. It gets one beside the emulator's certificates, so that neither the user's
own logins are touched nor anything is left behind.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

AZ_CLOUD: Final = "ExemptEmulator"
_QUIET: Final = {
    "AZURE_CORE_COLLECT_TELEMETRY": "0",
    "AZURE_CORE_CHECK_FOR_UPDATES": "0",
    "AZURE_CORE_ONLY_SHOW_ERRORS": "1",
}
_SIGNALLED: Final = 128


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` of the ready line, with the folder that keeps the Azure CLI's configuration apart."""
    folder = Path(env["REQUESTS_CA_BUNDLE"]).parent / "az"
    return {**env, "AZURE_CONFIG_DIR": os.fspath(folder), **_QUIET}


def exports(env: Mapping[str, str]) -> str:
    """The environment as a shell's `eval` takes it."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in env.items())


def run_command(words: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command with the environment over the present one; its exit code, 128 and the number for a signal.

    An interrupt is the command's: this process waits for what it makes of it.

    Raises:
        FileNotFoundError: there is no such command.
    """
    program = shutil.which(words[0])
    if program is None:
        raise FileNotFoundError(words[0])
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.call([program, *words[1:]], env={**os.environ, **env})  # noqa: S603 - what the user asked for
    finally:
        signal.signal(signal.SIGINT, before)
    return _SIGNALLED - code if code < 0 else code


def prepare_az(program: str, env: Mapping[str, str]) -> str:
    """Let the Azure CLI know the emulator's cloud and log in, once for each configuration; why it could not, or "".

    Raises:
        FileNotFoundError: there is no Azure CLI.
    """
    marker = Path(env["AZURE_CONFIG_DIR"]) / f"ready-{env['EXEMPT_ARM_ENDPOINT'].rpartition(':')[2]}"
    if marker.exists():
        return ""
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(program)
    for words in (
        ("cloud", "register", "-n", AZ_CLOUD, "--endpoint-resource-manager", env["EXEMPT_ARM_ENDPOINT"]),
        ("cloud", "set", "-n", AZ_CLOUD),
        ("login", "--identity", "--allow-no-subscriptions"),
    ):
        done = subprocess.run(  # noqa: S603 - the user's own az
            [path, *words, "--output", "none"],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"'{program} {' '.join(words)}' failed: {done.stderr.strip()[-500:]}"
    marker.touch()
    return ""
