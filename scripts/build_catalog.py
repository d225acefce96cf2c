"""Builds the facts that the catalogue ships, in reconciler/catalog/data, from public sources.

    python scripts/build_catalog.py --policy DIR [--defender DIR] [--metadata FILE]

`--policy` is a checkout of https://github.com/Azure/azure-policy (git must be there: its commit and date are kept), or
a folder with extracts of it: `initiatives.json` and `policies.json`, for US Government the same two below `usgov/`, and
`initiative-versions.json`. A checkout holds current contents only: earlier versions are those that were bundled before.

`--defender` is a folder with extracts of Microsoft's documentation: `recommendations.json` (keys with titles and
policies), `unsupported-exemptions.json`, `transition-2026.json` (what was retired or replaced) and
`assessment-metadata-2022-10.json` (a recorded list). Without it the recommendations stay as they are bundled.

`--metadata` is a tenant's own list of recommendations, which is newer than any documentation:
az rest --url "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01" > FILE

Only facts are taken over: identifiers, reference ids, titles, severities, modes, effects and resource types. The output
depends on nothing but the input: one record a line, sorted, so that a newer source shows as a readable difference.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from policy_source import POLICY, Content, Pairs, Row, Source, name_of, read_source
from recommendation_source import Recommendations, bundled_recommendations, fold, read, read_recommendations

DATA = Path(__file__).resolve().parent.parent / "reconciler" / "catalog" / "data"
EDITIONS = ("public", "usgov")


def main() -> None:
    """Reads the sources and writes the facts of both editions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, required=True, metavar="DIR", help="Azure/azure-policy, or extracts")
    parser.add_argument("--defender", type=Path, metavar="DIR", help="extracts of the documentation")
    parser.add_argument("--metadata", type=Path, metavar="FILE", help="a tenant's assessment metadata")
    parser.add_argument("--out", type=Path, default=DATA, metavar="DIR", help="default: the package's own data")
    arguments = parser.parse_args()
    facts = read_recommendations(arguments.defender) if arguments.defender else bundled_recommendations(DATA)
    sources = {edition: read_source(arguments.policy, edition) for edition in EDITIONS}
    for edition, source in sources.items():
        if source.contents is None:
            source.contents = _with_bundled_contents(source, DATA / edition)
        _drop_readers(facts, source)
        _add_named_by_policies(facts, source)
    if arguments.metadata:
        _add_metadata(facts, read(arguments.metadata)["value"], sources["public"])
    _add_types(facts, sources["public"])
    _write_all(arguments.out, facts, sources)


# --- recommendations: what policies and newer metadata add -----------------------------------------------------------


def _drop_readers(facts: Recommendations, source: Source) -> None:
    """A policy that only reads an assessment is no evidence of what stands behind it."""
    readers = {(row["key"], name) for row in facts.rows.values() for name in row.get("readBy", ())}
    for policy in source.policies:
        if (policy["assessment"], policy["name"]) in readers:
            policy["assessment"] = ""


def _add_named_by_policies(facts: Recommendations, source: Source) -> None:
    """A policy's rule names the assessment that it waits for: the firmest evidence, and often the first."""
    for policy in source.policies:
        key = policy["assessment"]
        if key and key not in facts.rows:
            row = {"key": key, "title": policy["title"], "environment": "Azure", "types": policy["types"]}
            facts.rows[key] = {**row, "policies": [policy["name"]], "evidence": "azure-policy", "flags": []}


def _add_metadata(facts: Recommendations, listed: list[Row], source: Source) -> None:
    """Titles, severities and policies as a tenant has them. A custom recommendation is no public fact."""
    named = {(policy["assessment"], policy["name"]) for policy in source.policies}
    for item in listed:
        properties, key = item["properties"], item["name"].lower()
        if properties["assessmentType"] != "BuiltIn":
            continue
        row = facts.rows.setdefault(key, {"key": key, "flags": []})
        row.pop("recorded", None)
        row |= {"title": properties["displayName"].strip(), "severity": properties["severity"]}
        policy = properties.get("policyDefinitionId", "").lower()
        if policy and name_of(policy, POLICY) not in row.get("policies", ()):
            others = [name for name in row.get("policies", ()) if (key, name) in named]
            row |= {"policies": [name_of(policy, POLICY), *others], "evidence": "live", "environment": "Azure"}
    titles = {fold(row["title"]) for row in facts.rows.values()}
    facts.keyless = [row for row in facts.keyless if fold(row["title"]) not in titles]


def _add_types(facts: Recommendations, source: Source) -> None:
    """Where no documentation says which resource types a recommendation is about, its policies do."""
    types = {policy["name"]: policy["types"] for policy in source.policies}
    for row in facts.rows.values():
        if not row.get("types"):
            row["types"] = sorted({kind for name in row.get("policies", ()) for kind in types.get(name, ())})


