"""What a message proposes is tried: each proposal is put into the file, and the problem must be gone.

Every remedy is either applied here or listed as one that leaves the value to the reader; one that is neither fails.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.catalog import load as load_catalogue
from reconciler.declarations import Loaded, load_bytes
from reconciler.declarations.check import check
from reconciler.declarations.schema_errors import schema_problems
from reconciler.documents.reading import read_document
from reconciler.documents.schema import errors
from reconciler.documents.strict import parse
from reconciler.model import Severity
from reconciler.problems import Problem

EXAMPLES = Path(__file__).parents[1] / "examples"
CATALOGUE = load_catalogue()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/6f0e1111-2222-4333-8444-555566667777"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
GOOD: dict[str, Any] = {
    "name": "x", "recommendation": "651967bf-044e-4bde-8376-3e08e0600105", "scopes": [f"{GROUP}/providers/Microsoft.Sql/servers/s"],
    "category": "Waiver", "expiresOn": "2099-01-31", "justification": "Server retires.", "owner": "data@contoso.example",
}  # fmt: skip

DATES = [
    "2027-01-31T24:00:00Z", "2027-01-31T23:59:60Z", "2027-01-31T12:60:00Z", "2027-01-31T25:00:00+01:00", "2027-031",
    "2027-W05-3", "20270131", "2027-1-31", "31.1.2027", "1/2/2027", "0999-01-01", "2027-02-30T00:00:00Z", "never",
    "2027-01-31T12:00:00.123456789Z", "2027-01-31T12:00:00z", "9999-12-31T23:59:59-01:00", "2027-01-31 ", "Jan 31 2027",
    "0001-01-01T00:00:00+05:00", "1000-01-01T00:00:00+05:00", "2027-01-31T1:00:00Z", "2027-01-31T12:00:00,5Z", "2027-13-01",
    "2027-01-31T12:00:00+0530", "2027-01-31T12:00:00-05", "2027-01-31 12:00", "01-31-2027", 20270131, 2027, True, None, "", [],
]  # fmt: skip
IDS = [
    "onlymg:/providers/Microsoft.Management/managementGroups/contoso", f"a:{SUBSCRIPTION}", f"{SUBSCRIPTION}:x", "az://x",
    f"https://portal.azure.com/#@contoso/resource{GROUP}/providers/Microsoft.Sql/servers/s/overview", "https://x.example/",
    "https://portal.azure.com/#view/Microsoft_Azure_Policy/x/definitionId/%2Fproviders%2FMicrosoft.Authorization%2FpolicyDefinitions%2Fa",
    SUBSCRIPTION[15:], GROUP[1:], "/subscriptions/6f0e1111222243338444555566667777/resourcegroup/rg", "/subscriptions/prod",
    f"/providers/Microsoft.Management/managementGroups/a{GROUP}", f"{GROUP}/providers/Microsoft.Sql/servers", "/tenant", "a/b",
    f"{GROUP}/providers/Microsoft.Sql/servers/s/databases", f"{SUBSCRIPTION}/resourcesGroups/rg", f"{SUBSCRIPTION}/resourceGroups",
    "/managementGroups/contoso", "managementGroups/contoso", "<id>", "${id}", "\\subscriptions\\x", f"{GROUP} ", f"{GROUP} x", "/",
    "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8", "mcsb", 5, None, {}, "",
    "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9/versions/1.0.0",
    f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/a", "x:/providers/Microsoft.Authorization/policyDefinitions/a",
    "404c3081-a854-4457-ae30-26a93ef643f9", "Secure transfer to storage accounts should be enabled",
    "651967bf-044e-4bde-8376-3e08e0600105", "651967bf-044e-4bde-8376-3e08e0600106", "https://x?id=651967bf-044e-4bde-8376-3e08e0600105",
    "Microsoft cloud security benchmrk", "Secure transfer to storage account should be enabled", "1f3afdf9-d0c9-4c3d-847f-89da613e70a9",
    "Log Analytics agent should be installed on virtual machines",
]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "name": ["a b", "ä", "-a-", "a" * 101, "", None, 5, True, "/x/y.yaml", "y"],
    "category": ["waiver", "Mitigate", "Accepted", None, 5, ["Waiver"], ""],
    "justification": ["", " ", "x" * 513, None, 5],
    "owner": ["", " a", None, 5, ["a"]],
    "ticket": [1432, True, "", "x" * 65, " A-1", None],
    "enabled": ["no", "yes", "false", "maybe", 1, None],
    "adopt": ["on"],
    "takeOver": [True, ""],
    "assignmentScopeValidation": ["DoNotValidate", "doNotValidate", "None"],
    "referenceIds": [[], "a", ["a"]],
    "metadata": ["x", {"managedBy": "x"}, {"PacOwnerId": "x"}, {"requestedBy": "x"}, {"": "x"}, {"a": 1}, None],
    "resourceSelectors": [
        [{"name": "", "selectors": []}], [{"selectors": [{"kind": "location", "in": ["a"]}]}], [{"name": "a"}], {"name": "a"}, "a",
        [{"name": "a", "selectors": [{"kind": "resourceLocation", "in": "a"}]}],
        [{"name": "a", "selectors": [{"kind": "resourceLocation", "in": [5]}]}],
        [{"name": "a", "selectors": [{"kind": "resourceWithoutLocation", "in": ["a"]}]}],
    ],
    "expiresOn": DATES,
    "scopes": [*IDS, *([text] for text in IDS)],
}  # fmt: skip
SUBJECTS = ("recommendation", "policyDefinition", "policySetDefinition", "policyAssignment")
FIELDS = [
    "expires",
    "reason",
    "Owner",
    "recomendation",
    "colour",
    "scope",
    "policyDefinitionId",
    "requester",
    "Ticket",
    "exemptionCategory",
]


def documents() -> Iterator[dict[str, Any]]:
    """Declarations with one mistake each, mostly."""
    for field, values in VALUES.items():
        yield from ({**GOOD, field: value} for value in values)
        yield {key: value for key, value in GOOD.items() if key != field}
    for field in SUBJECTS:
        rest = {key: value for key, value in GOOD.items() if key != "recommendation"}
        yield from ({**rest, field: value} for value in IDS)
        yield from ({**rest, field: value, "referenceIds": ["a"]} for value in IDS[-3:])
    yield {key: value for key, value in GOOD.items() if key != "recommendation"}
    yield {**GOOD, "policyDefinition": "404c3081-a854-4457-ae30-26a93ef643f9"}
    mcsb = {**GOOD, "policySetDefinition": "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"}
    del mcsb["recommendation"]
    for reference in ("404c3081-a854-4457-ae30-26a93ef643f9", "secureTransferToStorageAccountMonitorin", "zzz"):
        yield {**mcsb, "referenceIds": [reference]}
    for field in FIELDS:
        yield {**GOOD, field: "x"}
        yield {**{key: value for key, value in GOOD.items() if key not in {"owner", "category"}}, field: "Waiver"}
    for path in sorted((EXAMPLES / "invalid").glob("*.yaml")):
        document, problems = parse(path.read_bytes().decode("utf-8", "replace"), path.name)
        if document is not None and not problems:
            yield document.data


def settings() -> Iterator[dict[str, Any]]:
    """What reconciler.yaml may hold wrongly."""
    good = {"owner": "contoso", "tenantId": "11111111-2222-4333-8444-555566667777", "scopes": [SUBSCRIPTION]}
    for field, values in {
        "owner": ["", "a b", 5, None], "tenantId": ["contoso", 5, "11111111222243338444555566667777"], "scopes": [*IDS[:12], []],
        "formerOwners": ["a", [5], ["a b"]], "writers": ["a", ["x"], []], "armEndpoint": ["http://x", "arm.contoso.example"],
        "cloud": ["AzureChina", "azurecloud", "x"], "apiVersion": ["2022", 2022], "unmanaged": ["Delete", "yes", True],
        "expiringDays": ["30", 0, 1000, "x"], "evaluationHours": ["24", 0, 9000], "tenant": ["x"], "rule": [{}],
        "rules": [
            {"maxLifetimeDays": "90"}, {"maxLifetimeDays": [{"category": "waiver"}]}, {"maxLifetimeDays": [{"days": 5, "severity": "high"}]},
            {"ticketPattern": "("}, {"ticketPattern": "(?=a)"}, {"required": ["tickets"]}, {"scopeKinds": [{"folder": "a"}]},
            {"folders": [{"folder": "/a", "below": ["x:" + SUBSCRIPTION], "kinds": ["resources"], "takeOver": "no"}]},
            {"folders": {"folder": "a"}}, {"neverExempt": ["x"]}, {"neverExempt": {"policies": ["/x:" + SUBSCRIPTION]}}, {"lifetime": 5},
        ],
        "limits": [{"deletes": "5"}, {"deletes": -1}, {"minAge": "7"}, {"minAge": 7}, {"minAge": "007"}, {"deletesPercent": 101}],
    }.items():  # fmt: skip
        yield from ({**good, field: value} for value in values)
        yield {key: value for key, value in good.items() if key != field}


def problems_of_settings(data: dict[str, Any], _: str = "") -> list[Problem]:
    document, problems = read_document(json.dumps(data).encode(), "reconciler.yaml")
    assert document is not None
    return [*problems, *schema_problems(document, "reconciler", errors("reconciler", document.data))]


def problems_of(data: dict[str, Any], name: str = "x") -> list[Problem]:
    declaration, problems = load_bytes(json.dumps(data).encode(), f"exemptions/{name}.yaml")
    if declaration is None:
        return list(problems)
    loaded = Loaded(settings=None, declarations=(declaration,), problems=())
    return [*problems, *check(loaded, CATALOGUE, NOW, None)]


# --- applying a proposal -----------------------------------------------------------------------------------------

Apply = Callable[[dict[str, Any], list[str | int], re.Match[str]], list[dict[str, Any]]]


def steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]


def with_value(data: dict[str, Any], path: list[str | int], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def without(data: dict[str, Any], path: list[str | int]) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return changed


def at(data: dict[str, Any], path: list[str | int]) -> Any:
    inner: Any = data
    for step in path:
        inner = inner[step]
    return inner


def values(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    """Each of the values in `A, B or C`, as YAML reads it; quotes are the message's own."""
    texts = [text.strip("'") for text in re.split(r", | or | and ", match[1])]
    return [with_value(data, path, text) for text in texts]


