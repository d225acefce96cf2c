"""What Defender, Resource Graph and the rights service answer may have another type anywhere: a fault, or nothing to say."""

import contextlib
import json

import pytest
from interposed import Reply, error
from tenants import GROUP, subscription, tenant

from reconciler.assessments.question import DefenderQuestion
from reconciler.azure import assessments, choices, counts, metadata, posture, rights, targets
from reconciler.azure.api_versions import Api
from reconciler.catalog.live import live_policy, live_recommendations
from reconciler.model import arm_id
from reconciler.problems import AzureError

KEY = "651967bf-044e-4bde-8376-3e08e0600105"
SUB = arm_id(subscription(1))
RESOURCE = arm_id(f"{SUB}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d")
POLICY = arm_id("/providers/Microsoft.Authorization/policyDefinitions/17k78e20-9358-41c9-923c-fb736d382a12")
TENANT = tenant(
    assessments=[
        {
            "id": f"{RESOURCE}/providers/Microsoft.Security/assessments/{KEY}",
            "properties": {"status": {"code": "Unhealthy"}},
        }
    ],
    resources=[{"id": RESOURCE.text, "tags": {"env": "prod"}}],
)
QUESTION = DefenderQuestion(
    subscriptions=[SUB],
    keys=[KEY],
    policies=[POLICY.key],
    owners=["contoso/exemptions"],
    gone=[arm_id(f"{RESOURCE}-gone")],
    everywhere=[SUB],
    with_locations=True,
)
READS = {
    "what secure score says": lambda client: posture.read_posture(client, [SUB], [SUB]),
    "Defender's plans": lambda client: posture.read_plans(client, [SUB]),
    "what became of exemptions": lambda client: assessments.read_defender(client, QUESTION),
    "recommendations": lambda client: live_recommendations(metadata.read_metadata(client, [SUB])[:3]),
    "policies": lambda client: [live_policy(row) for row in metadata.read_definitions(client, [POLICY])],
    "rights": lambda client: rights.missing_actions(rights.read_permissions(client, SUB), rights.WRITE_ACTIONS),
    "subscriptions": lambda client: choices.subscriptions_below(client, [arm_id(f"{GROUP}corp")]),
    "resources of a name": lambda client: choices.named(client, [SUB], "d"),
    "unhealthy resources": lambda client: choices.unhealthy(client, [SUB], KEY),
    "how many there are": lambda client: counts.count_resources(client, [SUB, RESOURCE.parent, arm_id(f"{GROUP}corp")]),
    "targets": lambda client: targets.confirm_targets(client, [RESOURCE], lambda _done, _total: None),
}
WRONG = (None, True, 5, "text", [5], {"a": 5}, float("inf"))
"""In place of whatever stands there; JSON has no infinity, but a number that is read as one."""


def retyped(value):
    """The value with one of its parts, itself included, of another type: of lists only the first part is tried."""
    yield from (wrong for wrong in WRONG if type(wrong) is not type(value))
    if isinstance(value, dict):
        yield from ({**value, name: other} for name, part in value.items() for other in retyped(part))
    elif isinstance(value, list) and value:
        yield from ([other, *value[1:]] for other in retyped(value[0]))


def encoded(value):
    return json.dumps(value).replace("Infinity", "1e999").encode()


def without_more(answer):
    """An answer with the first object alone of each of its lists."""
    return {name: part[:1] if isinstance(part, list) else part for name, part in answer.items()}


@pytest.mark.parametrize("what", READS)
def test_a_part_of_another_type_is_a_fault_or_left_out(interrupted, what):
    with interrupted(TENANT) as (door, azure):
        READS[what](azure.client)
        asked = {(seen.method, seen.path, seen.body): seen for seen in door.seen if seen.path != "/tenants"}
        answers = {key: door.forward(seen) for key, seen in asked.items()}
        right = {key: encoded(json.loads(body)) for key, (status, _, body) in answers.items() if status == 200}
        cases = [
            {**right, key: encoded(other)}
            for key, body in right.items()
            for other in retyped(without_more(json.loads(body)))
        ]
        for given in cases:
            door.answer = lambda seen, given=given: (
                Reply(200, given[key])
                if (key := (seen.method, seen.path, seen.body)) in given
                else error(400, "BadRequest")
            )
            with contextlib.suppress(AzureError):
                READS[what](azure.client)
    assert len(cases) > 20


def test_an_error_of_another_shape_is_still_an_error(interrupted):
    details = [{"code": "Inner", "message": "why"}]
    cases = list(retyped({"error": {"code": "Outer", "message": "what", "details": details}}))
    with interrupted() as (door, azure):
        for body in cases:
            door.answer = lambda _, body=body: Reply(409, encoded(body))
            with pytest.raises(AzureError) as failed:
                azure.client.get(SUB.text, Api.SUBSCRIPTIONS)
            assert (bool(failed.value.message), failed.value.status in (0, 409)) == (True, True)
    assert len(cases) > 20