# --- earlier versions of initiatives ---------------------------------------------------------------------------------


def _with_bundled_contents(source: Source, folder: Path) -> dict[str, list[Content]]:
    """The contents of initiatives whose versions differ: the current one, and before it those that were bundled."""
    contents = {}
    headers = {row["name"]: row for row in read(folder / "initiatives.json")}
    for row in source.initiatives:
        current = Content(versions=(row["version"],), members=frozenset(row["members"]))
        earlier = _bundled_contents(folder, headers[row["name"]]) if row["name"] in headers else []
        merged = _merged([current, *earlier])
        if len(merged) > 1:
            contents[row["name"]] = merged
    return contents


def _bundled_contents(folder: Path, header: Row) -> list[Content]:
    members = _pairs(read(folder / "members" / f"{header['name']}.json"))
    path = folder / "versions" / f"{header['name']}.json"
    if not path.exists():
        return [Content(versions=(header["version"],), members=members)]
    return [
        Content(
            versions=tuple(row["versions"]),
            members=members - _pairs(row.get("without", ())) | _pairs(row.get("with", ())),
        )
        for row in read(path)
    ]


def _merged(contents: list[Content]) -> list[Content]:
    """Newest first; a version that stands twice (published again) counts where it is newest."""
    merged: list[Content] = []
    seen: set[str] = set()
    for content in contents:
        versions = tuple(version for version in content.versions if version not in seen)
        seen.update(versions)
        if merged and merged[-1].members == content.members:
            merged[-1] = Content(versions=merged[-1].versions + versions, members=content.members)
        elif versions:
            merged.append(Content(versions=versions, members=content.members))
    return merged


def _pairs(rows: list[list[str]]) -> Pairs:
    return frozenset((policy, reference) for policy, reference in rows)


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_all(out: Path, facts: Recommendations, sources: dict[str, Source]) -> None:
    shutil.rmtree(out, ignore_errors=True)
    recommendations = list(facts.rows.values())
    others = [row for row in facts.policies if row["name"] not in sources["public"].members]
    is_unsupported = _unsupported_policies(recommendations + facts.keyless, facts.unsupported_titles)
    for edition, source in sources.items():
        _write_policies(out / edition / "policies.json", source.policies, is_unsupported)
        _write_initiatives(out / edition, source)
    _write_policies(out / "policies.json", others, is_unsupported)
    _write_rows(out / "recommendations.json", recommendations, "key")
    _write_rows(out / "keyless.json", facts.keyless, "title")
    _write_rows(out / "categories.json", facts.categories, "name")
    origins = {"defender": facts.origin} | {edition: source.origin for edition, source in sources.items()}
    _write(out / "sources.json", json.dumps(origins, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _unsupported_policies(recommendations: list[Row], titles: set[str]) -> Callable[[Row], bool]:
    """Microsoft's list of unsupported recommendations names a policy by its title or through what rests on it."""
    names = {
        name for row in recommendations if "unsupported" in row.get("flags", ()) for name in row.get("policies", ())
    }
    return lambda policy: policy["name"] in names or fold(policy["title"]) in titles


def _write_policies(path: Path, policies: list[Row], is_unsupported: Callable[[Row], bool]) -> None:
    rows = [
        {**row, "flags": sorted({*row.get("flags", ()), "unsupported"})} if is_unsupported(row) else row
        for row in policies
    ]
    _write_rows(path, rows, "name")


def _write_initiatives(folder: Path, source: Source) -> None:
    for row in source.initiatives:
        _write_lines(folder / "members" / f"{row['name']}.json", row["members"])
        contents = (source.contents or {}).get(row["name"], [])
        if contents:
            _write_lines(folder / "versions" / f"{row['name']}.json", _version_rows(row, contents))
    _write_rows(
        folder / "initiatives.json", [{**row, "members": len(row["members"])} for row in source.initiatives], "name"
    )


def _version_rows(initiative: Row, contents: list[Content]) -> list[Row]:
    """Each content as its difference from the current one."""
    current = frozenset(initiative["members"])
    rows = (
        {
            "versions": content.versions,
            "without": sorted(current - content.members),
            "with": sorted(content.members - current),
        }
        for content in contents
    )
    return [{name: value for name, value in row.items() if value} for row in rows]


def _write_rows(path: Path, rows: list[Row], order: str) -> None:
    compact = [{name: value for name, value in row.items() if value not in ("", [], None)} for row in rows]
    _write_lines(path, sorted(compact, key=lambda row: (row[order], json.dumps(row))))


def _write_lines(path: Path, records: list[Row] | list[tuple[str, str]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
    _write(path, "[\n" + ",\n".join(lines) + "\n]\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
