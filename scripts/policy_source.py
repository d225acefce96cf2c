"""Reads Azure's built-in policies and initiatives, from a checkout of Azure/azure-policy or from extracts of it.

Of each definition the facts are kept (identifiers, titles, versions, modes, effects, resource types, reference ids),
never a description. Both forms come out as the rows that the catalogue ships.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PREFIX = "/providers/microsoft.authorization/"
POLICY = f"{PREFIX}policydefinitions/"
INITIATIVE = f"{PREFIX}policysetdefinitions/"
CATEGORIES = {"Regulatory Compliance", "Security Center"}
GOVERNMENT = "Azure Government"
Row = dict[str, Any]

_PARAMETER = re.compile(r"\[parameters\('([^']+)'\)\]")


class Source:
    """One edition's initiatives with members, the policies in them, and where they come from."""

    def __init__(self, origin: Row, initiatives: list[Row], policies: list[Row]) -> None:
        held = {name for row in initiatives for name, _ in row["members"]}
        self.origin = origin
        self.initiatives = initiatives
        self.policies = [row for row in policies if row["name"] in held]
        missing = held - {row["name"] for row in self.policies}
        if missing:
            raise SystemExit(f"{len(missing)} policies are in initiatives but not defined, such as {min(missing)}")


def read_source(folder: Path, edition: str) -> Source:
    """The edition (public or usgov) found in a checkout's root, or in a folder of extracts."""
    if (folder / "built-in-policies").is_dir():
        return _from_checkout(folder, edition)
    return _from_extracts(folder if edition == "public" else folder / edition)


def name_of(identifier: str, prefix: str) -> str:
    """The bare name of a built-in. It is opaque: one that looks like a GUID has a k in it."""
    if not identifier.lower().startswith(prefix) or "/" in identifier[len(prefix) :]:
        raise SystemExit(f"{identifier} is not the id of a built-in below {prefix}")
    return identifier[len(prefix) :].lower()


def _initiative(identifier: str, header: Row, entries: list[Row]) -> Row:
    members = sorted(
        (name_of(entry["policyDefinitionId"], POLICY), entry["policyDefinitionReferenceId"]) for entry in entries
    )
    return {"name": name_of(identifier, INITIATIVE), **header, "members": members}


# --- extracts --------------------------------------------------------------------------------------------------------


def _from_extracts(folder: Path) -> Source:
    """`initiatives.json` and `policies.json`, each an object by id."""
    sets = json.loads((folder / "initiatives.json").read_text(encoding="utf-8"))
    policies = json.loads((folder / "policies.json").read_text(encoding="utf-8"))["policies"]
    origin = {name: sets["_source"][name] for name in ("repo", "commit", "release", "date")}
    initiatives = [_extracted_set(key, row) for key, row in sets["initiatives"].items()]
    return Source(origin, initiatives, [_extracted_policy(key, row) for key, row in policies.items()])


def _extracted_set(identifier: str, row: Row) -> Row:
    header = {"title": row["displayName"], "version": row["version"], "category": row["category"], "flags": _flags(row)}
    return _initiative(identifier, header, row["policyDefinitions"])


def _extracted_policy(identifier: str, row: Row) -> Row:
    return {
        "name": name_of(identifier, POLICY),
        "title": row["displayName"],
        "version": row["version"] or "",
        "mode": row["mode"] or "",
        "effect": row["effectDefault"] or "",
        "types": sorted(row.get("resourceTypes") or []),
        "assessment": (row.get("assessmentKey") or "").lower(),
        "flags": _flags(row),
    }


def _flags(row: Row) -> list[str]:
    return [flag for flag in ("preview", "deprecated") if row.get(flag)]


# --- a checkout ------------------------------------------------------------------------------------------------------


def _from_checkout(root: Path, edition: str) -> Source:
    """The definitions below `built-in-policies`; the government's own come before those shared with the public."""
    definitions = root / "built-in-policies" / "policyDefinitions"
    sets = root / "built-in-policies" / "policySetDefinitions"
    policies = {row["name"]: row for row in map(_policy, _files(definitions, government=False))}
    own_sets = _files(sets, government=edition == "usgov")
    if edition == "usgov":
        policies |= {row["name"]: row for row in map(_policy, _files(definitions, government=True))}
    initiatives = [_set(value) for value in own_sets if _category(value) in CATEGORIES]
    return Source(_origin(root), initiatives, list(policies.values()))


def _category(value: Row) -> str:
    return str(value["properties"].get("metadata", {}).get("category", ""))


def _files(folder: Path, *, government: bool) -> Iterator[Row]:
    for path in sorted(folder.rglob("*.json")):
        if (GOVERNMENT in path.relative_to(folder).parts) == government:
            value = json.loads(path.read_text(encoding="utf-8-sig"))
            if value.get("properties", {}).get("policyType") in {"BuiltIn", "Static"}:
                yield value


def _origin(root: Path) -> Row:
    command = ["git", "-C", str(root), "log", "-1", "--format=%H %cs %s"]
    commit, date, subject = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(" ", 2)
    return {"repo": "https://github.com/Azure/azure-policy", "commit": commit, "date": date, "release": subject.strip()}


def _set(value: Row) -> Row:
    properties = value["properties"]
    metadata = properties["metadata"]
    header = {
        "title": properties["displayName"],
        "version": properties.get("version") or metadata.get("version") or "",
        "category": metadata["category"],
        "flags": _flags(metadata),
    }
    return _initiative(value["id"], header, properties["policyDefinitions"])


def _policy(value: Row) -> Row:
    properties = value["properties"]
    rule, metadata = properties["policyRule"], properties.get("metadata", {})
    details = rule["then"].get("details")
    assessed = isinstance(details, dict) and str(details.get("type", "")).lower() == "microsoft.security/assessments"
    return {
        "name": name_of(value["id"], POLICY),
        "title": properties["displayName"],
        "version": properties.get("version") or metadata.get("version") or "",
        "mode": properties.get("mode") or "",
        "effect": _effect(rule["then"]["effect"], properties.get("parameters", {})),
        "types": sorted({found.lower() for found in _types(rule["if"])}),
        "assessment": str(details.get("name", "")).lower() if assessed else "",
        "flags": _flags(metadata),
    }


def _effect(written: str, parameters: Row) -> str:
    """The effect, or the default of the parameter that holds it; without a default the parameter's own expression."""
    parameter = _PARAMETER.fullmatch(written)
    return parameters.get(parameter[1], {}).get("defaultValue", written) if parameter else written


def _types(condition: object) -> Iterable[str]:
    """The resource types that a rule's condition names with `equals` or `in`, wherever they stand in it."""
    if isinstance(condition, list):
        for part in condition:
            yield from _types(part)
    elif isinstance(condition, dict):
        if condition.get("field") == "type":
            several = condition.get("in")  # a list, or an expression that gives one
            named = several if isinstance(several, list) else [condition.get("equals")]
            yield from (found for found in named if isinstance(found, str) and not found.startswith("["))
        for name, part in condition.items():
            if name != "not":
                yield from _types(part)
