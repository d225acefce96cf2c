"""Finds what a person points at: a key, a title, a policy, an initiative, an ARM id, or the portal's address bar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import BuiltInInitiative, Policy, Recommendation, initiative_id, policy_id
from reconciler.catalog.titles import fold_title
from reconciler.model import arm_id

_NAMED: Final = r"[^/?#&\s\"'{}]+"
_DEFINITION: Final = re.compile(
    rf"((?:/(?:subscriptions/{_NAMED}|providers/Microsoft\.Management/managementGroups/{_NAMED}))?"
    rf"/providers/Microsoft\.Authorization/policy(?:Set)?Definitions/{_NAMED})",
    re.IGNORECASE,
)
_ASSESSMENT: Final = re.compile(
    rf"(?:assessmentKey[/=]|recommendationId[/=]|Microsoft\.Security/assessments?(?:Metadata)?/)({_NAMED})",
    re.IGNORECASE,
)
_GUID_LIKE: Final = re.compile(r"[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Everything that a text points at; a policy behind one of the recommendations is not listed by itself."""

    recommendations: tuple[Recommendation, ...] = ()
    policies: tuple[Policy, ...] = ()
    initiatives: tuple[BuiltInInitiative, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the text points at nothing known."""
        return not (self.recommendations or self.policies or self.initiatives)


def look_up(catalogue: Catalogue, text: str) -> Lookup:
    """What a text points at: first what an address holds, else a key, name or exact title."""
    for candidate in candidates(text):
        for looked_up in (_named(catalogue, candidate), _titled(catalogue, candidate)):
            behind = {policy for recommendation in looked_up.recommendations for policy in recommendation.policies}
            if not looked_up.is_empty:
                policies = (policy for policy in looked_up.policies if policy.id not in behind)
                return replace(looked_up, policies=tuple(policies))
    return Lookup()


def _named(catalogue: Catalogue, name: str) -> Lookup:
    """What has this key or name. It reads hardly anything; all titles take a while."""
    recommendation = catalogue.recommendation(name.lower())
    policy = catalogue.policy(arm_id(policy_id(name).text))
    initiative = catalogue.initiative(arm_id(initiative_id(name).text))
    return Lookup(
        recommendations=(recommendation,) if recommendation else (),
        policies=(policy,) if policy else (),
        initiatives=(initiative,) if initiative else (),
    )


def _titled(catalogue: Catalogue, title: str) -> Lookup:
    keyless, folded = catalogue.without_key(title), fold_title(title)
    return Lookup(
        recommendations=catalogue.find(title) or ((keyless,) if keyless else ()),
        policies=tuple(policy for policy in catalogue.policies.values() if fold_title(policy.title) == folded),
        initiatives=catalogue.initiatives_titled(title),
    )


def candidates(text: str) -> Iterator[str]:
    """What an address may be about, the likeliest first; the text itself where it is no address."""
    text = text.strip()
    if "/" not in text:
        yield text
        return
    plain = unquote(unquote(text))
    yield from _ASSESSMENT.findall(plain)
    yield from _DEFINITION.findall(plain)
    yield text
    yield from _GUID_LIKE.findall(plain)
