"""An independent checker: proves or refutes a plan, and what was written of it, from raw ARM objects.

It imports nothing of the rooms that resolve, decide and write, and reads declarations, snapshot and plan by itself.
"""

from reconciler.verification.case import Violation
from reconciler.verification.declared import Facts
from reconciler.verification.outcomes import verify

__all__ = ["Facts", "Violation", "verify"]
