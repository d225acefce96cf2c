"""Who asked for a change of the main line, and who approved it, as far as its commit says.

A merge commit or a squash names its pull request in its first line, as GitHub and Azure DevOps write it; approvers stand
in trailers (`Approved-by:`, `Reviewed-by:`). What a message does not say is not guessed: it is nobody's word but the
committer's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from reconciler.planning.provenance import Approval
from reconciler.repository.work_tree import WorkTree, open_work_tree

_PULL_REQUEST: Final = re.compile(r"Merge pull request #(\d+) |Merged PR (\d+): |.*\(#(\d+)\)\Z")
_APPROVER: Final = re.compile(r"^(?:Approved|Reviewed)-by: *([^\n]+?) *$", re.MULTILINE | re.IGNORECASE)
_AT_ONCE: Final = 500


def approvals(root: Path, commits: Iterable[str]) -> Mapping[str, Approval]:
    """By commit, what its message says; empty without git."""
    tree = open_work_tree(root)
    if tree is None:
        return {}
    hashes = sorted(set(commits))
    approvals: dict[str, Approval] = {}
    for start in range(0, len(hashes), _AT_ONCE):
        approvals |= _read(tree, hashes[start : start + _AT_ONCE])
    return approvals


def _read(tree: WorkTree, hashes: list[str]) -> dict[str, Approval]:
    rows = _log(tree, hashes)
    branches = {sha: parents[1] for sha, (parents, _, _) in rows.items() if len(parents) > 1}
    tips = _log(tree, sorted(set(branches.values())))
    result = {}
    for sha, (_, author, message) in rows.items():
        approvals = _PULL_REQUEST.match(message.partition("\n")[0])
        tip = tips.get(branches.get(sha, ""))
        result[sha] = Approval(
            author=tip[1] if tip else author,
            pull_request=next((number for number in approvals.groups() if number), "") if approvals else "",
            approvers=tuple(dict.fromkeys(_APPROVER.findall(message))),
        )
    return result


def _log(tree: WorkTree, hashes: list[str]) -> dict[str, tuple[list[str], str, str]]:
    """Parents, author and message of each commit. A message may hold anything but NUL, so that ends every field."""
    if not hashes:
        return {}
    out = tree.run("log --no-walk=unsorted -z", "--format=%H%x00%P%x00%aN <%aE>%x00%B", *hashes)
    fields = out.split("\x00")
    return {
        fields[start].strip(): (fields[start + 1].split(), fields[start + 2], fields[start + 3])
        for start in range(0, len(fields) - 3, 4)
    }
