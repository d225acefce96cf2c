"""The file that would declare an exemption somebody made by hand: the other remedy beside deleting it.

It is offered only where the file means exactly what is exempt: one recommendation, or one policy. Then the next apply
adopts the exemption in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container

from reconciler.drift.exempted import definitions
from reconciler.drift.facts import Facts
from reconciler.model import ArmId, Exemption
from reconciler.planning.canonical import category, has_expired
from reconciler.planning.marks import made_by_a_user

_FOLDER = "exemptions/imported"
_LONGEST = 60


def proposal(exemption: Exemption, facts: Facts, taken: Container[str]) -> tuple[str, str] | None:
    """The path and text of a new declaration, or None. `taken` are names in use, in lower case."""
    if exemption.selectors or exemption.validation.lower() == "donotvalidate" or has_expired(exemption, facts.now):
        return None
    if facts.is_declared_around(exemption.scope, definitions(exemption, facts)):
        return None  # the new file would contradict the old one
    subject = _subject(exemption, facts)
    name = _name(exemption, taken)
    text = _text(name, subject, exemption) if subject and name else ""
    return (f"{_FOLDER}/{name}.yaml", text) if text and text.replace("\n", "").isprintable() else None


def _subject(exemption: Exemption, facts: Facts) -> str:
    """The line that means exactly the exempted references of this assignment."""
    behind = definitions(exemption, facts)
    if not behind or _references(behind, exemption, facts) != {each.lower() for each in exemption.reference_ids}:
        return ""
    for found in facts.catalogue.resting_on(behind[0]):
        here = [policy for policy in found.policies if _references((policy,), exemption, facts)] or list(behind)
        if set(here) == set(behind) and found.exemptable:
            return f"recommendation: {found.key} # {found.title}"
    return f"policyDefinition: {behind[0].text}" if len(behind) == 1 else ""


def _references(policies: tuple[ArmId, ...], exemption: Exemption, facts: Facts) -> set[str]:
    """Folded references under which the assigned initiative holds these policies; none for a single policy."""
    initiative = facts.snapshot.initiatives.get(exemption.assignment.key)
    members = initiative.members if initiative else ()
    return {member.reference_id.lower() for member in members if member.definition in policies}


def _name(exemption: Exemption, taken: Container[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", (exemption.display_name or exemption.name).lower())[:_LONGEST].strip("-")
    stem = stem or "imported"
    return next((name for name in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if name not in taken), "")


def _text(name: str, subject: str, exemption: Exemption) -> str:
    system = exemption.system
    by = system.created_by if system and system.created_by else "unknown"
    why = exemption.description.strip() or f"Made by {by} in the portal; write here why it is acceptable."
    lines = [
        f"name: {name}",
        subject,
        "scopes:",
        f"  - {_quoted(exemption.scope.text)}",
        f"category: {category(exemption.category)}",
        f"expiresOn: {exemption.expires_on.removesuffix('T23:59:59Z')}" if exemption.expires_on else "",
        f"justification: {_quoted(' '.join(why.split()))}",
        f"owner: {_quoted(by)}",
        "" if made_by_a_user(exemption) else "adopt: true",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
