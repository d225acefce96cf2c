"""The life of one declaration, told from git and Azure alone: asked, changed, renewed, applied, expired, retired."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model import CATEGORY_LABELS, Declaration, Exemption, Settings, count
from reconciler.planning.marks import Ownership, declaration_of, ownership, revision_of, run_of
from reconciler.planning.provenance import Approval, Step, StepKind


class EventKind(enum.StrEnum):
    """What happened."""

    ASKED = "asked"
    CHANGED = "changed"
    RENEWED = "renewed"
    MOVED = "moved"
    APPLIED = "applied"
    EXPIRED = "expired"
    RETIRED = "retired"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One of them. `commit` is the merge, or what an apply wrote from; `approval` who wrote and approved it, None of Azure's
    events; `requested_by` who asked, where the file says so; `by` who wrote it in Azure, and `run` the address of that run.
    """

    when: datetime
    kind: EventKind
    detail: str
    commit: str = ""
    approval: Approval | None = None
    requested_by: str = ""
    by: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The events of the declaration `name`, oldest first, and in words what could not be asked."""

    name: str
    events: tuple[Event, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A step of the main line with what the file meant afterwards; None where it is gone or was not valid."""

    step: Step
    declaration: Declaration | None


def life_of(
    versions: Sequence[Version], exemptions: Iterable[Exemption], settings: Settings, name: str, now: datetime
) -> tuple[Event, ...]:
    """All events, oldest first. `exemptions` are what Azure holds now."""
    events = [*_from_git(versions), *_ends(versions, now), *_from_azure(exemptions, settings, name)]
    return tuple(sorted(events, key=lambda event: event.when))


def _from_git(versions: Sequence[Version]) -> Iterator[Event]:
    before: Declaration | None = None
    for version in versions:
        kind, detail = _difference(version, before)
        step, after = version.step, version.declaration
        yield Event(
            when=step.commit.when,
            kind=kind,
            detail=detail,
            commit=step.commit.sha,
            approval=step.approval,
            requested_by=after.requested_by if after and kind is EventKind.ASKED else "",
        )
        before = after or before


def _ends(versions: Sequence[Version], now: datetime) -> Iterator[Event]:
    """Each end that came before the next step did."""
    until = [*(version.step.commit.when for version in versions[1:]), now]
    for version, next_step in zip(versions, until, strict=False):
        declaration = version.declaration
        if declaration is not None and declaration.enabled and declaration.expires_on is not None:
            end = declaration.expires_on
            if version.step.commit.when <= end < next_step:
                yield Event(when=end, kind=EventKind.EXPIRED, detail=f"it ran until {end:%Y-%m-%d}")


def _difference(version: Version, before: Declaration | None) -> tuple[EventKind, str]:
    after, file = version.declaration, version.step.file
    match version.step.kind:
        case StepKind.REMOVED:
            return EventKind.RETIRED, f"{file} was deleted"
        case StepKind.MOVED:
            return EventKind.MOVED, f"to {file}"
        case StepKind.ADDED:
            return EventKind.ASKED, _terms(after) if after else file
        case StepKind.CHANGED if after is not None and before is not None:
            return _edited(before, after)
        case StepKind.CHANGED:
            return EventKind.CHANGED, file


def _edited(before: Declaration, after: Declaration) -> tuple[EventKind, str]:
    """What a change of a declaration's text comes to for whoever asked for it."""
    if before.enabled and not after.enabled:
        return EventKind.RETIRED, "enabled: false"
    if after.enabled and not before.enabled:
        return EventKind.RESUMED, _terms(after)
    if before.expires_on is not None and (after.expires_on is None or after.expires_on > before.expires_on):
        return EventKind.RENEWED, _terms(after)
    added = len({scope.key for scope in after.scopes} - {scope.key for scope in before.scopes})
    removed = len({scope.key for scope in before.scopes} - {scope.key for scope in after.scopes})
    parts = [f"{count(number, 'scope')} {word}" for number, word in ((added, "more"), (removed, "less")) if number]
    return EventKind.CHANGED, ", ".join([*parts, _terms(after)])


def _terms(declaration: Declaration) -> str:
    until = f"until {declaration.expires_on:%Y-%m-%d}" if declaration.expires_on else "without an end"
    return f"{CATEGORY_LABELS[declaration.category]} {until}"


def _from_azure(exemptions: Iterable[Exemption], settings: Settings, name: str) -> Iterator[Event]:
    """What was written of it, told by what is there: one event for each revision, run and writer."""
    writes: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for exemption in exemptions:
        is_ours = ownership(exemption, settings) is Ownership.OURS and declaration_of(exemption) == name
        if is_ours and exemption.system is not None and exemption.system.last_modified_at is not None:
            system = exemption.system
            assert system.last_modified_at is not None
            writes[revision_of(exemption), run_of(exemption), system.last_modified_by].append(system.last_modified_at)
    for (revision, run, writer), instants in writes.items():
        number = count(len(instants), "exemption")
        if settings.writers and writer.lower() not in settings.writers:
            detail = f"{number} in Azure, not by a run of ours"
            yield Event(when=max(instants), kind=EventKind.CHANGED, detail=detail, by=writer)
        else:
            detail = f"{number} in force as written then"
            yield Event(when=max(instants), kind=EventKind.APPLIED, detail=detail, commit=revision, by=writer, run=run)
