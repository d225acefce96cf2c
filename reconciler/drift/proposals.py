"""The file that would declare an exemption somebody made by hand: the other remedy beside deleting it.

It is offered only where the file means exactly what is exempt, one recommendation or one policy, and where the rules of
reconciler.yaml allow it. Then the next apply adopts the exemption in place. An end that is too late for the rules is
written as the latest they allow, and what only a person knows as TODO; `notes` says both.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from reconciler.arm.canonical import category, has_expired, instant
from reconciler.catalog.strictness import NeverExempt, never_exempt, recommendations_on
from reconciler.documents.characters import hidden_in_value
from reconciler.drift.coverage import covered_policies
from reconciler.drift.inputs import DriftInputs
from reconciler.importing.attributes import draft_of
from reconciler.importing.naming import slug
from reconciler.importing.text import declaration_text
from reconciler.model import ArmId, Category, Exemption, FolderRule, ScopeKind, Source, Subject, SubjectKind
from reconciler.planning.marks import made_by_user

_FOLDER: Final = "exemptions/imported"
_TODO: Final = "TODO"
_DAYS: Final = 90
"""How far away an end is proposed where the rules ask for one and name none."""
_WRITABLE: Final = frozenset({"expiresOn", "ticket", "displayName"})
"""The fields that rules.required may ask for and that this can fill; for the others a person writes the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedDeclaration:
    """The path and text of a new declaration; `notes` are what a person must know or write before it is merged."""

    path: str
    text: str
    notes: tuple[str, ...] = ()


