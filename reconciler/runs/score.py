"""What a plan does to the secure score: reads Defender and estimates. A Defender that cannot be read fails no plan."""

from __future__ import annotations

from reconciler.azure.session import Azure
from reconciler.catalog.catalogue import Catalogue
from reconciler.model import Diagnostic, ScopeKind, Snapshot
from reconciler.planning.score.estimate import affected_subscriptions, estimate
from reconciler.planning.score.exempted import Facts
from reconciler.planning.score.values import ScoreEstimate
from reconciler.planning.tree import tree_of
from reconciler.planning.values import Plan
from reconciler.problems import AzureError
from reconciler.runs.context import Context


def estimated_score(
    azure: Azure, plan: Plan, snapshot: Snapshot, catalogue: Catalogue, context: Context
) -> ScoreEstimate | None:
    """The estimate for a plan; None where it changes nothing in any subscription."""
    from reconciler.azure.posture import read_posture  # noqa: PLC0415 - loads the SDK

    tree = tree_of(snapshot, azure.settings)
    affected = affected_subscriptions(plan, tree)
    if not affected:
        return None
    managed = {scope for scope in plan.scopes if scope.kind is ScopeKind.SUBSCRIPTION}
    try:
        with context.observer.reading("reading Defender"):
            posture = read_posture(azure.client, sorted(managed.union(affected)), affected)
    except AzureError as error:
        return ScoreEstimate(unread=Diagnostic(message=error.message, remedy=error.remedy))
    return estimate(plan, posture, Facts(snapshot=snapshot, catalogue=catalogue, tree=tree, now=context.now))
