"""What the catalogue says against a declaration: unknown names, unsupported recommendations, scopes nothing evaluates.

Only reviewed data in the repository and the bundled facts decide, so a verdict changes with a commit and never by
itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.catalog import (
    EXPLANATIONS,
    BuiltInInitiative,
    Catalogue,
    Obstacle,
    Recommendation,
    initiative_id,
    policy_id,
)
from reconciler.catalog.retirement import retirement_cause, retirement_remedy
from reconciler.catalog.subjects import named_recommendations
from reconciler.codes import RuleCode
from reconciler.declarations.scope_types import scope_type_problems
from reconciler.declarations.standard_checks import standard_problems
from reconciler.declarations.subjects import DeclaredSubject
from reconciler.documents.suggest import did_you_mean, nearest, nearest_few
from reconciler.model import Declaration, Rules, Severity, SubjectKind, first_few, guids_in
from reconciler.problems import Problem

_MAX_KEYS: Final = 8
_MAX_PROPOSED: Final = 3
_OBSTACLE_CODES: Final = {obstacle: RuleCode[f"OBSTACLE_{obstacle.name}"] for obstacle in Obstacle}


def catalogue_problems(
    resolved: DeclaredSubject, catalogue: Catalogue, rules: Rules, *, changed: bool
) -> Iterator[Problem]:
    """What the catalogue says against a declaration whose subject it knows, apart from the rules of the repository.

    `changed` against the base makes an error of what must not stop others who change something else.
    """
    declaration = resolved.declaration
    value = declaration.subject.value
    match declaration.subject.kind:
        case SubjectKind.RECOMMENDATION:
            for index, recommendation in enumerate(resolved.meaning.subject.recommendations):
                obstacles = recommendation.obstacles
                if obstacles:
                    yield from _obstacles(
                        declaration, recommendation.title, obstacles, rules.strict_unsupported, index=index
                    )
                yield from _retired(declaration, recommendation, catalogue, changed=changed, index=index)
        case SubjectKind.POLICY:
            policy = catalogue.policy(policy_id(value))
            if policy is None:
                yield from _unknown_policy(declaration, catalogue)
            else:
                yield from _obstacles(declaration, policy.title, policy.obstacles, rules.strict_unsupported)
        case SubjectKind.INITIATIVE:
            initiative = catalogue.initiative(initiative_id(value))
            if initiative is None:
                yield from _unknown_initiative(declaration, catalogue)
            else:
                yield from _unknown_references(declaration, initiative)
        case SubjectKind.CATEGORY:
            pass  # the schema knows them all
        case SubjectKind.ASSIGNMENT:
            yield from _policies_as_references(declaration, catalogue)
    yield from scope_type_problems(resolved)
    yield from standard_problems(resolved, catalogue)


def recommendation_problems(declaration: Declaration, catalogue: Catalogue) -> Iterator[Problem]:
    """Why texts of `recommendation` or `recommendations` are not the key or title of exactly one, and what was meant."""
    for index, candidates in enumerate(named_recommendations(declaration.subject, catalogue)):
        if len(candidates) != 1:
            yield _not_one_recommendation(declaration, index, catalogue)


def _not_one_recommendation(declaration: Declaration, index: int, catalogue: Catalogue) -> Problem:
    text, path = declaration.subject.values[index], declaration.subject_path(index)
    problem = functools.partial(Problem, source=declaration.subject_place(index), path=path)
    if candidates := catalogue.find(text):
        keys = first_few(
            [
                f"{candidate.key} ({candidate.environment or 'environment not known'}, {candidate.severity or 'no'} severity)"
                for candidate in candidates
            ],
            _MAX_KEYS,
        )
        return problem(
            code=RuleCode.AMBIGUOUS_RECOMMENDATION,
            message=f"{len(candidates)} recommendations have the title {text!r}",
            remedy=f"write the key of the one you mean: {keys}",
        )
    if documented := catalogue.without_key(text):
        return _without_key(declaration, documented, index)
    contained = next((key for key in guids_in(text) if key != text and catalogue.find(key)), None)
    if contained:
        return problem(
            code=RuleCode.UNKNOWN_RECOMMENDATION,
            message=f"{text!r} holds a recommendation's key, but more than that",
            remedy=f"write {contained}" if declaration.is_list else f"write recommendation: {contained}",
        )
    resting = catalogue.resting_on(policy_id(text))
    if resting or catalogue.policy(policy_id(text)) is not None:
        keys = f"; the recommendation on it is {resting[0].title!r} ({resting[0].key})" if resting else ""
        own_file = f"take it out, and declare the policy in a file of its own{keys}"
        return problem(
            code=RuleCode.UNKNOWN_RECOMMENDATION,
            message=f"{text!r} is the name of a policy, not of a recommendation",
            remedy=own_file if declaration.is_list else f"write policyDefinition: {text}{keys}",
        )
    alike = () if "/" in text else catalogue.nearest(text, 2 * _MAX_PROPOSED)
    near = [f"{candidate.title!r} ({candidate.key})" for candidate in alike if candidate.exemptable][:_MAX_PROPOSED]
    return problem(
        code=RuleCode.UNKNOWN_RECOMMENDATION,
        message=f"no recommendation has the key or the title {text!r}",
        remedy=did_you_mean(near, "`exempt catalog search WORDS` finds it; a new one needs `exempt catalog refresh`"),
    )


def _without_key(declaration: Declaration, documented: Recommendation, index: int) -> Problem:
    """The documentation has the title and perhaps the policy, which can be named as well; nothing public has the key."""
    path = declaration.subject_path(index)
    refresh = "run `exempt catalog refresh` to read it from your tenant"
    names = " or ".join(policy.name for policy in documented.policies)
    if names and path == declaration.subject.kind.value:
        remedy = f"write policyDefinition: {names} in place of recommendation, or {refresh}"
    else:
        remedy = f"{refresh}, or name the policy in policyDefinition" + (" of another file" if names else "")
    return Problem(
        source=declaration.subject_place(index),
        code=RuleCode.UNSUPPORTED_RECOMMENDATION,
        message=f"Defender documents {declaration.subject.values[index]!r}, but no public source names its key"
        + ("" if names else " or its policy"),
        remedy=remedy,
        path=path,
    )


def _unknown_policy(declaration: Declaration, catalogue: Catalogue) -> Iterator[Problem]:
    value = declaration.subject.value
    if recommendations := catalogue.find(value):
        yield Problem(
            source=declaration.place("policyDefinition"),
            code=RuleCode.UNKNOWN_POLICY,
            message=f"{value!r} is a recommendation, {recommendations[0].title!r}, not a policy",
            remedy=f"write recommendation: {value}",
            path="policyDefinition",
        )
    elif "/" not in value:
        titled = [policy for policy in catalogue.policies.values() if policy.title.casefold() == value.casefold()]
        near = None if titled else nearest(value, (policy.id.name for policy in catalogue.policies.values()))
        yield Problem(
            source=declaration.place("policyDefinition"),
            code=RuleCode.UNKNOWN_POLICY,
            message=f"{value!r} is a policy's title, not its name"
            if titled
            else f"no known built-in policy has the name {value!r}",
            remedy=f"write {titled[0].id.name}" if titled else _unknown_name_remedy(near),
            path="policyDefinition",
            severity_override=None if titled or " " in value else Severity.WARNING,
        )


def _unknown_initiative(declaration: Declaration, catalogue: Catalogue) -> Iterator[Problem]:
    value = declaration.subject.value
    if "/" in value:
        return
    names = {initiative.title: initiative.id.name for initiative in catalogue.initiatives.values()}
    title = nearest(value, names) if " " in value else None
    near = names[title] if title else nearest(value, names.values())
    yield Problem(
        source=declaration.place("policySetDefinition"),
        code=RuleCode.UNKNOWN_INITIATIVE,
        message=f"no known built-in initiative has the name {value!r}",
        remedy=did_you_mean([f"{near} ({title!r})"]) if title else _unknown_name_remedy(near),
        path="policySetDefinition",
        severity_override=None if " " in value else Severity.WARNING,
    )


def _unknown_name_remedy(near: str | None) -> str:
    meant = did_you_mean([near]) + " " if near else ""
    return f"{meant}a custom one is named by its full ARM id; a newer built-in than this catalogue knows is fine"


def _unknown_references(declaration: Declaration, initiative: BuiltInInitiative) -> Iterator[Problem]:
    reference_ids = {member.reference_id.lower(): member.reference_id for member in initiative.members}
    for index, reference in enumerate(declaration.subject.reference_ids):
        if reference.lower() in reference_ids:
            continue
        of_policy = [repr(text) for text in initiative.reference_ids(policy_id(reference))]
        if of_policy:
            message = f"{reference!r} is a policy of {initiative.title!r}, which knows it by a reference id"
            remedy = f"write {' and '.join(of_policy)}"
        else:
            near = [repr(text) for text in nearest_few(reference, reference_ids.values(), 1)]
            message = f"{initiative.title!r} has no policy with the reference id {reference!r}, as far as version {initiative.version} is known"
            remedy = did_you_mean(near, "check the id; another version of the initiative may have it")
        yield Problem(
            source=declaration.place(f"referenceIds.{index}"),
            code=RuleCode.UNKNOWN_REFERENCE,
            message=message,
            remedy=remedy,
            path=f"referenceIds[{index}]",
        )


def _policies_as_references(declaration: Declaration, catalogue: Catalogue) -> Iterator[Problem]:
    """Names of built-in policies where an assignment's reference ids should be; what it assigns is not known here."""
    for index, reference in enumerate(declaration.subject.reference_ids):
        policy = catalogue.policy(policy_id(reference))
        if policy is not None:
            names = {
                text
                for initiative in catalogue.initiatives_with(policy.id)
                for text in initiative.reference_ids(policy.id)
                if text.lower() != reference.lower()
            }
            others = " or ".join(repr(text) for text in sorted(names)[:_MAX_PROPOSED])
            yield Problem(
                source=declaration.place(f"referenceIds.{index}"),
                code=RuleCode.UNKNOWN_REFERENCE,
                message=f"{reference!r} is the policy {policy.title!r}; a reference id is its name inside the initiative",
                remedy="look it up in the initiative that is assigned"
                + (f"; others call it {others}" if others else ""),
                path=f"referenceIds[{index}]",
                severity_override=Severity.INFO,
            )


