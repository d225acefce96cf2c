"""What may be written to a file: what is on an allow-list; all else becomes a placeholder.

The list is what an emulator of an empty tenant says when it is asked the same, the scenarios' own texts, and the names
below. Nothing of a tenant can be on it, whatever form it has: no pattern decides what looks like a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.emulator.proving.comparison import ORDER, Where
from reconciler.model import JSON

NAMES: Final = frozenset(
    """
    additionalInfo assignmentScopeValidation assignmentType category code createdAt createdBy createdByType createdOn
    data definitionVersion deprecated description details displayName duplicatedResource effectiveDefinitionVersion
    enforcementMode error exemptionCategory expectedToken expiresOn groupNames id identity in info innererror instanceId
    isCompliant kind lastModifiedAt lastModifiedBy lastModifiedByType latestDefinitionVersion line location message
    metadata mode name nextLink nonComplianceMessages notIn notScopes overrides parameters policyAssignmentId
    policyDefinitionId policyDefinitionReferenceIds policyDefinitionReferenceId policyRule policyType preview principalId
    properties resourceSelectors scope selectors selfServeExemptionSettings systemData tags target tenantId token type
    updatedBy updatedOn value version versions
    """.split()  # noqa: SIM905 - words
)
"""Names of properties of which Azure may show more than the emulator does."""

WORDS: Final = frozenset(
    """
    a access again already an and any api are argument assigned assignment at be been before below between body by can
    cannot category characters client code contact contains content could create created current data date definition
    delete deleted denied details does doubt empty error exceed exceeds exemption exempted exist exists expected expired
    failed filter for format found from greater group has have header id identifier identity if in initiative invalid
    is it its json length less limit list location long management match maximum may method minimum missing must name
    named namespace no not null object of on one only operation or order out parameter parse path permission please policy
    properties property provided provider query quota read reference registered request required resource resources
    retry role same scope selector server service set should specified status string subscription supported syntax than
    that the then there this time to too token try type unable under unexpected unknown unsupported update use valid
    value values version versions was when while with write
    """.split()  # noqa: SIM905 - words
)
"""Words that an error may have and the emulator's errors do not."""

_WORD: Final = re.compile(r"[A-Za-z]+")
_PIECE: Final = re.compile(r"<[a-z][^<>]*>|[^\s'\"()\[\]{},;:=<>|]+")
_SEGMENT: Final = re.compile(r"<[a-z][^<>]*>|[^/?&=' ]+")
_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d(?:-preview)?")
_INSTANT: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?(?:Z|[+-]\d\d:\d\d)?")
_CODE: Final = re.compile(r"(?:[A-Z][a-z]+){1,8}")
_LARGEST: Final = 999


class Scrubber:
    """Replaces what is not allowed, the same text always by the same placeholder."""

    def __init__(self, places: Mapping[str, str], scenarios: Iterable[str]) -> None:
        """`places`: what stands for the sandbox itself, as `{"6f0e…": "<subscription>"}`, in any case of letters.
        `scenarios`: their names, after which new times and GUIDs are called.
        """
        self._places = sorted(filter(lambda place: place[0], places.items()), key=lambda place: -len(place[0]))
        self._labels = {*places.values(), *(f"<{kind} of {name}>" for name in scenarios for kind in ("time", "guid"))}
        self._names = set(NAMES)
        self._texts: set[str] = set()
        self._words = set(WORDS)
        self._placeholders: dict[str, str] = {}

    def allow(self, value: Any, key: str = "") -> None:
        """Allow the names and texts of a value that knows nothing of any tenant, and the words of its errors."""
        if isinstance(value, dict):
            self._names |= set(value)
            for name, part in value.items():
                self.allow(part, name)
        elif isinstance(value, list):
            for part in value:
                self.allow(part, key)
        elif isinstance(value, str):
            self._texts |= {value, *_SEGMENT.findall(value)}
            if key == "message":
                self._texts |= set(_PIECE.findall(value))
                self._words |= {word.lower() for word in _WORD.findall(value)}

    def allow_texts(self, texts: Iterable[str]) -> None:
        """Allow these texts as a whole."""
        self._texts |= set(texts)

    def place(self, where: Where) -> str:
        """A place in an answer with placeholders."""
        return ".".join(name if name.isdecimal() or name == ORDER else self._name(name) for name in where)

    def scrub(self, value: Any, where: Where = ()) -> JSON:
        """The value with placeholders. `where` it stands decides how it is read."""
        key = next((name for name in reversed(where) if not name.isdecimal()), "")
        if isinstance(value, dict):
            return {self._name(name): self.scrub(part, (*where, name)) for name, part in value.items()}
        if key == ORDER and isinstance(value, list):
            return [self._name(name) for name in value]
        if isinstance(value, list):
            return [self.scrub(part, where) for part in value]
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, bool) or value is None:
            return value
        is_small = isinstance(value, int) and abs(value) <= _LARGEST and key in self._names
        return value if is_small else self._placeholder("number", str(value))

    def _name(self, name: str) -> str:
        return name if name in self._names else self._placeholder("name", name)

    def _text(self, text: str, key: str) -> str:
        if text in self._texts or text in self._labels or _VERSION.fullmatch(text) or _INSTANT.fullmatch(text):
            return text
        if key == "code" and _CODE.fullmatch(text):
            return text
        for place, label in self._places:
            text = re.sub(re.escape(place), label, text, flags=re.IGNORECASE)
        if key == "message":
            return _PIECE.sub(lambda match: self._piece(match[0]), text)
        if text.startswith(("/", "<")) or key == "target":
            return _SEGMENT.sub(lambda match: self._segment(match[0]), text)
        return self._placeholder("text", text)

    def _piece(self, text: str) -> str:
        """A word of an error message, or an id in it."""
        if "/" in text:
            return _SEGMENT.sub(lambda match: self._segment(match[0]), text)
        stripped = text.rstrip(".!?")
        is_word = _WORD.fullmatch(stripped) is not None and stripped.lower() in self._words
        return text if is_word or self._is_plain(text) else self._placeholder("text", text)

    def _segment(self, text: str) -> str:
        return text if text in self._texts or self._is_plain(text) else self._placeholder("text", text)

    def _is_plain(self, text: str) -> bool:
        return text in self._labels or text in self._texts or _VERSION.fullmatch(text) is not None

    def _placeholder(self, kind: str, text: str) -> str:
        return self._placeholders.setdefault(text, f"<{kind} {len(self._placeholders) + 1}>")
