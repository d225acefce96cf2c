"""The values that every room shares: ids, declarations, settings and what was read from Azure.

Nothing here reads a clock, a file or a network, and nothing here imports another room of ours. Words are those of
docs/architecture.md.
"""

from reconciler.model.carriers import UNPUBLISHED, Carrier, assessment_id, carrier_from, carrier_of, is_assessment
from reconciler.model.counting import agree, and_more, count, first_few
from reconciler.model.declaration import Category, Declaration, ResourceSelector, Selector, Source, Subject, SubjectKind
from reconciler.model.diagnostic import WORST_FIRST, Diagnostic, Severity
from reconciler.model.guids import GUID, guids_in, is_guid
from reconciler.model.ids import (
    ArmId,
    ScopeKind,
    ancestors,
    arm_id,
    owner_scope,
    parse_object,
    parse_scope,
    textual_chain,
    textual_containers,
)
from reconciler.model.json import JSON
from reconciler.model.rate_limits import LONGEST_WAIT, Operation, RateObserver
from reconciler.model.settings import (
    EVALUATION_HOURS,
    EXPIRING_DAYS,
    Channel,
    ChannelKind,
    Cloud,
    FolderRule,
    LifetimeRule,
    Limits,
    Rules,
    Settings,
    Unmanaged,
)
from reconciler.model.status import Status, Verdict
from reconciler.model.tenant import (
    Assignment,
    Exemption,
    Initiative,
    Member,
    Policy,
    Snapshot,
    SystemData,
    Unread,
    unread_groups,
)

__all__ = [
    "EVALUATION_HOURS",
    "EXPIRING_DAYS",
    "GUID",
    "JSON",
    "LONGEST_WAIT",
    "UNPUBLISHED",
    "WORST_FIRST",
    "ArmId",
    "Assignment",
    "Carrier",
    "Category",
    "Channel",
    "ChannelKind",
    "Cloud",
    "Declaration",
    "Diagnostic",
    "Exemption",
    "FolderRule",
    "Initiative",
    "LifetimeRule",
    "Limits",
    "Member",
    "Operation",
    "Policy",
    "RateObserver",
    "ResourceSelector",
    "Rules",
    "ScopeKind",
    "Selector",
    "Settings",
    "Severity",
    "Snapshot",
    "Source",
    "Status",
    "Subject",
    "SubjectKind",
    "SystemData",
    "Unmanaged",
    "Unread",
    "Verdict",
    "agree",
    "ancestors",
    "and_more",
    "arm_id",
    "assessment_id",
    "carrier_from",
    "carrier_of",
    "count",
    "first_few",
    "guids_in",
    "is_assessment",
    "is_guid",
    "owner_scope",
    "parse_object",
    "parse_scope",
    "textual_chain",
    "textual_containers",
    "unread_groups",
]
