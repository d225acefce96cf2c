"""What rows of other tools exempt: an assignment, an initiative, a policy, or the recommendation behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.catalog.facts import (
    INITIATIVE_PREFIX,
    POLICY_PREFIX,
    BuiltInInitiative,
    Obstacle,
    initiative_id,
    policy_id,
)
from reconciler.importing.row_rules import NEEDS_AZURE, RowRules
from reconciler.importing.rows import ForeignRow, RowError, text_of, texts_of
from reconciler.model import JSON, ArmId, Initiative, Member, Subject, SubjectKind, is_guid, parse_object


def subject_of(row: ForeignRow, rules: RowRules, notes: list[str]) -> Subject:
    """What a row exempts; adds to the notes what was changed.

    Raises:
        RowError: it cannot be said, or only Azure knows.
    """
    if row.assignment:
        return _assignment_subject(row, rules, notes)
    if row.initiative:
        identifier = _definition(row.initiative, INITIATIVE_PREFIX, rules, notes)
        initiative: Initiative | BuiltInInitiative | None = rules.catalogue.initiative(identifier)
        if rules.snapshot:  # as it is assigned, before what the catalogue says
            keys = (item.id.key for item in rules.snapshot.assignments.values() if item.definition == identifier)
            assigned = (rules.snapshot.initiatives.get(key) for key in keys)
            initiative = next(filter(None, assigned), initiative)
        members = initiative.members if initiative else None
        references = _references(row, members, rules, notes)
        return Subject(
            kind=SubjectKind.INITIATIVE, value=_shortest(identifier, INITIATIVE_PREFIX), reference_ids=references
        )
    if row.references:
        raise RowError("reference ids stand beside a policy, which has none", "leave them out, or name the assignment")
    identifier = _definition(row.policy, POLICY_PREFIX, rules, notes)
    if rules.as_recommendation and (named_by := _recommendations({identifier.key}, rules)):
        return named_by
    return Subject(kind=SubjectKind.POLICY, value=_shortest(identifier, POLICY_PREFIX))


def _assignment_subject(row: ForeignRow, rules: RowRules, notes: list[str]) -> Subject:
    identifier = _assignment_id(row, notes)
    if rules.snapshot and identifier.key in rules.snapshot.gone:
        notes.append("Azure has no such assignment any more")
    initiative = rules.snapshot.initiatives.get(identifier.key) if rules.snapshot else None
    assignment = rules.snapshot.assignments.get(identifier.key) if rules.snapshot else None
    members = initiative.members if initiative else None
    if assignment is not None and not assignment.is_initiative:
        if row.references:
            notes.append("a single policy is assigned, so its reference ids were left out")
        policies = {assignment.definition.key}
        references: tuple[str, ...] = ()
    else:
        references = _references(row, members, rules, notes)
        folded = {reference.lower() for reference in references}
        policies = {member.definition.key for member in members or () if member.reference_id.lower() in folded}
        if not references:
            notes.append("it names no reference ids: everything in the assignment is meant")
    if rules.as_recommendation and assignment is None:
        raise RowError("what its assignment holds is not known", NEEDS_AZURE, needs_azure=rules.snapshot is None)
    if rules.as_recommendation and (named_by := _recommendations(policies, rules)):
        notes.append("said by its recommendation, it fans out: 'exempt plan' shows what that adds")
        return named_by
    if rules.as_recommendation:
        notes.append("no recommendation is behind exactly its policies, so it is said by its assignment")
    return Subject(kind=SubjectKind.ASSIGNMENT, value=identifier.text, reference_ids=references)


def _assignment_id(row: ForeignRow, notes: list[str]) -> ArmId:
    text = row.assignment if row.assignment.startswith("/") else f"/{row.assignment}"
    if text != row.assignment:
        notes.append("a slash was put before its assignment's id")
    try:
        identifier = parse_object(text)
    except ValueError as error:
        raise RowError(f"its assignment {row.assignment!r} is {error}", "write the whole id") from None
    if "/policyassignments/" not in identifier.key:
        raise RowError(f"{row.assignment!r} is no policy assignment", "write the id of one")
    return identifier


def _recommendations(policies: set[str], rules: RowRules) -> Subject | None:
    """The recommendations behind all of these policies, which mean no others."""
    if not policies:
        return None
    keys: dict[str, None] = {}
    for policy in sorted(policies):
        fitting = [
            recommendation
            for recommendation in rules.catalogue.resting_on(ArmId(policy, policy))
            if recommendation.exemptable
            and Obstacle.RETIRED not in recommendation.obstacles
            and {item.key for item in recommendation.policies} <= policies
        ]
        if not fitting:
            return None
        keys[fitting[0].key] = None
    first, *further = sorted(keys)
    return Subject(kind=SubjectKind.RECOMMENDATION, value=first, further=tuple(further))


def _definition(text: str, prefix: str, rules: RowRules, notes: list[str]) -> ArmId:
    """The full id of a definition that is given in full, without its first slash, by name, or as the path of its file."""
    kind = prefix.strip("/").rsplit("/", 1)[-1]
    lowered = text.lower()
    if not text.startswith("/") and lowered.startswith(("providers/", "subscriptions/")):
        notes.append(f"a slash was put before {text!r}")
        text, lowered = f"/{text}", f"/{lowered}"
    if text.startswith("/") and f"/{kind.lower()}/" in lowered and "/providers/" in lowered:
        try:
            return parse_object(text)
        except ValueError as error:
            raise RowError(f"{text!r} is {error}", "correct it in the file") from None
    name = re.sub(r"\.jsonc?$", "", re.split(r"[/\\]", text)[-1], flags=re.IGNORECASE)
    built_in = (
        rules.catalogue.initiative(initiative_id(name))
        if kind == "policySetDefinitions"
        else rules.catalogue.policy(policy_id(name))
    )
    if built_in is not None:
        return built_in.id
    if rules.snapshot is None:
        raise RowError(f"{text!r} is no built-in, so only Azure knows its id", NEEDS_AZURE, needs_azure=True)
    candidates: dict[str, ArmId] = {}
    for assignment in rules.snapshot.assignments.values():
        definitions = [assignment.definition] if f"/{kind.lower()}/" in assignment.definition.key else []
        initiative = rules.snapshot.initiatives.get(assignment.id.key)
        if initiative is not None and kind == "policyDefinitions":
            definitions += [member.definition for member in initiative.members]
        candidates |= {item.key: item for item in definitions if item.name.lower() == name.lower()}
    if len(candidates) != 1:
        how_many = "several definitions are" if candidates else "no assigned definition is"
        raise RowError(f"{how_many} called {name!r}", "write the whole id in the file")
    (identifier,) = candidates.values()
    notes.append(f"{text!r} was taken as {identifier}")
    return identifier


def _shortest(identifier: ArmId, prefix: str) -> str:
    """A built-in by its name, everything else in full."""
    name = identifier.text[len(prefix) :]
    return name if identifier.key.startswith(prefix.lower()) and "/" not in name else identifier.text


def _references(
    row: ForeignRow, members: Sequence[Member] | None, rules: RowRules, notes: list[str]
) -> tuple[str, ...]:
    """Its reference ids as the initiative writes them; policies in their place are looked up, dead ones dropped."""
    texts = {member.reference_id.lower(): member.reference_id for member in members or ()}
    references: dict[str, str] = {}
    dead: list[str] = []
    for reference in row.references:
        if reference.lower() in texts:
            references[reference.lower()] = texts[reference.lower()]
            continue
        name = reference.rstrip("/").rsplit("/", 1)[-1]
        is_policy = "/" in reference or is_guid(reference)
        if members is None:
            if is_policy:
                message = f"{reference!r} is a policy in the place of a reference id"
                raise RowError(message, NEEDS_AZURE, needs_azure=rules.snapshot is None)
            references[reference.lower()] = reference
            continue
        behind = [member.reference_id for member in members if member.definition.name.lower() == name.lower()]
        if behind:
            notes.append(f"the policy {reference!r} was taken as the reference ids {', '.join(behind)}")
        else:
            dead.append(reference)
        references.update({added.lower(): added for added in behind})
    if dead:
        notes.append(f"reference ids that its initiative does not have were dropped: {', '.join(dead)}")
    if row.references and not references:
        raise RowError(f"its initiative has none of its reference ids: {', '.join(row.references)}", "delete the row")
    return tuple(references.values())


def restored(subject: Subject, own: Mapping[str, JSON], rules: RowRules, notes: list[str]) -> Subject:
    """The subject as it was declared before an export, if it still means what the row says."""
    if references := texts_of(own.get("referenceIds")):
        subject = replace(subject, reference_ids=references)
    text = text_of(own.get("subject"))
    full_id = policy_id if subject.kind is SubjectKind.POLICY else initiative_id
    if text and full_id(text) == full_id(subject.value):
        return replace(subject, value=text)
    if subject.kind is not SubjectKind.POLICY or not (named_by := texts_of(own.get("recommendations"))):
        return subject
    policies = {policy for name in named_by for item in rules.catalogue.find(name) for policy in item.policies}
    if policy_id(subject.value) not in policies:
        notes.append("its note names recommendations that do not rest on its policy, and was left out")
        return subject
    return Subject(kind=SubjectKind.RECOMMENDATION, value=named_by[0], further=named_by[1:])
