"""The shapes that files of other tools have in public repositories: each is said as a declaration, or why not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning.world import AT_ROOT, CATALOGUE, RG, ROOT, SUB, snapshot

from reconciler.declarations import load_bytes
from reconciler.importing.arm_template import arm_rows
from reconciler.importing.dates import DateOrder
from reconciler.importing.epac import epac_rows
from reconciler.importing.foreign import import_rows
from reconciler.importing.row_rules import RowRules
from reconciler.importing.terraform import terraform_rows
from reconciler.importing.values import Outcome
from reconciler.model import SubjectKind, arm_id
from reconciler.runs.new_files import read_back

RULES = RowRules(catalogue=CATALOGUE)
LIVE = replace(RULES, snapshot=snapshot(names={SUB.key: "contoso-prod-01"}))
BENCHMARK = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"
REFERENCE = "secureTransferToStorageAccountMonitoring"
TO = AT_ROOT.id.text
ROW = {"name": "one", "displayName": "One", "description": "Because.", "exemptionCategory": "Waiver", "scope": RG.text, "policyAssignmentId": TO, "policyDefinitionReferenceIds": ["refA"]}  # fmt: skip
TEN = "name,displayName,description,exemptionCategory,expiresOn,scope,policyAssignmentId,policyDefinitionReferenceIds,metadata,assignmentScopeValidation"


def of_text(text, file="x.json", rules=RULES):
    return read_back(import_rows(list(epac_rows(text, file)), rules, (), ()).imported).imported


def of_row(rules=RULES, **changed):
    return of_text(json.dumps({"exemptions": [{**ROW, **changed}]}), rules=rules)


def declared(imported):
    (file,) = imported.files
    loaded, problems = load_bytes(file.text.encode(), file.path)
    assert loaded is not None, problems
    assert replace(loaded, places={}) == file.declaration
    return file.declaration


def why_not(imported):
    assert imported.files == ()
    (row,) = imported.rows
    assert row.outcome is Outcome.REFUSED
    return row.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("with a schema", json.dumps({"$schema": "https://x", "exemptions": [ROW]})),
        ("a bare list", json.dumps([ROW])),
        ("a byte order mark", "\ufeff" + json.dumps({"exemptions": [ROW]})),
        ("comments and trailing commas", '{ // why\n "exemptions": [ /* one */ ' + json.dumps(ROW) + ", ],\r\n}"),
        ("a parameter file", json.dumps({"parameters": {"exemptions": {"value": [ROW]}}})),
        ("scope at the root", json.dumps({"scope": {"prod": [RG.text]}, "exemptions": [{**ROW, "scope": None}]})),
    ],
)
def test_roots(name, text):
    found = declared(of_text(text))
    assert (found.subject.value, found.subject.reference_ids, found.scopes) == (TO, ("refA",), (RG,)), name


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (TEN, f"one,One,Because.,waiver,,{RG},{TO},refA,,"),
        (TEN.replace(",metadata", ",resourceSelectors,metadata"), f"one,One,Because.,Waiver,,{RG},{TO},refA,,,Default"),
        ("name,displayName,description,exemptionCategory,expiresOn,scope,assignmentReferenceId,policyDefinitionReferenceIds", f"one,One,Because.,Waiver,,{RG},{TO},refA"),
        (TEN.replace("policyDefinitionReferenceIds", "policyDefinitionName,policyDefinitionReferenceIds"), f"one,One,Because.,Waiver,,{RG},{TO},some-policy,refA,,"),
        ("status,expiresInDays," + TEN.replace("scope", "scopes"), f"active,n/a,one,One,Because.,Waiver,,prod:{RG},{TO},refA,null,"),
    ],
)  # fmt: skip
def test_headers_of_csv(header, cells):
    for ending in ("\n", "\r\n"):
        found = declared(of_text(f"\ufeff{header}{ending},,{ending}{cells}", "x.csv"))
        assert (found.subject.value, found.subject.reference_ids, found.scopes) == (TO, ("refA",), (RG,))


def test_a_header_alone_is_nothing_and_shifted_columns_are_refused():
    assert of_text(TEN, "x.csv").rows == ()
    imported = of_text(f"{TEN}\none,One,Because,Waiver,,{RG},{TO},refA,,,,surplus", "x.csv")
    assert "cells" in why_not(imported)
    assert "shifted" in why_not(of_text(f"{TEN}\none,One,Waiver,2027,,{RG},{TO},refA,,", "x.csv"))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (None, None),
        ("", None),
        ("2027-01-31T23:59:00.0000000Z", datetime(2027, 1, 31, 23, 59, tzinfo=UTC)),
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("12/31/2026 11:59:00 PM", datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
        ("19/06/2025 2:00:00 PM", datetime(2025, 6, 19, 14, tzinfo=UTC)),
        ("12/31/2026 12:05:00 AM", datetime(2026, 12, 31, 0, 5, tzinfo=UTC)),
    ],
)
def test_dates(text, end):
    assert declared(of_row(expiresOn=text)).expires_on == end


def test_ambiguous_dates_are_refused_until_an_order_is_said():
    for text in ("6/1/2024 5:00", "17062024"):
        assert "may mean" in why_not(of_row(expiresOn=text))
    by_day = replace(RULES, date_order=DateOrder.DAY_FIRST)
    assert declared(of_row(by_day, expiresOn="6/1/2024 5:00")).expires_on == datetime(2024, 1, 6, 5, tzinfo=UTC)
    assert declared(of_row(by_day, expiresOn="17062024")).expires_on == datetime(2024, 6, 17, tzinfo=UTC)
    for text in ("soon", "2027-13-01", "32/32/2027"):
        assert "no date" in why_not(of_row(expiresOn=text))


def test_a_date_alone_is_written_as_the_midnight_that_azure_takes():
    (file,) = of_row(expiresOn="2027-01-31").files
    assert "expiresOn: 2027-01-31T00:00:00Z\n" in file.text


@pytest.mark.parametrize(
    ("changed", "kind", "value"),
    [
        ({"policyAssignmentId": TO.lower()}, SubjectKind.ASSIGNMENT, TO.lower()),
        ({"policyAssignmentId": TO.lstrip("/")}, SubjectKind.ASSIGNMENT, TO),
        ({"policyDefinitionName": "x"}, SubjectKind.ASSIGNMENT, TO),
        ({"policyAssignmentId": "", "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{TRANSFER}", "policyDefinitionReferenceIds": None}, SubjectKind.POLICY, TRANSFER),
        ({"policyAssignmentId": None, "policyDefinitionId": f"providers/Microsoft.Authorization/policyDefinitions/{TRANSFER}", "policyDefinitionReferenceIds": []}, SubjectKind.POLICY, TRANSFER),
        ({"policyAssignmentId": None, "policyDefinitionName": TRANSFER, "policyDefinitionReferenceIds": ""}, SubjectKind.POLICY, TRANSFER),
        ({"policyAssignmentId": None, "policyDefinitionId": BENCHMARK, "policyDefinitionReferenceIds": REFERENCE}, SubjectKind.INITIATIVE, BENCHMARK[-36:]),
        ({"policyAssignmentId": None, "policySetDefinitionName": f"policySetDefinitions/{BENCHMARK[-36:]}", "policyDefinitionReferenceIds": REFERENCE}, SubjectKind.INITIATIVE, BENCHMARK[-36:]),
        ({"policyAssignmentId": None, "policySetDefinitionName": f"../sets/{BENCHMARK[-36:]}.json", "policyDefinitionReferenceIds": REFERENCE}, SubjectKind.INITIATIVE, BENCHMARK[-36:]),
    ],
)  # fmt: skip
def test_subjects(changed, kind, value):
    found = declared(of_row(**changed))
    assert (found.subject.kind, found.subject.value) == (kind, value)


def test_a_custom_definition_by_name_is_looked_up_in_azure():
    changed = {"policyAssignmentId": None, "policySetDefinitionName": "mcsb", "policyDefinitionReferenceIds": ["refA"]}
    assert "only Azure knows" in why_not(of_row(**changed))
    assert declared(of_row(LIVE, **changed)).subject.value == "mcsb"


@pytest.mark.parametrize("references", ["refA & refB", "refA,refB", ["refA", " refB"], '["refA", "refB"]'])
def test_lists_of_references(references):
    assert declared(of_row(policyDefinitionReferenceIds=references)).subject.reference_ids == ("refA", "refB")


def test_policies_in_the_place_of_references_are_looked_up_and_dead_ones_dropped():
    by_policy = "/providers/Microsoft.Authorization/policyDefinitions/b"
    assert "in the place of a reference id" in why_not(of_row(policyDefinitionReferenceIds=[by_policy]))
    imported = of_row(LIVE, policyDefinitionReferenceIds=[by_policy, "REFA", "gone"])
    assert declared(imported).subject.reference_ids == ("refB", "refA")
    assert any("dropped: gone" in note for note in imported.rows[0].notes)
    assert "none of its reference ids" in why_not(of_row(LIVE, policyDefinitionReferenceIds=["gone"]))


def test_scopes():
    assert declared(of_row(scope="contoso")).scopes == (ROOT,)
    several = f"prod:{RG} & {SUB}"
    assert declared(of_row(scope=None, scopes=several)).scopes == (RG, SUB)
    assert declared(of_row(scope=None, scopes=RG.text)).scopes == (RG,)
    assert "wildcard" in why_not(of_row(scope="/subscriptions/subscriptionsPattern/contoso-*"))
    imported = of_row(LIVE, scope="/subscriptions/subscriptionsPattern/Contoso-*")
    assert declared(imported).scopes == (SUB,)
    assert any("written out" in note for note in imported.rows[0].notes)
    assert "nothing matches" in why_not(of_row(LIVE, scope="/subscriptions/subscriptionsPattern/none-*"))


def test_metadata_and_names():
    metadata = {
        "pacOwnerId": "x",
        "deployedBy": None,
        "epacMetadata": {},
        "ticketRef": "SEC-1",
        "owner": "ann@contoso.example",
    }
    found = declared(of_row(metadata=json.dumps(metadata)))
    assert (found.metadata, found.ticket, found.owner) == ({"ticketRef": "SEC-1"}, "SEC-1", "ann@contoso.example")
    assert declared(of_row(metadata=["a"])).metadata == {}
    assert why_not(of_row(metadata="{broken")) == (
        "metadata: not JSON: Expecting property name enclosed in double quotes at line 1, column 2; it is '{broken'"
    )
    for name, expected in (
        ("With spaces [00]", "with-spaces-00"),
        ("Ausnahme für Größe", "ausnahme-fur-groe"),
        ("名前", "imported"),
    ):
        assert declared(of_row(name=name)).name == expected
    twice = of_text(json.dumps([ROW, {**ROW, "scope": SUB.text}]))
    assert len({file.path for file in twice.files}) == 2
    again = of_text(json.dumps([ROW, ROW]))
    assert [row.outcome for row in again.rows] == [Outcome.IMPORTED, Outcome.REFUSED]


@pytest.mark.parametrize("category", ["", "Exempt", None])
def test_categories_that_are_none(category):
    assert "exemptionCategory" in why_not(of_row(exemptionCategory=category))


def test_rows_behind_one_recommendation_may_be_said_by_it():
    rules = replace(RULES, as_recommendation=True)
    changed = {"policyAssignmentId": None, "policyDefinitionName": TRANSFER, "policyDefinitionReferenceIds": None}
    found = declared(of_row(rules, **changed))
    assert found.subject.kind is SubjectKind.RECOMMENDATION


def test_a_second_import_finds_nothing_new():
    first = of_row()
    rows = list(epac_rows(json.dumps([ROW]), "x.json"))
    again = import_rows(rows, RULES, [file.declaration for file in first.files], ()).imported
    assert (again.files, [row.outcome for row in again.rows]) == ((), [Outcome.DECLARED])


# --- Terraform, ARM and Bicep ------------------------------------------------------------------------------------

VALUES = {"name": "one", "policy_assignment_id": TO, "exemption_category": "Mitigated", "policy_definition_reference_ids": ["refA"], "metadata": '{"a": 1}', "expires_on": "2027-01-31T00:00:00Z"}  # fmt: skip
PROPERTIES = {"policyAssignmentId": TO, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": ["refA"]}


@pytest.mark.parametrize(
    ("kind", "field", "scope"),
    [
        ("azurerm_resource_policy_exemption", "resource_id", f"{RG}/providers/Microsoft.Sql/servers/one"),
        ("azurerm_resource_group_policy_exemption", "resource_group_id", RG.text),
        ("azurerm_subscription_policy_exemption", "subscription_id", SUB.text),
        ("azurerm_management_group_policy_exemption", "management_group_id", ROOT.text),
        ("azapi_resource", "parent_id", RG.text),
    ],
)
def test_terraform(kind, field, scope):
    values = {**VALUES, field: scope}
    if kind == "azapi_resource":
        values = {"type": "Microsoft.Authorization/policyExemptions@2022-07-01-preview", "name": "one", field: scope, "body": json.dumps({"properties": PROPERTIES})}  # fmt: skip
    state = {"version": 4, "resources": [{"mode": "managed", "type": kind, "name": "x", "instances": [{"index_key": "a", "attributes": values}]}, {"mode": "data", "type": kind, "name": "y", "instances": [{"attributes": values}]}]}  # fmt: skip
    shown = {"values": {"root_module": {"child_modules": [{"resources": [{"address": "module.m.x", "mode": "managed", "type": kind, "values": values}]}]}}}  # fmt: skip
    for document in (state, shown):
        found = declared(import_rows(list(terraform_rows(json.dumps(document), "t.json")), RULES, (), ()).imported)
        assert (found.scopes, found.subject.reference_ids) == ((arm_id(scope),), ("refA",))


def test_what_is_malformed_in_terraform_is_told_by_itself_and_the_others_are_imported():
    kind = "azurerm_subscription_policy_exemption"
    values = {**VALUES, "subscription_id": SUB.text}

    def resource(name, attributes, kind=kind):
        return {"mode": "managed", "type": kind, "name": name, "address": f"{kind}.{name}", "values": attributes, "instances": [{"attributes": attributes}]}  # fmt: skip

    resources = [
        resource("no_exemption", 3, "azurerm_storage_account"),
        {"type": "azurerm_storage_account", "instances": 3},
        resource("broken", 3),
        resource("good", values),
        resource("unknown", 4, "azapi_resource"),
        5,
    ]
    shown = {"root_module": {"resources": resources}}
    for document, path, attributes in (
        ({"resources": resources}, "resources", "instances[0].attributes"),
        ({"values": shown}, "values.root_module.resources", "values"),
        ({"values": {}, "planned_values": shown}, "planned_values.root_module.resources", "values"),
        ({"values": {"root_module": {}}, "planned_values": shown}, "planned_values.root_module.resources", "values"),
    ):
        imported = import_rows(list(terraform_rows(json.dumps(document), "t.json")), RULES, (), ()).imported
        assert [(row.source, row.outcome, row.message) for row in imported.rows] == [
            (f"t.json: {kind}.broken", Outcome.REFUSED, f"{path}[2].{attributes}: an object is expected, not 3"),
            (f"t.json: {kind}.good", Outcome.IMPORTED, ""),
            (
                "t.json: azapi_resource.unknown",
                Outcome.REFUSED,
                f"{path}[4].{attributes}: an object is expected, not 4",
            ),
            ("t.json", Outcome.REFUSED, f"{path}[5]: an object is expected, not 5"),
        ]


def of_template(template, scope=RG):
    return import_rows(list(arm_rows(json.dumps(template), "main.json", scope)), RULES, (), ()).imported


def test_arm_templates_and_compiled_bicep():
    exemption = {"type": "Microsoft.Authorization/policyExemptions", "apiVersion": "2022-07-01-preview", "name": "[parameters('name')]", "properties": {**PROPERTIES, "displayName": "[format('{0} {1}', 'a', variables('v'))]"}}  # fmt: skip
    template = {
        "parameters": {"name": {"type": "string", "defaultValue": "one"}},
        "variables": {"v": "b"},
        "resources": [exemption],
    }
    found = declared(of_template(template))
    assert (found.name, found.display_name, found.scopes) == ("one", "a b", (RG,))
    symbolic = {**template, "languageVersion": "2.0", "resources": {"x": {**exemption, "scope": "[resourceId('Microsoft.Storage/storageAccounts', 'legacy')]"}}}  # fmt: skip
    assert declared(of_template(symbolic)).scopes == (
        arm_id(f"{RG}/providers/Microsoft.Storage/storageAccounts/legacy"),
    )
    nested = {"resources": [{"type": "Microsoft.Resources/deployments", "name": "m", "resourceGroup": "rg-web", "properties": {"parameters": {"name": {"value": "two"}}, "template": template}}]}  # fmt: skip
    inner = declared(of_template(nested, SUB))
    assert (inner.name, inner.scopes) == ("two", (arm_id(f"{SUB}/resourceGroups/rg-web"),))
    loop = {**template, "resources": [{**exemption, "copy": {"name": "x", "count": 2}}]}
    assert "loop" in why_not(of_template(loop))
    unknown = {**template, "resources": [{**exemption, "name": "[guid(subscription().id)]"}]}
    assert "only a deployment knows" in why_not(of_template(unknown))
    assert "where it is deployed" in why_not(of_template(template, None))


# --- any file ----------------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD_ROWS = st.fixed_dictionaries({}, optional={key: JSON_VALUES | st.just(value) for key, value in ROW.items()} | dict.fromkeys(("expiresOn", "metadata", "resourceSelectors", "scopes", "policyDefinitionId"), JSON_VALUES))  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(ODD_ROWS, max_size=4))
def test_any_row_is_a_valid_declaration_or_a_refusal(rows):
    imported = of_text(json.dumps({"exemptions": rows}))
    assert len(imported.rows) == len(rows)
    for file in imported.files:
        loaded, problems = load_bytes(file.text.encode("utf-8", "surrogatepass"), file.path)
        assert loaded is not None, (problems, file.text)


@pytest.mark.parametrize(
    ("rows_of", "text", "message"),
    [
        (epac_rows, "", "not JSON: Expecting value at line 1, column 1"),
        (epac_rows, '/* of\n two */ {"exemptions": [}', "not JSON: Expecting value at line 2, column 25"),
        (epac_rows, '{"exemptions": [1,],\n "more": [1,] // and\n x', "not JSON: Expecting ',' delimiter at line 3, column 2"),
        (epac_rows, "[" * 5000, "arrays and objects are nested more than 200 deep"),
        (arm_rows, "resource x 'y'", "not JSON: Expecting value at line 1, column 1"),
        (arm_rows, "[" * 5000, "arrays and objects are nested more than 200 deep"),
        (terraform_rows, "{", "not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (terraform_rows, "[" * 5000, "arrays and objects are nested more than 200 deep"),
        (terraform_rows, "[]", "it is no state of Terraform"),
        (terraform_rows, '{"resources": 3}', "resources: an array is expected, not 3"),
        (terraform_rows, '{"resources": [{"type": "azapi_resource", "instances": [1]}]}', "resources[0].instances[0]: an object is expected, not 1"),
        (terraform_rows, '{"values": {"root_module": {"child_modules": [2]}}}', "values.root_module.child_modules[0]: an object is expected, not 2"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_the_place_of_the_mistake(rows_of, text, message):
    [row] = rows_of(text, "x.json")
    assert (row.outcome, row.message) == (Outcome.REFUSED, message)


@pytest.mark.parametrize("name", ["[format('{5}')]", "[resourceId()]", "[toLower()]", "[variables('name')]"])
def test_an_expression_that_means_nothing_is_refused(name):
    resource = {"type": "Microsoft.Authorization/policyExemptions", "name": name}
    template = {"resources": [resource], "variables": {"name": "[variables('name')]"}}
    [row] = arm_rows(json.dumps(template), "x.json")
    assert (row.outcome, row.message) == (Outcome.REFUSED, f"only a deployment knows what {name} means")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | JSON_VALUES.map(json.dumps), st.sampled_from(["x.json", "x.csv", "x.jsonc"]))
def test_any_text_is_rows_or_refusals(text, file):
    assert all(row.message for row in of_text(text, file).rows if row.outcome is Outcome.REFUSED)
    for rows in (terraform_rows(text, file), arm_rows(text, file)):
        import_rows(list(rows), RULES, (), ())
