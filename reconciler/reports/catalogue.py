"""What can be exempted, as text and JSON: search, one thing in full, the facts' sources, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.catalog import EXPLANATIONS, BuiltInInitiative, Catalogue, Evidence, Obstacle, Policy, Recommendation
from reconciler.catalog.lookup import Found
from reconciler.catalog.search import Hit
from reconciler.model import JSON, ArmId
from reconciler.reports.escape import json_document
from reconciler.reports.lines import BLANK, Line, Style, line

FORMAT: Final = "1.0"
_INDENT: Final = "  "
_WIDEST: Final = 72
_EVIDENCE: Final = {
    Evidence.POLICY: "the policy's own rule names this recommendation",
    Evidence.LIVE: "from this tenant's metadata, in catalog.yaml",
    Evidence.DOCUMENTED: "as Microsoft's documentation says",
    Evidence.DOCUMENTED_BY_NAME: "as Microsoft's documentation says of the same title",
    Evidence.SAME_TITLE: "because titles are equal; `exempt catalog diff` compares with the tenant",
    Evidence.NONE: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One hit of a search, in the form that both text and JSON need."""

    kind: str
    identifier: str
    title: str
    severity: str
    environment: str
    obstacles: tuple[Obstacle, ...]
    exemptable: bool


def count(number: int, one: str, many: str = "") -> str:
    """`1 policy`, `2 policies`. Not that of `words`, whose module loads the planner, and a search is to be quick."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# --- search ----------------------------------------------------------------------------------------------------------


def search_lines(hits: Sequence[Hit], catalogue: Catalogue, query: str) -> Iterator[Line]:
    """Two lines a hit: what and where, then how it can be exempted or why not."""
    if not hits:
        yield line("nothing in the catalogue is like ", (Style.NAME, query))
        yield line(
            (Style.QUIET, "help: "), "try fewer or other words; `exempt catalog refresh` adds what this tenant has"
        )
    for answer in (_answer(hit, catalogue) for hit in hits):
        yield line((Style.HEADING, answer.title))
        yield line(f"{_INDENT}{answer.kind} ", (Style.NAME, answer.identifier), (Style.QUIET, _rating(answer)))
        yield from _obstacle_lines(answer.obstacles, 1)


def search_json(hits: Sequence[Hit], catalogue: Catalogue, query: str) -> str:
    """`{format_version, query, results: [{kind, id, title, severity, environment, exemptable, obstacles, score}]}`."""
    results = []
    for hit in hits:
        answer = _answer(hit, catalogue)
        fields = {"kind": answer.kind, "id": answer.identifier, "title": answer.title, "severity": answer.severity}
        fields |= {"environment": answer.environment}
        results.append({**fields, **_exemptable(answer), "score": round(hit.score, 3)})
    return json_document({"format_version": FORMAT, "query": query, "results": results})


def _answer(hit: Hit, catalogue: Catalogue) -> Answer:
    match hit.found:
        case Recommendation() as found:
            kind = "recommendation" if found.key else "recommendation without a public key"
            identifier = found.key or ", ".join(policy.name for policy in found.policies)
            return Answer(
                kind=kind,
                identifier=identifier,
                title=found.title,
                severity=found.severity,
                environment=found.environment.value,
                obstacles=found.obstacles,
                exemptable=found.exemptable,
            )
        case Policy() as found:
            return Answer(
                kind="policy",
                identifier=found.id.name,
                title=found.title,
                severity="",
                environment="",
                obstacles=found.obstacles,
                exemptable=found.exemptable,
            )
        case str() as key:
            return Answer(
                kind="initiative",
                identifier=key.rsplit("/", 1)[-1],
                title=catalogue.initiative_titles[key],
                severity="",
                environment="",
                obstacles=(),
                exemptable=True,
            )


def _rating(answer: Answer) -> str:
    words = [f"{answer.severity} severity" if answer.severity else "", answer.environment]
    return "".join(f", {word}" for word in words if word)


def _exemptable(found: Answer | Recommendation | Policy) -> dict[str, JSON]:
    obstacles = [{"kind": one.value, "blocks": one.blocks, "why": EXPLANATIONS[one]} for one in found.obstacles]
    return {"exemptable": found.exemptable, "obstacles": obstacles}


def _obstacle_lines(obstacles: Iterable[Obstacle], depth: int) -> Iterator[Line]:
    for obstacle in obstacles:
        style, label = (Style.ERROR, "not exemptable: ") if obstacle.blocks else (Style.WARNING, "note: ")
        yield line(_INDENT * depth, (style, label), EXPLANATIONS[obstacle])


# --- one thing in full -----------------------------------------------------------------------------------------------


def show_lines(found: Found, catalogue: Catalogue) -> Iterator[Line]:
    """Everything that is known about what was looked up."""
    parts = [_recommendation_lines(one, catalogue) for one in found.recommendations]
    parts += [_alone_lines(one, catalogue) for one in found.policies]
    parts += [_initiative_lines(one, catalogue) for one in found.initiatives]
    for number, part in enumerate(parts):
        if number:
            yield BLANK
        yield from part
    if len(found.recommendations) > 1:
        yield BLANK
        yield line((Style.WARNING, "note: "), "several recommendations have this title; a declaration needs the key")


def _recommendation_lines(found: Recommendation, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, found.title))
    yield _field("recommendation", found.key or "no public source names its key")
    yield _field("severity", found.severity or "not known")
    yield _field("environment", found.environment.value or "not known")
    if found.former_titles:
        yield _field("formerly", "; ".join(found.former_titles))
    if found.resource_types:
        yield _field("evaluates", ", ".join(found.resource_types))
    yield _field("exemptable", "yes" if found.exemptable else "no")
    yield from _obstacle_lines(found.obstacles, 1)
    if _EVIDENCE[found.evidence]:
        yield _field("policies known", _EVIDENCE[found.evidence])
    for policy in found.policies:
        yield BLANK
        yield from _policy_lines(policy, catalogue, found.key)
    if found.exemptable:
        yield BLANK
        yield from _declaration_lines(found)


def _declaration_lines(found: Recommendation) -> Iterator[Line]:
    yield line((Style.QUIET, f"{_INDENT}in a declaration:"))
    if found.key:
        yield line(f"{_INDENT * 2}recommendation: {found.key}")
        return
    for policy in found.policies:
        yield line(f"{_INDENT * 2}policyDefinition: {policy.name}")


def _alone_lines(found: Policy, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, found.title))
    yield from _obstacle_lines(found.obstacles, 1)
    yield from _policy_lines(found.id, catalogue, "")
    yield BLANK
    yield line((Style.QUIET, f"{_INDENT}in a declaration:"))
    yield line(f"{_INDENT * 2}policyDefinition: {found.id.name}")


def _policy_lines(identifier: ArmId, catalogue: Catalogue, but: str) -> Iterator[Line]:
    policy = catalogue.policy(identifier)
    yield _field("policy", identifier.text)
    if policy is None:
        yield line(_INDENT * 2, (Style.QUIET, "not among the policies that the catalogue knows"))
    else:
        effect = policy.default_effect or "not known"
        yield line(f"{_INDENT * 2}{policy.title}")
        yield line((Style.QUIET, f"{_INDENT * 2}mode {policy.mode or 'not given'}, default effect {effect}"))
        yield from _obstacle_lines([one for one in policy.obstacles if one.blocks], 2)
    for other in (one for one in catalogue.resting_on(identifier) if one.key != but):
        yield line(f"{_INDENT * 2}", (Style.WARNING, "also exempts "), f"{other.title} ({other.key})")
    yield from _holder_lines(identifier, catalogue.initiatives_with(identifier))


def _holder_lines(policy: ArmId, initiatives: Sequence[BuiltInInitiative]) -> Iterator[Line]:
    """A row for each initiative: its title and version, then the reference ids of the policy in it."""
    if not initiatives:
        yield line(f"{_INDENT * 2}in no known initiative")
        return
    yield line(f"{_INDENT * 2}in {count(len(initiatives), 'known initiative')}, under the reference ids")
    names = [f"{initiative.title} ({initiative.version or 'version not known'})" for initiative in initiatives]
    width = min(_WIDEST, max(map(len, names)))
    for name, initiative in zip(names, initiatives, strict=True):
        yield line(f"{_INDENT * 3}{name:<{width}}  ", (Style.NAME, ", ".join(initiative.reference_ids(policy))))


def _initiative_lines(found: BuiltInInitiative, catalogue: Catalogue) -> Iterator[Line]:
    yield line((Style.HEADING, found.title))
    yield _field("initiative", found.id.text)
    yield _field("version", found.version or "not known")
    policies = len({member.definition for member in found.members})
    yield _field("members", f"{count(len(found.members), 'reference id')} of {count(policies, 'policy', 'policies')}")
    for member in found.members:
        policy = catalogue.policy(member.definition)
        title = policy.title if policy else "not known"
        yield line(
            f"{_INDENT * 2}", (Style.NAME, member.reference_id), f"  {title} ", (Style.QUIET, member.definition.name)
        )


def _field(label: str, value: str) -> Line:
    return line((Style.QUIET, f"{_INDENT}{label:<15} "), value)


def show_json(found: Found, catalogue: Catalogue, query: str) -> str:
    """`{format_version, query, recommendations, policies, initiatives}`; each policy with its initiatives and
    reference ids, each recommendation with its policies in full.
    """
    return json_document(
        {
            "format_version": FORMAT,
            "query": query,
            "recommendations": [_recommendation_json(one, catalogue) for one in found.recommendations],
            "policies": [_policy_json(one.id, catalogue) for one in found.policies],
            "initiatives": [_initiative_json(one) for one in found.initiatives],
        }
    )


def _recommendation_json(found: Recommendation, catalogue: Catalogue) -> dict[str, JSON]:
    return {
        "key": found.key,
        "title": found.title,
        "formerTitles": list(found.former_titles),
        "severity": found.severity,
        "environment": found.environment.value,
        "resourceTypes": list(found.resource_types),
        **_exemptable(found),
        "evidence": found.evidence.value,
        "overlaid": found.overlaid,
        "policies": [_policy_json(policy, catalogue) for policy in found.policies],
    }


def _policy_json(identifier: ArmId, catalogue: Catalogue) -> dict[str, JSON]:
    policy = catalogue.policy(identifier)
    known = policy or Policy(id=identifier, title="")
    initiatives = [
        {
            "id": one.id.text,
            "title": one.title,
            "version": one.version,
            "referenceIds": list(one.reference_ids(identifier)),
        }
        for one in catalogue.initiatives_with(identifier)
    ]
    return {
        "id": identifier.text,
        "known": policy is not None,
        "title": known.title,
        "version": known.version,
        "mode": known.mode,
        "defaultEffect": known.default_effect,
        "resourceTypes": list(known.resource_types),
        **_exemptable(known),
        "recommendations": [one.key for one in catalogue.resting_on(identifier)],
        "initiatives": initiatives,
    }


def _initiative_json(found: BuiltInInitiative) -> dict[str, JSON]:
    members = [{"policyDefinitionId": one.definition.text, "referenceId": one.reference_id} for one in found.members]
    flags = {"deprecated": found.deprecated, "preview": found.preview, "overlaid": found.overlaid}
    return {"id": found.id.text, "title": found.title, "version": found.version, **flags, "members": members}
