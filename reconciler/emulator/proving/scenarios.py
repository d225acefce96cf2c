"""The scenarios as data: what is asked, in order, and what of the answers is compared.

Braces in a target or a body name variables: `{scope}`, `{policy}` (`/providers/Microsoft.Authorization`), `{missing}`
(a name and a GUID that nothing has), `{run}` (the beginning of the names of all that a run makes), `{assignment}` and
`{exemption}` (the first that the scope has; the scenario is left out where there is none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from reconciler.emulator.versions import EXEMPTIONS


class Compare(Enum):
    """How much of an answer's body is compared; status and headers always are."""

    BODY = "body"
    OURS = "ours"
    """Of a list only what this run made."""
    SHAPE = "shape"
    """Names and types, where the content is the tenant's."""
    STATUS = "status"
    """Nothing of the body, where docs/emulator.md lists its content as a deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One request. Braces name variables. A PUT that was sent is deleted at the end, whatever became of it."""

    name: str
    method: str = "GET"
    target: str
    body: Mapping[str, Any] | None = None
    compare: Compare = Compare.BODY


_EXEMPTIONS: Final = "{scope}{policy}/policyExemptions"
_ASSIGNMENTS: Final = "{scope}{policy}/policyAssignments"
_NEWEST: Final = "api-version=2022-07-01-preview"
_ASSIGNED: Final = "api-version=2025-11-01"
_ASSIGNMENT_VERSIONS: Final = ("2020-09-01", "2022-06-01", "2023-04-01", "2024-05-01", "2025-11-01")
_GRAPH: Final = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"


def _reads(kind: str, target: str, options: Mapping[str, str], compare: Compare = Compare.BODY) -> list[Scenario]:
    """A list, once for each query."""
    return [
        Scenario(name=f"{kind}: {name}", target=f"{target}?{query}", compare=compare) for name, query in options.items()
    ]


def _query(name: str, text: str, **options: Any) -> Scenario:
    body = {"query": text, "options": options} if options else {"query": text}
    return Scenario(name=f"query: {name}", method="POST", target=_GRAPH, body=body)


