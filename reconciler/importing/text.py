"""The text of a declaration, in the canonical order and style of `exempt fmt`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from reconciler.arm.canonical import instant_text
from reconciler.arm.standard_properties import vulnerability_fields
from reconciler.documents.scalar_text import scalar_text
from reconciler.model import Declaration, SubjectKind

_DAY_END: Final = "T23:59:59Z"


def declaration_text(declaration: Declaration, titles: Mapping[str, str] | None = None) -> str:
    """The file that says this declaration. `titles` maps what a subject names to the comment behind it."""
    return "".join(f"{line}\n" for line in _lines(declaration, titles or {}))


def _lines(declaration: Declaration, titles: Mapping[str, str]) -> Iterator[str]:
    yield f"name: {scalar_text(declaration.name)}"
    yield from _subject(declaration, titles)
    yield "scopes:"
    yield from (f"  - {scalar_text(scope.text)}" for scope in declaration.scopes)
    if declaration.selected_by:
        yield "selectedBy:"
        yield from (f"  {scalar_text(tag)}: {scalar_text(value)}" for tag, value in declaration.selected_by.items())
    if declaration.selectors and not vulnerability_fields(declaration.selectors):
        yield "resourceSelectors:"
        for selector in declaration.selectors:
            yield f"  - name: {scalar_text(selector.name)}"
            yield "    selectors:"
            for condition in selector.selectors:
                yield f"      - kind: {scalar_text(condition.kind)}"
                yield f"        {'notIn' if condition.negated else 'in'}:"
                yield from (f"          - {scalar_text(value)}" for value in condition.values)
    yield f"category: {declaration.category.value}"
    if declaration.expires_on is not None:
        yield f"expiresOn: {expiry_value(declaration.expires_on)}"
    yield f"justification: {scalar_text(declaration.justification)}"
    yield f"owner: {scalar_text(declaration.owner)}"
    optional = {
        "requestedBy": declaration.requested_by,
        "ticket": declaration.ticket,
        "displayName": declaration.display_name,
    }
    yield from (f"{name}: {scalar_text(text)}" for name, text in optional.items() if text)
    if not declaration.validate_scope:
        yield "assignmentScopeValidation: DoNotValidate"
    if declaration.metadata:
        yield "metadata:"  # each value on one line; JSON is YAML
        values = (
            (key, scalar_text(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for key, value in declaration.metadata.items()
        )
        yield from (f"  {scalar_text(key)}: {text}" for key, text in values)
    if declaration.adopt:
        yield "adopt: true"
    if declaration.take_over:
        yield f"takeOver: {scalar_text(declaration.take_over)}"


def _subject(declaration: Declaration, titles: Mapping[str, str]) -> Iterator[str]:
    subject = declaration.subject

    def commented(value: str) -> str:
        title = titles.get(value, "")
        return f"{scalar_text(value)} # {title}" if title.isprintable() and title else scalar_text(value)

    if subject.kind is SubjectKind.RECOMMENDATION and subject.further:
        yield "recommendations:"
        yield from (f"  - {commented(value)}" for value in subject.values)
    else:
        yield f"{subject.kind.value}: {commented(subject.value)}"
    if subject.reference_ids:
        yield "referenceIds:"
        yield from (f"  - {scalar_text(reference)}" for reference in subject.reference_ids)
    conditions = vulnerability_fields(declaration.selectors)
    if conditions:
        yield "vulnerabilities:"
    for name, value in (conditions or {}).items():
        items = value if isinstance(value, list) else []
        yield f"  {name}:" if items else f"  {name}: {value}"
        yield from (f"    - {scalar_text(str(item))}" for item in items)


def expiry_value(instant: datetime) -> str:
    """An end as a person would write it: the date alone where it is valid through that day."""
    return instant_text(instant).removesuffix(_DAY_END)
