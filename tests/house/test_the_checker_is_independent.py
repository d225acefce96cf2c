"""The checker imports nothing of ours: the contract in pyproject.toml names every other room, also the next new one."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_its_contract_names_every_other_room() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (forbidden,) = [
        set(contract["forbidden_modules"])
        for contract in contracts
        if contract.get("source_modules") == ["reconciler.verification"]
    ]
    package = ROOT / "reconciler"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} | {
        path.stem for path in package.glob("[!_]*.py")
    }
    assert forbidden == {f"reconciler.{room}" for room in rooms - {"verification"}}
