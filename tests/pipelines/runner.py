"""Runs the `run:` steps of a workflow as a GitHub runner would: expressions, environment files, step conditions.

Actions (`uses:`) are not run; what they would leave behind is prepared by the test. Installing is a shim, because tests
reach no network: `python -m venv` gives a Python that has the tool's dependencies, and pip only says its version. Both
modules are imported by the real Python, so that a folder that offers another `venv.py` or `pip.py` is found out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import prefork
import yaml

from reconciler.runs import scaffold

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = CHECKOUT / ".github" / "workflows"

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_VENV_SHIM = """#!/usr/bin/env bash
# python [OPTION]... -m venv DIR: finds the module as Python does, then makes a stand-in of an environment
set -e
folder="${@: -1}"
{python} "${@:1:$#-3}" -c "import ${@: -2:1}"
mkdir -p "$folder/bin"
cat >"$folder/bin/python" <<'END'
#!/usr/bin/env bash
options=()
for argument in "$@"; do
  if [ "$argument" = -m ] && [ "${@:${#options[@]}+2:1}" = pip ]; then
    exec {python} "${options[@]}" -c 'import pip; print("pip", pip.__version__)'
  fi
  options+=("$argument")
done
exec {forking} "$@"
END
chmod +x "$folder/bin/python"
"""


def load(name: str, folder: Path = WORKFLOWS) -> dict[str, Any]:
    """A workflow file, or a template of one; `on` is read as a key, not as a boolean."""
    text = (folder / name).read_text(encoding="utf-8").replace("@@ACTION@@", "contoso/exempt@" + "0" * 40)
    text = scaffold.in_parts(text, ())  # a template has both forms: whole, and in parts
    return yaml.load(text.replace("\non:", '\n"on":'), Loader=yaml.SafeLoader)


@dataclass
class Job:
    """One run of one job in `workspace`. `context` answers expressions; a missing one is empty, as on GitHub."""

    steps: list[dict[str, Any]]
    workspace: Path
    context: dict[str, str]
    env: dict[str, str] = field(default_factory=dict)
    temp: Path = Path()
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    failed: bool = False

    @property
    def summary(self) -> str:
        path = self.temp / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def evaluate(self, text: Any) -> str:
        return _EXPRESSION.sub(lambda found: self._lookup(found[1]), str(text))

    def _lookup(self, expression: str) -> str:
        if option := re.fullmatch(r"(\S+) && format\('([^']*)', \1\) \|\| ''", expression):
            value = self._lookup(option[1])
            return option[2].replace("{0}", value) if value else ""
        if equal := re.fullmatch(r"([\w.-]+) == '(\w*)'", expression):
            return str(self._lookup(equal[1]) == equal[2]).lower()
        parts = expression.split(".")
        if parts[0] == "steps" and len(parts) == 4:
            return self.outputs.get(parts[1], {}).get(parts[3], "")
        return self.context.get(expression, "")

    def wants(self, step: Mapping[str, Any]) -> bool:
        condition = step.get("if")
        if condition is None:
            return not self.failed
        found = re.fullmatch(
            r"(always\(\) && )?(?:steps\.(\w+)\.outcome == 'success' && )?(\S+) ([=!]=) '(\w*)'", str(condition)
        )
        if str(condition) == "always()":
            return True
        assert found, f"teach the runner this condition: {condition}"
        if self.failed and not found[1]:
            return False
        return (self._lookup(found[3]) == found[5]) == (found[4] == "==")

    def run(self) -> Job:
        for step in self.steps:
            if "run" in step and self.wants(step):
                self._run(step)
        return self

    def _run(self, step: Mapping[str, Any]) -> None:
        output = self.temp / "output"
        output.write_text("", encoding="utf-8")
        env = {**self.env, "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md")}
        env |= {name: self.evaluate(value) for name, value in step.get("env", {}).items()}
        assert "${{" not in step["run"], "a script must not contain expressions"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace / self.evaluate(step.get("working-directory", ".")),
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.log += f"### {step.get('name')}\n{done.stdout}{done.stderr}"
        self.failed = self.failed or done.returncode != 0
        rows = [row.split("=", 1) for row in output.read_text(encoding="utf-8").splitlines() if "=" in row]
        self.outputs[step.get("id", "")] = dict(rows)  # type: ignore[arg-type]


def job(
    workflow: dict[str, Any], name: str, workspace: Path, temp: Path, context: Mapping[str, str], env: Mapping[str, str]
) -> Job:
    """A job that is ready to run. `env` is what the runner's machine has (the way to the embedded Azure)."""
    temp.mkdir(parents=True, exist_ok=True)
    if not (temp / "shims" / "gh").exists():
        fake_production(temp)  # no run of apply was there yet
    found = workflow["jobs"][name]
    full = {"runner.temp": str(temp), "github.workspace": str(workspace), **context}
    made = Job(found["steps"], workspace, full, temp=temp)
    made.env = {
        "PATH": f"{shims(temp)}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(temp),
        "RUNNER_TEMP": str(temp),
        "CI": "true",
        **env,
        **{key: made.evaluate(value) for key, value in found.get("env", {}).items()},
    }
    return made