def _obstacles(
    declaration: Declaration, title: str, obstacles: Iterable[Obstacle], strict_unsupported: bool, *, index: int = 0
) -> Iterator[Problem]:
    path = declaration.subject_path(index)
    delete = "delete it" if path != declaration.subject.kind.value else "delete this declaration"
    for obstacle in obstacles:
        if obstacle is Obstacle.RETIRED:
            continue  # _retired says what serves instead
        strict = strict_unsupported and obstacle is Obstacle.UNSUPPORTED
        if obstacle.blocks:
            message, remedy = f"{title!r} cannot be exempted: {EXPLANATIONS[obstacle]}", delete
        else:
            message = f"an exemption of {title!r} may do nothing: {EXPLANATIONS[obstacle]}"
            remedy = (
                "delete it: rules.strictUnsupported in reconciler.yaml refuses such recommendations"
                if strict
                else "look at the recommendation a day after it was applied"
            )
        yield Problem(
            source=declaration.subject_place(index),
            code=_OBSTACLE_CODES[obstacle],
            message=message,
            remedy=remedy,
            path=path,
            severity_override=Severity.ERROR if strict else None,
        )


def _retired(
    declaration: Declaration, recommendation: Recommendation, catalogue: Catalogue, *, changed: bool, index: int
) -> Iterator[Problem]:
    """A recommendation that Defender no longer shows: nobody should begin with it, and who has it should move on."""
    if recommendation.retirement and recommendation.exemptable:
        yield Problem(
            source=declaration.subject_place(index),
            code=RuleCode.OBSTACLE_RETIRED,
            message=f"an exemption of {recommendation.title!r} does nothing in Defender for Cloud: {retirement_cause(recommendation.retirement)}",
            remedy=retirement_remedy(recommendation, catalogue, is_listed=declaration.is_list),
            path=declaration.subject_path(index),
            severity_override=None if changed else Severity.WARNING,
        )
