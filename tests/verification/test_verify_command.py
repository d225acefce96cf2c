"""`exempt verify` as a pipeline calls it: before the plan is offered for approval, and after the writes."""

import json

import emulated
import pytest
from main_job import repositories as repo
from verification.raw import resealed

TRANSFER = "Secure transfer to storage accounts should be enabled"
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
BELOW = repo.assignment(repo.subscription(1), "nist", repo.NIST)
PORTAL_MADE = repo.exemption(
    repo.subscription(2), "by-hand", AT_ROOT["id"], ["secureTransferToStorageAccountMonitoring"], description="by hand"
)


@pytest.fixture
def root(tmp_path):
    declared = {"name": "transfer", "recommendation": TRANSFER, "scopes": [repo.subscription(1), repo.subscription(2)]}
    root = repo.write(tmp_path / "repository", [declared])
    repo.commit(root)
    return root


def planned(azure, root):
    """A snapshot and the plan made from it, as files beside the repository."""
    emulated.exempt(azure, "snapshot", "--out", "../before.json", cwd=root, check=[0])
    emulated.exempt(azure, "plan", "--snapshot", "../before.json", "--out", "../plan.json", cwd=root, check=[0])


def verify(azure, root, *options, check):
    return emulated.exempt(
        azure, "verify", "../plan.json", "--snapshot", "../before.json", *options, cwd=root, check=check
    )


def edited(root, name, edit):
    path = root.parent / name
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def test_a_plan_and_what_was_written_of_it_are_proven(root):
    with emulated.running(repo.tenant(AT_ROOT, BELOW, exemptions=[PORTAL_MADE])) as azure:
        planned(azure, root)
        assert verify(azure, root, check=[0]).stdout == "Proven: 3 changes, no rule broken.\n"
        emulated.exempt(azure, "apply", "--yes", "--out", "../outcomes.json", cwd=root, check=[0])
        emulated.exempt(azure, "snapshot", "--out", "../after.json", cwd=root, check=[0])
        assert verify(azure, root, "--outcomes", "../outcomes.json", "--after", "../after.json", check=[0])


@pytest.mark.parametrize(
    ("scope", "changes"),
    [(repo.subscription(1), "2 changes"), (f"{repo.subscription(1)}/resourceGroups/rg", "0 changes")],
    ids=["subscription", "resource group"],
)
def test_a_narrowed_plan_is_proven_for_its_scope_and_says_so(root, scope, changes):
    """What is declared elsewhere, and not exempt yet, is no business of such a plan."""
    with emulated.running(repo.tenant(AT_ROOT, BELOW, exemptions=[PORTAL_MADE])) as azure:
        emulated.exempt(azure, "snapshot", "--out", "../before.json", cwd=root, check=[0])
        narrowed = ["--snapshot", "../before.json", "--scope", scope, "--out", "../plan.json"]
        told = emulated.exempt(azure, "plan", *narrowed, cwd=root, check=[0]).stderr
        assert f"narrowed by --scope to {scope}: nothing elsewhere was judged" in told
        assert verify(azure, root, check=[0]).stdout.splitlines() == [
            f"Proven: {changes}, no rule broken.",
            f"Only at and below {scope}, to which the plan was narrowed.",
        ]


def test_what_somebody_changed_after_the_writes_is_refuted(root):
    with emulated.running(repo.tenant(AT_ROOT, BELOW)) as azure:
        planned(azure, root)
        emulated.exempt(azure, "apply", "--yes", "--out", "../outcomes.json", cwd=root, check=[0])
        emulated.Client(azure, emulated.PORTAL).delete(min(azure.exemptions))
        emulated.exempt(azure, "snapshot", "--out", "../after.json", cwd=root, check=[0])
        refuted = verify(azure, root, "--outcomes", "../outcomes.json", "--after", "../after.json", check=[1])
        assert "written as planned: Azure does not show what was written" in refuted.stdout


NOTES = """
metadata:
  riskId: R-77
  score: 7
  mask: 0x1F
  share: 1.50
  isReviewed: True
  nothing: null
  seen: [{by: ann, on: "2026-11-01"}, no]
"""


