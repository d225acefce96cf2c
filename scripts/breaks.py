"""Semantic breaks that the tests must see: each entry of tests/breaks/ takes away one thing that the product promises.

    python scripts/breaks.py [NAME...]         make each in a scratch copy, run the tests that it names, say which failed
    python scripts/breaks.py --check           only whether every break can still be made

A break names a file, the text that it takes out, and what takes its place; neither line numbers nor what surrounds the
text matter, and within the text neither spaces, line ends nor trailing commas do:

    no-reread:
      what: forget to re-read the object before it is written
      file: reconciler/applying/attempt.py
      within: attempt                      # the function or class, only where the text stands in the file more than once
      old: |-
        if (outcome := _judge(attempt, live)) is not None:
            return outcome
      new: pass                            # left out: nothing takes its place
      tests: [tests/applying/test_engine.py]

Exit 1 where a break is not seen, or can no longer be made (code moved on: make the same break in the code as it is now).
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "breaks"
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
TIMEOUT = 900


class BreakError(Exception):
    """A break that cannot be made: why, in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """What is taken away, where, by which edit, and the files or node ids of the tests that should see it."""

    name: str
    what: str
    file: str
    old: str
    tests: tuple[str, ...]
    new: str = ""
    within: str = ""

    def make(self, source: str) -> str:
        """The file's text with the break, or a BreakError where it does not stand at exactly one place."""
        first, last = _span(source, self.within) if self.within else (0, len(source))
        matches = list(_pattern(self.old).finditer(source, first, last))
        if len(matches) != 1:
            place = f"{self.file}, {self.within}" if self.within else self.file
            raise BreakError(f"its old text stands in {place} {len(matches)} times instead of once{self._elsewhere()}")
        start, end = matches[0].span()
        line = source[source.rfind("\n", 0, start) + 1 : start]
        indent = line[: len(line) - len(line.lstrip())]
        broken = source[:start] + textwrap.indent(self.new, indent).lstrip() + source[end:]
        _check(self.file, source, broken)
        return broken

    def _elsewhere(self) -> str:
        """Where the text stands now, for whoever mends the break."""
        pattern = _pattern(self.old)
        paths = (
            path for path in tracked() if path.startswith("reconciler/") and Path(path).suffix == Path(self.file).suffix
        )
        homes = [path for path in paths if pattern.search((ROOT / path).read_text(encoding="utf-8"))]
        return f"; it stands in {', '.join(homes)}" if homes else ""


def _pattern(text: str) -> re.Pattern[str]:
    """The text, however it is broken into lines."""
    pieces = re.findall(r"\w+|[^\w\s]", re.sub(r",(?=\s*[)\]}])", "", text))
    spaced = r"\s*".join((r",?\s*" if piece in ")]}" else "") + re.escape(piece) for piece in pieces)
    return re.compile((r"(?<!\w)" if text[:1].isalnum() else "") + spaced + (r"(?!\w)" if text[-1:].isalnum() else ""))


def _span(source: str, name: str) -> tuple[int, int]:
    """Where the only function or class of that name begins and ends, in characters."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds) and node.name == name]
    if len(nodes) != 1:
        raise BreakError(f"{name} is defined {len(nodes)} times instead of once")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts[nodes[0].lineno - 1], starts[nodes[0].end_lineno or -1]


def _check(file: str, source: str, broken: str) -> None:
    """A break of Python compiles, and means something else than what it breaks."""
    if not file.endswith(".py"):
        return
    try:
        changed = ast.dump(ast.parse(source)) != ast.dump(ast.parse(broken))
    except SyntaxError as error:
        raise BreakError(f"{file} does not compile with it: {error}") from None
    if not changed:
        raise BreakError(f"{file} means the same with it")


def load() -> Iterator[Break]:
    """Every break, file by file."""
    for path in sorted(FOLDER.glob("*.yaml")):
        try:
            for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
                yield Break(**{"name": name, **entry, "tests": tuple(entry["tests"])})
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            sys.exit(f"{path}: these are no breaks as scripts/breaks.py shows them: {error}")


def tracked() -> list[str]:
    """The files that a scratch copy needs: those of git, and new ones that nobody ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )  # fmt: skip
    return [name for name in os.fsdecode(listed.stdout).split("\0") if name and (ROOT / name).exists()]


def copy_to(folder: Path) -> None:
    """A scratch copy of the work tree, as a repository of its own, so that no break can reach the real one."""
    for name in tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)


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
    """Checks or judges the breaks, and says what came of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these breaks")
    parser.add_argument("--check", action="store_true", help="only whether each can still be made")
    options = parser.parse_args(arguments)
    chosen = [broken for broken in load() if not options.names or broken.name in options.names]
    if unknown := set(options.names) - {broken.name for broken in chosen}:
        parser.error(f"no such break: {', '.join(sorted(unknown))}")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="exempt-breaks-") as scratch:
        folder = ROOT if options.check else Path(scratch)
        if not options.check:
            copy_to(folder)
        for broken in chosen:
            try:
                source = (folder / broken.file).read_text(encoding="utf-8")
                text = broken.make(source)
            except (BreakError, OSError) as error:
                bad += 1
                sys.stdout.write(f"{broken.name}: cannot be made any more: {error}\n")
                continue
            if options.check:
                continue
            (folder / broken.file).write_text(text, encoding="utf-8")
            began = time.monotonic()
            outcome, is_seen = judge(broken, folder)
            (folder / broken.file).write_text(source, encoding="utf-8")
            bad += not is_seen
            sys.stdout.write(
                f"{broken.name} ({broken.what}): {'seen by ' if is_seen else ''}{outcome} ({time.monotonic() - began:.0f} s)\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} breaks, {bad} {'that cannot be made' if options.check else 'not seen'}\n")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
