"""`exempt emulator`: Azure on loopback, for tests and trials."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.cli.arguments import number_argument
from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.terminal import write
from reconciler.documents.json_input import read_json
from reconciler.emulator import client, command
from reconciler.emulator.faults.scripted import fault_problems
from reconciler.emulator.tenantfile import TenantUnreadableError
from reconciler.model import JSON, agree
from reconciler.package_data import schema_path
from reconciler.problems import ReconcilerError, UsageError
from reconciler.runs.files import stream_at

EXAMPLES: Final = ("exempt emulator --tenant tenant.yaml --port 8443",)
_SUCH_AS: Final = 'such as \'{"path": "policyExemptions", "status": 503}\''
_ENVIRONMENT: Final = ("EXEMPT_ARM_ENDPOINT", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE")


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
    format: str
    command: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--tenant", type=Path, metavar="FILE", help="what the tenant holds at start, YAML or JSON")
    parser.add_argument(
        "--port",
        type=number_argument("a port: a whole number from 0 to 65535", highest=65535),
        default=0,
        metavar="N",
        help="the TLS port; 0 (default) takes any free one",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="start from this file where it exists, and save the state there"
    )
    parser.add_argument(
        "--format",
        choices=("json", "env"),
        default="json",
        help="json: serve, and print the ready line; env: serve in the background, and print what a shell's eval takes",
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help="run this with the environment set, then end with its exit code; 'az …' runs the Azure CLI, logged in; "
        "'prove --scope ID' compares it with a real Azure ('prove --help')",
    )
    faults = parser.add_argument_group("fault injection", "off by default; the tenant file can set it too")
    faults.add_argument("--throttle", action="store_true", help="Azure's token buckets in their documented sizes")
    faults.add_argument("--latency", type=_seconds, metavar="SECONDS", help="how long every answer takes")
    faults.add_argument("--jitter", type=_seconds, metavar="SECONDS", help="how much longer it may take, by the seed")
    faults.add_argument("--seed", type=int, metavar="N", help="the same seed, the same faults")
    faults.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="JSON",
        help='a scripted fault, such as {"path": "policyExemptions", "status": 503}',
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted, or while a command runs; the ready line goes to standard output."""
    options = typed(Options, args)
    if options.command[:1] == ["prove"]:
        _refuse_options(options, "the emulator of 'prove' holds what the sandbox holds")
        from reconciler.cli import prove  # noqa: PLC0415 - loads what talks to a real Azure

        return prove.run(options.command[1:])
    if options.state is not None and not os.access(options.state.absolute().parent, os.W_OK):
        raise UsageError(
            f"--state: {options.state} cannot be written", "name a file in a folder that exists and is writable"
        )
    if options.state is not None and (
        stream_at(options.state) is not None or (options.state.exists() and not options.state.is_file())
    ):
        raise UsageError(
            f"--state: {options.state} is no plain file, and could not be read when it starts again",
            "name a file, there or not; 'GET /emulator/state' of the plain port shows the state",
        )
    try:
        return _run(options)
    except TenantUnreadableError as error:
        raise UsageError(str(error), "name the file that --tenant or --state is to read") from None
    except ValueError as error:  # the tenant file or a setting in it
        raise UsageError(str(error), f"{schema_path('tenant')} has the form") from None
    except command.StateNotSavedError as error:
        raise ReconcilerError(
            f"the state could not be saved to {error.filename}: {error.strerror}",
            "the file that was there before is as it was; make room, or name another --state",
        ) from None
    except OSError as error:
        remedy = "try another --port" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "see the reason above"
        raise ReconcilerError(f"the emulator cannot run: {error.strerror or error}", remedy) from None