READ: Final[tuple[Scenario, ...]] = (
    *_reads(
        "exemptions",
        _EXEMPTIONS,
        {
            "no version": "",
            "an unknown version": "api-version=2001-01-01",
            **{f"exact, by {version}": f"$filter=atExactScope()&api-version={version}" for version in EXEMPTIONS},
            "at scope": f"$filter=atScope()&{_NEWEST}",
            "no filter": _NEWEST,
            "unexpired": f"$filter=excludeExpired()&{_NEWEST}",
            "of no assignment": f"$filter=policyAssignmentId eq '{_ASSIGNMENTS}/{{missing}}'&{_NEWEST}",
            "of an assignment": f"$filter=policyAssignmentId eq '{{assignment}}'&{_NEWEST}",
            "an unknown filter": f"$filter=colour eq 'red'&{_NEWEST}",
            "an unfinished filter": f"$filter=policyAssignmentId eq&{_NEWEST}",
        },
    ),
    *_reads("one exemption", "{exemption}", {f"by {version}": f"api-version={version}" for version in EXEMPTIONS}),
    *_reads(
        "assignments",
        _ASSIGNMENTS,
        {
            **{f"exact, by {v}": f"$filter=atExactScope()&api-version={v}" for v in _ASSIGNMENT_VERSIONS},
            "at scope": f"$filter=atScope()&{_ASSIGNED}",
            "no filter": _ASSIGNED,
            "an unknown filter": f"$filter=colour eq 'red'&{_ASSIGNED}",
        },
    ),
    *_reads("one assignment", "{assignment}", {f"by {v}": f"api-version={v}" for v in _ASSIGNMENT_VERSIONS}),
    Scenario(name="no such exemption", target=f"{_EXEMPTIONS}/{{missing}}?{_NEWEST}"),
    Scenario(name="no such assignment", target=f"{_ASSIGNMENTS}/{{missing}}?{_ASSIGNED}"),
    Scenario(name="no such definition", target=f"{{policy}}/policyDefinitions/{{missing}}?{_ASSIGNED}"),
    Scenario(name="no such initiative", target=f"{{policy}}/policySetDefinitions/{{missing}}?{_ASSIGNED}"),
    Scenario(name="no such subscription", target=f"/subscriptions/{{missing}}{{policy}}/policyExemptions?{_NEWEST}"),
    Scenario(name="not a subscription", target=f"/subscriptions/none{{policy}}/policyExemptions?{_NEWEST}"),
    Scenario(
        name="no such group", target="/providers/Microsoft.Management/managementGroups/{missing}?api-version=2021-04-01"
    ),
    Scenario(name="not a type", target=f"{{scope}}{{policy}}/policyExemptionz/{{missing}}?{_NEWEST}"),
    Scenario(
        name="not a provider", target="{scope}/providers/Microsoft.Nonsense/things/{missing}?api-version=2020-01-01"
    ),
    Scenario(name="no such role", target="{policy}/roleDefinitions/{missing}?api-version=2022-04-01"),
    Scenario(name="no such lock", target="{scope}{policy}/locks/{missing}?api-version=2020-05-01"),
    Scenario(name="permissions", target="{scope}{policy}/permissions?api-version=2022-04-01", compare=Compare.SHAPE),
    Scenario(
        name="the built-in benchmark",
        target=f"{{policy}}/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8?{_ASSIGNED}",
        compare=Compare.STATUS,
    ),
    Scenario(name="subscriptions", target="/subscriptions?api-version=2022-12-01", compare=Compare.STATUS),
    Scenario(name="tenants", target="/tenants?api-version=2022-12-01", compare=Compare.STATUS),
    Scenario(
        name="roles of nobody",
        target="{scope}{policy}/roleAssignments?$filter=principalId eq '{missing}'&api-version=2022-04-01",
    ),
    Scenario(
        name="states of no resource",
        method="POST",
        target="{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
        "?$filter=ResourceId eq '{missing}'&api-version=2024-10-01",
        compare=Compare.SHAPE,
    ),
    _query(
        "no rows",
        "policyresources | where type =~ 'microsoft.authorization/policyexemptions' and name == '{missing}' | project id, name, type",
    ),
    _query(
        "as a table",
        "policyresources | where type =~ 'microsoft.authorization/policyexemptions' and name == '{missing}' | project id",
        resultFormat="table",
    ),
    _query(
        "a count",
        "policyresources | where type =~ 'microsoft.authorization/policyexemptions' and name == '{missing}' | count",
    ),
    _query(
        "a summary",
        "policyresources | where type =~ 'microsoft.authorization/policyexemptions' and name == '{missing}' | summarize count() by type",
    ),
    _query("an unknown operator", "policyresources | nonsense"),
    _query("an unknown table", "nonsense | take 1"),
    _query("an unknown column", "policyresources | project nonsense"),
    _query("an unfinished text", "policyresources | where name == 'x"),
    _query("an unfinished list", "policyresources | where name in ('x', "),
    _query("too many rows", "resourcecontainers | take 1", **{"$top": 5000}),
    _query("a false token", "resourcecontainers | take 1", **{"$skipToken": "nonsense"}),
)
"""The read-only tier: nothing that is asked changes anything."""

_BENCHMARK: Final = "/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
_DISKS: Final = "/providers/Microsoft.Authorization/policyDefinitions/06a78e20-9358-41c9-923c-fb736d382a4d"
_MEMBER: Final = "secretsExpirationSet"
_IDLE: Final = {"policyDefinitionId": _BENCHMARK, "enforcementMode": "DoNotEnforce"}
_WAIVED: Final = {"policyAssignmentId": "{scope}{policy}/policyAssignments/{run}a", "exemptionCategory": "Waiver"}
_FULL: Final = {
    **_WAIVED,
    "policyDefinitionReferenceIds": [_MEMBER],
    "expiresOn": "2099-01-31T23:59:59.1234500Z",
    "displayName": "Proving",
    "description": "Made to compare an emulator with Azure; to be deleted.",
    "metadata": {"proving": True},
}


