"""Reads what Defender for Cloud can recommend: from extracts of Microsoft's documentation and of recorded answers.

Evidence for the policies behind a recommendation, the firmest first: a policy's own rule names the assessment; a
recording of the assessment metadata of 2022; the documentation; equal names; a recording of 2020. A policy whose rule
only reads the assessment (`readBy`) does not stand behind it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from policy_source import POLICY, name_of

Row: TypeAlias = dict[str, Any]

_LOST_BRACKET = re.compile(r"(?:Deprecated|Preview)\]", re.IGNORECASE)
_APPENDED_KEY = re.compile(r"\s*\(key: [0-9a-f-]{36}\)$", re.IGNORECASE)
_FIRMER_THAN_A_RECORDING = "azure-policy"
_ALONE: Row = {"alone": True}
"""Individual recommendations and those that took another's place: Defender evaluates them without a policy."""

_CLOUDS_IN_TITLES = (("EC2", "AWS"), ("AWS", "AWS"), ("GCP", "GCP"), ("VM instances", "GCP"))


@dataclass(slots=True, kw_only=True)
class Recommendations:
    """What Defender can recommend: rows by key, titles without a key, the policies behind that no initiative has, the
    categories that exemptions can name, the source, and the folded titles of what Microsoft lists as unsupported.
    """

    rows: dict[str, Row]
    keyless: list[Row]
    policies: list[Row]
    origin: Row
    unsupported_titles: set[str]
    categories: list[Row] = field(default_factory=list)


def read_recommendations(folder: Path) -> Recommendations:
    """The recommendations in a folder of extracts: `recommendations.json` and `unsupported-exemptions.json`, and where
    they are there `assessment-metadata-2022-10.json` and `transition-2026.json`.

    Raises:
        SystemExit: a title has a bracket without its counterpart.
    """
    documented, unsupported = read(folder / "recommendations.json"), read(folder / "unsupported-exemptions.json")
    keys = {key.lower() for row in unsupported["recommendations"] for key in row["assessmentKeys"]}
    titles = {fold(row["displayName"]) for row in unsupported["recommendations"]}
    result = Recommendations(
        rows={key.lower(): _row(key, row, keys) for key, row in documented["recommendations"].items()},
        keyless=[_keyless(row, titles) for row in documented["docRecommendationsWithoutKnownKey"]],
        policies=_policies(documented["recommendations"]),
        origin=_origin(documented, unsupported),
        unsupported_titles=titles,
    )
    _check_brackets([*result.rows.values(), *result.keyless])
    if (recorded := folder / "assessment-metadata-2022-10.json").exists():
        _add_recording(result, read(recorded))
    if (transition := folder / "transition-2026.json").exists():
        _add_transition(result, read(transition))
    return result


def bundled_recommendations(data: Path) -> Recommendations:
    """What an earlier run wrote into a data folder."""
    policies = read(data / "public" / "policies.json")
    return Recommendations(
        rows={row["key"]: row for row in read(data / "recommendations.json")},
        keyless=read(data / "keyless.json"),
        policies=read(data / "policies.json"),
        origin=read(data / "sources.json")["defender"],
        unsupported_titles={fold(row["title"]) for row in policies if "unsupported" in row.get("flags", ())},
        categories=read(data / "categories.json"),
    )


def fold(title: str) -> str:
    """The form in which titles are compared."""
    return " ".join(title.split()).casefold()


