"""What differs between the repository and Azure, since when, by whom, why, and what to do. Pure.

Everything is computed from the plan: a change, a held cell, a finding of the plan or something unread is a line of the
report, and nothing else is, but for what a live catalogue says otherwise. So a report is silent exactly when the plan
has nothing to say and everything was read.
"""

from reconciler.drift.earlier_report import read_earlier
from reconciler.drift.findings import find_drift
from reconciler.drift.healing import HEALING_COMMAND
from reconciler.drift.inputs import DriftInputs
from reconciler.drift.inventory import take_inventory
from reconciler.drift.live_catalogue import catalogue_findings
from reconciler.drift.past_outcomes import PastOutcome, read_outcomes
from reconciler.drift.patches import with_patches

__all__ = [
    "HEALING_COMMAND",
    "DriftInputs",
    "PastOutcome",
    "catalogue_findings",
    "find_drift",
    "read_earlier",
    "read_outcomes",
    "take_inventory",
    "with_patches",
]
