"""git: which commit last changed a declaration, what differs from the base, whether the work tree is dirty.

Everything here is read; nothing is written. Without git, without commits or without a remote the answers say so.
"""

from reconciler.repository.base import changed_since
from reconciler.repository.history import FileHistory, read

__all__ = ["FileHistory", "changed_since", "read"]
