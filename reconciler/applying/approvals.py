"""A saved plan is a set of approvals, never instructions: what this run may write is what it would write anyway and
somebody approved in exactly this form.

So a stale or doctored file can only make a run do less. What is not approved is reported as awaiting approval, and so
is whatever waits for it.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.applying.outcomes import Outcome
from reconciler.arm import canonical
from reconciler.model import JSON, Status, exemption_path
from reconciler.planning.fingerprint import digest, fingerprint_of
from reconciler.planning.values import Change, Plan, Reason
from reconciler.problems import ReconcilerError, UsageError

FORMAT_MAJOR: Final = 1
NEW_PLAN: Final = "save a new plan with: exempt plan --out FILE, have it reviewed, and apply that"
_HEX: Final = frozenset("0123456789abcdef")


class ApprovalError(ReconcilerError):
    """A saved plan that cannot stand for an approval, refused whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What a checked plan file approves: the fingerprint of each change by its folded ARM id."""

    digest: str
    fingerprints: Mapping[str, str]
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What this run may write, and what awaits approval. `already_done` are approved ids that
    no longer need a write.
    """

    approved: tuple[Change, ...]
    withheld: tuple[Outcome, ...] = ()
    already_done: tuple[str, ...] = ()


# --- reading a saved plan ----------------------------------------------------------------------------------------


def read_plan(text: str, tenant_id: str, owner: str) -> SavedPlan:
    """Checks the JSON form of a plan (schemas/plan.schema.json) and takes its approvals.

    Raises:
        ApprovalError: it is no plan, of a newer format, another tenant or owner, or its contents do not match its own
            fingerprints or digest.
    """
    document = _document(text)
    _check_format(document.get("format_version"), document.get("tool_version"))
    _check_origin(document, tenant_id, owner)
    changes = document.get("changes")
    if not isinstance(changes, list):
        raise ApprovalError("not a plan: it has no list of changes", NEW_PLAN)
    checked = [_checked(change, number, tenant_id, owner) for number, change in enumerate(changes)]
    fingerprints = dict(checked)
    computed = digest(fingerprints.values())
    if len(fingerprints) != len(checked):
        twice = next(key for place, (key, _) in enumerate(checked) if key in dict(checked[:place]))
        raise ApprovalError(f"the plan was edited: it lists {twice} twice", NEW_PLAN)
    if document.get("digest") != computed:
        raise ApprovalError(
            f"the plan was edited: its changes make digest {computed}, but it says {document.get('digest')!r}", NEW_PLAN
        )
    return SavedPlan(digest=computed, fingerprints=fingerprints, revision=_text(document.get("revision")))


def _document(text: str) -> dict[str, JSON]:
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ApprovalError(f"not a plan: not JSON ({error})", NEW_PLAN) from None
    if not isinstance(document, dict) or "format_version" not in document:
        raise ApprovalError("not a plan: a JSON object with format_version is expected", NEW_PLAN)
    return document


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """An object whose keys each stand once: of two, a reviewer may read the other one than we."""
    members = dict(pairs)
    if len(members) != len(pairs):
        repeated = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ApprovalError(f"the plan was edited: it says {repeated!r} twice in one object", NEW_PLAN)
    return members


def _refuse_constant(name: str) -> JSON:
    raise ValueError(f"{name} is no value")


def _check_format(version: JSON, tool: JSON) -> None:
    major = version.split(".")[0] if isinstance(version, str) else ""
    if not (major.isascii() and major.isdigit()):
        raise ApprovalError(f"not a plan: format_version {version!r} is no version", NEW_PLAN)
    if int(major) > FORMAT_MAJOR:
        raise ApprovalError(
            f"the plan has format {version}, written by exempt {tool}; this exempt reads up to {FORMAT_MAJOR}.x",
            "apply with the exempt that planned, or plan again with this one",
        )
    if int(major) < FORMAT_MAJOR:
        raise ApprovalError(f"the plan has the old format {version}", NEW_PLAN)


def _check_origin(document: Mapping[str, JSON], tenant_id: str, owner: str) -> None:
    """Another tenant's or repository's plan is a mix-up of files, whatever it holds."""
    if str(document.get("tenantId")).lower() != tenant_id.lower():
        raise ApprovalError(
            f"the plan is for tenant {document.get('tenantId')}, but this repository manages {tenant_id}",
            "apply it from the repository that made it",
        )
    if document.get("owner") != owner:
        raise ApprovalError(
            f"the plan belongs to owner {document.get('owner')!r}, but this repository is {owner!r}",
            "apply it from the repository that made it",
        )


