"""Why a resource is exempt, and by whose word: every exemption that covers it, judged as the plan judges it.

Nothing is decided here. What is authoritative comes from the same deliberation as the plan, and what is about to
happen from the plan itself, so that an explanation never contradicts either. `fan_out` does the same for a declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.model import ArmId, Assignment, Declaration, Exemption
from reconciler.planning.canonical import folded_selectors
from reconciler.planning.deliberation import Decided
from reconciler.planning.draft import Final
from reconciler.planning.explanation import Cover, Explanation, Loss, Role, Situation
from reconciler.planning.live import Live
from reconciler.planning.marks import Ownership, owner_words
from reconciler.planning.meaning import WHOLE, Meaning, existing_cells, match_assignment
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Change, Finding, Held, Plan
from reconciler.planning.wording import label


def explain(decided: Decided, plan: Plan, resource: ArmId, asked: Meaning | None = None) -> Explanation:
    """Why the resource is exempt, in every assignment that evaluates it, or from one recommendation alone."""
    tree = decided.tree
    chain = tree.chain(resource)
    view = _View(decided=decided, plan=plan, resource=resource, chain=chain)
    found = sorted(decided.inputs.snapshot.assignments.values(), key=lambda each: each.id.key)
    situations = (view.situation(each, asked) for each in found if each.scope.key in chain)
    return Explanation(
        resource=resource,
        title=asked.title if asked else "",
        managed=tree.managed(resource),
        taken_at=plan.taken_at,
        situations=tuple(each for each in situations if each is not None),
        held=tuple(line for line in plan.held if line.assignment is None and line.scope.key in chain),
        unread=tuple(f"{u.scope}: {u.what}: {u.reason}" for u in plan.unread if u.scope.key in chain),
        wanted_by=tuple(_wanted_by(decided, chain, asked)),
    )


def _wanted_by(decided: Decided, chain: Sequence[str], asked: Meaning | None) -> Iterator[str]:
    """The declarations that list the resource or what contains it, whatever evaluates it, by name."""
    wishes = decided.inputs.wishes
    for each in sorted(wishes.active(decided.inputs.now), key=lambda declaration: declaration.name):
        fits = asked is None or not asked.policies.isdisjoint(wishes.meanings[each.name].policies)
        if fits and any(scope.key in chain for scope in each.scopes):
            yield each.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One resource seen through one deliberation."""

    decided: Decided
    plan: Plan
    resource: ArmId
    chain: Sequence[str]

    def situation(self, assignment: Assignment, asked: Meaning | None) -> Situation | None:
        """What one assignment comes to; None where it has nothing to do with what was asked."""
        initiative = self.decided.inputs.snapshot.initiatives.get(assignment.id.key)
        if asked is not None and (initiative is not None or not assignment.is_initiative):
            matched = match_assignment(asked, assignment, initiative)
            if matched is None:
                return None
            cells: frozenset[str] | None = matched.cells
        else:
            cells = None
        covers = [*self._confirmed(assignment, cells), *self._others(assignment, cells)]
        held = self._held(assignment, cells)
        if not covers and not held and cells is None:
            return None
        relevant = cells if cells is not None else frozenset[str]().union(*(cover.cells for cover in covers))
        effective = [cover for cover in covers if cover.now]
        bare = existing_cells(relevant, initiative).difference(*(cover.now for cover in effective))
        certain = (cover.now for cover in effective if not cover.exemption.selectors)
        ours = [cover for cover in effective if cover.role is Role.AUTHORITATIVE]
        moot = self._moot(assignment)
        return Situation(
            assignment=assignment,
            references=self._texts(relevant, assignment),
            covers=tuple(covers),
            bare=self._texts(bare, assignment),
            held=tuple(held),
            losses=() if moot else tuple(self._loss(cover, effective, assignment) for cover in ours),
            moot=moot,
            selective=self._texts(existing_cells(relevant, initiative).difference(bare, *certain), assignment),
        )

    # --- what covers it ---

    def _confirmed(self, assignment: Assignment, cells: frozenset[str] | None) -> Iterator[Cover]:
        """What this plan leaves in authority over the resource."""
        for final in self._finals(assignment):
            shared = final.cells if cells is None else final.cells & cells
            if shared:
                change = self._change(final.exemption.id)
                shown = change.before if change is not None and change.before is not None else final.exemption
                now = self._now(shown) if cells is None else self._now(shown) & cells
                yield Cover(
                    exemption=shown,
                    role=Role.AUTHORITATIVE,
                    cells=shared | now,
                    now=now,
                    references=self._texts(shared | now, assignment),
                    inherited=self._inherited(shown),
                    whose="ours",
                    why=self._authority(final, change),
                    declaration=final.wish.declaration,
                    commit=self._commit(final.wish.declaration),
                    change=change,
                )

    def _finals(self, assignment: Assignment) -> list[Final]:
        finals = (final for final in self.decided.finals if final.wish.assignment.id == assignment.id)
        return [final for final in finals if final.wish.scope.key in self.chain]

    def _authority(self, final: Final, change: Change | None) -> str:
        wish = final.wish
        at = "it" if wish.target == self.resource else f"{wish.target}, which contains it,"
        said = f"declaration {wish.declaration.name!r} lists {at} and {label(wish.assignment)!r} evaluates what it declares"
        return said if change is None else f"{said}; the plan will {change.action.value} it ({change.reason.value})"

    def _others(self, assignment: Assignment, cells: frozenset[str] | None) -> Iterator[Cover]:
        """Live ones that are not in authority, the nearest first."""
        confirmed = {final.exemption.id.key for final in self._finals(assignment)}
        found = [live for live in self._lives(assignment) if live.exemption.id.key not in confirmed]
        for live in sorted(found, key=lambda live: (self.chain.index(live.scope.key), live.exemption.id.key)):
            shared = live.cells if cells is None else live.cells & cells
            if shared:
                yield self._other(live, shared, assignment)

    def _lives(self, assignment: Assignment) -> Iterator[Live]:
        for live in self.decided.lives:
            if live.exemption.assignment == assignment.id and live.scope.key in self.chain:
                yield live

    def _other(self, live: Live, shared: frozenset[str], assignment: Assignment) -> Cover:
        exemption, change = live.exemption, self._change(live.exemption.id)
        declaration = self._declared(live.mark)
        now = shared & self._now(exemption)
        commit = self._commit(declaration) if declaration else None
        return Cover(
            exemption=exemption,
            role=Role.ALSO if now else Role.NO_EFFECT,
            cells=shared,
            now=now,
            references=self._texts(shared, assignment),
            inherited=self._inherited(exemption),
            whose=whose(live),
            why=self._standing(live, change),
            declaration=declaration,
            commit=commit,
            change=change,
        )

    def _standing(self, live: Live, change: Change | None) -> str:
        """Why it does not count, and what becomes of it."""
        if change is not None:
            return f"the plan will {change.action.value} it ({change.reason.value})"
        if live.expired:
            return f"expired on {live.exemption.expires_on[:10]}; Azure no longer honours it"
        said = [found.message for found in self._findings(live.exemption)]
        said += [line.message for line in self.plan.held if line.exemption == live.exemption.id]
        said += [
            f"declaration {live.mark!r} is held here, so nothing of it is deleted or shrunk"
            for line in self.plan.held
            if live.mark == line.declaration and line.assignment in (None, live.exemption.assignment)
        ]
        return said[0] if said else "wanted by no declaration here; it is not touched"

    def _findings(self, exemption: Exemption) -> Iterable[Finding]:
        return (found for found in self.plan.findings if found.subject == exemption.id)

    # --- what is missing, held or would be lost ---

    def _held(self, assignment: Assignment, cells: frozenset[str] | None) -> list[Held]:
        here = (line for line in self.plan.held if line.assignment == assignment.id and line.scope.key in self.chain)
        folded = ((line, {each.lower() for each in line.reference_ids}) for line in here)
        return [line for line, refs in folded if cells is None or not refs or refs & cells or WHOLE in cells]

    def _loss(self, cover: Cover, effective: Sequence[Cover], assignment: Assignment) -> Loss:
        """The rest counts only as far as the plan leaves it there, and only in part where its selectors choose."""
        rest = [each for each in effective if each is not cover and not (each.change and each.change.after is None)]
        others = [each for each in rest if not cover.now.isdisjoint(each.now)]
        wholly = [each for each in others if _chooses_as_much(each.exemption, cover.exemption)]
        exposed = cover.now.difference(*(each.now for each in wholly))
        partly = (each.exemption for each in others if each not in wholly and not exposed.isdisjoint(each.now))
        kept = (each.exemption for each in wholly)
        return Loss(
            exemption=cover.exemption,
            exposed=self._texts(exposed, assignment),
            kept_by=tuple(kept),
            partly=tuple(partly),
            returns=cover.declaration is not None,
        )

    def _moot(self, assignment: Assignment) -> str:
        excluded = next((each for each in assignment.not_scopes if each.key in self.chain), None)
        return (
            f"the assignment excludes {excluded} by its notScopes, so it does not evaluate this resource"
            if excluded
            else ""
        )

    # --- small facts ---

    def _now(self, exemption: Exemption) -> frozenset[str]:
        """The cells that a live exemption exempts at this moment; none of one that is only planned."""
        initiatives = self.decided.inputs.snapshot.initiatives
        found = (live for live in self.decided.lives if live.exemption.id == exemption.id)
        return frozenset[str]().union(
            *(existing_cells(live.covering, initiatives.get(live.exemption.assignment.key)) for live in found)
        )

    def _texts(self, cells: frozenset[str], assignment: Assignment) -> tuple[str, ...]:
        """References as the initiative writes them; those that it has no more, as some exemption does."""
        initiative = self.decided.inputs.snapshot.initiatives.get(assignment.id.key)
        known = {ref.lower(): ref for live in self._lives(assignment) for ref in live.exemption.reference_ids}
        known |= initiative.texts if initiative else {}
        return tuple(known.get(cell, cell) for cell in sorted(cells) if cell != WHOLE)

    def _change(self, identifier: ArmId) -> Change | None:
        return next((change for change in self.plan.changes if change.id == identifier), None)

    def _inherited(self, exemption: Exemption) -> bool:
        return exemption.scope != self.resource

    def _declared(self, name: str) -> Declaration | None:
        return next((each for each in self.decided.inputs.wishes.declarations if name and each.name == name), None)

    def _commit(self, declaration: Declaration) -> Commit | None:
        return self.decided.inputs.history.last_commit(declaration.source.file)


def _chooses_as_much(other: Exemption, exemption: Exemption) -> bool:
    """Whether the selectors of the other one surely leave out nothing that the exemption's choose."""
    return not other.selectors or folded_selectors(other.selectors) == folded_selectors(exemption.selectors)


def whose(live: Live) -> str:
    """Who is responsible for a live exemption, in a few words."""
    system = live.exemption.system
    match live.ownership:
        case Ownership.OURS:
            return f"ours, marked {live.mark!r}" if live.mark else "ours, without a declaration's mark"
        case Ownership.FOREIGN:
            return f"of the owner {owner_words(live.exemption)}"
        case Ownership.UNOWNED:
            by = system.created_by if system and system.created_by else "an unknown identity"
            kind = system.created_by_type if system and system.created_by_type else "unknown type"
            return f"nobody's; made by {by} ({kind})"
