"""`exempt emulator prove`: what the command makes of a proof. How one is made is tested with the emulator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import guarded
from reconciler.emulator.proving.prove import Difference, Proof
from reconciler.model import ArmId, arm_id
from reconciler.runs import prove

SANDBOX = "/subscriptions/6f0e0000-0000-4000-8000-000000000001"
ALIKE = Proof(is_write_tier=False, exchanges=({"scenario": "a"}, {"scenario": "b"}), differences=(), remaining=())
OTHER = Difference(scenario="list", where="body.value[0].name", real="ü" * 200, emulated={"a": [None]})
LEFT = f"{SANDBOX}/providers/Microsoft.Authorization/policyExemptions/prove1"


def ended(monkeypatch: pytest.MonkeyPatch, proof: Proof, *words: str, code: int) -> list[tuple[object, ...]]:
    """Runs the command, with this proof in place of one; what was asked for."""
    calls: list[tuple[object, ...]] = []

    def run(root: Path, scope: ArmId, _context: object, *, write: bool) -> Proof:
        calls.append((root, scope, write))
        return proof

    monkeypatch.setattr(prove, "run", run)
    assert guarded(["emulator", "prove", "--scope", SANDBOX, *words]) == code
    return calls


@pytest.mark.parametrize(
    ("proof", "code", "out", "err"),
    [
        (ALIKE, 0, [], ["2 scenarios, 0 differences"]),
        (
            replace(ALIKE, exchanges=ALIKE.exchanges[:1], differences=(OTHER,)),
            2,
            ["list: body.value[0].name", '  real      "' + "ü" * 159, '  emulated  {"a": [null]}'],
            ["1 scenario, 1 difference"],
        ),
        (
            replace(ALIKE, differences=(OTHER,), remaining=(LEFT,)),
            1,
            ["list: body.value[0].name", '  real      "' + "ü" * 159, '  emulated  {"a": [null]}'],
            ["2 scenarios, 1 difference", f"could not be deleted: {LEFT}"],
        ),
        (replace(ALIKE, remaining=(LEFT,)), 1, [], ["2 scenarios, 0 differences", f"could not be deleted: {LEFT}"]),
    ],
)
def test_text_says_where_they_differ_and_what_stays(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    proof: Proof,
    code: int,
    out: list[str],
    err: list[str],
) -> None:
    assert ended(monkeypatch, proof, code=code) == [(Path(), arm_id(SANDBOX), False)]
    shown = capsys.readouterr()
    assert (shown.out.splitlines(), shown.err.splitlines()) == (out, err)


def test_the_recording_is_what_json_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    proof, file = replace(ALIKE, differences=(OTHER,)), tmp_path / "recording.json"
    words = ("--out", str(file), "--write", "--root", "elsewhere")
    calls = ended(monkeypatch, proof, *words, "--format", "json", code=2)
    assert calls == [(Path("elsewhere"), arm_id(SANDBOX), True)]
    shown = capsys.readouterr()
    assert file.read_text(encoding="utf-8") == shown.out
    recording: dict[str, Any] = json.loads(shown.out)
    assert recording["exchanges"] == [*ALIKE.exchanges]
    assert recording["differences"][0]["real"] == OTHER.real, "the recording has all of a value"
    file.unlink()
    ended(monkeypatch, proof, *words, code=2)
    assert file.read_text(encoding="utf-8") == shown.out


def test_the_sandbox_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        guarded(["emulator", "prove"])
    assert left.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: the following arguments are required: --scope",
        "help: 'exempt emulator prove --help' lists the options",
    ]


def test_help_keeps_the_paragraphs_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        guarded(["emulator", "prove", "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: exempt emulator prove ")
    assert "\n\nReads only, unless --write. " in text
    assert "\n\nExit codes: 0 no differences; " in text
