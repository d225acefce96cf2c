"""Rules of reconciler.yaml that depend on the policies behind a cell, judged for however a declaration addresses them.

`validate` judges what the declaration and the catalogue show. What `policyAssignment` and `policySetDefinition` reach is
known only from the initiative that is assigned, so it is judged here. Bundled facts and catalog.yaml both count, the
stricter of the two; a severity that nobody knows counts as the strictest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import EXPLANATIONS, Obstacle
from reconciler.catalog.strictness import NeverExempt, severities
from reconciler.kinds import HeldCause
from reconciler.model import ArmId, Assignment, Declaration, Diagnostic, Initiative, Rules, SubjectKind
from reconciler.planning import hold_messages
from reconciler.planning.desired.subjects import SubjectMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRules:
    """The rules of one run. `never` maps each folded policy that nobody may exempt to the entries that name it."""

    rules: Rules
    never: Mapping[str, tuple[NeverExempt, ...]]
    catalogue: Catalogue
    now: datetime

    def broken(
        self, declaration: Declaration, match: SubjectMatch, assignment: Assignment, initiative: Initiative | None
    ) -> tuple[HeldCause, Diagnostic] | None:
        """The first rule that these cells break, and what to say; None where all hold."""
        is_address = declaration.subject.kind in {SubjectKind.INITIATIVE, SubjectKind.ASSIGNMENT}
        if not is_address and not self.never:
            return None
        members = initiative.members if initiative is not None and match.whole else ()
        policies = sorted({*match.policies, *(member.definition.key for member in members)} - {"*"})
        for policy in policies:
            if entries := self.never.get(policy):
                return HeldCause.NEVER_EXEMPT, hold_messages.never_exempt(assignment, entries[0].title)
        if not is_address:
            return None
        rated = severities(policies, self.catalogue) if self.rules.lifetimes else ()
        rule = self.rules.strictest_lifetime(declaration.category, rated)
        if rule is not None:
            latest = (self.now + timedelta(days=rule.days)).date()
            if declaration.expires_on is None or declaration.expires_on.date() > latest:
                return HeldCause.LIFETIME, hold_messages.lifetime(declaration, rule.days, rule.severity, latest)
        return next(filter(None, (self._obstacle(policy, assignment, match) for policy in policies)), None)

    def _obstacle(
        self, policy: str, assignment: Assignment, match: SubjectMatch
    ) -> tuple[HeldCause, Diagnostic] | None:
        """Why exempting this policy is refused, or would be by Azure; a whole assignment may hold some such."""
        if match.whole and assignment.is_initiative:
            return None
        described = [source.policy(ArmId(policy, policy)) for source in (self.catalogue, self.catalogue.bundled)]
        for facts in filter(None, described):
            for obstacle in facts.obstacles:
                if obstacle is Obstacle.MODE:
                    message = hold_messages.not_exemptable(assignment, facts.title, EXPLANATIONS[obstacle])
                    return HeldCause.NOT_EXEMPTABLE, message
                if obstacle is Obstacle.UNSUPPORTED and self.rules.strict_unsupported:
                    message = hold_messages.strict_unsupported(assignment, facts.title, EXPLANATIONS[obstacle])
                    return HeldCause.UNSUPPORTED, message
        return None
