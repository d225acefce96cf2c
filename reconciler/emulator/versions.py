"""Which API versions version resource type knows. Types without a list accept any well-formed version."""

from __future__ import annotations

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

KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "microsoft.authorization/policyexemptions": EXEMPTIONS,
    "microsoft.authorization/policyassignments": ASSIGNMENTS,
    "microsoft.authorization/policydefinitions": ASSIGNMENTS,
    "microsoft.authorization/policysetdefinitions": tuple(version for version in ASSIGNMENTS if version >= "2017-06"),
    "microsoft.security/standardassignments": ("2024-08-01",),
    "microsoft.security/securitystandards": ("2024-08-01",),
}

_WELL_FORMED: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)


def gate(target: Target, version: str | None) -> str:
    """The request's API version, folded.

    Raises:
        ArmError: it is missing, or the type does not exist in it.
    """
    if not version:
        raise errors.missing_api_version()
    supported = KNOWN.get("/".join((target.namespace, *target.types[:1])))
    if supported is None:
        if not _WELL_FORMED.fullmatch(version):
            raise errors.unsupported_api_version(
                target.written_namespace, "/".join(target.written_types), version, ("2022-09-01",)
            )
    elif version.lower() not in supported:
        raise errors.unsupported_api_version(target.written_namespace, target.written_types[0], version, supported)
    return version.lower()
