"""Generated worlds as the raw objects that the checker reads: a snapshot's ARM objects, declarations and settings as text."""

import json

from planning.world import CATALOGUE

from reconciler.arm import canonical
from reconciler.model import Carrier, Exemption, SubjectKind, arm_id, assessment_id
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_to_json
from reconciler.verification import Facts, verify
from reconciler.verification.objects import comparable, sha256, written_id

SUBJECT_FIELDS = {
    SubjectKind.RECOMMENDATION: "recommendation",
    SubjectKind.POLICY: "policyDefinition",
    SubjectKind.INITIATIVE: "policySetDefinition",
    SubjectKind.ASSIGNMENT: "policyAssignment",
}


def stamp(moment):
    return moment.isoformat().replace("+00:00", "Z")


def raw_snapshot(snapshot):
    sets = list(snapshot.initiatives.items())
    parents = {key: parent.text for key, parent in snapshot.parents.items()}
    expected = {scope.key for scope in snapshot.expected}
    return {
        "tenantId": snapshot.tenant_id,
        "takenAt": stamp(snapshot.taken_at),
        "unread": [
            {"scope": entry.scope.text, "what": entry.what, "reason": entry.message, "remedy": entry.remedy}
            for entry in snapshot.unread
        ],
        "hierarchy": [
            {"id": key, "displayName": "", "parent": parents.get(key), "expected": key in expected}
            for key in sorted({*parents, *expected})
        ],
        "gone": sorted(snapshot.gone),
        "exists": sorted(snapshot.exists),
        "initiativeOfAssignment": {key: position for position, (key, _) in enumerate(sets)},
        "policySetDefinitions": [
            {
                "id": initiative.id.text,
                "properties": {
                    "policyDefinitions": [
                        {
                            "policyDefinitionId": member.definition.text,
                            "policyDefinitionReferenceId": member.reference_id,
                        }
                        for member in initiative.members
                    ]
                },
            }
            for _, initiative in sets
        ],
        "policyAssignments": [
            {
                "id": assignment.id.text,
                "properties": {
                    "policyDefinitionId": assignment.definition.text,
                    "notScopes": [scope.text for scope in assignment.not_scopes],
                },
            }
            for assignment in snapshot.assignments.values()
        ],
        "policyExemptions": [raw_exemption(e) for e in snapshot.exemptions if e.carrier is Carrier.POLICY],
        "standardAssignments": [raw_exemption(e) for e in snapshot.exemptions if e.carrier is Carrier.STANDARD],
    }


def raw_exemption(exemption):
    system = exemption.system
    return {
        "id": exemption.id.text,
        "properties": canonical.encode_properties(exemption),
        "systemData": {"createdByType": system.created_by_type, "createdAt": stamp(system.created_at)}
        if system
        else None,
    }


def raw_declaration(declaration):
    text = {
        "name": declaration.name,
        SUBJECT_FIELDS[declaration.subject.kind]: declaration.subject.value,
        "referenceIds": list(declaration.subject.reference_ids),
        "scopes": [scope.text for scope in declaration.scopes],
        "category": declaration.category.value,
        "justification": declaration.justification,
        "ticket": declaration.ticket or "",
        "enabled": declaration.enabled,
        "adopt": declaration.adopt,
        "ahead": declaration.ahead,
        "assignmentScopeValidation": "Default" if declaration.validate_scope else "DoNotValidate",
        "takeOver": declaration.take_over,
        "displayName": declaration.display_name,
        "metadata": dict(declaration.metadata),
        "resourceSelectors": canonical.encode_properties(carrier(declaration.selectors)).get("resourceSelectors", []),
    }
    if declaration.subject.further:
        text["recommendations"] = [text.pop("recommendation"), *declaration.subject.further]
    if declaration.expires_on:
        text["expiresOn"] = stamp(declaration.expires_on)
    return text


def carrier(selectors):
    return Exemption(id=arm_id("/x"), assignment=arm_id("/y"), category="", selectors=selectors)


def raw_settings(settings):
    return {
        "owner": settings.owner,
        "tenantId": settings.tenant_id,
        "formerOwners": list(settings.former_owners),
        "scopes": [scope.text for scope in settings.scopes],
        "unmanaged": settings.unmanaged.value,
        "rules": raw_rules(settings.rules),
        "writers": list(settings.writers),
        "limits": {"minAge": f"{settings.limits.min_age.days}d"},
    }


def raw_rules(rules):
    """The rules that can hold a declared fact."""
    return {
        "allowWholeAssignment": rules.allow_whole_assignment,
        "strictUnsupported": rules.strict_unsupported,
        "neverExempt": {"policies": list(rules.never_policies), "recommendations": list(rules.never_recommendations)},
        "maxLifetimeDays": [
            {"days": str(rule.days)}
            | ({"category": rule.category.value} if rule.category else {})
            | ({"severity": rule.severity} if rule.severity else {})
            for rule in rules.lifetimes
        ],
        "folders": [
            {"folder": rule.folder or ".", "below": [place.text for place in rule.below]}
            for rule in rules.folders
            if rule.below
        ],
    }


def case(scenario, plan=None):
    """The keyword arguments of `verify` for one scenario, and a plan of it."""
    return {
        "plan": json.loads(json.dumps(plan_to_json(plan_report(plan or scenario.plan())))),
        "snapshot": raw_snapshot(scenario.snapshot()),
        "settings": raw_settings(scenario.settings),
        "declarations": [raw_declaration(declaration) for declaration in scenario.declarations],
        "facts": FACTS,
    }


def policies_behind(key):
    """The folded ids of a recommendation's policies; one that the catalogue does not know stands alone."""
    known = CATALOGUE.recommendations.get(key)
    return [policy.key for policy in known.evaluators] if known else [assessment_id(key).key]


def titles_of(text):
    """The title of a recommendation, or of a policy or initiative that the catalogue knows."""
    known = CATALOGUE.recommendations.get(text)
    if text.startswith("/"):
        known = CATALOGUE.policy(arm_id(text)) or CATALOGUE.initiative(arm_id(text))
    return [known.title] if known else []


def obstacles_of(policy):
    """What stands in the way of exempting a policy."""
    known = CATALOGUE.policy(arm_id(policy))
    return [obstacle.value for obstacle in known.obstacles] if known else []


FACTS = Facts(
    policies_behind=policies_behind, protected_by=policies_behind, titles_of=titles_of, obstacles_of=obstacles_of
)


def resealed(plan):
    """The plan with fingerprints and digest of what it now says, so that only its meaning can give it away."""
    for change in plan["changes"]:
        key = written_id(change["key"])
        before, after = (comparable(change[side]) if change[side] else None for side in ("before", "after"))
        action = "create" if before is None else "delete" if after is None else "update"
        change["actions"] = [action]
        change["fingerprint"] = sha256([plan["tenantId"].lower(), plan["owner"], key, action, before, after])
    plan["digest"] = sha256(sorted(change["fingerprint"] for change in plan["changes"]))
    return plan


def violations(scenario, plan):
    """What the checker says of a plan of a scenario."""
    return verify(**case(scenario, plan))
