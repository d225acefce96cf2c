"""`exempt catalog` as a user runs it: search, show and info offline; diff and refresh against an emulated tenant."""

import json

import emulated
import pytest
from catalog_command import CIS_2, MCSB, SECURE_TRANSFER, TDE_KEY, TDE_POLICY, run

OWN_KEY = "0a0a0a0a-1111-2222-3333-444444444444"
TENANT = "00000000-0000-4000-8000-00000000aaaa"
SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
GROUP = "/providers/Microsoft.Management/managementGroups/contoso"
AUTHORIZATION = "/providers/Microsoft.Authorization"


# --- search


def test_search_tells_kind_key_and_why_not(capsys):
    done = run(capsys, "search", "privileged", "containers", "--limit", "1")
    assert done.code == 0
    assert done.out == (
        "Privileged containers should be avoided\n"
        "  recommendation 5d90913f-a1c5-4429-ad54-2c6c17fb3c73, Medium severity, Azure\n"
        "  note: Microsoft lists it as not supporting exemptions; Azure accepts one, but it may have no effect\n"
    )


def test_search_as_json_holds_the_same(capsys):
    done = run(capsys, "search", "privileged containers", "--limit", "2", "--format", "json")
    found = json.loads(done.out)
    assert (found["format_version"], found["query"], len(found["results"])) == ("1.0", "privileged containers", 2)
    first = found["results"][0]
    assert (first["kind"], first["id"]) == ("recommendation", "5d90913f-a1c5-4429-ad54-2c6c17fb3c73")
    assert first["exemptable"] is True
    assert [one["kind"] for one in first["obstacles"]] == ["unsupported"]


def test_search_without_a_hit_says_what_to_do(capsys):
    done = run(capsys, "search", "qqqqqqqq")
    assert done.code == 0
    assert "nothing in the catalogue is like qqqqqqqq\nhelp: " in done.out


def test_search_shows_nothing_that_a_terminal_obeys(capsys):
    done = run(capsys, "search", "\x1b]8;;http://x\x07 qqqqqqqq \u202e")
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["search", "a", "--limit", "0"],
        ["search", "a", "--limit", "1001"],
        ["search", " "],
        ["search", "a" * 3000],
        ["find", "a"],
        [],
    ],
)
def test_mistyped_commands_end_with_1_and_help(capsys, words):
    done = run(capsys, *words)
    assert done.code == 1
    assert "help: " in done.err


# --- show


def test_show_tells_policies_initiatives_and_reference_ids(capsys):
    done = run(capsys, "show", TDE_KEY)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "Transparent Data Encryption on SQL databases should be enabled"
    assert f"  recommendation  {TDE_KEY}" in lines
    assert f"  policy          {AUTHORIZATION}/policyDefinitions/{TDE_POLICY}" in lines
    (benchmark,) = [line.split() for line in lines if line.strip().startswith("Microsoft cloud security benchmark (")]
    assert benchmark[-1] == "sqlDbEncryptionMonitoring"
    assert lines[-1].strip() == f"recommendation: {TDE_KEY}"


@pytest.mark.parametrize(
    "address",
    [
        f"https://portal.azure.com/#blade/Microsoft_Azure_Security/RecommendationsBlade/assessmentKey/{TDE_KEY}",
        f"https://portal.azure.com/#view/Microsoft_Azure_Security/GenericRecommendationDetailsBlade/assessmentKey/{TDE_KEY}/showSecurityCenterCommandBar~/false",
        f"https://portal.azure.us/#blade/x/recommendationId/{TDE_KEY.upper()}",
        f"/providers/Microsoft.Security/assessmentMetadata/{TDE_KEY}",
        f"{SUBSCRIPTION}/providers/Microsoft.Security/assessments/{TDE_KEY}",
        "Transparent Data Encryption on SQL databases should be enabled",
    ],
)
def test_show_understands_addresses_and_ids_of_a_recommendation(capsys, address):
    found = json.loads(run(capsys, "show", address, "--format", "json").out)
    assert [one["key"] for one in found["recommendations"]] == [TDE_KEY]
    assert found["policies"] == []


