"""What the main line did to each declaration, step by step: added, changed, moved, removed, and who agreed to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reconciler.planning.provenance import Step, StepKind
from reconciler.repository.approval import approvals
from reconciler.repository.main_line import Entry, touches
from reconciler.repository.work_tree import open_work_tree


def journals(root: Path) -> Mapping[str, tuple[Step, ...]]:
    """By the declaration's name (its file's stem, today's or the last), its steps, oldest first; empty without git.
    A commit whose date cannot be read is left out.
    """
    tree = open_work_tree(root)
    if tree is None:
        return {}
    line = [touch for touch in touches(tree, "HEAD") if touch.commit is not None]
    agreed = approvals(root, [touch.sha for touch in line])
    steps: dict[str, list[Step]] = defaultdict(list)
    for touch in reversed(line):
        assert touch.commit is not None
        for entry in touch.entries:
            name = PurePosixPath(entry.path).stem
            if entry.path.endswith(".yaml"):
                kind = _kind(entry, steps[name])
                steps[name].append(
                    Step(
                        commit=touch.commit,
                        kind=kind,
                        approval=agreed[touch.sha],
                        file=entry.path.removeprefix(tree.prefix),
                    )
                )
    return {name: tuple(taken) for name, taken in sorted(steps.items())}


def _kind(entry: Entry, earlier: list[Step]) -> StepKind:
    if entry.blob is None:
        return StepKind.REMOVED
    if entry.moved_from is not None:
        return StepKind.MOVED
    return StepKind.CHANGED if earlier and earlier[-1].kind is not StepKind.REMOVED else StepKind.ADDED