def test_a_declarations_own_title_and_metadata_are_those_of_its_exemption(root):
    """Whatever the scalars of its YAML are: the checker reads them as text."""
    policy = "404c3081-a854-4457-ae30-26a93ef643f9"  # behind the recommendation, by a name of its own
    titled = {
        "name": "titled",
        "displayName": "Legacy: storage",
        "policyDefinition": policy,
        "scopes": [repo.subscription(1)],
    }
    named = {"name": "named", "policyDefinition": policy, "scopes": [repo.subscription(2)]}
    repo.write(root, [titled, named])
    for name in ("titled", "named"):
        path = root / "exemptions" / f"{name}.yaml"
        path.write_text(path.read_text() + NOTES)
    repo.commit(root)
    with emulated.running(repo.tenant(AT_ROOT, BELOW)) as azure:
        planned(azure, root)
        changes = json.loads((root.parent / "plan.json").read_text())["changes"]
        titles = {change["after"]["displayName"] for change in changes}
        assert titles == {"Legacy: storage", "named: Secure transfer to storage accounts should be enabled"}
        assert changes[0]["after"]["metadata"]["seen"] == [{"by": "ann", "on": "2026-11-01"}, "no"]
        verify(azure, root, check=[0])
        edited(root, "plan.json", lambda plan: (swapped_titles(plan), resealed(plan)))
        refuted = verify(azure, root, check=[1])
        assert "no wider: the display name is not what titled declares" in refuted.stdout
        assert "no wider: the display name is not what named declares" in refuted.stdout


def swapped_titles(plan):
    first, last = (next(c for c in plan["changes"] if c["declaration"] == name) for name in ("titled", "named"))
    one, two = first["after"]["displayName"], last["after"]["displayName"]
    for change in plan["changes"]:
        change["after"]["displayName"] = two if change["declaration"] == "titled" else one


def longer(plan):
    plan["changes"][0]["after"]["expiresOn"] = "2031-01-01T00:00:00Z"
    resealed(plan)


def foreign(plan):
    plan["changes"][0]["after"]["metadata"]["owner"] = "fabrikam/exemptions"
    resealed(plan)


def dropped(plan):
    del plan["changes"][0]
    resealed(plan)


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (longer, "no wider"),
        (foreign, "nothing foreign"),
        (dropped, "owned once"),
        (lambda plan: plan.update(digest="0" * 64), "integrity"),
    ],
)
def test_an_altered_plan_is_refuted_with_the_rule_that_it_breaks(root, edit, rule):
    with emulated.running(repo.tenant(AT_ROOT, BELOW)) as azure:
        planned(azure, root)
        edited(root, "plan.json", edit)
        refuted = verify(azure, root, "--format", "json", check=[1])
        assert rule in {violation["rule"] for violation in json.loads(refuted.stdout)["violations"]}


def test_files_that_are_none_are_named(root):
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        planned(azure, root)
        edited(root, "plan.json", lambda plan: plan.pop("changes"))
        refused = verify(azure, root, check=[1])
        assert "cannot be checked" in refused.stderr
        assert "Traceback" not in refused.stderr
        missing = emulated.exempt(azure, "verify", "nothing.json", "--snapshot", "../before.json", cwd=root, check=[1])
        assert missing.stderr.splitlines() == [
            "error: there is no plan 'nothing.json'",
            "help: name a plan that exempt saved",
        ]


