"""`exempt apply` against the embedded Azure: every ending with its cause, its remedy and the right exit code."""

import json

import emulated
import pytest
from chaos.walk import Ledger, meddle
from main_job import repositories as repo

TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"
ONE, TWO = repo.subscription(1), repo.subscription(2)
GROUP = f"{ONE}/resourceGroups/rg-data"
ACCOUNTS = [f"{GROUP}/providers/Microsoft.Storage/storageAccounts/account{n:03d}" for n in range(60)]
MCSB = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
NIST = repo.assignment(TWO, "nist", repo.NIST)
APP = "0b1ec7ed-0000-4000-8000-000000000001"


def declare(name, *scopes, **more):
    return {"name": name, "policyDefinition": TRANSFER, "scopes": list(scopes), **more}


def principal(*roles):
    return [{"objectId": APP, "name": "pipeline", "type": "Application", "roles": list(roles)}]


def right(action, scope):
    return {"actions": [action], "scope": scope}


READS = {"role": "Reader", "scope": "/"}
EXEMPTS = right("Microsoft.Authorization/policyAssignments/exempt/action", repo.ROOT)


def apply(azure, root, *options, check):
    done = emulated.exempt(azure, "apply", "--yes", "--format", "json", *options, cwd=root, check=check)
    document = json.loads(done.stdout)
    assert document["exitCode"] == done.returncode
    assert "Traceback" not in done.stderr
    return document


def by_scope(document):
    return {found["key"]["scope"]: found for found in document["outcomes"]}


@pytest.fixture
def root(tmp_path):
    return repo.write(tmp_path / "repository", [declare("one", ONE), declare("two", TWO)])


# --- what was completed: the proof that healing asks for ---


def completed(document):
    return document["revision"], document["completed"]


def test_the_outcomes_say_which_revision_was_completed_and_never_for_a_part_of_it(root):
    first = repo.commit(root, "both")
    with emulated.running(repo.tenant(MCSB)) as azure:
        assert completed(apply(azure, root, "--scope", ONE, check=[0])) == (None, False)
        saved = root.parent / "plan.json"
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        repo.write(root, [declare("one", ONE), declare("two", TWO, justification="It retires in May.")])
        assert completed(apply(azure, root, check=[0])) == (None, False), "what is not committed is no revision"
        second = repo.commit(root, "edited")
        assert completed(apply(azure, root, check=[0])) == (second, True)
        repo.write(root, [declare("one", ONE), declare("two", TWO, justification="It retires in June.")])
        third = repo.commit(root, "edited again")
        assert completed(apply(azure, root, str(saved), check=[2])) == (third, False)
        assert completed(apply(azure, root, "--only", "recreate", check=[2])) == (third, False)
        assert completed(apply(azure, root, check=[0])) == (third, True)
    assert len({first, second, third}) == 3


# --- rights and obstacles ---


def test_partial_rights_create_where_permitted_and_name_role_and_scope(root):
    may = principal(READS, EXEMPTS, right("Microsoft.Authorization/policyExemptions/*", ONE))
    with emulated.running(repo.tenant(MCSB, principals=may)) as azure:
        found = by_scope(apply(azure, root, check=[1]))
        text = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1]).stdout
    assert found[ONE]["status"] == "done"
    assert (found[TWO]["status"], found[TWO]["uncovered"]) == ("failed", True)
    assert "AuthorizationFailed" in found[TWO]["message"]
    assert f"--assignee {APP} --role" in found[TWO]["remedy"]
    assert TWO in found[TWO]["remedy"]
    assert found[TWO]["correlation"]
    assert "1 wanted exemption is not there" in text


