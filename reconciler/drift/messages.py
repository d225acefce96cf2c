"""Every sentence that a drift report says of a change: what differs, what caused it, what to do about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from reconciler.arm.canonical import has_expired, validation
from reconciler.drift.inputs import DriftInputs
from reconciler.model import CATEGORY_LABELS, Assignment, Carrier, Exemption, count, first_few
from reconciler.planning.descriptions import describe_selectors
from reconciler.planning.marks import owners, revision_of
from reconciler.planning.provenance import Commit
from reconciler.planning.values import Change, Reason

_SHOWN: Final = 3
_ENDED: Final = "its declaration has expired"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What differs, and what caused it. The cause holds no dates and no people: those are evidence."""

    message: str
    cause: str


def absent(change: Change, inputs: DriftInputs) -> str:
    """What is not there."""
    desired, policies = change.exemption, _policies(change.exemption, inputs)
    category = CATEGORY_LABELS.get(desired.category, desired.category)
    return f"declared as {category} {_until(desired)} for {policies}, but its exemption is not there"


def activity_log_command(change: Change) -> str:
    """The command that says who deleted it; the log reaches back 90 days."""
    return f"az monitor activity-log list --offset 90d --resource-id {shlex.quote(change.id.text)}"


def modified(change: Change, wider: str, inputs: DriftInputs) -> Diagnosis:
    """What differs, and which side changed: Azure or the repository. `wider` says in what Azure's side exempts more."""
    assert change.before is not None
    excess = f"; in Azure it exempts {wider} than declared" if wider else ""
    match change.reason:
        case Reason.REVERT:
            return Diagnosis(
                f"is not what its declaration asks for, although that was applied{excess}", "changed in Azure"
            )
        case Reason.FAN_OUT if validation(change.before.validation) != validation(change.exemption.validation):
            return Diagnosis(
                "says whether Azure is to check that its assignment reaches it, as that was before a move",
                "the scope or its assignment was moved after it was applied",
            )
        case Reason.FAN_OUT:
            return Diagnosis(
                "lists other policies than its initiative has for its declaration now",
                "its initiative changed after it was applied",
            )
        case Reason.NARROW:
            return Diagnosis("also exempts what another exemption is declared for", "made beside the declared one")
        case Reason.ADOPT:
            return Diagnosis(
                f"is declared, but was made outside the repository{excess}", "made by hand and not adopted yet"
            )
        case Reason.TAKE_OVER:
            former = owners(change.before)
            owner = f"belongs to {former[0]!r}" if former else "belongs to another owner"
            return Diagnosis(f"is declared with takeOver, but still {owner}{excess}", "not taken over yet")
        case Reason.RENAME:
            return Diagnosis(
                f"bears the mark of another declaration or owner{excess}",
                "renamed or exchanged in the repository, not applied yet",
            )
        case _ if _was_applied(change.before, inputs.commit(inputs.declaration(change.declaration)), inputs):
            return Diagnosis(
                f"is not what would be written now, although its declaration was applied{excess}",
                "the catalogue, the settings or the tool changed since, not applied yet",
            )
        case _ if inputs.history.head is not None:
            return Diagnosis(
                f"is as an earlier version of the declaration wanted it{excess}",
                "edited in the repository, not applied yet",
            )
        case _:
            return Diagnosis(f"differs from its declaration{excess}", "changed in Azure, or edited and not applied yet")


def _was_applied(exemption: Exemption, commit: Commit | None, inputs: DriftInputs) -> bool:
    return commit is not None and inputs.history.contains(revision_of(exemption), commit.sha)


def surplus(change: Change, inputs: DriftInputs) -> Diagnosis:
    """What should not be there (any more)."""
    assert change.before is not None
    policies = _policies(change.before, inputs)
    match change.reason:
        case Reason.DUPLICATE:
            keepers = " and ".join(repr(keeper.name) for keeper in change.relies_on[:_SHOWN])
            like = f", like {keepers}" if keepers else ""
            return Diagnosis(f"exempts {policies} again{like}", "made beside the declared one")
        case Reason.EXPIRED if has_expired(change.before, inputs.now):
            end = change.before.expires_on[:10]
            return Diagnosis(f"ended on {end}: Azure no longer honours it and counts the resource again", _ENDED)
        case Reason.EXPIRED:
            return Diagnosis(
                f"still exempts {policies} {_until(change.before)}, although its declaration has ended", _ENDED
            )
        case Reason.REMOVED:
            return Diagnosis(f"still exempts {policies}", change.why or "its declaration no longer asks for it")
        case Reason.ORPHAN:
            cause = change.why or "its assignment is gone, does not reach it, or has none of its policies"
            return Diagnosis("exempts nothing", cause)
        case _:
            return Diagnosis(
                f"exempts {policies} {_until(change.before)}, and is declared nowhere", "made outside the repository"
            )


def apply_only(change: Change) -> str:
    """The command that does this and, where it waits for nothing, leaves everything else alone."""
    return "exempt apply" if change.waits_for else f"exempt apply --only {change.reason}"


def put_back(change: Change) -> str:
    """The command that makes Azure as declared; the other way round is an edit of the file."""
    keep = "; to keep what Azure has, edit the declaration instead" if change.reason is Reason.REVERT else ""
    return apply_only(change) + keep


def grant_right(assignment: Assignment) -> str:
    """The right that is needed, and where."""
    return (
        f"give the identity Microsoft.Authorization/policyAssignments/exempt/action at {assignment.scope} "
        "(roles with it: Resource Policy Contributor, Security Admin), then exempt apply"
    )


def _policies(exemption: Exemption, inputs: DriftInputs) -> str:
    """The first few references; one that is opaque with its policy's title. Of a standard assignment what it is about."""
    if exemption.carrier is Carrier.STANDARD:
        selection = describe_selectors(exemption.selectors)
        return f"the recommendation (only {selection})" if selection else "the recommendation"
    references = sorted(exemption.reference_ids, key=str.lower)
    if not references:
        return "the whole assignment"
    initiative = inputs.snapshot.initiatives.get(exemption.assignment.key)
    titles = {
        member.reference_id.lower(): policy.title
        for member in (initiative.members if initiative else ())
        if member.is_opaque and (policy := inputs.catalogue.policy(member.definition)) is not None
    }
    labels = [f"{text}: {titles[text.lower()]}" if text.lower() in titles else text for text in references]
    return f"{count(len(references), 'policy', 'policies')} ({first_few(labels, _SHOWN)})"


def _until(exemption: Exemption) -> str:
    return f"until {exemption.expires_on[:10]}" if exemption.expires_on else "without end"
