"""A run reads the catalogue and each file once, whatever asks for them."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from reconciler.catalog import catalogue, store
from reconciler.cli.main import main
from reconciler.documents import strict

SETTINGS = "owner: contoso\ntenantId: 11111111-2222-4333-8444-555566667777\nscopes: [/subscriptions/{0}]\n"
DECLARATION = """\
name: {name}
recommendation: 651967bf-044e-4bde-8376-3e08e0600105
scopes: [/subscriptions/{0}/resourceGroups/{name}]
category: Waiver
justification: It retires with project Lyra.
owner: data@contoso.example
"""
SUBSCRIPTION = "6f0e1111-2222-4333-8444-000000000001"


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_run_opens_the_catalogue_once_and_parses_each_file_once(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "reconciler.yaml").write_text(SETTINGS.format(SUBSCRIPTION))
    for name in ("one", "two"):
        (tmp_path / "exemptions" / f"{name}.yaml").write_text(DECLARATION.format(SUBSCRIPTION, name=name))
    counted: Counter[str] = Counter()

    def opened(frame, event, _argument):
        if event != "call":
            return
        if frame.f_code is catalogue.load.__code__:
            counted["catalogue"] += 1
        elif frame.f_code is strict.parse.__code__:
            counted[frame.f_locals["file"]] += 1

    monkeypatch.chdir(tmp_path)
    options = ["--snapshot", str(tmp_path / "no-snapshot.json")] if command == "plan" else []
    sys.setprofile(opened)
    try:
        code = main([command, *options])
    except Exception:  # noqa: BLE001 - there is no snapshot: what had to be loaded is loaded
        code = 1
    finally:
        sys.setprofile(None)
    assert code == (command == "plan")
    expected = {"catalogue": 1, "reconciler.yaml": 1, "exemptions/one.yaml": 1, "exemptions/two.yaml": 1}
    assert {name: times for name, times in counted.items() if name} == expected
    assert store.shard.cache_info().maxsize is None, "a shard is parsed once, too"
