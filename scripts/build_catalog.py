"""Builds the facts that the catalogue ships, in reconciler/catalog/data, from public sources.

    python scripts/build_catalog.py --policy DIR [--defender DIR] [--metadata FILE]

`--policy` is a checkout of https://github.com/Azure/azure-policy (git must be there: its commit and date are kept), or
a folder with extracts of it: `initiatives.json` and `policies.json`, for US Government the same two below `usgov/`.

`--defender` is a folder with extracts of Microsoft's documentation: `recommendations.json` (keys with titles and
policies) and `unsupported-exemptions.json`. Without it the recommendations stay as they are shipped.

`--metadata` is a tenant's own list of recommendations, which is newer than any documentation:
az rest --url "/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01" > FILE

Only facts are taken over: identifiers, reference ids, titles, severities, modes, effects and resource types. The output
depends on nothing but the input: one record a line, sorted, so that a newer source shows as a readable difference.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import Any

from policy_source import POLICY, Source, name_of, read_source

DATA = Path(__file__).resolve().parent.parent / "reconciler" / "catalog" / "data"
EDITIONS = ("public", "usgov")
LOST_BRACKET = re.compile(r"(?:Deprecated|Preview)\]", re.IGNORECASE)
APPENDED_KEY = re.compile(r"\s*\(key: [0-9a-f-]{36}\)$", re.IGNORECASE)
Row = dict[str, Any]


class Recommendations:
    """What Defender can recommend: rows by key, titles without a key, policies that only they name, and the source."""

    def __init__(self, rows: list[Row], keyless: list[Row], retired: list[Row], origin: Row, listed: set[str]) -> None:
        self.rows = {row["key"]: row for row in rows}
        self.keyless = keyless
        self.retired = retired
        self.origin = origin
        self.listed = listed


def main() -> None:
    """Reads the sources and writes the facts of both editions."""
    arguments = _arguments()
    known = _documented(arguments.defender) if arguments.defender else _shipped(DATA)
    sources = {edition: read_source(arguments.policy, edition) for edition in EDITIONS}
    for source in sources.values():
        _add_named_by_policies(known, source)
    if arguments.metadata:
        _add_metadata(known, _read(arguments.metadata)["value"], sources["public"])
    _write_all(arguments.out, known, sources)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, required=True, metavar="DIR", help="Azure/azure-policy, or extracts")
    parser.add_argument("--defender", type=Path, metavar="DIR", help="extracts of the documentation")
    parser.add_argument("--metadata", type=Path, metavar="FILE", help="a tenant's assessment metadata")
    parser.add_argument("--out", type=Path, default=DATA, metavar="DIR", help="default: the package's own data")
    return parser.parse_args()


# --- recommendations: as documented, or as shipped -------------------------------------------------------------------


def _documented(folder: Path) -> Recommendations:
    defender, listed = _read(folder / "recommendations.json"), _read(folder / "unsupported-exemptions.json")
    keys = {key.lower() for row in listed["recommendations"] for key in row["assessmentKeys"]}
    titles = {_fold(row["displayName"]) for row in listed["recommendations"]}
    rows = [_recommendation(key, row, keys) for key, row in defender["recommendations"].items()]
    keyless = [_keyless(row, titles) for row in defender["docRecommendationsWithoutKnownKey"]]
    commit, _, date = defender["_source"]["docsCommit"].partition(" ")
    origin = {
        "repo": "https://github.com/MicrosoftDocs/azure-security-docs",
        "commit": commit,
        "date": date.strip("()"),
    }
    listing = re.search(r"\d{4}-\d{2}-\d{2}", listed["_source"])
    origin |= {"release": f"list of unsupported exemptions of {listing[0]}"} if listing else {}
    _check_brackets(rows + keyless)
    return Recommendations(rows, keyless, _retired(defender["recommendations"]), origin, titles)


def _title(written: str) -> str:
    """A documented title as Defender shows it. The documentation puts titles into square brackets, as links, and the
    extraction takes one bracket too many off those that begin with one; other headings end in the key, or lack the
    last parenthesis.
    """
    title = APPENDED_KEY.sub("", written.strip())
    title = f"[{title}" if LOST_BRACKET.match(title) else title
    return f"{title})" if title.count("(") == title.count(")") + 1 else title


def _check_brackets(rows: list[Row]) -> None:
    """A declaration names a recommendation by its exact title, which a lost bracket would spoil unnoticed."""
    odd = [row["title"] for row in rows if any(row["title"].count(a) != row["title"].count(b) for a, b in ("()", "[]"))]
    if odd:
        raise SystemExit(f"{len(odd)} titles have a bracket without its counterpart, such as {odd[0]!r}")


def _recommendation(key: str, source: Row, unsupported: set[str]) -> Row:
    title = _title(source["displayName"])
    policies = source.get("allPolicyDefinitionIds") or [source["policyDefinitionId"]]
    preview = source.get("previewTagInDocs") or "(preview)" in title.lower()
    flags = {"preview": preview, "suspect": source.get("suspectKey"), "unsupported": key.lower() in unsupported}
    return {
        "key": key.lower(),
        "title": title,
        "severity": source["severity"] or "",
        "environment": source["environment"],
        "policies": [name_of(identifier, POLICY) for identifier in policies if identifier],
        "types": sorted(source["resourceTypes"]),
        "evidence": source["policyMappingSource"] or "",
        "flags": [flag for flag, is_set in flags.items() if is_set],
    }


def _keyless(source: Row, unsupported: set[str]) -> Row:
    """A documented title whose key no public source names."""
    return {
        "title": _title(source["displayName"]),
        "severity": source["severity"] or "",
        "environment": next((name for name in ("AWS", "GCP", "Azure") if name in source["section"]), ""),
        "policies": [name_of(identifier, POLICY) for identifier in source["policyDefinitionIds"]],
        "flags": ["unsupported"] if _fold(source["displayName"]) in unsupported else [],
    }


def _retired(recommendations: dict[str, Row]) -> list[Row]:
    """The policies behind recommendations, of which title and mode are all that the documentation says."""
    rows: dict[str, Row] = {}
    for source in recommendations.values():
        if source["policyDefinitionId"]:
            name, title = name_of(source["policyDefinitionId"], POLICY), source["policyDisplayName"]
            flags = {"preview": title.startswith("[Preview]"), "deprecated": source.get("policyDeprecated")}
            kept = [flag for flag, is_set in flags.items() if is_set]
            rows[name] = {"name": name, "title": title, "mode": source["policyMode"], "flags": kept}
    return list(rows.values())


def _shipped(data: Path) -> Recommendations:
    """What an earlier run wrote; `evidence` and flags are kept."""
    policies = _read(data / "public" / "policies.json")
    listed = {_fold(row["title"]) for row in policies if "unsupported" in row.get("flags", ())}
    origin = _read(data / "sources.json")["defender"]
    rows, keyless = _read(data / "recommendations.json"), _read(data / "keyless.json")
    return Recommendations(rows, keyless, _read(data / "retired.json"), origin, listed)


# --- recommendations: what newer sources add -------------------------------------------------------------------------


def _add_named_by_policies(known: Recommendations, source: Source) -> None:
    """A policy's rule names the assessment that it waits for: the firmest evidence, and often the first."""
    for policy in source.policies:
        key = policy["assessment"]
        if key and key not in known.rows:
            row = {"key": key, "title": policy["title"], "environment": "Azure", "types": policy["types"]}
            known.rows[key] = {**row, "policies": [policy["name"]], "evidence": "azure-policy", "flags": []}