def _refuse_options(options: Options, why: str, otherwise: str = "") -> None:
    """Refuse options of an emulator that is not started by them, instead of ignoring them; `otherwise` ends the remedy.

    Raises:
        UsageError: one is there.
    """
    named = {
        "--tenant": options.tenant is not None,
        "--port": options.port != 0,
        "--state": options.state is not None,
        "--throttle": options.throttle,
        "--latency": options.latency is not None,
        "--jitter": options.jitter is not None,
        "--seed": options.seed is not None,
        "--fault": bool(options.fault),
        "--format": options.format != "json",
    }
    useless = [name for name, is_given in named.items() if is_given]
    if useless:
        raise UsageError(
            f"{', '.join(useless)} would do nothing: {why}", f"leave {agree(len(useless), 'it', 'them')} out{otherwise}"
        )


def _run(options: Options) -> int:
    served = command.Options(
        tenant=options.tenant, port=options.port, state=options.state, faults=_fault_settings(options)
    )
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        if words and options.format == "env":
            raise UsageError("--format env and a command exclude each other", "leave one of them out")
        if options.command[:1] == ["az"]:
            # Run the Azure CLI on the emulator that the environment names, else on one of its own.
            running = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            if len(running) == len(_ENVIRONMENT):
                _refuse_options(
                    options,
                    "az runs on the emulator that EXEMPT_ARM_ENDPOINT names",
                    ", or 'unset EXEMPT_ARM_ENDPOINT' to start another",
                )
                return _az_with(words, running)
            return command.run_with(served, lambda azure: _az_with(words, azure.env))
        if words:
            return command.run_with(served, lambda azure: client.run_command(words, client.environment(azure.env)))
    except FileNotFoundError as error:
        if error.filename is not None:  # a file of the options, not the command
            raise
        raise UsageError(f"there is no command {str(error)!r}", "it must be installed and on the PATH") from None
    if options.format == "env":
        return _in_background(options)
    command.serve(served, write)
    return Exit.DONE


def _az_with(words: list[str], env: Mapping[str, str]) -> int:
    environment = client.environment(env)
    if problem := client.prepare_az(words[0], environment):
        raise ReconcilerError(f"the Azure CLI cannot use the emulator: {problem}", "see its message")
    return client.run_command(words, environment)


def _in_background(options: Options) -> int:
    """Start an emulator that goes on alone, and print its environment for a shell's `eval`."""
    values = {
        "--tenant": options.tenant,
        "--port": options.port,
        "--state": options.state,
        "--latency": options.latency,
        "--jitter": options.jitter,
        "--seed": options.seed,
    }
    words = [sys.executable, "-m", "reconciler", "emulator"]
    words += [f"{name}={value}" for name, value in values.items() if value is not None]
    words += [*(f"--fault={text}" for text in options.fault), *(["--throttle"] if options.throttle else [])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        return process.wait()
    env = client.environment(json.loads(line)["env"])
    write(client.exports({**env, "EXEMPT_EMULATOR_PID": str(process.pid)}))
    return Exit.DONE


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: seconds from 0 to 3600")
    return seconds


def _faults(texts: Sequence[str]) -> list[JSON]:
    """Scripted faults that the emulator will take.

    Raises:
        UsageError: some are none; everything that is wrong with any of them is told.
    """
    faults, problems = [], []
    for number, text in enumerate(texts, 1):
        place = "--fault" if len(texts) == 1 else f"--fault {number}"
        try:
            value = read_json(text, origin=place).value
        except ReconcilerError as error:
            problems.append(error.message)
            continue
        problems += [f"{place}: {problem}" for problem in fault_problems(value)]
        faults.append(value)
    if problems:
        raise UsageError("; ".join(problems), _SUCH_AS)
    return faults


def _fault_settings(options: Options) -> dict[str, Any]:
    """The options in the form of the tenant file's `faultInjection`."""
    faults = _faults(options.fault)
    settings = {
        "throttling": options.throttle or None,
        "latency": options.latency,
        "jitter": options.jitter,
        "seed": options.seed,
        "faults": faults or None,
    }
    return {name: value for name, value in settings.items() if value is not None}
