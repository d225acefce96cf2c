"""Guards by number: what stops a whole run before its first write, and the option that accepts exactly that.

They judge what this run would write, so a run narrowed by approvals or `--only` is judged by its own changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.kinds import FindingKind
from reconciler.model import Limits, count
from reconciler.planning.allowances import Allowances
from reconciler.planning.values import Action, Change, Finding, Reason, Refusal

PERCENT_FROM = 10
"""Below this many owned exemptions a percentage says nothing."""

_ADOPTIONS = frozenset({Reason.ADOPT, Reason.TAKE_OVER})
_OWN_CEILING = frozenset({Reason.ORPHAN, Reason.UNMANAGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardContext:
    """What the guards must know beside the changes: how many exemptions this owner has, whether anything is declared."""

    owned: int
    declarations: int
    findings: Sequence[Finding] = ()


def refusals(
    changes: Sequence[Change], limits: Limits, allowed: Allowances, facts: GuardContext
) -> tuple[Refusal, ...]:
    """Every reason not to start."""
    return tuple(
        refusal
        for guard in (_deletes, _no_declarations, _creates, _adoptions, _orphans, _unmanaged, _overlaps)
        for refusal in guard(changes, limits, allowed, facts)
    )


def _counted_deletes(changes: Sequence[Change]) -> int:
    return sum(change.action is Action.DELETE and change.reason not in _OWN_CEILING for change in changes)


def _deletes(changes: Sequence[Change], limits: Limits, allowed: Allowances, facts: GuardContext) -> Iterator[Refusal]:
    number = _counted_deletes(changes)
    accept = f"--allow-deletes {number}"
    if allowed.deletes is not None:
        if number > allowed.deletes:
            yield Refusal(
                rule="deletes",
                message=f"{count(number, 'delete')}, over the {allowed.deletes} of --allow-deletes",
                remedy=accept,
            )
        return
    if number > limits.deletes:
        yield Refusal(
            rule="deletes",
            message=f"{count(number, 'delete')}, over the limit of {limits.deletes} (limits.deletes)",
            remedy=accept,
        )
    elif facts.owned >= PERCENT_FROM and number * 100 > limits.deletes_percent * facts.owned:
        share = f"{number * 100 / facts.owned:.0f} % of the {facts.owned} exemptions this repository owns"
        message = (
            f"{count(number, 'delete')} ({share}), over the limit of {limits.deletes_percent} % (limits.deletesPercent)"
        )
        yield Refusal(rule="deletes-percent", message=message, remedy=accept)


def _no_declarations(
    changes: Sequence[Change],
    limits: Limits,  # noqa: ARG001
    allowed: Allowances,
    facts: GuardContext,
) -> Iterator[Refusal]:
    number = _counted_deletes(changes)
    if facts.declarations == 0 and number and allowed.deletes is None:
        message = (
            f"there is no declaration at all, so everything this repository owns would go ({count(number, 'delete')})"
        )
        yield Refusal(rule="no-declarations", message=message, remedy=f"--allow-deletes {number}")


def _ceiling(limit: int | None, setting: str, allowed: int | None, option: str) -> tuple[int | None, str]:
    """How many are allowed (None: any number), and what says so."""
    return (limit, setting) if allowed is None else (allowed, option)


def _creates(changes: Sequence[Change], limits: Limits, allowed: Allowances, facts: GuardContext) -> Iterator[Refusal]:  # noqa: ARG001
    number = sum(change.action is Action.CREATE for change in changes)
    ceiling, name = _ceiling(limits.creates, "limits.creates", allowed.creates, "--allow-creates")
    if ceiling is not None and number > ceiling:
        message = f"{count(number, 'create')}, over the limit of {ceiling} ({name})"
        yield Refusal(rule="creates", message=message, remedy=f"--allow-creates {number}")


def _adoptions(
    changes: Sequence[Change],
    limits: Limits,
    allowed: Allowances,
    facts: GuardContext,  # noqa: ARG001
) -> Iterator[Refusal]:
    number = sum(change.reason in _ADOPTIONS for change in changes)
    ceiling, name = _ceiling(limits.adoptions, "limits.adoptions", allowed.adoptions, "--allow-adoptions")
    if ceiling is not None and number > ceiling:
        message = f"{count(number, 'adoption')}, over the limit of {ceiling} ({name})"
        yield Refusal(rule="adoptions", message=message, remedy=f"--allow-adoptions {number}")


def _orphans(changes: Sequence[Change], limits: Limits, allowed: Allowances, facts: GuardContext) -> Iterator[Refusal]:  # noqa: ARG001
    number = sum(change.reason is Reason.ORPHAN for change in changes)
    if allowed.delete_orphans is not None and number > allowed.delete_orphans:
        message = f"{count(number, 'orphan')} to delete, over the {allowed.delete_orphans} of --delete-orphans"
        yield Refusal(rule="orphans", message=message, remedy=f"--delete-orphans {number}")


def _unmanaged(
    changes: Sequence[Change],
    limits: Limits,
    allowed: Allowances,
    facts: GuardContext,  # noqa: ARG001
) -> Iterator[Refusal]:
    number = sum(change.reason is Reason.UNMANAGED for change in changes)
    ceiling, name = _ceiling(
        limits.unmanaged_deletes, "limits.unmanagedDeletes", allowed.unmanaged, "--allow-unmanaged-deletes"
    )
    if ceiling is not None and number > ceiling:
        message = f"{count(number, 'unmanaged exemption')} to delete, over the limit of {ceiling} ({name})"
        yield Refusal(rule="unmanaged", message=message, remedy=f"--allow-unmanaged-deletes {number}")


def _overlaps(
    changes: Sequence[Change],  # noqa: ARG001
    limits: Limits,  # noqa: ARG001
    allowed: Allowances,
    facts: GuardContext,
) -> Iterator[Refusal]:
    number = sum(finding.kind is FindingKind.OVERLAP for finding in facts.findings)
    if allowed.strict and number:
        overlapping = count(number, "exemption")
        message = f"beside {overlapping} of a whole assignment declared ones make no difference, and --strict is set"
        yield Refusal(
            rule="overlap",
            message=f"{message}: remove {'it' if number == 1 else 'them'}, or run without --strict",
            remedy="",
        )
