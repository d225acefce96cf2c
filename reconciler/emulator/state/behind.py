"""Which policies stand behind a recommendation, and whose recommendation it is."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from reconciler import catalog
from reconciler.catalog import Recommendation
from reconciler.emulator.state.tenant import Record, Tenant
from reconciler.model import ArmId, arm_id

METADATA: Final = "/providers/microsoft.security/assessmentmetadata/"
POLICIES: Final = "policyDefinitionIds"
"""Of metadata in a tenant file: all policies behind a recommendation; the API shows one alone."""


def own_metadata(tenant: Tenant, assessment: ArmId) -> Record | None:
    """What the tenant itself says of an assessment's recommendation: its subscription's, else the tenant file's."""
    suffix = METADATA + assessment.name.lower()
    objects = tenant.assessment_metadata
    return objects.get(f"/subscriptions/{assessment.subscription}{suffix}") or objects.get(suffix)


def is_builtin(tenant: Tenant, assessment: ArmId) -> bool:
    """Whether Defender itself makes an assessment; what a customer or partner assesses depends on nothing."""
    metadata = own_metadata(tenant, assessment)
    if metadata is not None:
        return str(metadata.properties.get("assessmentType", "BuiltIn")) == "BuiltIn"
    return assessment.name.lower() in _bundled(tenant)


def policies_behind(tenant: Tenant, assessment: ArmId) -> tuple[str, ...]:
    """The folded ids of the policies behind an assessment's recommendation: as the tenant has it, else as bundled.

    A tenant file's metadata that names no policy at all (not even an empty one) leaves the bundled ones.
    """
    metadata = own_metadata(tenant, assessment)
    if metadata is not None and POLICIES in metadata.envelope:
        return tuple(arm_id(str(text)).key for text in metadata.envelope[POLICIES])
    if metadata is not None and "policyDefinitionId" in metadata.properties:
        only = metadata.properties["policyDefinitionId"]
        return (arm_id(str(only)).key,) if only else ()
    recommendation = _bundled(tenant).get(assessment.name.lower())
    return tuple(policy.key for policy in recommendation.policies) if recommendation else ()


def is_preview(tenant: Tenant, assessment: ArmId) -> bool:
    """Whether an assessment's recommendation is a preview: as the tenant has it, else as bundled."""
    metadata = own_metadata(tenant, assessment)
    if metadata is not None:
        return bool(metadata.properties.get("preview"))
    recommendation = _bundled(tenant).get(assessment.name.lower())
    return recommendation is not None and catalog.Obstacle.PREVIEW in recommendation.obstacles


def _bundled(tenant: Tenant) -> Mapping[str, Recommendation]:
    return _recommendations() if tenant.built_ins is not None else {}


@functools.cache
def _recommendations() -> Mapping[str, Recommendation]:
    """The bundled recommendations by key, looked up once in a process."""
    return catalog.load().recommendations