def test_a_missing_right_on_one_initiative_leaves_the_others(root):
    may = principal(READS, EXEMPTS, right("Microsoft.Authorization/policyExemptions/*", "/"))
    elsewhere = repo.assignment("/providers/Microsoft.Management/managementGroups/platform", "nist", repo.NIST)
    content = repo.tenant(MCSB, elsewhere, principals=may)
    content["managementGroups"] = [{"name": "platform"}, {"name": "contoso", "parent": "platform"}]
    with emulated.running(content) as azure:
        saved = root.parent / "outcomes.json"
        text = emulated.exempt(azure, "apply", "--yes", "--out", str(saved), cwd=root, check=[1]).stdout
    document = json.loads(saved.read_text("utf-8"))
    outcomes, decisions = document["outcomes"], document["decisions"]
    assert [(item["name"], item["ending"]) for item in decisions] == [("one", "in part"), ("two", "in part")]
    assert "Incomplete: 0 of 2 decisions done, 2 in part; 2 exemptions written, 2 failed; 2 wanted" in text
    assert text.count("1 exemption created, 1 failed\n") == 2
    assert sorted(found["status"] for found in outcomes) == ["done", "done", "failed", "failed"]
    failed = [found for found in outcomes if found["status"] == "failed"]
    assert all(found["key"]["assignment"] == elsewhere["id"] for found in failed)
    assert all(f"            failed    create {found['key']['name']}  " in text for found in failed)
    assert all("exempt/action" in found["remedy"] and "platform" in found["remedy"] for found in failed)


@pytest.mark.parametrize(
    ("obstacle", "code", "remedy"),
    [
        (
            {"locks": [{"scope": TWO, "level": "ReadOnly"}]},
            "ScopeLocked",
            f"'{TWO}/providers/Microsoft.Authorization/locks?",
        ),
        (
            {
                "denyAssignments": [
                    {"name": "managed", "scope": TWO, "actions": ["Microsoft.Authorization/policyExemptions/write"]}
                ]
            },
            "DenyAssignmentAuthorizationFailed",
            "deny assignment",
        ),
        (
            {
                "subscriptions": [
                    {"id": ONE.rsplit("/", 1)[-1], "managementGroup": "contoso"},
                    {"id": TWO.rsplit("/", 1)[-1], "managementGroup": "contoso", "state": "Disabled"},
                ]
            },
            "ReadOnlyDisabledSubscription",
            "re-enable it",
        ),
    ],
)
def test_what_stands_in_the_way_of_one_scope_stops_only_that(root, obstacle, code, remedy):
    with emulated.running(repo.tenant(MCSB, **obstacle)) as azure:
        found = by_scope(apply(azure, root, check=[1]))
    assert found[ONE]["status"] == "done"
    assert found[TWO]["status"] == "failed"
    assert code in found[TWO]["message"]
    assert remedy in found[TWO]["remedy"]


def test_a_full_scope_fails_what_does_not_fit(tmp_path):
    root = repo.write(tmp_path, [declare("one", ONE), declare("two", TWO)])
    with emulated.running(repo.tenant(MCSB, NIST, limits={"policyExemptionsPerScope": 1})) as azure:
        document = apply(azure, root, check=[1])
    failed = [found for found in document["outcomes"] if found["status"] == "failed"]
    assert [found["key"]["scope"] for found in failed] == [TWO]
    assert "QuotaExceeded" in failed[0]["message"]
    assert document["summary"]["done"] == 2


# --- without references ---


def test_a_whole_initiative_and_a_single_policy_are_written_without_references(tmp_path):
    single = repo.assignment(TWO, "single", f"/providers/Microsoft.Authorization/policyDefinitions/{TRANSFER}")
    declared = [
        {"name": "everything", "policyAssignment": MCSB["id"], "scopes": [ONE]},
        {"name": "one-policy", "policyDefinition": TRANSFER, "scopes": [TWO]},
    ]
    root = repo.write(tmp_path, declared, rules={"allowWholeAssignment": True})
    with emulated.running(repo.tenant(MCSB, single)) as azure:
        document = apply(azure, root, check=[0])
        lists = {
            (found["name"].split("-")[0], found["properties"]["policyAssignmentId"]): bool(
                found["properties"].get("policyDefinitionReferenceIds")
            )
            for found in azure.exemptions.values()
        }
    assert document["summary"]["done"] == 3
    assert lists == {("everything", MCSB["id"]): False, ("one", MCSB["id"]): True, ("one", single["id"]): False}


