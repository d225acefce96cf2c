"""`python -m reconciler` as processes of their own that start in milliseconds: forked from one that has imported it all.

Starting an interpreter and importing the tool takes longer than most commands run. Each process of pytest keeps one
server (`prefork_server.py`), which imports everything and reads the bundled facts once and runs nothing; a command is a
fork of it with its own arguments, folder, environment and streams, so it leaves nothing behind for the next one. What
the start of an interpreter itself decides (its options, variables that begin with PYTHON, what is imported or read when)
is for tests that start one: they use subprocess.

    done = prefork.run(["plan"], cwd=repository, env=environment)
    script = f'exec {shlex.join(prefork.python())} "$@"'  # where `-m reconciler` is a fork, too
"""

from __future__ import annotations

import atexit
import marshal
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

READS_FACTS = True
"""Whether the server reads the bundled facts once for all commands; changed code has to be called by each anew."""

NUMBER = struct.Struct("!i")
"""How a length, a process id or a wait status travels."""


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end, as `subprocess.run` with captured text does."""
    with (
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
        Path(os.devnull).open("rb") as nothing,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        connection.connect(_server())
        content = marshal.dumps({"arguments": [*arguments], "cwd": os.fspath(cwd), "env": {**env}})
        socket.send_fds(connection, [NUMBER.pack(len(content))], [each.fileno() for each in (nothing, stdout, stderr)])
        connection.sendall(content)
        pid = read_number(connection)
        connection.settimeout(timeout)
        try:
            status = read_number(connection)
        except TimeoutError as error:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired([*arguments], timeout) from error
        for stream in (stdout, stderr):
            stream.seek(0)
        out, err = stdout.read().decode(), stderr.read().decode()
    assert "Traceback (most recent call last)" not in err, err  # whose exit code is that of a message: 1
    return subprocess.CompletedProcess([*arguments], os.waitstatus_to_exitcode(status), out, err)


def python() -> list[str]:
    """The words that start `python` for scripts: a fork wherever that makes no difference (`prefork_client.py`)."""
    client = Path(__file__).with_name("prefork_client.py")
    return [sys.executable, "-I", "-S", str(client), _server(), str(client.parents[1])]


def read_number(connection: socket.socket) -> int:
    return int(NUMBER.unpack(read(connection, NUMBER.size))[0])


def read(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        block = connection.recv(size - len(content))
        assert block, "the other side is gone"
        content += block
    return content


_addresses: dict[int, str] = {}
"""Of the server, by the process that started it."""


def _server() -> str:
    """The address of this process' server, which ends with it."""
    if os.getpid() not in _addresses:
        folder = tempfile.TemporaryDirectory(prefix="prefork-")
        atexit.register(folder.cleanup)
        address = str(Path(folder.name, "socket"))
        program = Path(__file__).with_name("prefork_server.py")
        server = subprocess.Popen(
            [sys.executable, program, address, *["facts"] * READS_FACTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        atexit.register(server.communicate)
        assert server.stdout
        assert server.stdout.readline() == b"ready\n", "the server did not start"
        _addresses[os.getpid()] = address
    return _addresses[os.getpid()]
