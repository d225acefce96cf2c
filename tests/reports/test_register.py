"""The register's data and page, as far as they can be judged without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from browser.registers import HOSTILE_TEXTS, register
from hypothesis import given
from hypothesis import strategies as st

from reconciler import package_data
from reconciler.reports.register_data import COLUMNS, FIELDS, STEP, register_data
from reconciler.reports.register_html import register_html
from reconciler.runs.register import site_assets


def cells(data, row=0):
    return dict(zip(data["columns"], (data["texts"][place] for place in data["rows"][row]), strict=True))


def test_a_row_reads_back_as_it_was_said():
    data = register_data(register(12), {}, {})
    assert data["columns"] == list(COLUMNS)
    first = cells(data)
    assert first["declaration"] == "decl-0"
    assert first["severity"] == "High"
    assert first["category"] == "Resolved through 3rd party (Mitigated)"
    assert first["ends"] == "2026-12-01"
    assert first["whose"] == "nobody's"
    assert first["approvedBy"] == "reviewer-0"
    assert cells(data, 4)["ends"] == ""
    assert first["references"] == "reference0"
    facts, (step,) = data["declarations"]["decl-0"]
    assert dict(zip(FIELDS, (data["texts"][place] for place in facts), strict=False))["status"] == "declared"
    assert [data["texts"][place] for place in step][STEP.index("what")] == "added"
    assert data["texts"][data["declarations"]["long-gone"][0][0]] == "retired"


def test_what_exempts_a_whole_assignment_says_so():
    made = register(1)
    (entry,) = made.inventory.entries
    whole = replace(entry, exemption=replace(entry.exemption, reference_ids=()))
    data = register_data(replace(made, inventory=replace(made.inventory, entries=(whole,))), {}, {})
    assert cells(data)["references"] == "the whole assignment"


def test_what_defender_says_stands_with_its_exemption():
    made = register(2)
    key = made.inventory.entries[1].exemption.id.key
    data = register_data(made, {}, {key: "in force"})
    assert [cells(data, row)["inForce"] for row in (0, 1)] == ["", "in force"]


def test_the_page_permits_its_own_scripts_and_styles_and_nothing_else():
    page = register_html(register(1), site_assets())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]
        assert f"{directive} {' '.join(hashes)};" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_text_leaves_the_data_block(text):
    page = register_html(register(2, text), site_assets())
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert "<" not in block
    assert len(json.loads(block)["rows"]) == 2
    before = page.split('<script type="application/json"')[0].split("</head>")[1]
    assert "<script" not in before
    assert "<img" not in before


@given(st.text(min_size=1, max_size=40))
def test_any_text_is_shown_as_an_escape_or_as_itself(text):
    data = register_data(register(1, text), {}, {})
    assert all(character.isprintable() or character.isspace() for shown in data["texts"] for character in shown)
    json.dumps(data).encode("utf-8")


def test_what_is_vendored_is_what_the_package_manager_checked():
    notes = json.loads(package_data.site("vendor/files.json"))
    lock = json.loads((package_data.templates().parents[1] / "scripts/vendor/package-lock.json").read_text())[
        "packages"
    ]
    for name, note in notes.items():
        assert hashlib.sha256(package_data.site(f"vendor/{name}").encode()).hexdigest() == note["sha256"]
        assert lock[f"node_modules/{note['package']}"]["version"] == note["version"]
    assert {name.split(".")[0] for name in notes if name.endswith("LICENSE")} == {"tabulator", "chart", "chart-color"}
    assert not any("resolved" in entry for entry in lock.values())


def test_the_time_of_the_data_is_said():
    assert register_data(register(0), {}, {})["about"]["takenAt"] == datetime(2026, 11, 28, tzinfo=UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
