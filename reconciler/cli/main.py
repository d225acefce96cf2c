"""The way in: finds the command, runs it, turns faults into messages and exit codes.

Each command is a module with `add_arguments(parser)` and `run(args) -> int`; only the one asked for is imported, so
that `exempt --version` is quick and `validate` never loads an Azure module.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn, TextIO

from reconciler.cli import interrupts
from reconciler.cli.exits import Exit
from reconciler.cli.parser import Parser, parser_of

COMMANDS: Final = {
    "request": "ask for an exemption by pull request",
    "renew": "propose later ends by pull request",
    "retire": "propose that exemptions end by pull request",
    "validate": "check the declarations, offline",
    "plan": "show what would change in Azure",
    "apply": "make Azure match the declarations",
    "drift": "report every difference between the repository and Azure",
    "status": "say whether each took effect, why not, and whether it is needed",
    "explain": "say why a resource is exempt, or what a declaration comes to",
    "list": "list everything that is exempt in Azure",
    "log": "say what became of a declaration",
    "register": "write a page of everything that is exempt, with its history",
    "import": "declare what exists in Azure, or in other tools' files",
    "export": "write what is declared as CSV, JSON or EPAC's form",
    "catalog": "search what can be exempted; refresh the repository's facts",
    "verify": "prove or refute a plan with an independent checker",
    "fmt": "write declarations in their canonical style",
    "snapshot": "save what Azure holds to a file",
    "doctor": "check credentials, rights and settings before anything is written",
    "init": "start a repository of exemptions",
    "emulator": "run the embedded Azure on loopback",
    "demo": "watch the main job on the embedded Azure",
    "completion": "complete commands and options in a shell",
}
_REMEDIES: Final = {
    errno.ENOSPC: "make room on the disk, then run again",
    errno.EDQUOT: "make room on the disk, then run again",
    errno.EACCES: "give this user the right to it, then run again",
    errno.EROFS: "make it writable, then run again",
}
"""By what the system says of a file that no command looked at before; elsewhere its own words say what to do."""

_RARELY: Final = (1_000_000, 20, 100)
"""A run makes many values that live to its end: looking for garbage among them is a quarter of its time."""


def main(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    if not argv or argv[0].startswith("-"):
        rows = [f"  {name:<10} {COMMANDS[name]}" for name in COMMANDS]
        parser = Parser(
            prog="exempt",
            usage="exempt COMMAND [OPTION…]",
            description="Policy as code for Microsoft Defender for Cloud exemptions.",
            epilog="\n".join(["commands:", *rows, "", "exempt help COMMAND explains one of them."]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--version", action=_Version, nargs=0, help="show version and commit, and exit")
        parser.parse_args(argv)
        parser.print_help(sys.stderr)
        return Exit.FAILED
    name, *rest = argv
    if name == "help":
        return main([*rest, "--help"])
    if name not in COMMANDS:
        from reconciler.documents.suggest import did_you_mean, nearest_few  # noqa: PLC0415 - only a typo pays for it

        near = [f"'exempt {command}'" for command in nearest_few(name, [*COMMANDS, "help"], 1)]
        remedy = did_you_mean(near, "'exempt --help' lists the commands")
        sys.stderr.write(f"error: there is no command {name!r}\nhelp: {remedy}\n")
        return Exit.FAILED
    module = importlib.import_module(f"reconciler.cli.{name}")
    args = parser_of(name, module).parse_args(rest)
    log = getattr(args, "log_file", None)
    if log is None:
        return int(module.run(args))
    from reconciler.cli.log_file import logging_to  # noqa: PLC0415 - most runs have no log

    with logging_to(log):
        return int(module.run(args))


def run() -> NoReturn:
    """The console script. A terminal that cannot show a letter gets its escape, never a fault; a stream that is closed
    holds nothing and takes everything.
    """
    sys.stdin, sys.stdout, sys.stderr = (stream or _nowhere() for stream in (sys.stdin, sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(*_RARELY)
    interrupts.end_on_sigterm()
    code = guarded(sys.argv[1:])
    interrupts.ignore()
    if code != Exit.INTERRUPTED:
        atexit._run_exitfuncs()  # noqa: SLF001 - what others want done at the end; it waits for no thread
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    # At once: freeing a large plan object by object takes longer than to make it; and after Ctrl-C threads may still wait
    # for Azure, and nobody waits for them.
    os._exit(code)


def _nowhere() -> TextIO:
    return open(os.devnull, "r+", encoding="utf-8")  # noqa: PTH123 - for as long as the process lives


def guarded(argv: Sequence[str]) -> int:
    """`main`, with every expected fault turned into a message and an exit code."""
    from reconciler.problems import ReconcilerError  # noqa: PLC0415 - --version pays for nothing

    try:
        code = main(argv)
        sys.stdout.flush()
    except ReconcilerError as error:
        from reconciler.cli.terminal import say_error  # noqa: PLC0415

        say_error(error)
        return Exit.FAILED
    except KeyboardInterrupt as error:
        sys.stderr.write(f"interrupted: {error}\n" if str(error) else "interrupted\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader of our output left; Python must not complain at exit
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except OSError as error:
        from reconciler.reports.escape import printable  # noqa: PLC0415

        message = printable(f"error: {error.strerror or error}: {error.filename or ''}".removesuffix(": "))
        remedy = _REMEDIES.get(error.errno or 0)
        sys.stderr.write(f"{message}\n" + (f"help: {remedy}\n" if remedy else ""))
        return Exit.FAILED
    return code


class _Version(argparse.Action):
    """Says version and commit; only this pays for asking git."""

    def __call__(self, *_: object) -> NoReturn:
        from reconciler.repository.tool import running_tool  # noqa: PLC0415 - only --version pays for it

        sys.stdout.write(running_tool().label + "\n")
        sys.exit(Exit.DONE)
