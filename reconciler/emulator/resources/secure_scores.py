"""`Microsoft.Security/secureScores`, `secureScoreControls` and `secureScoreControlDefinitions`: read only.

A subscription without assessments has a score of nothing; one that Defender does not look at has none.
"""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer
from reconciler.emulator.state import plans
from reconciler.emulator.state.defender import Defender
from reconciler.emulator.state.secure_score import (
    ControlDefinition,
    Score,
    controls_of,
    definitions,
    total,
)
from reconciler.emulator.wire.http import Response
from reconciler.model import JSON, ArmId, ScopeKind

SCORES: Final = "Microsoft.Security/secureScores"
CONTROLS: Final = "Microsoft.Security/secureScores/secureScoreControls"
DEFINITIONS: Final = "Microsoft.Security/secureScoreControlDefinitions"
NAME: Final = "ascScore"


def list_(call: Call) -> Response:
    """The scores of a subscription: the one, or none."""
    score = score_of(Defender(call.tenant), _subscription(call))
    return answer(200, {"value": [score] if score else []})


def get(call: Call) -> Response:
    """The score of a subscription."""
    return answer(200, _require(call))


def list_controls(call: Call) -> Response:
    """The controls of a subscription's score, with their definitions where `$expand` asks for them."""
    expansion = call.request.query.get("$expand", "")
    if expansion.lower() not in {"", "definition"}:
        raise errors.bad_value(expansion, "$expand")
    subscription = _subscription(call)
    if call.target.names:
        _require(call)
    return answer(200, {"value": controls_shown(Defender(call.tenant), subscription, expanded=bool(expansion))})


def list_definitions(call: Call) -> Response:
    """The definitions of all controls, the same for the tenant and each subscription."""
    if call.target.scope.key:
        _subscription(call)
    return answer(200, {"value": [_definition(definition) for definition in definitions(call.tenant)]})


def score_of(defender: Defender, subscription: ArmId) -> dict[str, JSON] | None:
    """The score of a subscription as the API shows it; None where Defender does not look."""
    if not plans.is_foundational_on(defender.tenant, subscription.subscription or ""):
        return None
    score = total(controls_of(defender, subscription))
    values = {"displayName": "ASC score", "score": _figures(score), "weight": score.weight}
    identifier = f"{subscription}/providers/{SCORES}/{NAME}"
    return {"id": identifier, "name": NAME, "type": SCORES, "properties": values}


def controls_shown(defender: Defender, subscription: ArmId, *, expanded: bool) -> list[dict[str, JSON]]:
    """The controls of a subscription as the API shows them, in the order of their definitions."""
    controls: list[dict[str, JSON]] = []
    for control in controls_of(defender, subscription):
        name = control.definition.key
        values: dict[str, JSON] = {
            "displayName": control.definition.title,
            "healthyResourceCount": control.healthy,
            "unhealthyResourceCount": control.unhealthy,
            "notApplicableResourceCount": control.not_applicable,
            "score": _figures(control.score),
            **({"definition": _definition(control.definition)} if expanded else {}),
            "weight": control.score.weight,
        }
        identifier = f"{subscription}/providers/{SCORES}/{NAME}/secureScoreControls/{name}"
        controls.append({"id": identifier, "name": name, "type": CONTROLS, "properties": values})
    return controls


def _require(call: Call) -> dict[str, JSON]:
    name = call.target.names[0]
    score = score_of(Defender(call.tenant), _subscription(call)) if name.lower() == NAME.lower() else None
    if score is None:
        raise errors.ArmError(404, "ResourceNotFound", f"The secure score '{name}' was not found.")
    return score


def _subscription(call: Call) -> ArmId:
    scope = call.target.scope
    if not scope.key or scope.kind is not ScopeKind.SUBSCRIPTION:
        raise errors.missing_subscription()
    return scope


def _definition(definition: ControlDefinition) -> dict[str, JSON]:
    metadata = "/providers/Microsoft.Security/assessmentMetadata/"
    values = {
        "source": {"sourceType": "BuiltIn"},
        "displayName": definition.title,
        "maxScore": definition.max_score,
        "assessmentDefinitions": [{"id": metadata + key} for key in definition.members],
    }
    identifier = f"/providers/{DEFINITIONS}/{definition.key}"
    return {"id": identifier, "name": definition.key, "type": DEFINITIONS, "properties": values}


def _figures(score: Score) -> dict[str, JSON]:
    return {"max": score.max, "current": float(score.current), "percentage": float(score.percentage)}
