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
        scope = rest.strip() if separator and "/" not in label and rest.strip().startswith("/") else text
        if "*" in scope or scope.lower().startswith(_PATTERN):
            yield from _matching(scope, rules, notes)
        else:
            yield _scope(scope, rules, notes)


def _scope(text: str, rules: RowRules, notes: list[str]) -> ArmId:
    if "/" not in text and _GROUP_NAME.fullmatch(text):
        # A management group by its name; a GUID may be a subscription as well, which only Azure knows.
        group, subscription = arm_id(_GROUPS + text), arm_id(f"/subscriptions/{text}")
        expected = {scope.key for scope in rules.snapshot.expected} if rules.snapshot else set()
        scope = group if group.key in expected else subscription if subscription.key in expected else None
        if scope is None and is_guid(text):
            message = f"its scope {text!r} may be a subscription or a management group"
            raise RowError(message, "write the whole id", needs_azure=rules.snapshot is None)
        scope = scope or group
        notes.append(f"its scope {text!r} was taken as {scope}")
        return scope
    if not text.startswith("/") and text.lower().startswith(("subscriptions/", "providers/")):
        notes.append(f"a slash was put before {text!r}")
        text = f"/{text}"
    try:
        return parse_scope(text)
    except ValueError as error:
        raise RowError(f"its scope {text!r} is {error}", "correct it in the file") from None


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
