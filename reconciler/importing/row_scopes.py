"""Scopes as other tools write them: ids, names, labelled ids and wildcards."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Final

from reconciler.importing.row_rules import NEEDS_AZURE, RowRules
from reconciler.importing.rows import ForeignRow, RowError
from reconciler.model import ArmId, arm_id, is_guid, parse_scope

_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9()._-]{1,90}")
_PATTERN: Final = "/subscriptions/subscriptionspattern/"


def scopes_of(row: ForeignRow, rules: RowRules, notes: list[str]) -> Iterator[ArmId]:
    """Every scope of a row, wildcards written out; adds to the notes what was changed.

    Raises:
        RowError: there is none, or one is no scope.
    """
    if not row.scopes:
        raise RowError("it names no scope", "fill in scope or scopes")
    for text in row.scopes:
        label, separator, rest = text.partition(":")
        place = rest.strip() if separator and "/" not in label and rest.strip().startswith("/") else text
        if "*" in place or place.lower().startswith(_PATTERN):
            yield from _matching(place, rules, notes)
        elif "/" not in place and _GROUP_NAME.fullmatch(place):
            # A management group by its name; a GUID may be a subscription as well, which only Azure knows.
            group, subscription = arm_id(_GROUPS + place), arm_id(f"/subscriptions/{place}")
            expected = {scope.key for scope in rules.snapshot.expected} if rules.snapshot else set()
            is_subscription = group.key not in expected and subscription.key in expected
            if is_guid(place) and not is_subscription and group.key not in expected:
                message = f"its scope {place!r} may be a subscription or a management group"
                raise RowError(message, "write the whole id", needs_azure=rules.snapshot is None)
            notes.append(f"its scope {place!r} was taken as {subscription if is_subscription else group}")
            yield subscription if is_subscription else group
        else:
            if not place.startswith("/") and place.lower().startswith(("subscriptions/", "providers/")):
                notes.append(f"a slash was put before {place!r}")
                place = f"/{place}"
            try:
                scope = parse_scope(place)
            except ValueError as error:
                raise RowError(f"its scope {place!r} is {error}", "correct it in the file") from None
            yield scope


def _matching(pattern: str, rules: RowRules, notes: list[str]) -> list[ArmId]:
    """The subscriptions and management groups that a wildcard means today."""
    snapshot = rules.snapshot
    if snapshot is None:
        raise RowError(f"its scope {pattern!r} is a wildcard", NEEDS_AZURE, needs_azure=True)
    folded = pattern.lower()
    if folded.startswith(_PATTERN):
        glob = folded.removeprefix(_PATTERN)
        matching = [
            scope
            for scope in snapshot.expected
            if scope.subscription and fnmatch.fnmatchcase(snapshot.names.get(scope.key, "").lower(), glob)
        ]
    else:
        matching = [scope for scope in snapshot.expected if fnmatch.fnmatchcase(scope.key, folded)]
    if not matching:
        raise RowError(f"nothing matches its scope {pattern!r}", "correct it in the file")
    notes.append(
        f"its wildcard {pattern!r} was written out: {len(matching)} scopes match it today, later ones do not count"
    )
    return sorted(matching)