# --- what changes between reading and writing ---


def before_the_first_write(azure, action):
    """Does something behind the command's back, after it has read everything."""
    ledger, done = Ledger(azure), []

    def strike(_, request):
        if "/policyexemptions/" in request.path.lower() and not done:
            done.append(True)
            action()

    ledger.strike = strike
    return ledger


def test_a_resource_that_goes_meanwhile_is_held_and_no_failure(tmp_path):
    root = repo.write(tmp_path, [declare("gone", ACCOUNTS[0]), declare("kept", TWO)])
    with emulated.running(repo.tenant(MCSB, resources=[ACCOUNTS[0]])) as azure:
        before_the_first_write(azure, lambda: meddle(azure, "DELETE", GROUP))
        found = by_scope(apply(azure, root, check=[0]))
    assert found[TWO]["status"] == "done"
    assert (found[ACCOUNTS[0]]["status"], found[ACCOUNTS[0]]["cause"]) == ("held", "resource-gone")


def test_an_assignment_that_goes_meanwhile_is_held_and_no_failure(root):
    with emulated.running(repo.tenant(MCSB, NIST)) as azure:
        before_the_first_write(azure, lambda: meddle(azure, "DELETE", NIST["id"]))
        document = apply(azure, root, check=[0])
    causes = {found["key"]["assignment"]: found["cause"] for found in document["outcomes"]}
    assert causes == {MCSB["id"]: None, NIST["id"]: "assignment-gone"}


def test_what_a_person_edits_meanwhile_is_skipped_and_left_alone(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        repo.write(root, [declare("one", ONE, justification="Another reason."), declare("two", TWO)])
        (key,) = [key for key in azure.exemptions if key.startswith(ONE)]
        by_hand = azure.exemptions[key]["properties"] | {"description": "Edited by hand."}
        before_the_first_write(azure, lambda: meddle(azure, "PUT", key, by_hand))
        (outcome,) = apply(azure, root, check=[1])["outcomes"]
        assert outcome["status"] == "skipped"
        assert "changed after the plan" in outcome["message"]
        assert azure.exemptions[key]["properties"]["description"] == "Edited by hand."


# --- throttling ---


def test_small_buckets_are_never_overdrawn(tmp_path):
    root = repo.write(tmp_path, [declare("many", *ACCOUNTS)])
    settings = {"throttling": {"writes": {"size": 10, "refill": 25}, "reads": {"size": 40, "refill": 60}}}
    with emulated.running(repo.tenant(MCSB, resources=ACCOUNTS, faultInjection=settings)) as azure:
        document = apply(azure, root, check=[0])
        refused = [found for found in azure.requests if found.status == 429]
    assert document["summary"]["done"] == len(ACCOUNTS)
    assert len(refused) <= 2


def test_a_429_rests_one_subscription_and_no_other(tmp_path):
    root = repo.write(tmp_path, [declare("two", TWO), declare("more", *ACCOUNTS[:5])])
    throttled = {"method": "PUT", "path": TWO, "status": 429, "code": "SubscriptionRequestsThrottled", "retryAfter": 4}
    content = repo.tenant(MCSB, resources=ACCOUNTS[:5], faultInjection={"faults": [throttled]})
    with emulated.running(content) as azure:
        apply(azure, root, check=[0])
        puts = [found for found in azure.requests if found.method == "PUT"]
    refused = next(found for found in puts if found.status == 429)
    again = next(found for found in puts if TWO in found.target and found.status == 201)
    others = [found for found in puts if ONE in found.target]
    assert again.at - refused.at >= 4
    assert all(found.at < again.at for found in others)


def expire_all_tokens(azure):
    known = azure._issuer._known
    known.update({token: (principal, 0.0) for token, (principal, _) in known.items()})


def test_a_token_that_expires_meanwhile_is_renewed(tmp_path):
    root = repo.write(tmp_path, [declare("many", *ACCOUNTS[:10])])
    with emulated.running(repo.tenant(MCSB, resources=ACCOUNTS)) as azure:
        before_the_first_write(azure, lambda: expire_all_tokens(azure))
        document = apply(azure, root, check=[0])
        assert document["summary"]["done"] == 10
        assert any(found.status == 401 for found in azure.requests)


# --- guards and approvals, as a person meets them ---


def test_each_guard_prints_the_option_that_accepts_exactly_this(tmp_path):
    root = repo.write(tmp_path, [declare("many", *ACCOUNTS[:12])], limits={"creates": 5})
    with emulated.running(repo.tenant(MCSB, resources=ACCOUNTS)) as azure:
        for option, attempted in (("--allow-creates", lambda: None), ("--allow-deletes", lambda: repo.write(root, []))):
            attempted()
            refused = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1])
            assert f"{option} 12" in refused.stdout
            emulated.exempt(azure, "apply", "--yes", option, "11", cwd=root, check=[1])
            emulated.exempt(azure, "apply", "--yes", option, "12", cwd=root, check=[0])
        assert azure.exemptions == {}