def test_what_nobody_approved_is_refuted_in_both_forms(root):
    with emulated.running(repo.tenant(AT_ROOT, BELOW)) as azure:
        planned(azure, root)
        (root.parent / "approved.json").write_text((root.parent / "plan.json").read_text())
        emulated.exempt(azure, "apply", "--yes", "--out", "../outcomes.json", cwd=root, check=[0])
        options = ["--outcomes", "../outcomes.json", "--approved", "../approved.json"]
        assert verify(azure, root, *options, check=[0]).stdout == "Proven: 3 changes, no rule broken.\n"
        proven = json.loads(verify(azure, root, *options, "--format", "json", check=[0]).stdout)
        assert proven["violations"] == []
        edited(root, "approved.json", dropped)
        unapproved = json.loads((root.parent / "plan.json").read_text())["changes"][0]["key"]
        subject = f"{unapproved['scope']}{repo.EXEMPTIONS}{unapproved['name']}".lower()
        said = "it was written, but is not in the approved plan"
        assert verify(azure, root, *options, check=[1]).stdout.splitlines() == [
            f"only what was approved: {said}",
            f"  {subject}",
            "Refuted: 1 violation; look at what this run wrote.",
        ]
        document = json.loads(verify(azure, root, *options, "--format", "json", check=[1]).stdout)
        assert document.pop("tool_version")
        assert document == {
            "format_version": "1.0",
            "violations": [{"rule": "only what was approved", "subject": subject, "message": said}],
        }


def refused(azure, root, *words):
    done = emulated.exempt(azure, "verify", *words, cwd=root, check=[1])
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_file_is_named_with_what_it_should_be(root):
    files = {
        "plan": "plan",
        "snapshot": "snapshot",
        "outcomes": "file of outcomes",
        "after": "snapshot",
        "approved": "plan",
    }
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        planned(azure, root)
        (root.parent / "snapshot.json").write_text((root.parent / "before.json").read_text())
        emulated.exempt(azure, "apply", "--yes", "--out", "../outcomes.json", cwd=root, check=[0])
        emulated.exempt(azure, "snapshot", "--out", "../after.json", cwd=root, check=[0])
        for name, label in files.items():
            paths = {other: "plan" if other == "approved" else other for other in files} | {name: "bad"}
            remedy = f"help: name a {label} that exempt saved"
            newer = "help: use the version of exempt that wrote it, or make a new one with this version"
            for text, lines in (
                (None, [f"error: there is no {label} '../bad.json'", remedy]),
                ("[", ["error: ../bad.json: not JSON: Expecting value at line 1, column 2", remedy]),
                ("{}", [f"error: ../bad.json: not a {label}: it has no format_version", remedy]),
                (
                    '{"format_version": "2.0"}',
                    ["error: ../bad.json: it has format 2.0; this version of exempt reads 1.x", newer],
                ),
            ):
                bad = root.parent / "bad.json"
                bad.unlink(missing_ok=True)
                if text is not None:
                    bad.write_text(text)
                options = (f"--{other}=../{path}.json" for other, path in paths.items() if other != "plan")
                assert refused(azure, root, f"../{paths['plan']}.json", *options) == lines


def test_what_is_no_repository_is_said_with_what_to_do(root):
    with emulated.running(repo.tenant(AT_ROOT)) as azure:
        planned(azure, root)
        asked = ("../plan.json", "--snapshot", "../before.json")
        assert refused(azure, root, *asked, "--root", "..") == [
            "error: there is no file '../reconciler.yaml'",
            "help: name the repository with --root DIR",
        ]
        correct = "help: correct it; 'exempt validate' says where"
        (root / "exemptions" / "folder.yaml").mkdir()
        declared = root / "exemptions" / "late.yml"
        deep = "name: " + "[" * 3000 + "]" * 3000
        for text, problem in (
            ("name: [", "is no YAML"),
            ("- name", "is no mapping of fields"),
            (deep, "is nested too deeply"),
        ):
            declared.write_text(text)
            assert refused(azure, root, *asked) == [f"error: exemptions/late.yml {problem}", correct]
        declared.unlink()
        (root / "catalog.yaml").write_text("recommendations: [")
        assert refused(azure, root, *asked) == ["error: catalog.yaml has errors", correct]
        (root / "catalog.yaml").unlink()
        settings = (root / "reconciler.yaml").read_text()
        (root / "reconciler.yaml").write_text(settings + "cloud: Foo\n")
        assert refused(azure, root, *asked) == ["error: reconciler.yaml names no cloud that there is: 'Foo'", correct]
        (root / "reconciler.yaml").write_text(settings)
        edited(root, "plan.json", lambda plan: plan.pop("changes"))
        assert refused(azure, root, *asked) == [
            "error: the files cannot be checked: 'changes' is missing in one of them",
            "help: save it again with the exempt that checks it",
        ]
