"""Exemptions that a run deleted and that are there again, or that Resource Graph alone still shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.assessments.case import EffectInputs
from reconciler.assessments.values import Returned, ReturnedExemption
from reconciler.documents.json_input import read_json
from reconciler.model import Status, carrier_from
from reconciler.planning.descriptions import made_when
from reconciler.planning.marks import declaration_of


def read_deleted(data: bytes | str, *, origin: str) -> frozenset[str]:
    """The folded ids that an apply deleted, from its outcomes (schemas/outcome.schema.json). `origin` names the file.

    Raises:
        JsonInputError: these are no outcomes.
    """
    document = read_json(data, origin=origin, remedy="save them with: exempt apply --out FILE")
    deleted = set()
    for outcome in document.member("outcomes").items():
        is_delete = outcome.member("actions").value == ["delete"]
        if is_delete and outcome.member("status").as_text() == Status.DONE.value:
            parts = ("scope", "assignment", "name")
            scope, assignment, name = (outcome.member("key").member(part).as_text() for part in parts)
            deleted.add(carrier_from(assignment).path(scope, name).lower())
    return frozenset(deleted)


def returned(inputs: EffectInputs, deleted: Collection[str]) -> Iterator[ReturnedExemption]:
    """All such exemptions; `deleted` are folded ids that an earlier run deleted."""
    snapshot, tree = inputs.basis.inputs.snapshot, inputs.basis.tree
    existing = {exemption.id.key: exemption for exemption in snapshot.exemptions}
    for key in sorted(set(deleted) & existing.keys()):
        when = made_when(existing[key].system)
        yield ReturnedExemption(
            id=existing[key].id,
            how=Returned.REAPPEARED,
            declaration=declaration_of(existing[key]),
            message="an earlier run deleted it, and Azure has it again" + (f", made at {when}" if when else ""),
            remedy="if its date is after that run, somebody made it again: apply deletes it, or declare it. If it is before, Azure's "
            "own copies disagree: see that the identity may delete at this scope, wait 30 minutes, then ask Microsoft's support",
        )
    for identifier in sorted(inputs.view.indexed):
        if identifier.key not in existing and tree.managed(identifier) and not tree.unread_about(identifier):
            yield ReturnedExemption(
                id=identifier,
                how=Returned.GHOST,
                message="Resource Manager does not have it, but Resource Graph still shows it",
                remedy="it exempts nothing; Resource Graph follows within 30 minutes, or keeps what went with its resource group",
            )
