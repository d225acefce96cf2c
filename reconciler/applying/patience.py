"""How much a run endures before it leaves the rest to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.model import LONGEST_WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much a run endures. Times are in seconds.

    `tries` of one change that met faults, `throttled` tries that met a 429; the pause between tries doubles from
    `pause` to `longest`. After `silent` requests in a row without any answer only one at a time is sent, and after
    `probes` more of those the run gives up. Where Azure asks to wait longer than `rest`, nobody waits: the next run does it.
    """

    tries: int = 6
    throttled: int = 60
    pause: float = 0.5
    longest: float = 30.0
    silent: int = 8
    probes: int = 6
    rest: float = LONGEST_WAIT

    def before(self, tries: int) -> float:
        """The pause before the next try."""
        return min(self.pause * 2.0 ** max(0, tries - 1), self.longest)


USUAL: Final = Patience()
