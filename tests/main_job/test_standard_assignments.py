"""Recommendations that no policy stands behind: exempted by standard assignments, with the same promise."""

import json

import emulated
import pytest
from main_job import repositories as repo

ALONE = "48fad5ca-f530-41bb-9454-c6002bd1085c"
"""A rule of SQL vulnerability assessment, which is a recommendation of its own without a policy."""

ONE, TWO = repo.subscription(1), repo.subscription(2)
GROUP = f"{ONE}/resourceGroups/rg-data"
DATABASE = f"{GROUP}/providers/Microsoft.Sql/servers/legacy/databases/ledger"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
VERSION = "2024-08-01"
PATH = "/providers/Microsoft.Security/standardAssignments"


def tenant(*standards, lists="below", **more):
    limits = {"standardAssignmentLists": lists}
    return repo.tenant(AT_ROOT, resources=[DATABASE], standardAssignments=list(standards), limits=limits, **more)


def declared(*scopes, name="cmdshell", **more):
    return {"name": name, "recommendation": ALONE, "scopes": list(scopes), **more}


def standard(scope, name, key=ALONE, **properties):
    """One that somebody made in the portal."""
    data = {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": key}}
    return {
        "id": f"{scope}{PATH}/{name}",
        "properties": {"displayName": "MDC-x", "effect": "Exempt", "exemptionData": data, **properties},
    }


def standards(azure):
    return {item.id.text: item.properties for item in azure.tenant.standard_assignments.by_id.values()}


def plan(azure, root, *options, check=(0,)):
    done = emulated.exempt(azure, "plan", "--format", "json", *options, cwd=root, check=list(check))
    return json.loads(done.stdout)


def apply(azure, root, *options, check=(0,)):
    return emulated.exempt(azure, "apply", "--yes", *options, cwd=root, check=list(check))


def actions(document):
    return [(*change["actions"], change["reason"]) for change in document["changes"]]


@pytest.fixture
def root(tmp_path):
    path = repo.write(tmp_path / "repository", [declared(DATABASE)])
    repo.commit(path)
    return path


@pytest.mark.parametrize("lists", ["below", "exact"])
@pytest.mark.parametrize("scope", [repo.ROOT, ONE, GROUP, DATABASE])
def test_it_is_planned_applied_settled_changed_and_removed(root, scope, lists):
    repo.write(root, [declared(scope)])
    repo.commit(root)
    with emulated.running(tenant(lists=lists)) as azure:
        assert actions(plan(azure, root)) == [("create", "declared")]
        apply(azure, root)
        ((identifier, values),) = standards(azure).items()
        assert identifier.startswith(f"{scope}{PATH}/")
        assert values["exemptionData"] == {
            "exemptionCategory": "waiver",
            "assignedAssessment": {"assessmentKey": ALONE},
        }
        assert (values["effect"], values["excludedScopes"]) == ("Exempt", [])
        assert plan(azure, root)["changes"] == []
        repo.write(root, [declared(scope, expiresOn="2099-01-31", category="Mitigated")])
        repo.commit(root)
        assert actions(plan(azure, root)) == [("update", "edited")]
        apply(azure, root)
        assert plan(azure, root)["changes"] == []
        repo.write(root, [declared(scope, enabled=False)])
        repo.commit(root)
        assert actions(plan(azure, root)) == [("delete", "removed")]
        apply(azure, root)
        assert standards(azure) == {}
        assert plan(azure, root)["changes"] == []


def test_the_mark_stands_in_the_description(root):
    with emulated.running(tenant()) as azure:
        apply(azure, root)
        (values,) = standards(azure).values()
    text, _, mark = values["description"].partition(" [exempt ")
    assert text == "It retires soon."
    fields = json.loads(mark.removesuffix("]"))
    assert fields["owner"] == "contoso/exemptions"
    assert (fields["declaration"], fields["target"]) == ("cmdshell", DATABASE)
    assert values["displayName"].startswith("cmdshell: Execute permissions on xp_cmdshell")
