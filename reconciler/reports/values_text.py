"""One difference of two exemptions as a line of text: `expires  2026-12-01 -> 2027-01-31 (in 72 days)`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler.arm.standard_properties import RULE, decode_conditions
from reconciler.model import JSON, ResourceSelector, Selector
from reconciler.planning.descriptions import describe_selectors
from reconciler.reports.escape import json_line
from reconciler.reports.fields import Difference
from reconciler.reports.labels import NO_NAMES, Names, distance, expiry_date, reference_label
from reconciler.reports.styled import Line, Style, line

_LONGEST: Final = 600
"""Longer than Azure lets a description be; live metadata may be longer, and is cut in text but never in JSON."""


def difference_line(indent: str, difference: Difference, now: datetime, names: Names = NO_NAMES) -> Line:
    """The field, then before and after, or what a set lost and gained."""
    head = (f"{indent}{difference.label}  ",)
    if difference.removed or difference.added:
        lost = (Style.DELETE, "".join(f"-{_cut(reference_label(item, names))} " for item in difference.removed))
        return line(
            *head, lost, (Style.CREATE, "".join(f"+{_cut(reference_label(item, names))} " for item in difference.added))
        )
    before, after = (value_label(difference.path, value) for value in (difference.before, difference.after))
    if before == after:  # the words leave something out, such as the name of a group of selectors
        before, after = (_cut(json_line(value)) for value in (difference.before, difference.after))
    far = distance(difference.after, now) if difference.path == "expiresOn" and difference.after else ""
    return line(*head, (Style.DELETE, before), " -> ", (Style.CREATE, after), f" ({far})" if far else "")


def value_label(path: str, value: JSON) -> str:
    """A value as people read it: text bare, absence in words, anything else as JSON."""
    if path == "expiresOn":
        return expiry_date(value or "")
    if value == [] and path == "policyDefinitionReferenceIds":
        return "(the whole assignment)"
    if value is None:
        return "(none)"
    if path == "resourceSelectors" and (words := _selection(value)):
        return _cut(words)
    if path == f"exemptionData.{RULE}" and (words := describe_selectors(decode_conditions(value, ()))):
        return _cut(f"only {words}")
    return _cut(value if isinstance(value, str) else json_line(value))


def _selection(groups: JSON) -> str:
    """Resource selectors in ARM's form as the rest of a report says them; empty for any other form."""
    try:
        return describe_selectors(tuple(map(_group, groups)))
    except (TypeError, KeyError, AttributeError):
        return ""


def _group(group: JSON) -> ResourceSelector:
    parts = (
        Selector(kind=part["kind"], values=tuple(part.get("in") or part["notIn"]), negated="in" not in part)
        for part in group["selectors"]
    )
    return ResourceSelector(group["name"], tuple(parts))


def _cut(text: str) -> str:
    over = len(text) - _LONGEST
    return f"{text[:_LONGEST]}… ({over} characters more)" if over > 0 else text