def test_a_refused_run_tells_every_change_of_the_plan(tmp_path):
    root = repo.write(tmp_path / "repository", [declare("one", ONE)], limits={"creates": 1})
    with emulated.running(repo.tenant(MCSB)) as azure:
        saved = tmp_path / "plan.json"
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        repo.write(root, [declare("one", ONE), declare("two", TWO)], limits={"creates": 0})
        planned = json.loads(emulated.exempt(azure, "plan", "--format", "json", cwd=root, check=[1]).stdout)
        document = apply(azure, root, str(saved), check=[1])
        text = emulated.exempt(azure, "apply", "--yes", cwd=root, check=[1]).stdout
        markdown = emulated.exempt(azure, "apply", "--yes", "--format", "markdown", cwd=root, check=[1]).stdout
        assert azure.exemptions == {}
    assert [found["fingerprint"] for found in document["outcomes"]] == [
        found["fingerprint"] for found in planned["changes"]
    ]
    assert (document["summary"]["skipped"], document["summary"]["awaiting approval"]) == (1, 1)
    assert [found["rule"] for found in document["refusals"]] == ["creates"]
    assert (
        "Refused, nothing was written: 0 of 2 decisions done; 2 exemptions skipped; 2 wanted exemptions are not there."
        in text
    )
    assert text.count("the run was refused before its first write") == markdown.count("**skipped**") == 2


def test_expecting_a_digest_is_all_or_nothing(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        planned = json.loads(emulated.exempt(azure, "plan", "--format", "json", cwd=root, check=[0]).stdout)
        wrong = emulated.exempt(azure, "apply", "--yes", "--expect", "0" * 64, cwd=root, check=[1])
        assert planned["digest"] in wrong.stderr
        assert azure.exemptions == {}
        apply(azure, root, "--expect", planned["digest"], check=[0])
        assert len(azure.exemptions) == 2


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda plan: plan | {"digest": "0" * 64}, "was edited"),
        (lambda plan: plan | {"changes": plan["changes"][:1]}, "was edited"),
        (lambda plan: plan | {"owner": "fabrikam"}, "belongs to owner"),
        (lambda plan: plan | {"tenantId": "c0ffee00-0000-4000-8000-0000000000ff"}, "is for tenant"),
        (lambda plan: plan | {"format_version": "7.0"}, "has format 7.0"),
        (lambda plan: [plan], "an object is expected, not an array"),
        (lambda plan: json.dumps(plan).replace('"digest"', '"digest": "another", "digest"', 1), 'says "digest" twice'),
        (lambda plan: json.dumps(plan).replace('"complete": true', '"complete": NaN'), "NaN is no JSON number"),
        (
            lambda plan: [change["key"].update(assignment=NIST["id"]) for change in plan["changes"]] and plan,
            "was edited",
        ),
    ],
)
def test_a_doctored_plan_is_refused_whole(root, spoil, says):
    with emulated.running(repo.tenant(MCSB)) as azure:
        saved = root.parent / "plan.json"
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        doctored = spoil(json.loads(saved.read_text("utf-8")))
        saved.write_text(doctored if isinstance(doctored, str) else json.dumps(doctored), encoding="utf-8")
        refused = emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[1])
        assert says in refused.stderr
        assert str(saved) in refused.stderr
        assert "Traceback" not in refused.stderr
        assert azure.exemptions == {}


