"""Field-by-field differences of two exemptions.

`differences` is for people: deepdiff finds what differs, and only where it is shown, since it is some hundred times
slower than a comparison. `changed_paths` is for machines and for plans of any size: a plain walk that names the same
places (a law of the tests).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import Final

from reconciler.arm.canonical import comparable, readable
from reconciler.model import JSON, Exemption
from reconciler.planning.marks import OWN_KEYS

REFERENCES: Final = "policyDefinitionReferenceIds"
_LABELS: Final = {
    REFERENCES: "policies",
    "policyAssignmentId": "assignment",
    "exemptionCategory": "category",
    "exemptionData.exemptionCategory": "category",
    "exemptionData.subAssessmentExemptionRule": "vulnerabilities",
    "description": "justification",
    "expiresOn": "expires",
}
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs. `before` and `after` are JSON values, None where the field is absent there.

    A list that is a set (references, values of a selector) gives what was `removed` and what was `added` instead.
    """

    path: str
    label: str
    before: JSON = None
    after: JSON = None
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def is_new_mark(self) -> bool:
        """Whether it is one of our own marks where there was none: what every adoption adds."""
        return self.before is None and self.path.removeprefix("metadata.") in OWN_KEYS


def differences(before: Exemption, after: Exemption) -> tuple[Difference, ...]:
    """What differs, as people read it: sorted by path, in the spelling of each side. Only what makes an update: a
    difference of letter case or of marks that never cause one is none.
    """
    from deepdiff import DeepDiff  # noqa: PLC0415 - a run with nothing to show need not load it

    # A key that begins with two underscores is one like any other here; 1, 1.0 and true cause no write among themselves.
    diff = DeepDiff(
        _compared(before),
        _compared(after),
        view="tree",
        threshold_to_diff_deeper=0,
        ignore_private_variables=False,
        ignore_type_in_groups=[(bool, int, float)],
    )
    fields = {}
    for item in chain.from_iterable(diff.values()):
        # A list is one field: where it differs inside is of no use without its neighbours.
        keys = list(takewhile(lambda key: not isinstance(key, int), item.path(output_format="list")))
        fields[path_text(keys)] = keys
    sides = readable(before), readable(after)
    return tuple(
        _reference_difference(before, after)
        if path == REFERENCES
        else Difference(path=path, label=field_label(path), before=_at(sides[0], keys), after=_at(sides[1], keys))
        for path, keys in sorted(fields.items())
    )


def field_label(path: str) -> str:
    """A path of ARM properties in the words of a declaration."""
    return _LABELS.get(path, path)


def _at(value: JSON, keys: list[str]) -> JSON:
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _reference_difference(before: Exemption, after: Exemption) -> Difference:
    old = {reference.lower(): reference for reference in before.reference_ids}
    new = {reference.lower(): reference for reference in after.reference_ids}
    difference = Difference(path=REFERENCES, label=_LABELS[REFERENCES])
    if not old or not new:  # an empty list means every reference, so it is no set to take from
        return replace(difference, before=sorted(old.values()), after=sorted(new.values()))
    removed = tuple(old[key] for key in sorted(old.keys() - new.keys()))
    added = tuple(new[key] for key in sorted(new.keys() - old.keys()))
    return replace(difference, removed=removed, added=added)


def changed_paths(before: Exemption, after: Exemption) -> list[str]:
    """The paths that differ, sorted; a list is one path."""
    return sorted(path_text(keys) for keys in _walk(_compared(before), _compared(after), []))


def _compared(exemption: Exemption) -> dict[str, JSON]:
    """What decides whether there is a write; with metadata always, so that the first mark is named, not all of it."""
    return {"metadata": {}, **comparable(exemption)}


def _walk(before: JSON, after: JSON, keys: list[str]) -> Iterator[list[str]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from _walk(before.get(key, _ABSENT), after.get(key, _ABSENT), [*keys, key])
    elif before != after:
        yield keys


def path_text(keys: list[str]) -> str:
    """`metadata.ticket`; a key that is no plain word stands in brackets, as a JSON string: `metadata["a.b"]`."""
    text = ""
    for key in keys:
        is_word = key.replace("_", "").replace("-", "").isalnum()
        text += f"[{json.dumps(key, ensure_ascii=False)}]" if not is_word else f".{key}" if text else key
    return text
