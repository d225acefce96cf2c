"""The values that every room shares: ids, declarations, settings and what was read from Azure.

Nothing here reads a clock, a file or a network, and nothing here imports another room of ours. Words are those of
docs/architecture.md.

The dataclasses of declarations, settings and snapshots take longer to import than many a command to run, so their modules
wait until somebody asks for one of their names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.carriers import UNPUBLISHED, Carrier, assessment_id, carrier_from, carrier_of, is_assessment
from reconciler.model.clouds import Cloud
from reconciler.model.counting import agree, and_more, count, first_few
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
from reconciler.model.member import Member
from reconciler.model.source import Source
from reconciler.model.status import Status, Verdict

if TYPE_CHECKING:
    from reconciler.model.declaration import (
        CATEGORY_LABELS,
        Category,
        Declaration,
        ResourceSelector,
        Selector,
        Subject,
        SubjectKind,
    )
    from reconciler.model.rate_limits import LONGEST_WAIT, Operation, RateObserver
    from reconciler.model.settings import (
        EVALUATION_HOURS,
        EXPIRING_DAYS,
        Channel,
        ChannelKind,
        FolderRule,
        LifetimeRule,
        Limits,
        Rules,
        Settings,
        Unmanaged,
    )
    from reconciler.model.tenant import (
        STANDARD_ASSIGNMENTS,
        UNREAD_REMEDY,
        Assignment,
        Exemption,
        Initiative,
        Policy,
        Snapshot,
        SystemData,
        Unread,
        unread_groups,
        without_needless,
    )

__all__ = [
    "CATEGORY_LABELS",
    "EVALUATION_HOURS",
    "EXPIRING_DAYS",
    "GUID",
    "JSON",
    "LONGEST_WAIT",
    "STANDARD_ASSIGNMENTS",
    "UNPUBLISHED",
    "UNREAD_REMEDY",
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
    "without_needless",
]

_LATER: Final = {
    "declaration": (
        "CATEGORY_LABELS",
        "Category",
        "Declaration",
        "ResourceSelector",
        "Selector",
        "Subject",
        "SubjectKind",
    ),
    "rate_limits": ("LONGEST_WAIT", "Operation", "RateObserver"),
    "settings": (
        "EVALUATION_HOURS",
        "EXPIRING_DAYS",
        "Channel",
        "ChannelKind",
        "FolderRule",
        "LifetimeRule",
        "Limits",
        "Rules",
        "Settings",
        "Unmanaged",
    ),
    "tenant": (
        "STANDARD_ASSIGNMENTS",
        "UNREAD_REMEDY",
        "Assignment",
        "Exemption",
        "Initiative",
        "Policy",
        "Snapshot",
        "SystemData",
        "Unread",
        "unread_groups",
        "without_needless",
    ),
}
_MODULES: Final = {name: module for module, names in _LATER.items() for name in names}

if not TYPE_CHECKING:  # a type checker knows each name, and so refuses all others

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
