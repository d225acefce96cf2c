"""`Microsoft.Security`: the recommendations' metadata and, where a tenant file brings them, assessments."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

from reconciler import catalog
from reconciler.catalog import Recommendation
from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, raw
from reconciler.emulator.resources.lists import Reach, page, select
from reconciler.emulator.state.tenant import Record
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import encode
from reconciler.model import JSON

METADATA: Final = "Microsoft.Security/assessmentMetadata"
ASSESSMENTS: Final = "Microsoft.Security/assessments"


# --- metadata ----------------------------------------------------------------------------------------------------


def list_metadata(call: Call) -> Response:
    """What Defender can recommend, at the tenant or seen from a subscription."""
    call.tenant.hierarchy.require(call.target.scope)
    return answer(200, {"value": [_seen_from(call, value) for value in _all_metadata(call)]})


def get_metadata(call: Call) -> Response:
    """The metadata of one recommendation, by its key."""
    call.tenant.hierarchy.require(call.target.scope)
    wanted = call.target.name.lower()
    found = call.tenant.assessment_metadata.get(wanted) or (_shipped().get(wanted) if call.tenant.built_ins else None)
    if found is None:
        raise errors.ArmError(404, "NotFound", f"Assessment metadata '{call.target.name}' was not found.")
    return answer(200, _seen_from(call, found))


def _all_metadata(call: Call) -> Iterator[dict[str, JSON]]:
    own = call.tenant.assessment_metadata
    yield from own.values()
    if call.tenant.built_ins is not None:
        yield from (value for key, value in _shipped().items() if key not in own)


def _seen_from(call: Call, value: dict[str, JSON]) -> dict[str, JSON]:
    identifier = f"{call.target.scope}/providers/{METADATA}/{value['name']}"
    return {"id": identifier, "name": value["name"], "type": METADATA, "properties": value["properties"]}


@functools.cache
def _shipped() -> dict[str, dict[str, JSON]]:
    """The shipped catalogue's recommendations in the form of the API, by folded key."""
    found = catalog.load().recommendations
    return {
        key: {"name": recommendation.key, "properties": _metadata(recommendation)}
        for key, recommendation in found.items()
    }


def _metadata(found: Recommendation) -> dict[str, JSON]:
    policy = {"policyDefinitionId": found.policies[0].text} if found.policies else {}
    return {
        "displayName": found.title,
        "assessmentType": "BuiltIn",
        **policy,
        "severity": found.severity or "Low",
        "categories": [],
        "implementationEffort": "Moderate",
        "userImpact": "Moderate",
        "threats": [],
    }


# --- assessments -------------------------------------------------------------------------------------------------


def list_assessments(call: Call) -> Response:
    """The assessments at and below a scope."""
    call.tenant.hierarchy.require(call.target.scope)
    rows = select(call.tenant.assessments, call.tenant.hierarchy, call.target.scope, Reach.AT_AND_BELOW)
    return raw(200, page(rows, call.request, call.tenant.limits.page, _assessment))


def get_assessment(call: Call) -> Response:
    """One assessment of one resource."""
    found = call.tenant.assessments.get(call.target.id.key)
    if found is None:
        raise errors.ArmError(404, "NotFound", f"Assessment '{call.target.name}' was not found.")
    return raw(200, _assessment(found))


def _assessment(record: Record) -> bytes:
    return encode({"type": ASSESSMENTS, "id": record.id.text, "name": record.id.name, "properties": record.properties})
