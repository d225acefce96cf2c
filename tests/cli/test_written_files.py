"""What a command writes piece by piece is the whole new file, or the old one stays as it was."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import emulated
import pytest
from cli.console import exempt
from hypothesis import given, settings
from laws.profile import LAW
from laws.scenarios import Scenario, scenarios
from main_job import repositories as repo
from reports import samples

from reconciler.arm.objects import encode_exemption
from reconciler.azure.raw_snapshot import RawSnapshot
from reconciler.azure.snapshot_file import snapshot_pieces
from reconciler.cli.terminal import show, write
from reconciler.model import Cloud
from reconciler.problems import ReconcilerError
from reconciler.reports.escape import json_line
from reconciler.reports.formats import PLAN
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_json_pieces, plan_to_json
from reconciler.runs.files import make_folder, write_file

POLICY = "404c3081-a854-4457-ae30-26a93ef643f9"
OLD = "the old one, ü\n"


@settings(LAW, max_examples=60)
@given(scenarios() | scenarios(mixed=True))
def test_a_saved_plan_is_the_document_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    report = plan_report(scenario.plan(is_proven=False))
    file = tmp_path_factory.getbasetemp() / "plan.json"
    write_file(file, plan_json_pieces(report, "0.1.0"))
    assert file.read_bytes() == "".join(plan_json_pieces(report, "0.1.0")).encode()
    assert json_line(json.loads(file.read_bytes())) == json_line(plan_to_json(report, "0.1.0"))


def test_a_plan_is_saved_as_it_is_shown(tmp_path: Path) -> None:
    declared = [
        {"name": f"n{number}", "policyDefinition": POLICY, "scopes": [repo.subscription(number)]} for number in (1, 2)
    ]
    root = repo.write(tmp_path / "repository", declared)
    with emulated.running(repo.tenant(repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK))) as azure:
        planned = exempt(azure, "plan", "--format", "json", "--out", str(tmp_path / "plan.json"), root=root, check=0)
        applied = exempt(azure, "apply", "--yes", "--plan-out", str(tmp_path / "applied.json"), root=root, check=0)
    assert (tmp_path / "plan.json").read_text() == planned.stdout
    saved = json.loads((tmp_path / "applied.json").read_bytes())
    assert saved["changes"] == planned.json["changes"]
    assert len(saved["changes"]) == 2
    assert applied.code == 0


def test_a_plan_is_shown_without_the_whole_text_in_memory(tmp_path: Path) -> None:
    changes = tuple(samples.change(None, samples.exemption(f"e{number}")) for number in range(2_000))
    rendered = PLAN.render("json", plan_report(samples.plan(changes)))
    shown, memory = shown_into(tmp_path / "stdout", lambda: show(rendered))
    assert len(json.loads(shown)["changes"]) == 2_000
    assert memory < len(shown) / 4


def test_a_snapshot_is_written_without_the_whole_text_in_memory(tmp_path: Path) -> None:
    exemption = samples.exemption()
    value = {"id": exemption.id.text, **encode_exemption(exemption)}
    raw = RawSnapshot(
        tenant_id=samples.TENANT,
        cloud=Cloud.PUBLIC,
        taken_at=samples.NOW,
        nodes=(),
        assignments=(),
        exemptions=(value,) * 5_000,
        initiatives=(),
        used={},
    )
    shown, memory = shown_into(tmp_path / "stdout", lambda: write(snapshot_pieces(raw)))
    assert memory < len(shown) / 4
    _, memory = shown_into(tmp_path / "nothing", lambda: write_file(tmp_path / "snapshot.json", snapshot_pieces(raw)))
    assert memory < len(shown) / 4
    assert (tmp_path / "snapshot.json").read_bytes() == shown


def shown_into(file: Path, action: Callable[[], None]) -> tuple[bytes, int]:
    """What it writes to standard output, and the most bytes that it holds at once beyond what was held before."""
    with file.open("w", encoding="utf-8") as stream, contextlib.redirect_stdout(stream):
        tracemalloc.start()
        try:
            action()
            memory = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    return file.read_bytes(), memory


def broken(error: BaseException) -> Iterator[str]:
    yield "half of " * 100_000
    raise error


def too_long() -> Iterator[str]:
    for _ in range(1000):
        yield "more than the disk has room for" * 100


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("error", [KeyError("a fault of ours"), KeyboardInterrupt()], ids=["fault", "interrupt"])
def test_what_breaks_off_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException, is_there: bool) -> None:
    file = old_file(tmp_path, is_there)
    with pytest.raises(type(error)):
        write_file(file, broken(error))
    assert files_in(tmp_path) == ({"plan.json": OLD} if is_there else {})


@pytest.mark.parametrize("is_there", [True, False])
def test_a_disk_without_room_leaves_the_old_file_and_no_other(tmp_path: Path, is_there: bool) -> None:
    file = old_file(tmp_path, is_there)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(ReconcilerError, match=r"plan\.json cannot be written: File too large"):
            write_file(file, too_long())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files_in(tmp_path) == ({"plan.json": OLD} if is_there else {})


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    make_folder(tmp_path / "new" / "below")
    make_folder(tmp_path / "new" / "below")
    with pytest.raises(ReconcilerError, match=r"the folder .*/file/below cannot be made: Not a directory") as error:
        make_folder(tmp_path / "file" / "below")
    assert error.value.remedy == "name a folder where this user may write and the disk has room"


def test_what_is_no_plain_file_gets_every_piece() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        write_file(Path(f"/dev/fd/{writing}"), iter(["one\n", "ü\n"]))
        os.close(writing)
        assert pipe.read() == "one\nü\n".encode()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_a_stream_goes_on_where_it_leads_to_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    program = (
        "import sys\nfrom pathlib import Path\nfrom reconciler.cli.terminal import show\n"
        "from reconciler.reports.styled import line\nfrom reconciler.runs.files import write_file\n"
        "show([line('before')])\nwrite_file(Path(sys.argv[1]), 'the plan\\n')\nshow([line('after')])\n"
    )
    file = tmp_path / "out"
    file.write_text(OLD, encoding="utf-8")
    before = file.stat().st_ino
    with file.open("ab") as out:
        subprocess.run([sys.executable, "-c", program, name], stdout=out, cwd=tmp_path, check=True)
    assert file.read_text(encoding="utf-8") == f"{OLD}before\nthe plan\nafter\n"
    assert file.stat().st_ino == before
    with file.open("wb") as out:
        subprocess.run([sys.executable, "-c", program, name], stdout=out, cwd=tmp_path, check=True)
    assert file.read_text(encoding="utf-8") == "before\nthe plan\nafter\n"


def test_a_stream_that_is_not_open_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="/dev/fd/977 cannot be written: Bad file descriptor"):
        write_file(Path("/dev/fd/977"), "lost")
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(ReconcilerError, match="round cannot be written"):
        write_file(tmp_path / "round", "lost")


def test_a_pipe_with_a_name_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", "the plan\n")
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"the plan\n"
    assert (tmp_path / "pipe").is_fifo()


def old_file(folder: Path, is_there: bool) -> Path:
    file = folder / "plan.json"
    if is_there:
        file.write_text(OLD, encoding="utf-8")
    return file


def files_in(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_a_link_is_followed_and_the_draft_lies_beside_what_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the link it could lie on another disk, from which nothing can take a file's place."""
    target, link = tmp_path / "elsewhere" / "out", tmp_path / "link"
    target.parent.mkdir()
    target.write_text("the old one")
    link.symlink_to(target)
    drafts = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda draft, to: (drafts.append(draft.parent), replace(draft, to))[1])
    write_file(link, "the new one")
    assert (drafts, target.read_text(), link.is_symlink()) == ([target.parent], "the new one", True)
