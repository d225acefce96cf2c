"""The rules between files: unique names, one owner of a policy on a scope, the catalogue's word, reconciler.yaml's rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from reconciler.catalog import Catalogue, policy_id
from reconciler.catalog.strictness import never_exempt
from reconciler.catalog.weakening import weakened_facts
from reconciler.codes import RuleCode
from reconciler.declarations.catalogue_checks import catalogue_problems, recommendation_problems
from reconciler.declarations.conflicts import conflicts
from reconciler.declarations.lint import lint_placeholders, lint_scopes
from reconciler.declarations.load import SETTINGS_FILE, Loaded
from reconciler.declarations.rules import AppliedRules, broken_lifetimes, broken_rules, forbidden
from reconciler.declarations.subjects import DeclaredSubject, Meaning, meaning
from reconciler.documents.suggest import did_you_mean
from reconciler.model import Declaration, Rules, Severity, Source, Subject
from reconciler.problems import Problem

_NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"


def check(loaded: Loaded, catalogue: Catalogue, now: datetime, changed: frozenset[str] | None) -> tuple[Problem, ...]:
    """Everything that is wrong between files, sorted. `changed` names the declarations that are judged by the clock as
    well; None judges all of them so. An expired or disabled declaration wants nothing, so little can be wrong with it.
    """
    problems = [*_unique_names(loaded.declarations)]
    settings = loaded.settings
    rules = settings.rules if settings else Rules()
    never = never_exempt(rules, catalogue)
    applied = AppliedRules(rules, now)
    meanings: dict[Subject, Meaning | None] = {}
    subjects: list[DeclaredSubject] = []
    for declaration in loaded.declarations:
        is_changed = changed is None or declaration.name in changed
        if not wants(declaration, now):
            expires = declaration.expires_on
            if declaration.enabled and expires is not None:  # unwanted, not invalid; who just wrote it should know
                otherwise = "write a later expiresOn if it is still needed, or delete the file"
                problems.append(
                    Problem(
                        source=declaration.place("expiresOn"),
                        code=RuleCode.EXPIRED,
                        message=f"it expired on {expires:%Y-%m-%d}, so it exempts nothing",
                        remedy="write a later date if it is still needed" if is_changed else otherwise,
                        path="expiresOn",
                    )
                )
            continue
        subject = declaration.subject
        if subject not in meanings:
            meanings[subject] = meaning(subject, catalogue)
        if (meant := meanings[subject]) is None:
            problems += recommendation_problems(declaration, catalogue)
        else:
            resolved = DeclaredSubject(declaration=declaration, meaning=meant)
            subjects.append(resolved)
            problems += catalogue_problems(resolved, catalogue, rules, changed=is_changed)
            problems += forbidden(resolved, never)
            problems += lint_scopes(declaration)
            problems += lint_placeholders(declaration)
            problems += broken_lifetimes(resolved, applied, changed=is_changed)
        if settings is not None:
            problems += broken_rules(declaration, settings, applied)
    problems += conflicts(subjects, catalogue, changed)
    problems += _settings_problems(loaded, catalogue)
    problems += weakened_facts(catalogue)
    return tuple(sorted(set(problems)))


def wants(declaration: Declaration, now: datetime) -> bool:
    """Whether a declaration wants anything in Azure now."""
    return declaration.enabled and not declaration.has_expired(now)


def _unique_names(declarations: Iterable[Declaration]) -> Iterator[Problem]:
    """A name belongs to one file, whatever its folder and letter case: the mark on an exemption holds the name alone."""
    first: dict[str, Declaration] = {}
    for declaration in declarations:
        earlier = first.setdefault(declaration.name.casefold(), declaration)
        if earlier is not declaration:
            yield Problem(
                source=declaration.place("name"),
                code=RuleCode.DUPLICATE_NAME,
                message=f"name {declaration.name!r} is taken by {earlier.source.file}"
                + ("" if earlier.name == declaration.name else f" ({earlier.name!r}; letter case makes no difference)"),
                remedy="give one of the two another name, in the file and as the file's name",
                path="name",
            )


def _settings_problems(loaded: Loaded, catalogue: Catalogue) -> Iterator[Problem]:
    """Names in the rules that name nothing: such a rule would protect nothing, unnoticed."""
    rules = loaded.settings.rules if loaded.settings else Rules()
    if loaded.settings is not None and loaded.settings.tenant_id == _NO_TENANT:
        yield Problem(
            source=loaded.settings_places.get("tenantId", Source(SETTINGS_FILE)),
            code=RuleCode.NO_TENANT,
            message="this is the placeholder that `exempt init` writes, not a tenant",
            remedy="write the GUID that `az account show --query tenantId --output tsv` prints",
            path="tenantId",
        )
    for index, text in enumerate(rules.never_recommendations):
        if not catalogue.find(text):
            near = [f"{recommendation.title!r} ({recommendation.key})" for recommendation in catalogue.nearest(text, 2)]
            path = f"rules.neverExempt.recommendations[{index}]"
            yield Problem(
                source=loaded.settings_places.get(path, Source(SETTINGS_FILE)),
                code=RuleCode.RULE_UNKNOWN,
                message=f"no recommendation has the key or the title {text!r}, so this protects nothing",
                remedy=did_you_mean(near, "write a key or an exact title"),
                path=path,
            )
    for index, text in enumerate(rules.never_policies):
        if "/" not in text and catalogue.policy(policy_id(text)) is None:
            path = f"rules.neverExempt.policies[{index}]"
            yield Problem(
                source=loaded.settings_places.get(path, Source(SETTINGS_FILE)),
                code=RuleCode.RULE_UNKNOWN,
                message=f"no known built-in policy has the name {text!r}, so this may protect nothing",
                remedy="write the name (usually a GUID) of a built-in, or the full ARM id of a custom policy",
                path=path,
                severity_override=Severity.WARNING,
            )
