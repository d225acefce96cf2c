"""What the main line did to each declaration, step by step: added, changed, moved, removed, and who agreed to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reconciler.planning.provenance import Step, StepKind
from reconciler.repository.approval import approvals
from reconciler.repository.main_line import touches
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
            if not entry.path.endswith(".yaml"):
                continue
            earlier = steps[PurePosixPath(entry.path).stem]
            if entry.blob is None:
                kind = StepKind.REMOVED
            elif entry.moved_from is not None:
                kind = StepKind.MOVED
            else:
                is_there = bool(earlier) and earlier[-1].kind is not StepKind.REMOVED
                kind = StepKind.CHANGED if is_there else StepKind.ADDED
            file = entry.path.removeprefix(tree.prefix)
            earlier.append(Step(commit=touch.commit, kind=kind, approval=agreed[touch.sha], file=file))
    return {name: tuple(taken) for name, taken in sorted(steps.items())}
