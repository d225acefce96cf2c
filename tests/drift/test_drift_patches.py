"""Remedies that are edits: what they change, that git takes them, and when none is offered."""

import json
import re
import subprocess
from dataclasses import replace

import emulated
import pytest
from drift.diagnosed import Git, planned, settled, with_one
from main_job import repositories as repo
from planning import world

from reconciler.declarations import load
from reconciler.drift import DriftInputs, find_drift, with_patches
from reconciler.kinds import FindingKind
from reconciler.model import SystemData
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.values import Finding

TEXT = """\
name: one
policyDefinition: a  # the first
scopes:
  - {rg}
  - {server}  # the old one
category: Waiver
expiresOn: "2027-01-31" # agreed
justification: Because it retires.
owner: data@contoso.example
"""
SCOPES = {"rg": world.RG.text, "server": world.OTHER_SUB.text}


@pytest.fixture
def one(tmp_path):
    """The declaration as the loader reads it, with places."""
    settings = {"owner": world.SETTINGS.owner, "tenantId": world.TENANT, "scopes": [world.ROOT.text]}
    (tmp_path / "reconciler.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "exemptions" / "one.yaml").write_text(TEXT.format(**SCOPES), encoding="utf-8")
    loaded = load(tmp_path)
    assert loaded.problems == ()
    return loaded.declarations[0]


def patched(snapshot, declaration, root):
    """The only finding, with its patch."""
    declared = (declaration,)
    plan = planned(snapshot, declared, Git(), world.SETTINGS)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of(declared, world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=Git(),
        now=world.NOW,
    )
    (finding,) = with_patches(find_drift(plan, inputs), inputs, lambda file: (root / file).read_text(encoding="utf-8"))
    return finding


def lines(finding):
    """What is taken out and what is put in."""
    patch = finding.evidence.patch
    return [line for line in patch.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


def applied(finding, root):
    subprocess.run(["git", "apply", "-"], input=finding.evidence.patch, text=True, cwd=root, check=True)
    return (root / "exemptions" / "one.yaml").read_text(encoding="utf-8")


def test_a_scope_that_is_gone_is_taken_out_with_its_comment(one, tmp_path):
    tenant = settled(world.snapshot(), replace(one, scopes=(world.RG,)))
    finding = patched(replace(tenant, gone=frozenset({world.OTHER_SUB.key})), one, tmp_path)
    assert lines(finding) == [f"-  - {world.OTHER_SUB}  # the old one"]
    assert applied(finding, tmp_path).count("  - ") == 1


def test_the_only_scope_that_is_gone_takes_the_file_with_it(one, tmp_path):
    alone = replace(one, scopes=(world.OTHER_SUB,))
    finding = patched(replace(world.snapshot(), gone=frozenset({world.OTHER_SUB.key})), alone, tmp_path)
    assert lines(finding) == []
    assert finding.remedy.startswith("git rm exemptions/one.yaml")


def test_a_prolonged_exemption_may_be_accepted_and_the_comment_stays(one, tmp_path):
    tenant = settled(world.snapshot(), one)
    later = replace(tenant.exemptions[0], expires_on="2027-06-30T23:59:59Z")
    finding = patched(with_one(tenant, later), one, tmp_path)
    assert lines(finding) == ['-expiresOn: "2027-01-31" # agreed', "+expiresOn: 2027-06-30 # agreed"]
    assert "expiresOn: 2027-06-30 # agreed\n" in applied(finding, tmp_path)


@pytest.mark.parametrize(
    "change", [{"description": "x"}, {"expires_on": ""}, {"expires_on": "2027-06-30T00:00:00Z", "description": "x"}]
)
def test_what_does_not_stand_on_one_line_is_left_to_a_person(one, tmp_path, change):
    tenant = settled(world.snapshot(), one)
    assert lines(patched(with_one(tenant, replace(tenant.exemptions[0], **change)), one, tmp_path)) == []


def test_another_owners_exemption_may_be_taken_over(one, tmp_path):
    tenant = settled(world.snapshot(), replace(one, scopes=(world.RG,)))
    theirs = world.live("epac", world.OTHER_SUB, metadata={"pacOwnerId": "epac-prod"})
    assert lines(patched(with_one(tenant, theirs), one, tmp_path)) == ["+takeOver: epac-prod"]
    hostile = replace(theirs, metadata={"pacOwnerId": "x\nenabled: false"})
    assert lines(patched(with_one(tenant, hostile), one, tmp_path)) == []


def test_an_applications_exemption_may_be_adopted(one, tmp_path):
    tenant = settled(world.snapshot(), replace(one, scopes=(world.RG,)))
    theirs = world.live("terraform", world.OTHER_SUB, by="Application")
    finding = patched(with_one(tenant, theirs), one, tmp_path)
    assert lines(finding) == ["+adopt: true"]
    assert applied(finding, tmp_path).endswith("\nadopt: true\n")


# --- declaring what was made by hand -----------------------------------------------------------------------------


def reported(live):
    snapshot = world.snapshot(live)
    plan = planned(snapshot, (), Git(), world.SETTINGS)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of((), world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=Git(),
        now=world.NOW,
    )
    (finding,) = with_patches(find_drift(plan, inputs), inputs, lambda _file: "")
    return finding


def proposed(live, root):
    return reported(live).evidence.patch


def test_what_was_made_by_hand_may_be_declared(tmp_path):
    live = world.live("x", display_name="Old server: TDE", description="It retires.", expires_on="2027-01-31T23:59:59Z")
    patch = proposed(live, tmp_path)
    assert patch.splitlines()[:2] == ["--- /dev/null", "+++ b/exemptions/imported/old-server-tde.yaml"]
    assert f"+policyDefinition: {world.policy('a')}\n" in patch
    assert "+expiresOn: 2027-01-31\n" in patch
    assert "+justification: It retires.\n" in patch
    assert "+owner: ann@contoso.example\n" in patch
    assert "adopt" not in patch
    by_robot = replace(live, system=SystemData(created_by="robot", created_by_type="Application"))
    assert "+adopt: true\n" in proposed(by_robot, tmp_path)


def test_what_an_application_made_is_not_said_to_be_of_the_portal(tmp_path):
    by_hand = world.live("x")
    by_robot = replace(by_hand, system=SystemData(created_by="robot", created_by_type="Application"))
    assert "Made by ann@contoso.example in the portal; write" in proposed(by_hand, tmp_path)
    assert "Made by robot; write here why it is acceptable." in proposed(by_robot, tmp_path)
    assert reported(by_hand).remedy.endswith("or remove it in the portal")
    assert reported(by_robot).remedy.endswith("or remove it where it is managed (Terraform, a pipeline)")


@pytest.mark.parametrize(
    "live",
    [
        world.live("two-policies", references=("refA", "refB")),
        world.live(
            "part-of-a-policy", world.SUB, ("nistA",), to=world.assignment(world.SUB, "nist", world.STANDARD.id)
        ),
        world.live("hidden", description="Because\u202eit"),
        world.live("unchecked", validation="DoNotValidate"),
        world.live("unknown", references=("refZ",)),
    ],
    ids=lambda live: live.name,
)
def test_what_no_single_file_means_exactly_is_left_to_a_person(live, tmp_path):
    snapshot = world.snapshot(live, assignments=(world.AT_ROOT, world.assignment(world.SUB, "nist", world.STANDARD.id)))
    plan = planned(snapshot, (), Git(), world.SETTINGS)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of((), world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=Git(),
        now=world.NOW,
    )
    (finding,) = with_patches(find_drift(plan, inputs), inputs, lambda _file: "")
    assert not finding.evidence.patch
    assert finding.remedy == "declare it, or remove it in the portal"


@pytest.mark.parametrize("scope", [world.SUB, world.RG, world.RESOURCE, world.ROOT], ids=lambda scope: scope.name)
def test_a_file_that_would_contradict_another_is_not_proposed(scope):
    declared = (world.declaration("one", scope),)
    live = world.live(
        "x", world.RG, display_name="Same", system=SystemData(created_by="robot", created_by_type="Application")
    )
    inputs = DriftInputs(
        snapshot=world.snapshot(live),
        resolved=ResolvedDeclarations.of(declared, world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=Git(),
        now=world.NOW,
    )
    finding = Finding(
        kind=FindingKind.UNMANAGED,
        subject=live.id,
        message="declared nowhere",
        assignment=live.assignment,
    )
    (found,) = with_patches([finding], inputs, lambda _file: "")
    assert not found.evidence.patch
    (other,) = with_patches(
        [finding],
        replace(inputs, resolved=ResolvedDeclarations.of([world.declaration("one", scope, what="b")], world.CATALOGUE)),
        lambda _file: "",
    )
    assert other.evidence.patch


def test_two_of_the_same_name_get_names_of_their_own(tmp_path):
    lives = [world.live(name, scope, display_name="Same") for name, scope in (("x", world.RG), ("y", world.OTHER_SUB))]
    snapshot = world.snapshot(*lives)
    plan = planned(snapshot, (), Git(), world.SETTINGS)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of((), world.CATALOGUE),
        catalogue=world.CATALOGUE,
        settings=world.SETTINGS,
        history=Git(),
        now=world.NOW,
    )
    found = with_patches(find_drift(plan, inputs), inputs, lambda _file: "")
    names = sorted(each.evidence.patch.splitlines()[1] for each in found)
    assert re.fullmatch(r"\+\+\+ b/exemptions/imported/same-[0-9a-f]{8}\.yaml", names[0])
    assert names[1] == "+++ b/exemptions/imported/same.yaml"


def test_the_proposed_file_is_valid_adopts_in_place_and_makes_peace(exempt, tmp_path):
    """Round trip over the socket: made in the portal, declared by the patch, adopted by apply, clean."""
    root = repo.write(tmp_path / "repository", [])
    repo.commit(root)
    at_root = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    scope = repo.subscription(1)
    body = {
        "policyAssignmentId": at_root["id"], "exemptionCategory": "Waiver", "displayName": "Legacy transfer",
        "policyDefinitionReferenceIds": ["secureTransferToStorageAccountMonitoring"], "description": 'It says "no": why?',
    }  # fmt: skip
    with emulated.running(repo.tenant(at_root)) as azure:
        portal = emulated.Client(azure, emulated.PORTAL)
        assert portal.put(scope + repo.EXEMPTIONS + "0b1e", body).status == 201
        done = exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        (finding,) = json.loads(done.stdout)["findings"]
        assert finding["kind"] == "unmanaged"
        assert "Secure transfer to storage accounts should be enabled" in finding["evidence"]["recommendations"]
        assert "# Secure transfer to storage accounts" in finding["patch"]
        subprocess.run(["git", "apply", "-"], input=finding["patch"], text=True, cwd=root, check=True)
        repo.commit(root)
        exempt(azure, "apply", "--yes", cwd=root, check=[0])
        assert json.loads(exempt(azure, "drift", "--format", "json", cwd=root, check=[0]).stdout)["findings"] == []
        assert [name.rsplit("/", 1)[-1] for name in azure.exemptions] == ["0b1e"], "adopted in place"


PORTAL_MADE = {
    "exemptionCategory": "Waiver", "displayName": "Legacy transfer", "description": "It retires.",
    "policyDefinitionReferenceIds": ["secureTransferToStorageAccountMonitoring"],
}  # fmt: skip


def unmanaged_in(exempt, root, rules):
    """The finding of one exemption that somebody made by hand, in a repository with these rules."""
    repo.write(root, [], rules=rules)
    repo.commit(root)
    at_root = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
    with emulated.running(repo.tenant(at_root)) as azure:
        portal = emulated.Client(azure, emulated.PORTAL)
        body = {**PORTAL_MADE, "policyAssignmentId": at_root["id"]}
        assert portal.put(repo.subscription(1) + repo.EXEMPTIONS + "0b1e", body).status == 201
        done = exempt(azure, "drift", "--format", "json", cwd=root, check=[2])
        (finding,) = json.loads(done.stdout)["findings"]
        if finding["patch"]:
            subprocess.run(["git", "apply", "-"], input=finding["patch"], text=True, cwd=root, check=True)
        exempt(azure, "validate", cwd=root, check=[0])
    return finding


@pytest.mark.parametrize(
    ("rules", "line", "note"),
    [
        ({"maxLifetimeDays": [{"days": 30}]}, "expiresOn: ", "the latest that rules.maxLifetimeDays allows"),
        (
            {"maxLifetimeDays": [{"days": 30, "severity": "High"}]},
            "expiresOn: ",
            "the latest that rules.maxLifetimeDays",
        ),
        ({"required": ["ticket"]}, "ticket: TODO", "write its ticket for TODO"),
        ({"required": ["expiresOn"]}, "expiresOn: ", "rules.required asks for an end"),
        ({"required": ["displayName"]}, "displayName: Legacy transfer", ""),
    ],
    ids=["lifetime", "lifetime-by-severity", "ticket", "end", "display-name"],
)
def test_the_proposed_file_passes_the_rules_of_its_repository(exempt, tmp_path, rules, line, note):
    finding = unmanaged_in(exempt, tmp_path / "repository", rules)
    assert f"+{line}" in finding["patch"]
    assert note in finding["remedy"]


@pytest.mark.parametrize(
    "rules",
    [
        {"neverExempt": {"recommendations": ["Secure transfer to storage accounts should be enabled"]}},
        {"folders": [{"folder": ".", "kinds": ["resource"]}]},
        {"folders": [{"folder": "imported", "wholeScopes": False}]},
        {"folders": [{"folder": ".", "below": [repo.subscription(2)]}]},
    ],
    ids=["never", "kinds", "whole-scopes", "below"],
)
def test_no_file_is_proposed_that_a_rule_refuses(exempt, tmp_path, rules):
    finding = unmanaged_in(exempt, tmp_path / "repository", rules)
    assert finding["patch"] is None
    assert finding["remedy"] == "remove it in the portal, since the rules of reconciler.yaml refuse to declare it"


def test_what_only_a_person_can_write_is_left_to_a_person(exempt, tmp_path):
    finding = unmanaged_in(exempt, tmp_path / "repository", {"required": ["metadata"]})
    assert (finding["patch"], finding["remedy"]) == (None, "declare it, or remove it in the portal")
