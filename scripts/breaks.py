"""Semantic breaks that the tests must see: each patch of tests/breaks/ takes away one thing that the product promises.

    python scripts/breaks.py [NAME...]         apply each in a scratch copy, run the tests that it names, say which failed
    python scripts/breaks.py --check           only whether every patch still applies

A patch begins with what it breaks and which tests should see that:

    # forget to re-read the object before it is written
    # tests: tests/applying/test_engine.py
    --- a/reconciler/applying/attempt.py …

Exit 1 where a break is not seen, or a patch no longer applies (code moved on: make the same break in the code as it is
now, and `git diff -U1` is the patch).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "breaks"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
TIMEOUT = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One patch: what it takes away, and the files or node ids of the tests that should see it."""

    path: Path
    what: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """The patch's name without its ending."""
        return self.path.stem


def load() -> Iterator[Break]:
    """Every patch, by name."""
    for path in sorted(FOLDER.glob("*.patch")):
        what, tests, *_ = path.read_text(encoding="utf-8").splitlines()
        if not what.startswith("# ") or not tests.startswith("# tests: "):
            raise SystemExit(f"{path}: the first two lines say what it breaks, and `# tests: …` which tests see it")
        yield Break(path=path, what=what.removeprefix("# "), tests=tuple(tests.removeprefix("# tests: ").split()))


def tracked() -> list[str]:
    """The files that a scratch copy needs: those of git, and new ones that nobody ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )  # fmt: skip
    return [name for name in os.fsdecode(listed.stdout).split("\0") if name and (ROOT / name).exists()]


def copy_to(folder: Path) -> None:
    """A scratch copy of the work tree, as a repository of its own, so that no patch can reach the real one."""
    for name in tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)


def apply(broken: Break, folder: Path, *options: str) -> str:
    """Applies the patch, with its lines wherever they are by now; why it does not apply, or nothing."""
    done = subprocess.run(
        ["git", "apply", "-C1", *options, str(broken.path)], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stderr.strip()


def judge(broken: Break, folder: Path) -> tuple[str, bool]:
    """The first test that failed with the break, or that none did."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header"]
    try:
        done = subprocess.run(
            [*command, *broken.tests],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"the tests hung for {TIMEOUT} s", False
    if done.returncode == 1 and (failed := FAILED.search(done.stdout)):
        return failed[1], True
    if done.returncode == 0:
        return "NOT SEEN", False
    return (
        f"the tests did not run (pytest exits {done.returncode}): {(done.stdout + done.stderr)[-300:].strip()}",
        False,
    )


def main(arguments: Sequence[str]) -> int:
    """Checks or judges the patches, and says what came of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these patches")
    parser.add_argument("--check", action="store_true", help="only whether each still applies")
    options = parser.parse_args(arguments)
    chosen = [broken for broken in load() if not options.names or broken.name in options.names]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="exempt-breaks-") as scratch:
        folder = Path(scratch)
        copy_to(folder)
        for broken in chosen:
            if why := apply(broken, folder, "--check"):
                bad += 1
                sys.stdout.write(f"{broken.name}: does not apply any more: {why}\n")
                continue
            if options.check:
                continue
            apply(broken, folder)
            began = time.monotonic()
            outcome, is_seen = judge(broken, folder)
            apply(broken, folder, "--reverse")
            bad += not is_seen
            sys.stdout.write(
                f"{broken.name} ({broken.what}): {'seen by ' if is_seen else ''}{outcome} ({time.monotonic() - began:.0f} s)\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} breaks, {bad} {'that do not apply' if options.check else 'not seen'}\n")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
