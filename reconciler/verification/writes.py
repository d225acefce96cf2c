"""Rules about one write: it says what it claims, touches nothing foreign, widens nothing, and has a cause."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from reconciler.verification import standards
from reconciler.verification.bodies import is_waiting, says_what_is_declared
from reconciler.verification.case import Case, Violation, Write, point_of
from reconciler.verification.declared import Declared, meant
from reconciler.verification.objects import JSON, SINGLE, Coverage, comparable, instant, place_of, sha256
from reconciler.verification.rules import allows_whole


def integrity(case: Case) -> Iterator[Violation]:
    """Fingerprints, digest, tenant, owner and every `before` are what they claim to be."""
    plan, tenant = case.plan, case.tenant
    tenants = {str(document["tenantId"]).lower() for document in (plan, tenant.snapshot, case.settings)}
    if len(tenants) != 1 or plan["owner"] != case.settings["owner"]:
        message = "it is of another tenant or owner than the snapshot or the repository"
        yield Violation(rule="integrity", subject="plan", message=message)
    if len(case.writes) != len(plan["changes"]):
        yield Violation(rule="integrity", subject="plan", message="it writes one object twice")
    for key, write in case.writes.items():
        change = write.change
        if case.scopes.isdisjoint(tenant.chain(change["key"]["scope"].lower())):
            yield Violation(rule="integrity", subject=key, message="it lies outside the scopes that the plan is about")
        before, after = (comparable(change[side]) if change[side] else None for side in ("before", "after"))
        action = "create" if before is None else "delete" if after is None else "update"
        claim = [plan["tenantId"].lower(), plan["owner"], key, action, before, after]
        if change["fingerprint"] != sha256(claim) or change["actions"] != [action]:
            yield Violation(
                rule="integrity", subject=key, message="its fingerprint or action is not that of its contents"
            )
        live = comparable(write.before.properties) if write.before else None
        if live != before:
            yield Violation(
                rule="integrity", subject=key, message="what it calls before is not what the snapshot holds"
            )
        side = write.after or write.before
        if side is not None and change["key"]["assignment"].lower() != side.assignment:
            yield Violation(rule="integrity", subject=key, message="its key names another assignment")
    if plan["digest"] != sha256(sorted(change["fingerprint"] for change in plan["changes"])):
        yield Violation(rule="integrity", subject="plan", message="its digest is not that of its changes")


def ownership(case: Case, write: Write) -> Iterator[Violation]:
    """What is not ours is touched only where a declaration takes it over, adopts it, or wants what it exempts."""
    before, after = write.before, write.after
    declaration = case.declarations.get(str(write.change["declaration"]))
    if before is not None and (owner := case.owner_of(before)) != "ours":
        if before.end <= case.tenant.now:
            yield _broken("nothing foreign", write, "it is not ours and has expired")
        elif owner == "foreign" and not takes_over(declaration, before):
            yield _broken("nothing foreign", write, "another owner's, and no declaration takes it over")
        elif owner == "application" and not adopts(case, declaration, before):
            yield _broken("nothing foreign", write, "an application made it, and no declaration adopts it")
        elif owner == "person" and not (
            case.settings.get("unmanaged") == "delete"  # whether it may go is judged by its cause
            or any(
                point.scope == before.scope
                and point.assignment == before.assignment
                and point.reference in before.references
                for point in case.wanted
            )
        ):
            yield _broken("nothing foreign", write, "nobody declared anything that it exempts")
    if before is None or after is None or write.change["reason"] in ("narrow", "duplicate"):
        if before is None and after is not None and case.owner_of(after) != "ours":
            yield _broken("nothing foreign", write, "it creates an object that does not bear our mark")
    elif case.owner_of(after) != "ours":
        yield _broken("nothing foreign", write, "it leaves an object without our mark")


def takes_over(declaration: Declared | None, exemption: Coverage) -> bool:
    """Whether a declaration names the owner of somebody else's exemption as one whose exemptions it takes over."""
    owner = declaration.text.get("takeOver") if declaration is not None else None
    metadata = exemption.metadata
    keys = (
        ("owner", "pacOwnerId", "deployedBy") if metadata.get("managedBy") == "exempt" else ("pacOwnerId", "deployedBy")
    )
    return bool(owner) and owner in [str(metadata[key]) for key in keys if metadata.get(key)]


def adopts(case: Case, declaration: Declared | None, exemption: Coverage) -> bool:
    """Whether a declaration adopts what an application made, by its word or because it bears the name that we give."""
    if declaration is None:
        return False
    if standards.is_standard(exemption.properties):
        owner = case.settings["owner"]
        bears_our_name = standards.bears_our_name(exemption.id, owner, exemption.scope, exemption.assignment)
    else:
        members = case.tenant.members.get(exemption.assignment, {})
        policies = sorted({members[name] for name in meant(declaration, case.tenant, exemption.assignment)})
        if declaration.only and not declaration.text.get("referenceIds") and SINGLE not in members:
            policies = [SINGLE]  # a whole initiative is named by its star
        selectors = json.loads(declaration.selectors or "[]")
        claim = [case.settings["owner"], exemption.scope, exemption.assignment, policies, selectors]
        text = json.dumps(claim, separators=(",", ":"))
        hashed = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        bears_our_name = re.search(rf"-{hashed}(-\d+)?$", exemption.id) is not None
    return declaration.may_adopt or bears_our_name


