"""Laws of the loader: any bytes load or are problems (law 8), both YAML parsers agree, the fast path agrees with the
judge, the schema's patterns agree with the code's, and neither order nor letter case of ids changes a verdict.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.catalog import load as load_catalogue
from reconciler.declarations import Loaded, load, load_files, same_meaning
from reconciler.declarations.check import check
from reconciler.documents.schema import errors, is_surely_valid, judge, schema
from reconciler.documents.strict import parse
from reconciler.model import parse_object, parse_scope
from reconciler.planning.marks import FOREIGN_KEYS, OWN_KEYS
from reconciler.problems import Problem
from reconciler.reports.problems import problems_github, problems_json, problems_sarif, problems_text

EXAMPLES = Path(__file__).parents[1] / "examples"
CORPUS = [path.read_bytes() for path in sorted(EXAMPLES.rglob("*.yaml"))]
CATALOGUE = load_catalogue()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/6f0e1111-2222-4333-8444-555566667777"

PIECES = [
    "name: x\n", "scopes:\n", "  - ", SUBSCRIPTION, "recommendation: ", "category: Waiver\n", "expiresOn: 2027-01-31\n",
    "justification: |\n", "owner: a\n", "&a", "*a", "<<: ", "!!str ", "---\n", "...\n", "%YAML 1.1\n", "[", "]", "{", "}",
    ",", "? ", ": ", "'", '"', "\\", "\\u202e", "\t", "\r\n", "#", " ", "\n", "no", "017", "1e400", ".nan", "\x00", "\x1b[31m",
    "\u202e", "\ufeff", "\ud7ff", "metadata: {a: ", "rules: ", "9" * 5000, "- " * 30, "[" * 30, "ä", "🔒",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=25).map("".join)


def load_bytes(data: bytes, name: str) -> Loaded:
    """What a repository with this one file comes to."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        loaded = load(root)
        problems = (*loaded.problems, *check(loaded, CATALOGUE, NOW, None))
        assert all(isinstance(problem, Problem) for problem in problems)
        for form in (problems_text, problems_json, problems_github, problems_sarif):
            shown = form(problems)
            assert all(character == "\n" or character.isprintable() for character in shown), "law 9"
            shown.encode("utf-8")
        return loaded


@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf")
@example(b"[" * 100_000)
@example(b"a: [" + b"[" * 3000)
@example(b"- " * 50_000)
@example(b"? " * 3000)
@example(b"a: &a [x, x]\nb: &b [*a, *a]\n<<: [*b, *b]\n")
@example(b"'" * 99)
@example("\u00a0:".encode())
@example("%\u00a0!".encode())
@example("enabled: \u00a0yes".encode())
@example(b"name: a\nname: {b: [c]}\nname: {b: d}\n")
def test_any_bytes_are_a_declaration_or_problems(data: bytes) -> None:
    loaded = load_bytes(data, "exemptions/x.yaml")
    assert loaded.declarations or loaded.problems


@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_settings_or_problems(data: bytes) -> None:
    loaded = load_bytes(data, "reconciler.yaml")
    assert loaded.settings or loaded.problems


@given(st.sampled_from(CORPUS), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=3)), max_size=4))
def test_damaged_examples_are_declarations_or_problems(data: bytes, damages: list[tuple[int, bytes]]) -> None:
    for place, piece in damages:
        data = data[:place] + piece + data[place + len(piece) :]
    loaded = load_bytes(data, "exemptions/x.yaml")
    assert loaded.declarations or loaded.problems


@settings(max_examples=200)
@given(texts)
def test_both_parsers_read_the_same(text: str) -> None:
    """Where libyaml is missing, a repository must not mean something else. PyYAML's own parser may refuse more (a
    question mark inside brackets, for one).
    """
    if "\t" in text or (not text.isprintable() and not text.replace("\n", "").isprintable()):
        return
    fast, fast_problems = parse(text, "x.yaml")
    slow, slow_problems = parse(text, "x.yaml", accelerated=False)
    if not fast_problems and not slow_problems:
        assert (fast and fast.data) == (slow and slow.data)
        assert (fast and fast.keys) == (slow and slow.keys)


