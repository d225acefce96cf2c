"""Builds the exemption that is desired, on top of the existing one that keeps it, if there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.arm.canonical import folded_selectors, instant_text
from reconciler.model import ArmId, Exemption, Initiative, Settings, is_assessment
from reconciler.planning import marks
from reconciler.planning.decide.naming import bears_our_guid, bears_our_name, exemption_id, name_hash, standard_ids
from reconciler.planning.desired.subjects import reference_texts
from reconciler.planning.desired.values import DesiredExemption
from reconciler.planning.provenance import History, who_asked

DISPLAY_NAME_LIMIT = 128


def desired_name_hash(desired: DesiredExemption, settings: Settings) -> str:
    """The hash in the name of a new exemption (see `naming`)."""
    return name_hash(
        owner=settings.owner,
        scope=desired.scope,
        assignment=desired.assignment.id,
        policies=desired.match.policies,
        selectors=folded_selectors(desired.declaration.selectors),
    )


def is_named_by_us(identifier: ArmId, desired: DesiredExemption, settings: Settings) -> bool:
    """Whether an existing exemption bears a name that a new one for this would get: our mark was stripped."""
    if is_assessment(desired.assignment.id.key):
        return bears_our_guid(identifier, settings.owner, desired.assignment.id)
    return bears_our_name(identifier, desired_name_hash(desired, settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionBuilder:
    """Builds exemptions for one owner from one history. `used_ids` are the folded ids that exist in Azure; each new one
    is added, so that no name is given twice.
    """

    settings: Settings
    history: History
    used_ids: set[str]

    def create(self, desired: DesiredExemption, cells: frozenset[str], initiative: Initiative | None) -> Exemption:
        """A new exemption of these cells, under a name that is free."""
        return self.create_with(desired, _references(desired, cells, initiative))

    def create_with(self, desired: DesiredExemption, references: tuple[str, ...]) -> Exemption:
        """A new exemption with these reference ids, under a name that is free."""
        if is_assessment(desired.assignment.id.key):
            ids = standard_ids(self.settings.owner, desired.scope, desired.assignment.id)
            free = next(identifier for identifier in ids if identifier.key not in self.used_ids)
        else:
            hashed = desired_name_hash(desired, self.settings)
            free = exemption_id(desired.scope, desired.declaration.name, hashed, self.used_ids)
        self.used_ids.add(free.key)
        return self._build(desired, references, free)

    def update(
        self, desired: DesiredExemption, keeper: Exemption, cells: frozenset[str], initiative: Initiative | None
    ) -> Exemption:
        """The keeper as it shall be: it keeps its id and what we do not model of it. Its title as well, while everything that
        the desired one names is held and it goes on exempting something else.
        """
        after = self._build(desired, _references(desired, cells, initiative), keeper.id, keeper)
        return replace(after, display_name=keeper.display_name) if cells.isdisjoint(desired.cells) else after

    def _build(
        self,
        desired: DesiredExemption,
        references: tuple[str, ...],
        identifier: ArmId,
        keeper: Exemption | None = None,
    ) -> Exemption:
        declaration = desired.declaration
        return Exemption(
            id=identifier,
            assignment=desired.assignment.id,
            category=declaration.category.value,
            reference_ids=references,
            display_name=declaration.display_name
            or f"{declaration.name}: {desired.subject.title}"[:DISPLAY_NAME_LIMIT],
            description=declaration.justification,
            expires_on=instant_text(declaration.expires_on) if declaration.expires_on else "",
            selectors=declaration.selectors,
            validation="" if desired.validate_scope else "DoNotValidate",
            metadata=marks.metadata(
                declaration=declaration,
                requester=who_asked(declaration, self.history),
                target=desired.target,
                owner=self.settings.owner,
                revision=self.history.head,
                existing={**keeper.metadata, **marks.notes_of_others(keeper, self.settings)} if keeper else {},
            ),
            extra=keeper.extra if keeper else {},
        )


def _references(desired: DesiredExemption, cells: frozenset[str], initiative: Initiative | None) -> tuple[str, ...]:
    if desired.match.whole and cells == desired.cells:
        return ()
    return reference_texts(cells, initiative)