@pytest.mark.parametrize(
    "address",
    [
        SECURE_TRANSFER,
        f"{AUTHORIZATION}/policyDefinitions/{SECURE_TRANSFER}",
        f"https://portal.azure.com/#view/y/PolicyDetailBlade/definitionId/%2Fproviders%2FMicrosoft.Authorization%2FpolicyDefinitions%2F{SECURE_TRANSFER}",
        f"https://portal.azure.com/#view/x/PolicyDetail.ReactView/id/%252Fproviders%252FMicrosoft.Authorization%252FpolicyDefinitions%252F{SECURE_TRANSFER}/y",
    ],
)
def test_show_understands_addresses_and_ids_of_a_policy(capsys, address):
    found = json.loads(run(capsys, "show", address, "--format", "json").out)
    (policy,) = found["policies"]
    assert policy["id"].endswith(SECURE_TRANSFER)
    assert {one["title"]: one["referenceIds"] for one in policy["initiatives"]}["FedRAMP High"] == [
        "auditSecureTransferToStorageAccounts"
    ]


def test_show_of_a_policy_proposes_it_for_a_declaration(capsys):
    lines = run(capsys, "show", "7c1b1214-f927-48bf-8882-84f0af6588b1").out.splitlines()
    assert lines[0] == "[Deprecated]: Resource logs in Virtual Machine Scale Sets should be enabled"
    assert lines[1] == "  note: Microsoft has deprecated it"
    assert lines[-1] == "    policyDefinition: 7c1b1214-f927-48bf-8882-84f0af6588b1"


def test_show_finds_a_guid_in_an_address_of_an_unknown_form(capsys):
    address = f"https://portal.azure.com/#view/Microsoft_Unheard/Of/thing/{TDE_POLICY}/more"
    found = json.loads(run(capsys, "show", address, "--format", "json").out)
    assert [one["id"].rsplit("/", 1)[-1] for one in found["policies"]] == [TDE_POLICY]


def test_search_finds_policies_and_initiatives_too(capsys):
    assert f"  policy {SECURE_TRANSFER}\n" in run(capsys, "search", SECURE_TRANSFER).out
    assert f"  initiative {MCSB}\n" in run(capsys, "search", "mcsb").out
    keyless = run(capsys, "search", "entra administrator provisioned sql servers", "--limit", "1").out
    assert (
        "  recommendation without a public key 1f314764-cb73-4fc9-b863-8eca98ac36e9, High severity, Azure\n" in keyless
    )


def test_show_understands_an_initiative(capsys):
    text = run(capsys, "show", "microsoft cloud security benchmark").out
    assert "223 reference ids of 223 policies" in text
    found = json.loads(run(capsys, "show", CIS_2, "--format", "json").out)
    members = [one["policyDefinitionId"] for one in found["initiatives"][0]["members"]]
    assert max(members.count(one) for one in members) == 10


def test_show_lists_both_recommendations_of_a_title(capsys):
    done = run(capsys, "show", "Azure AI Services resources should use Azure Private Link")
    assert "54f53ddf-6ebd-461e-a247-394c542bc5d1" in done.out
    assert "67279c29-fa4c-4f09-ae59-cb1491565995" in done.out
    assert done.out.endswith("several recommendations have this title; a declaration needs the key\n")


def test_show_tells_what_else_the_same_policy_stands_behind(capsys):
    done = run(capsys, "show", "1195afff-c881-495e-9bc5-1486211ae03f")
    assert "also exempts Machines should have a vulnerability assessment solution (ffff0522" in done.out


def test_show_tells_why_something_cannot_be_exempted(capsys):
    done = run(capsys, "show", "9f4a17ee-7a02-4978-b968-8c36b74ac8e3")
    assert "  exemptable      no\n  not exemptable: DevOps recommendations cannot be exempted" in done.out
    assert "in a declaration:" not in done.out


def test_show_tells_what_carries_an_exemption_where_no_policy_stands_behind_it(capsys):
    done = run(capsys, "show", "48fad5ca-f530-41bb-9454-c6002bd1085c")
    assert "a standard assignment, since no policy stands behind it" in done.out
    assert json.loads(run(capsys, "show", "48fad5ca-f530-41bb-9454-c6002bd1085c", "--format", "json").out)[
        "recommendations"
    ][0]["standsAlone"]


def found_for(capsys, *arguments):
    done = run(capsys, "search", "--format", "json", "--limit", "1000", *arguments)
    return json.loads(done.out)["results"]


GROUP_ID = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg"