@pytest.mark.parametrize("path", sorted((EXAMPLES).rglob("*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_parsers_give_one_verdict_on_every_example(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    fast, fast_problems = parse(text, "x.yaml")
    slow, slow_problems = parse(text, "x.yaml", accelerated=False)
    assert (fast is None, bool(fast_problems)) == (slow is None, bool(slow_problems))
    assert (fast and fast.data) == (slow and slow.data)


BOMBS = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "merge keys": "a: &a {x: y}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b]}\n",
    "brackets": "a: " + "[" * 200_000,
    "braces": "a: " + "{a: " * 50_000,
    "dashes": "a:\n  " + "- " * 100_000,
    "questions": "? " * 100_000,
    "indentation": "".join(" " * depth + "a:\n" for depth in range(600)),
    "many keys": "".join(f"k{number}: 1\n" for number in range(30_000)),
    "many items": "a: [" + "1," * 100_000 + "]",
    "a long word": "a: " + "x" * 260_000,
    "quotes": "a: " + "'" * 100_000,
    "a long number": "metadata: {a: " + "9" * 200_000 + "}",
    "comments": "#" * 260_000,
}


@pytest.mark.parametrize("accelerated", [True, False], ids=["libyaml", "pure"])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_anything_is_built(name: str, accelerated: bool) -> None:
    """None of these may take noticeable time or memory, with either parser: limits hold on events."""
    document, problems = parse(BOMBS[name], "x.yaml", accelerated=accelerated)
    assert problems or (document is not None and len(document.values) < 10)
    assert len(problems) <= 50


# --- the schema --------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "name": "x", "recommendation": "k", "scopes": [SUBSCRIPTION], "category": "Waiver", "justification": "j", "owner": "o",
}  # fmt: skip
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4),
    st.sampled_from(["Waiver", "2027-01-31", "2027-02-30", "2027-01-31T00:00:00Z", SUBSCRIPTION, "Default", "DoNotValidate", "7d"]),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*schema("exemption")["properties"], "other"]), values, max_size=3),
    st.sets(st.sampled_from(list(GOOD))),
)
def test_the_fast_path_agrees_with_the_judge(changes: dict[str, Any], without: set[str]) -> None:
    data = {key: value for key, value in GOOD.items() if key not in without} | changes
    assert bool(errors("exemption", data)) == bool(judge("exemption", data))


@given(st.dictionaries(st.sampled_from([*schema("reconciler")["properties"], "other"]), values, max_size=3))
def test_the_fast_path_agrees_about_settings(changes: dict[str, Any]) -> None:
    data = {"owner": "o", "tenantId": "11111111-2222-4333-8444-555566667777", "scopes": [SUBSCRIPTION]} | changes
    assert bool(errors("reconciler", data)) == bool(judge("reconciler", data))


@pytest.mark.parametrize("path", sorted((EXAMPLES / "valid").glob("*.yaml")), ids=lambda path: path.stem)
def test_good_files_take_the_fast_path_and_the_judge_agrees(path: Path) -> None:
    document, _ = parse(path.read_text("utf-8"), path.name)
    assert document is not None
    assert is_surely_valid("exemption", document.data)
    assert judge("exemption", document.data) == ()


segments = st.sampled_from(
    ["subscriptions", "SUBSCRIPTIONS", "6f0e1111-2222-4333-8444-555566667777", "resourceGroups", "resourcegroups", "rg", "..", ".",
     "", "providers", "Providers", "Microsoft.Sql", "servers", "x y", "Microsoft.Management", "managementGroups", "contoso", "a%2fb",
     "Microsoft.Authorization", "policyAssignments", "policyDefinitions", "x?y", "ä", "...", "-"]
)  # fmt: skip
ids = st.builds(
    lambda start, parts: start + "/".join(parts), st.sampled_from(["/", "", "//"]), st.lists(segments, max_size=12)
)


@settings(max_examples=400)
@given(ids | ids.map(lambda tail: SUBSCRIPTION + tail) | ids.map(lambda tail: SUBSCRIPTION + "/providers" + tail))
def test_the_schema_and_the_code_agree_on_scopes(text: str) -> None:
    pattern = schema("exemption")["$defs"]["scope"]["pattern"]
    try:
        parse_scope(text)
        accepted = True
    except ValueError:
        accepted = False
    assert bool(re.search(pattern, text)) == accepted


@given(ids)
def test_what_the_schema_takes_for_an_assignment_can_be_read(text: str) -> None:
    if re.search(schema("exemption")["properties"]["policyAssignment"]["pattern"], text):
        assert parse_object(text).key.split("/")[-2] == "policyassignments"


