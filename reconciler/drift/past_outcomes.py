"""Reads the outcomes of an earlier apply, so that drift says what became of an exemption that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.documents.json_input import JsonInput, read_json
from reconciler.model import Status, carrier_from

_MAKE: Final = "save them with: exempt apply --out FILE"
_EXISTS: Final = frozenset({Status.DONE.value, Status.UNCHANGED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOutcome:
    """What became of one exemption: whether it `existed` after the run; else the `message` of Azure or of the run."""

    existed: bool
    message: str = ""


def read_outcomes(data: bytes | str, *, origin: str) -> Mapping[str, PastOutcome]:
    """The creates and updates of an apply (schemas/outcome.schema.json) by folded exemption id. `origin` names the file.

    Raises:
        JsonInputError: these are no outcomes.
    """
    document = read_json(data, origin=origin, remedy=_MAKE)
    outcomes: dict[str, PastOutcome] = {}
    for outcome in document.member("outcomes").items():
        if outcome.member("actions").value == ["delete"]:
            continue
        status = outcome.member("status").as_text()
        if status != Status.AWAITING.value:
            key, message = written_id(outcome).lower(), outcome.member("message").as_text()
            outcomes[key] = PastOutcome(existed=status in _EXISTS, message=message)
    return outcomes


def written_id(outcome: JsonInput) -> str:
    """The id of the exemption that an outcome is about."""
    key = outcome.member("key")
    scope, name = (key.member(part).as_text() for part in ("scope", "name"))
    assignment = key.optional("assignment")
    return carrier_from(assignment.as_text() if assignment else "").path(scope, name)
