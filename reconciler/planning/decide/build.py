"""Builds the exemption that a desired asks for, on top of the existing one that keeps it, if there is one."""

from __future__ import annotations

from collections.abc import Container

from reconciler.arm.canonical import instant_text
from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning import marks
from reconciler.planning.decide.matching import desired_name_hash
from reconciler.planning.decide.naming import exemption_id
from reconciler.planning.desired.resolve import DesiredExemption
from reconciler.planning.desired.subjects import WHOLE

DISPLAY_NAME_LIMIT = 128


def wanted(  # noqa: PLR0913, PLR0917 - what an exemption is made of
    desired: DesiredExemption,
    references: tuple[str, ...],
    keeper: Exemption | None,
    settings: Settings,
    revision: str | None,
    taken: Container[str] = (),
) -> Exemption:
    """The exemption as it shall be. A keeper keeps its id and what we do not model of it."""
    declaration = desired.declaration
    return Exemption(
        id=keeper.id
        if keeper
        else exemption_id(desired.scope, declaration.name, desired_name_hash(desired, settings), taken),
        assignment=desired.assignment.id,
        category=declaration.category.value,
        reference_ids=references,
        display_name=declaration.display_name or f"{declaration.name}: {desired.subject.title}"[:DISPLAY_NAME_LIMIT],
        description=declaration.justification,
        expires_on=instant_text(declaration.expires_on) if declaration.expires_on else "",
        selectors=declaration.selectors,
        validation="" if declaration.validate_scope else "DoNotValidate",
        metadata=marks.metadata(
            declaration, desired.target, settings.owner, revision, keeper.metadata if keeper else {}
        ),
        extra=keeper.extra if keeper else {},
    )


def reference_texts(cells: frozenset[str], initiative: Initiative | None) -> tuple[str, ...]:
    """The reference ids of some cells, as the initiative writes them; none for a single policy."""
    texts = initiative.texts if initiative else {}
    return tuple(texts.get(cell, cell) for cell in sorted(cells) if cell != WHOLE)
