"""Where the running tool itself comes from: a checkout, an installation from git, or a built wheel."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler import __version__, package_data
from reconciler.repository.work_tree import origin

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SSH: Final = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The running tool: its version; the https address of its repository (without `.git`) and the commit of 40 digits
    that it was installed or built from, each empty where nothing says so.
    """

    version: str
    repository: str = ""
    commit: str = ""

    @property
    def label(self) -> str:
        """As `exempt --version` says it."""
        return f"exempt {self.version}" + (f" (commit {self.commit})" if self.commit else "")


def running_tool() -> Tool:
    """Asks, in this order: the checkout that runs; what the installer noted (PEP 610); what the build noted."""
    root = Path(package_data.__file__).resolve().parent.parent
    if (root / ".git").exists():
        checkout = origin(root)
        return _tool(checkout.remote, checkout.commit) if checkout else Tool(version=__version__)
    # pip, pipx and uv write this file for what they fetched from git, not for a wheel or a folder.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        noted = json.loads(importlib.metadata.distribution("exempt").read_text("direct_url.json") or "{}")
        return _tool(str(noted["url"]), str(noted["vcs_info"]["commit_id"]))
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(package_data.build_file().read_text(encoding="utf-8"))
        return _tool(str(noted["repository"]), str(noted["commit"]))
    return Tool(version=__version__)


def _tool(remote: str, commit: str) -> Tool:
    return Tool(version=__version__, repository=web_address(remote), commit=commit if _COMMIT.fullmatch(commit) else "")


def web_address(remote: str) -> str:
    """The https address behind a remote of git, without credentials; empty where it has none (a folder, a bare host)."""
    if ssh := _SSH.fullmatch(remote):
        remote = f"https://{ssh[1]}/{ssh[2]}"
    match = re.fullmatch(r"https://(?:[^/@]*@)?([\w.:-]+/[\w./-]+?)(?:\.git)?/?", remote)
    return f"https://{match[1]}" if match else ""