def _add_metadata(known: Recommendations, listed: list[Row], source: Source) -> None:
    """Titles, severities and policies as a tenant has them. A custom recommendation is no public fact."""
    named = {(policy["assessment"], policy["name"]) for policy in source.policies}
    for item in listed:
        properties, key = item["properties"], item["name"].lower()
        if properties["assessmentType"] != "BuiltIn":
            continue
        row = known.rows.setdefault(key, {"key": key, "flags": []})
        row |= {"title": properties["displayName"].strip(), "severity": properties["severity"]}
        policy = properties.get("policyDefinitionId", "").lower()
        if policy and name_of(policy, POLICY) not in row.get("policies", ()):
            kept = [name for name in row.get("policies", ()) if (key, name) in named]
            row |= {"policies": [name_of(policy, POLICY), *kept], "evidence": "live", "environment": "Azure"}
    titles = {_fold(row["title"]) for row in known.rows.values()}
    known.keyless = [row for row in known.keyless if _fold(row["title"]) not in titles]


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_all(out: Path, known: Recommendations, sources: dict[str, Source]) -> None:
    shutil.rmtree(out, ignore_errors=True)
    public = {row["name"] for row in sources["public"].policies}
    rows, retired = list(known.rows.values()), [row for row in known.retired if row["name"] not in public]
    for edition, source in sources.items():
        _mark_listed(source.policies, rows + known.keyless, known.listed)
        _write_rows(out / edition / "policies.json", source.policies, "name")
        _write_initiatives(out / edition, source.initiatives)
    _mark_listed(retired, rows + known.keyless, known.listed)
    _write_rows(out / "retired.json", retired, "name")
    _write_rows(out / "recommendations.json", rows, "key")
    _write_rows(out / "keyless.json", known.keyless, "title")
    origins = {"defender": known.origin} | {edition: source.origin for edition, source in sources.items()}
    _write(out / "sources.json", json.dumps(origins, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _mark_listed(policies: list[Row], recommendations: list[Row], titles: set[str]) -> None:
    """Microsoft's list of unsupported recommendations names a policy by its title or through what rests on it."""
    names = {
        name for row in recommendations if "unsupported" in row.get("flags", ()) for name in row.get("policies", ())
    }
    for row in policies:
        if row["name"] in names or _fold(row["title"]) in titles:
            row["flags"] = sorted({*row.get("flags", ()), "unsupported"})


def _write_initiatives(folder: Path, initiatives: list[Row]) -> None:
    for row in initiatives:
        _write_lines(folder / "members" / f"{row['name']}.json", row["members"])
    _write_rows(folder / "initiatives.json", [{**row, "members": len(row["members"])} for row in initiatives], "name")


def _fold(title: str) -> str:
    return " ".join(title.split()).casefold()


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _write_rows(path: Path, rows: list[Row], order: str) -> None:
    kept = [{name: value for name, value in row.items() if value not in ("", [])} for row in rows]
    _write_lines(path, sorted(kept, key=lambda row: (row[order], json.dumps(row))))


def _write_lines(path: Path, records: list[Any]) -> None:
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
    _write(path, "[\n" + ",\n".join(lines) + "\n]\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
