"""Which api-version each kind of request uses: the newest that both this code and the cloud know.

A cloud that lags behind refuses a version and lists those it has; that answer settles the version for the rest of the
run. One run uses one version of exemptions for GET and PUT alike, since a PUT by an older version would erase what
that version cannot show.
"""

from __future__ import annotations

import re
import threading
from enum import StrEnum
from typing import Final


class Api(StrEnum):
    """The kinds of object we ask for."""

    EXEMPTIONS = "policyExemptions"
    STANDARDS = "standardAssignments"
    ASSIGNMENTS = "policyAssignments"
    INITIATIVES = "policySetDefinitions"
    POLICIES = "policyDefinitions"
    PERMISSIONS = "permissions"
    GROUPS = "managementGroups"
    SUBSCRIPTIONS = "subscriptions"
    TENANTS = "tenants"
    GRAPH = "resourceGraph"
    METADATA = "assessmentMetadata"
    SECURE_SCORE = "secureScoreControlDefinitions"


_POLICY_VERSIONS = (
    "2025-11-01",
    "2025-03-01",
    "2025-01-01",
    "2024-05-01",
    "2024-04-01",
    "2023-04-01",
    "2021-06-01",
    "2020-09-01",
)
KNOWN: Final[dict[str, tuple[str, ...]]] = {
    Api.EXEMPTIONS: (
        "2026-01-01-preview",
        "2025-12-01-preview",
        "2024-12-01-preview",
        "2022-07-01-preview",
        "2020-07-01-preview",
    ),
    Api.STANDARDS: ("2024-08-01",),
    Api.ASSIGNMENTS: _POLICY_VERSIONS,
    Api.INITIATIVES: _POLICY_VERSIONS,
    Api.POLICIES: _POLICY_VERSIONS,
    Api.PERMISSIONS: ("2022-04-01", "2018-07-01", "2015-07-01"),
    Api.GROUPS: ("2021-04-01", "2020-05-01"),
    Api.SUBSCRIPTIONS: ("2022-12-01", "2020-01-01"),
    Api.TENANTS: ("2022-12-01", "2020-01-01"),
    Api.GRAPH: ("2024-04-01", "2022-10-01", "2021-03-01"),
    Api.METADATA: ("2021-06-01", "2020-01-01"),
    Api.SECURE_SCORE: ("2020-01-01", "2020-01-01-preview"),
}
"""What this code understands, newest first."""

_FIRST_TRY: Final = "2025-04-01"
"""For types that we know nothing of; the refusal lists what there is."""

_LISTED: Final = re.compile(r"supported (?:api-)?versions are '([^']*)'", re.IGNORECASE)


def listed_versions(message: str) -> tuple[str, ...]:
    """The api-versions that a refusal lists, newest first; a preview comes behind the stable one of its day."""
    match = _LISTED.search(message)
    if match is None:
        return ()
    versions = [version.strip() for version in match[1].split(",")]
    return tuple(sorted(filter(None, versions), key=lambda text: (text[:10], "-preview" not in text), reverse=True))


class ApiVersions:
    """The api-versions in use during one run; safe to share among threads."""

    def __init__(self, exemptions: str | None = None) -> None:
        """`exemptions` fixes that version (`apiVersion` of reconciler.yaml): it is never changed."""
        self._fixed = {str(Api.EXEMPTIONS)} if exemptions else set[str]()
        self._current = {str(Api.EXEMPTIONS): exemptions} if exemptions else dict[str, str]()
        self._lock = threading.Lock()

    def current(self, kind: str) -> str:
        """The version to send for this kind of object (an `Api`, or a resource type)."""
        with self._lock:
            return self._current.get(kind) or KNOWN.get(kind, (_FIRST_TRY,))[0]

    def settle(self, kind: str, refused: str, message: str) -> bool:
        """Takes the newest usable version that the refusal lists; False where there is none, or nothing to change."""
        listed = listed_versions(message)
        understood = KNOWN.get(kind)
        if understood:
            usable = [version for version in understood if version in listed]
        else:
            usable = sorted(listed, key=lambda version: "-preview" in version)
        with self._lock:
            if kind in self._fixed or not usable:
                return False
            self._current[kind] = usable[0]
            return usable[0] != refused
