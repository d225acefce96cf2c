"""Every field of reconciler.yaml and of a declaration reaches the value that the rest reads, each as it is written."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import package_data
from reconciler.arm.standard_properties import vulnerability_fields
from reconciler.declarations import load, load_bytes, same_meaning, same_rules
from reconciler.model import (
    Category,
    Channel,
    ChannelKind,
    Cloud,
    Declaration,
    Limits,
    ScopeKind,
    Settings,
    SubjectKind,
    Unmanaged,
    arm_id,
)
from reconciler.model.settings import FolderRule, LifetimeRule, Rules

SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000007"
GROUP = "/providers/Microsoft.Management/managementGroups/contoso"
ASSIGNMENT = GROUP + "/providers/Microsoft.Authorization/policyAssignments/mcsb"
WRITER = "0B1EC700-0000-4000-8000-00000000000B"

NEVER = "651967bf-044e-4bde-8376-3e08e0600105"
POLICY = "/providers/Microsoft.Authorization/policyDefinitions/013e242c-8828-4970-87b3-ab247555486d"

SETTINGS: dict[str, Any] = {
    "owner": "contoso/unusual",
    "formerOwners": ["contoso/before", "contoso/long-before"],
    "writers": [WRITER],
    "tenantId": "c0ffee00-0000-4000-8000-000000000099",
    "cloud": "AzureUSGovernment",
    "armEndpoint": "https://arm.contoso.example",
    "apiVersion": "2022-07-01-preview",
    "scopes": [GROUP],
    "unmanaged": "delete",
    "expiringDays": 77,
    "evaluationHours": 36,
    "notify": [
        {"kind": "webhook", "severity": "error", "urlFrom": "OUR_HOOK", "secretFrom": "OUR_KEY"},
        {
            "kind": "mail",
            "host": "mail.contoso.example",
            "port": 2525,
            "from": "exempt@contoso.example",
            "to": ["team@contoso.example"],
            "toOwners": True,
            "userFrom": "MAIL_USER",
            "passwordFrom": "MAIL_PASSWORD",
        },
    ],
    "rules": {
        "maxLifetimeDays": [
            {"days": 91, "category": "Waiver"},
            {"days": 31, "category": "Mitigated", "severity": "High"},
        ],
        "required": ["ticket"],
        "ticketPattern": "SEC-[0-9]+",
        "neverExempt": {"recommendations": [NEVER], "policies": [POLICY]},
        "scopeKinds": [{"folder": "lab", "kinds": ["subscription"]}],
        "folders": [
            {
                "folder": "shop",
                "kinds": ["resource", "resourceGroup"],
                "below": [SUBSCRIPTION],
                "takeOver": False,
                "adopt": False,
                "wholeScopes": False,
            }
        ],
        "strictUnsupported": True,
        "allowWholeAssignment": True,
    },
    "limits": {
        "deletes": 3,
        "deletesPercent": 4,
        "creates": 5,
        "adoptions": 6,
        "unmanagedDeletes": 8,
        "minAge": "9d",
    },
}
DECLARATION: dict[str, Any] = {
    "name": "unusual",
    "policyAssignment": ASSIGNMENT,
    "referenceIds": ["refOne", "refTwo"],
    "scopes": [SUBSCRIPTION + "/resourceGroups/rg"],
    "selectedBy": {"purpose": "legacy"},
    "category": "Mitigated",
    "expiresOn": "2031-02-03T04:05:06Z",
    "justification": "Another control is in place.",
    "owner": "team@contoso.example",
    "requestedBy": "asker@contoso.example",
    "ticket": "SEC-7",
    "displayName": "An unusual name",
    "resourceSelectors": [{"name": "west", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}],
    "assignmentScopeValidation": "DoNotValidate",
    "metadata": {"costCentre": "4711"},
    "ahead": True,
    "adopt": True,
    "takeOver": "contoso/others",
    "enabled": False,
}
ONE_OF = {
    "recommendation",
    "recommendations",
    "recommendationCategory",
    "policyDefinition",
    "policySetDefinition",
    "policyAssignment",
}
NARROWED: dict[str, Any] = {
    "recommendationCategory": "SoftwareUpdate",
    "vulnerabilities": {"cves": ["CVE-2020-1347"], "minSeverity": "Medium", "cvssBelow": 7.5},
}
"""What goes with a recommendation alone."""


def schema(name: str) -> dict[str, Any]:
    return json.loads(package_data.schema_path(name).read_text(encoding="utf-8"))


def loaded(root: Path) -> tuple[Settings, Declaration]:
    (root / "exemptions").mkdir()
    (root / "reconciler.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    (root / "exemptions" / "unusual.yaml").write_text(yaml.safe_dump(DECLARATION, sort_keys=False), encoding="utf-8")
    found = load(root)
    assert found.problems == ()
    assert found.settings is not None
    (declaration,) = found.declarations
    return found.settings, declaration


def test_these_files_say_everything_that_the_schemas_know() -> None:
    settings, rules = schema("reconciler")["properties"], schema("reconciler")["properties"]["rules"]["properties"]
    assert SETTINGS.keys() == settings.keys()
    assert SETTINGS["limits"].keys() == settings["limits"]["properties"].keys()
    assert SETTINGS["rules"].keys() == rules.keys()
    assert {key for channel in SETTINGS["notify"] for key in channel} == settings["notify"]["items"][
        "properties"
    ].keys()
    assert SETTINGS["rules"]["folders"][0].keys() == rules["folders"]["items"]["properties"].keys()
    known = schema("exemption")["properties"]
    assert DECLARATION.keys() | ONE_OF | NARROWED.keys() == known.keys()
    assert NARROWED["vulnerabilities"].keys() == known["vulnerabilities"]["properties"].keys()


def test_every_field_of_the_settings_is_read(tmp_path: Path) -> None:
    settings, _ = loaded(tmp_path)
    folder = FolderRule(
        folder="shop",
        setting="rules.folders",
        kinds=(ScopeKind.RESOURCE, ScopeKind.RESOURCE_GROUP),
        below=(arm_id(SUBSCRIPTION),),
        take_over=False,
        adopt=False,
        whole_scopes=False,
    )
    kinds = FolderRule(folder="lab", setting="rules.scopeKinds", kinds=(ScopeKind.SUBSCRIPTION,))
    assert settings == Settings(
        owner="contoso/unusual",
        former_owners=("contoso/before", "contoso/long-before"),
        writers=(WRITER.lower(),),
        tenant_id="c0ffee00-0000-4000-8000-000000000099",
        cloud=Cloud.US_GOVERNMENT,
        arm_endpoint="https://arm.contoso.example",
        api_version="2022-07-01-preview",
        scopes=(arm_id(GROUP),),
        unmanaged=Unmanaged.DELETE,
        expiring_days=77,
        evaluation_hours=36,
        channels=(
            Channel(kind=ChannelKind.WEBHOOK, severity="error", url_from="OUR_HOOK", secret_from="OUR_KEY"),
            Channel(
                kind=ChannelKind.MAIL,
                host="mail.contoso.example",
                port=2525,
                sender="exempt@contoso.example",
                to=("team@contoso.example",),
                to_owners=True,
                user_from="MAIL_USER",
                password_from="MAIL_PASSWORD",
            ),
        ),
        rules=Rules(
            lifetimes=(
                LifetimeRule(days=91, category=Category.WAIVER),
                LifetimeRule(days=31, category=Category.MITIGATED, severity="High"),
            ),
            required=("ticket",),
            ticket_pattern="SEC-[0-9]+",
            never_recommendations=(NEVER,),
            never_policies=(POLICY,),
            folders=(kinds, folder),
            strict_unsupported=True,
            allow_whole_assignment=True,
        ),
        limits=Limits(
            deletes=3, deletes_percent=4, creates=5, adoptions=6, unmanaged_deletes=8, min_age=timedelta(days=9)
        ),
    )
    assert usual(settings) == []
    assert usual(settings.limits) == usual(settings.rules) == []
    assert usual(settings.rules.folders[1]) == ["setting"]


@pytest.mark.parametrize(
    ("written", "age"),
    [("0d", timedelta(0)), ("9d", timedelta(days=9)), ("36h", timedelta(hours=36)), ("1h", timedelta(hours=1))],
)
def test_an_age_is_in_days_or_hours(tmp_path: Path, written: str, age: timedelta) -> None:
    text = yaml.safe_dump(SETTINGS | {"limits": {"minAge": written}})
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    settings = load(tmp_path).settings
    assert settings is not None
    assert settings.limits.min_age == age


def test_every_field_of_a_declaration_is_read(tmp_path: Path) -> None:
    _, declaration = loaded(tmp_path)
    subject, (selector,) = declaration.subject, declaration.selectors
    assert (subject.kind, subject.value, subject.reference_ids) == (
        SubjectKind.ASSIGNMENT,
        ASSIGNMENT,
        ("refOne", "refTwo"),
    )
    assert selector.name == "west"
    assert (selector.selectors[0].kind, selector.selectors[0].values) == ("resourceLocation", ("westeurope",))
    values = {field.name: getattr(declaration, field.name) for field in fields(declaration)}
    assert values == {
        "name": "unusual",
        "subject": subject,
        "scopes": (arm_id(SUBSCRIPTION + "/resourceGroups/rg"),),
        "category": Category.MITIGATED,
        "justification": "Another control is in place.",
        "owner": "team@contoso.example",
        "source": declaration.source,
        "display_name": "An unusual name",
        "expires_on": datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC),
        "ticket": "SEC-7",
        "requested_by": "asker@contoso.example",
        "selectors": (selector,),
        "validate_scope": False,
        "metadata": {"costCentre": "4711"},
        "selected_by": {"purpose": "legacy"},
        "ahead": True,
        "adopt": True,
        "take_over": "contoso/others",
        "enabled": False,
        "places": declaration.places,
    }
    assert usual(declaration) == []


def test_conditions_on_findings_are_read(tmp_path: Path) -> None:
    (tmp_path / "exemptions").mkdir()
    kept = {key: DECLARATION[key] for key in ("name", "scopes", "category", "justification", "owner")}
    (tmp_path / "reconciler.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    (tmp_path / "exemptions" / "unusual.yaml").write_text(yaml.safe_dump(kept | NARROWED), encoding="utf-8")
    (declaration,) = load(tmp_path).declarations
    assert (declaration.subject.kind, declaration.subject.value) == (SubjectKind.CATEGORY, "SoftwareUpdate")
    (group,) = declaration.selectors
    assert [(part.kind, part.values) for part in group.selectors] == [
        ("va.cve.cveId", ("CVE-2020-1347",)),
        ("va.cve.severity", ("Medium",)),
        ("va.cve.cvss", ("7.5",)),
    ]
    assert vulnerability_fields(declaration.selectors) == NARROWED["vulnerabilities"]


def usual(value: Any) -> list[str]:
    """The fields that have their default, so that to forget them would not be noticed."""
    return [
        field.name
        for field in fields(value)
        if (field.default is not MISSING and getattr(value, field.name) == field.default)
        or (field.default_factory is not MISSING and getattr(value, field.name) == field.default_factory())
    ]


@pytest.mark.parametrize(
    "text",
    [
        "owner: contoso/exemptions # who\n",
        "limits: {deletes: 1}\nowner: contoso/exemptions\n",
        "owner: contoso/exemptions\n",
    ],
)
def test_what_settings_say_of_exemptions_is_compared_and_nothing_else(text: str) -> None:
    assert same_rules(b"owner: contoso/exemptions\n", text.encode())
    for other in (b"owner: x\n", text.encode() + b"unmanaged: delete\n", b"", b"[", b"5"):
        assert not same_rules(text.encode(), other)


def test_where_each_field_and_each_item_stands_is_listed_once() -> None:
    text = f"""\
