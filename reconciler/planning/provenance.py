"""What git knows of the declarations, as values: planning asks, `repository` answers.

It only ever decides which *reason* a change is given.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model import Declaration


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: full hash and the time it was committed, in UTC."""

    sha: str
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a commit of the main line says of a decision: who wrote it (name and address; of a merge, who began the branch),
    the number of its pull request and who approved that; empty where the commit does not say.
    """

    author: str = ""
    pull_request: str = ""
    approvers: tuple[str, ...] = ()


class StepKind(enum.StrEnum):
    """What a commit of the main line did to a declaration's file."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step in the life of a declaration: what a commit did to its `file` (relative to the repository), and who agreed."""

    commit: Commit
    kind: StepKind
    approval: Approval
    file: str


class History(Protocol):
    """The history of the repository that holds the declarations."""

    @property
    def head(self) -> str | None:
        """The revision being planned, or None without git."""
        ...

    @property
    def dirty(self) -> bool:
        """Whether the work tree differs from `head`."""
        ...

    def last_commit(self, file: str) -> Commit | None:
        """The last commit that changed the file (repository-relative path), or None."""
        ...

    def requester(self, file: str) -> str:
        """Who asked for the declaration in the file, as its history says: an address or `@LOGIN`; empty where it says nothing."""
        ...

    def contains(self, revision: str, commit: str) -> bool:
        """Whether `commit` is `revision` or an ancestor of it; False where either is unknown."""
        ...


def who_asked(declaration: Declaration, history: History) -> str:
    """Who asked for a declaration: as it says itself, else as its history says, else its owner."""
    return declaration.requested_by or history.requester(declaration.source.file) or declaration.owner


@dataclass(frozen=True, slots=True)
class NoHistory:
    """A folder without git."""

    head: str | None = None
    dirty: bool = False

    def last_commit(self, file: str) -> Commit | None:  # noqa: ARG002
        return None

    def requester(self, file: str) -> str:  # noqa: ARG002
        return ""

    def contains(self, revision: str, commit: str) -> bool:  # noqa: ARG002
        return False