def _checked(change: JSON, number: int, tenant_id: str, owner: str) -> tuple[str, str]:
    """The folded id and fingerprint of one change, computed from its contents."""
    try:
        key, fingerprint = _fingerprint(change, tenant_id, owner)
        honest = change["fingerprint"] == fingerprint and change["actions"] == [_action(change)] and _says_where(change)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise ApprovalError(f"not a plan: changes[{number}] does not have the form of a change", NEW_PLAN) from None
    if not honest:
        raise ApprovalError(f"the plan was edited: {key} does not match its own fingerprint", NEW_PLAN)
    return key, fingerprint


def _fingerprint(change: JSON, tenant_id: str, owner: str) -> tuple[str, str]:
    where = change["key"]
    key = exemption_path(where["scope"], where["name"]).lower()
    before, after = change["before"], change["after"]
    if before is None and after is None:
        raise ValueError("neither before nor after")
    sides = (None if side is None else canonical.fold(side) for side in (before, after))
    return key, fingerprint_of(tenant_id, owner, key, *sides)


def _says_where(change: JSON) -> bool:
    """Whether the key names the assignment that the exemption is from; the fingerprint covers only the latter."""
    named = change["key"]["assignment"].lower()
    return all(named == side["policyAssignmentId"].lower() for side in (change["before"], change["after"]) if side)


def _action(change: JSON) -> str:
    return "create" if change["before"] is None else "delete" if change["after"] is None else "update"


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


# --- choosing ----------------------------------------------------------------------------------------------------


def parse_reasons(text: str) -> frozenset[Reason]:
    """The reasons of `--only recreate,fan-out`.

    Raises:
        UsageError: one is not a reason, or none is given.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    unknown = sorted(set(names) - {reason.value for reason in Reason})
    if unknown or not names:
        mistake = f"{', '.join(unknown)!r} is no reason" if unknown else "no reason given"
        raise UsageError(f"--only: {mistake}", f"one or more of {', '.join(Reason)}, separated by commas")
    return frozenset(Reason(name) for name in names)


def check_expected(plan: Plan, expected: str) -> None:
    """`--expect DIGEST`: exactly the approved plan or nothing.

    Raises:
        UsageError: it is not a digest.
        ApprovalError: the plan of this run is another one.
    """
    approved = expected.strip().lower()
    if len(approved) != 64 or not _HEX.issuperset(approved):
        raise UsageError(f"--expect: {expected!r} is no digest", "give all 64 hexadecimal digits that plan printed")
    if plan.digest != approved:
        raise ApprovalError(
            f"the plan is not the expected one: its digest is {plan.digest}, expected {approved}; what is declared or "
            "what Azure holds changed since",
            "review the new plan and expect its digest",
        )


def select(plan: Plan, saved: SavedPlan | None = None, only: frozenset[Reason] | None = None) -> Selection:
    """What of the plan may be written: *fresh ∩ approved*, of the given reasons."""
    why = {change.id.key: _why_not(change, saved, only) for change in plan.changes}
    withheld = {
        change.id.key: Outcome(change=change, status=Status.AWAITING, message=words[0], remedy=words[1])
        for change in plan.changes
        if (words := why[change.id.key]) is not None
    }
    _spread(plan.changes, withheld)
    approved = tuple(change for change in plan.changes if change.id.key not in withheld)
    already_done = sorted(saved.fingerprints.keys() - why.keys()) if saved else ()
    return Selection(
        approved=approved, withheld=tuple(withheld[key] for key in sorted(withheld)), already_done=tuple(already_done)
    )


def _why_not(change: Change, saved: SavedPlan | None, only: frozenset[Reason] | None) -> tuple[str, str] | None:
    """Why a change is not approved, and what would approve it."""
    if saved and change.id.key not in saved.fingerprints:
        return "not part of the approved plan", NEW_PLAN
    if saved and saved.fingerprints[change.id.key] != change.fingerprint:
        return "approved in another form: what is declared or what Azure holds changed since", NEW_PLAN
    if only is not None and change.reason not in only:
        message = f"its reason, {change.reason}, is not among those of --only"
        return message, f"name {change.reason} in --only too, or run without --only"
    return None


def _spread(changes: Sequence[Change], withheld: dict[str, Outcome]) -> None:
    """What waits for something withheld is withheld too, however long the chain."""
    by_need = _by_need(changes)
    chain = deque(withheld.values())
    while chain:
        root = chain.popleft()
        for change in by_need.get(root.change.id.key, ()):
            if change.id.key not in withheld:
                message = f"waits for {root.change.id}, which awaits approval"
                withheld[change.id.key] = Outcome(
                    change=change, status=Status.AWAITING, message=message, remedy=root.remedy
                )
                chain.append(withheld[change.id.key])


def _by_need(changes: Iterable[Change]) -> dict[str, list[Change]]:
    dependants: dict[str, list[Change]] = {}
    for change in changes:
        for required in change.waits_for:
            dependants.setdefault(required, []).append(change)
    return dependants
