"""Stands in for `python` in scripts that run `python -m reconciler`: `prefork.python` gives the call.

    python -I -S prefork_client.py ADDRESS CHECKOUT [OPTION]... -m reconciler ARGUMENT...

Where the interpreter would find this checkout's tool and libraries, a fork of the server of `prefork.py` runs the command
with this process' streams, folder and environment; signals reach it, but for SIGKILL (tests that kill start an
interpreter), and its end is this process' end. Everything else, and every folder that offers modules of its own, is the
interpreter's. Uses only what loads in milliseconds.
"""

import _signal
import _socket
import marshal
import os
import sys

OF_ITSELF = ("init", "demo", "--version")
"""Commands that tell where the tool lies: a copy of it is another one."""

SIGNALS = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


def runs_the_checkout(checkout, options, command=""):
    """Whether these options, in this folder and environment, find nothing else than an installation would."""
    if not set(options) <= {"-I", "-P"}:
        return False
    folders = [] if options else ["."]
    if "-I" not in options:
        if set(filter(lambda name: name.startswith("PYTHON"), os.environ)) - {"PYTHONPATH", "PYTHONUNBUFFERED"}:
            return False
        folders += filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    copies = command not in OF_ITSELF
    return all(offers_nothing_else(os.path.realpath(folder), checkout, copies) for folder in folders)


def offers_nothing_else(folder, checkout, copies):
    """Whether this folder of the module path has no module but this checkout's tool, or a copy of it where that will do."""
    if folder == checkout or not os.path.isdir(folder):  # noqa: PTH112 - pathlib takes longer than all of this
        return True
    for entry in os.scandir(folder):
        if not entry.name.endswith((".py", ".pyc", ".so")) and not os.path.exists(f"{entry.path}/__init__.py"):  # noqa: PTH110
            continue
        if os.path.realpath(entry.path) == f"{checkout}/reconciler":
            continue
        if not (copies and entry.name == "reconciler"):
            return False
        if not all(is_same(f"{folder}/{part}", f"{checkout}/{part}") for part in ("reconciler", "schemas")):
            return False
    return True


def is_same(folder, ours):
    """Whether these are the same files byte by byte, but for what Python compiled."""
    if not os.path.isdir(folder):  # noqa: PTH112
        return False
    entries, originals = ({entry.name: entry for entry in os.scandir(place)} for place in (folder, ours))
    for names in (entries, originals):
        names.pop("__pycache__", None)
    if entries.keys() != originals.keys():
        return False
    return all(
        is_same(entry.path, originals[name].path) if entry.is_dir() else contents(entry) == contents(originals[name])
        for name, entry in entries.items()
    )


def contents(entry):
    with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()


def run(address, arguments):
    """Runs the command as a fork of the server and ends as it does."""
    heard = [number for number in SIGNALS if _signal.getsignal(number) != _signal.SIG_IGN]
    _signal.pthread_sigmask(_signal.SIG_BLOCK, heard)  # until it is known where they go
    task = marshal.dumps(
        {"arguments": arguments, "cwd": os.getcwd(), "env": dict(os.environ), "heard": heard}  # noqa: PTH109
    )
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(address)
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)]
    connection.sendmsg([len(task).to_bytes(4, "big")], rights)
    connection.sendall(task)
    pid = number_from(connection)
    for number in heard:
        _signal.signal(number, lambda number, _: send(pid, number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, heard)
    status = os.waitstatus_to_exitcode(number_from(connection))
    if status < 0:
        _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it has just ended
        return


def number_from(connection):
    content = b""
    while len(content) < 4:
        block = connection.recv(4 - len(content))
        if not block:
            sys.exit("the server of the tests is gone")
        content += block
    return int.from_bytes(content, "big")


def main(address, checkout, *words):
    count = 0
    while count < len(words) and words[count].startswith("-") and words[count] not in {"-m", "-c", "-"}:
        count += 1
    if words[count : count + 2] == ("-m", "reconciler") and runs_the_checkout(
        checkout, words[:count], *words[count + 2 : count + 3]
    ):
        run(address, list(words[count + 2 :]))
    os.execv(sys.executable, [sys.executable, *words])


main(*sys.argv[1:])
