"""The inventory of everything that is exempt, as text, JSON (schemas/list.schema.json) and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.arm.canonical import category, instant_text
from reconciler.drift.inventory import Inventory, InventoryEntry, State
from reconciler.model import JSON, Carrier, SystemData, count
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.marks import Ownership
from reconciler.reports.decision_labels import category_label
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import header
from reconciler.reports.labels import (
    NO_NAMES,
    Names,
    assignment_label,
    expiry_label,
    policies_label,
    scope_label,
    selection_label,
)
from reconciler.reports.spreadsheet import spreadsheet
from reconciler.reports.styled import BLANK, Line, Style, line

FORMAT_VERSION: Final = "1.1"
_INDENT: Final = " " * 14
_OWNERSHIP_STYLES: Final = {
    Ownership.OURS: Style.GOOD,
    Ownership.FORGED: Style.ERROR,
    Ownership.FOREIGN: Style.INFO,
    Ownership.UNOWNED: Style.WARNING,
}
_COLUMNS: Final = (
    "scope",
    "name",
    "assignment",
    "state",
    "ownership",
    "markedBy",
    "declaration",
    "declared",
    "owner",
    "requestedBy",
    "ticket",
    "pullRequest",
    "approvedBy",
    "commit",
    "run",
    "appliedAt",
    "inForce",
    "severity",
    "category",
    "expiresOn",
    "recommendations",
    "referenceIds",
    "resourceSelectors",
    "displayName",
    "description",
    "createdBy",
    "createdByType",
    "createdAt",
    "lastModifiedBy",
    "lastModifiedAt",
)
_SHORT: Final = 12


# --- text --------------------------------------------------------------------------------------------------------


def inventory_lines(inventory: Inventory, names: Names = NO_NAMES) -> Iterator[Line]:
    """The inventory as styled lines, scope by scope."""
    yield line((Style.HEADING, heading(inventory, names)))
    scope = ""
    for entry in inventory.entries:
        if entry.exemption.scope.key != scope:
            scope = entry.exemption.scope.key
            yield BLANK
            yield line((Style.HEADING, scope_label(entry.exemption.scope, names)))
        yield from _entry(entry, inventory.now, names)
    if (silencers := inventory.silencers) is not None:
        yield BLANK
        yield line((Style.HEADING, "Silent beside exemptions"))
        for number, label in (
            (silencers.not_scopes, "scopes that assignments exclude (notScopes)"),
            (silencers.disabled_effects, "policies disabled by parameters"),
            (silencers.overrides, "policies disabled by overrides"),
            (silencers.selectors, "assignments narrowed by resource selectors"),
            (silencers.foundational_off, "subscriptions without Foundational CSPM: Defender says nothing of them"),
            (silencers.plans_off, "other Defender plans that are off"),
        ):
            amount = "not read" if number is None else f"{number:,}"
            yield line(f"{amount:>12}  {label}")


def heading(inventory: Inventory, names: Names = NO_NAMES) -> str:
    """`23 exemptions: 12 ours, 3 of other owners, 8 of nobody; 2 expired`, or that there is none of what was asked for."""
    incomplete = "" if inventory.complete else " Not everything could be read: there may be more."
    if not inventory.entries:
        return f"{_nothing(inventory, names)}{incomplete if inventory.complete or inventory.left_out else ''}"
    ours, forged, foreign, nobody = (inventory.count(of) for of in Ownership)
    kinds = f"{ours} ours, {foreign} of other owners, {nobody} of nobody" + (f", {forged} forged" if forged else "")
    states = [
        f"{number} {state.value}" for state in (State.EXPIRED, State.ORPHANED) if (number := inventory.count(state))
    ]
    of = f" of {len(inventory.entries) + inventory.left_out:,}" if inventory.left_out else ""
    sentence = f"{count(len(inventory.entries), 'exemption')}{of}: {kinds}"
    return f"{sentence}{'; ' + ', '.join(states) if states else ''}{incomplete and '.' + incomplete}"


def _nothing(inventory: Inventory, names: Names) -> str:
    """That there is no entry: of what was asked for, at a scope, at all, or that this is not known."""
    if inventory.left_out:
        return f"Of {count(inventory.left_out, 'exemption')}, none is what was asked for."
    if not inventory.complete:
        return "What is exempt is not known: not everything could be read."
    if inventory.only is not None:
        where = scope_label(inventory.only, names)
        return f"No exemption sits at or below {where}. What sits above may reach it: 'exempt explain' tells."
    return "Nothing is exempt."


def _entry(entry: InventoryEntry, now: datetime, names: Names) -> Iterator[Line]:
    exemption = entry.exemption
    whose = entry.marked_by if entry.ownership is Ownership.FOREIGN else entry.ownership.value
    state = "" if entry.state is State.ACTIVE else f", {entry.state.value}"
    ends = expiry_label(exemption.expires_on, now)
    yield line(
        (_OWNERSHIP_STYLES[entry.ownership], f"  {whose:<10}  "),
        (Style.NAME, exemption.name),
        f"  {category_label(category(exemption.category))}, {ends}{state if entry.state is State.ORPHANED else ''}",
    )
    first, *further = entry.recommendations or [policies_label(exemption, names)]
    worst = f"{entry.severity}{' at worst' if further else ''}: " if entry.severity else ""
    yield line(_INDENT, worst, first)
    yield from (line(_INDENT, "and ", title) for title in further)
    if selection := selection_label(exemption):
        yield line(_INDENT, selection)
    is_told = entry.recommendations and exemption.carrier is Carrier.STANDARD  # by the title of what it is about
    by = policies_label(exemption, names) if is_told else assignment_label(exemption.assignment, names)
    yield line(_INDENT, (Style.QUIET, by))
    yield from (line(_INDENT, (Style.QUIET, text)) for text in _provenance(entry))
    if exemption.description:
        yield line(_INDENT, (Style.QUIET, "because: "), exemption.description)


def _provenance(entry: InventoryEntry) -> Iterator[str]:
    """Who answers, asked and agreed, and how it came to Azure: what an auditor asks, as far as anybody knows."""
    approval = entry.approval
    people = [("owner", entry.owner), ("ticket", entry.ticket), ("asked by", entry.requested_by)]
    people += [("approved by", ", ".join(approval.approvers)), ("pull request", approval.pull_request)]
    if responsible := ", ".join(f"{label} {text}" for label, text in people if text):
        yield responsible
    declared = f"declared by {entry.declaration}" if entry.declaration else ""
    absent = ", which this repository does not have" if declared and not entry.is_declared else ""
    maker, system = "", entry.exemption.system
    if system is not None and system.created_by:
        kind = f" ({system.created_by_type})" if system.created_by_type else ""
        maker = f"made by {system.created_by}{kind}{f' on {system.created_at:%Y-%m-%d}' if system.created_at else ''}"
    if origin := ", ".join(filter(None, (f"{declared}{absent}", maker))):
        yield origin
    if entry.effect:
        yield f"in Defender: {entry.effect}"
    applied = [f"on {entry.applied_at:%Y-%m-%d %H:%M} UTC" if entry.applied_at else ""]
    applied += [f"at commit {entry.commit[:_SHORT]}" if entry.commit else "", f"by {entry.run}" if entry.run else ""]
    if any(applied):
        yield f"applied {' '.join(filter(None, applied))}"


# --- JSON and CSV ------------------------------------------------------------------------------------------------


def inventory_json(inventory: Inventory, tool_version: str = __version__) -> str:
    """The inventory as a JSON document: one line for each exemption."""
    silencers = inventory.silencers
    return json_document(
        {
            **header(FORMAT_VERSION, tool_version),
            "tenantId": inventory.tenant_id,
            "owner": inventory.owner,
            "takenAt": instant_text(inventory.taken_at),
            "complete": inventory.complete,
            "summary": {
                **{of.value: inventory.count(of) for of in Ownership},
                **{state.value: inventory.count(state) for state in State},
            },
            "silencers": {
                "notScopes": silencers.not_scopes,
                "disabledEffects": silencers.disabled_effects,
                "overrides": silencers.overrides,
                "selectors": silencers.selectors,
                "foundationalCspmOff": silencers.foundational_off,
                "plansOff": silencers.plans_off,
            }
            if silencers is not None
            else None,
            "exemptions": map(entry_to_json, inventory.entries),
        }
    )


def entry_to_json(entry: InventoryEntry) -> dict[str, JSON]:
    """One exemption with what an auditor asks: what, where, until when, why, by whom, by whose leave."""
    exemption, system = entry.exemption, entry.exemption.system or SystemData()
    return {
        "id": exemption.id.text,
        "scope": exemption.scope.text,
        "name": exemption.name,
        "assignment": exemption.assignment.text,
        "state": entry.state.value,
        "ownership": entry.ownership.value,
        "markedBy": entry.marked_by or None,
        "declaration": entry.declaration or None,
        "declared": entry.is_declared,
        "owner": entry.owner or None,
        "requestedBy": entry.requested_by or None,
        "ticket": entry.ticket or None,
        "pullRequest": entry.approval.pull_request or None,
        "approvedBy": list(entry.approval.approvers),
        "commit": entry.commit or None,
        "run": entry.run or None,
        "appliedAt": instant_text(entry.applied_at) if entry.applied_at else None,
        "inForce": entry.effect or None,
        "severity": entry.severity or None,
        "category": category(exemption.category),
        "expiresOn": exemption.expires_on or None,
        "recommendations": list(entry.recommendations),
        "referenceIds": sorted(exemption.reference_ids, key=str.lower),
        "resourceSelectors": describe_selectors(exemption.selectors),
        "displayName": exemption.display_name,
        "description": exemption.description,
        "createdBy": system.created_by or None,
        "createdByType": system.created_by_type or None,
        "createdAt": instant_text(system.created_at) if system.created_at else None,
        "lastModifiedBy": system.last_modified_by or None,
        "lastModifiedAt": instant_text(system.last_modified_at) if system.last_modified_at else None,
    }


def inventory_csv(inventory: Inventory) -> str:
    """The inventory for a spreadsheet: a row for each exemption."""
    rows = map(entry_to_json, inventory.entries)
    return spreadsheet(_COLUMNS, ([row[column] for column in _COLUMNS] for row in rows))
