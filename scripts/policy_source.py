"""Reads Azure's built-in policies and initiatives, from a checkout of Azure/azure-policy or from extracts of it.

Of each definition the facts are taken (identifiers, titles, versions, modes, effects, resource types, reference ids),
never a description. Both forms come out as the rows that the catalogue ships.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

PREFIX = "/providers/microsoft.authorization/"
POLICY = f"{PREFIX}policydefinitions/"
INITIATIVE = f"{PREFIX}policysetdefinitions/"
GOVERNMENT = "Azure Government"
ASSESSMENT = "microsoft.security/assessments"
Row: TypeAlias = dict[str, Any]
Pairs: TypeAlias = frozenset[tuple[str, str]]
"""The members of an initiative: policy name and reference id."""

_PARAMETER = re.compile(r"\[parameters\('([^']+)'\)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an initiative holds in one or more of its versions, newest first."""

    versions: tuple[str, ...]
    members: Pairs


@dataclass(slots=True, kw_only=True)
class Source:
    """One edition's initiatives with their members, the policies in them, and where they come from.

    `contents` has the initiatives whose versions differ, by name, each newest first; None where the source has no
    history.
    """

    origin: Row
    initiatives: list[Row]
    policies: list[Row]
    contents: dict[str, list[Content]] | None = None
    members: set[str] = field(init=False)

    def __post_init__(self) -> None:
        """Keeps the policies that an initiative has, in any version.

        Raises:
            SystemExit: an initiative has a policy that is not defined.
        """
        self.members = {name for row in self.initiatives for name, _ in row["members"]}
        self.policies = [row for row in self.policies if row["name"] in self.members]
        undefined = self.members - {row["name"] for row in self.policies}
        if undefined:
            raise SystemExit(f"{len(undefined)} policies are in initiatives but not defined, such as {min(undefined)}")


def read_source(folder: Path, edition: str) -> Source:
    """The edition (public or usgov) in a checkout's root, or in a folder of extracts."""
    if (folder / "built-in-policies").is_dir():
        return _from_checkout(folder, edition)
    return _from_extracts(folder, edition)


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


def _from_extracts(root: Path, edition: str) -> Source:
    """`initiatives.json` and `policies.json`, each an object by id, and `initiative-versions.json` for all editions."""
    folder = root if edition == "public" else root / edition
    sets = json.loads((folder / "initiatives.json").read_text(encoding="utf-8"))
    policies = json.loads((folder / "policies.json").read_text(encoding="utf-8"))["policies"]
    initiatives = [_extracted_set(key, row) for key, row in sets["initiatives"].items()]
    history = root / "initiative-versions.json"
    return Source(
        origin={name: sets["_source"][name] for name in ("repo", "commit", "release", "date")},
        initiatives=initiatives,
        policies=[_extracted_policy(key, row) for key, row in policies.items()],
        contents=_extracted_contents(history, edition, initiatives) if history.exists() else None,
    )


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


def _extracted_contents(path: Path, edition: str, initiatives: list[Row]) -> dict[str, list[Content]]:
    """Each content is given as its difference from the current one."""
    current = {row["name"]: frozenset(row["members"]) for row in initiatives}
    history = json.loads(path.read_text(encoding="utf-8"))[edition]
    return {
        name: [
            Content(
                versions=tuple(content["versions"]),
                members=current[name] - _pairs(content.get("without", ())) | _pairs(content.get("with", ())),
            )
            for content in row["contents"]
        ]
        for name, row in ((name_of(identifier, INITIATIVE), row) for identifier, row in history.items())
    }


def _pairs(rows: Iterable[list[str]]) -> Pairs:
    return frozenset((policy.lower(), reference) for policy, reference in rows)


def _flags(row: Row) -> list[str]:
    return [flag for flag in ("preview", "deprecated") if row.get(flag)]


# --- a checkout ------------------------------------------------------------------------------------------------------


def _from_checkout(root: Path, edition: str) -> Source:
    """The definitions below `built-in-policies`; the government's own come before those shared with the public."""
    definitions = root / "built-in-policies" / "policyDefinitions"
    sets = root / "built-in-policies" / "policySetDefinitions"
    policies = {row["name"]: row for row in map(_policy, _files(definitions, government=False))}
    if edition == "usgov":
        policies |= {row["name"]: row for row in map(_policy, _files(definitions, government=True))}
    return Source(
        origin=_origin(root),
        initiatives=[_set(value) for value in _files(sets, government=edition == "usgov")],
        policies=list(policies.values()),
    )


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
        "category": metadata.get("category", ""),
        "flags": _flags(metadata),
    }
    return _initiative(value["id"], header, properties["policyDefinitions"])


def _policy(value: Row) -> Row:
    properties = value["properties"]
    rule, metadata = properties["policyRule"], properties.get("metadata", {})
    effect = _effect(rule["then"]["effect"], properties.get("parameters", {}))
    return {
        "name": name_of(value["id"], POLICY),
        "title": properties["displayName"],
        "version": properties.get("version") or metadata.get("version") or "",
        "mode": properties.get("mode") or "",
        "effect": effect,
        "types": sorted({name.lower() for name in _types(rule["if"])}),
        "assessment": _assessment(rule["then"].get("details"), effect),
        "flags": _flags(metadata),
    }


def _assessment(details: object, effect: str) -> str:
    """The key of the assessment that the rule turns into a verdict. A policy that deploys something, or that only asks
    whether the assessment exists, reads it; to exempt that policy does nothing to the recommendation.
    """
    if not isinstance(details, dict) or str(details.get("type", "")).lower() != ASSESSMENT:
        return ""
    judges = "status.code" in json.dumps(details.get("existenceCondition", "status.code")).lower()
    return str(details.get("name", "")).lower() if judges and effect.lower() != "deployifnotexists" else ""


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
            yield from (name for name in named if isinstance(name, str) and not name.startswith("["))
        for name, part in condition.items():
            if name != "not":
                yield from _types(part)
