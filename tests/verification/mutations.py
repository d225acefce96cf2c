"""Semantic mutations of a proven plan and of what was written of it: each makes something that must be refuted.

A mutation takes the documents of one proof and changes them in place; it returns False where the world offers nothing to
change in that way. Fingerprints and digest are made anew, so that only the meaning gives a mutation away.
"""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from laws.scenarios import Scenario, after_all
from verification.body_mutations import OF_BODIES
from verification.raw import case, resealed

from reconciler.planning.values import Plan
from reconciler.verification.objects import written_id

CAUSES_THAT_OBJECTS_SHOW = (
    "unread", "initiative-unread", "foreign-owner", "not-adoptable", "forged", "conflict", "outside-scopes", "resource-gone",
    "whole-assignment", "assignment-gone", "unknown-reference", "neighbour", "left-out",
    "never-exempt", "lifetime", "unsupported", "not-exemptable", "outside-places",
)  # fmt: skip
EXEMPTIONS = "/providers/microsoft.authorization/policyexemptions/"
BEARS_A_HASH = re.compile(r"-[0-9a-f]{12}(-\d+)?$")
KINDS = ("policyExemptions", "standardAssignments")
Documents = dict[str, Any]
Mutation = Callable[[Documents, Random], bool]


def written(documents: Documents) -> list[Documents]:
    """The changes that say what a declaration says, of policy exemptions (others: `standard_mutations`)."""
    changes = (c for c in documents["plan"]["changes"] if c["after"] and "exemptionData" not in c["after"])
    return [c for c in changes if c["reason"] not in ("narrow", "duplicate")]


def in_a_write(edit: Callable[[Documents], object]) -> Mutation:
    """The same edit of any change that says what a declaration says."""

    def mutation(documents: Documents, random: Random) -> bool:
        changes = written(documents)
        if changes:
            edit(random.choice(changes))
            resealed(documents["plan"])
        return bool(changes)

    return mutation


def longer(change: Documents) -> None:
    change["after"]["expiresOn"] = "2031-01-01T00:00:00Z"


def sooner(change: Documents) -> None:
    change["after"]["expiresOn"] = "2026-11-21T00:00:00Z"


def other_category(change: Documents) -> None:
    was = change["after"]["exemptionCategory"]
    change["after"]["exemptionCategory"] = "Mitigated" if was == "Waiver" else "Waiver"


def more_references(change: Documents) -> None:
    change["after"]["policyDefinitionReferenceIds"] = [
        *change["after"].get("policyDefinitionReferenceIds", []),
        "madeUp",
    ]


def wider_scope(change: Documents) -> None:
    change["key"]["scope"] = "/providers/Microsoft.Management/managementGroups/tenant-root"
    change["before"] = None


def unmarked(change: Documents) -> None:
    del change["after"]["metadata"]["managedBy"]


def another_owner(change: Documents) -> None:
    change["after"]["metadata"]["owner"] = "fabrikam/exemptions"


def another_declaration(change: Documents) -> None:
    change["after"]["metadata"]["declaration"] = "nobody"


def another_target(change: Documents) -> None:
    change["after"]["metadata"]["target"] = "/subscriptions/00000000-0000-4000-8000-0000000000ff"


def other_words(change: Documents) -> None:
    change["after"]["description"] = "because I say so"


def other_ticket(change: Documents) -> None:
    change["after"]["metadata"]["ticket"] = "SEC-0"


def other_selectors(change: Documents) -> None:
    change["after"]["resourceSelectors"] = [
        {"name": "m", "selectors": [{"kind": "resourceLocation", "in": ["uksouth"]}]}
    ]


def former_owner(change: Documents) -> None:
    """Which made it ours before, but is no mark that we write."""
    change["after"]["metadata"]["owner"] = "contoso/former"


def other_validation(change: Documents) -> None:
    """Azure no longer checks that the exemption lies below its assignment, or does although it was not to."""
    if change["after"].pop("assignmentScopeValidation", None) != "DoNotValidate":
        change["after"]["assignmentScopeValidation"] = "DoNotValidate"


