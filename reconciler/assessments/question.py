"""What has to be asked of Defender to judge the declarations: which recommendations and policies, in which subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.assessments.case import recommendations_of
from reconciler.model import ArmId, Settings, arm_id
from reconciler.planning.stages import PlanBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenderQuestion:
    """The recommendations `keys` (folded) in `subscriptions`; with `policies` (folded definitions) also what Azure Policy
    says, None: not asked. `owners` mark our exemptions; `gone` are targets that do not exist, which are looked for
    `everywhere`; `with_locations`: selectors choose by where a resource is.
    """

    subscriptions: Sequence[ArmId]
    keys: Sequence[str]
    policies: Sequence[str] | None
    owners: Sequence[str]
    gone: Sequence[ArmId]
    everywhere: Sequence[ArmId]
    with_locations: bool


def question_of(basis: PlanBasis, settings: Settings, *, with_states: bool) -> DefenderQuestion:
    """What the active declarations need; `with_states`: also what says whether they are still needed."""
    snapshot, tree = basis.inputs.snapshot, basis.tree
    active = basis.inputs.declarations.active(basis.inputs.now)
    targets = {target for declaration in active for target in declaration.scopes}
    own = {arm_id(f"/subscriptions/{target.subscription}") for target in targets if target.subscription}
    groups = {target.key for target in targets if not target.subscription}
    below = {scope for scope in snapshot.expected if scope.subscription and not groups.isdisjoint(tree.chain(scope))}
    recommendations = [rec for declaration in active for rec in recommendations_of(basis, declaration)]
    selectors = [group for declaration in basis.inputs.declarations.declarations for group in declaration.selectors]
    selectors += [group for exemption in snapshot.exemptions for group in exemption.selectors]
    selectors += [group for assignment in snapshot.assignments.values() for group in assignment.selectors]
    kinds = {part.kind.lower() for group in selectors for part in group.selectors}
    policies = sorted({policy.key for rec in recommendations for policy in rec.policies})
    return DefenderQuestion(
        subscriptions=sorted(own | below),
        keys=sorted({rec.key for rec in recommendations if rec.key}),
        policies=policies if with_states else None,
        owners=(settings.owner, *settings.former_owners),
        gone=sorted(target for target in targets if target.key in snapshot.gone),
        everywhere=[scope for scope in snapshot.expected if scope.subscription],
        with_locations="resourcelocation" in kinds,
    )
