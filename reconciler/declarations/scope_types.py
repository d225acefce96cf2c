"""Scopes at which nothing that is exempted is ever evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.codes import RuleCode
from reconciler.declarations.lint import is_policy
from reconciler.declarations.subjects import DeclaredSubject
from reconciler.model import ScopeKind, first_few
from reconciler.problems import Problem

_MAX_TYPES: Final = 8
_SUBSCRIPTION_ALONE: Final = frozenset({"microsoft.resources/subscriptions"})


def scope_type_problems(resolved: DeclaredSubject) -> Iterator[Problem]:
    """A scope whose type none of the policies evaluates; one that contains such resources is fine."""
    types = resolved.meaning.types
    if types is None:
        return
    for index, scope in enumerate(resolved.declaration.scopes):
        match scope.kind:
            case ScopeKind.MANAGEMENT_GROUP | ScopeKind.SUBSCRIPTION:
                is_evaluated = True
            case ScopeKind.RESOURCE_GROUP:
                is_evaluated = not types <= _SUBSCRIPTION_ALONE
            case ScopeKind.RESOURCE:
                own = scope.resource_type
                is_evaluated = own in types or any(kind.startswith(own + "/") or "*" in kind for kind in types)
        if not is_evaluated and not is_policy(scope):
            listed = first_few(sorted(types), _MAX_TYPES)
            yield Problem(
                source=resolved.declaration.place(f"scopes.{index}"),
                code=RuleCode.SCOPE_TYPE,
                message=f"nothing at this {scope.kind} is evaluated: what is exempted looks at {listed}",
                remedy="check that the id is the one you mean; if so, the exemption does nothing",
                path=f"scopes[{index}]",
            )
