"""What declarations want at their targets, and what of it cannot be decided now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.catalog.subjects import ResolvedSubject
from reconciler.kinds import HeldCause
from reconciler.model import ArmId, Assignment, Declaration, Diagnostic
from reconciler.planning.desired.protections import Protection, Protections
from reconciler.planning.desired.subjects import SubjectMatch
from reconciler.planning.tree import Slot
from reconciler.planning.values import Finding, Held


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredExemption:
    """One wanted exemption: at `scope`, in `assignment`, because `declaration` lists `target`. `match` are the cells
    that can be decided, `declared` those that the declaration means there, held ones included. Without `validate_scope`
    Azure takes it although it is assigned elsewhere.
    """

    declaration: Declaration
    subject: ResolvedSubject
    scope: ArmId
    assignment: Assignment
    target: ArmId
    match: SubjectMatch
    selector_key: str
    declared: frozenset[str]
    validate_scope: bool = True

    @property
    def slot(self) -> Slot:
        """Where it can meet others."""
        return self.scope.key, self.assignment.id.key

    @property
    def cells(self) -> frozenset[str]:
        """The folded reference ids it wants."""
        return self.match.cells

    def without(self, cells: frozenset[str]) -> DesiredExemption | None:
        """The same without cells that are held; None where nothing is left. Its name stays that of the whole."""
        remaining = self.cells - cells
        if remaining == self.cells:
            return self
        return replace(self, match=self.match.of(remaining)) if remaining else None

    def hold(
        self, cause: HeldCause, message: Diagnostic, references: tuple[str, ...], exemption: ArmId | None = None
    ) -> Held:
        """These references of it, held; `exemption` is the existing one that stands in the way."""
        return Held(
            declaration=self.declaration.name,
            scope=self.scope,
            assignment=self.assignment.id,
            reference_ids=references,
            cause=cause,
            message=message.message,
            remedy=message.remedy,
            source=self.declaration.source,
            exemption=exemption,
        )

    def protect(self, cells: frozenset[str]) -> Protection:
        """What nothing may be taken from while these cells are held."""
        return Protection(
            scope=self.scope,
            assignment=self.assignment.id.key,
            subject=self.subject,
            cells=cells,
            declaration=self.declaration.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What all declarations want, with what is held and what a person should know.

    `protections` are for the cells of what is held. `left_out` is wanted outside the run's `--scope`.
    """

    desired: tuple[DesiredExemption, ...]
    held: tuple[Held, ...]
    findings: tuple[Finding, ...]
    protections: Protections
    left_out: tuple[DesiredExemption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A held line, and what nothing may be taken from while it lasts; None where nothing can be left bare."""

    held: Held
    protection: Protection | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One target of one declaration."""

    declaration: Declaration
    subject: ResolvedSubject
    target: ArmId
    selector_key: str

    def hold(  # noqa: PLR0913 - a held line has this many facts
        self,
        cause: HeldCause,
        message: Diagnostic,
        *,
        scope: ArmId | None = None,
        assignment: ArmId | None = None,
        references: tuple[str, ...] = (),
        marked: bool = False,
    ) -> Hold:
        """What is wanted at `scope` (the target, unless told otherwise), held; `assignment` None stands for any.
        `marked`: nobody knows what is meant, so all that the declaration has there stays.
        """
        scope = scope or self.target
        protection = Protection(
            scope=scope,
            assignment=assignment.key if assignment else "",
            subject=self.subject,
            declaration=self.declaration.name,
            marked=marked,
        )
        line = Held(
            declaration=self.declaration.name,
            scope=scope,
            assignment=assignment,
            reference_ids=references,
            cause=cause,
            message=message.message,
            remedy=message.remedy,
            source=self.declaration.source,
        )
        return Hold(held=line, protection=None if cause.is_gone else protection)
