"""The server of `prefork.py`: imports all that a command may import and reads the facts that are bundled, then forks for
each connection.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import marshal
import os
import pkgutil
import selectors
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from prefork import NUMBER, read

import reconciler
from reconciler.catalog.catalogue import load
from reconciler.cli.main import run
from reconciler.documents import schema

_LATE = (  # what the tool and its libraries import when they need it
    "azure.core.pipeline.transport._requests_basic",
    "azure.identity._credentials.app_service",
    "deepdiff",
    "git",
    "jsonschema",
    "questionary",
    "rich.console",
    "rich.progress",
    "rich.table",
)


def main(address: str, *, reads_facts: bool) -> None:
    """Serves until standard input ends, which whoever started this holds open."""
    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith(("__main__", ".testing")):
            importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)
    if reads_facts:
        read_facts()
    assert threading.active_count() == 1, "a fork has one thread"
    gc.freeze()
    running: dict[int, socket.socket] = {}
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ends)
        for source in (listener, ended, sys.stdin):
            selector.register(source, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if listener in ready:
                connection, _ = listener.accept()
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(ended)
                    os.close(ends)
                    selector.close()
                    for inherited in (listener, *running.values()):
                        inherited.close()
                    become(connection)
                running[pid] = connection
            if ended in ready:
                os.read(ended, 1 << 10)
                report(running)
            if sys.stdin in ready:
                return


def read_facts() -> None:
    """The catalogue and the schemas: what is always the same in every process and remembered there, like a module."""
    catalogue = load()
    for recommendation in catalogue.recommendations.values():
        for policy in recommendation.policies:
            catalogue.resting_on(policy)
    for name in ("exemption", "reconciler", "catalog"):
        schema.is_surely_valid(name, {})


def report(running: dict[int, socket.socket]) -> None:
    """Tells those whose process has ended how it did."""
    for pid in list(running):
        is_over, status = os.waitpid(pid, os.WNOHANG)
        if is_over:
            with running.pop(pid) as connection, contextlib.suppress(OSError):  # who asked may have gone
                connection.sendall(NUMBER.pack(status))


def become(connection: socket.socket) -> NoReturn:
    """The forked process becomes what an interpreter is that runs `-m reconciler`."""
    header, streams, _, _ = socket.recv_fds(connection, NUMBER.size, 3)
    task: dict[str, Any] = marshal.loads(read(connection, NUMBER.unpack(header)[0]))  # written by a test's own process
    connection.sendall(NUMBER.pack(os.getpid()))
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # a terminal, a pipe and a file are not buffered alike
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    if "heard" in task:  # an interpreter ignores what is ignored where it starts
        is_ignored = {number: number not in task["heard"] for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        usual = {signal.SIGINT: signal.default_int_handler}
        for number, ignored in is_ignored.items():
            signal.signal(number, signal.SIG_IGN if ignored else usual.get(number, signal.SIG_DFL))
    os.chdir(task["cwd"])
    os.environ.clear()
    os.environ.update(task["env"])
    if "CALLED_FUNCTIONS" in os.environ:
        importlib.import_module("mutation.sitecustomize")
    sys.path[0] = task["cwd"]
    sys.argv = [str(Path(*reconciler.__path__, "__main__.py")), *task["arguments"]]
    code: Any = 1
    try:
        run()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], reads_facts="facts" in sys.argv[2:])
