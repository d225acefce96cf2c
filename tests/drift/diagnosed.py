"""Drift of small tenants as values: a plan of `planning.world`, diagnosed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from planning import world

from reconciler.drift import DriftInputs, find_drift
from reconciler.model import Declaration, Exemption, Settings, Snapshot, SystemData
from reconciler.planning.allowances import Allowances
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import Commit, History, NoHistory
from reconciler.planning.values import Finding, Plan


@dataclass(frozen=True, slots=True)
class Git:
    """A history in which every file was last changed by one commit, which the given revisions contain."""

    when: datetime = datetime(2026, 11, 2, tzinfo=UTC)
    revisions: frozenset[str] = frozenset({"head"})
    head: str | None = "head"
    dirty: bool = False

    def last_commit(self, file: str) -> Commit | None:
        return Commit("head", self.when)

    def requester(self, file: str) -> str:
        return ""

    def contains(self, revision: str, commit: str) -> bool:
        return revision in self.revisions


def planned(snapshot: Snapshot, declarations: Iterable[Declaration], history: History, settings: Settings) -> Plan:
    return make_plan(tuple(declarations), world.CATALOGUE, snapshot, settings, history, world.NOW, Allowances(), None)


def drift(
    snapshot: Snapshot,
    *declarations: Declaration,
    history: History | None = None,
    settings: Settings = world.SETTINGS,
    **more: frozenset[str] | None,
) -> tuple[Finding, ...]:
    """What `exempt drift` finds there."""
    git = history or NoHistory()
    plan = planned(snapshot, declarations, git, settings)
    return find_drift(
        plan,
        DriftInputs(
            snapshot=snapshot,
            resolved=ResolvedDeclarations.of(declarations, world.CATALOGUE),
            catalogue=world.CATALOGUE,
            settings=settings,
            history=git,
            now=world.NOW,
            **more,
        ),
    )


def kinds(findings: Iterable[Finding]) -> Counter[str]:
    return Counter(finding.kind.value for finding in findings)


def settled(snapshot: Snapshot, *declarations: Declaration, settings: Settings = world.SETTINGS) -> Snapshot:
    """The tenant after everything that is declared was applied at revision `head` on the third of November."""
    done = world.applied(snapshot, planned(snapshot, declarations, Git(), settings))
    return replace(done, exemptions=tuple(stamped(each) for each in done.exemptions))


def stamped(exemption: Exemption, day: int = 3, by: str = "pipeline@contoso.example") -> Exemption:
    """With Azure's stamp, where it bears none."""
    if exemption.system is not None:
        return exemption
    when = datetime(2026, 11, day, tzinfo=UTC)
    return replace(
        exemption,
        system=SystemData(
            created_by=by,
            created_by_type="Application",
            created_at=when,
            last_modified_by=by,
            last_modified_by_type="Application",
            last_modified_at=when,
        ),
    )


def without(snapshot: Snapshot, *gone: Exemption) -> Snapshot:
    """The tenant after somebody deleted these."""
    keys = {each.id.key for each in gone}
    return replace(snapshot, exemptions=tuple(each for each in snapshot.exemptions if each.id.key not in keys))


def with_one(snapshot: Snapshot, *more: Exemption) -> Snapshot:
    """The tenant after somebody made or changed these."""
    found = {each.id.key: each for each in (*snapshot.exemptions, *more)}
    return replace(snapshot, exemptions=tuple(found.values()))
