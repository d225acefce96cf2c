"""`exempt apply` on a terminal: it shows what it is about to do and asks; only `yes` is taken for yes."""

import contextlib
import os
import pty
import signal
import subprocess

import emulated
import prefork
import pytest
from main_job import repositories as repo

ONE = repo.subscription(1)
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)


@pytest.fixture
def root(tmp_path):
    policy = "404c3081-a854-4457-ae30-26a93ef643f9"
    return repo.write(tmp_path / "repository", [{"name": "one", "policyDefinition": policy, "scopes": [ONE]}])


class Terminal:
    """A person at a terminal: reads until something is shown, types."""

    def __init__(self, azure, root, **more):
        self.ours, theirs = pty.openpty()
        command = [*prefork.python(), "-m", "reconciler", "apply"]
        environment = emulated.environment(azure, TERM="xterm", **(more or {"NO_COLOR": "1"}))
        self.process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text):
        while text not in self.shown:
            self.shown += os.read(self.ours, 4096).decode("utf-8", "replace")

    def type(self, text):
        os.write(self.ours, text.encode())

    def interrupt(self, number):
        """Sends a signal, and again, as a person would: one that comes just before the process reads waits for the line, too."""
        while self.process.poll() is None:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)

    def end(self):
        out, _ = self.process.communicate(timeout=60)
        while True:
            try:
                more = os.read(self.ours, 4096)
            except OSError:
                break
            if not more:
                break
            self.shown += more.decode("utf-8", "replace")
        os.close(self.ours)
        return self.process.returncode, out


@pytest.mark.parametrize("answer", ["no\n", "y\n", "\n", "YES!\n", "\x04"])
def test_anything_but_yes_changes_nothing(root, answer):
    with emulated.running(repo.tenant(MCSB)) as azure:
        terminal = Terminal(azure, root)
        terminal.until("Only 'yes' is accepted")
        assert "1 to create" in terminal.shown
        terminal.type(answer)
        code, _ = terminal.end()
        assert code == 1
        assert "nothing was changed" in terminal.shown
        assert azure.exemptions == {}


def test_yes_applies(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        terminal = Terminal(azure, root)
        terminal.until("Only 'yes' is accepted")
        terminal.type("yes\n")
        code, out = terminal.end()
        assert code == 0
        assert "Done: 1 decision; 1 exemption written" in out
        assert len(azure.exemptions) == 1


def test_a_terminal_with_colour_shows_how_far_it_is(root):
    with emulated.running(repo.tenant(MCSB, faultInjection={"latency": 0.3})) as azure:
        terminal = Terminal(azure, root, COLUMNS="120")
        terminal.until("Only 'yes' is accepted")
        assert "reading Azure: " in terminal.shown
        assert "\x1b[32m" in terminal.shown, "a create is green"
        terminal.type("yes\n")
        code, out = terminal.end()
        assert code == 0
        assert "writing " in terminal.shown.split("is accepted")[1]
        assert "\x1b[" not in out, "standard output is no terminal"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_at_the_question(root, number):
    with emulated.running(repo.tenant(MCSB)) as azure:
        terminal = Terminal(azure, root)
        terminal.until("Only 'yes' is accepted")
        terminal.interrupt(number)
        code, _ = terminal.end()
        assert code == 130
        assert terminal.shown.endswith("is accepted: \r\ninterrupted\r\n")
        assert azure.exemptions == {}
