"""Somebody at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import time
from pathlib import Path

import prefork


class Typist:
    """Runs a command of ours on a terminal of its own, waits for words and types answers."""

    def __init__(self, folder: Path, env: dict[str, str], *words: str) -> None:
        env = {**env, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [*prefork.python(), "-m", "reconciler", *words]
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, env)
        self.screen = ""

    def waits_for(self, words: str) -> None:
        deadline = time.monotonic() + 60
        while words not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.screen):
            assert time.monotonic() < deadline, self.screen
            self._read()

    def _read(self) -> bool:
        if not select.select([self.descriptor], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        if b"\x1b[6n" in data:  # where is the cursor?
            os.write(self.descriptor, b"\x1b[1;1R")
        self.screen += data.decode("utf-8", "replace")
        return bool(data)

    def types(self, text: str) -> None:
        self.screen = ""
        os.write(self.descriptor, text.encode())

    def ends(self) -> int:
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
