"""The rules that depend on the folder in which a declaration stands. For each rule the longest folder that sets it counts.

What lies below a management group is not known here: such a target is judged by the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.codes import RuleCode
from reconciler.model import Declaration, FolderRule, Rules, ScopeKind
from reconciler.problems import Problem

_MAX_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRules:
    """Of each rule that depends on the folder the one that counts in it; None where no folder sets it."""

    kinds: FolderRule | None
    below: FolderRule | None
    whole_scopes: FolderRule | None
    take_over: FolderRule | None
    adopt: FolderRule | None


def rules_for(file: str, rules: Rules) -> FolderRules:
    """What counts for a declaration's file, and for all others in its folder."""
    return FolderRules(
        kinds=rules.folder_rule(file, lambda rule: rule.kinds),
        below=rules.folder_rule(file, lambda rule: rule.below),
        whole_scopes=rules.folder_rule(file, lambda rule: rule.whole_scopes),
        take_over=rules.folder_rule(file, lambda rule: rule.take_over),
        adopt=rules.folder_rule(file, lambda rule: rule.adopt),
    )


def folder_problems(declaration: Declaration, rules: FolderRules) -> Iterator[Problem]:
    """Everything in which a declaration breaks the rules of its folder."""
    if rules.kinds:
        yield from _kinds(declaration, rules.kinds)
    if below := rules.below:
        places = below.below or ()
        has_group = any(place.kind is ScopeKind.MANAGEMENT_GROUP for place in places)
        allowed = " or ".join(place.text for place in places[:_MAX_SHOWN]) + (" …" if len(places) > _MAX_SHOWN else "")
        for index, scope in enumerate(declaration.scopes):
            if not has_group and not any(place.contains(scope) for place in places):
                yield Problem(
                    source=declaration.place(f"scopes.{index}"),
                    code=RuleCode.RULE_PLACE,
                    message=f"this is not at or below {allowed}, where declarations {_in(below)} may exempt ({below.setting})",
                    remedy="correct the id, or put the file into the folder whose owners answer for this scope",
                    path=f"scopes[{index}]",
                )
    whole = rules.whole_scopes
    if whole and not whole.whole_scopes and not declaration.selectors:
        yield from _whole_scopes(declaration, whole)
    if rules.take_over and not rules.take_over.take_over and declaration.take_over is not None:
        yield _refused(declaration, rules.take_over, "takeOver", "what belongs to another owner is not taken over")
    if rules.adopt and not rules.adopt.adopt and declaration.adopt:
        yield _refused(declaration, rules.adopt, "adopt", "what an application made is not adopted")


def _kinds(declaration: Declaration, rule: FolderRule) -> Iterator[Problem]:
    kinds = rule.kinds or ()
    for index, scope in enumerate(declaration.scopes):
        if scope.kind not in kinds:
            allowed = " or ".join(kind.value for kind in kinds)
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.RULE_SCOPE_KIND,
                message=f"this is a {scope.kind.value}; {_in(rule)} only a {allowed} may be exempted ({rule.setting})",
                remedy="name the narrower scopes that need it",
                path=f"scopes[{index}]",
            )


def _whole_scopes(declaration: Declaration, rule: FolderRule) -> Iterator[Problem]:
    for index, scope in enumerate(declaration.scopes):
        if scope.kind is not ScopeKind.RESOURCE:
            yield Problem(
                source=declaration.place(f"scopes.{index}"),
                code=RuleCode.RULE_WHOLE_SCOPE,
                message=f"this exempts a {scope.kind.value} as a whole, which is refused {_in(rule)} ({rule.setting})",
                remedy="name the resources that need it, or narrow it by resourceSelectors",
                path=f"scopes[{index}]",
            )


def _refused(declaration: Declaration, rule: FolderRule, field: str, reason: str) -> Problem:
    return Problem(
        source=declaration.place(field),
        code=RuleCode.RULE_TAKE_OVER if field == "takeOver" else RuleCode.RULE_ADOPT,
        message=f"{field} is refused {_in(rule)}: {reason} ({rule.setting})",
        remedy="delete the line, or ask the owners of reconciler.yaml",
        path=field,
    )


def _in(rule: FolderRule) -> str:
    return f"in exemptions/{rule.folder}"
