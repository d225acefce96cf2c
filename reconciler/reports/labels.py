"""The labels that the reports share: scopes, assignments, expiry, reasons, counts. Raw text; the edges escape it.

`names` maps the folded id of a management group, subscription or assignment to its display name in Azure. A display
name is anybody's to choose, so it never stands without the id's own name beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from reconciler.arm.canonical import instant, validation
from reconciler.model import (
    UNPUBLISHED,
    ArmId,
    Carrier,
    Exemption,
    Source,
    agree,
    count,
    first_few,
    is_assessment,
    is_guid,
    owner_scope,
)
from reconciler.planning import marks
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.values import Action, Change, Reason
from reconciler.reports.context import NO_NAMES as NO_NAMES  # noqa: PLC0414 - re-exported
from reconciler.reports.context import Names as Names  # noqa: PLC0414 - re-exported

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/resourceGroups/([^/]+))?(?:/.*)?", re.IGNORECASE | re.DOTALL)
_RESOURCE = re.compile(r".*/providers/[^/]+/(.+)", re.IGNORECASE | re.DOTALL)
_DAY_END = "T23:59:59Z"
_FEW = 3


# --- where -------------------------------------------------------------------------------------------------------


def scope_label(scope: ArmId, names: Names = NO_NAMES) -> str:
    """A scope, nearest part first: `servers/legacy-sql in rg rg-data, sub Payments 6f0e1a2b…`."""
    below = _SUBSCRIPTION.fullmatch(scope.text)
    if below is None:
        if "/managementgroups/" not in scope.key:
            return scope.text or "the tenant"
        return f"mg {_named(scope.name, names.get(scope.key))}"
    subscription, group = below.groups()
    place = f"sub {_named(subscription, names.get(f'/subscriptions/{subscription.lower()}'))}"
    place = f"rg {group}, {place}" if group else place
    # The last type and name of a resource, with what it is nested in; empty for a subscription or resource group.
    match = _RESOURCE.fullmatch(scope.text)
    resource = match[1] if match else ""
    return f"{resource} in {place}" if resource else place


def _named(identity: str, display: str | None) -> str:
    """Display name and identity, once where they are the same but for case and what stands between the words. Beside a
    name, the ends of a GUID are enough to tell it from its neighbours.
    """
    if not display or _words(display) == _words(identity):
        return identity
    return f"{display} {identity[:8]}…{identity[-4:]}" if is_guid(identity) else f"{display} ({identity})"


def _words(name: str) -> str:
    return re.sub(r"[ ._-]", "", name).lower()


def assignment_label(assignment: ArmId, names: Names = NO_NAMES) -> str:
    """`ASC Default (SecurityCenterBuiltIn) at sub Payments 6f0e1a2b…1a2b`; an assessment, by its title and key."""
    if assignment == UNPUBLISHED:
        return "something in Defender, in a form that Microsoft has not published"
    if is_assessment(assignment.key):
        return f"{_named(assignment.name, names.get(assignment.key))} in Defender"
    place = scope_label(owner_scope(assignment), names)
    display = names.get(assignment.key)
    if display and _words(display) != _words(assignment.name):
        return f"{display} ({assignment.name}) at {place}"
    return f"{assignment.name} at {place}"


def source_label(source: Source | None) -> str:
    """File and line, or nothing."""
    return f"{source.file}:{source.line}" if source else ""


# --- what --------------------------------------------------------------------------------------------------------


def policies_label(exemption: Exemption, names: Names = NO_NAMES, reference_ids: tuple[str, ...] | None = None) -> str:
    """The references that are exempted (of those given, else all), by name as long as they are few; one that is a GUID
    with its policy's title.
    """
    if exemption.carrier is Carrier.STANDARD:
        return "by a standard assignment"
    reference_ids = exemption.reference_ids if reference_ids is None else reference_ids
    if not reference_ids:
        return "the whole assignment"
    labels = [reference_label(reference, names) for reference in reference_ids]
    return f"{count(len(reference_ids), 'policy', 'policies')}: {first_few(labels, _FEW)}"


def reference_label(reference: str, names: Names = NO_NAMES) -> str:
    """`7d7be79c-… (Vulnerabilities should be resolved)` where a GUID names the policy, else the reference itself."""
    title = names.get(reference.lower(), "")
    return f"{reference} ({title})" if title else reference


def selection_label(exemption: Exemption) -> str:
    """`only resourceLocation in eastus`: what its resource selectors leave of the scope; empty without any."""
    words = describe_selectors(exemption.selectors)
    return f"only {words}" if words else ""


def expiry_date(text: str) -> str:
    """An expiry as people write it: the date alone where it is valid through that day."""
    return text.removesuffix(_DAY_END) or "never"


def distance(text: str, now: datetime) -> str:
    """How far off an expiry is, in calendar days of UTC: `in 72 days`, `today`, `3 days ago`; empty for none."""
    end = instant(text)
    if end is None:
        return ""
    days = (end.astimezone(UTC).date() - now.astimezone(UTC).date()).days
    if days == 0:
        return "today"
    return f"in {count(days, 'day')}" if days > 0 else f"{count(-days, 'day')} ago"


def expiry_label(text: str, now: datetime) -> str:
    """`expires 2027-01-31 (in 72 days)`, `expired 2026-11-17 (3 days ago)`, `never expires`."""
    if not text:
        return "never expires"
    end, far = instant(text), distance(text, now)
    state = "expired" if end and end <= now else "expires"
    return f"{state} {expiry_date(text)}{f' ({far})' if far else ''}"


# --- why ---------------------------------------------------------------------------------------------------------


def adoption_label(exemption: Exemption) -> str:
    """Whose work is adopted, as far as Azure says."""
    system = exemption.system
    if system is None or not system.created_by:
        return "adopts an exemption made outside this repository"
    when = f" on {system.created_at:%Y-%m-%d}" if system.created_at else ""
    return f"adopts what {system.created_by} made{when}"


def object_label(change: Change, owner: str) -> str:
    """Which live object a change is about and whose it is, where the declaration's name does not say it: `exemption
    tls-exempt, marked by owner 'epac'`. Empty for what this owner made in that declaration's name.
    """
    before = change.before
    if before is None:
        return ""
    if not_ours := foreign_label(change, owner):
        return not_ours
    is_named = change.declaration is None or before.name.startswith(f"{change.declaration}-")
    return "" if is_named and _is_ours(before, owner) else f"exemption {before.name}"


def foreign_label(change: Change, owner: str) -> str:
    """The same, only where somebody else's object is changed and the reason does not say whose it was."""
    before = change.before
    if before is None or _is_ours(before, owner) or change.reason.is_adoption:
        return ""
    whose, system = "made outside this repository", before.system
    if owners := marks.owners(before):
        whose = f"marked by owner {owners[0]!r}"
    elif system is not None and system.created_by:
        when = f" on {system.created_at:%Y-%m-%d}" if system.created_at else ""
        kind = f" ({system.created_by_type})" if system.created_by_type else ""
        whose = f"made by {system.created_by}{kind}{when}"
    return f"exemption {before.name}, {whose}"


def _is_ours(exemption: Exemption, owner: str) -> bool:
    return exemption.metadata.get("managedBy") == marks.MANAGER and exemption.metadata.get("owner") == owner


def reason_label(change: Change) -> str:
    """Why an object changes, as a sentence's end; empty where the change explains itself."""
    before = change.before
    match change.reason:
        case Reason.DECLARED | Reason.EDITED:
            return ""
        case Reason.ADOPT:
            return adoption_label(change.exemption if before is None else before)
        case Reason.TAKE_OVER:
            former = marks.owners(before) if before else ()
            return f"takes over from the owner {former[0]}" if former else "takes over from another owner"
        case Reason.NARROW if change.relies_on:
            return f"gives up what {_keepers(change)} {agree(len(change.relies_on), 'covers', 'cover')}"
        case Reason.REMOVED if change.why:
            return f"because {change.why}"
        case Reason.REVERT if before is not None and (revision := marks.revision_of(before)):
            return f"because it is no longer what revision {revision[:12]} asks for"
        case Reason.FAN_OUT if before is not None and change.after is not None:
            return _what_azure_changed(before, change.exemption)
        case Reason.RENAME if before is not None:
            return _new_mark(before, change.exemption)
        case Reason.DUPLICATE if change.relies_on:
            # By whom all of it is exempt as well, or who takes its place where they do it together or otherwise.
            assert change.before is not None
            keeper = change.relies_on[0]
            number = len(change.relies_on)
            is_same = number == 1 and _holds(keeper, change.before)
            return f"because {_keepers(change)} {'exempts the same' if is_same else agree(number, 'takes its place', 'take its place')}"
    return _BECAUSE[change.reason]


def _what_azure_changed(before: Exemption, after: Exemption) -> str:
    """What of the initiative or the hierarchy is not as when the exemption was written."""
    if validation(before.validation) != validation(after.validation):
        reach = "does not reach its scope any more" if after.validation else "reaches its scope now"
        return f"because its assignment {reach}"
    return "because its initiative has other reference ids for it than when it was written"


def _new_mark(before: Exemption, after: Exemption) -> str:
    """What the object stands for from now on; a declaration may have been renamed, or exchanged its wish with another."""
    now, was = marks.declaration_of(after), marks.declaration_of(before)
    if now != was:
        return f"now stands for declaration {now!r} (was {was!r})"
    return f"now belongs to owner {after.metadata.get('owner')!r} (was {before.metadata.get('owner')!r})"


def _keepers(change: Change) -> str:
    """The exemptions that keep what this change gives up, by name as long as they are few."""
    names = [exemption.name for exemption in change.relies_on]
    if len(names) > _FEW:
        return first_few(names, _FEW)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _holds(keeper: Exemption, exemption: Exemption) -> bool:
    """Whether the other one lists at least the same policies for the same resources."""
    listed, needed = ({reference.lower() for reference in side.reference_ids} for side in (keeper, exemption))
    return (
        keeper.scope == exemption.scope and keeper.selectors == exemption.selectors and (not listed or needed <= listed)
    )


_BECAUSE: Final[Mapping[Reason, str]] = {
    Reason.FAN_OUT: "because its assignment or initiative is newer than the last run",
    Reason.RECREATE: "because it is missing, although its declaration was applied before",
    Reason.REVERT: "because it is no longer what its declaration, applied before, asks for",
    Reason.RENAME: "now stands for another declaration",
    Reason.NARROW: "narrowed to what no other exemption covers",
    Reason.DUPLICATE: "because another exemption exempts the same",
    Reason.REMOVED: "because its declaration was removed",
    Reason.EXPIRED: "because its declaration has expired",
    Reason.ORPHAN: "because it exempts nothing any more",
    Reason.UNMANAGED: "because no declaration asks for it and unmanaged exemptions are to be deleted",
}

SIGNS: Final[Mapping[Action, str]] = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