def _assign(name: str, suffix: str, properties: Mapping[str, Any], version: str = "2025-11-01") -> Scenario:
    target = f"{_ASSIGNMENTS}/{{run}}{suffix}?api-version={version}"
    return Scenario(name=f"assign: {name}", method="PUT", target=target, body={"properties": properties})


def _exempt(
    name: str, properties: Mapping[str, Any], *, suffix: str = "e", method: str = "PUT", version: str = EXEMPTIONS[1]
) -> Scenario:
    target = f"{_EXEMPTIONS}/{{run}}{suffix}?api-version={version}"
    return Scenario(name=f"exempt: {name}", method=method, target=target, body={"properties": properties})


def _delete(name: str, target: str, version: str) -> Scenario:
    return Scenario(name=f"delete: {name}", method="DELETE", target=f"{target}?{version}")


WRITE: Final[tuple[Scenario, ...]] = (
    _assign("a definition that is missing", "x", {"policyDefinitionId": "{policy}/policyDefinitions/{missing}"}),
    _assign("no definition", "x", {"displayName": "Proving"}),
    _assign("an unknown mode", "x", {**_IDLE, "enforcementMode": "Sometimes"}),
    _exempt("from an assignment that is missing", _WAIVED),
    _assign("an initiative", "a", _IDLE),
    _assign("again, with a name", "a", {**_IDLE, "displayName": "Proving", "metadata": {"proving": True}}),
    _assign("a policy, by an older version", "p", {**_IDLE, "policyDefinitionId": _DISKS}, "2020-09-01"),
    *_reads("assigned", f"{_ASSIGNMENTS}/{{run}}a", {f"by {v}": f"api-version={v}" for v in _ASSIGNMENT_VERSIONS}),
    *_reads("assigned", _ASSIGNMENTS, {"in the list": f"$filter=atExactScope()&{_ASSIGNED}"}, Compare.OURS),
    _exempt("without a category", {"policyAssignmentId": _WAIVED["policyAssignmentId"]}),
    _exempt("without an assignment", {"exemptionCategory": "Waiver"}),
    _exempt("an unknown category", {**_WAIVED, "exemptionCategory": "Sometimes"}),
    _exempt("not a time", {**_WAIVED, "expiresOn": "soon"}),
    _exempt("a long text", {**_WAIVED, "description": "x" * 513}),
    _exempt("a long name", {**_WAIVED, "displayName": "x" * 129}),
    _exempt("an unknown reference", {**_WAIVED, "policyDefinitionReferenceIds": ["nonsense"]}),
    _exempt("references that are no list", {**_WAIVED, "policyDefinitionReferenceIds": _MEMBER}),
    _exempt(
        "a reference of a single policy",
        {
            **_WAIVED,
            "policyAssignmentId": "{scope}{policy}/policyAssignments/{run}p",
            "policyDefinitionReferenceIds": [_MEMBER],
        },
    ),
    _exempt("all properties", _FULL),
    _exempt("the same again", _FULL),
    *_reads(
        "exempted", f"{_EXEMPTIONS}/{{run}}e", {f"by {version}": f"api-version={version}" for version in EXEMPTIONS}
    ),
    Scenario(name="exempted: in capitals", target=f"{{scope}}{{policy}}/POLICYEXEMPTIONS/{{run}}E?{_NEWEST}"),
    Scenario(name="exempted: two slashes", target=f"{{scope}}/{{policy}}/policyExemptions/{{run}}e?{_NEWEST}"),
    _exempt("another assignment", {**_FULL, "policyAssignmentId": "{scope}{policy}/policyAssignments/{run}p"}),
    _exempt("fewer properties", {**_WAIVED, "policyDefinitionReferenceIds": [_MEMBER]}),
    _exempt("empty ones", {**_WAIVED, "policyDefinitionReferenceIds": [], "metadata": {}, "description": ""}),
    _exempt("nulls and unknown ones", {**_WAIVED, "description": None, "colour": "red"}),
    _exempt("in small letters", {**_WAIVED, "exemptionCategory": "mitigated"}),
    _exempt("a date", {**_WAIVED, "expiresOn": "2099-01-31"}),
    _exempt("another zone", {**_WAIVED, "expiresOn": "2099-01-31T01:30:00+02:00"}),
    _exempt("by the oldest version", {**_WAIVED, "expiresOn": "2099-01-31T00:00:00Z"}, version=EXEMPTIONS[0]),
    _exempt(
        "a selector",
        {"resourceSelectors": [{"name": "x", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]},
        method="PATCH",
    ),
    _exempt(
        "an unknown selector",
        {"resourceSelectors": [{"name": "x", "selectors": [{"kind": "colour", "in": ["red"]}]}]},
        method="PATCH",
    ),
    _exempt("what cannot be patched", {"description": "changed"}, method="PATCH"),
    _exempt("one that is missing", {"assignmentScopeValidation": "Default"}, suffix="none", method="PATCH"),
    _exempt("one that has ended", {**_WAIVED, "expiresOn": "2021-01-01T00:00:00Z"}, suffix="old"),
    _exempt(
        "a single policy", {**_WAIVED, "policyAssignmentId": "{scope}{policy}/policyAssignments/{run}p"}, suffix="p"
    ),
    *_reads(
        "exempted",
        _EXEMPTIONS,
        {
            "all": _NEWEST,
            "at scope": f"$filter=atScope()&{_NEWEST}",
            "exact": f"$filter=atExactScope()&{_NEWEST}",
            "unexpired": f"$filter=excludeExpired()&{_NEWEST}",
            "of the assignment": f"$filter=policyAssignmentId eq '{_ASSIGNMENTS}/{{run}}a'&{_NEWEST}",
            "of the policy": f"$filter=policyAssignmentId eq '{_ASSIGNMENTS}/{{run}}p'&{_NEWEST}",
        },
        Compare.OURS,
    ),
    _delete("a policy's assignment", f"{_ASSIGNMENTS}/{{run}}p", _ASSIGNED),
    Scenario(name="an orphan", target=f"{_EXEMPTIONS}/{{run}}p?{_NEWEST}"),
    _exempt("an orphan", {**_WAIVED, "policyAssignmentId": "{scope}{policy}/policyAssignments/{run}p"}, suffix="p"),
    _delete("an orphan", f"{_EXEMPTIONS}/{{run}}p", _NEWEST),
    _delete("an ended one", f"{_EXEMPTIONS}/{{run}}old", _NEWEST),
    _delete("an exemption", f"{_EXEMPTIONS}/{{run}}e", _NEWEST),
    _delete("the same again", f"{_EXEMPTIONS}/{{run}}e", _NEWEST),
    Scenario(name="deleted", target=f"{_EXEMPTIONS}/{{run}}e?{_NEWEST}"),
    *_reads("deleted", _EXEMPTIONS, {"in the list": f"$filter=atExactScope()&{_NEWEST}"}, Compare.OURS),
    _assign("once more", "a", _IDLE),
    _delete("an assignment", f"{_ASSIGNMENTS}/{{run}}a", _ASSIGNED),
    _delete("the assignment again", f"{_ASSIGNMENTS}/{{run}}a", _ASSIGNED),
    _assign("with the same name after that", "a", _IDLE),
)
"""The write tier: it makes and deletes objects whose names begin with `{run}`, at the scope itself and nowhere else."""
