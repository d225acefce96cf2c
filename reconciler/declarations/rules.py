"""The rules of reconciler.yaml, one function a rule. An absent rule restricts nothing, but for whole assignments.

What depends on the clock fails only where the declaration changed; elsewhere it is a warning, so that a day that passes
never blocks somebody who changed something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.catalog import Catalogue, policy_id
from reconciler.catalog.catalogue import fold_title
from reconciler.declarations.field_help import EXAMPLES
from reconciler.declarations.subjects import ResolvedSubject
from reconciler.model import (
    ArmId,
    Declaration,
    FolderRule,
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

_FOLDER: Final = "exemptions/"


def broken_rules(declaration: Declaration, settings: Settings) -> Iterator[Problem]:
    """The rules that need nothing but the declaration."""
    yield from _required(declaration, settings.rules)
    yield from _ticket(declaration, settings.rules)
    yield from _scope_kinds(declaration, settings.rules)
    yield from _outside(declaration, settings)
    yield from _beside_assignment(declaration)
    yield from _whole_assignment(declaration, settings.rules)


def broken_lifetimes(resolved: ResolvedSubject, rules: Rules, now: datetime, *, changed: bool) -> Iterator[Problem]:
    """The strictest lifetime that applies, measured from now."""
    declaration = resolved.declaration
    rule = _strictest(resolved, rules)
    if rule is None:
        return
    latest = (now + timedelta(days=rule.days)).date()
    expires = declaration.expires_on
    if expires is not None and expires.date() <= latest:
        return
    for_what = " and ".join(
        word
        for word in (rule.category and f"category {rule.category.value}", rule.severity and f"severity {rule.severity}")
        if word
    )
    limit = f"at most {rule.days} days from today are allowed" + (f" for {for_what}" if for_what else "")
    wrong = "it never expires" if expires is None else f"it runs until {expires.date()}"
    yield Problem(
        source=declaration.place("expiresOn"),
        code="rule-lifetime",
        message=f"{wrong}; {limit} (rules.maxLifetimeDays)",
        remedy=f"write expiresOn: {latest}, or an earlier day",
        path="expiresOn",
        severity=Severity.ERROR if changed else Severity.WARNING,
    )


def _strictest(resolved: ResolvedSubject, rules: Rules) -> LifetimeRule | None:
    severities = {recommendation.severity.casefold() for recommendation in resolved.recommendations}
    applying = [
        rule
        for rule in rules.lifetimes
        if rule.category in {None, resolved.declaration.category}
        and (rule.severity is None or rule.severity.casefold() in severities)
    ]
    return min(applying, key=lambda rule: rule.days, default=None)


def _required(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    values = {
        "expiresOn": declaration.expires_on,
        "ticket": declaration.ticket,
        "displayName": declaration.display_name,
        "resourceSelectors": declaration.selectors,
        "metadata": declaration.metadata,
    }
    for field in rules.required:
        if not values.get(field):
            yield Problem(
                source=declaration.source,
                code="rule-required",
                message=f"{field} is missing; this repository requires it (rules.required)",
                remedy=f"add a line `{field}: {EXAMPLES[field]}`",
                path=field,
            )


def _ticket(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    pattern = rules.ticket_pattern
    if pattern and declaration.ticket and not re.fullmatch(pattern, declaration.ticket):
        yield Problem(
            source=declaration.place("ticket"),
            code="rule-ticket",
            message=f"ticket {declaration.ticket!r} is not of the form {pattern!r} (rules.ticketPattern)",
            remedy="write the key of the ticket alone, in that form",
            path="ticket",
        )


def _scope_kinds(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    rule = _folder_rule(declaration.source.file, rules.folders)
    if rule is None:
        return
    allowed = " or ".join(kind.value for kind in rule.kinds)
    for index, scope in enumerate(declaration.scopes):
        if scope.kind not in rule.kinds:
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code="rule-scope-kind",
                message=f"this is a {scope.kind.value}; in {_FOLDER}{rule.folder} only a {allowed} may be exempted (rules.scopeKinds)",
                remedy="name the narrower scopes that need it",
                path=f"scopes[{index}]",
            )


def _folder_rule(file: str, folders: tuple[FolderRule, ...]) -> FolderRule | None:
    """The rule of the nearest folder that has one."""
    inside = file.removeprefix(_FOLDER)
    applying = [rule for rule in folders if not rule.folder or inside.startswith(rule.folder + "/")]
    return max(applying, key=lambda rule: len(rule.folder), default=None)


def _outside(declaration: Declaration, settings: Settings) -> Iterator[Problem]:
    """Targets that are surely outside of the managed scopes. Below a management group only Azure can tell."""
    roots = ", ".join(root.text for root in settings.scopes[:3]) + (" …" if len(settings.scopes) > 3 else "")
    below_a_group = any(root.kind is ScopeKind.MANAGEMENT_GROUP for root in settings.scopes)
    for index, scope in enumerate(declaration.scopes):
        if not below_a_group and not any(root.contains(scope) for root in settings.scopes):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code="outside-scopes",
                message=f"{scope.text} is outside of what this repository manages ({roots})",
                remedy="correct the id, or add its root to scopes in reconciler.yaml",
                path=f"scopes[{index}]",
            )


def _beside_assignment(declaration: Declaration) -> Iterator[Problem]:
    """Targets that surely have nothing to do with the assignment that the declaration names."""
    subject = declaration.subject
    if subject.kind is not SubjectKind.ASSIGNMENT or not declaration.validate_scope:
        return
    assigned = owner_scope(parse_object(subject.value))
    for index, scope in enumerate(declaration.scopes):
        if assigned.subscription and scope.subscription and not (assigned.contains(scope) or scope.contains(assigned)):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code="beside-assignment",
                message=f"{scope.text} lies outside of {assigned.text}, where this is assigned",
                remedy="name a scope at or below the assignment's",
                path=f"scopes[{index}]",
            )


def _whole_assignment(declaration: Declaration, rules: Rules) -> Iterator[Problem]:
    subject = declaration.subject
    if subject.kind not in {SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT}:
        return
    if subject.reference_ids or rules.allow_whole_assignment:
        return
    sure = subject.kind is SubjectKind.INITIATIVE
    message = "without referenceIds it exempts from everything that the initiative contains"
    yield Problem(
        source=declaration.place(subject.kind.value),
        code="rule-whole-assignment",
        message=f"{message} (rules.allowWholeAssignment is not true)"
        if sure
        else f"if an initiative is assigned there, {message}, which is not allowed here",
        remedy="add referenceIds with the policies that are meant"
        if sure
        else "add referenceIds, unless a single policy is assigned",
        path=subject.kind.value,
        severity=Severity.ERROR if sure else Severity.WARNING,
    )


# --- what may never be exempted ----------------------------------------------------------------------------------


class Forbidden:
    """rules.neverExempt, looked up once: by recommendation and by policy, so that nothing slips in beside another."""

    def __init__(self, rules: Rules, catalogue: Catalogue) -> None:
        self._policies = {policy_id(text).key: text for text in rules.never_policies}
        self._recommendations = {
            recommendation.key or fold_title(recommendation.title): recommendation.title
            for text in rules.never_recommendations
            for recommendation in catalogue.find(text)
        }

    def broken(self, resolved: ResolvedSubject) -> Iterator[Problem]:
        """What a declaration would exempt although nobody may."""
        subject = resolved.declaration.subject
        place = resolved.declaration.place(subject.kind.value)
        for recommendation in resolved.recommendations:
            if recommendation.key in self._recommendations:
                yield Problem(
                    source=place,
                    code="rule-never",
                    message=f"{recommendation.title!r} is never exempted here (rules.neverExempt.recommendations)"
                    + self._because(resolved, recommendation.key, recommendation.policies),
                    remedy="fix the resource, or ask the owners of reconciler.yaml",
                    path=subject.kind.value,
                )
        for policy in sorted(resolved.policies & self._policies.keys()):
            yield Problem(
                source=place,
                code="rule-never",
                message=f"the policy {self._policies[policy]!r} is never exempted here (rules.neverExempt.policies)",
                remedy="fix the resource, or ask the owners of reconciler.yaml",
                path=subject.kind.value,
            )

    @staticmethod
    def _because(resolved: ResolvedSubject, key: str, policies: tuple[ArmId, ...]) -> str:
        declaration = resolved.declaration
        if (
            declaration.subject.kind is SubjectKind.RECOMMENDATION
            and resolved.recommendations[0].key == key
            and len(resolved.recommendations) == 1
        ):
            return ""
        shared = sorted(policy.name for policy in policies if policy.key in resolved.policies)
        return f"; it rests on the policy {shared[0]}, which this declaration exempts" if shared else ""
