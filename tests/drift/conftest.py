"""Runs the command line in this process: the same code and sockets as a user's, without a second of imports."""

import subprocess

import emulated
import pytest

from reconciler.cli.main import guarded


@pytest.fixture
def exempt(monkeypatch, capsys):
    """`exempt(azure, *arguments, cwd=…, check=[…])` like `emulated.exempt`."""

    def run(azure, *arguments, cwd, check=None):
        environment = emulated.environment(azure)
        with monkeypatch.context() as here:
            for name in ("HTTPS_PROXY", "https_proxy", "AZURE_CLIENT_ID", "GITHUB_ACTIONS"):
                here.delenv(name, raising=False)
            for name, text in environment.items():
                here.setenv(name, text)
            here.chdir(cwd)
            capsys.readouterr()
            try:
                code = guarded(list(arguments))
            except SystemExit as left:
                code = int(left.code or 0)
        said = capsys.readouterr()
        assert check is None or code in check, f"exit {code}\n{said.out}\n{said.err}"
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run
