"""What was seen of a finding's subject: the facts a report shows beside the message, and that a program may read."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import JSON, SystemData


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field (`path` in the ARM properties, or of a recommendation) as declared and as Azure has it; None: absent."""

    path: str
    declared: JSON
    existing: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that a finding may carry; what is empty was not seen, or says nothing here. Instants are ISO texts, UTC.

    `aspect` tells several findings of one kind about one subject apart. `cause` is why it is so, where something better
    is known than what the kind says. `target` is the declared scope, `system` Azure's stamp on the exemption,
    `activity_log` the command that says who deleted it. `healed_by` is the reason under which a healing run settles the
    finding, `patch` a unified diff of a declaration that settles it, `portal` the page of its scope.
    """

    aspect: str = ""
    cause: str = ""
    category: str = ""
    expires_on: str = ""
    reference_ids: tuple[str, ...] = ()
    recommendations: tuple[str, ...] = ()
    policy_titles: tuple[str, ...] = ()
    resource_selectors: str = ""
    system: SystemData | None = None
    assigned_by: str = ""
    assigned_at: str = ""
    declared_by: str = ""
    declared_at: str = ""
    commit: str = ""
    ticket: str = ""
    exemptions: int = 0
    count: int = 0
    limit: int = 0
    changed: tuple[FieldDifference, ...] = ()
    target: str = ""
    activity_log: str = ""
    healed_by: str = ""
    patch: str = ""
    portal: str = ""
