"""What a status adds to a drift report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from assessments.defended import AUDIT, DEAF, DECLARED, LEDGER, MCSB, NIST, World, finding, own, world
from assessments.test_effect import ago, recently
from cli.console import exempt


def findings(here: World, *options: str, check: int | None = None) -> dict[str, list[dict[str, Any]]]:
    ended = exempt(here.azure, "drift", "--format", "json", *options, root=here.root, check=check)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for line in ended.json["findings"]:
        kinds.setdefault(line["kind"], []).append(line)
    return kinds


def test_what_has_no_effect_is_drift(tmp_path: Path) -> None:
    with world(tmp_path, assessmentMetadata=DEAF) as here:
        (line,) = findings(here, "--kind", "ineffective", check=2)["ineffective"]
        assert (line["severity"], line["declaration"]) == ("warning", "tde")
        assert "Defender still counts" in line["message"]
        assert line["evidence"]["count"] == 2
    with world(tmp_path, exemptions=recently(3), assessmentMetadata=DEAF) as here:
        assert findings(here, "--kind", "ineffective", check=0) == {}  # it has a day
    with world(tmp_path) as here:
        assert findings(here, "--kind", "ineffective", check=0) == {}


@pytest.mark.parametrize(("code", "kinds"), [("Healthy", {"unneeded"}), ("Unhealthy", set())])
def test_what_nobody_needs_is_for_information(tmp_path: Path, code: str, kinds: set[str]) -> None:
    shown = [finding(LEDGER, code), finding(AUDIT, code)]
    with world(tmp_path, exemptions=recently(3), findings=shown) as here:
        lines = findings(here, "--kind", "unneeded", check=0)
        assert set(lines) == kinds
        assert all("exempt retire tde" in line["remedy"] for line in lines.get("unneeded", ()))


def test_without_resource_graph_drift_goes_on(tmp_path: Path) -> None:
    with world(tmp_path, exemptions=[own(MCSB), own(NIST, written=ago(30))], declared=[DECLARED]) as here:
        here.azure.inject_faults({"faults": [{"path": "ResourceGraph", "status": 403, "count": None}]})
        ended = exempt(here.azure, "drift", "--kind", "ineffective", root=here.root, check=0)
        assert "Defender was not asked" in ended.stderr
        assert here.run(check=1).code == 1
