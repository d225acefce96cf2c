"""Laws of a status, over generated tenants on the embedded Azure, whose Defender has its own idea of what is exempt."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import emulated
from assessments.defended import (
    AUDIT,
    DECLARED,
    GROUP,
    HOUR,
    ISO,
    LEDGER,
    MCSB,
    NIST,
    ONE,
    REFERENCES,
    TWO,
    World,
    finding,
    only,
    own,
    world,
)  # fmt: skip
from cli.console import exempt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES
from main_job import repositories as repo

OTHER = f"{ONE}/resourceGroups/rg-other/providers/Microsoft.Sql/servers/s/databases/other"
FAR = f"{TWO}/resourceGroups/rg-far/providers/Microsoft.Sql/servers/s/databases/far"
DATABASES = (LEDGER, AUDIT, OTHER, FAR)
REFERENCES_OF = {**REFERENCES, "iso": "AuditTransparentDataEncryptionStatus"}
TYPES = [{"name": "t", "selectors": [{"kind": "resourceType", "in": ["Microsoft.Sql/servers"]}]}]
WEST = [{"name": "w", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]
OFF = [{"kind": "policyEffect", "value": "Disabled"}]
ASSIGNED = {
    "mcsb": MCSB,
    "nist": NIST,
    "iso": repo.assignment(repo.ROOT, "iso", ISO),
}
"""Everything that may evaluate it. The references of each are those of the bundled facts."""


def ago(hours: int) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


@st.composite
def assignments(draw: Any) -> list[dict[str, Any]]:
    """The benchmark mostly, others at times; each may be switched off, or leave something out."""
    names = [name for name in ASSIGNED if draw(st.integers(0, 9)) < (9 if name == "mcsb" else 5)]
    more = st.sampled_from([{}, {}, {}, {"overrides": OFF}, {"notScopes": [GROUP]}, {"resourceSelectors": TYPES}])
    return [{**ASSIGNED[name], "properties": {**ASSIGNED[name]["properties"], **draw(more)}} for name in names]


@st.composite
def exemptions(draw: Any, assigned: list[dict[str, Any]], target: str) -> list[dict[str, Any]]:
    """What an apply may have left in each assignment, and what somebody did to it since."""
    made = []
    for assignment in assigned:
        name = assignment["id"].rsplit("/", 1)[-1]
        scope = draw(st.sampled_from([target, target, target, target, LEDGER]))
        if draw(st.integers(0, 9)) < 2 or (name == "nist" and scope in {repo.ROOT, TWO}):
            continue
        more = draw(st.sampled_from([{}, {}, {}, {}, {"resourceSelectors": TYPES}, {"resourceSelectors": WEST},
                                     {"expiresOn": "2026-01-01T00:00:00Z"}]))  # fmt: skip
        metadata = {"managedBy": "exempt", "owner": "contoso/exemptions", "declaration": "tde", "target": target}
        written = draw(st.sampled_from([ago(1000), ago(1000), ago(30), ago(3)]))
        exemption = own(assignment, scope, written, metadata=metadata, **more)
        exemption["properties"]["policyDefinitionReferenceIds"] = [REFERENCES_OF[name]]
        made.append(exemption)
    return made


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    target = draw(st.sampled_from([LEDGER, GROUP, ONE, repo.ROOT, TWO]))
    assigned = draw(assignments())
    codes = st.sampled_from(["Unhealthy", "Unhealthy", "Unhealthy", "Healthy", "NotApplicable", ""])
    findings = [finding(database, code) for database in DATABASES if (code := draw(codes))]
    off = draw(st.sampled_from([False] * 5 + [True]))
    tiers = [
        {"id": f"{ONE}/providers/Microsoft.Security/pricings/FoundationalCspm", "properties": {"pricingTier": "Free"}}
    ]
    return {
        "declared": [{**DECLARED, "scopes": [target]}],
        "assignments": assigned,
        "exemptions": draw(exemptions(assigned, target)),
        "assessments": findings,
        "resources": list(DATABASES),
        "pricings": tiers if off else [],
    }


def shown(here: World, target: str) -> Iterator[str]:
    """What Defender itself says, by its own lists and not by Resource Graph, of what lies at and below the target."""
    arm = emulated.Client(here.azure)
    for subscription in (ONE, TWO):
        for row in arm.list(f"{subscription}/providers/Microsoft.Security/assessments", version="2021-06-01"):
            resource = row["properties"]["resourceDetails"]["id"]
            if target == repo.ROOT or f"{resource}/".startswith(f"{target}/"):
                status = row["properties"]["status"]
                yield " ".join(filter(None, (status["code"], status.get("cause"))))


def is_in_force(words: list[str]) -> bool:
    return "NotApplicable Exempt" in words and all(word.startswith("NotApplicable") for word in words)


@settings(max_examples=max(EXAMPLES // 16, 25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_in_force_is_what_defender_says_and_what_has_no_effect_has_a_reason(lists: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), **lists) as here:
        (scope,) = lists["declared"][0]["scopes"]
        words, target = list(shown(here, scope)), only(here.status())
        assert (target["state"] == "in force") == is_in_force(words), (words, target)
        assert sum(target["resources"].values()) == len(words)
        assert target["resources"]["unhealthy"] == len(target["unhealthy"]) == words.count("Unhealthy")
        causes = [diagnosis["cause"] for diagnosis in target["diagnoses"]]
        if target["state"] == "ineffective":
            assert causes
            assert "Unhealthy" in words
            assert ("recreate" in causes) == ("outside Defender" in causes)
            assert "recreate" not in causes or causes[-2:] == ["outside Defender", "recreate"]
            assert not ({"recreate"} & set(causes) and "certain" in {d["confidence"] for d in target["diagnoses"]})
        if target["state"] == "waiting":
            assert target["secondsLeft"] > 0
        exempt(here.azure, "apply", "--yes", "--allow-deletes", "99", root=here.root)
        here.azure.tenant.clock.advance(25 * HOUR)
        again, words = only(here.status()), list(shown(here, scope))
        assert (again["state"] == "in force") == is_in_force(words), (words, again)
        assert again["state"] != "ineffective", "every reason here is one that apply removes"
        assert "Unhealthy" not in words
