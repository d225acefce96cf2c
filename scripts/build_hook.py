"""Writes into a wheel from which commit of which repository it was built, for `exempt --version` and `exempt init`.

Nothing but the commit goes in, so that two builds of one commit give the same bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildHook(BuildHookInterface[Any]):
    """Adds `reconciler/build.json` where the commit is known: from CI's environment, else from git."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files. An editable installation asks its checkout itself."""
        if version == "editable":
            return
        root = Path(self.root)
        commit = os.environ.get("GITHUB_SHA") or _git(root, "rev-parse", "HEAD")
        server, name = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_REPOSITORY", "")
        repository = f"{server}/{name}" if server and name else _git(root, "remote", "get-url", "origin")
        if not commit:
            return
        path = Path(self.directory) / "build.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"repository": repository, "commit": commit}) + "\n", encoding="utf-8")
        build_data["force_include"][str(path)] = "reconciler/build.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called by hatchling when the wheel is written."""
        (Path(self.directory) / "build.json").unlink(missing_ok=True)


def _git(root: Path, *arguments: str) -> str:
    if not (root / ".git").exists():  # git would look further up, and find somebody else's repository
        return ""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()