name: x
recommendations: [{NEVER}, Storage, {NEVER}]
scopes:
  - {SUBSCRIPTION}
  - {SUBSCRIPTION.upper()}
  - {GROUP}
category: Waiver
justification: why
owner: who
"""
    declaration, problems = load_bytes(text.encode(), "exemptions/x.yaml")
    assert declaration is not None, problems
    places = declaration.places
    items = {"scopes.0": 4, "scopes.1": 6, "recommendations.0": 2, "recommendations.1": 2}
    fields_ = {
        "name": 1,
        "recommendations": 2,
        "recommendation": 2,
        "scopes": 4,
        "category": 7,
        "justification": 8,
        "owner": 9,
    }
    assert {path: place.line for path, place in places.items()} == fields_ | items
    assert len(places) == len(fields_ | items)
    assert not any(path in places for path in ("scopes.2", "recommendations.2", "scopes.x", "owner.0", "ticket", 5))


@pytest.mark.parametrize(
    "default",
    ["adopt: false", "ahead: false", "enabled: true", "assignmentScopeValidation: Default", "metadata: {}"],
)
def test_what_is_written_as_it_is_anyway_changes_nothing(default: str) -> None:
    text = f"name: x\nrecommendation: {NEVER}\nscopes: [{GROUP}]\ncategory: Waiver\njustification: why\nowner: who\n"
    assert load_bytes(f"{text}{default}\n".encode(), "x.yaml")[1] == ()
    assert same_meaning(text.encode(), f"{text}{default}\n".encode())
