import dataclasses
import json

import samples
from jsonschema import Draft202012Validator
from referencing import Registry

from reconciler.arm.canonical import fold
from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Severity
from reconciler.package_data import schema_path
from reconciler.planning.fingerprint import digest, fingerprint_of
from reconciler.planning.values import Action, Reason, Widening
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_json_pieces, plan_to_json

SCHEMA = json.loads(schema_path("plan").read_text(encoding="utf-8"))


def validate(document, schema=None):
    Draft202012Validator({**SCHEMA, **(schema or {})}, registry=Registry()).validate(document)


def test_the_whole_form(golden):
    golden("plan.json", "".join(plan_json_pieces(plan_report(samples.full_plan()), "0.1.0")))


ADDED = {"change": {"waitsFor"}, "plan": {"decisions"}}
"""Fields that plans of an earlier minor version do not have."""


def test_the_form_is_what_the_schema_says():
    document = json.loads("".join(plan_json_pieces(plan_report(samples.full_plan()))))
    Draft202012Validator.check_schema(SCHEMA)
    validate(document)
    validate(json.loads("".join(plan_json_pieces(plan_report(samples.plan(()))))))
    assert set(document) == set(SCHEMA["properties"]) == set(SCHEMA["required"]) | ADDED["plan"]
    for name in ("decision", "change", "held", "finding", "refusal", "unread"):
        part = SCHEMA["$defs"][name]
        plural = {"decision": "decisions", "change": "changes", "finding": "findings", "refusal": "refusals"}.get(
            name, name
        )
        assert set(document[plural][0]) == set(part["properties"]) == set(part["required"]) | ADDED.get(name, set())


def test_the_schema_knows_every_value_of_the_enumerations():
    parts = {name: part["properties"] for name, part in SCHEMA["$defs"].items() if "properties" in part}
    known = {
        Reason: parts["change"]["reason"],
        Widening: parts["change"]["widens"]["items"],
        Action: parts["change"]["actions"]["items"],
        HeldCause: parts["held"]["cause"],
        FindingKind: parts["finding"]["kind"],
        Severity: parts["finding"]["severity"],
    }
    for enumeration, part in known.items():
        assert set(part["enum"]) == {each.value for each in enumeration}, enumeration


def test_every_field_of_the_schema_has_a_title():
    def untitled(path, part):
        for name, field in part.get("properties", {}).items():
            referenced = SCHEMA["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
            if "title" not in field and "title" not in referenced:
                yield f"{path}.{name}"
            yield from untitled(f"{path}.{name}", field)

    assert [
        *untitled("plan", SCHEMA),
        *(each for name, part in SCHEMA["$defs"].items() for each in untitled(name, part)),
    ] == []


def test_fingerprints_and_digest_follow_from_the_document_alone():
    document = json.loads("".join(plan_json_pieces(plan_report(samples.full_plan()))))
    found = []
    for change in document["changes"]:
        key = f"{change['key']['scope']}/providers/Microsoft.Authorization/policyExemptions/{change['key']['name']}"
        before, after = (fold(side) if side is not None else None for side in (change["before"], change["after"]))
        found.append(fingerprint_of(document["tenantId"], document["owner"], key, before, after))
    assert found == [change["fingerprint"] for change in document["changes"]]
    assert digest(found) == document["digest"]


def test_an_update_names_what_changed_and_only_that():
    change = next(
        each for each in plan_to_json(plan_report(samples.full_plan()))["changes"] if each["reason"] == "edited"
    )
    assert change["changed"] == ["exemptionCategory", "expiresOn", "metadata.ticket", "policyDefinitionReferenceIds"]


def test_what_never_causes_an_update_is_no_change():
    before = samples.exemption(metadata={"revision": "1", "requestedBy": "a", "a.b": 1, "nested": {"x": [1], "y": 2}})
    after = dataclasses.replace(before, metadata={"revision": "2", "requestedBy": "b", "a.b": 2, "nested": {"x": [2], "y": 2}},
        reference_ids=tuple(reference.upper() for reference in before.reference_ids))  # fmt: skip
    found = plan_to_json(plan_report(samples.plan([samples.change(before, after)])))["changes"][0]["changed"]
    assert found == ["metadata.nested.x", 'metadata["a.b"]']


def test_the_document_is_ascii_with_a_line_for_each_change():
    hostile = samples.exemption(description="\x1b]8;;http://x\x07 \u202e ü \x7f ##[error]x\n::error::y")
    text = "".join(
        plan_json_pieces(
            plan_report(samples.plan([samples.change(None, hostile), samples.change(None, samples.exemption("other"))]))
        )
    )
    assert text.isascii()
    assert not {character for character in text if not character.isprintable()} - {"\n"}
    assert "##[" not in text
    assert sum(line.startswith('    {"actions"') for line in text.splitlines()) == 2
    assert json.loads(text)["changes"][0]["after"]["description"] == hostile.description
