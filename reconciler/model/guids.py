"""GUIDs: subscription, tenant and object ids, and the keys of recommendations. Names of policies are opaque instead:
one real built-in has a "GUID" with a k in it.
"""

from __future__ import annotations

import re
from typing import Final

GUID: Final = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""The pattern of one, in either case, for use inside other patterns."""

_GUID: Final = re.compile(GUID)


def is_guid(text: str) -> bool:
    """Whether the text is a GUID with its dashes and nothing else, in either case."""
    return _GUID.fullmatch(text) is not None


def guids_in(text: str) -> list[str]:
    """All GUIDs in a text, as written, from left to right."""
    return _GUID.findall(text)
