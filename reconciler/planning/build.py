"""Builds the exemption that a wish asks for, on top of the live one that keeps it, if there is one."""

from __future__ import annotations

from collections.abc import Container

from reconciler.model import Exemption, Initiative, Settings
from reconciler.planning import marks
from reconciler.planning.canonical import instant_text
from reconciler.planning.meaning import WHOLE
from reconciler.planning.naming import exemption_id
from reconciler.planning.pairing import hash_of
from reconciler.planning.resolve import Desired

DISPLAY_NAME_LIMIT = 128


def wanted(  # noqa: PLR0913, PLR0917 - what an exemption is made of
    wish: Desired,
    references: tuple[str, ...],
    keeper: Exemption | None,
    settings: Settings,
    revision: str | None,
    taken: Container[str] = (),
) -> Exemption:
    """The exemption as it shall be. A keeper keeps its id and what we do not model of it."""
    declaration = wish.declaration
    return Exemption(
        id=keeper.id if keeper else exemption_id(wish.scope, declaration.name, hash_of(wish, settings), taken),
        assignment=wish.assignment.id,
        category=declaration.category.value,
        reference_ids=references,
        display_name=declaration.display_name or f"{declaration.name}: {wish.meaning.title}"[:DISPLAY_NAME_LIMIT],
        description=declaration.justification,
        expires_on=instant_text(declaration.expires_on) if declaration.expires_on else "",
        selectors=declaration.selectors,
        validation="" if declaration.validate_scope else "DoNotValidate",
        metadata=marks.metadata(declaration, wish.target, settings.owner, revision, keeper.metadata if keeper else {}),
        extra=keeper.extra if keeper else {},
    )


def reference_texts(cells: frozenset[str], initiative: Initiative | None) -> tuple[str, ...]:
    """The reference ids of some cells, as the initiative writes them; none for a single policy."""
    texts = initiative.texts if initiative else {}
    return tuple(texts.get(cell, cell) for cell in sorted(cells) if cell != WHOLE)
