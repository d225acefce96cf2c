"""Reads what Defender says of declared exemptions, from Resource Graph: a few queries in pages, however many resources.

Resource Graph follows Defender by minutes and leaves out, without a word, what the identity may not see: so it is asked
which subscriptions it shows. Azure's own clock comes with that answer, since ages are counted from Azure's stamps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from reconciler.arm.canonical import instant
from reconciler.arm.shapes import required_text, text_in
from reconciler.assessments.question import DefenderQuestion
from reconciler.assessments.values import DefenderView, PolicyState
from reconciler.azure import graph
from reconciler.azure.client import ArmClient
from reconciler.azure.errors import reading
from reconciler.azure.posture import assessment_in
from reconciler.model import JSON, ArmId, ScopeKind, Unread, arm_id
from reconciler.problems import AzureError

_NAMES: Final = 200
"""Keys or ids in one query: its text stays far below the service's limit."""
_ROWS: Final = "the rows of Resource Graph"
_MOVED: Final = 20
"""For so many targets that are gone it is asked where something of their name is."""


def read_defender(client: ArmClient, question: DefenderQuestion) -> DefenderView:
    """What Defender says; of what could not be read, `unread` says why.

    Raises:
        AzureError: Resource Graph does not answer at all, or what it answers has another form.
    """
    visible_guids, as_of = _shown_subscriptions(client, question.subscriptions)
    visible = [scope for scope in question.subscriptions if scope.subscription in visible_guids]
    inside = _Questions(client, visible)
    around = _Questions(client, question.everywhere)
    moved = {
        target.key: around.rows(
            "moved resources",
            [_NAMESAKES.format(kind=graph.literal(target.resource_type), name=graph.literal(target.name))],
        )
        for target in sorted(target for target in question.gone if target.kind is ScopeKind.RESOURCE)[:_MOVED]
    }
    with reading(_ROWS):
        places = {arm_id(required_text(row, "id")).subscription for rows in moved.values() for row in rows}
    beside = _Questions(
        client, [scope for scope in question.everywhere if scope.subscription in places - visible_guids]
    )
    queries = [_ASSESSMENTS.format(keys=_listed(chunk)) for chunk in _chunks(question.keys)]
    assessments = [*inside.rows("assessments", queries), *beside.rows("assessments", queries)]
    policies = _chunks(question.policies or ())
    plans = inside.rows("pricings", [_PRICINGS])
    marked = inside.rows("exemptions in Resource Graph", [_MARKED.format(owners=_listed(question.owners))])
    states = inside.rows("policy states", [_STATES.format(policies=_listed(chunk)) for chunk in policies])
    located = inside.rows("locations", [_LOCATIONS] if question.with_locations else [])
    with reading(_ROWS):
        return DefenderView(
            as_of=as_of,
            assessments=tuple(item for item in map(assessment_in, assessments) if item is not None),
            subscriptions=visible_guids,
            off=frozenset(
                text_in(row, "subscriptionId").lower() for row in plans if text_in(row, "tier").lower() == "free"
            ),
            states=tuple(map(_policy_state, states)) if question.policies is not None else None,
            locations={text_in(row, "id").lower(): text_in(row, "location").lower() for row in located},
            moved_to={
                key: tuple(arm_id(required_text(row, "id")) for row in rows) for key, rows in moved.items() if rows
            },
            indexed=tuple(arm_id(required_text(row, "id")) for row in marked),
            unread=(*inside.unread, *around.unread, *beside.unread),
        )


class _Questions:
    """Queries about the same subscriptions; what fails is noted, and the rest goes on."""

    def __init__(self, client: ArmClient, subscriptions: Sequence[ArmId]) -> None:
        self._client = client
        self._subscriptions = subscriptions
        self.unread: list[Unread] = []

    def rows(self, subject: str, queries: Iterable[str]) -> list[dict[str, JSON]]:
        """All rows of some queries; none where nothing is visible."""
        rows: list[dict[str, JSON]] = []
        for query in queries:
            try:
                rows += graph.rows(self._client, query, self._subscriptions)
            except AzureError as error:
                self.unread += [
                    Unread(scope=scope, what=subject, message=error.message, remedy=error.remedy)
                    for scope in self._subscriptions
                ]
                break
        return rows


def _shown_subscriptions(client: ArmClient, subscriptions: Sequence[ArmId]) -> tuple[frozenset[str], datetime]:
    """The folded GUIDs that Resource Graph shows, and Azure's time.

    Raises:
        AzureError: no answer but that none of them is known.
    """
    try:
        rows = graph.rows(client, _VISIBLE, subscriptions)
    except AzureError as error:
        if error.status != 400:
            raise
        rows = []  # none of these subscriptions may be seen
    with reading(_ROWS):
        times = [instant(text_in(row, "asOf")) for row in rows]
        as_of = max((time for time in times if time is not None), default=None)
        return frozenset(text_in(row, "subscriptionId").lower() for row in rows), as_of or datetime.now(UTC)


# --- queries -----------------------------------------------------------------------------------------------------

_VISIBLE: Final = (
    "resourcecontainers | where type == 'microsoft.resources/subscriptions' "
    "| project id, subscriptionId, asOf=tostring(now()) | order by id asc"
)
_ASSESSMENTS: Final = (
    "securityresources | where type == 'microsoft.security/assessments' and name in~ ({keys}) "
    "| project id, details=properties.resourceDetails, status=properties.status, metadata=properties.metadata "
    "| order by id asc"
)
_PRICINGS: Final = (
    "securityresources | where type == 'microsoft.security/pricings' and name =~ 'FoundationalCspm' "
    "| project id, subscriptionId, tier=tostring(properties.pricingTier) | order by id asc"
)
_MARKED: Final = (
    "policyresources | where type == 'microsoft.authorization/policyexemptions' "
    "| where tostring(properties.metadata.managedBy) == 'exempt' "
    "and tostring(properties.metadata.owner) in ({owners}) | project id | order by id asc"
)
_STATES: Final = (
    "policyresources | where type == 'microsoft.policyinsights/policystates' "
    "| extend definition=tolower(tostring(properties.policyDefinitionId)), state=tostring(properties.complianceState) "
    "| where definition in ({policies}) and state in~ ('Compliant', 'NonCompliant') "
    "| project id, definition, resource=tostring(properties.resourceId), "
    "assignment=tostring(properties.policyAssignmentId), state | order by id asc"
)
_LOCATIONS: Final = "resources | project id, location | order by id asc"
_NAMESAKES: Final = "resources | where type =~ {kind} and name =~ {name} | project id | order by id asc"


def _chunks(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + _NAMES] for start in range(0, len(names), _NAMES)]


def _listed(names: Iterable[str]) -> str:
    """Texts inside a list of the query language, each in single quotes."""
    return ", ".join(map(graph.literal, names)) or "''"


def _policy_state(row: JSON) -> PolicyState:
    return PolicyState(
        resource=text_in(row, "resource").lower(),
        assignment=text_in(row, "assignment").lower(),
        definition=text_in(row, "definition").lower(),
        state=text_in(row, "state").lower(),
    )