def shims(temp: Path) -> Path:
    """A folder for the front of PATH with the stand-in of `python`."""
    folder = temp / "shims"
    folder.mkdir(parents=True, exist_ok=True)
    _executable(
        folder / "python",
        _VENV_SHIM.replace("{python}", sys.executable).replace("{forking}", shlex.join(prefork.python())),
    )
    return folder


def fake_gh(temp: Path, answers: str = "") -> Path:
    """A `gh` that notes its arguments and prints `answers`; returns the file of notes."""
    notes = temp / "gh.log"
    (temp / "shims").mkdir(parents=True, exist_ok=True)
    script = (
        f'#!/usr/bin/env bash\nprintf "%s\\n" "$*" >>{notes}\nif [[ "$*" == *--jq* ]]; then printf "{answers}"; fi\n'
    )
    _executable(temp / "shims" / "gh", script)
    return notes


def fake_github(temp: Path, answers: Mapping[str, Any]) -> Path:
    """A `gh api` that answers by the end of the address, before its query, and by nothing else; returns its notes. An
    answer is GitHub's own JSON, which --jq is really applied to, or a file to download.
    """
    notes = temp / "gh.log"
    (temp / "shims").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (end, answer) in enumerate(answers.items()):
        file = answer if isinstance(answer, Path) else temp / f"gh-{number}.json"
        if not isinstance(answer, Path):
            file.write_text(json.dumps(answer), encoding="utf-8")
        rows.append(f"  */{end}) file={shlex.quote(str(file))} ;;")
    script = f"""#!/usr/bin/env bash
printf "%s\\n" "$*" >>{notes}
case "${{2%%\\?*}}" in
{chr(10).join(rows)}
  *) exit 1 ;;
esac
if [[ "${{@: -2:1}}" == --jq ]]; then exec jq -r "${{@: -1}}" "$file"; fi
exec cat "$file"
"""
    _executable(temp / "shims" / "gh", script)
    return notes


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run of apply.yml as GitHub remembers it: its artefacts in the order in which they were made, those of the reviewers'
    decisions that approved, and what the artefact `record` holds.
    """

    artifacts: tuple[str, ...] = ()
    approvals: int = 1
    conclusion: str = "success"
    record: str | None = None


def fake_production(temp: Path, *runs: PastRun, **more: Any) -> Path:
    """A `gh` that knows these runs of apply.yml, the newest first, and `more` answers; returns its notes."""
    answers: dict[str, Any] = {
        "apply.yml/runs": {
            "workflow_runs": [{"id": 1 + number, "conclusion": run.conclusion} for number, run in enumerate(runs)]
        },
        **more,
    }
    temp.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs):
        names = [*run.artifacts, *(["record"] if run.record is not None else [])]
        artifacts = [
            {"id": 100 * (1 + number) + position, "name": name, "expired": False, "created_at": f"2026-01-01T00:00:0{position}Z"}
            for position, name in enumerate(["plan", "outcomes", *names])
        ]  # fmt: skip
        decisions = [{"state": "rejected", "environments": [{"name": "production"}]}]
        decisions += [{"state": "approved", "environments": [{"name": "production"}]}] * run.approvals
        answers[f"runs/{1 + number}/artifacts"] = {"artifacts": artifacts}
        answers[f"runs/{1 + number}/approvals"] = decisions
        if run.record is not None:
            archive = temp / f"record-{number}.zip"
            with zipfile.ZipFile(archive, "w") as file:
                file.writestr("record.json", run.record)
            answers[f"artifacts/{artifacts[-1]['id']}/zip"] = archive
    return fake_github(temp, answers)


def _executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
