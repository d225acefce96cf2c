"""The life of a declaration: each step of the main line, each end that came, and each write that is still there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from planning import world

from reconciler.drift.life import EventKind, Version, life_of
from reconciler.model import SystemData
from reconciler.planning.provenance import Approval, Commit, Step, StepKind

ROBOT = "0b1ec700-0000-4000-8000-000000000009"


def day(number: int, month: int = 11) -> datetime:
    return datetime(2026, month, number, 12, tzinfo=UTC)


def version(when: datetime, kind: StepKind = StepKind.CHANGED, **fields: object) -> Version:
    step = Step(commit=Commit("c", when), kind=kind, approval=Approval(), file="exemptions/one.yaml")
    declaration = None if kind is StepKind.REMOVED else replace(world.declaration("one"), **fields)  # type: ignore[arg-type]
    return Version(step=step, declaration=declaration)


def kinds(versions: list[Version]) -> list[tuple[int, str]]:
    events = life_of(versions, (), world.SETTINGS, "one", day(20))
    return [(event.when.day, event.kind.value) for event in events]


def test_an_end_that_came_before_the_renewal_is_told() -> None:
    first, renewed = day(5), day(12)
    asked = version(day(1), StepKind.ADDED, expires_on=first, requested_by="lea@contoso.example")
    assert kinds([asked]) == [(1, "asked"), (5, "expired")]
    assert kinds([asked, version(day(8), expires_on=renewed)]) == [
        (1, "asked"),
        (5, "expired"),
        (8, "renewed"),
        (12, "expired"),
    ]
    assert kinds([asked, version(day(3), expires_on=renewed)]) == [(1, "asked"), (3, "renewed"), (12, "expired")]
    assert kinds([asked, version(day(3), expires_on=first, enabled=False)]) == [(1, "asked"), (3, "retired")]
    assert kinds([asked, version(day(3), StepKind.REMOVED)]) == [(1, "asked"), (3, "retired")]
    (told, *_) = life_of([asked], (), world.SETTINGS, "one", day(20))
    assert told.requested_by == "lea@contoso.example"


def test_what_a_run_wrote_names_it_and_what_somebody_else_wrote_does_not() -> None:
    def exemption(name: str, by: str) -> object:
        made = world.live(name)
        system = SystemData(created_by=ROBOT, last_modified_by=by, last_modified_at=day(4))
        mark = {
            "managedBy": "exempt",
            "owner": world.SETTINGS.owner,
            "declaration": "one",
            "revision": "abc",
            "run": "https://ci/1",
        }
        return replace(made, metadata=mark, system=system)

    settings = replace(world.SETTINGS, writers=(ROBOT,))
    exemptions = [exemption("a", ROBOT), exemption("b", ROBOT), exemption("c", "eve@contoso.example")]
    applied, changed = sorted(
        life_of((), exemptions, settings, "one", day(20)),  # type: ignore[arg-type]
        key=lambda event: event.kind.value,
    )
    assert (applied.kind, applied.run, applied.commit, applied.by) == (EventKind.APPLIED, "https://ci/1", "abc", ROBOT)
    assert applied.detail == "2 exemptions in force as written then"
    assert (changed.kind, changed.run, changed.by) == (EventKind.CHANGED, "", "eve@contoso.example")