def extent(case: Case, write: Write) -> Iterator[Violation]:
    """A write widens nothing beyond the one declaration that it names, and says what that declares."""
    after, before = write.after, write.before
    if after is None:
        return
    declaration = case.declarations.get(str(write.change["declaration"]))
    if write.change["reason"] == "narrow":
        yield from _narrowed(write, after)
        return
    if declaration is None or not declaration.is_active:
        yield _broken("no wider", write, "no active declaration asks for it")
        return
    points = case.targets[declaration.name]
    meant_references = frozenset(
        reference for reference in after.references if point_of(after, reference, declaration.selectors) in points
    )
    retained = after.references - meant_references
    means_all = declaration.only and not declaration.references
    may_be_whole = SINGLE in after.references or (means_all and allows_whole(case))
    if not after.properties.get("policyDefinitionReferenceIds") and not may_be_whole:
        yield _broken("no wider", write, "without references it exempts a whole initiative, which nobody declared")
    if not meant_references and not is_waiting(case, write, declaration.name):
        yield _broken("no wider", write, f"{declaration.name} wants nothing at this scope and assignment")
    if retained and not _keeps_within(before, after, retained, case.tenant.now):
        yield _broken(
            "no wider", write, f"it exempts {', '.join(sorted(retained))}, which {declaration.name} does not mean"
        )
    yield from says_what_is_declared(case, write, after, declaration)


def _narrowed(write: Write, after: Coverage) -> Iterator[Violation]:
    before = write.before
    if (
        before is None
        or not after.properties.get("policyDefinitionReferenceIds")
        or not after.references < before.references
    ):
        yield _broken("no wider", write, "a narrowed exemption keeps some of its references, and gains none")
    elif _but_references(write.change["before"]) != _but_references(write.change["after"]):
        yield _broken("no wider", write, "a narrowed exemption changes in nothing but its references")


def cause(case: Case, write: Write) -> Iterator[Violation]:
    """What stops being exempt at this object is wanted by nobody, exempt by another, or can no longer be evaluated."""
    before, after = write.before, write.after
    if before is None or before.end <= case.tenant.now:
        return
    existing = case.tenant.members.get(before.assignment, {}).keys()
    lost = before.references - (after.references if after else frozenset())
    lost = lost & existing if existing else lost
    shorter = after is not None and (after.end < before.end or after.selectors not in ("", before.selectors))
    is_standard = standards.ASSESSMENTS in before.assignment
    if case.tenant.is_unread(before.scope, is_standard=is_standard) and (lost or shorter):
        yield _broken("what was not read stays", write, "its scope, or one around it, could not be read")
    reason = write.change["reason"]
    for reference in sorted(lost):
        if case.is_held(write, before, reference) and not case.is_covered(
            case.final.values(), point_of(before, reference, before.selectors)
        ):
            yield _broken("what is held stays", write, f"{reference} is held there")
        if not _may_go(case, write, before, reference, reason):
            yield _broken("a cause in the repository", write, f"nothing says that {reference} may go")
    if not existing and lost and after is None and reason not in ("removed", "expired", "orphan", "duplicate"):
        yield _broken("a cause in the repository", write, f"{reason} deletes nothing whose assignment is gone")


def _may_go(case: Case, write: Write, before: Coverage, reference: str, reason: str) -> bool:
    point = point_of(before, reference, before.selectors)
    if case.owner_of(before) == "ours":
        return case.is_covered(case.final.values(), point) or _ours_may_go(case, before, reference, reason)
    beside = (
        exemption
        for exemption in case.final.values()
        if exemption is not None and exemption.scope == before.scope and case.owner_of(exemption) == "ours"
    )
    if case.is_covered(beside, point):
        return True
    age = re.fullmatch(r"(\d+)([dh])", str((case.settings.get("limits") or {}).get("minAge", "7d")))
    hours = int(age[1]) * (24 if age[2] == "d" else 1) if age else 0
    least = timedelta(hours=hours)
    return (
        write.after is None
        and reason == "unmanaged"
        and case.settings.get("unmanaged") == "delete"
        and case.owner_of(before) == "person"
        and case.is_managed(before.scope)
        and case.tenant.now - instant(before.system.get("createdAt")) >= least
    )


def _ours_may_go(case: Case, before: Coverage, reference: str, reason: str) -> bool:
    marked = case.declarations.get(str(before.metadata.get("declaration")))
    target = str(before.metadata.get("target") or "").lower()
    if marked is None or not marked.is_active or target not in marked.scopes:
        return True
    if before.assignment not in case.tenant.assignments:
        is_another = "/policyassignments/" in marked.only and marked.only != before.assignment
        return is_another or reason == "orphan" or before.assignment in case.tenant.snapshot["gone"]
    if reference not in meant(marked, case.tenant, before.assignment):
        return True
    at = place_of(before.assignment)
    if at and at not in case.tenant.chain(before.scope):
        return reason == "orphan"
    # An edit of the selectors takes from resources that they no longer choose; the others must stay exempt.
    chosen = point_of(before, reference, marked.selectors)
    is_edited = marked.selectors != before.selectors and case.is_covered(case.final.values(), chosen)
    if target not in case.tenant.chain(before.scope):
        return reason == "orphan" or (is_edited and chosen in case.targets[marked.name])
    return is_edited


def _broken(rule: str, write: Write, message: str) -> Violation:
    return Violation(rule=rule, subject=write.id, message=message)


def _keeps_within(before: Coverage | None, after: Coverage, retained: frozenset[str], now: datetime) -> bool:
    """Whether what the object goes on exempting was exempt by it before, as long and for as many resources."""
    return (
        before is not None
        and retained <= before.references
        and before.end > now
        and after.end <= before.end
        and before.selectors in ("", after.selectors)
    )


def _but_references(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in comparable(properties).items() if key != "policyDefinitionReferenceIds"}
