"""What Resource Graph shows of Defender: assessments, scores, controls and plans, with everything expanded and keys with capitals."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.emulator.graph.rows import Covers, GraphRow, graph_row
from reconciler.emulator.resources import assessments, pricings, secure_scores
from reconciler.emulator.state import plans
from reconciler.emulator.state.defender import Defender
from reconciler.emulator.state.tenant import Tenant
from reconciler.model import arm_id

_NEWEST = "2024-01-01"


def assessment_rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """The assessments that Defender shows."""
    records = [record for record in tenant.assessments.by_id.values() if covers(record.id)]
    for assessed in Defender(tenant).assessed(records):
        body = {"properties": assessments.graph_properties(tenant, assessed)}
        yield graph_row(tenant, assessed.record.id, assessments.TYPE, body)


def pricing_rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """Every plan of every subscription."""
    for subscription in tenant.hierarchy.subscriptions.values():
        if covers(subscription.id):
            for name in plans.NAMES:
                plan = pricings.show(tenant, subscription.guid, name, _NEWEST)
                yield graph_row(tenant, arm_id(plan["id"]), plans.TYPE, plan)


def score_rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """The score of each subscription that has one."""
    defender = Defender(tenant)
    for subscription in tenant.hierarchy.subscriptions.values():
        score = secure_scores.score_of(defender, subscription.id) if covers(subscription.id) else None
        if score is not None:
            yield graph_row(tenant, arm_id(score["id"]), secure_scores.SCORES, score)


def control_rows(tenant: Tenant, covers: Covers) -> Iterator[GraphRow]:
    """The controls of each subscription, with their definitions."""
    defender = Defender(tenant)
    for subscription in tenant.hierarchy.subscriptions.values():
        if covers(subscription.id):
            for control in secure_scores.controls_shown(defender, subscription.id, expanded=True):
                yield graph_row(tenant, arm_id(control["id"]), secure_scores.CONTROLS, control)
