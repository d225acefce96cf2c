"""The file that would declare an exemption somebody made by hand: the other remedy beside deleting it.

It is offered only where the file means exactly what is exempt: one recommendation, or one policy. Then the next apply
adopts the exemption in place.
"""

from __future__ import annotations

import hashlib
import re

from reconciler.arm.canonical import category, has_expired
from reconciler.documents.scalar_text import quoted
from reconciler.drift.coverage import covered_policies
from reconciler.drift.inputs import DriftInputs
from reconciler.model import ArmId, Exemption
from reconciler.planning.marks import made_by_user

_FOLDER = "exemptions/imported"
_LONGEST = 60


class DeclarationProposals:
    """Proposes files for the exemptions of one tenant; remembers names, and what references mean."""

    def __init__(self, inputs: DriftInputs) -> None:
        self._inputs = inputs
        self._taken = {declaration.name.lower() for declaration in inputs.resolved.declarations}
        self._subjects: dict[tuple[str, tuple[str, ...]], str] = {}

    def of(self, exemption: Exemption) -> tuple[str, str] | None:
        """The path and text of a new declaration, or None."""
        subject = "" if self._is_special(exemption) else self._subject(exemption)
        if not subject:
            return None
        name = self._name(exemption)
        text = _text(name, subject, exemption)
        return (f"{_FOLDER}/{name}.yaml", text) if text.replace("\n", "").isprintable() else None

    def _is_special(self, exemption: Exemption) -> bool:
        """Whether a plain file would not say all of it, or would contradict another."""
        return (
            bool(exemption.selectors)
            or exemption.validation.lower() == "donotvalidate"
            or has_expired(exemption, self._inputs.now)
            or self._inputs.is_declared_around(exemption.scope, covered_policies(exemption, self._inputs))
        )

    def _subject(self, exemption: Exemption) -> str:
        key = exemption.assignment.key, exemption.reference_ids
        if key not in self._subjects:
            self._subjects[key] = _subject(exemption, self._inputs)
        return self._subjects[key]

    def _name(self, exemption: Exemption) -> str:
        """A readable name; where it is taken, with a hash that does not depend on what else there is."""
        stem = re.sub(r"[^a-z0-9]+", "-", (exemption.display_name or exemption.name).lower())[:_LONGEST].strip("-")
        found = stem or "imported"
        if found in self._taken:
            found = f"{found}-{hashlib.sha256(exemption.id.key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        self._taken.add(found)
        return found


def _subject(exemption: Exemption, inputs: DriftInputs) -> str:
    """The line that means exactly the exempted references of this assignment."""
    behind = covered_policies(exemption, inputs)
    if not behind or _references(behind, exemption, inputs) != {each.lower() for each in exemption.reference_ids}:
        return ""
    for found in inputs.catalogue.resting_on(behind[0]):
        here = [policy for policy in found.policies if _references((policy,), exemption, inputs)] or list(behind)
        if set(here) == set(behind) and found.exemptable:
            return f"recommendation: {found.key} # {found.title}"
    return f"policyDefinition: {behind[0].text}" if len(behind) == 1 else ""


def _references(policies: tuple[ArmId, ...], exemption: Exemption, inputs: DriftInputs) -> set[str]:
    """Folded references under which the assigned initiative holds these policies; none for a single policy."""
    initiative = inputs.snapshot.initiatives.get(exemption.assignment.key)
    members = initiative.members if initiative else ()
    return {member.reference_id.lower() for member in members if member.definition in policies}


def _text(name: str, subject: str, exemption: Exemption) -> str:
    system = exemption.system
    by = system.created_by if system and system.created_by else "unknown"
    made = f"Made by {by}" + (" in the portal" if made_by_user(exemption) else "")
    why = exemption.description.strip() or f"{made}; write here why it is acceptable."
    lines = [
        f"name: {name}",
        subject,
        "scopes:",
        f"  - {quoted(exemption.scope.text)}",
        f"category: {category(exemption.category)}",
        f"expiresOn: {exemption.expires_on.removesuffix('T23:59:59Z')}" if exemption.expires_on else "",
        f"justification: {quoted(' '.join(why.split()))}",
        f"owner: {quoted(by)}",
        "" if made_by_user(exemption) else "adopt: true",
    ]
    return "".join(f"{line}\n" for line in lines if line)
