"""What a scheduled healing run repairs: it restores what is declared and approved, and decides nothing new."""

from typing import Final

from reconciler.planning.values import Reason

HEALING_REASONS: Final = (Reason.RECREATE, Reason.FAN_OUT, Reason.EXPIRED)
HEALING_COMMAND: Final = f"exempt apply --only {','.join(HEALING_REASONS)}"
