"""Which API versions each resource type has; docs/emulator.md says how that is known.

Types of providers that are not modelled have no list here and accept any version that is a date: what they would say is
not known, and their resources are kept as they are written all the same.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.paths import Target

EXEMPTIONS: Final = (
    "2020-07-01-preview",
    "2022-07-01-preview",
    "2024-12-01-preview",
    "2025-12-01-preview",
    "2026-01-01-preview",
)
"""Every version the type ever had; none was stable."""

ASSIGNMENTS: Final = (
    "2015-10-01-preview", "2016-04-01", "2016-12-01", "2017-06-01-preview", "2018-03-01", "2018-05-01", "2019-01-01",
    "2019-06-01", "2019-09-01", "2020-03-01", "2020-08-01", "2020-09-01", "2021-06-01", "2022-06-01", "2023-04-01",
    "2024-04-01", "2024-05-01", "2025-01-01", "2025-03-01", "2025-11-01", "2025-12-01-preview", "2026-01-01-preview",
    "2026-06-01",
)  # fmt: skip

RESOURCE_MANAGER: Final = (
    "2025-04-01", "2025-03-01", "2024-10-01-preview", "2024-11-01", "2024-08-01", "2024-07-01", "2024-06-01-preview",
    "2024-03-01", "2023-07-01", "2023-07-01-preview", "2023-03-01-preview", "2022-12-01", "2022-11-01-preview",
    "2022-09-01", "2022-06-01", "2022-05-01", "2022-03-01-preview", "2022-01-01", "2021-04-01", "2021-01-01",
    "2020-10-01", "2020-09-01", "2020-08-01", "2020-07-01", "2020-06-01", "2020-05-01", "2020-01-01", "2019-11-01",
    "2019-10-01", "2019-09-01", "2019-08-01", "2019-07-01", "2019-06-01", "2019-05-10", "2019-05-01", "2019-03-01",
    "2018-11-01", "2018-09-01", "2018-08-01", "2018-07-01", "2018-06-01", "2018-05-01", "2018-02-01", "2018-01-01",
    "2017-12-01", "2017-08-01", "2017-06-01", "2017-05-10", "2017-05-01", "2017-03-01", "2016-09-01", "2016-07-01",
    "2016-06-01", "2016-02-01", "2015-11-01", "2015-01-01", "2014-04-01-preview", "2014-04-01", "2014-01-01",
    "2013-03-01", "2014-02-26", "2014-04",
)  # fmt: skip
"""Those of Resource Manager's own paths (subscriptions, groups, providers, tags), in the order of its refusal."""

_DEFINITIONS: Final = tuple(version for version in ASSIGNMENTS if version not in {"2017-06-01-preview", "2022-06-01"})
_SETS: Final = tuple(version for version in ASSIGNMENTS if version >= "2017" and version != "2022-06-01")
_DEFINITION_VERSIONS: Final = tuple(version for version in ASSIGNMENTS if version >= "2023-04-01")

_FIRST_ROLES: Final = (
    "2014-04-01-preview", "2014-07-01-preview", "2014-10-01-preview", "2015-05-01-preview", "2015-06-01", "2015-07-01",
    "2016-07-01", "2017-05-01",
)  # fmt: skip

_MANAGEMENT: Final = (
    "2023-04-01", "2022-09-01", "2021-04-01", "2020-10-01", "2020-05-01", "2020-02-01", "2019-11-01",
    "2018-03-01-preview", "2018-01-01-preview", "2017-11-01-preview", "2017-08-31-preview", "2017-06-30-preview",
    "2017-05-31-preview", "2018-03-01-beta",
)  # fmt: skip

_POLICY_STATES: Final = ("2017-12-12-preview", "2018-04-04", "2018-07-01-preview", "2019-10-01", "2024-10-01")
_SECURE_SCORE: Final = ("2020-01-01-preview", "2020-01-01")
_ASSESSMENTS: Final = ("2019-01-01-preview", "2020-01-01", "2021-06-01", "2025-05-04")

KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "microsoft.authorization/policyexemptions": EXEMPTIONS,
    "microsoft.authorization/policyassignments": ASSIGNMENTS,
    "microsoft.authorization/policydefinitions": _DEFINITIONS,
    "microsoft.authorization/policydefinitions/versions": _DEFINITION_VERSIONS,
    "microsoft.authorization/policysetdefinitions": _SETS,
    "microsoft.authorization/policysetdefinitions/versions": _DEFINITION_VERSIONS,
    "microsoft.authorization/locks": (
        "2015-01-01", "2015-05-01-preview", "2015-06-01", "2016-09-01", "2017-04-01", "2020-05-01",
    ),
    "microsoft.authorization/permissions": (
        *_FIRST_ROLES, "2018-01-01-preview", "2018-07-01", "2022-04-01", "2022-05-01-preview",
    ),
    "microsoft.authorization/roleassignments": (
        *_FIRST_ROLES, "2017-09-01", "2017-10-01-preview", "2018-01-01-preview", "2018-07-01", "2018-09-01-preview",
        "2018-12-01-preview", "2019-04-01-preview", "2020-03-01-preview", "2020-04-01-preview", "2020-08-01-preview",
        "2021-04-01-preview", "2022-01-01-preview", "2022-04-01",
    ),
    "microsoft.authorization/roledefinitions": (
        *_FIRST_ROLES, "2017-09-01", "2018-01-01-preview", "2018-07-01", "2022-04-01", "2022-05-01-preview",
    ),
    "microsoft.management/managementgroups": _MANAGEMENT,
    "microsoft.management/getentities": _MANAGEMENT,
    "microsoft.management/operationresults": _MANAGEMENT,
    "microsoft.policyinsights/policystates": _POLICY_STATES,
    "microsoft.policyinsights/asyncoperationresults": _POLICY_STATES,
    "microsoft.resourcegraph/resources": (
        "2018-09-01-preview", "2019-04-01", "2021-03-01", "2021-06-01-preview", "2022-10-01", "2024-04-01",
    ),
    "microsoft.security/assessments": _ASSESSMENTS,
    "microsoft.security/assessmentmetadata": _ASSESSMENTS,
    "microsoft.security/pricings": ("2017-08-01-preview", "2018-06-01", "2022-03-01", "2023-01-01", "2024-01-01"),
    "microsoft.security/securescores": _SECURE_SCORE,
    "microsoft.security/securescorecontrols": _SECURE_SCORE,
    "microsoft.security/securescorecontroldefinitions": _SECURE_SCORE,
    "microsoft.security/standardassignments": ("2024-08-01",),
    "microsoft.security/securitystandards": ("2024-08-01",),
}  # fmt: skip

_WELL_FORMED: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(-[a-z]+)?", re.IGNORECASE)


def gate(target: Target, version: str | None) -> str:
    """The request's API version, folded.

    Raises:
        ArmError: it is missing, or the type does not exist in it.
    """
    if not version:
        raise errors.missing_api_version()
    folded = version.lower()
    kinds = [kind.lower() for kind in target.types]
    supported = KNOWN.get("/".join((target.namespace, *kinds[:2])), KNOWN.get("/".join((target.namespace, *kinds[:1]))))
    if supported is not None:
        if folded not in supported:
            raise errors.unsupported_api_version(target.written_namespace, target.written_types[0], version, supported)
    elif not target.namespace or target.types in {(), ("register",)} or target.kind == "microsoft.resources/tags":
        # Resource Manager itself answers: paths without a provider, providers themselves, tags.
        if folded not in RESOURCE_MANAGER:
            raise errors.invalid_api_version(version, RESOURCE_MANAGER)
    else:
        matched = _WELL_FORMED.fullmatch(folded)
        try:
            dt.date.fromisoformat(matched[1] if matched else "")
        except ValueError:
            raise errors.invalid_api_version(version, RESOURCE_MANAGER) from None
    return folded
