"""What every run takes from its surroundings: the clock, the environment, and who is told while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from reconciler.problems import Problem

if TYPE_CHECKING:  # a run that writes nothing need not import what writes
    from reconciler.applying.ports import Observer as WriteObserver

ReadProgress = Callable[[str, int, int], None]
"""Called with what is being read, how many are done, and of how many (0: not known yet)."""


class Observer(Protocol):
    """Is told what happens before a run's value is there."""

    def problems(self, problems: Sequence[Problem]) -> None:
        """Mistakes in the repository, errors and warnings."""
        ...

    def warning(self, message: str) -> None:
        """Something that fails nothing, and that a person should know."""
        ...

    def reading(self, label: str) -> AbstractContextManager[ReadProgress]:
        """Surrounds reading Azure."""
        ...

    def writing(self, total: int) -> AbstractContextManager[WriteObserver | None]:
        """Surrounds writing so many changes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of one run. `now` is in UTC, `environment` the variables of the process."""

    now: datetime
    environment: Mapping[str, str]
    observer: Observer
