"""Who asked for a change of the main line, and who approved it, as far as its commit says. Names and addresses are those
that the repository's own .mailmap gives.

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
from reconciler.repository.graph import Parents, branch_starts, parents_below_head
from reconciler.repository.work_tree import WorkTree, open_work_tree

_PULL_REQUEST: Final = re.compile(r"Merge pull request #(\d+) |Merged PR (\d+): |.*\(#(\d+)\)\Z")
_APPROVER: Final = re.compile(r"^(?:Approved|Reviewed)-by: *([^\n]+?) *$", re.MULTILINE | re.IGNORECASE)
_NOREPLY: Final = re.compile(r"(?:\d+\+)?([\w-]+(?:\[bot\])?)@users\.noreply\.(?:github\.com|[\w-]+\.ghe\.com)")
_LONGEST_ADDRESS: Final = 256
_AT_ONCE: Final = 500


def approvals(root: Path, commits: Iterable[str]) -> Mapping[str, Approval]:
    """By commit of the main line, what its message says; empty without git."""
    tree = open_work_tree(root)
    return approvals_in(tree, commits, parents_below_head(tree)) if tree else {}


def approvals_in(tree: WorkTree, commits: Iterable[str], parents: Parents) -> Mapping[str, Approval]:
    """The same, where the work tree is open and the graph below HEAD is read."""
    hashes = sorted(set(commits))
    has_merges = any(len(parents.get(sha, ())) > 1 for sha in hashes)
    starts = branch_starts(next(iter(parents)), parents) if has_merges else {}  # git prints HEAD first
    with_starts = sorted({*hashes, *(starts[sha] for sha in hashes if sha in starts)})
    fields: list[str] = []  # a message may hold anything but NUL, so that ends every field
    for start in range(0, len(with_starts), _AT_ONCE):
        chosen = with_starts[start : start + _AT_ONCE]
        out = tree.run("log --no-walk=unsorted -z", "--format=%H%x00%aN <%aE>%x00%B", *chosen)
        fields += out.split("\x00")[: 3 * len(chosen)]
    rows = {fields[at].strip(): (fields[at + 1], fields[at + 2]) for at in range(0, len(fields), 3)}
    result = {}
    for sha in hashes:
        if sha in rows:
            message = rows[sha][1]
            pull_request = _PULL_REQUEST.match(message.partition("\n")[0])
            result[sha] = Approval(
                author=rows[starts.get(sha, sha)][0],
                pull_request=next((number for number in pull_request.groups() if number), "") if pull_request else "",
                approvers=tuple(dict.fromkeys(_APPROVER.findall(message))),
            )
    return result


def requester(author: str) -> str:
    """An author as a mark names who asked: by the address alone, or `@LOGIN` for the one by which GitHub hides an address.
    Empty for a robot, which asks for nobody, and for what is no plain address.
    """
    address = author.rpartition(" <")[2].removesuffix(">")
    if hidden := _NOREPLY.fullmatch(address):
        return "" if hidden[1].endswith("[bot]") else f"@{hidden[1]}"
    is_plain = address.isprintable() and " " not in address and 0 < address.find("@") < len(address) - 1
    return address if is_plain and len(address) <= _LONGEST_ADDRESS else ""
