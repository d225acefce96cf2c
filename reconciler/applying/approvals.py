"""A saved plan is a set of approvals, never instructions: what this run may write is what it would write anyway and
somebody approved in exactly this form.

So a stale or doctored file can only make a run do less. What is not approved is reported as awaiting approval, and so
is whatever waits for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.applying.outcomes import Outcome
from reconciler.arm import canonical
from reconciler.arm.shapes import as_object, object_in, required_text, text_in
from reconciler.documents.json_input import JsonInput, JsonInputError, read_json
from reconciler.model import Diagnostic, Status, arm_id, carrier_from
from reconciler.planning.fingerprint import digest, fingerprint_of
from reconciler.planning.marks import declaration_of, made_by_writer
from reconciler.planning.values import Change, Plan, Reason
from reconciler.problems import ReconcilerError, UsageError

FORMAT: Final = "1.0"
NEW_PLAN: Final = "save a new plan with: exempt plan --out FILE, have it reviewed, and apply that"
_OTHER_FORM: Final = "approved in another form: what is declared or what Azure holds changed since"
_APPROVE: Final = "let the production run apply the newest commit, with its approval"
_UNRECORDED: Final = "adopting what none of our writers made needs the record of a production run"
_ADOPTING: Final = frozenset({Reason.ADOPT, Reason.TAKE_OVER})
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


def read_plan(data: bytes, *, origin: str, tenant_id: str, owner: str) -> SavedPlan:
    """Checks the JSON form of a plan (schemas/plan.schema.json) and takes its approvals. `origin` names the file.

    Raises:
        ApprovalError: it is no plan, of a newer format, another tenant or owner, or its contents do not match its own
            fingerprints or digest.
    """
    try:
        document = read_json(data, origin=origin, remedy=NEW_PLAN)
        document.check_format(document="a plan", reads=FORMAT)
        _check_owner(document, tenant_id, owner)
        changes = [_checked(entry, tenant_id, owner) for entry in document.member("changes").items()]
        fingerprints = dict(changes)
        computed = digest(fingerprints.values())
        if len(fingerprints) != len(changes):
            [(repeated, _)] = Counter(key for key, _ in changes).most_common(1)
            raise document.error(f"the plan was edited: it lists {repeated} twice")
        recorded = document.member("digest").as_text()
        if recorded != computed:
            raise document.error(f"the plan was edited: its changes make digest {computed}, but it says {recorded!r}")
        revision = document.optional("revision")
        return SavedPlan(digest=computed, fingerprints=fingerprints, revision=revision.as_text() if revision else None)
    except JsonInputError as error:
        raise ApprovalError(error.message, error.remedy) from None


def _check_owner(document: JsonInput, tenant_id: str, owner: str) -> None:
    """Another tenant's or repository's plan is a mix-up of files, whatever it holds."""
    remedy = "apply it from the repository that made it"
    planned = document.member("tenantId").as_text()
    if planned.lower() != tenant_id.lower():
        message = f"the plan is for tenant {planned}, but this repository manages {tenant_id}"
        raise JsonInputError(document.origin, message, remedy)
    marked = document.member("owner").as_text()
    if marked != owner:
        message = f"the plan belongs to owner {marked!r}, but this repository is {owner!r}"
        raise JsonInputError(document.origin, message, remedy)


def _checked(entry: JsonInput, tenant_id: str, owner: str) -> tuple[str, str]:
    """The folded id and fingerprint of one change, computed from its contents."""
    change = entry.as_object()
    before, after = change.get("before"), change.get("after")
    action = "create" if before is None else "delete" if after is None else "update"
    if before is None and after is None:
        raise entry.error("a change has a before, an after or both")
    try:
        where = object_in(change, "key")
        carrier = carrier_from(text_in(where, "assignment"))
        key = arm_id(carrier.path(required_text(where, "scope"), required_text(where, "name"))).key
        sides = [None if side is None else canonical.fold(as_object(side)) for side in (before, after)]
        fingerprint = fingerprint_of(tenant_id, owner, key, *sides)
        # The fingerprint covers the assignment that the exemption is from, not the key's copy of it.
        assignments = {canonical.assignment_of(side) for side in (before, after) if side is not None}
        is_honest = (
            change.get("fingerprint") == fingerprint
            and change.get("actions") == [action]
            and assignments == {text_in(where, "assignment").lower()}
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise entry.error("not the form of a change") from None
    if not is_honest:
        raise entry.error(f"the plan was edited: {key} does not match its own fingerprint")
    return key, fingerprint


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

    def why_not(change: Change) -> Diagnostic | None:
        if saved and change.id.key not in saved.fingerprints:
            return Diagnostic(message="not part of the approved plan", remedy=NEW_PLAN)
        if saved and saved.fingerprints[change.id.key] != change.fingerprint:
            return Diagnostic(message=_OTHER_FORM, remedy=NEW_PLAN)
        if only is not None and change.reason not in only:
            message = f"its reason, {change.reason}, is not among those of --only"
            return Diagnostic(message=message, remedy=f"name {change.reason} in --only too, or run without --only")
        return None

    already_done = saved.fingerprints.keys() - {change.id.key for change in plan.changes} if saved else ()
    return _selection(plan.changes, why_not, already_done)


def intersect(
    plan: Plan,
    approved: Plan,
    came_back: frozenset[str] = frozenset(),
    files: frozenset[str] = frozenset(),
    writers: Collection[str] = (),
) -> Selection:
    """What healing may write: changes that both the plan of the working tree and the plan of the approved revision
    make, by fingerprint.

    A change waits for and relies on whatever it does in either plan, and is withheld with what it waits for: so nothing
    is deleted or reduced whose replacement only one of the two has, and what either wants stays. What is written
    bears the marks of the approved revision. Declarations that `came_back` (they were absent or said something else since
    the approved revision) await approval, and everything does where that is true of one of the `files` by which
    declarations are judged. So does, where `writers` are set, the adoption of what none of them made: only
    the record of a production run can tell it from a forgery once somebody has edited it.
    """
    by_id = {change.id.key: change for change in approved.changes}

    def why_not(change: Change) -> Diagnostic | None:
        if files:
            message = f"{min(files)} was changed since the approved revision, and changed back"
            return Diagnostic(message=message, remedy=_APPROVE)
        counterpart = by_id.get(change.id.key)
        if counterpart is None:
            return Diagnostic(message="not part of the plan of the approved revision", remedy=_APPROVE)
        if counterpart.fingerprint != change.fingerprint:
            return Diagnostic(message="the plan of the approved revision has it in another form", remedy=_APPROVE)
        if names := sorted(came_back & _declarations(change)):
            message = f"{names[0]} was removed or changed since the approved revision, and came back"
            return Diagnostic(message=message, remedy=_APPROVE)
        if writers and change.reason in _ADOPTING and not _is_provable(change, writers):
            return Diagnostic(message=_UNRECORDED, remedy=_APPROVE)
        return None

    def merged(change: Change) -> Change:
        counterpart = by_id.get(change.id.key)
        if counterpart is None or counterpart.fingerprint != change.fingerprint:
            return change
        keepers = {keeper.id.key: keeper for keeper in (*counterpart.relies_on, *change.relies_on)}
        return replace(
            change,
            after=counterpart.after,
            waits_for=tuple(sorted({*change.waits_for, *counterpart.waits_for})),
            relies_on=tuple(keeper for _, keeper in sorted(keepers.items())),
        )

    already_done = by_id.keys() - {change.id.key for change in plan.changes}
    return _selection(tuple(map(merged, plan.changes)), why_not, already_done)


def _is_provable(change: Change, writers: Collection[str]) -> bool:
    """Whether what is adopted can be told to be ours whoever edits it later."""
    return change.before is not None and (change.before.adopted or made_by_writer(change.before, writers))


def _declarations(change: Change) -> set[str]:
    """The names of the declarations that a change is about: its own, and those that either side is marked with."""
    sides = (side for side in (change.before, change.after) if side is not None)
    return {change.declaration or "", *map(declaration_of, sides)}


def _selection(
    changes: Sequence[Change], why_not: Callable[[Change], Diagnostic | None], already_done: Iterable[str]
) -> Selection:
    """Splits changes; what waits for something withheld, or for a change that is not there, is withheld too."""
    withheld: dict[str, Outcome] = {}
    dependants: dict[str, list[Change]] = {}
    present = {change.id.key for change in changes}
    for change in changes:
        reason = why_not(change)
        if reason is None and (absent := sorted(set(change.waits_for) - present)):
            reason = Diagnostic(message=f"waits for {absent[0]}, which is not part of this run", remedy=_APPROVE)
        if reason is not None:
            withheld[change.id.key] = _awaiting(change, reason.message, reason.remedy)
        for required in change.waits_for:
            dependants.setdefault(required, []).append(change)
    chain = deque(withheld.values())
    while chain:
        root = chain.popleft()
        for change in dependants.get(root.change.id.key, ()):
            if change.id.key not in withheld:
                message = f"waits for {root.change.id}, which awaits approval"
                withheld[change.id.key] = _awaiting(change, message, root.remedy)
                chain.append(withheld[change.id.key])
    return Selection(
        approved=tuple(change for change in changes if change.id.key not in withheld),
        withheld=tuple(outcome for _, outcome in sorted(withheld.items())),
        already_done=tuple(sorted(already_done)),
    )


def _awaiting(change: Change, message: str, remedy: str) -> Outcome:
    return Outcome(change=change, status=Status.AWAITING, message=message, remedy=remedy)