def test_search_is_narrowed_to_what_evaluates_a_resource(capsys):
    storage = f"{GROUP_ID}/providers/Microsoft.Storage/storageAccounts/stweb"
    for_one = found_for(capsys, "--exemptable", "--for", storage)
    assert for_one == found_for(capsys, "--exemptable", "--type", "microsoft.STORAGE/storageAccounts")
    assert all(row["exemptable"] and row["kind"] == "recommendation" for row in for_one)
    assert "Secure transfer to storage accounts should be enabled" in {row["title"] for row in for_one}
    assert not {row["title"] for row in for_one} & {
        row["title"] for row in found_for(capsys, "--type", "Microsoft.Sql/servers")
    }
    connector = f"{GROUP_ID}/providers/Microsoft.Security/securityConnectors/aws"
    assert {row["environment"] for row in found_for(capsys, "--for", connector)} == {"AWS", "GCP"}
    assert len(found_for(capsys, "--for", GROUP_ID)) > 900, "a group may hold anything"


def test_what_may_be_meant_too_is_counted_where_types_are_not_known(capsys):
    database = f"{GROUP_ID}/providers/Microsoft.Sql/servers/one/databases/ledger"
    told = run(capsys, "search", "--for", database, "xp_cmdshell").out
    assert "more recommendation" in told
    assert "search by words, without --for and --type, to see them" in told
    assert "xp_cmdshell" in run(capsys, "search", "xp_cmdshell").out.splitlines()[0], (
        "what the message proposes finds it"
    )
    counts = [
        json.loads(run(capsys, "search", "--format", "json", *options).out)["unknownType"]
        for options in (("--for", database), ("--for", database, "--exemptable"), ("--for", GROUP_ID), ("storage",))
    ]
    assert counts[0] > counts[1] > 0
    assert counts[2:] == [0, 0]


def test_search_for_what_is_no_scope_is_told(capsys):
    done = run(capsys, "search", "--for", "stweb")
    assert (done.code, "not the id of a management group" in done.err) == (1, True)


def test_show_proposes_the_policy_where_the_key_is_not_public(capsys):
    done = run(capsys, "show", "SQL servers should have a Microsoft Entra administrator provisioned")
    assert "no public source names its key" in done.out
    assert done.out.endswith("policyDefinition: 1f314764-cb73-4fc9-b863-8eca98ac36e9\n")


def test_show_of_something_unknown_proposes_the_nearest(capsys):
    done = run(capsys, "show", "Secure transfer to storage account should be enabeld")
    assert (done.code, done.out) == (1, "")
    assert "did you mean 'Secure transfer to storage accounts should be enabled'" in done.err


def test_show_of_an_unknown_policy_or_initiative_proposes_the_nearest_too(capsys):
    wanted = "Configure storage acounts to disable publc network access"
    assert "'Configure storage accounts to disable public network access'" in run(capsys, "show", wanted).err
    assert f"({MCSB})" in run(capsys, "show", "Microsft cloud securty benchmrk").err


def test_show_tells_what_was_retired_what_only_reads_it_and_what_only_a_recording_has(capsys):
    text = run(capsys, "show", "82e20e14-edc5-4373-bfc4-f13121257c37").out
    assert "Microsoft retired it on 2026-07-31: each of its findings is a recommendation of its own now" in text
    assert "ef2a8f2a-b3d9-49cd-a8a8-9a3aaaf647d9, which an exemption of this recommendation leaves alone" in text
    (found,) = json.loads(run(capsys, "show", "fde1c0c9-0fd2-4ecc-87b5-98956cbc1095", "--format", "json").out)[
        "recommendations"
    ]
    assert found["retired"] == {
        "reason": "replaced",
        "date": None,
        "category": None,
        "successors": ["422107c6-5b9a-46a6-bb1d-26ef1cc52d65"],
    }
    assert "a recording of 2022-10-25 only" in run(capsys, "show", "181ac480-f7c4-544b-9865-11b8ffe87f47").out


# --- info and clouds


def test_info_tells_sources_and_counts(capsys):
    text = run(capsys, "info").out
    assert "969 recommendations, 887 of them exemptable, 20 listed by Microsoft as unsupported" in text
    assert "181 initiatives with 15,815 reference ids" in text
    assert "2,354 policies in them, 49 more behind recommendations only" in text
    found = json.loads(run(capsys, "info", "--format", "json").out)
    assert found["counts"]["recommendations"] == 969
    assert {one["part"] for one in found["sources"]} == {"public", "defender"}
    assert all(len(one["commit"]) == 40 and one["date"] for one in found["sources"])


