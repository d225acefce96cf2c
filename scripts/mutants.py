"""Mutation testing by mutmut: a room's code is changed in small ways, and its tests must notice nine in ten changes.

    python scripts/mutants.py [ROOM|MODULE...] [--mutants 100] [--seed TEXT] [--tests PATH...]

All mutants of all rooms would take days, so each run draws some modules of each room and some mutants of those: others
each day, the same ones for the same seed (the date unless told). A module (reconciler/planning/guards.py) in place of a
room draws from that one. Which tests judge a room stands in ROOMS; of those, mutmut runs the ones that call the changed
function. Survivors are printed as differences; 1 where too many survive in a room. mutmut works in
build/mutants/ROOM, where `mutmut browse` shows more. `# pragma: no mutate` at the end of a line exempts it: the comment
above it says why a change would make no difference.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = 90.0  # percent of a room's sample
COMMANDS = (
    "tests/cli", "tests/main_job", "tests/applying", "tests/drift", "tests/requesting", "tests/importing",
    "tests/repository", "tests/assessments", "tests/explaining", "tests/reports", "tests/notifying", "tests/declarations",
    "tests/catalog/test_catalog_command.py", "tests/catalog/test_catalog_refresh.py",
    "tests/azure_room/test_doctor.py", "tests/azure_room/test_snapshot_command.py",
    "tests/verification/test_verify_command.py", "tests/emulator/test_emulator_command.py", "tests/emulator/test_proving.py",
    "tests/pipelines/test_init.py", "tests/pipelines/test_init_terminal.py", "tests/pipelines/test_init_upgrade.py",
)  # fmt: skip
"""What drives the command line: of the other rooms, the tests of doctor, snapshot, verify, catalog, emulator and init."""
ROOMS = {
    "planning": ("tests/planning", "tests/explaining", "tests/declarations", "tests/drift"),
    "applying": ("tests/applying", "tests/reports"),
    "azure": (
        "tests/azure_room",
        "tests/requesting",
        "tests/importing",
        "tests/assessments",
        "tests/main_job/test_in_parts.py",
    ),
    "declarations": ("tests/declarations",),
    "runs": COMMANDS,
    "cli": COMMANDS,
}
"""The tests that judge a room's mutants."""
LINES = 5  # of the modules that are drawn, for each mutant: generating them takes a tenth of a second a line
KILLED = {"killed", "timeout", "segfault"}
GENERATE = """
import os
from mutmut import __main__ as mutmut
os.makedirs("mutants", exist_ok=True)
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.create_mutants(os.cpu_count())
"""
"""mutmut's command only generates where it also runs, but a sample is drawn in between."""


def modules(room: str, *, lines: int, dice: random.Random) -> list[str]:
    """Some of the room's modules, of so many lines together."""
    paths = sorted((ROOT / "reconciler" / room).rglob("*.py"))
    dice.shuffle(paths)
    drawn: list[str] = []
    for path in paths:
        if lines > 0:
            drawn.append(path.relative_to(ROOT).as_posix())
            lines -= path.read_text(encoding="utf-8").count("\n")
    return drawn


def prepare(room: str, mutated: Sequence[str], tests: Sequence[str]) -> Path:
    """A folder of its own for mutmut: links to what tests read, and the settings with this run's in them."""
    folder = ROOT / "build" / "mutants" / room
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {name.partition("/")[0] for name in listed.splitlines()} - {"pyproject.toml"}
    for name in names:
        (folder / name).symlink_to(ROOT / name)
    settings = {
        "only_mutate": list(mutated),
        "pytest_add_cli_args_test_selection": list(tests),
        "also_copy": sorted(names - {"reconciler"}),
    }
    header = "[tool.mutmut]\n"
    rows = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    before, _, after = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition(header)
    (folder / "pyproject.toml").write_text(before + header + rows + after, encoding="utf-8")
    return folder


def mutmut(folder: Path, *arguments: str) -> str:
    """What mutmut prints, run in the folder; the mutated package comes first, in processes of tests too."""
    mutated = folder / "mutants"
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": f"{mutated}{os.pathsep}{mutated / 'tests'}",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        failed = mutated / "failed.txt"  # by tests/mutated.py: a test must pass before it can judge
        says = failed.read_text(encoding="utf-8") if failed.exists() else done.stdout[-5000:]
        raise SystemExit(f"{says}\n{done.stderr}\nmutmut ended with exit {done.returncode}")
    return done.stdout


def statuses(folder: Path) -> dict[str, str]:
    """How each mutant that was generated ended, by its name."""
    rows = mutmut(folder, "-m", "mutmut", "results", "--all", "true").splitlines()
    return dict(row.strip().split(": ") for row in rows)


def judge(subject: str, tests: Sequence[str], *, number: int, seed: str) -> bool:
    """Draws, tries, tells; whether enough were noticed."""
    began = time.monotonic()
    dice = random.Random(f"{seed} {subject}")
    room = subject.split("/")[1] if "/" in subject else subject
    mutated = [subject] if "/" in subject else modules(room, lines=LINES * number, dice=dice)
    folder = prepare(room, mutated, tests or ROOMS[room])
    mutmut(folder, "-c", GENERATE)
    mutants = sorted(statuses(folder))
    drawn = sorted(dice.sample(mutants, min(number, len(mutants))))
    mutmut(folder, "-m", "mutmut", "run", *drawn)
    ended = {name: status for name, status in statuses(folder).items() if name in set(drawn)}
    survivors = [name for name in drawn if ended[name] not in KILLED]
    for name in survivors:
        print(mutmut(folder, "-m", "mutmut", "show", name))
    noticed = 100 * (len(drawn) - len(survivors)) / len(drawn)
    counts = ", ".join(f"{count} {status}" for status, count in Counter(ended.values()).most_common())
    print(
        f"{subject}: {noticed:.1f} % of {len(drawn)} mutants noticed, drawn from {len(mutants):,} of {len(mutated)} modules "
        f"({counts}; seed {seed}, {time.monotonic() - began:.0f} s); required {REQUIRED:.0f} %",
        flush=True,
    )
    return noticed >= REQUIRED


def main(arguments: Sequence[str] | None = None) -> int:
    """Each room in turn; 1 where one falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "subjects", nargs="*", metavar="ROOM|MODULE", help=f"of {', '.join(ROOMS)}; all rooms if absent"
    )
    parser.add_argument("--mutants", type=int, default=100, help="how many of each are tried")
    parser.add_argument("--seed", default=time.strftime("%Y-%m-%d", time.gmtime()), help="which ones")
    parser.add_argument("--tests", nargs="+", default=(), metavar="PATH", help="which judge, in place of the room's")
    args = parser.parse_args(arguments)
    for subject in args.subjects:
        if subject not in ROOMS and not ((ROOT / subject).is_file() and subject.split("/")[1] in ROOMS):
            parser.error(
                f"{subject} is no room ({', '.join(ROOMS)}) and no module of one (reconciler/planning/guards.py)"
            )
    enough = [judge(subject, args.tests, number=args.mutants, seed=args.seed) for subject in args.subjects or ROOMS]
    return 0 if all(enough) else 1


if __name__ == "__main__":
    sys.exit(main())
