"""One plan under examination: what it writes, what is declared, and what is exempt before and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.verification.declared import Declared, Facts, meant, wanted_points
from reconciler.verification.objects import JSON, Coverage, Point, Tenant, written_id


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Violation:
    """One rule that the plan or its outcomes break; `rule` is a heading of docs/verification.md."""

    rule: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One change of the plan, and what the object covers before and after it."""

    change: Mapping[str, JSON]
    before: Coverage | None
    after: Coverage | None

    @property
    def id(self) -> str:
        """The folded ARM id that is written."""
        return written_id(self.change["key"])


class Case:
    """The facts that every rule asks about."""

    def __init__(
        self,
        *,
        plan: Mapping[str, JSON],
        tenant: Tenant,
        settings: Mapping[str, JSON],
        declarations: Iterable[Declared],
        facts: Facts,
    ) -> None:
        self.plan, self.tenant, self.settings, self.facts = plan, tenant, settings, facts
        self.scopes = {str(scope).lower() for scope in plan["scopes"]}
        self.roots = {str(scope).lower() for scope in settings["scopes"]}
        self.declarations = {declaration.name: declaration for declaration in declarations}
        for declaration in self.declarations.values():
            tenant.add_assessments(declaration.policies)
        self.writes = {write.id: write for write in map(self._write, plan["changes"])}
        self.final = {
            **tenant.exemptions,
            **{key: write.after for key, write in self.writes.items()},
        }
        self.targets: dict[str, dict[Point, set[str]]] = {}
        for name, declaration in self.declarations.items():
            if declaration.is_active:
                points = self.targets.setdefault(name, defaultdict(set))
                for point, target in wanted_points(declaration, tenant):
                    points[point].add(target)
        self.wanted = {point: name for name, points in self.targets.items() for point in points}
        self.waits = {
            key: frozenset(map(str.lower, write.change.get("waitsFor") or ())) for key, write in self.writes.items()
        }
        self.created = {
            (str(after.metadata.get("declaration")), after.scope, after.assignment)
            for write in self.writes.values()
            if write.before is None and (after := write.after) is not None
        }
        self.by_cell: dict[tuple[str, str], list[Coverage]] = defaultdict(list)
        for exemption in (*tenant.exemptions.values(), *(w.after for w in self.writes.values() if w.after)):
            for reference in exemption.references:
                self.by_cell[exemption.assignment, reference].append(exemption)

    def _write(self, change: Mapping[str, JSON]) -> Write:
        key = written_id(change["key"])
        after = self.tenant.coverage(key, change["after"]) if change["after"] else None
        return Write(change=change, before=self.tenant.exemptions.get(key), after=after)

    @cached_property
    def wanting(self) -> Mapping[tuple[str, str], Sequence[tuple[str, Point]]]:
        """By assignment and reference, the declarations that want it, each with a place."""
        wanting: dict[tuple[str, str], list[tuple[str, Point]]] = defaultdict(list)
        for name, points in self.targets.items():
            for point in points:
                wanting[point.assignment, point.reference].append((name, point))
        return wanting

    @property
    def is_narrowed(self) -> bool:
        """Whether the plan is about less than the managed scopes."""
        return not self.roots <= self.scopes

    def is_managed(self, scope: str) -> bool:
        """Whether a scope is one of those of reconciler.yaml, or lies below one."""
        return not self.roots.isdisjoint(self.tenant.chain(scope))

    def owner_of(self, exemption: Coverage) -> str:
        """`ours`, `foreign`, `person` (unmarked, made by a user) or `application` (unmarked, made by anything else)."""
        metadata = exemption.metadata
        if metadata.get("pacOwnerId") or metadata.get("deployedBy"):
            return "foreign"  # also beside our own mark
        if metadata.get("managedBy") == "exempt":
            mine = metadata.get("owner") in (self.settings["owner"], *(self.settings.get("formerOwners") or ()))
            return "ours" if mine else "foreign"
        return "person" if str(exemption.system.get("createdByType")).lower() == "user" else "application"

    def is_believed(self, exemption: Coverage) -> bool:
        """Whether our mark on it is surely ours: one of `writers` made it or wrote it last, or none are named. Of another one
        nobody can say here: it is forged, or was adopted as a record tells that the checker does not read.
        """
        writers = {str(writer).lower() for writer in self.settings.get("writers") or ()}
        people = {str(exemption.system.get(key)).lower() for key in ("createdBy", "lastModifiedBy")}
        return not writers or not writers.isdisjoint(people)

    def is_covered(self, exemptions: Iterable[Coverage | None], point: Point) -> bool:
        """Whether any of these objects exempts the point."""
        chain = self.tenant.chain(point.scope)
        return any(
            exemption is not None and exemption.covers(point, chain, self.tenant.now) for exemption in exemptions
        )

    def is_held(self, write: Write, before: Coverage, reference: str) -> bool:
        """Whether the plan says that what this write takes away cannot be decided now: a declaration that means it is held
        at, above or below the object, or the object itself is.
        """
        names = (before.metadata.get("declaration"), write.change["declaration"])
        for line in self.plan["held"]:
            scope = line["scope"].lower()
            same_assignment = line["assignment"] is None or line["assignment"].lower() == before.assignment
            if not same_assignment or reference not in self.held_references(line, before.assignment):
                continue
            if line.get("exemption") and is_about_an_object(line):
                if line["exemption"].lower() == before.id and line["declaration"] in names:
                    return True
            elif is_about_an_object(line):  # a plan of format 1.1 does not say which object
                listed = self.held_references(line, before.assignment)
                if scope == before.scope and before.references <= listed and line["declaration"] in names:
                    return True
            elif scope in self.tenant.chain(before.scope) or before.scope in self.tenant.chain(scope):
                return True
        return False

    def held_references(self, line: Mapping[str, JSON], assignment: str) -> frozenset[str]:
        """The references that a held line is about: those it lists, else all that its declaration means."""
        if line["referenceIds"]:
            return frozenset(str(name).lower() for name in line["referenceIds"])
        declaration = self.declarations.get(line["declaration"])
        return meant(declaration, self.tenant, assignment) if declaration is not None else frozenset()


def point_of(exemption: Coverage, reference: str, selectors: str) -> Point:
    """The point at an exemption's own scope."""
    return Point(scope=exemption.scope, assignment=exemption.assignment, reference=reference, selectors=selectors)


def is_about_an_object(line: Mapping[str, JSON]) -> bool:
    """Whether a held line says that one object is not reduced, and not that something declared is not done."""
    is_one = bool(line["referenceIds"] or line.get("exemption"))
    return line["cause"] in {"neighbour", "left-out"} or (line["cause"] == "unread" and is_one)
