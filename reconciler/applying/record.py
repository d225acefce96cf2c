"""What a production run adopted: the proof, outside of the objects, that they are ours.

Azure says who made an object and who wrote it last. Of one that we made, that is proof for good. Of one that somebody else
made and we adopted in place, it is proof only until the next edit. So each production run leaves a record of the ids
that it and those before it adopted, kept where nobody who may merely write exemptions or branches can forge it
(docs/security.md, "Healing"), and each later run is given the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.applying.outcomes import Outcome
from reconciler.documents.json_input import JsonLimits, read_json
from reconciler.model import ArmId, Carrier, Settings, Snapshot, Status, arm_id, carrier_of, owner_scope
from reconciler.planning.marks import Ownership, bears_our_mark, made_by_writer, ownership
from reconciler.planning.tree import tree_of

FORMAT: Final = "1.0"
LIMITS: Final = JsonLimits(size=64 << 20)
_MAKE: Final = "the next run of apply --record-out makes one"
_TYPE: Final = "/providers/microsoft.authorization/policyexemptions/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known to be adopted: folded ids of exemptions that we did not make and that are ours."""

    tenant_id: str
    owner: str
    adopted: frozenset[str]


def read_record(data: bytes, *, origin: str, settings: Settings) -> frozenset[str]:
    """The folded ids of a record (schemas/record.schema.json). `origin` names the file.

    Raises:
        JsonInputError: it is no record, of a newer format, or of another tenant or owner.
    """
    document = read_json(data, origin=origin, remedy=_MAKE, limits=LIMITS)
    document.check_format(document="a record", reads=FORMAT)
    tenant, owner = document.member("tenantId"), document.member("owner")
    if tenant.as_text().lower() != settings.tenant_id.lower():
        raise tenant.error(
            f"the record is of tenant {tenant.as_text()}, but reconciler.yaml names {settings.tenant_id}"
        )
    if owner.as_text() not in {settings.owner, *settings.former_owners}:
        raise owner.error(f"the record is of owner {owner.as_text()!r}, but this repository is {settings.owner!r}")
    adopted: set[str] = set()
    for entry in document.member("adopted").items():
        identifier = arm_id(entry.as_text())
        if _TYPE not in identifier.key and carrier_of(identifier) is not Carrier.STANDARD:
            raise entry.error("it is no id of an exemption")
        adopted.add(identifier.key)
    return frozenset(adopted)


def record_after(
    snapshot: Snapshot,
    outcomes: Iterable[Outcome],
    settings: Settings,
    *,
    earlier: Collection[str] = (),
    only: ArmId | None = None,
) -> Record:
    """What is adopted after a run: what was `earlier` or by this run, and what our writers wrote last;
    without what is gone. What was not read stays in the record. `only` is the scope of a narrowed run.
    """
    tree = tree_of(snapshot, settings, only.text if only else None)
    existing = {exemption.id.key for exemption in snapshot.exemptions}
    scopes = {key: owner_scope(arm_id(key)) for key in set(earlier) - existing}
    adopted = {key for key, scope in scopes.items() if not tree.in_run(scope) or tree.unread_about(scope)}
    for exemption in snapshot.exemptions:
        is_written = settings.writers and ownership(exemption, settings) is Ownership.OURS
        if exemption.adopted or (is_written and not made_by_writer(exemption, settings.writers)):
            adopted.add(exemption.id.key)
    for outcome in outcomes:
        before, after = outcome.change.before, outcome.change.after
        if outcome.status is not Status.DONE or before is None:
            continue
        if after is None:
            adopted.discard(before.id.key)
        elif ownership(before, settings) is not Ownership.OURS and bears_our_mark(after, settings):
            adopted.add(before.id.key)
    return Record(tenant_id=settings.tenant_id, owner=settings.owner, adopted=frozenset(adopted))
