"""git: which commit last changed a declaration, what differs from the base, whether the work tree is dirty.

Everything here is read, but for `create` and what `proposals` and `pull_requests` do on a branch of its own. Without git, without commits or without a remote the answers say so.
"""

from reconciler.repository.approval import approvals
from reconciler.repository.base import changed_since, contents_at_base, proposed_since
from reconciler.repository.checkout import Missing, missing_files
from reconciler.repository.history import FileHistory, read
from reconciler.repository.journal import journals
from reconciler.repository.revision import Revision, read_revision
from reconciler.repository.work_tree import create, origin

__all__ = [
    "FileHistory",
    "Missing",
    "Revision",
    "approvals",
    "changed_since",
    "contents_at_base",
    "create",
    "journals",
    "missing_files",
    "origin",
    "proposed_since",
    "read",
    "read_revision",
]
