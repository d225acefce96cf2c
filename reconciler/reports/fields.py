"""Field-by-field differences of two exemptions.

`differences` is for people: deepdiff finds what differs, labels are the words of a declaration. `changed_paths` is for
machines and for plans of any size: a plain walk that names the same places, some hundred times faster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model import JSON, Exemption
from reconciler.planning.canonical import comparable, compared_metadata, properties

REFERENCES: Final = "policyDefinitionReferenceIds"
_LABELS: Final = {
    "policyAssignmentId": "assignment",
    "exemptionCategory": "category",
    "description": "justification",
    "expiresOn": "expires",
}
_NOTHING: Final = object()


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


def differences(before: Exemption, after: Exemption) -> tuple[Difference, ...]:
    """What differs, as people read it: sorted by path, in the spelling of each side. Only what makes an update: a
    difference of letter case or of marks that never cause one is none.
    """
    changed = {path_text(keys): keys for keys in _changed(before, after)}
    fields = {keys[0] for keys in changed.values()} - {REFERENCES}
    old, new = _shown(before, fields), _shown(after, fields)
    found = {difference.path: difference for difference in _deep(old, new)}
    if REFERENCES in changed:
        found[REFERENCES] = _reference_difference(before, after)
    # Nothing that changes may be left out of what a reviewer sees, whatever a library thinks of a key's name.
    return tuple(found.get(path) or _difference(changed[path], old, new) for path in sorted(changed))


def _shown(exemption: Exemption, fields: set[str]) -> dict[str, JSON]:
    """The fields in their own spelling, without marks that never cause an update."""
    found = {key: value for key, value in properties(exemption).items() if key in fields and key != "metadata"}
    return {**found, "metadata": compared_metadata(exemption.metadata)}


def _deep(before: dict[str, JSON], after: dict[str, JSON]) -> Iterator[Difference]:
    # A key that begins with two underscores is one like any other here.
    from deepdiff import DeepDiff  # noqa: PLC0415 - a run with nothing to show need not load it

    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    for items in found.values():
        for item in items:
            yield _difference(_to_first_list(item.path(output_format="list")), before, after)


def _difference(keys: list[str], before: JSON, after: JSON) -> Difference:
    path = path_text(keys)
    return Difference(path=path, label=_LABELS.get(path, path), before=_at(before, keys), after=_at(after, keys))


def _to_first_list(keys: list[JSON]) -> list[str]:
    """A list is one field: where it differs inside is of no use without its neighbours."""
    ends = [place for place, key in enumerate(keys) if isinstance(key, int)]
    return keys[: ends[0]] if ends else keys


def _at(value: JSON, keys: list[str]) -> JSON:
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _reference_difference(before: Exemption, after: Exemption) -> Difference:
    old = {reference.lower(): reference for reference in before.reference_ids}
    new = {reference.lower(): reference for reference in after.reference_ids}
    if not old or not new:  # an empty list means every reference, so it is no set to take from
        return Difference(path=REFERENCES, label="policies", before=sorted(old.values()), after=sorted(new.values()))
    removed = tuple(old[key] for key in sorted(old.keys() - new.keys()))
    added = tuple(new[key] for key in sorted(new.keys() - old.keys()))
    return Difference(path=REFERENCES, label="policies", removed=removed, added=added)


def changed_paths(before: Exemption, after: Exemption) -> list[str]:
    """The paths that differ, sorted; a list is one path."""
    return sorted(path_text(keys) for keys in _changed(before, after))


def _changed(before: Exemption, after: Exemption) -> Iterator[list[str]]:
    none: dict[str, JSON] = {"metadata": {}}  # so that the first mark is named, not the metadata as a whole
    return _walk(none | comparable(before), none | comparable(after), [])


def _walk(before: JSON, after: JSON, keys: list[str]) -> Iterator[list[str]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from _walk(before.get(key, _NOTHING), after.get(key, _NOTHING), [*keys, key])
    elif before != after:
        yield keys


def path_text(keys: list[str]) -> str:
    """`metadata.ticket`; a key that is no plain word stands in brackets, as a JSON string: `metadata["a.b"]`."""
    found = ""
    for key in keys:
        plain = key.replace("_", "").replace("-", "").isalnum()
        found += f"[{json.dumps(key, ensure_ascii=False)}]" if not plain else f".{key}" if found else key
    return found
