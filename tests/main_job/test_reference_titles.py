"""A reference id that is a GUID, or only looks like one, says nothing: the policy's title stands beside it."""

import emulated
import pytest
from catalog.catalog_command import TDE_POLICY
from main_job import repositories as repo

from reconciler.catalog.catalogue import load
from reconciler.model import arm_id, is_guid

NIST_REV_5 = repo.SETS + "179d1daa-458f-4e47-8086-2a68d0d6c38f"
ONE = repo.subscription(1)
MEMBERS = load().initiative(arm_id(NIST_REV_5)).members


@pytest.mark.parametrize("reference", [next(filter(is_guid, (each.reference_id for each in MEMBERS))), TDE_POLICY])
def test_plan_drift_and_explain_name_the_policy(tmp_path, reference):
    catalogue = load()
    member = next(each for each in MEMBERS if each.reference_id == reference)
    title = catalogue.policy(member.definition).title
    named = f"{member.reference_id} ({title})"
    assigned = repo.assignment(repo.ROOT, "nist", NIST_REV_5)
    root = repo.write(
        tmp_path / "repository",
        [{"name": "one", "policyAssignment": assigned["id"], "referenceIds": [member.reference_id], "scopes": [ONE]}],
    )
    repo.commit(root)
    with emulated.running(repo.tenant(assigned)) as azure:
        assert named in emulated.exempt(azure, "plan", cwd=root, check=[0]).stdout
        assert title in emulated.exempt(azure, "plan", "--format", "markdown", cwd=root, check=[0]).stdout
        assert named in emulated.exempt(azure, "explain", "--declaration", "one", cwd=root, check=[0]).stdout
        assert f"{member.reference_id}: {title}" in emulated.exempt(azure, "drift", cwd=root, check=[2]).stdout
