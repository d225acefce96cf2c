"""What doctor says, in full: each check as people read it, where all is well and where something is missing."""

import dataclasses
import re

import pytest
from interposed import Reply, error
from tenants import GROUP, assignment, subscription, tenant

from reconciler.azure.checks import ASSIGNMENTS, STANDARDS, WRITING, State, right_check
from reconciler.azure.doctor import clock_check, run_checks
from reconciler.model import Category, Declaration, Source, Subject, SubjectKind, arm_id
from reconciler.problems import AzureError

CORP, ONE, TWO = (arm_id(text) for text in (f"{GROUP}corp", subscription(1), subscription(2)))
ROBOT = "0b1ec700-0000-4000-8000-000000000009"
READER = {"objectId": ROBOT, "name": "robot", "roles": [{"scope": CORP.text, "role": "Reader"}]}
SILENT = AzureError(404, "NotFound", "no such list", "ask Microsoft")


def told(check):
    return check.state, check.message, check.remedy, check.scopes, check.details


def test_a_right_that_is_everywhere_is_all_that_is_said_of_it():
    for right in (WRITING, STANDARDS, ASSIGNMENTS):
        check = right_check(right, {}, "me")
        assert (check.name, *told(check)) == (right.name, State.OK, right.allowed, "", (), ())


def test_a_right_that_azure_does_not_tell_is_unknown_with_the_first_reason():
    check = right_check(WRITING, {TWO: SILENT, ONE: SILENT}, "me")
    message = f"Azure does not say what is allowed at {TWO}: no such list"
    assert (check.name, *told(check)) == ("writing", State.UNKNOWN, message, "ask Microsoft", (), ())


def test_a_right_that_lacks_in_one_place_is_told_in_one_sentence():
    check = right_check(STANDARDS, {ONE: ("a/write", "a/delete")}, "the robot")
    remedy = (
        f"grant Security Admin there: az role assignment create --assignee 'the robot' --role \"Security Admin\" --scope {ONE}; "
        "or a role with only what is needed: exempt doctor --role writer"
    )
    message = f"{STANDARDS.denied} at {ONE}: a/write, a/delete missing"
    assert (check.name, *told(check)) == ("defender writing", State.FAILED, message, remedy, (ONE.text,), ())


def test_a_right_that_lacks_in_several_places_has_a_line_for_each_and_what_is_unknown_has_one_too():
    check = right_check(ASSIGNMENTS, {TWO: ("x",), CORP: ("y",), ONE: SILENT}, ROBOT)
    assert check.message == "the assignments cannot be exempted from at 3 scopes"
    assert check.details == (
        f"{CORP}: y missing",
        f"{ONE}: Azure does not say what is allowed: no such list",
        f"{TWO}: x missing",
    )
    assert check.scopes == (CORP.text, TWO.text), "where it is not known nothing is to be granted"
    assert check.remedy.startswith("grant Resource Policy Contributor at each: ")
    assert check.remedy.endswith(f"--scope {CORP}; or a role with only what is needed: exempt doctor --role assignment")


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [
        (0, State.OK, "this machine's clock agrees with Azure's"),
        (60, State.OK, "this machine's clock agrees with Azure's"),
        (60.6, State.WARNING, "this machine's clock is 61 s ahead of Azure's; expiry is judged by it"),
        (-300, State.WARNING, "this machine's clock is 300 s behind Azure's; expiry is judged by it"),
        (-300.6, State.FAILED, "this machine's clock is 301 s behind Azure's; tokens are refused beyond 300 s"),
    ],
)
def test_a_clock_that_is_wrong_is_told_by_how_much(skew, state, words):
    check = clock_check(skew)
    assert (check.name, check.state, check.message) == ("clock", state, words)


# --- all checks ----------------------------------------------------------------------------------------------------


def declared(scope, **more):
    fields = {
        "name": "one",
        "subject": Subject(kind=SubjectKind.POLICY, value="some"),
        "scopes": (scope,),
        "category": Category.WAIVER,
        "justification": "why",
        "owner": "team@contoso.example",
        "source": Source("one.yaml"),
    }
    return Declaration(**{**fields, **more})


def report(azure, *declarations, environment=(), read_only=False, standards=()):
    """Every check as people read it; ports and numbers of requests are not the same in every run."""
    checks = []
    run_checks(azure, declarations, dict(environment), standards=standards, read_only=read_only, on_check=checks.append)
    lines = []
    for check in checks:
        lines.append(f"{check.state} {check.name}: {check.message}")
        lines += [f"  {name}: {text}" for name in ("details", "scopes") for text in getattr(check, name)]
        lines += [f"  remedy: {check.remedy}"] if check.remedy else []
    text = "\n".join(lines)
    return re.sub(r"with \d+ requests", "with N requests", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", text))


def test_what_doctor_says_reads_as_it_did(connected, interrupted, golden):
    told = {}
    wide = declared(arm_id(f"{GROUP}landing"), name="wide")
    retired = declared(CORP, enabled=False)
    standard = arm_id(f"{ONE}/providers/Microsoft.Security/standardAssignments/one")
    with connected() as (_, azure):
        robot = dataclasses.replace(azure, claims={"appid": "app", "oid": ROBOT, "idtyp": "app"})
        environment = {"EXEMPT_ARM_ENDPOINT": azure.endpoints.resource_manager}
        told["all is well"] = report(robot, wide, retired, standards=[standard])
        told["reading only, elsewhere"] = report(robot, retired, environment=environment, read_only=True)
        listed = dataclasses.replace(azure.settings, writers=frozenset({ROBOT}))
        told["a writer"] = report(dataclasses.replace(robot, settings=listed))
        told["another writer"] = report(
            dataclasses.replace(azure, settings=listed, claims={"upn": "ann@contoso.example", "oid": "1"})
        )
    bare = tenant(policyAssignments=[assignment(ONE.text, "mcsb")], principals=[READER])
    with connected(bare) as (_, azure):
        told["a reader where few have the benchmark"] = report(azure, standards=[standard])
    with connected(bare, TWO.text) as (_, azure):
        told["one subscription without it"] = report(azure)
    with interrupted() as (door, azure):
        refused = {f"{ONE}/providers/Microsoft.Security/standardAssignments"}
        door.answer = lambda seen: error(403, "AuthorizationFailed", "not for you") if seen.path in refused else None
        told["no list of Defender's, which nobody needs"] = report(azure, read_only=True)
        told["no list of Defender's, which is needed"] = report(azure, read_only=True, standards=[standard])
        refused |= {f"{TWO}/providers/Microsoft.Authorization/{kind}" for kind in ("policyAssignments", "permissions")}
        told["no assignments either"] = report(azure)
        door.answer = lambda seen: Reply(200, {"value": []}) if seen.path == "/tenants" else None
        told["no date"] = report(azure, read_only=True)
    with interrupted(None, api_version="2022-07-01-preview") as (_, azure):
        told["a fixed version"] = report(azure, read_only=True)
    golden("doctor.txt", "\n\n".join(f"--- {name}\n{text}" for name, text in told.items()) + "\n")
