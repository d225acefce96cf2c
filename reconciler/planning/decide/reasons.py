"""Which reason a change is given, as far as marks and git's history tell."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from reconciler.arm.canonical import equivalent, validation
from reconciler.model import Exemption, Initiative, Settings, Snapshot
from reconciler.planning.desired.subjects import existing_cells
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.existing.exemptions import ExistingExemption
from reconciler.planning.marks import Ownership, declaration_of, revision_of, target_of
from reconciler.planning.provenance import History
from reconciler.planning.values import Reason

_Key = TypeVar("_Key")


def update_reason(  # noqa: PLR0913 - the sides that may have changed
    keeper: ExistingExemption,
    desired: DesiredExemption,
    after: Exemption,
    *,
    initiative: Initiative | None,
    settings: Settings,
    history: History,
) -> Reason:
    """Why a keeper is updated, told by which side changed since it was written.

    | what is there                                                              | reason    |
    |----------------------------------------------------------------------------|-----------|
    | nobody's mark, or another owner's                                          | adopt, take-over |
    | the mark of another declaration, or of a former owner                      | rename    |
    | all that differs follows from the initiative or the hierarchy              | fan-out   |
    | its revision lacks the declaration's last commit, or there is no git       | edited    |
    | one of `writers` wrote it last: settings, catalogue or tool are not as then | edited   |
    | else: somebody changed it in Azure                                         | revert    |
    """
    match keeper.ownership:
        case Ownership.UNOWNED | Ownership.FORGED:
            return Reason.ADOPT
        case Ownership.FOREIGN:
            return Reason.TAKE_OVER
        case Ownership.OURS:
            pass
    metadata = keeper.exemption.metadata
    if declaration_of(keeper.exemption) != desired.declaration.name or metadata.get("owner") != settings.owner:
        return Reason.RENAME
    commit = history.last_commit(desired.declaration.source.file)
    was_applied = commit is not None and history.contains(revision_of(keeper.exemption), commit.sha)
    if _follows_azure(keeper, desired, after, initiative, was_applied=was_applied):
        return Reason.FAN_OUT
    system = keeper.exemption.system
    is_last_by_us = system is not None and system.last_modified_by.lower() in settings.writers
    return Reason.REVERT if was_applied and not is_last_by_us else Reason.EDITED


def _follows_azure(
    keeper: ExistingExemption,
    desired: DesiredExemption,
    after: Exemption,
    initiative: Initiative | None,
    *,
    was_applied: bool,
) -> bool:
    """Whether another state of the initiative or of the hierarchy explains the whole difference: the keeper says what
    is declared but for its references and for whether Azure is to check that its assignment reaches it.

    That check is off only for an exemption made ahead of a move, and what a run wrote says where things stood then.
    Other references follow from the initiative where the keeper lists none that it has and the declaration does not mean:
    Azure takes no unknown reference, so one that the initiative does not have shows that it had it. A list that is only
    shorter may have been cut by hand, or be from before an edit.
    """
    before = keeper.exemption
    untouched = was_applied and not _last_written_by_hand(before)
    if not equivalent(replace(before, reference_ids=after.reference_ids, validation=after.validation), after):
        return False
    if validation(before.validation) != validation(after.validation) and not untouched:
        return False
    if equivalent(replace(before, validation=after.validation), after):
        return True
    if initiative is None or not before.reference_ids or not after.reference_ids:
        return False
    current = existing_cells(keeper.cells, initiative)
    return current <= desired.declared and (current != keeper.cells or untouched)


def _last_written_by_hand(exemption: Exemption) -> bool:
    return exemption.system is not None and exemption.system.last_modified_by_type.lower() == "user"


@dataclass(frozen=True, kw_only=True)
class CreateReasons:
    """Why exemptions are created, told by which side changed since a run of ours last wrote.

    | what is there                                                               | reason   |
    |-----------------------------------------------------------------------------|----------|
    | nothing of ours bears a revision with the declaration's last commit          | declared |
    | no git, and nothing older than the assignment beside it                      | declared |
    | the assignment, or its initiative as it is now, is younger than the last run | fan-out  |
    | else                                                                         | recreate |

    Dates are Azure's: of our newest write that knew the commit, and of the assignment and initiative. Those of commits
    tell nothing, since whoever commits chooses them. *recreate* says that the exemption is missing; marks do not tell
    whether it was deleted, or refused when it should have been made.
    """

    snapshot: Snapshot
    history: History
    existing: Iterable[ExistingExemption]
    _last_writes: dict[str, datetime | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def reason(self, desired: DesiredExemption) -> Reason:
        """*declared*, *fan-out* or *recreate*."""
        commit = self.history.last_commit(desired.declaration.source.file)
        if commit is None:
            written_at = self._written_beside.get((desired.declaration.name, desired.target.key))
            return Reason.FAN_OUT if self._is_younger(desired, written_at) else Reason.DECLARED
        if not any(self.history.contains(revision, commit.sha) for revision in self._written_at):
            return Reason.DECLARED
        if commit.sha not in self._last_writes:  # when a run that knew the commit last wrote what Azure still has
            times = (
                written_at
                for revision, written_at in self._written_at.items()
                if written_at is not None and self.history.contains(revision, commit.sha)
            )
            self._last_writes[commit.sha] = max(times, default=None)
        return Reason.FAN_OUT if self._is_younger(desired, self._last_writes[commit.sha]) else Reason.RECREATE

    def _is_younger(self, desired: DesiredExemption, written_at: datetime | None) -> bool:
        """Whether what evaluates the target came, or changed, after our write."""
        initiative = self.snapshot.initiatives.get(desired.assignment.id.key)
        changes = (
            desired.assignment.system.created_at if desired.assignment.system else None,
            initiative.system.last_modified_at if initiative and initiative.system else None,
        )
        return written_at is not None and any(change is not None and change > written_at for change in changes)

    @functools.cached_property
    def _written_at(self) -> Mapping[str, datetime | None]:
        """Each revision that an exemption of ours bears, and when the last of them was written."""
        return _latest((revision_of(exemption), exemption) for exemption in self._ours if revision_of(exemption))

    @functools.cached_property
    def _written_beside(self) -> Mapping[tuple[str, str], datetime | None]:
        """Each declaration and folded target that exemptions of ours bear, and when the last of them was written."""
        return _latest(
            ((declaration_of(exemption), target_of(exemption).lower()), exemption) for exemption in self._ours
        )

    @property
    def _ours(self) -> Iterator[Exemption]:
        return (existing.exemption for existing in self.existing if existing.ours)


def _latest(pairs: Iterable[tuple[_Key, Exemption]]) -> Mapping[_Key, datetime | None]:
    latest: dict[_Key, datetime | None] = {}
    for key, exemption in pairs:
        written_at = _written_at(exemption)
        before = latest.setdefault(key, written_at)
        if before is None or (written_at is not None and written_at > before):
            latest[key] = written_at
    return latest


def _written_at(exemption: Exemption) -> datetime | None:
    """When we last wrote it: its last change, or where a person made that one, its creation."""
    system = exemption.system
    if system is None:
        return None
    return system.created_at if _last_written_by_hand(exemption) else system.last_modified_at or system.created_at