@pytest.mark.parametrize(
    ("path", "says"),
    [("/dev/zero", "the limit is 268,435,456"), (".", "is a folder"), ("nowhere.json", "there is no plan")],
)
def test_what_is_no_file_of_a_plan_is_told_so(root, path, says):
    with emulated.running(repo.tenant(MCSB)) as azure:
        refused = emulated.exempt(azure, "apply", path, "--yes", cwd=root, check=[1])
        assert says in refused.stderr
        assert "save a new plan" in refused.stderr
        assert azure.exemptions == {}


@pytest.mark.parametrize(("option", "says"), [("--expect", "is no digest"), ("--only", "no reason given")])
def test_an_option_whose_variable_was_not_set_approves_nothing(root, option, says):
    with emulated.running(repo.tenant(MCSB)) as azure:
        refused = emulated.exempt(azure, "apply", "--yes", option, "", cwd=root, check=[1])
        assert says in refused.stderr
        assert azure.exemptions == {}


def test_the_outcomes_are_saved_whatever_the_form(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        saved = root.parent / "outcomes.json"
        done = emulated.exempt(azure, "apply", "--yes", "--out", str(saved), cwd=root, check=[0])
    assert "Done: 2 decisions; 2 exemptions written" in done.stdout
    assert json.loads(saved.read_text("utf-8"))["verdict"] == "done"


def test_an_unwritable_outcome_file_hides_nothing(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        done = emulated.exempt(azure, "apply", "--yes", "--out", "no/such/folder.json", cwd=root, check=[1])
        assert not azure.exemptions, "what is surely in vain is said before anything is done"
        assert "there is no folder 'no/such' for 'folder.json'" in done.stderr
        done = emulated.exempt(azure, "apply", "--yes", "--out", "/dev/full", cwd=root, check=[1])
        assert len(azure.exemptions) == 2
    assert "Done: 2 decisions; 2 exemptions written" in done.stdout
    assert "/dev/full cannot be written: No space left on device" in done.stderr


def test_approvals_that_nothing_needs_any_more_are_told(root):
    with emulated.running(repo.tenant(MCSB)) as azure:
        saved = root.parent / "plan.json"
        emulated.exempt(azure, "plan", "--out", str(saved), cwd=root, check=[0])
        emulated.exempt(azure, "apply", "--yes", cwd=root, check=[0])
        done = emulated.exempt(azure, "apply", str(saved), "--yes", cwd=root, check=[0])
    assert "2 approved changes no longer needed" in done.stderr


@pytest.mark.parametrize("below", ["", "/resourceGroups/rg-data"])
def test_a_target_outside_the_scopes_fails_whatever_else_was_done(tmp_path, below):
    elsewhere = {"id": repo.subscription(9).rsplit("/", 1)[-1], "displayName": "Elsewhere"}
    lost = repo.subscription(8) + below
    root = repo.write(
        tmp_path, [declare("one", ONE), declare("elsewhere", repo.subscription(9) + below), declare("lost", lost)]
    )
    content = repo.tenant(MCSB)
    content["subscriptions"].append(elsewhere)
    with emulated.running(content) as azure:
        document = apply(azure, root, check=[1])
    assert document["summary"]["done"] == 1
    said = {found["declaration"]: found["message"] for found in document["held"]}
    assert said.keys() == {"elsewhere", "lost"}
    assert "outside the scopes" in said["elsewhere"]
    assert "Azure finds no subscription" in said["lost"], "Azure says that it does not exist, so that is what is told"