def other_own_metadata(documents: Documents, random: Random) -> bool:
    """What the declaration itself notes says something else, or is lost."""
    names = {d["name"] for d in documents["declarations"] if d["metadata"]}
    changes = [change for change in written(documents) if change["declaration"] in names]
    if changes:
        metadata = random.choice(changes)["after"]["metadata"]
        key = random.choice(metadata["declared"])
        if random.random() < 0.5:
            metadata[key] = "something else"
        else:
            del metadata[key]
        resealed(documents["plan"])
    return bool(changes)


def lost_note(documents: Documents, random: Random) -> bool:
    """What somebody else noted on an object, that its update takes out."""
    updates = [change for change in written(documents) if change["before"]]
    if updates:
        change = random.choice(updates)
        (live,) = (e for e in documents["snapshot"]["policyExemptions"] if e["id"].lower() == id_of(change))
        for properties in (live["properties"], change["before"]):
            properties["metadata"] = {**properties.get("metadata", {}), "noted": "by ann@contoso.example"}
        resealed(documents["plan"])
    return bool(updates)


def a_target_elsewhere(documents: Documents, random: Random) -> bool:
    """The mark names a scope that the declaration lists, for which nothing is wanted here."""
    scopes = {d["name"]: d["scopes"] for d in documents["declarations"]}
    pairs = [
        (change, scope)
        for change in written(documents)
        for scope in scopes[change["declaration"]]
        if "/subscriptions/" in scope.lower()
        and scope.lower().split("/")[2] not in change["key"]["scope"].lower()
        and "/subscriptions/" in change["key"]["scope"].lower()
    ]
    if pairs:
        change, scope = random.choice(pairs)
        change["after"]["metadata"]["target"] = scope
        resealed(documents["plan"])
    return bool(pairs)


def of_another_declaration(documents: Documents, random: Random) -> bool:
    """A write is said to be another declaration's, which asks for something else."""
    texts = {d["name"]: d for d in documents["declarations"] if d["enabled"]}
    pairs = [(change, name) for change in written(documents) for name in texts if name != change["declaration"]]
    if pairs:
        change, name = random.choice(pairs)
        change["declaration"] = name
        resealed(documents["plan"])
    return bool(pairs)


def other_assignment(change: Documents) -> None:
    change["after"]["policyAssignmentId"] = change["after"]["policyAssignmentId"] + "-other"


def unsealed(edit: Callable[[Documents, Random], bool]) -> Mutation:
    """An edit that leaves digest and fingerprints as they are."""
    return edit


def wrong_digest(documents: Documents, random: Random) -> bool:
    documents["plan"]["digest"] = "0" * 64
    return True


def wrong_tenant(documents: Documents, random: Random) -> bool:
    documents["plan"]["tenantId"] = "00000000-0000-4000-8000-0000000000ff"
    resealed(documents["plan"])
    return True


def swapped_tenant(documents: Documents, random: Random) -> bool:
    """Plan and snapshot are of one tenant, and the repository is of another."""
    documents["snapshot"]["tenantId"] = "00000000-0000-4000-8000-0000000000ff"
    return wrong_tenant(documents, random)


def wrong_owner(documents: Documents, random: Random) -> bool:
    documents["plan"]["owner"] = "fabrikam/exemptions"
    resealed(documents["plan"])
    return True


def edited_after_approval(documents: Documents, random: Random) -> bool:
    changes = [change for change in documents["plan"]["changes"] if change["after"]]
    if changes:
        random.choice(changes)["after"]["displayName"] = "another"
    return bool(changes)


def about_another_scope(documents: Documents, random: Random) -> bool:
    """A plan that was narrowed to a scope writes nothing elsewhere."""
    if documents["plan"]["changes"]:
        documents["plan"]["scopes"] = ["/subscriptions/00000000-0000-4000-8000-0000000000ff"]
    return bool(documents["plan"]["changes"])


def written_twice(documents: Documents, random: Random) -> bool:
    changes = documents["plan"]["changes"]
    if changes:
        changes.append(copy.deepcopy(random.choice(changes)))
        resealed(documents["plan"])
    return bool(changes)