def read(value: str) -> Any:
    document, _ = parse(f"field: {value}", "x")
    assert document is not None
    return document.data["field"]


def scalar(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, read(match[1]))]


def text(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, match[1])]


def quoted(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, match[1])]


def items(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, [match[1]])]


def added(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    """A line to add to the group of fields that lacks it; a list below it is written out after `and below it`."""
    field, value = match[1], match[2]
    if match[3]:
        value = "\n" + match[3].replace("GUID", SUBSCRIPTION[15:])
    return [with_value(data, [*path[:-1], field], read(value))]


def other_field(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [{**without(data, path), match[1]: match[2]}]


def renamed(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(without(data, path), [*path[:-1], match[1]], at(data, path))]


def keys(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, key) for key in re.findall(r"\b[0-9a-f-]{36}\b", match[0])]


def deleted(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [without(data, path)]


def stripped(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, at(data, path).strip())]


def shortened(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [with_value(data, path, at(data, path)[: -int(match[1])])]


def own_key(data: dict[str, Any], path: list[str | int], match: re.Match[str]) -> list[dict[str, Any]]:
    return [without(data, path), with_value(without(data, path), [*path[:-1], match[1]], at(data, path))]


_ID = r"(/\S+)"
_FIELD = "(recommendation|policyDefinition|policySetDefinition|policyAssignment)"
PROPOSALS: list[tuple[str, Apply]] = [
    (r'put it in quotes: "(.*)"', quoted),
    (r"write (true|false) without quotes", scalar),
    (r"write (true|false)", scalar),
    (r"write ([0-9-]{10}(?: or [0-9-]{10})?)(?:, which counts to the end of that day)?", values),
    (r"check hours .*, or write ([0-9-]{10})", values),
    (r"convert it .*: ([0-9-]{10})", values),
    (r"write the day alone: ([0-9-]{10})", values),
    (r"write (\d{4}-\d\d-\d\dT[0-9:]{8}Z)", values),
    (rf"write {_ID}", text),
    (rf"write {_FIELD}: ([^;]+?)(?: in place of recommendation, or .*|; .*)?", other_field),
    (r"write ((?!true or false)[A-Za-z]+(?:(?:, | or )[A-Za-z]+)*)", values),
    (r"write ([0-9]+), without quotes", scalar),
    (r"write ([0-9]+d) for days or [0-9]+h for hours", text),
    (r"write ([A-Za-z0-9._-]+), and call the file .*", text),
    (r"write name: ([^,]+), or rename the file to .*", text),
    (r"write ('[^']+'(?: and '[^']+')*)", values),
    (r"write `  - (.*)`", items),
    (r"write it below the field, as `  - (.*)`", items),
    (r"write ([0-9a-f-]{36})", text),
    (r"did you mean '([^']+)'\?(?: .*)?", text),
    (r"did you mean (\w+)\?", text),
    (r"did you mean (?:'.*' \([0-9a-f-]{36}\)(?: or )?)+\?", keys),
    (r"did you mean ([0-9a-f-]{36})(?: \(.*\))?\?.*", text),
    (r"add a line `(\w+): ([^`]*)`(?: and below it .*, as `(.*?)`?)?", added),
    (r"write the key of the one you mean: .*", keys),
    (r"delete it: \w+ is there already", deleted),
    (r"delete the line, or name the assignment in policyAssignment", deleted),
    (r"delete referenceIds: .*", deleted),
    (r"delete (?:resourceSelectors|vulnerabilities)\b.*", deleted),
    (r"Microsoft has not published .*, and delete this", deleted),
    (r"delete the space", stripped),
    (r"shorten it by ([0-9]+)", shortened),
    (r"delete it, or give your note another key, such as (.*)", own_key),
    (r"write .*, or delete the line", deleted),
    (r"write .*; for no end, delete the line", deleted),
]
BY_CODE: dict[tuple[str, str], Apply] = {("unknown-field", r"did you mean (\w+)\?"): renamed}
RIGHT_TYPE_ONLY = (quoted, stripped)
"""These make a text of it; whether that names something is another question."""

LEFT_TO_THE_READER = [
    r"write (?:a|an|the|who|what|one|its|it) .*", r"the fields are .*", r"check .*", r"the forms are .*", r"put the real value .*",
    r"add (?:the|referenceIds) .*", r"a group's name has .*", r"`exempt .*", r"look (?:at|it up) .*", r"keep one of them.*", r"name (?:the|a) .*",
    r"choose a plain name", r"put all values .*", r"give it a short name", r"write `\w+:` beside metadata .*", r"delete this declaration",
    r"(?:did you mean [^?]+\? )?a custom one is named by .*", r"add a line `recommendation: ` with .*", r"delete it; each scope .*",
    r"write the text itself", r"leave it out", r"leave out back-references, .*", r"use letters, digits and .*", r"write digits, without quotes", r"write recommendations and .*",
    r"write a whole number of .*", r"write a later .*", r"run `exempt .*", r"write it in one line, .*", r"write keys and values .*", r"write Waiver \(.*",
    r"write true or false", r"delete one of the two lines", r"split it .*", r"write it as its description .*", r"write resourceLocation, .*",
    r"write .* as the recommendation .*",
]  # fmt: skip


def proposals(problem: Problem) -> tuple[Apply, re.Match[str]] | None:
    for (code, pattern), apply in BY_CODE.items():
        if code == problem.code and (match := re.fullmatch(pattern, problem.remedy)):
            return apply, match
    for pattern, apply in PROPOSALS:
        if match := re.fullmatch(pattern, problem.remedy, re.DOTALL):
            return apply, match
    return None


DOCUMENTS = list(documents())
SETTINGS = list(settings())


@pytest.mark.parametrize("data", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_what_is_proposed_for_a_declaration_is_accepted(data: dict[str, Any]) -> None:
    try_proposals(data, problems_of)


@pytest.mark.parametrize("data", SETTINGS, ids=range(len(SETTINGS)))
def test_what_is_proposed_for_settings_is_accepted(data: dict[str, Any]) -> None:
    try_proposals(data, problems_of_settings)


def try_proposals(data: dict[str, Any], judge: Callable[[dict[str, Any], str], list[Problem]]) -> None:
    before = judge(data, "x")
    for problem in before:
        proposal = proposals(problem)
        if proposal is None:
            assert any(re.fullmatch(pattern, problem.remedy, re.DOTALL) for pattern in LEFT_TO_THE_READER), problem
            continue
        apply, match = proposal
        changes = apply(data, steps(problem.path), match)
        assert changes, problem
        for changed in changes:
            name = changed.get("name")
            after = judge(changed, name if isinstance(name, str) and "/" not in name else "x")
            earlier = {(other.path, other.code, other.message) for other in before if other is not problem}
            left = [
                other
                for other in after
                if other.path == problem.path
                and (other.path, other.code, other.message) not in earlier
                and (other.severity is Severity.ERROR or other.code == problem.code)
                and not (apply in RIGHT_TYPE_ONLY and other.code.startswith("unknown-"))
            ]
            assert left == [], (problem.message, problem.remedy, changed)


@pytest.mark.parametrize(
    ("mistake", "remedy"),
    [
        ({"name": "My Server_1"}, "write My-Server_1, and call the file My-Server_1.yaml"),
        ({"name": "-.-"}, "choose a plain name"),
        (
            {"scopes": ["x:/providers/Microsoft.Authorization/policyDefinitions/a"]},
            "the forms are /providers/Microsoft.Management/",
        ),
        ({"scopes": ["/tenant"]}, "the forms are /providers/Microsoft.Management/managementGroups/NAME"),
        ({"scopes": ["Subscriptions/6f0e1111-2222-4333-8444-555566667777"]}, "write /Subscriptions/6f0e1111"),
    ],
    ids=str,
)
def test_what_is_proposed_is_what_was_probably_meant(mistake: dict[str, Any], remedy: str) -> None:
    (problem,) = problems_of(GOOD | mistake)
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        (f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policySetDefinitions/ours", None),
        ("of-tomorrow", Severity.WARNING),
        ("A benchmark of nobody", Severity.ERROR),
    ],
)
def test_an_initiative_of_ones_own_is_named_by_its_id(value: str, severity: Severity | None) -> None:
    data = {key: text for key, text in GOOD.items() if key != "recommendation"}
    found = [
        problem
        for problem in problems_of({**data, "policySetDefinition": value})
        if problem.code == "unknown-initiative"
    ]
    assert [problem.severity for problem in found] == ([severity] if severity else [])
    assert all("a custom one is named by its full ARM id" in problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("document", "kind", "command"),
    [
        ({"exemptions": []}, "a list of exemptions of Enterprise Policy as Code (EPAC)", "`exempt import epac FILE`"),
        ({"resources": [], "contentVersion": "1.0.0.0"}, "an ARM template", "`exempt import arm FILE`"),
        ({"resources": {}, "contentVersion": "1.0.0.0"}, "an ARM template", "`exempt import arm FILE`"),
        ({"properties": {"policyAssignmentId": "x"}}, "an exemption as Azure stores it", "`exempt import live`"),
    ],
)
def test_a_file_of_another_tool_is_one_problem(document: dict[str, Any], kind: str, command: str) -> None:
    (problem,) = problems_of(document)
    assert (problem.code, problem.message) == ("foreign-file", f"this is {kind}, not a declaration")
    assert problem.remedy == f"{command} writes declarations of it; move this file out of exemptions/"
    assert not any(problem.code == "foreign-file" for problem in problems_of({"resources": [], "properties": {}}))


@pytest.mark.parametrize("field", ["justification", "owner", "ticket", "displayName"])
def test_a_placeholder_is_told_at_its_field(field: str) -> None:
    (problem,) = problems_of({**GOOD, field: "for {{ team }}"})
    assert (problem.code, problem.path) == ("placeholder", field)
    assert problem.message.startswith(f"{field} holds '{{{{'")


@pytest.mark.parametrize(("length", "shown"), [(60, "x" * 60), (61, "x" * 59 + "…")])
def test_long_values_are_cut_where_they_are_quoted(length: int, shown: str) -> None:
    (problem,) = problems_of({**GOOD, "category": "x" * length})
    assert problem.message.startswith(f"'{shown}' is not ")


EVERY_TYPE = "microsoft.saashub/*"
"""What a built-in policy looks at, which is of no use for anything else."""


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (f"{GROUP}/providers/Microsoft.SaaSHub/cloudServices/a", set()),
        (f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/a", {"not-a-target"}),
        (f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/a/providers/Microsoft.SaaSHub/x/y", set()),
    ],
)
def test_a_type_that_ends_in_an_asterisk_is_evaluated_and_a_part_of_policy_is_no_target(
    scope: str, expected: set[str]
) -> None:
    policy = next(policy for policy in CATALOGUE.policies.values() if policy.resource_types == (EVERY_TYPE,))
    data = {key: value for key, value in GOOD.items() if key != "recommendation"}
    problems = problems_of({**data, "policyDefinition": policy.id.name, "scopes": [scope]})
    assert {problem.code for problem in problems} & {"not-a-target", "scope-type"} == expected