class DeclarationProposals:
    """Proposes files for the exemptions of one tenant; remembers names, and what references mean."""

    def __init__(self, inputs: DriftInputs) -> None:
        self._inputs = inputs
        self._rules = inputs.settings.rules
        self._taken = {declaration.name.lower() for declaration in inputs.resolved.declarations}
        self._subjects: dict[tuple[str, tuple[str, ...]], Subject | None] = {}

    def of(self, exemption: Exemption) -> ProposedDeclaration | None:
        """A new declaration that means exactly this exemption, or None."""
        subject = None if self._is_special(exemption) or self.is_refused(exemption) else self._subject(exemption)
        if subject is None:
            return None
        name = self._name(exemption)
        expires_on, lifetime_note = self._expiry(exemption)
        draft = draft_of(exemption).declaration
        origin = f"Made by {draft.owner}" + (" in the portal" if made_by_user(exemption) else "")
        needs_ticket = "ticket" in self._rules.required and not draft.ticket
        path = f"{_FOLDER}/{name}.yaml"
        declaration = replace(
            draft,
            name=name,
            subject=subject,
            scopes=(exemption.scope,),
            expires_on=expires_on,
            display_name=draft.display_name or (exemption.name if "displayName" in self._rules.required else ""),
            ticket=_TODO if needs_ticket else draft.ticket,
            justification=draft.justification
            if exemption.description.strip()
            else f"{origin}; write here why it is acceptable.",
            source=Source(path),
        )
        titles = {value: item.title for value in subject.values for item in self._inputs.catalogue.find(value)}
        text = declaration_text(declaration, titles if subject.kind is SubjectKind.RECOMMENDATION else {})
        if not text.replace("\n", "").isprintable():
            return None
        notes = [lifetime_note, f"write its ticket for {_TODO}" if needs_ticket else ""]
        return ProposedDeclaration(path=path, text=text, notes=tuple(note for note in notes if note))

    def _is_special(self, exemption: Exemption) -> bool:
        """Whether a plain file would not say all of it, or would contradict another."""
        return (
            bool(exemption.selectors)
            or not _WRITABLE.issuperset(self._rules.required)
            or exemption.validation.lower() == "donotvalidate"
            or hidden_in_value(exemption.description + exemption.display_name) is not None
            or has_expired(exemption, self._inputs.now)
            or self._inputs.is_declared_around(exemption.scope, covered_policies(exemption, self._inputs))
        )

    def is_refused(self, exemption: Exemption) -> bool:
        """Whether the rules of reconciler.yaml refuse such a declaration whatever it says."""
        scope = exemption.scope
        kinds = self._folder_rule(lambda rule: rule.kinds)
        below = self._folder_rule(lambda rule: rule.below)
        whole = self._folder_rule(lambda rule: rule.whole_scopes)
        adopt = self._folder_rule(lambda rule: rule.adopt)
        return (
            any(policy.key in self._never for policy in covered_policies(exemption, self._inputs))
            or (kinds is not None and scope.kind not in (kinds.kinds or ()))
            or (below is not None and not any(place.contains(scope) for place in below.below or ()))
            or (whole is not None and not whole.whole_scopes and scope.kind is not ScopeKind.RESOURCE)
            or (adopt is not None and not adopt.adopt and not made_by_user(exemption))
        )

    def _folder_rule(self, sets: Callable[[FolderRule], object]) -> FolderRule | None:
        return self._rules.folder_rule(f"{_FOLDER}/x.yaml", sets)

    @functools.cached_property
    def _never(self) -> Mapping[str, tuple[NeverExempt, ...]]:
        return never_exempt(self._rules, self._inputs.catalogue)

    def _expiry(self, exemption: Exemption) -> tuple[datetime | None, str]:
        """The end to write, None for none, and what to say where the rules allow less than Azure has."""
        policies = covered_policies(exemption, self._inputs)
        severities = {
            recommendation.severity
            for policy in policies
            for recommendation in recommendations_on(policy, self._inputs.catalogue)
        }
        # Azure may learn of categories that cannot be declared.
        declarable = next((member for member in Category if member.value == category(exemption.category)), None)
        rule = self._rules.strictest_lifetime(declarable, severities) if declarable else None
        end = instant(exemption.expires_on)
        latest = (self._inputs.now + timedelta(days=rule.days)).date() if rule else None
        if latest is not None and (end is None or end.date() > latest):
            return _day_end(latest), f"it then ends on {latest}, the latest that rules.maxLifetimeDays allows"
        if end is None and "expiresOn" in self._rules.required:
            soon = (self._inputs.now + timedelta(days=_DAYS)).date()
            return (
                _day_end(soon),
                f"it then ends on {soon}, since rules.required asks for an end; write the right one",
            )
        return end, ""

    def _subject(self, exemption: Exemption) -> Subject | None:
        key = exemption.assignment.key, exemption.reference_ids
        if key not in self._subjects:
            self._subjects[key] = _subject(exemption, self._inputs)
        return self._subjects[key]

    def _name(self, exemption: Exemption) -> str:
        """A readable name; where it is taken, with a hash that does not depend on what else there is."""
        name = slug(exemption.display_name or exemption.name) or "imported"
        if name in self._taken:
            name = f"{name}-{hashlib.sha256(exemption.id.key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        self._taken.add(name)
        return name


def _day_end(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _subject(exemption: Exemption, inputs: DriftInputs) -> Subject | None:
    """What means exactly the exempted references of this assignment."""
    policies = covered_policies(exemption, inputs)
    listed = {reference.lower() for reference in exemption.reference_ids}
    if not policies or _references(policies, exemption, inputs) != listed:
        return None
    for recommendation in inputs.catalogue.resting_on(policies[0]):
        assigned = [policy for policy in recommendation.policies if _references((policy,), exemption, inputs)]
        if set(assigned or policies) == set(policies) and recommendation.exemptable:
            return Subject(kind=SubjectKind.RECOMMENDATION, value=recommendation.key)
    return Subject(kind=SubjectKind.POLICY, value=policies[0].text) if len(policies) == 1 else None


def _references(policies: tuple[ArmId, ...], exemption: Exemption, inputs: DriftInputs) -> set[str]:
    """Folded references under which the assigned initiative holds these policies; none for a single policy."""
    initiative = inputs.snapshot.initiatives.get(exemption.assignment.key)
    members = initiative.members if initiative else ()
    return {member.reference_id.lower() for member in members if member.definition in policies}