def stale_snapshot(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"] if change["before"]}
    touched = [e for e in documents["snapshot"]["policyExemptions"] if e["id"].lower() in keys]
    if touched:
        random.choice(touched)["properties"]["description"] = "edited meanwhile"
    return bool(touched)


def vanished_before(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"] if change["before"]}
    touched = [e for e in documents["snapshot"]["policyExemptions"] if e["id"].lower() in keys]
    if touched:
        documents["snapshot"]["policyExemptions"].remove(random.choice(touched))
    return bool(touched)


def dropped_create(documents: Documents, random: Random) -> bool:
    """But not what the plan names as held besides: such a plan keeps its word without it."""
    held = {(line["declaration"], line["scope"].lower()) for line in documents["plan"]["held"]}
    creates = [
        change
        for change in written(documents)
        if change["before"] is None and (change["declaration"], change["key"]["scope"].lower()) not in held
    ]
    if not creates or documents["snapshot"]["unread"]:
        return False
    documents["plan"]["changes"].remove(random.choice(creates))
    resealed(documents["plan"])
    return True


def lost_reference(documents: Documents, random: Random) -> bool:
    creates = [
        change
        for change in written(documents)
        if change["before"] is None and len(change["after"].get("policyDefinitionReferenceIds") or ()) > 1
    ]
    if not creates or documents["snapshot"]["unread"]:
        return False
    references = random.choice(creates)["after"]["policyDefinitionReferenceIds"]
    references.remove(random.choice(references))
    resealed(documents["plan"])
    return True


def no_references(documents: Documents, random: Random) -> bool:
    """The whole initiative, where nobody may mean one."""
    if documents["settings"]["rules"]["allowWholeAssignment"]:
        return False
    changes = [change for change in written(documents) if change["after"].get("policyDefinitionReferenceIds")]
    if changes:
        random.choice(changes)["after"]["policyDefinitionReferenceIds"] = []
        resealed(documents["plan"])
    return bool(changes)


def no_selectors(documents: Documents, random: Random) -> bool:
    """What was to exempt some resources exempts all of the scope."""
    changes = [change for change in written(documents) if change["after"].get("resourceSelectors")]
    if changes:
        random.choice(changes)["after"]["resourceSelectors"] = []
        resealed(documents["plan"])
    return bool(changes)


def foreign_delete(documents: Documents, random: Random) -> bool:
    """Of what the plan does not touch, and whose owner alone may delete it."""
    touched = {id_of(change) for change in documents["plan"]["changes"]}
    idle = [e for e in documents["snapshot"]["policyExemptions"] if e["id"].lower() not in touched and is_protected(e)]
    if not idle or documents["settings"]["unmanaged"] == "delete":
        return False
    exemption = random.choice(idle)
    at = exemption["id"].lower().index(EXEMPTIONS)
    key = {
        "scope": exemption["id"][:at],
        "assignment": exemption["properties"]["policyAssignmentId"],
        "name": exemption["id"][at + len(EXEMPTIONS) :],
    }
    before = copy.deepcopy(exemption["properties"])
    change = {"actions": ["delete"], "reason": "removed", "key": key, "before": before, "after": None}
    documents["plan"]["changes"].append({**change, "fingerprint": "", "declaration": None})
    resealed(documents["plan"])
    return True


def foreign_adopted(documents: Documents, random: Random) -> bool:
    """What another owner or an application made gets our mark, and no declaration asks for that."""
    touched = {id_of(change) for change in documents["plan"]["changes"]}
    idle = [
        e
        for e in documents["snapshot"]["policyExemptions"]
        if e["id"].lower() not in touched and is_protected(e) and not BEARS_A_HASH.search(e["id"])
    ]
    modest = [d for d in documents["declarations"] if not d["adopt"] and not d["takeOver"]]
    if not idle or not modest:
        return False
    exemption, declaration = random.choice(idle), random.choice(modest)
    scope, _, name = exemption["id"].lower().partition(EXEMPTIONS)
    mark = {
        "managedBy": "exempt",
        "owner": documents["settings"]["owner"],
        "declaration": declaration["name"],
        "target": random.choice(declaration["scopes"]),
    }
    documents["plan"]["changes"].append(
        {
            "actions": ["update"],
            "reason": "adopt",
            "key": {"scope": scope, "assignment": exemption["properties"]["policyAssignmentId"], "name": name},
            "before": copy.deepcopy(exemption["properties"]),
            "after": {**copy.deepcopy(exemption["properties"]), "metadata": mark},
            "fingerprint": "",
            "declaration": declaration["name"],
        }
    )
    resealed(documents["plan"])
    return True


def wanted_delete(documents: Documents, random: Random) -> bool:
    """What was to be updated as declared is deleted, with another declaration named as the cause."""
    updates = [change for change in written(documents) if change["before"]]
    if not updates or documents["snapshot"]["unread"] or documents["plan"]["held"]:
        return False
    change = random.choice(updates)
    change["after"], change["reason"], change["declaration"] = None, "removed", "removed-before"
    resealed(documents["plan"])
    return True


def creates_beside_no_hold(documents: Documents) -> list[Documents]:
    """The creates of declarations of which nothing is held at the same scope."""
    held = {(line["declaration"], line["scope"].lower()) for line in documents["plan"]["held"]}
    return [
        change
        for change in written(documents)
        if change["before"] is None and (change["declaration"], change["key"]["scope"].lower()) not in held
    ]


def forged_hold(documents: Documents, random: Random) -> bool:
    """What a create would have exempted is called held, for a cause that the tenant does not show."""
    creates = creates_beside_no_hold(documents)
    if not creates or documents["snapshot"]["unread"]:
        return False
    create = random.choice(creates)
    documents["plan"]["changes"].remove(create)
    line = {
        "declaration": create["declaration"],
        "scope": create["key"]["scope"],
        "assignment": create["key"]["assignment"],
        "referenceIds": create["after"].get("policyDefinitionReferenceIds", []),
        "cause": random.choice(CAUSES_THAT_OBJECTS_SHOW),
        "exemption": f"{create['key']['scope']}{EXEMPTIONS}no-such-exemption",
    }
    documents["plan"]["held"].append({**line, "message": "", "remedy": "", "source": None})
    resealed(documents["plan"])
    return True


def unread_elsewhere(documents: Documents, random: Random) -> bool:
    """What a create would have exempted is called held for want of a list, and what could not be read is another one: of
    another scope, above it too, or of an initiative.
    """
    creates = creates_beside_no_hold(documents)
    if not creates or documents["snapshot"]["unread"]:
        return False
    create = random.choice(creates)
    (declaration,) = (d for d in documents["declarations"] if d["name"] == create["declaration"])
    hierarchy = {node["id"]: node for node in documents["snapshot"]["hierarchy"]}
    needed = {holder(hierarchy, scope) for scope in (create["key"]["scope"], *declaration["scopes"])}
    others = sorted(hierarchy.keys() - needed)
    unread = random.choice(
        [{"scope": scope, "what": what} for scope in others for what in ("exemptions", "assignments")]
        + [{"scope": create["key"]["scope"], "what": document["id"]} for document in documents["snapshot"]["policySetDefinitions"]]
        + [{"scope": create["key"]["scope"], "what": "standard assignments"}] * (not documents["snapshot"]["standardAssignments"])
    )  # fmt: skip
    documents["snapshot"]["unread"].append({**unread, "reason": "Forbidden", "remedy": ""})
    documents["plan"]["changes"].remove(create)
    line = {
        "declaration": create["declaration"],
        "scope": create["key"]["scope"],
        "assignment": random.choice([create["key"]["assignment"], None]),
        "referenceIds": [],
        "cause": random.choice(["unread", "initiative-unread"]),
    }
    documents["plan"]["held"].append({**line, "message": "", "remedy": "", "exemption": None, "source": None})
    resealed(documents["plan"])
    return True


def holder(hierarchy: Documents, scope: str) -> str:
    """The nearest group or subscription whose list shows what sits at a scope."""
    key = scope.lower()
    subscription = "/".join(key.split("/")[:3])
    return holder_above(hierarchy, subscription if key.startswith("/subscriptions/") else key)


def holder_above(hierarchy: Documents, key: str) -> str:
    while key and not hierarchy.get(key, {"expected": False})["expected"]:
        key = (hierarchy.get(key, {}).get("parent") or "").lower()
    return key


def unread_around(documents: Documents, random: Random) -> bool:
    """A scope that a change reduces was not read."""
    sets = documents["snapshot"]["policySetDefinitions"]
    members = {
        key.lower(): {
            m["policyDefinitionReferenceId"].lower() for m in sets[position]["properties"]["policyDefinitions"]
        }
        for key, position in documents["snapshot"]["initiativeOfAssignment"].items()
    }
    reducing = []
    for change in documents["plan"]["changes"]:
        if change["before"] is None or "exemptionData" in change["before"]:
            continue
        before, after = change["before"], change["after"] or {}
        every = members.get(change["key"]["assignment"].lower(), {"*"})
        had, has = (
            {r.lower() for r in side.get("policyDefinitionReferenceIds") or every} & every if side else set()
            for side in (before, after)
        )
        if had - has and before.get("expiresOn", "9999") > documents["snapshot"]["takenAt"]:
            reducing.append(change)
    if not reducing:
        return False
    line = {"scope": random.choice(reducing)["key"]["scope"], "what": "exemptions", "reason": "Forbidden", "remedy": ""}
    documents["snapshot"]["unread"].append(line)
    return True


def is_protected(exemption: Documents) -> bool:
    """Another owner's, or made by an application. What a person made may go beside one of ours, and of ours an orphan."""
    metadata = exemption["properties"].get("metadata", {})
    foreign = bool(metadata.get("pacOwnerId") or metadata.get("deployedBy"))
    return foreign or ("managedBy" not in metadata and (exemption["systemData"] or {}).get("createdByType") != "User")


# --- what was written --------------------------------------------------------------------------------------------


def carried_out(documents: Documents) -> None:
    """Outcomes of a run that did all of the plan, and Azure after it."""
    plan, before = documents["plan"], documents["snapshot"]
    documents["outcomes"] = {
        "outcomes": [
            {"key": dict(change["key"]), "fingerprint": change["fingerprint"], "status": "done"}
            for change in plan["changes"]
        ]
    }
    by_id = {e["id"].lower(): e for kind in KINDS for e in before[kind]}
    for change in plan["changes"]:
        by_id.pop(id_of(change), None)
        if change["after"]:
            by_id[id_of(change)] = {"id": id_of(change), "properties": change["after"], "systemData": None}
    after = copy.deepcopy(list(by_id.values()))
    lists = {kind: [e for e in after if f"/{kind.lower()}/" in e["id"].lower()] for kind in KINDS}
    documents["after"] = {**before, "unread": [], **lists}


def of_outcomes(edit: Mutation) -> Mutation:
    """An edit of what a run that did everything tells, or of what Azure shows after it."""

    def mutation(documents: Documents, random: Random) -> bool:
        if not documents["plan"]["changes"]:
            return False
        carried_out(documents)
        return edit(documents, random)

    return mutation


def written_without_plan(documents: Documents, random: Random) -> bool:
    random.choice(documents["outcomes"]["outcomes"])["key"]["name"] += "-other"
    return True


def written_otherwise(documents: Documents, random: Random) -> bool:
    random.choice(documents["outcomes"]["outcomes"])["fingerprint"] = "0" * 64
    return True


def written_unapproved(documents: Documents, random: Random) -> bool:
    changes = list(documents["plan"]["changes"])
    changes.remove(random.choice(changes))
    documents["approved"] = {**documents["plan"], "changes": changes}
    return True


def written_before_its_wait(documents: Documents, random: Random) -> bool:
    waiting = [change for change in documents["plan"]["changes"] if change.get("waitsFor")]
    if not waiting:
        return False
    name = random.choice(random.choice(waiting)["waitsFor"]).lower()
    for outcome in documents["outcomes"]["outcomes"]:
        if id_of(outcome) == name:
            outcome["status"] = "failed"
    return True


def written_though_skipped(documents: Documents, random: Random) -> bool:
    """Azure shows a write that the run says it did not make."""
    random.choice(documents["outcomes"]["outcomes"])["status"] = "skipped"
    return True


def not_shown(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"] if change["after"]}
    shown = [e for e in documents["after"]["policyExemptions"] if e["id"].lower() in keys]
    if shown:
        documents["after"]["policyExemptions"].remove(random.choice(shown))
    return bool(shown)


def shown_otherwise(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"] if change["after"]}
    shown = [e for e in documents["after"]["policyExemptions"] if e["id"].lower() in keys]
    if shown:
        random.choice(shown)["properties"]["description"] = "something else"
    return bool(shown)


def still_there(documents: Documents, random: Random) -> bool:
    deleted = [change for change in documents["plan"]["changes"] if change["after"] is None]
    if deleted:
        key = id_of(random.choice(deleted))
        documents["after"]["policyExemptions"] += [
            e for e in documents["snapshot"]["policyExemptions"] if e["id"].lower() == key
        ]
    return bool(deleted)


def ours_changed_meanwhile(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"]}
    ours = [
        e
        for e in documents["after"]["policyExemptions"]
        if e["id"].lower() not in keys
        and e["properties"].get("metadata", {}).get("managedBy") == "exempt"
        and e["properties"]["metadata"].get("owner") == documents["settings"]["owner"]
    ]
    if ours:
        random.choice(ours)["properties"]["description"] = "something else"
    return bool(ours)


def id_of(entry: Documents) -> str:
    """The folded ARM id of a change or an outcome."""
    return written_id(entry["key"])


OF_WRITES = (
    longer, sooner, other_category, more_references, wider_scope, unmarked, another_owner, another_declaration,
    another_target, other_words, other_ticket, other_selectors, other_assignment, former_owner, other_validation, *OF_BODIES,
)  # fmt: skip
OF_PLANS = (
    wrong_digest, about_another_scope, wrong_tenant, wrong_owner, edited_after_approval, written_twice, stale_snapshot, vanished_before,
    dropped_create, lost_reference, no_references, foreign_delete, swapped_tenant, foreign_adopted, wanted_delete, unread_around, no_selectors,
    forged_hold, unread_elsewhere, other_own_metadata, lost_note, a_target_elsewhere, of_another_declaration,
)  # fmt: skip
OF_OUTCOMES = (
    written_without_plan, written_otherwise, written_unapproved, written_before_its_wait, written_though_skipped,
    not_shown, shown_otherwise, still_there, ours_changed_meanwhile,
)  # fmt: skip
MUTATIONS: dict[str, Mutation] = {
    **{edit.__name__: in_a_write(edit) for edit in OF_WRITES},
    **{edit.__name__: edit for edit in OF_PLANS},
    **{edit.__name__: of_outcomes(edit) for edit in OF_OUTCOMES},
}


DROPPED_WAIT = "dropped_wait"
"""Made only where the world shows that it leaves something bare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """One mutation that was made: its name, and the documents of the proof with it."""

    name: str
    documents: Documents


def mutated(scenario: Scenario, random: Random) -> Iterator[Mutated]:
    """Every mutation that the world has room for, each of its own copy of the documents."""
    documents = case(scenario)
    facts = documents.pop("facts")
    pickled = pickle.dumps(documents)  # several times as fast to copy as the documents themselves
    for name, mutation in MUTATIONS.items():
        changed = {**pickle.loads(pickled), "facts": facts}
        if mutation(changed, random):
            yield Mutated(name=name, documents=changed)
    waiting = [(change, name) for change in documents["plan"]["changes"] for name in change.get("waitsFor") or ()]
    if waiting:
        change, awaited = random.choice(waiting)
        if bare_without_a_wait(scenario, scenario.plan(is_proven=False), id_of(change), awaited.lower()):
            change["waitsFor"].remove(awaited)
            yield Mutated(name=DROPPED_WAIT, documents={**documents, "facts": facts})


# --- a dropped wait ----------------------------------------------------------------------------------------------


def bare_without_a_wait(scenario: Scenario, plan: Plan, waiting: str, awaited: str) -> bool:
    """Whether a write that no longer waits for another leaves something bare that was exempt and is wanted, where it is
    done as early as what it still waits for allows. Judged by resources, and not by the checker's points.
    """
    waits = {change.id.key: set(change.waits_for) for change in plan.changes}
    waits[waiting].discard(awaited)
    needed, open_ = set[str](), [waiting]
    while open_:
        key = open_.pop()
        if key not in needed:
            needed.add(key)
            open_ += waits.get(key, ())
    precious = scenario.exempt() & scenario.wanted()
    return not precious <= scenario.exempt(after_all(scenario.live, [c for c in plan.changes if c.id.key in needed]))
