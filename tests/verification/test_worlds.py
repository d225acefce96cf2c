"""The checker over generated worlds: it proves every plan of ours, and refutes each semantic mutation of one."""

import copy
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laws.profile import LAW
from laws.scenarios import scenarios
from verification.raw import raw_declaration, raw_settings, raw_snapshot

from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_to_json
from reconciler.verification import verify
from reconciler.verification.objects import comparable, sha256


def case(scenario):
    """The keyword arguments of `verify` for one scenario."""
    plan = json.loads(json.dumps(plan_to_json(plan_report(scenario.plan()))))
    return {
        "plan": plan,
        "snapshot": raw_snapshot(scenario.snapshot()),
        "settings": raw_settings(scenario.settings),
        "declarations": [raw_declaration(declaration) for declaration in scenario.declarations],
        "policies_behind": lambda _: [],
    }


def resealed(plan):
    """The plan with fingerprints and digest of what it now says, so that only its meaning can give it away."""
    for change in plan["changes"]:
        key = f"{change['key']['scope']}/providers/microsoft.authorization/policyexemptions/{change['key']['name']}".lower()
        before, after = (comparable(change[side]) if change[side] else None for side in ("before", "after"))
        action = "create" if before is None else "delete" if after is None else "update"
        change["actions"] = [action]
        change["fingerprint"] = sha256([plan["tenantId"].lower(), plan["owner"], key, action, before, after])
    plan["digest"] = sha256(sorted(change["fingerprint"] for change in plan["changes"]))
    return plan


@LAW
@given(scenarios())
def test_every_plan_of_ours_is_proven(scenario):
    assert verify(**case(replace(scenario, only=None))) == []


def declared(plan):
    return [change for change in plan["changes"] if change["after"] and change["reason"] not in ("narrow", "duplicate")]


def longer(change):
    change["after"]["expiresOn"] = "2031-01-01T00:00:00Z"


def sooner(change):
    change["after"]["expiresOn"] = "2026-11-21T00:00:00Z"


def other_category(change):
    was = change["after"]["exemptionCategory"]
    change["after"]["exemptionCategory"] = "Mitigated" if was == "Waiver" else "Waiver"


def more_references(change):
    change["after"]["policyDefinitionReferenceIds"] = [
        *change["after"].get("policyDefinitionReferenceIds", []),
        "madeUp",
    ]


def wider(change):
    change["key"]["scope"] = "/providers/Microsoft.Management/managementGroups/tenant-root"
    change["before"] = None


def unmarked(change):
    del change["after"]["metadata"]["managedBy"]


def another_declaration(change):
    change["after"]["metadata"]["declaration"] = "nobody"


def other_words(change):
    change["after"]["description"] = "because I say so"


MUTATIONS = [longer, sooner, other_category, more_references, wider, unmarked, another_declaration, other_words]


@LAW
@given(scenarios(), st.sampled_from(MUTATIONS), st.randoms(use_true_random=False))
def test_a_mutated_write_is_refuted(scenario, mutation, random):
    arguments = case(replace(scenario, only=None))
    changes = declared(arguments["plan"])
    if not changes:
        return
    mutation(random.choice(changes))
    resealed(arguments["plan"])
    assert verify(**arguments)


@LAW
@given(scenarios(), st.randoms(use_true_random=False))
def test_a_dropped_create_is_refuted(scenario, random):
    arguments = case(replace(scenario, only=None, unread=()))
    creates = [change for change in declared(arguments["plan"]) if change["before"] is None]
    if not creates:
        return
    arguments["plan"]["changes"].remove(random.choice(creates))
    resealed(arguments["plan"])
    assert "owned once" in {violation.rule for violation in verify(**arguments)}


@LAW
@given(scenarios(), st.randoms(use_true_random=False))
def test_a_delete_that_nobody_asked_for_is_refuted(scenario, random):
    """Of what the plan does not touch and no declaration names: another owner's, an application's."""
    arguments = case(replace(scenario, only=None))
    if verify(**arguments) or scenario.settings.unmanaged.value == "delete":
        return
    touched = {(c["key"]["scope"] + c["key"]["name"]).lower() for c in arguments["plan"]["changes"]}
    marker = "/providers/microsoft.authorization/policyexemptions/"
    idle = [
        exemption
        for exemption in arguments["snapshot"]["policyExemptions"]
        if exemption["id"].lower().replace(marker, "") not in touched and is_protected(exemption)
    ]
    if not idle:
        return
    exemption = random.choice(idle)
    at = exemption["id"].lower().index(marker)
    arguments["plan"]["changes"].append(
        {
            "actions": ["delete"],
            "reason": "removed",
            "fingerprint": "",
            "key": {
                "scope": exemption["id"][:at],
                "assignment": exemption["properties"]["policyAssignmentId"],
                "name": exemption["id"][at + len(marker) :],
            },
            "before": copy.deepcopy(exemption["properties"]),
            "after": None,
            "declaration": None,
        }
    )
    resealed(arguments["plan"])
    assert verify(**arguments)


def is_protected(exemption):
    """Whether nobody but its owner may delete it: another owner's, or made by an application. What a person made may go
    beside one of ours, and of ours an orphan may.
    """
    metadata = exemption["properties"].get("metadata", {})
    foreign = bool(metadata.get("pacOwnerId") or metadata.get("deployedBy"))
    return foreign or ("managedBy" not in metadata and (exemption["systemData"] or {}).get("createdByType") != "User")


@LAW
@given(scenarios(), st.randoms(use_true_random=False))
def test_a_stale_snapshot_is_refuted(scenario, random):
    arguments = case(replace(scenario, only=None))
    befores = [change for change in arguments["plan"]["changes"] if change["before"]]
    if not befores:
        return
    key = random.choice(befores)["key"]
    tail = f"{key['scope']}/providers/microsoft.authorization/policyexemptions/{key['name']}".lower()
    for exemption in arguments["snapshot"]["policyExemptions"]:
        if exemption["id"].lower() == tail:
            exemption["properties"]["description"] = "edited meanwhile"
    assert "integrity" in {violation.rule for violation in verify(**arguments)}


@LAW
@given(scenarios())
def test_without_its_waits_a_plan_is_refuted_or_needed_none(scenario):
    """Every order is allowed then: what the checker still accepts is bare after no single write in the worst of them."""
    scenario = replace(scenario, only=None)
    arguments = case(scenario)
    for change in arguments["plan"]["changes"]:
        change["waitsFor"] = []
    if any(violation.rule == "never bare" for violation in verify(**arguments)):
        return
    precious = scenario.exempt() & scenario.wanted()
    live = {exemption.id.key: exemption for exemption in scenario.live}
    reducing_first = sorted(scenario.plan().changes, key=lambda change: (change.before is None, change.id.key))
    for change in reducing_first:
        if change.after is None:
            live.pop(change.id.key, None)
        else:
            live[change.id.key] = change.after
        assert precious <= scenario.exempt(live.values())
