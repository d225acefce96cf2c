"""What applying a plan needs from outside: one writer, and a way to be stopped.

The engine knows Azure only through these Protocols; the real ones live in the azure room and on the command line, and
match by structure. So what it does in which order, and after which error, is tested against any store of exemptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.model import ArmId

if TYPE_CHECKING:  # every run imports this module, few write
    from reconciler.model import Exemption


class Writer(Protocol):
    """Reads, writes and removes single exemptions. Called from many threads at once.

    One call is one request: no retries and no waiting inside, because the engine paces all of them together and
    settles a lost answer by reading. Every error is an `AzureError` (status 0: no answer came) or, where no token
    could be had, a `CredentialError`. After a 401 the next call carries a fresh token.
    """

    def read(self, identifier: ArmId, /) -> Exemption | None:
        """The live exemption, or None where only the exemption is missing; a missing scope is an error."""
        ...

    def put(self, exemption: Exemption, /) -> Exemption:
        """Creates or replaces the whole object; the answer is what Azure stored."""
        ...

    def delete(self, identifier: ArmId, /) -> None:
        """Removes it; one that is already absent is no error."""
        ...


class Stop(Protocol):
    """Whether the run was asked to end early; `threading.Event` is one."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. `rate` is changes per second so far; times are in seconds.

    `seconds_left` is None until there is something to judge by. `paused` is how long nothing can be sent because
    Azure asked to wait; 0 while requests flow. `obstacle` is what keeps requests from succeeding (`Azure answers 503`);
    empty since one succeeded.
    """

    total: int
    finished: int
    running: int
    elapsed: float
    rate: float
    seconds_left: float | None
    paused: float = 0.0
    obstacle: str = ""


class Observer(Protocol):
    """Shown the progress now and then, from the thread that drains the outcomes."""

    def __call__(self, progress: Progress, /) -> None: ...
