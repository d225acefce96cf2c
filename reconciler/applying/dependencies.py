"""Which change may be written when: what reduces coverage waits for everything that keeps it.

Each change waits for the ids that the plan names. When one of those does not end well, whatever waits for it is not
written and shares its outcome, however long the chain.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from reconciler.applying.outcomes import Outcome
from reconciler.model import Status
from reconciler.planning.values import Change


class DependencyGraph:
    """The changes of one run that have not ended yet, and who waits for whom. Not thread-safe."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._open = {change.id.key: change for change in changes}
        self._unmet = {change.id.key: set(change.waits_for) - {change.id.key} for change in changes}
        self._waiting: defaultdict[str, list[str]] = defaultdict(list)
        for change in changes:
            for required in change.waits_for:
                self._waiting[required].append(change.id.key)

    @property
    def is_finished(self) -> bool:
        """Whether every change has ended."""
        return not self._open

    def start(self) -> tuple[list[Change], list[Outcome]]:
        """The changes that wait for nothing, those that others wait for first; and what can never start here."""
        excluded: list[Outcome] = []
        for key, change in list(self._open.items()):
            missing = sorted(self._unmet[key] - self._unmet.keys())
            if missing and key in self._open:  # left out, so that it awaits approval with what this run does not hold
                message = f"waits for {missing[0]}, which is not part of this run"
                excluded += self._close(Outcome(change=change, status=Status.AWAITING, message=message))
        ready = [self._open[key] for key, unmet in self._unmet.items() if not unmet and key in self._open]
        ready.sort(key=lambda change: (change.id.key not in self._waiting, change.id.key))
        return ready, excluded

    def end(self, outcome: Outcome) -> tuple[list[Change], list[Outcome]]:
        """Takes note of how a change ended: what may go now, and all that ended with it (itself first)."""
        if not outcome.status.is_settled:
            return [], self._close(outcome)
        key = outcome.change.id.key
        self._open.pop(key)
        free: list[Change] = []
        for waiting in self._waiting[key]:
            unmet = self._unmet[waiting]
            unmet.discard(key)
            if not unmet and waiting in self._open:
                free.append(self._open[waiting])
        return free, [outcome]

    def _close(self, outcome: Outcome) -> list[Outcome]:
        """The outcome, and the same one for everything that waits for its change."""
        self._open.pop(outcome.change.id.key)
        ended, chain = [outcome], deque([outcome.change.id.key])
        while chain:
            for waiting in self._waiting[chain.popleft()]:
                if change := self._open.pop(waiting, None):
                    chain.append(waiting)
                    message = f"not written, since it waits for {outcome.change.id}, which is {outcome.status}: {outcome.message}"
                    ended.append(
                        Outcome(
                            change=change,
                            status=outcome.status,
                            message=message,
                            remedy=outcome.remedy,
                            cause=outcome.cause,
                            cut_short=outcome.cut_short,
                        )
                    )
        return ended

    def abandon(self, ending: Callable[[Change], Outcome]) -> list[Outcome]:
        """Ends everything that is still open in the same way."""
        ended = [ending(change) for change in self._open.values()]
        self._open.clear()
        return ended
