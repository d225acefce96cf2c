"""The rules of reconciler.yaml, one function a rule. An absent rule restricts nothing, but for whole assignments.

What depends on the clock fails only where the declaration changed; elsewhere it is a warning, so that a day that passes
never blocks somebody who changed something else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from reconciler.catalog.strictness import NeverExempt
from reconciler.codes import RuleCode
from reconciler.declarations.field_help import EXAMPLES
from reconciler.declarations.folder_rules import FolderRules, folder_problems, rules_for
from reconciler.declarations.subjects import DeclaredSubject
from reconciler.documents.patterns import compile_pattern
from reconciler.model import (
    ArmId,
    Category,
    Declaration,
    LifetimeRule,
    Rules,
    ScopeKind,
    Settings,
    Severity,
    SubjectKind,
    owner_scope,
    parse_object,
)
from reconciler.problems import Problem

_REQUIRED: Final[Mapping[str, Callable[[Declaration], object]]] = {
    "expiresOn": operator.attrgetter("expires_on"),
    "ticket": operator.attrgetter("ticket"),
    "displayName": operator.attrgetter("display_name"),
    "resourceSelectors": operator.attrgetter("selectors"),
    "metadata": operator.attrgetter("metadata"),
}
"""How each field that a repository may require is read."""


_WHOLE: Final = frozenset({SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT})
"""What may name more than one policy."""


class AppliedRules:
    """The rules of one repository, as one check applies them: what all declarations in a folder, or of a category and
    severity, have in common is looked up once. Immutable as seen from outside.
    """

    def __init__(self, rules: Rules, now: datetime) -> None:
        self.rules = rules
        self.now = now
        self._folders: dict[str, FolderRules] = {}
        self._lifetimes: dict[tuple[Category, frozenset[str] | None], tuple[LifetimeRule, date] | None] = {}

    def in_folder_of(self, declaration: Declaration) -> FolderRules:
        """The rules of the folder in which the declaration stands."""
        folder = declaration.source.file.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = rules_for(declaration.source.file, self.rules)
        return self._folders[folder]

    def lifetime(self, category: Category, severities: frozenset[str] | None) -> tuple[LifetimeRule, date] | None:
        """The strictest lifetime that applies, and the last day that it allows."""
        key = category, severities
        if key not in self._lifetimes:
            rule = self.rules.strictest_lifetime(category, severities)
            self._lifetimes[key] = (rule, (self.now + timedelta(days=rule.days)).date()) if rule else None
        return self._lifetimes[key]


def broken_rules(declaration: Declaration, settings: Settings, applied: AppliedRules) -> Iterator[Problem]:
    """The rules that need nothing but the declaration."""
    for field in settings.rules.required:
        if not _REQUIRED[field](declaration):
            yield Problem(
                source=declaration.source,
                code=RuleCode.RULE_REQUIRED,
                message=f"{field} is missing; this repository requires it (rules.required)",
                remedy=f"add a line `{field}: {EXAMPLES[field]}`",
                path=field,
            )
    yield from _ticket(declaration, settings.rules)
    yield from folder_problems(declaration, applied.in_folder_of(declaration))
    yield from _outside(declaration, settings)
    if declaration.subject.kind in _WHOLE:
        yield from _beside_assignment(declaration)
        yield from _whole_assignment(declaration, settings.rules)


def broken_lifetimes(resolved: DeclaredSubject, applied: AppliedRules, *, changed: bool) -> Iterator[Problem]:
    """The strictest lifetime that applies, measured from now."""
    declaration = resolved.declaration
    limited = applied.lifetime(declaration.category, resolved.meaning.severities)
    if limited is None:
        return
    rule, latest = limited
    expires = declaration.expires_on
    if expires is not None and expires.date() <= latest:
        return
    for_what = " and ".join(
        word
        for word in (rule.category and f"category {rule.category.value}", rule.severity and f"severity {rule.severity}")
        if word
    )
    limit = f"at most {rule.days} days from today are allowed" + (f" for {for_what}" if for_what else "")
    if rule.severity and rule.severity.casefold() not in {
        severity.casefold() for severity in resolved.meaning.severities or ()
    }:
        limit += ", which counts here because the severity is not known"
    wrong = "it never expires" if expires is None else f"it runs until {expires.date()}"
    yield Problem(
        source=declaration.place("expiresOn"),
        code=RuleCode.RULE_LIFETIME,
        message=f"{wrong}; {limit} (rules.maxLifetimeDays)",
        remedy=f"write expiresOn: {latest}, or an earlier day",
        path="expiresOn",
        severity_override=None if changed else Severity.WARNING,
    )


def _ticket(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    pattern = rules.ticket_pattern
    if pattern and declaration.ticket and not compile_pattern(pattern).fullmatch(declaration.ticket.encode()):
        yield Problem(
            source=declaration.place("ticket"),
            code=RuleCode.RULE_TICKET,
            message=f"ticket {declaration.ticket!r} is not of the form {pattern!r} (rules.ticketPattern)",
            remedy="write the key of the ticket alone, in that form",
            path="ticket",
        )


def _outside(declaration: Declaration, settings: Settings) -> Iterator[Problem]:
    """Targets that are surely outside of the managed scopes. Below a management group only Azure can tell."""
    for root in settings.scopes:
        if root.kind is ScopeKind.MANAGEMENT_GROUP:
            return
    roots = ", ".join(root.text for root in settings.scopes[:3]) + (" …" if len(settings.scopes) > 3 else "")
    for index, scope in enumerate(declaration.scopes):
        if not any(root.contains(scope) for root in settings.scopes):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.OUTSIDE_SCOPES,
                message=f"{scope.text} is outside of what this repository manages ({roots})",
                remedy="correct the id, or add its root to scopes in reconciler.yaml",
                path=f"scopes[{index}]",
            )


def _beside_assignment(declaration: Declaration) -> Iterator[Problem]:
    """Targets that surely have nothing to do with the assignment that the declaration names."""
    subject = declaration.subject
    is_elsewhere_allowed = declaration.ahead or not declaration.validate_scope
    if subject.kind is not SubjectKind.ASSIGNMENT or is_elsewhere_allowed:
        return
    assigned = owner_scope(parse_object(subject.value))
    for index, scope in enumerate(declaration.scopes):
        if assigned.subscription and scope.subscription and not (assigned.contains(scope) or scope.contains(assigned)):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.BESIDE_ASSIGNMENT,
                message=f"{scope.text} lies outside of {assigned.text}, where this is assigned",
                remedy="name a scope at or below the assignment's, or add `ahead: true` until it is moved there",
                path=f"scopes[{index}]",
            )


def _whole_assignment(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    subject = declaration.subject
    if subject.reference_ids or rules.allow_whole_assignment:
        return
    sure = subject.kind is SubjectKind.INITIATIVE
    message = "without referenceIds it exempts from everything that the initiative contains"
    yield Problem(
        source=declaration.place(subject.kind.value),
        code=RuleCode.RULE_WHOLE_ASSIGNMENT,
        message=f"{message} (rules.allowWholeAssignment is not true)"
        if sure
        else f"if an initiative is assigned there, {message}, which is not allowed here",
        remedy="add referenceIds with the policies that are meant"
        if sure
        else "add referenceIds, unless a single policy is assigned",
        path=subject.kind.value,
        severity_override=None if sure else Severity.INFO,
    )


# --- what may never be exempted ----------------------------------------------------------------------------------


def forbidden(resolved: DeclaredSubject, never: Mapping[str, tuple[NeverExempt, ...]]) -> Iterator[Problem]:
    """What a declaration would exempt although nobody may. `never` is what rules.neverExempt protects, by policy."""
    if never.keys().isdisjoint(resolved.meaning.judged):
        return  # as nearly always
    declaration = resolved.declaration
    subject = declaration.subject
    entries = {
        entry: policy for policy in sorted(resolved.meaning.judged, reverse=True) for entry in never.get(policy, ())
    }
    for entry, policy in sorted(entries.items()):
        name = repr(entry.title) if entry.key else f"the policy {entry.title!r}"
        named = [at for at, text in enumerate(subject.values) if text in {entry.title, entry.key}]
        is_declared = subject.kind is SubjectKind.RECOMMENDATION and bool(named)
        because = f"; it rests on the policy {ArmId(policy, policy).name}, which this declaration exempts"
        index = named[0] if is_declared else 0
        yield Problem(
            source=declaration.subject_place(index),
            code=RuleCode.RULE_NEVER,
            message=f"{name} is never exempted here ({entry.setting})"
            + (because if entry.key and not is_declared else ""),
            remedy="fix the resource, or ask the owners of reconciler.yaml",
            path=declaration.subject_path(index),
        )
