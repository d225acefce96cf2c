"""What a program with azure-mgmt-resource 24.0.0 does, synchronously and not; run by sdk_client.py in its own environment.

Prints one JSON object with what it saw. Talks to the Azure that its environment names and to nothing of ours.
"""

import asyncio
import json
import os
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.mgmt.resource.policy import PolicyClient
from azure.mgmt.resource.policy.aio import PolicyClient as AsyncPolicyClient
from azure.mgmt.resource.policy.v2022_07_01_preview.models import (
    PolicyExemption,
    PolicyExemptionUpdate,
    ResourceSelector,
    Selector,
)

SELECTORS = [ResourceSelector(name="west", selectors=[Selector(kind="resourceLocation", in_property=["westeurope"])])]


def exemption(assignment, **more):
    return PolicyExemption(policy_assignment_id=assignment, exemption_category="Waiver", **more)


def options():
    endpoint = os.environ["EXEMPT_ARM_ENDPOINT"]
    return {"base_url": endpoint, "credential_scopes": ["https://management.azure.com/.default"]}


def synchronous(subscription, scope, assignment):
    seen = {}
    with ManagedIdentityCredential() as credential, PolicyClient(credential, subscription, **options()) as client:
        operations = client.policy_exemptions
        made = operations.create_or_update(
            scope,
            "sdk name",
            exemption(
                assignment,
                expires_on="2031-01-01T00:00:00Z",
                policy_definition_reference_ids=["Rule1"],
                metadata={"a": 1},
            ),
        )
        seen["made"] = [made.id, made.expires_on.isoformat(), made.policy_definition_reference_ids, made.metadata]
        seen["system"] = [made.system_data.created_by_type, made.system_data.created_at is not None]
        patched = operations.update(scope, "sdk name", PolicyExemptionUpdate(resource_selectors=SELECTORS))
        seen["patched"] = patched.resource_selectors[0].selectors[0].in_property
        replaced = operations.create_or_update(scope, "sdk name", exemption(assignment))
        seen["replaced"] = [replaced.expires_on, replaced.resource_selectors, replaced.metadata]
        group = scope.split("/")[4]
        seen["lists"] = [
            [each.name for each in operations.list()],
            [each.name for each in operations.list(filter="atExactScope()")],
            [each.name for each in operations.list_for_resource_group(group)],
            [each.name for each in operations.list_for_resource(group, "Microsoft.Sql", "", "servers", "legacy-sql")],
            [each.name for each in operations.list_for_management_group("contoso")],
        ]
        seen["deleted"] = [operations.delete(scope, "sdk name") for _ in range(2)]
        try:
            operations.get(scope, "sdk name")
        except HttpResponseError as error:
            seen["missing"] = [error.status_code, error.error.code]
        seen["assignments"] = [each.name for each in client.policy_assignments.list(filter="atScope()")]
    return seen


async def asynchronous(subscription, scope, assignment):
    seen = {}
    async with (
        AsyncManagedIdentityCredential() as credential,
        AsyncPolicyClient(credential, subscription, **options()) as client,
    ):
        operations = client.policy_exemptions
        names = [f"n{number}" for number in range(25)]
        made = await asyncio.gather(
            *[operations.create_or_update(scope, name, exemption(assignment)) for name in names]
        )
        seen["made"] = sorted(each.name for each in made) == sorted(names)
        seen["paged"] = len([each async for each in operations.list()])
        await asyncio.gather(*[operations.delete(scope, name) for name in names])
        seen["left"] = [each.name async for each in operations.list()]
    return seen


if __name__ == "__main__":
    print(json.dumps({"sync": synchronous(*sys.argv[1:]), "async": asyncio.run(asynchronous(*sys.argv[1:]))}))
