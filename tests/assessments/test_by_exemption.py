"""The state of each exemption, for whoever lists exemptions and not declarations."""

from datetime import UTC, datetime, timedelta

from planning import world

from reconciler.assessments.report import EffectReport, states_by_exemption
from reconciler.assessments.values import DeclarationEffect, EffectState, TargetEffect
from reconciler.model import Source


def test_an_exemption_is_in_the_worst_state_of_what_it_serves():
    shared, alone = world.live("shared"), world.live("alone")

    def target(key, state, *exemptions):
        return TargetEffect(
            declaration="d", target=world.RG, key=key, title=key, state=state, exemptions=tuple(exemptions)
        )

    targets = (target("a", EffectState.IN_FORCE, shared, alone), target("b", EffectState.INEFFECTIVE, shared))
    report = EffectReport(
        tenant_id=world.TENANT, owner="contoso", revision=None, as_of=datetime(2026, 11, 20, tzinfo=UTC),
        within=timedelta(hours=24), declarations=(DeclarationEffect(name="d", source=Source("d.yaml"), targets=targets),),
    )  # fmt: skip
    assert states_by_exemption(report) == {
        shared.id.key: EffectState.INEFFECTIVE,
        alone.id.key: EffectState.IN_FORCE,
    }