def test_the_cloud_is_that_of_the_repository_unless_asked(capsys, tmp_path):
    (tmp_path / "reconciler.yaml").write_text("cloud: AzureUSGovernment\n")
    found = json.loads(run(capsys, "info", "--root", tmp_path, "--format", "json").out)
    assert (found["cloud"], found["counts"]["initiatives"]) == ("AzureUSGovernment", 76)
    asked = run(capsys, "info", "--root", tmp_path, "--cloud", "AzureCloud", "--format", "json")
    assert json.loads(asked.out)["counts"]["initiatives"] == 181
    assert "public cloud's stand in" in run(capsys, "info", "--cloud", "AzureChinaCloud").out


def test_a_bad_overlay_is_shown_and_ends_with_1(capsys, tmp_path):
    (tmp_path / "catalog.yaml").write_text("recommendations: 3\n")
    done = run(capsys, "search", "disk", "--root", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "catalog.yaml:1:1" in done.err


# --- diff and refresh


def definition(name, kind, **properties):
    return {
        "id": f"{GROUP}{AUTHORIZATION}/{kind}/{name}",
        "name": name,
        "properties": {"policyType": "Custom", **properties},
    }


def metadata(key, title, policy, **properties):
    fields = {"displayName": title, "severity": "High", "assessmentType": "BuiltIn", "policyDefinitionId": policy}
    return {"name": key, "properties": {**fields, **properties}}


def assignment(name, definition_id):
    return {
        "id": f"{GROUP}{AUTHORIZATION}/policyAssignments/{name}",
        "properties": {"policyDefinitionId": definition_id},
    }


OWN_POLICY = f"{GROUP}{AUTHORIZATION}/policyDefinitions/own"
CLOUD = {
    "tenantId": TENANT,
    "managementGroups": [{"name": "contoso"}],
    "subscriptions": [{"id": SUBSCRIPTION.rsplit("/", maxsplit=1)[-1], "managementGroup": "contoso"}],
    "policyDefinitions": [
        definition("own", "policyDefinitions", displayName="Own policy", mode="Indexed",
                   policyRule={"if": {"field": "type", "equals": "a/b"}, "then": {"effect": "audit"}})
    ],
    "policySetDefinitions": [
        definition("own-set", "policySetDefinitions", displayName="Own set", policyDefinitions=[
            {"policyDefinitionId": OWN_POLICY, "policyDefinitionReferenceId": "ownReference"}])
    ],
    "policyAssignments": [
        assignment("own", f"{GROUP}{AUTHORIZATION}/policySetDefinitions/own-set"),
        assignment("mcsb", f"{AUTHORIZATION}/policySetDefinitions/{MCSB}"),
    ],
    "assessmentMetadata": [
        metadata(TDE_KEY, "TDE should be on", f"{AUTHORIZATION}/policyDefinitions/{TDE_POLICY}"),
        metadata(OWN_KEY, "Own rule", OWN_POLICY, assessmentType="CustomPolicy"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud():
    with emulated.running(CLOUD) as running:
        yield running


@pytest.fixture
def repository(tmp_path, cloud, monkeypatch):
    """A repository with one declaration, and the emulated tenant's environment."""
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "exemptions").mkdir()
    (tmp_path / "reconciler.yaml").write_text(f"owner: contoso/exemptions\ntenantId: {TENANT}\nscopes: ['{GROUP}']\n")
    (tmp_path / "exemptions" / "tde.yaml").write_text(
        "name: tde\nrecommendation: Transparent Data Encryption on SQL databases should be enabled\n"
        f"scopes: ['{SUBSCRIPTION}']\ncategory: Waiver\njustification: Retires soon.\nowner: a@contoso.example\n"
    )
    return tmp_path


def test_a_refresh_makes_what_the_tenant_has_usable(capsys, repository):
    assert run(capsys, "show", "Own rule", "--root", repository).code == 1
    done = run(capsys, "refresh", "--root", repository)
    assert done.code == 0, done.err
    assert f"+ recommendation {OWN_KEY} Own rule" in done.out
    assert "title: Transparent Data Encryption on SQL databases should be enabled -> TDE should be on" in done.out
    assert "touches tde" in done.out
    assert "wrote catalog.yaml; review it" in done.err
    written = (repository / "catalog.yaml").read_text()
    assert f"  - key: {OWN_KEY}\n    title: Own rule\n    severity: High\n" in written
    assert "    members:\n      ownReference: " in written
    shown = run(capsys, "show", "Own rule", "--root", repository).out
    assert "custom recommendation" in shown
    assert "Own set (1.0.0)  ownReference" in shown
    assert "Own policy" in shown


def test_a_second_refresh_writes_nothing(capsys, repository):
    run(capsys, "refresh", "--root", repository)
    before = (repository / "catalog.yaml").stat().st_mtime_ns
    done = run(capsys, "refresh", "--root", repository)
    assert (done.code, done.out) == (0, "")
    assert "catalog.yaml needs no change" in done.err
    assert (repository / "catalog.yaml").stat().st_mtime_ns == before


def test_diff_writes_nothing_and_tells_by_its_exit_where_asked(capsys, repository):
    assert run(capsys, "diff", "--root", repository).code == 0
    done = run(capsys, "diff", "--root", repository, "--detailed-exitcode", "--format", "json")
    assert done.code == 2
    found = {one["id"]: one for one in json.loads(done.out)["differences"]}
    assert found[TDE_KEY]["declarations"] == ["tde"]
    assert found[OWN_KEY]["difference"] == "added"
    assert not (repository / "catalog.yaml").exists()
    run(capsys, "refresh", "--root", repository)
    assert run(capsys, "diff", "--root", repository, "--detailed-exitcode").code == 0


def test_diff_offline_shows_what_the_overlay_changes(capsys, repository):
    (repository / "catalog.yaml").write_text(f"recommendations: [{{key: {TDE_KEY}, severity: High}}]\n")
    done = run(capsys, "diff", "--offline", "--root", repository)
    assert done.out == (
        f"~ recommendation {TDE_KEY} Transparent Data Encryption on SQL databases should be enabled\n"
        "    severity: Low -> High\n"
        "    touches tde\n"
    )
    assert done.err == "1 difference touches 1 declaration\n"


def test_custom_recommendations_of_subscriptions_are_read_where_asked(capsys, repository, cloud):
    seen = len(cloud.requests)
    assert run(capsys, "diff", "--custom", "--root", repository).code == 0
    asked = [one.target for one in cloud.requests[seen:] if "assessmentmetadata" in one.target.lower()]
    assert any(path.lower().startswith(SUBSCRIPTION) for path in asked)


def test_a_bad_overlay_is_not_overwritten(capsys, repository):
    (repository / "catalog.yaml").write_text("recommendations: 3\n")
    done = run(capsys, "refresh", "--root", repository)
    assert done.code == 1
    assert "catalog.yaml:1:1" in done.err
    assert (repository / "catalog.yaml").read_text() == "recommendations: 3\n"


def test_what_cannot_be_read_is_told_and_ends_with_1_but_the_rest_is_written(capsys, repository, monkeypatch):
    missing = f"{GROUP}{AUTHORIZATION}/policySetDefinitions/deleted"
    content = {**CLOUD, "policyAssignments": [*CLOUD["policyAssignments"], assignment("broken", missing)]}
    with emulated.running(content) as broken:
        for name, value in broken.env.items():
            monkeypatch.setenv(name, value)
        written = "initiatives: [{id: '" + missing + "', title: Kept, members: {a: b}}]\n"
        (repository / "catalog.yaml").write_text(written)
        assert run(capsys, "diff", "--root", repository).code == 1
        done = run(capsys, "refresh", "--root", repository)
    assert done.code == 1
    assert "not read: " in done.err
    assert "title: Kept" in (repository / "catalog.yaml").read_text()
    assert OWN_KEY in (repository / "catalog.yaml").read_text()


def test_a_refresh_needs_settings(capsys, tmp_path):
    done = run(capsys, "refresh", "--root", tmp_path)
    assert done.code == 1
    assert "there is no reconciler.yaml" in done.err


def test_a_declaration_with_mistakes_does_not_stop_a_refresh(capsys, repository):
    (repository / "exemptions" / "bad.yaml").write_text("name: [")
    assert run(capsys, "refresh", "--root", repository).code == 0