def read(path: Path) -> Any:
    """The JSON in a file."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


# --- the documentation -----------------------------------------------------------------------------------------------


def _row(key: str, source: Row, unsupported: set[str]) -> Row:
    title = _title(source["displayName"])
    evidence, policies = _behind(source)
    preview = source.get("previewTagInDocs") or source.get("preview") or "(preview)" in title.lower()
    flags = {"preview": preview, "suspect": source.get("suspectKey"), "unsupported": key.lower() in unsupported}
    return {
        "key": key.lower(),
        "title": title,
        "severity": source["severity"] or "",
        "environment": source["environment"],
        "policies": policies,
        "readBy": [name_of(row["policyDefinitionId"], POLICY) for row in source.get("readBy", ())],
        "types": sorted(source["resourceTypes"]),
        "categories": source.get("categories") or [],
        "evidence": evidence,
        "flags": [flag for flag, is_set in flags.items() if is_set],
    }


def _behind(source: Row) -> tuple[str, list[str]]:
    """How the policies behind a recommendation are known, and which they are. Where only a recording of 2020 names one
    (the documentation links none), it counts as not known.
    """
    if not source["policyDefinitionId"]:
        return "", []
    current = [row["policyDefinitionId"] for row in source.get("policies", ()) if not row.get("superseded")]
    names = [name_of(identifier, POLICY) for identifier in [source["policyDefinitionId"], *current]]
    return source["policyMappingSource"], list(dict.fromkeys(names))


def _title(written: str) -> str:
    """A documented title as Defender shows it. The documentation puts titles into square brackets, as links, and the
    extraction takes one bracket too many off those that begin with one; other headings end in the key or in the name of
    the site, or lack the last parenthesis.
    """
    title = _APPENDED_KEY.sub("", written.strip()).removesuffix(" - Microsoft Azure")
    title = f"[{title}" if _LOST_BRACKET.match(title) else title
    return f"{title})" if title.count("(") == title.count(")") + 1 else title


def _check_brackets(rows: list[Row]) -> None:
    """A declaration names a recommendation by its exact title, which a lost bracket would spoil unnoticed."""
    odd = [row["title"] for row in rows if any(row["title"].count(a) != row["title"].count(b) for a, b in ("()", "[]"))]
    if odd:
        raise SystemExit(f"{len(odd)} titles have a bracket without its counterpart, such as {odd[0]!r}")


def _keyless(source: Row, unsupported: set[str]) -> Row:
    """A documented title whose key no public source names."""
    return {
        "title": _title(source["displayName"]),
        "severity": source["severity"] or "",
        "environment": next((name for name in ("AWS", "GCP", "Azure") if name in source["section"]), ""),
        "policies": [name_of(identifier, POLICY) for identifier in source["policyDefinitionIds"]],
        "flags": ["unsupported"] if fold(source["displayName"]) in unsupported else [],
    }


def _policies(recommendations: dict[str, Row]) -> list[Row]:
    """The policies behind recommendations, of which title and mode are all that the documentation says."""
    rows: dict[str, Row] = {}
    for source in recommendations.values():
        if source["policyDefinitionId"]:
            name, title = name_of(source["policyDefinitionId"], POLICY), source["policyDisplayName"]
            flags = {"preview": title.startswith("[Preview]"), "deprecated": source.get("policyDeprecated")}
            rows[name] = {
                "name": name,
                "title": title,
                "mode": source["policyMode"],
                "flags": [flag for flag, is_set in flags.items() if is_set],
            }
    return list(rows.values())


def _origin(documented: Row, unsupported: Row) -> Row:
    commit, _, date = documented["_source"]["docsCommit"].partition(" ")
    origin = {
        "repo": "https://github.com/MicrosoftDocs/azure-security-docs",
        "commit": commit,
        "date": date.strip("()"),
    }
    listing = re.search(r"\d{4}-\d{2}-\d{2}", unsupported["_source"])
    return origin | ({"release": f"list of unsupported exemptions of {listing[0]}"} if listing else {})


# --- recorded metadata -----------------------------------------------------------------------------------------------


def _add_recording(result: Recommendations, source: Row) -> None:
    """Adds the keys that only the recording has, with its date: documentation of today has other keys by the same
    titles. To documented ones it adds policies where nothing firmer names them, and categories; titles, severities and
    previews are newer there.
    """
    date = source["_source"]["recordedAt"][:10]
    for key, recorded in source["assessmentMetadata"].items():
        documented = key in result.rows
        row = result.rows.setdefault(key, _recorded_row(key, recorded, date))
        row["categories"] = recorded["categories"]
        policy = recorded["policyDefinitionId"]
        if policy and row["evidence"] != _FIRMER_THAN_A_RECORDING and name_of(policy, POLICY) not in row["policies"]:
            row |= {"policies": [name_of(policy, POLICY)], "evidence": "recorded"}
            if documented:
                row["types"] = []  # they were those of the policy that is replaced
    titles = {fold(row["title"]) for row in result.rows.values() if "recorded" not in row}
    result.keyless = [row for row in result.keyless if fold(row["title"]) not in titles]


def _recorded_row(key: str, recorded: Row, date: str) -> Row:
    return {
        "key": key,
        "title": recorded["displayName"].strip(),
        "severity": recorded["severity"],
        "environment": recorded["cloudProviders"][0] if len(recorded["cloudProviders"]) == 1 else "",
        "policies": [],
        "readBy": [],
        "types": [],
        "categories": [],
        "evidence": "",
        "recorded": date,
        "flags": ["preview"] if recorded["preview"] else [],
    }


# --- the transition of 2026 ------------------------------------------------------------------------------------------


def _add_transition(result: Recommendations, source: Row) -> None:
    """Adds what was retired, with its successors or its category, and what came instead."""
    labels = source["categories"]["portalLabels"]
    result.categories = [{"name": name, "label": labels.get(name, "")} for name in source["categories"]["values"]]
    removed = source["retiredGrouped"]["removed"]
    for key, grouped in source["retiredGrouped"]["keys"].items():
        row = result.rows.setdefault(key, _new_row(key, grouped["displayName"], environment=_cloud(grouped)))
        successors = grouped.get("newIndividual", [])
        row["retired"] = _retired("grouped", date=removed, category=grouped["category"], successors=successors)
    for key, replaced in source["replacedIdentity"]["keys"].items():
        row = result.rows.setdefault(key, _new_row(key, replaced["displayName"], environment="Azure"))
        date = source["replacedIdentity"]["retired"]
        row["retired"] = _retired("replaced", date=date, successors=[replaced["successor"]])
        successor = replaced["successor"]
        row = _new_row(successor, replaced["displayName"], environment="Azure")
        result.rows.setdefault(successor, row | _ALONE)
    families = source["deprecatedKubernetesFamilies"]
    for key in (key for family in families["families"] for key in family["assessmentKeys"]):
        result.rows[key]["retired"] = _retired("deprecated", date=families["deprecated"])
    for key, title in source["newIndividual"]["keys"].items():
        result.rows.setdefault(key, _new_row(key, title) | _ALONE)
    for key, rule in source["sqlVulnerabilityRules"]["keys"].items():
        row = _new_row(key, rule["displayName"], environment="Azure", severity=rule["ruleSeverity"])
        result.rows.setdefault(key, row | _ALONE)


def _retired(reason: str, *, date: str | None, category: str | None = None, successors: Iterable[str] = ()) -> Row:
    row = {"reason": reason, "date": date, "category": category, "successors": list(successors)}
    return {name: value for name, value in row.items() if value}


def _new_row(key: str, title: str, *, environment: str = "", severity: str = "") -> Row:
    row = {"key": key, "title": title.strip(), "severity": severity, "environment": environment, "policies": []}
    return row | {"evidence": "", "flags": []}


def _cloud(grouped: Row) -> str:
    if grouped["plan"] == "DevOps":
        return "DevOps"
    return next((cloud for words, cloud in _CLOUDS_IN_TITLES if words in grouped["displayName"]), "Azure")
