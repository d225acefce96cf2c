"""What was exempt on a day: what the main line declared then, and what the runs until then had written of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.documents.json_input import JsonInputError, read_json
from reconciler.drift.past_outcomes import written_id
from reconciler.model import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWrite:
    """What a run did to one exemption: the file that says so, when the run read Azure, its revision (empty: none), and
    whether the exemption was there afterwards.
    """

    file: str
    taken_at: datetime
    revision: str
    exemption: str
    declaration: str
    exists: bool


def writes_of(name: str, data: bytes) -> tuple[RunWrite, ...]:
    """What outcomes of an apply say; nothing for another file, or one of a version that did not say when.

    Raises:
        JsonInputError: it is not JSON.
    """
    document = read_json(data, origin=name)
    try:
        moment = datetime.fromisoformat(document.member("takenAt").as_text())
        revision = document.optional("revision")
        writes: list[RunWrite] = []
        for outcome in document.member("outcomes").items():
            if outcome.member("status").as_text() not in {Status.DONE.value, Status.UNCHANGED.value}:
                continue
            declaration = outcome.optional("declaration")
            writes.append(
                RunWrite(
                    file=name,
                    taken_at=moment,
                    revision=revision.as_text() if revision else "",
                    exemption=written_id(outcome),
                    declaration=declaration.as_text() if declaration else "",
                    exists=outcome.member("actions").value != ["delete"],
                )
            )
    except (JsonInputError, ValueError):
        return ()
    return tuple(writes)


def writes_in_force(writes: Iterable[RunWrite], moment: datetime) -> Mapping[str, tuple[RunWrite, ...]]:
    """By declaration, the last write until then of each exemption that was there afterwards, sorted by id."""
    last: dict[str, RunWrite] = {}
    for write in sorted(writes, key=lambda write: (write.taken_at, write.file)):
        if write.taken_at <= moment:
            last[write.exemption.lower()] = write
    in_force: dict[str, list[RunWrite]] = {}
    for _, write in sorted(last.items()):
        if write.exists:
            in_force.setdefault(write.declaration, []).append(write)
    return {declaration: tuple(listed) for declaration, listed in in_force.items()}
