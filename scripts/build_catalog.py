"""Builds the facts that the catalogue ships, in reconciler/catalog/data, from public sources.

    python scripts/build_catalog.py --policy DIR --defender DIR

DIR of `--policy` holds `initiatives.json` and `policies.json` (and the same two below `usgov/`); DIR of `--defender`
holds `recommendations.json` and `unsupported-exemptions.json`. Only facts are taken over: identifiers, reference ids,
titles, severities, modes, effects and resource types, never a description. The output depends on nothing but the
input: one record a line, sorted, so that a newer source shows as a readable difference in a pull request.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "reconciler" / "catalog" / "data"
BUILT_IN = "/providers/microsoft.authorization/"
POLICY = f"{BUILT_IN}policydefinitions/"
INITIATIVE = f"{BUILT_IN}policysetdefinitions/"
EDITIONS = {"public": "", "usgov": "usgov"}
Row = dict[str, Any]


def main() -> None:
    """Reads both sources and writes the facts of both editions."""
    arguments = _arguments()
    defender = _read(arguments.defender / "recommendations.json")
    listed = _read(arguments.defender / "unsupported-exemptions.json")
    recommendations = [_recommendation(key, row) for key, row in defender["recommendations"].items()]
    keyless = [_keyless(row) for row in defender["docRecommendationsWithoutKnownKey"]]
    _mark_unsupported(recommendations, keyless, listed)
    out = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    sources = {"defender": _defender_source(defender, listed)}
    for edition, folder in EDITIONS.items():
        initiatives = _read(arguments.policy / folder / "initiatives.json")
        policies = _read(arguments.policy / folder / "policies.json")
        sources[edition] = _policy_source(initiatives)
        rows = [_policy(identifier, row) for identifier, row in policies["policies"].items()]
        if edition == "public":
            _write_rows(
                out / "retired.json", _retired(defender["recommendations"], {row["name"] for row in rows}), "name"
            )
        _mark_listed_policies(rows, recommendations + keyless, listed)
        _write_rows(out / edition / "policies.json", rows, "name")
        _write_initiatives(out / edition, initiatives["initiatives"])
    _write_rows(out / "recommendations.json", recommendations, "key")
    _write_rows(out / "keyless.json", keyless, "title")
    _write(out / "sources.json", json.dumps(sources, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--policy", type=Path, required=True, metavar="DIR", help="initiatives and policies")
    parser.add_argument("--defender", type=Path, required=True, metavar="DIR", help="recommendations")
    parser.add_argument("--out", type=Path, default=DATA, metavar="DIR", help="default: the package's own data")
    return parser.parse_args()


# --- recommendations -----------------------------------------------------------------------------------------------


def _recommendation(key: str, source: Row) -> Row:
    policies = source.get("allPolicyDefinitionIds") or [source["policyDefinitionId"]]
    flags = []
    if source.get("previewTagInDocs") or "(preview)" in source["displayName"].lower():
        flags.append("preview")
    if source.get("suspectKey"):
        flags.append("suspect")
    return {
        "key": key.lower(),
        "title": source["displayName"].strip(),
        "severity": source["severity"] or "",
        "environment": source["environment"],
        "policies": [_name(identifier, POLICY) for identifier in policies if identifier],
        "types": sorted(source["resourceTypes"]),
        "evidence": source["policyMappingSource"] or "",
        "flags": flags,
    }


def _keyless(source: Row) -> Row:
    """A documented title whose key no public source names."""
    return {
        "title": source["displayName"].strip(),
        "severity": source["severity"] or "",
        "environment": _environment(source["section"]),
        "policies": [_name(identifier, POLICY) for identifier in source["policyDefinitionIds"]],
        "flags": [],
    }


def _environment(section: str) -> str:
    """The environment that a heading of the documentation names; empty where it names none."""
    return next((name for name in ("AWS", "GCP", "Azure") if name in section), "")


def _mark_unsupported(recommendations: list[Row], keyless: list[Row], listed: Row) -> None:
    keys = {key.lower() for row in listed["recommendations"] for key in row["assessmentKeys"]}
    titles = _listed_titles(listed)
    for row in recommendations:
        if row["key"] in keys:
            row["flags"].append("unsupported")
    for row in keyless:
        if _fold(row["title"]) in titles:
            row["flags"].append("unsupported")


def _mark_listed_policies(policies: list[Row], recommendations: list[Row], listed: Row) -> None:
    """A policy is listed through a recommendation that rests on it, or by its own title."""
    titles = _listed_titles(listed)
    names = {name for row in recommendations if "unsupported" in row["flags"] for name in row["policies"]}
    for row in policies:
        if row["name"] in names or _fold(row["title"]) in titles:
            row["flags"].append("unsupported")


def _listed_titles(listed: Row) -> set[str]:
    return {_fold(row["displayName"]) for row in listed["recommendations"]}


# --- policies and initiatives ------------------------------------------------------------------------------------------


def _policy(identifier: str, source: Row) -> Row:
    return {
        "name": _name(identifier, POLICY),
        "title": source["displayName"],
        "version": source["version"] or "",
        "mode": source["mode"] or "",
        "effect": source["effectDefault"] or "",
        "types": sorted(source.get("resourceTypes") or []),
        "assessment": (source.get("assessmentKey") or "").lower(),
        "flags": [flag for flag in ("preview", "deprecated") if source.get(flag)],
    }


def _retired(recommendations: dict[str, Row], known: set[str]) -> list[Row]:
    """Policies that stand behind a recommendation but in no public initiative; of these only title and mode are known."""
    rows: dict[str, Row] = {}
    for source in recommendations.values():
        identifier = source["policyDefinitionId"]
        if identifier and _name(identifier, POLICY) not in known:
            title = source["policyDisplayName"]
            flags = ["preview"] if title.startswith("[Preview]") else []
            flags += ["deprecated"] if source.get("policyDeprecated") else []
            row = {"name": _name(identifier, POLICY), "title": title, "version": "", "mode": source["policyMode"]}
            rows[row["name"]] = {**row, "effect": "", "types": [], "assessment": "", "flags": flags}
    return list(rows.values())


def _write_initiatives(folder: Path, initiatives: dict[str, Row]) -> None:
    index = []
    for identifier, source in initiatives.items():
        name = _name(identifier, INITIATIVE)
        members = sorted(
            (_name(entry["policyDefinitionId"], POLICY), entry["policyDefinitionReferenceId"])
            for entry in source["policyDefinitions"]
        )
        header = {"name": name, "title": source["displayName"], "version": source["version"]}
        flags = [flag for flag in ("preview", "deprecated") if source.get(flag)]
        index.append({**header, "category": source["category"], "members": len(members), "flags": flags})
        _write_lines(folder / "members" / f"{name}.json", members)
    _write_rows(folder / "initiatives.json", index, "name")


def _policy_source(initiatives: Row) -> Row:
    return {name: initiatives["_source"][name] for name in ("repo", "commit", "release", "date")}


def _defender_source(defender: Row, listed: Row) -> Row:
    commit, _, date = defender["_source"]["docsCommit"].partition(" ")
    return {
        "repo": "https://github.com/MicrosoftDocs/azure-security-docs",
        "commit": commit,
        "date": date.strip("()"),
        "unsupported": listed["_source"],
    }


# --- forms -----------------------------------------------------------------------------------------------------------


def _name(identifier: str, prefix: str) -> str:
    """The bare name of a built-in. It is opaque: one that looks like a GUID has a k in it."""
    if not identifier.lower().startswith(prefix) or "/" in identifier[len(prefix) :]:
        raise SystemExit(f"{identifier} is not the id of a built-in below {prefix}")
    return identifier[len(prefix) :].lower()


def _fold(title: str) -> str:
    return " ".join(title.split()).casefold()


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


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
