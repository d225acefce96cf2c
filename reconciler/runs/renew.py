"""Renews and retires declarations, and chooses anew what a tag chose, each by a pull request; one for each owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.azure.session import connect
from reconciler.declarations.build import last_instant
from reconciler.importing.text import expiry_value
from reconciler.model import Declaration, first_few
from reconciler.problems import UsageError
from reconciler.requesting.edits import with_field, with_scopes
from reconciler.requesting.subjects import Unclear
from reconciler.runs.changing import ChangeRun, Edits, Intent, propose_edits, text_of
from reconciler.runs.choosing import declared_already, of_types_of, scopes_by_tag
from reconciler.runs.context import Context
from reconciler.runs.loading import named
from reconciler.runs.proposing import Desk, latest_end, open_desk


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewRequest:
    """What to renew in the repository at `root`: the declarations of these `names`, or all that end within `expiring` from
    now; `until` is a day, empty for the longest that the rules allow. `selected` chooses scopes anew instead of an end.
    `dry_run` proposes nothing.
    """

    root: Path
    names: tuple[str, ...] = ()
    until: str = ""
    expiring: timedelta | None = None
    selected: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireRequest:
    """What to retire: the declarations of these `names`, which stay for the record. `dry_run` proposes nothing."""

    root: Path
    names: tuple[str, ...]
    dry_run: bool = False


def renew(request: RenewRequest, context: Context) -> ChangeRun:
    """Proposes later ends, or scopes chosen anew.

    Raises:
        UsageError: a name is unknown, or the day is none.
        ReconcilerError: git refuses.
    """
    with open_desk(request.root, context, proposes=not request.dry_run) as desk:
        chosen = _chosen(request, desk, context.now)
        if request.selected:
            return propose_edits(_reselected(chosen, desk, context), Intent.RESELECT, request.names, desk, context)
        try:
            named_end = last_instant(request.until) if request.until else None
        except ValueError:
            raise UsageError(f"--until: {request.until!r} is no day", "write it as 2027-01-31") from None
        edits = Edits(has_default_end=named_end is None)
        for declaration in chosen:
            end = named_end or latest_end(declaration, desk, context.now)[0]
            if declaration.expires_on is None:
                edits.unchanged[declaration.name] = "it never ends"
            elif declaration.expires_on >= end:
                edits.unchanged[declaration.name] = f"it runs until {expiry_value(declaration.expires_on)} already"
            else:
                text = with_field(text_of(desk, declaration), "expiresOn", expiry_value(end))
                after = replace(declaration, expires_on=end)
                edits.add(declaration, after, text, expiry_value(declaration.expires_on), expiry_value(end))
        return propose_edits(edits, Intent.RENEW, request.names, desk, context)


def retire(request: RetireRequest, context: Context) -> ChangeRun:
    """Proposes that declarations want nothing any more; their files stay for the record.

    Raises:
        UsageError: a name is unknown.
        ReconcilerError: git refuses.
    """
    with open_desk(request.root, context, proposes=not request.dry_run) as desk:
        edits = Edits()
        for declaration in named(request.names, desk.contents.loaded.declarations):
            if declaration.enabled:
                text = with_field(text_of(desk, declaration), "enabled", "false")
                edits.add(declaration, replace(declaration, enabled=False), text, "in force", "retired")
            else:
                edits.unchanged[declaration.name] = "it is retired already"
        return propose_edits(edits, Intent.RETIRE, request.names, desk, context)


# --- which -------------------------------------------------------------------------------------------------------


def _chosen(request: RenewRequest, desk: Desk, now: datetime) -> tuple[Declaration, ...]:
    declared = desk.contents.loaded.declarations
    if request.names:
        return named(request.names, declared)
    if request.selected:
        return tuple(declaration for declaration in declared if declaration.selected_by and declaration.enabled)
    limit = now + (request.expiring or timedelta())
    return tuple(
        declaration
        for declaration in declared
        if declaration.enabled and declaration.expires_on is not None and now < declaration.expires_on <= limit
    )


def _reselected(chosen: Sequence[Declaration], desk: Desk, context: Context) -> Edits:
    """Scopes that the tags choose now, but for new ones that another declaration has, or gets in the same run."""
    edits = Edits()
    declared = {declaration.name: declaration for declaration in desk.contents.loaded.declarations}
    with connect(desk.contents.settings, context.environment, context.observer.warning) as azure:
        for declaration in chosen:
            if not declaration.selected_by:
                edits.unchanged[declaration.name] = "it has no selectedBy"
                continue
            scopes = scopes_by_tag(declaration.selected_by, desk, azure)
            if isinstance(scopes, Unclear):
                edits.unchanged[declaration.name] = f"{scopes.message} any more: retire it"
                continue
            scopes = of_types_of(scopes, declaration, desk)
            before, now_chosen = ({scope.key: scope for scope in side} for side in (declaration.scopes, scopes))
            added = [scope for key, scope in now_chosen.items() if key not in before]
            neighbours = [entry for entry in declared.values() if entry.name != declaration.name]
            already = declared_already(added, declaration.subject, neighbours, desk, context.now)
            added = [scope for scope in added if scope not in already]
            remaining = [scope for scope in declaration.scopes if scope.key in now_chosen]
            others_have = first_few([f"{scope.name} ({name!r} exempts it)" for scope, name in already.items()], 5)
            left_out = f", but for {others_have}" if already else ""
            after = replace(declaration, scopes=(*remaining, *added))
            if not after.scopes:
                edits.unchanged[declaration.name] = f"others have all that its tags choose: {others_have}; retire it"
            elif after.scopes == declaration.scopes:
                edits.unchanged[declaration.name] = f"its tags choose the same{left_out}"
            else:
                text = with_scopes(text_of(desk, declaration), [scope.text for scope in after.scopes])
                dropped = [scope.name for key, scope in before.items() if key not in now_chosen]
                becomes = _some("with", [scope.name for scope in added]) + left_out
                edits.add(declaration, after, text, _some("without", dropped), becomes)
                if declaration.name not in edits.refused:
                    declared[declaration.name] = after
    return edits


def _some(word: str, names: Sequence[str]) -> str:
    return f"{word} {first_few(list(names), 5)}" if names else "the same"
