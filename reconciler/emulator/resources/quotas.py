"""How many objects of a type a scope may hold."""

from __future__ import annotations

from reconciler.emulator.call import Call
from reconciler.emulator.errors import ArmError


def check_quota(call: Call, words: str, present: int, quota: int) -> None:
    """Refuse one object more than a scope may hold. `words` call its type, as `policy exemption`.

    Raises:
        ArmError: 409.
    """
    if present >= quota:
        raise ArmError(
            409,
            f"{words.title().replace(' ', '')}QuotaExceeded",
            f"Creating {words} '{call.target.name}' would exceed the quota at current scope. "
            f"Existing {words}s: '{present}', the quota is: '{quota}'.",
        )