@pytest.mark.parametrize("end", ["?", "/providers", "/providers/"])
def test_no_pattern_takes_forever(end: str) -> None:
    """A hostile id of many nested types is judged at once; an exponential pattern would not come back."""
    hostile = SUBSCRIPTION + "/resourceGroups/a" + "/providers/a/b/c" * 100 + end
    assert errors("exemption", {**GOOD, "scopes": [hostile]})
    assert errors("exemption", {**GOOD, "name": "a" * 90 + "-" * 9 + "."})


@pytest.mark.parametrize("key", [*OWN_KEYS, *FOREIGN_KEYS])
def test_no_mark_is_a_key_of_the_users_in_any_letter_case(key: str) -> None:
    for spelled in (key, key.lower(), key.upper(), key.capitalize()):
        assert errors("exemption", {**GOOD, "metadata": {spelled: "x"}})
        assert not errors("exemption", {**GOOD, "metadata": {f"x-{spelled}": "x"}})


def test_every_field_is_explained_to_an_editor() -> None:
    """Each property has a title and a description, and something to complete from."""
    bare = []
    for name in ("exemption", "reconciler"):
        root = schema(name)
        for path, node in properties(root, root):
            full = {**root.get("$defs", {}).get(node.get("$ref", "").rsplit("/", 1)[-1], {}), **node}
            hints = {"examples", "enum", "default", "properties", "items", "minimum"} & full.keys()
            if not {"title", "description"} <= full.keys() or not hints:
                bare.append(f"{name}: {path}")
    assert bare == []


def properties(node: Any, root: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = []
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "properties" and "not" not in path and "if" not in path:
            found += [(f"{path}.{name}", inner) for name, inner in value.items() if set(inner) - {"const", "items"}]
        if key not in {"contains", "if", "then", "examples", "dependentSchemas", "allOf"}:
            found += properties(value, root, f"{path}.{key}")
    return found


# --- order, case and meaning -------------------------------------------------------------------------------------


def repository(example: str) -> Loaded:
    return load(EXAMPLES / "invalid" / example)


CONFLICTS = sorted(path.name for path in (EXAMPLES / "invalid").glob("conflict-*"))


@pytest.mark.parametrize("name", CONFLICTS)
@given(seed=st.integers(0, 9))
def test_the_order_of_files_changes_no_verdict(name: str, seed: int) -> None:
    loaded = repository(name)
    shuffled = list(loaded.declarations)
    random.Random(seed).shuffle(shuffled)
    again = Loaded(settings=loaded.settings, declarations=tuple(shuffled), problems=loaded.problems)
    assert check(again, CATALOGUE, NOW, None) == check(loaded, CATALOGUE, NOW, None)


def test_comments_order_and_quotes_are_no_change_of_meaning() -> None:
    one = (
        b"name: a\nrecommendation: k\nscopes:\n  - "
        + SUBSCRIPTION.encode()
        + b"\ncategory: Waiver\njustification: j\nowner: o\n"
    )
    other = b"# new\nowner: 'o'\n" + one.replace(b"owner: o\n", b"").replace(
        b"justification: j", b'justification: "j"  # c'
    )
    assert same_meaning(one, other)
    assert not same_meaning(one, one.replace(b"Waiver", b"Mitigated"))
    assert not same_meaning(one, b"[")


@given(st.sampled_from(CORPUS))
def test_a_file_means_the_same_as_itself_written_in_json(data: bytes) -> None:
    document, problems = parse(data.decode("utf-8", "replace"), "x")
    if document is None or problems:
        return
    as_json = json.dumps(document.data, ensure_ascii=False)
    again, _ = parse(as_json, "x")
    assert again is not None
    assert again.data == document.data


def test_single_files_need_no_repository(tmp_path: Path) -> None:
    file = tmp_path / "by-key.yaml"
    file.write_bytes((EXAMPLES / "valid" / "by-key.yaml").read_bytes())
    loaded = load_files([(file, "by-key.yaml")])
    assert [found.name for found in loaded.declarations] == ["by-key"]
    assert loaded.problems == ()


def test_the_documentation_names_every_field_and_rule() -> None:
    text = (Path(__file__).parents[2] / "docs" / "declarations.md").read_text("utf-8")
    fields = {*schema("exemption")["properties"], *schema("reconciler")["properties"]["rules"]["properties"]}
    assert {field for field in fields if f"`{field}`" not in text} == set()
