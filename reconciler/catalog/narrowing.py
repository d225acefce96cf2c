"""Which hits of a search concern a resource: by its type, and whether an exemption of them is possible at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.facts import Environment, Hit, Policy, Recommendation
from reconciler.model import ArmId, ScopeKind

_CONNECTOR: Final = "microsoft.security/securityconnectors"
_OTHER_CLOUDS: Final = frozenset({Environment.AWS, Environment.GCP})
_ALL: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What hits must be: `type` is a folded resource type, empty for any; `exemptable` leaves out what nobody can exempt."""

    type: str = ""
    exemptable: bool = False

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.type) or self.exemptable


def type_of(scope: ArmId) -> str:
    """The folded type of the resource with this id; empty for what contains resources, where anything may be evaluated."""
    if scope.kind is not ScopeKind.RESOURCE:
        return ""
    namespace, *names = scope.key.rsplit("/providers/", 1)[1].split("/")
    return "/".join((namespace, *names[::2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """The best hits, and how many more recommendations may be meant: of those nobody knows which types they evaluate."""

    hits: tuple[Hit, ...]
    untyped: int = 0


def narrowed(catalogue: Catalogue, text: str, narrowing: Narrowing, limit: int) -> Narrowed:
    """The hits of a search that are so, best first; without a text every recommendation that is so, by title."""
    if text:
        hits: Iterable[Hit] = catalogue.search(text, _ALL if narrowing else limit)
    else:
        by_title = sorted(catalogue.recommendations.values(), key=lambda item: (item.title, item.key))
        hits = (Hit(1.0, recommendation) for recommendation in by_title)
    remaining = [hit for hit in hits if not narrowing.exemptable or isinstance(hit.item, str) or hit.item.exemptable]
    if not narrowing:
        return Narrowed(hits=tuple(remaining[:limit]))
    about = [hit for hit in remaining if not isinstance(hit.item, str)]  # an initiative looks at everything
    if not narrowing.type:
        return Narrowed(hits=tuple(about[:limit]))
    types = [(hit, _types(hit.item, catalogue)) for hit in about]
    untyped = sum(_is_of_azure(hit.item) and not evaluated for hit, evaluated in types)
    return Narrowed(hits=tuple(hit for hit, evaluated in types if narrowing.type in evaluated)[:limit], untyped=untyped)


def _is_of_azure(subject: Recommendation | Policy | str) -> bool:
    """Whether it is a recommendation about Azure's own resources: others lie in connectors, those of DevOps nowhere here."""
    return isinstance(subject, Recommendation) and subject.environment is Environment.AZURE


def _types(subject: Recommendation | Policy | str, catalogue: Catalogue) -> set[str]:
    """The folded resource types that it evaluates; empty where they are not known."""
    if isinstance(subject, str):
        return set()
    types = set(subject.resource_types)
    if isinstance(subject, Recommendation):
        policies = (catalogue.policy(policy) for policy in subject.policies)
        types.update(kind for policy in policies if policy for kind in policy.resource_types)
        if subject.environment in _OTHER_CLOUDS:  # their resources lie in connectors
            types.add(_CONNECTOR)
    return types
