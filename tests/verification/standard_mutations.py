"""Semantic mutations of what a plan writes as standard assignments, and of what was written: each must be refuted.

As in `mutations`: a mutation changes the documents of one proof in place, and returns False where there is no room.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random

from laws.scenarios import Scenario
from verification.body_mutations import a_further_property, another_file, another_title, no_title
from verification.mutations import Documents, Mutated, Mutation, carried_out, id_of
from verification.raw import case, resealed

PATH = "/providers/microsoft.security/standardassignments/"
OPEN = "[exempt "


def written(documents: Documents) -> list[Documents]:
    """The changes that write a standard assignment."""
    return [change for change in documents["plan"]["changes"] if change["after"] and "exemptionData" in change["after"]]


def in_a_write(edit: Callable[[Documents], object]) -> Mutation:
    """The same edit of any such change."""

    def mutation(documents: Documents, random: Random) -> bool:
        changes = written(documents)
        if changes:
            edit(random.choice(changes))
            resealed(documents["plan"])
        return bool(changes)

    return mutation


def in_the_mark(edit: Callable[[Documents], object]) -> Mutation:
    """The same edit of the mark that any such change writes."""

    def mark(change: Documents) -> None:
        text, _, encoded = change["after"]["description"].rpartition(OPEN)
        fields = json.loads(encoded.removesuffix("]"))
        edit(fields)
        change["after"]["description"] = f"{text}{OPEN}{json.dumps(fields)}]"

    return in_a_write(mark)


def longer(change: Documents) -> None:
    change["after"]["expiresOn"] = "2031-01-01T00:00:00Z"


def other_category(change: Documents) -> None:
    data = change["after"]["exemptionData"]
    data["exemptionCategory"] = "mitigated" if data["exemptionCategory"].lower() == "waiver" else "waiver"


def other_assessment(change: Documents) -> None:
    change["after"]["exemptionData"]["assignedAssessment"]["assessmentKey"] = "00000000-0000-4000-8000-0000000000ff"


def fewer_findings(change: Documents) -> None:
    condition = {"field": "va.cve.severity", "operationType": "LessThanFilterOperation", "operation": {"value": "Low"}}
    change["after"]["exemptionData"]["subAssessmentExemptionRule"] = {"if": {"allOf": [condition]}}


def left_out(change: Documents) -> None:
    change["after"]["excludedScopes"] = [f"{change['key']['scope']}/resourceGroups/rg-left-out"]


def other_words(change: Documents) -> None:
    change["after"]["description"] = f"Because I say so. {change['after']['description']}"


def unmarked(change: Documents) -> None:
    change["after"]["description"] = change["after"]["description"].rpartition(OPEN)[0].rstrip()


def cut_off(change: Documents) -> None:
    change["after"]["description"] = change["after"]["description"][:-2]


def another_owner(mark: Documents) -> None:
    mark["owner"] = "fabrikam/exemptions"


def another_declaration(mark: Documents) -> None:
    mark["declaration"] = "nobody"


def another_target(mark: Documents) -> None:
    mark["target"] = "/subscriptions/00000000-0000-4000-8000-0000000000ff"


def further_note(mark: Documents) -> None:
    mark["approvedBy"] = "ann@contoso.example"


def further_data(change: Documents) -> None:
    change["after"]["exemptionData"]["notInAnyDeclaration"] = "2026-11-20"


def dropped_create(documents: Documents, random: Random) -> bool:
    creates = [change for change in written(documents) if change["before"] is None]
    if not creates or documents["snapshot"]["unread"]:
        return False
    documents["plan"]["changes"].remove(random.choice(creates))
    resealed(documents["plan"])
    return True


def written_twice(documents: Documents, random: Random) -> bool:
    """A second object for what one already exempts."""
    changes = [change for change in written(documents) if change["before"] is None]
    if changes:
        twin = copy.deepcopy(random.choice(changes))
        twin["key"]["name"] = "0f0f0f0f-0000-4000-8000-000000000000"
        documents["plan"]["changes"].append(twin)
        resealed(documents["plan"])
    return bool(changes)


def stale_snapshot(documents: Documents, random: Random) -> bool:
    keys = {id_of(change) for change in documents["plan"]["changes"] if change["before"]}
    touched = [e for e in documents["snapshot"]["standardAssignments"] if e["id"].lower() in keys]
    if touched:
        random.choice(touched)["properties"]["displayName"] = "edited meanwhile"
    return bool(touched)


def foreign_delete(documents: Documents, random: Random) -> bool:
    """Of one without our mark, which somebody made in the portal."""
    touched = {id_of(change) for change in documents["plan"]["changes"]}
    listed = documents["snapshot"]["standardAssignments"]
    idle = [e for e in listed if e["id"].lower() not in touched and OPEN not in e["properties"].get("description", "")]
    if not idle:
        return False
    taken = random.choice(idle)
    scope, _, name = taken["id"].lower().partition(PATH)
    key = taken["properties"]["exemptionData"]["assignedAssessment"]["assessmentKey"]
    assessment = f"/providers/Microsoft.Security/assessmentMetadata/{key}"
    change = {
        "actions": ["delete"],
        "reason": "removed",
        "key": {"scope": scope, "assignment": assessment, "name": name},
        "before": copy.deepcopy(taken["properties"]),
        "after": None,
    }
    documents["plan"]["changes"].append({**change, "fingerprint": "", "declaration": None})
    resealed(documents["plan"])
    return True


def causeless_delete(documents: Documents, random: Random) -> bool:
    """Of one of ours that its declaration still wants, where nothing else would exempt it."""
    listed = documents["snapshot"]["standardAssignments"]
    ours = [e for e in listed if '"owner":"contoso/' in e["properties"].get("description", "")]
    changes = written(documents)
    if len(changes) != 1 or not changes[0]["before"] or len(ours) > 1 or documents["plan"]["held"]:
        return False
    change = changes[0]
    change["after"] = None
    change["reason"] = "removed"
    resealed(documents["plan"])
    return True


def of_outcomes(edit: Mutation) -> Mutation:
    """An edit of what a run that did everything tells, or of what Azure shows after it."""

    def mutation(documents: Documents, random: Random) -> bool:
        if not written(documents):
            return False
        carried_out(documents)
        return edit(documents, random)

    return mutation


def _shown(documents: Documents) -> list[Documents]:
    keys = {id_of(change) for change in written(documents)}
    return [e for e in documents["after"]["standardAssignments"] if e["id"].lower() in keys]


def not_shown(documents: Documents, random: Random) -> bool:
    documents["after"]["standardAssignments"].remove(random.choice(_shown(documents)))
    return True


def shown_otherwise(documents: Documents, random: Random) -> bool:
    random.choice(_shown(documents))["properties"]["exemptionData"]["exemptionCategory"] = "other"
    return True


def written_unapproved(documents: Documents, random: Random) -> bool:
    missing = random.choice(written(documents))
    changes = [change for change in documents["plan"]["changes"] if change is not missing]
    documents["approved"] = {**documents["plan"], "changes": changes}
    return True


OF_WRITES = (
    longer, other_category, other_assessment, fewer_findings, left_out, other_words, unmarked, cut_off,
    another_title, no_title, another_file, a_further_property, further_data,
)  # fmt: skip
OF_MARKS = (another_owner, another_declaration, another_target, further_note)
OF_PLANS = (dropped_create, written_twice, stale_snapshot, foreign_delete, causeless_delete)
OF_OUTCOMES = (not_shown, shown_otherwise, written_unapproved)
MUTATIONS: dict[str, Mutation] = {
    **{edit.__name__: in_a_write(edit) for edit in OF_WRITES},
    **{edit.__name__: in_the_mark(edit) for edit in OF_MARKS},
    **{edit.__name__: edit for edit in OF_PLANS},
    **{edit.__name__: of_outcomes(edit) for edit in OF_OUTCOMES},
}


def mutated(scenario: Scenario, random: Random) -> Iterator[Mutated]:
    """Every mutation that the world has room for, each of its own copy of the documents."""
    documents = case(scenario)
    for name, mutation in MUTATIONS.items():
        changed = copy.deepcopy({key: value for key, value in documents.items() if key != "facts"})
        changed["facts"] = documents["facts"]
        if mutation(changed, random):
            yield Mutated(name=name, documents=changed)
