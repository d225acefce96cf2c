"""Clones whose remote has the address of a hosting service, and is a bare repository beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from main_job.repositories import commit, git, write

GITHUB = "https://github.com/contoso/exemptions.git"


@dataclass
class Clone:
    root: Path
    remote: Path

    def git(self, *words: str) -> str:
        return git(self.root, *words)

    def pushed(self, branch: str) -> str:
        return git(self.remote, "rev-parse", f"refs/heads/{branch}")

    def branches(self) -> list[str]:
        return git(self.remote, "branch", "--format=%(refname:short)").split()

    def file(self, branch: str, path: str) -> str:
        return git(self.remote, "show", f"{branch}:{path}")

    def state(self) -> tuple[str, ...]:
        """What must stay as it is: HEAD, the index, what is changed and staged, the working trees."""
        commands = (["rev-parse", "HEAD"], ["status", "--porcelain"], ["diff", "--cached"], ["worktree", "list"])
        return tuple(self.git(*words) for words in commands)


def clone(
    folder: Path, address: str = GITHUB, declarations: Sequence[Mapping[str, Any]] = (), **settings: Any
) -> Clone:
    """A clone of a repository with these declarations; `settings` are further keys of reconciler.yaml."""
    seed = write(folder / "seed", declarations, **settings)
    commit(seed, "Start")
    remote, root = folder / "remote.git", folder / "clone"
    git(folder, "clone", "--quiet", "--bare", str(seed), str(remote))
    git(folder, "clone", "--quiet", str(remote), str(root))
    git(root, "config", "remote.origin.url", address)
    git(root, "config", f"url.{remote}.insteadOf", address)
    git(root, "config", "user.name", "Ana Test")
    git(root, "config", "user.email", "ana@contoso.example")
    return Clone(root, remote)
