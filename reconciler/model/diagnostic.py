"""The shape of everything that tells a person what is wrong: a message and its remedy, and how much it matters."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Severity(enum.StrEnum):
    """How much something matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


WORST_FIRST: Final = (Severity.ERROR, Severity.WARNING, Severity.INFO)
"""The order in which people read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """What a person is told: `message` says where, what, and why or which limit; `remedy` what to do about it, empty
    where nothing is to be done. Problems, findings, what is held, refused or unread, checks and outcomes add to it
    what they are about.
    """

    message: str
    remedy: str = ""
