"""What a scheduled healing run repairs: it restores what a production run completed, and decides nothing new."""

from typing import Final

HEALING_COMMAND: Final = "exempt apply --approved REVISION"
