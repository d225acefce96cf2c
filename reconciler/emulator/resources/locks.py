"""What stands against a write besides rights: management locks and disabled subscriptions."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.state.tenant import Lock
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import properties
from reconciler.model import JSON, arm_id

TYPE: Final = "Microsoft.Authorization/locks"
LEVELS: Final = {"cannotdelete": "CanNotDelete", "readonly": "ReadOnly"}

NOTES_LIMIT: Final = 512
"""Characters; Azure's documented ceiling for the notes of a lock."""

_READS: Final = frozenset({"GET", "HEAD"})


def check_writable(call: Call) -> None:
    """Refuse a write to a disabled subscription or under a lock.

    A read-only lock stops every write, a delete lock every deletion, at its scope and below, extensions included.

    Raises:
        ArmError: 409.
    """
    if call.request.method in _READS or call.target.kind == TYPE.lower():
        return
    subscription = call.tenant.hierarchy.subscriptions.get(call.target.id.subscription or "")
    if subscription and subscription.state in {"Disabled", "Warned"}:
        raise errors.subscription_disabled(subscription.guid)
    deletes = call.request.method == "DELETE"
    locks = call.tenant.locks.by_id.values()
    stopping = [lock for lock in locks if lock.stops(deletes=deletes) and lock.covers(call.target.id.key)]
    if stopping:
        scopes = ",".join(lock.scope.text for lock in stopping)
        raise errors.locked(call.target.text, "delete" if deletes else "write", scopes)


def put(call: Call) -> Response:
    """Lock the scope."""
    requested = properties(call.request.body)
    level, notes = str(requested.get("level", "")), requested.get("notes")
    if level.lower() not in LEVELS:
        raise errors.bad_value(level, "level")
    if notes is not None and (not isinstance(notes, str) or len(notes) > NOTES_LIMIT):
        raise errors.bad_value(notes, "notes")
    is_new = call.target.id.key not in call.tenant.locks.by_id
    identifier = arm_id(f"{call.target.scope}/providers/{TYPE}/{call.target.name}")
    lock = Lock(id=identifier, level=LEVELS[level.lower()], notes=notes)
    call.tenant.locks.put(lock)
    return answer(201 if is_new else 200, _show(lock))


def get(call: Call) -> Response:
    """One lock."""
    lock = call.tenant.locks.get(call.target.id.key)
    if lock is None:
        raise errors.ArmError(404, "LockNotFound", f"The lock '{call.target.name}' could not be found.")
    return answer(200, _show(lock))


def delete(call: Call) -> Response:
    """Unlock."""
    return empty(200 if call.tenant.locks.remove(call.target.id.key) else 204)


def list_(call: Call) -> Response:
    """The locks at, above and below the scope; with `atScope()` those below it are left out.

    Raises:
        ArmError: 400, another filter.
    """
    scope = call.target.scope.key
    text = call.request.query.get("$filter", "").strip().lower()
    if text not in {"", "atscope()"}:
        raise errors.invalid_filter(call.request.query["$filter"])
    locks = [
        lock
        for lock in call.tenant.locks.by_id.values()
        if lock.covers(scope) or (not text and lock.id.key.startswith(scope + "/"))
    ]
    return answer(200, {"value": [_show(lock) for lock in locks]})


def _show(lock: Lock) -> dict[str, JSON]:
    notes = {} if lock.notes is None else {"notes": lock.notes}
    return {"properties": {"level": lock.level, **notes}, "id": lock.id.text, "type": TYPE, "name": lock.id.name}
