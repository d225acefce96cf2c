"""Renews and retires declarations, and chooses anew what a tag chose, each by a pull request; one for each owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.azure.session import connect
from reconciler.declarations.build import last_instant
from reconciler.documents.suggest import did_you_mean, nearest_few
from reconciler.importing.text import expiry_value
from reconciler.model import Declaration, first_few
from reconciler.problems import UsageError
from reconciler.requesting.edits import with_field, with_scopes
from reconciler.requesting.subjects import Unclear
from reconciler.runs.changing import ChangeRun, Edits, Intent, propose_edits, text_of
from reconciler.runs.choosing import of_types_of, scopes_by_tag
from reconciler.runs.context import Context
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
        for declaration in _named(request.names, desk):
            if declaration.enabled:
                text = with_field(text_of(desk, declaration), "enabled", "false")
                edits.add(declaration, replace(declaration, enabled=False), text, "in force", "retired")
            else:
                edits.unchanged[declaration.name] = "it is retired already"
        return propose_edits(edits, Intent.RETIRE, request.names, desk, context)


# --- which -------------------------------------------------------------------------------------------------------


def _named(names: Iterable[str], desk: Desk) -> tuple[Declaration, ...]:
    declared = {declaration.name: declaration for declaration in desk.contents.loaded.declarations}
    for name in names:
        if name not in declared:
            near = nearest_few(name, declared, 3)
            raise UsageError(
                f"there is no declaration {name!r}", did_you_mean(near, "'exempt list --declared' shows them")
            )
    return tuple(declared[name] for name in dict.fromkeys(names))


def _chosen(request: RenewRequest, desk: Desk, now: datetime) -> tuple[Declaration, ...]:
    declared = desk.contents.loaded.declarations
    if request.names:
        return _named(request.names, desk)
    if request.selected:
        return tuple(declaration for declaration in declared if declaration.selected_by and declaration.enabled)
    limit = now + (request.expiring or timedelta())
    return tuple(
        declaration
        for declaration in declared
        if declaration.enabled and declaration.expires_on is not None and now < declaration.expires_on <= limit
    )


def _reselected(chosen: Sequence[Declaration], desk: Desk, context: Context) -> Edits:
    edits = Edits()
    with connect(desk.contents.settings, context.environment, context.observer.warning) as azure:
        for declaration in chosen:
            scopes = scopes_by_tag(declaration.selected_by, desk, azure) if declaration.selected_by else ()
            if isinstance(scopes, Unclear):
                edits.unchanged[declaration.name] = f"{scopes.message} any more: retire it"
                continue
            scopes = of_types_of(scopes, declaration, desk)
            before, after = ({scope.key: scope for scope in side} for side in (declaration.scopes, scopes))
            if not declaration.selected_by or before.keys() == after.keys():
                edits.unchanged[declaration.name] = (
                    "its tags choose the same" if declaration.selected_by else "it has no selectedBy"
                )
                continue
            remaining = tuple(scope for scope in declaration.scopes if scope.key in after)
            new = (*remaining, *(scope for key, scope in after.items() if key not in before))
            text = with_scopes(text_of(desk, declaration), [scope.text for scope in new])
            dropped = [scope.name for key, scope in before.items() if key not in after]
            added = [scope.name for key, scope in after.items() if key not in before]
            edits.add(
                declaration, replace(declaration, scopes=new), text, _some("without", dropped), _some("with", added)
            )
    return edits


def _some(word: str, names: Sequence[str]) -> str:
    return f"{word} {first_few(list(names), 5)}" if names else "the same"
