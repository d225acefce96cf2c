"""What a run wrote, held to its plan; and `verify`, the way in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.verification import coverage, moves, writes
from reconciler.verification.case import Case, Violation
from reconciler.verification.declared import Facts, declared
from reconciler.verification.objects import JSON, Tenant, comparable, scope_of, written_id


def outcome_violations(
    case: Case, outcomes: Mapping[str, JSON], after: Tenant | None, approved: Mapping[str, JSON] | None
) -> Iterator[Violation]:
    """What a run did: only changes of the plan, and of the approved one, none before those it waits for, and Azure shows
    just that.
    """
    ended = {written_id(outcome["key"]): outcome for outcome in outcomes["outcomes"]}
    seen_by_people = None if approved is None else {change["fingerprint"] for change in approved["changes"]}
    for key, outcome in ended.items():
        write = case.writes.get(key)
        if write is None or outcome["fingerprint"] != write.change["fingerprint"]:
            if outcome["status"] == "done":
                yield Violation(
                    rule="only what was approved", subject=key, message="it was written, but is not in the plan"
                )
            continue
        if outcome["status"] == "done" and seen_by_people is not None and outcome["fingerprint"] not in seen_by_people:
            yield Violation(
                rule="only what was approved", subject=key, message="it was written, but is not in the approved plan"
            )
        waits = [name for name in case.waits[key] if ended.get(name, {}).get("status") not in ("done", "unchanged")]
        if outcome["status"] == "done" and waits:
            yield Violation(rule="never bare", subject=key, message=f"it was written although {waits[0]} was not")
    if after is not None:
        yield from _shown_violations(case, ended, after)


def _shown_violations(case: Case, ended: Mapping[str, Mapping[str, JSON]], after: Tenant) -> Iterator[Violation]:
    for key in sorted({*case.tenant.exemptions, *after.exemptions, *case.writes}):
        if after.is_unread(scope_of(key)):
            continue
        done = ended.get(key, {}).get("status") == "done" and key in case.writes
        expected = case.writes[key].after if done else case.tenant.exemptions.get(key)
        actual = after.exemptions.get(key)
        exemption = actual or expected
        if exemption is None:
            continue
        if (expected and comparable(expected.properties)) != (actual and comparable(actual.properties)):
            if done:
                yield Violation(rule="written as planned", subject=key, message="Azure does not show what was written")
            elif key in ended or (case.owner_of(exemption) == "ours" and case.is_believed(exemption)):
                yield Violation(
                    rule="nothing else changed", subject=key, message="it changed, although this run did not write it"
                )


def verify(  # noqa: PLR0913 - the documents of one proof
    *,
    plan: Mapping[str, JSON],
    snapshot: Mapping[str, JSON],
    settings: Mapping[str, JSON],
    declarations: Iterable[Mapping[str, JSON]],
    facts: Facts,
    outcomes: Mapping[str, JSON] | None = None,
    after: Mapping[str, JSON] | None = None,
    approved: Mapping[str, JSON] | None = None,
) -> list[Violation]:
    """All that is wrong with a plan, and with what was written of it, sorted; empty is the proof.

    `plan`, `outcomes` and the snapshots are the JSON documents of those schemas, `settings` and `declarations` the YAML
    documents with every scalar as text. `plan` is what the run recomputed and `approved` what people saw, where those are
    two.
    """
    tenant = Tenant(snapshot)
    read_declarations = [declared(text, facts, tenant.now) for text in declarations]
    case = Case(plan=plan, tenant=tenant, settings=settings, declarations=read_declarations, facts=facts)
    broken = [*writes.integrity(case), *coverage.one_owner(case), *coverage.never_bare(case)]
    broken += moves.without_a_gap(case)
    for write in case.writes.values():
        broken += [*writes.ownership(case, write), *writes.extent(case, write), *writes.cause(case, write)]
    if outcomes is not None:
        broken += outcome_violations(case, outcomes, Tenant(after) if after is not None else None, approved)
    return sorted(set(broken))
