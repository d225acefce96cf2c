"""Rules of reconciler.yaml that hold a declared fact, and what Azure Policy says of its policy's mode: whether one that a
held line names can be broken at all.

They are read here as far as the settings, the declaration and the snapshot go. What Microsoft says of a built-in policy
or of a recommendation (its mode, that it is unsupported) is a fact of the catalogue; which severity a policy has is not
asked, so that a lifetime for one severity counts for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from reconciler.verification.case import Case
from reconciler.verification.declared import Declared, definition_id, meant
from reconciler.verification.objects import JSON, SINGLE, Point

_EXEMPTIONS: Final = "exemptions/"


def allows_whole(case: Case) -> bool:
    """Whether reconciler.yaml lets a declaration exempt all of an assignment."""
    return _is_set(case, "allowWholeAssignment")


def is_whole(case: Case, declaration: Declared, assignment: str) -> bool:
    """Whether a declaration is about all that an initiative evaluates."""
    is_single = case.tenant.members.get(assignment, {}).keys() == {SINGLE}
    return bool(declaration.only) and not declaration.references and not is_single


def is_broken(case: Case, line: Mapping[str, JSON], declaration: Declared, point: Point, target: str) -> bool:
    """Whether the rule that a held line gives as its cause stands in the way of what is wanted at the point."""
    match line["cause"]:
        case "never-exempt":
            return not _never(case).isdisjoint(_policies(case, declaration, point))
        case "lifetime":
            return bool(declaration.only) and any(
                rule.get("category") in (None, declaration.text["category"])
                and declaration.end.date() > (case.tenant.now + timedelta(days=int(str(rule["days"])))).date()
                for rule in _lifetimes(case)
            )
        case "unsupported":
            return _is_set(case, "strictUnsupported") and _has_obstacle(case, declaration, point, "unsupported")
        case "not-exemptable":
            return _has_obstacle(case, declaration, point, "mode")
        case "outside-places":
            places = _places(case, line, declaration)
            return places is not None and set(places).isdisjoint(case.tenant.chain(target))
    return False


def _rules(case: Case) -> Mapping[str, JSON]:
    return case.settings.get("rules") or {}


def _is_set(case: Case, rule: str) -> bool:
    return str(_rules(case).get(rule, "false")).lower() == "true"


def _policies(case: Case, declaration: Declared, point: Point) -> frozenset[str]:
    """The policies that the declaration means there; those of the whole initiative where it means that."""
    members = case.tenant.members.get(point.assignment, {})
    return frozenset(members[name] for name in meant(declaration, case.tenant, point.assignment))


def _never(case: Case) -> set[str]:
    """The policies that nobody may exempt, by themselves or by way of a recommendation."""
    never = _rules(case).get("neverExempt") or {}
    policies = {definition_id(text, "policyDefinitions") for text in never.get("policies") or ()}
    return policies.union(*(case.facts.protected_by(str(text)) for text in never.get("recommendations") or ()))


def _lifetimes(case: Case) -> list[Mapping[str, JSON]]:
    rules = _rules(case).get("maxLifetimeDays") or []
    return rules if isinstance(rules, list) else [{"days": rules}]


def _has_obstacle(case: Case, declaration: Declared, point: Point, obstacle: str) -> bool:
    """Whether the catalogue says it of a policy there. It stops only who names an initiative or assignment, and not all of
    an initiative: the others are stopped before a plan.
    """
    if not declaration.only or is_whole(case, declaration, point.assignment):
        return False
    policies = _policies(case, declaration, point)
    return any(obstacle in case.facts.obstacles_of(policy) for policy in policies)


def _places(case: Case, line: Mapping[str, JSON], declaration: Declared) -> tuple[str, ...] | None:
    """The scopes below which the declaration's folder may exempt; None where it may everywhere. Its file is what the plan
    says, if that has the declaration's name.
    """
    file = str((line["source"] or {}).get("file") or "").removeprefix(_EXEMPTIONS)
    if file.rpartition("/")[2].rpartition(".")[0] != declaration.name:
        return None
    longest = max(_places_of_folders(case, file), default=None)
    return longest[1] if longest else None


def _places_of_folders(case: Case, file: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """By the length of its name, what each folder that holds the file says."""
    for rule in _rules(case).get("folders") or ():
        folder = "" if rule["folder"] == "." else str(rule["folder"])
        if rule.get("below") and (not folder or file.startswith(f"{folder}/")):
            yield len(folder), tuple(str(place).lower().rstrip("/") for place in rule["below"])
