"""What a program with the current typed SDKs around exemptions does; run by sdk_client.py in an environment of its own.

Prints one JSON object with what it saw. Talks to the Azure that its environment names and to nothing of ours.
"""

import json
import os
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.managementgroups import ManagementGroupsMgmtClient
from azure.mgmt.policyinsights import PolicyInsightsClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest
from azure.mgmt.security import SecurityCenter

ENDPOINT = {
    "base_url": os.environ["EXEMPT_ARM_ENDPOINT"],
    "credential_scopes": ["https://management.azure.com/.default"],
}
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def main(subscription, principal):
    seen = {}
    credential = ManagedIdentityCredential()
    scope = f"/subscriptions/{subscription}"
    with AuthorizationManagementClient(credential, subscription, **ENDPOINT) as client:
        roles = list(client.role_definitions.list(scope, filter="roleName eq 'Reader'"))
        seen["roles"] = [[role.role_name, role.permissions[0].actions] for role in roles]
        name = "88888888-0000-4000-8000-000000000001"
        body = {"role_definition_id": roles[0].id, "principal_id": principal, "principal_type": "User"}
        made = client.role_assignments.create(scope, name, {"properties": camel(body)})
        seen["assigned"] = [made.name, made.principal_type]
        listed = client.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")
        seen["assignments"] = sorted(each.name == name for each in listed)
        seen["removed"] = client.role_assignments.delete(scope, name).name == name
    with ManagementGroupsMgmtClient(credential, **ENDPOINT) as client:
        group = client.management_groups.get("contoso", expand="children", recurse=True)
        seen["children"] = [child.name for child in group.children]
        seen["entities"] = sorted(entity.display_name for entity in client.entities.list())
        made = client.management_groups.begin_create_or_update("lab", {"display_name": "Lab"}).result()
        seen["made"] = made.name
    with PolicyInsightsClient(credential, subscription, **ENDPOINT) as client:
        rows = list(client.policy_states.list_query_results_for_subscription("latest", subscription))
        seen["states"] = sorted(f"{row.resource_id.rsplit('/', 1)[-1]} {row.compliance_state}" for row in rows)
        summary = client.policy_states.summarize_for_subscription("latest", subscription)
        seen["summary"] = summary.value[0].results.non_compliant_resources
    with ResourceGraphClient(credential, **ENDPOINT) as client:
        answer = client.resources(QueryRequest(query="resources | summarize n = count() by type | order by type asc"))
        seen["graph"] = [answer.count, answer.data]
        try:
            client.resources(QueryRequest(query="resources | where nothere == 1"))
        except HttpResponseError as error:
            seen["refused"] = [error.status_code, error.error.details[1].code]
    with SecurityCenter(credential, subscription, **ENDPOINT) as client:
        seen["assessments"] = [[each.name, each.status.code] for each in client.assessments.list(scope)]
        seen["metadata"] = sum(1 for _ in client.assessments_metadata.list()) > 100
        scores = [[each.name, each.max, each.current, each.weight] for each in client.secure_scores.list()]
        controls = [each.unhealthy_resource_count for each in client.secure_score_controls.list(expand="definition")]
        definitions = sum(len(each.assessment_definitions) for each in client.secure_score_control_definitions.list())
        seen["score"] = [scores, controls, definitions]
        plans = client.pricings.list(scope).value
        seen["pricings"] = {plan.name: plan.pricing_tier for plan in plans}["FoundationalCspm"]
    return seen


def camel(values):
    parts = {name: name.split("_") for name in values}
    return {word[0] + "".join(map(str.title, word[1:])): values[name] for name, word in parts.items()}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
