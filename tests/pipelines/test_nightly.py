"""What is too slow for each push runs every night: no judge is left out, none without a limit, all Pythons."""

from __future__ import annotations

import re
import tomllib

from pipelines import runner

JOBS = runner.load("nightly.yml")["jobs"]
MAKEFILE = (runner.CHECKOUT / "Makefile").read_text(encoding="utf-8")


def matrix(job: str) -> set[str]:
    (values,) = JOBS[job]["strategy"]["matrix"].values()
    return set(values)


def test_every_judge_judges_each_night() -> None:
    judges = re.search(r"^JUDGES := ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
    assert judges
    names = set(re.sub(r"\$\(if \S+,(\S+)\)|\\", r"\1", judges[1]).split())
    elsewhere = {"test-recorded"}  # the recordings are nobody's to publish
    assert names - elsewhere == matrix("judges") | {"mutants", "package", "test-spec"}
    for job, command in (("mutants", "make mutants"), ("package", "make package"), ("specification", "make test-spec")):
        assert any(command in step.get("run", "") for step in JOBS[job]["steps"])


def test_mutants_of_every_room_that_has_any_are_drawn() -> None:
    script = (runner.CHECKOUT / "scripts" / "mutants.py").read_text(encoding="utf-8")
    rooms = set(re.findall(r'^    "(\w+)": ', script.partition("ROOMS = {")[2].partition("}")[0], re.MULTILINE))
    assert rooms == matrix("mutants") == {"planning", "applying", "azure", "declarations", "runs", "cli"}


def test_every_supported_python_is_tested_each_night() -> None:
    assert {"3.11", "3.12", "3.13"} <= matrix("package")
    assert any(step.get("run") == ".ci/run" for step in JOBS["package"]["steps"])


def test_nothing_runs_for_ever() -> None:
    assert all(job["timeout-minutes"] <= 120 for job in JOBS.values())
    settings = tomllib.loads((runner.CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["pytest"]["ini_options"]["timeout"] <= 300
