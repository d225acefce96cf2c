"""What is well-formed and yet hardly meant: a policy's id as a target, a comma behind an id, a placeholder never filled.

Nothing here needs the catalogue or the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from reconciler.codes import FileCode, RuleCode
from reconciler.model import ArmId, Declaration, ScopeKind
from reconciler.problems import Problem

_POLICY: Final = "microsoft.authorization/policy"
_PLACEHOLDER: Final = re.compile(r"\$\{\w|\{\{|<%|\$\(\w")


def lint_placeholders(declaration: Declaration) -> Iterator[Problem]:
    """Texts that look as if something were to be filled in."""
    texts = declaration.justification, declaration.owner, declaration.ticket, declaration.display_name
    if _PLACEHOLDER.search("\n".join(texts)) is None:
        return  # as nearly always
    for field, text in zip(("justification", "owner", "ticket", "displayName"), texts, strict=True):
        if match := _PLACEHOLDER.search(text):
            yield Problem(
                source=declaration.place(field),
                code=FileCode.PLACEHOLDER,
                message=f"{field} holds {match[0]!r}; nothing is filled in there, declarations are no templates",
                remedy="write the text itself",
                path=field,
            )


def lint_scopes(declaration: Declaration) -> Iterator[Problem]:
    """Scopes that are well-formed but never what somebody wants exempted: an assignment's id pasted for a resource's."""
    for index, scope in enumerate(declaration.scopes):
        if scope.text[-1] in ",;:'":
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.SCOPE_END,
                message=f"the id ends in {scope.text[-1]!r}, which is then part of the name",
                remedy="delete it; each scope stands in a line of its own, without commas",
                path=f"scopes[{index}]",
            )
        if is_policy(scope):
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.NOT_A_TARGET,
                message=f"{scope.name!r} is part of Azure Policy itself, not a resource to exempt",
                remedy="name the resource, resource group, subscription or management group that is to be exempted",
                path=f"scopes[{index}]",
            )


def is_policy(scope: ArmId) -> bool:
    """Whether the id is that of an assignment, definition or exemption."""
    if _POLICY not in scope.key:
        return False
    return scope.kind is ScopeKind.RESOURCE and scope.resource_type.startswith(_POLICY)
