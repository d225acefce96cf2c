"""git: which commit last changed a declaration, what differs from the base, whether the work tree is dirty.

Everything here is read, but for `create` and what `proposals` and `pull_requests` do on a branch of its own. Without git, without commits or without a remote the answers say so.
"""

from reconciler.repository.approval import approvals
from reconciler.repository.base import Comparison, compare
from reconciler.repository.checkout import Missing, missing_files
from reconciler.repository.history import FileHistory, read
from reconciler.repository.journal import journals
from reconciler.repository.revision import Revision, read_revision
from reconciler.repository.work_tree import create, open_work_tree, origin

__all__ = [
    "Comparison",
    "FileHistory",
    "Missing",
    "Revision",
    "approvals",
    "compare",
    "create",
    "journals",
    "missing_files",
    "open_work_tree",
    "origin",
    "read",
    "read_revision",
]
