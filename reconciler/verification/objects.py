"""Raw ARM objects of one snapshot as the checker reads them: hierarchy, references, and what each exemption covers.

Selectors are opaque: of the resources that some selectors choose, nothing is known but that those selectors choose them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.verification import standards
from reconciler.verification.standards import ASSESSMENTS, STANDARD_ASSIGNMENTS

JSON = Any
NEVER: Final = datetime.max.replace(tzinfo=UTC)
SINGLE: Final = "*"
"""The only reference of an assignment of one policy."""
EXEMPTIONS: Final = "/providers/microsoft.authorization/policyexemptions/"
POLICY_ASSIGNMENTS: Final = "/providers/microsoft.authorization/policyassignments/"
STAMPS: Final = {
    *("revision", "requestedBy", "run"),
    *("createdBy", "createdOn", "updatedBy", "updatedOn", "lastSyncedToArgOn"),
}
UNREAD_COVERAGE: Final = {"exemptions", "assignments", "descendants", "standard assignments"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one exemption object exempts: folded scope, assignment and references, until when, for which selectors.

    `metadata` are the object's own notes, our mark among them, wherever it carries them; `properties` are as ARM has them.
    """

    id: str
    scope: str
    assignment: str
    references: frozenset[str]
    end: datetime
    selectors: str
    category: str
    description: str
    metadata: Mapping[str, JSON]
    properties: Mapping[str, JSON]
    system: Mapping[str, JSON] = field(default_factory=dict)

    def covers(self, point: Point, chain: Sequence[str], now: datetime) -> bool:
        """Whether `point`, whose scope and containers are `chain`, is exempt because of this object."""
        return (
            self.end > now
            and self.assignment == point.assignment
            and point.reference in self.references
            and self.selectors in ("", point.selectors, point.also)
            and self.scope in chain
        )


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Point:
    """A place where coverage can be told: a folded scope, assignment and reference, and the resources there that folded
    `selectors` choose, and those of another object (`also`) as well.
    """

    scope: str
    assignment: str
    reference: str
    selectors: str = ""
    also: str = ""


class Tenant:
    """One snapshot, indexed: hierarchy, assignments, the references of each, and the exemptions as coverage."""

    def __init__(self, snapshot: Mapping[str, JSON]) -> None:
        self.snapshot = snapshot
        self.now = instant(snapshot["takenAt"])
        self.looked_at = {node["id"].lower(): node["expected"] for node in snapshot["hierarchy"]}
        self.parents = {node["id"].lower(): (node["parent"] or "").lower() for node in snapshot["hierarchy"]}
        self.assignments = {value["id"].lower(): value["properties"] for value in snapshot["policyAssignments"]}
        sets = snapshot["policySetDefinitions"]
        self.members = {
            key.lower(): {
                member["policyDefinitionReferenceId"].lower(): unversioned(member["policyDefinitionId"])
                for member in sets[position]["properties"]["policyDefinitions"]
            }
            for key, position in snapshot["initiativeOfAssignment"].items()
        }
        for key, properties in self.assignments.items():
            if "/policysetdefinitions/" not in properties["policyDefinitionId"].lower():
                self.members[key] = {SINGLE: unversioned(properties["policyDefinitionId"])}
        self.exemptions = {
            value["id"].lower(): self.coverage(value["id"].lower(), value["properties"], value.get("systemData"))
            for value in (*snapshot["policyExemptions"], *snapshot.get("standardAssignments", ()))
        }
        self.add_assessments(exemption.assignment for exemption in self.exemptions.values())
        self._chains: dict[str, tuple[str, ...]] = {}

    def add_assessments(self, keys: Iterable[str]) -> None:
        """Those of the folded ids that are of assessments, as assignments that each evaluate one thing everywhere."""
        for key in keys:
            if key.startswith(ASSESSMENTS):
                self.assignments[key] = {"policyDefinitionId": key}
                self.members[key] = {SINGLE: key}

    def coverage(self, key: str, properties: Mapping[str, JSON], system: JSON = None) -> Coverage:
        """What an exemption with these ARM properties covers, whichever kind of object it is."""
        form = properties
        if standards.is_standard(properties):
            form, system = standards.as_exemption(properties), system or standards.authorship(properties)
        assignment = str(form.get("policyAssignmentId") or "").lower()
        listed = frozenset(str(name).lower() for name in form.get("policyDefinitionReferenceIds") or ())
        return Coverage(
            id=key,
            scope=scope_of(key),
            assignment=assignment,
            references=listed or frozenset(self.members.get(assignment, {SINGLE: ""})),
            end=instant(form.get("expiresOn")),
            selectors=selector_key(form.get("resourceSelectors")),
            category=str(form.get("exemptionCategory") or "").lower(),
            description=str(form.get("description") or ""),
            metadata=form.get("metadata") or {},
            properties=properties,
            system=system or {},
        )

    def chain(self, scope: str) -> tuple[str, ...]:
        """The folded scope and everything that contains it, the nearest first."""
        if scope not in self._chains:
            self._chains[scope] = tuple(_containers(scope, self.parents))
        return self._chains[scope]

    def is_left_out(self, scope: str) -> bool:
        """Whether the run was narrowed to other scopes: what is declared here is no business of its plan."""
        return not next((self.looked_at[key] for key in self.chain(scope) if key in self.looked_at), True)

    def is_unread(self, scope: str, *, is_standard: bool = True) -> bool:
        """Whether exemptions or assignments at, above or below the scope could not be read. For a policy exemption
        (`is_standard` false) what Defender did not show does not matter: what moves between the kinds waits anyway.
        """
        chain = self.chain(scope)
        return any(
            unread in chain or scope in self.chain(unread) for unread in self._unread_lists(is_standard=is_standard)
        )

    def is_unlisted(self, scope: str) -> bool:
        """Whether what sits at the scope is unknown: the list of what holds it, the nearest group or subscription that the
        run is about, could not be read. Defender's counts where anything in the tenant is exempted there, or is to be.
        """
        holder = next((key for key in self.chain(scope) if self.looked_at.get(key)), None)
        is_standard = any(key.startswith(ASSESSMENTS) for key in self.assignments)
        return holder in self._unread_lists(is_standard=is_standard)

    @property
    def has_hidden_descendants(self) -> bool:
        """Whether some group's descendants could not be read: what no chain leads to may lie there."""
        return any(entry["what"] == "descendants" for entry in self.snapshot["unread"])

    def _unread_lists(self, *, is_standard: bool) -> set[str]:
        lists = UNREAD_COVERAGE if is_standard else UNREAD_COVERAGE - {"standard assignments"}
        return {entry["scope"].lower() for entry in self.snapshot["unread"] if entry["what"] in lists}


def written_id(key: Mapping[str, JSON]) -> str:
    """The folded ARM id of the object that the key of a change or an outcome names."""
    kind = STANDARD_ASSIGNMENTS if ASSESSMENTS in key["assignment"].lower() else EXEMPTIONS
    return f"{key['scope'].lower()}{kind}{key['name'].lower()}"


def scope_of(key: str) -> str:
    """The folded scope at which the exemption with this folded id sits."""
    return key.rsplit(EXEMPTIONS, 1)[0].rsplit(STANDARD_ASSIGNMENTS, 1)[0]


def place_of(assignment: str) -> str:
    """The folded scope of an assignment; empty for an assessment, which is evaluated everywhere."""
    return "" if assignment.startswith(ASSESSMENTS) else assignment.rsplit(POLICY_ASSIGNMENTS, 1)[0]


def instant(text: JSON) -> datetime:
    """When an expiry ends: a date through the last second of that day; nothing is never."""
    if not text:
        return NEVER
    value = str(text)
    if len(value) == len("2027-01-31"):
        value += "T23:59:59Z"
    value = re.sub(r"(\.\d{6})\d+", r"\1", value)
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def selector_key(groups: JSON) -> str:
    """Resource selectors as text that is equal for equal meaning, whatever their order, letters or names."""
    if not groups:
        return ""
    return json.dumps(
        sorted(
            sorted(
                [
                    part["kind"].lower(),
                    bool(part.get("notIn")),
                    sorted({str(x).lower() for x in part.get("in") or part.get("notIn") or ()}),
                ]
                for part in group.get("selectors") or ()
            )
            for group in groups
        )
    )


def comparable(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """ARM properties as a fingerprint sees them: empty is absent, lists are sets, ids and category in one case."""
    if standards.is_standard(properties):
        properties = standards.comparable(properties)
    folded = dict(properties)
    folded["policyAssignmentId"] = str(properties.get("policyAssignmentId") or "").lower()
    folded["policyDefinitionReferenceIds"] = sorted(
        {r.lower() for r in properties.get("policyDefinitionReferenceIds") or ()}
    )
    category = str(properties.get("exemptionCategory") or "")
    folded["exemptionCategory"] = {"waiver": "Waiver", "mitigated": "Mitigated"}.get(category.lower(), category)
    if str(properties.get("assignmentScopeValidation") or "default").lower() == "default":
        folded.pop("assignmentScopeValidation", None)
    if end := str(properties.get("expiresOn") or ""):
        match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|[+-]00:?00)?", end)
        digits = (match[3] or "")[:7].rstrip("0") if match else ""
        folded["expiresOn"] = (
            f"{match[1]}T{match[2]}{'.' + digits if digits else ''}Z"
            if match
            else instant(end).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    if groups := properties.get("resourceSelectors"):
        names = sorted(group.get("name") or "" for group in groups)
        folded["resourceSelectors"] = [names, json.loads(selector_key(groups))]
    metadata = {key: value for key, value in (properties.get("metadata") or {}).items() if key not in STAMPS}
    if isinstance(metadata.get("target"), str):
        metadata["target"] = metadata["target"].lower()
    folded["metadata"] = metadata
    return {key: value for key, value in folded.items() if value not in ("", [], {}, None)}


def sha256(value: JSON) -> str:
    """sha256 (hex) of compact JSON with sorted keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def unversioned(definition: str) -> str:
    """A definition's folded id, without the version that newer assignments put behind it."""
    return definition.lower().split("/versions/", 1)[0]


def _containers(scope: str, parents: Mapping[str, str]) -> Iterator[str]:
    parts = scope.strip("/").split("/")
    while len(parts) > 1:
        key = "/" + "/".join(parts)
        yield key
        if len(parts) == 2 or key.startswith("/providers/microsoft.management/managementgroups/"):
            break
        parts = parts[:-4] if len(parts) >= 4 and parts[-4] == "providers" else parts[:-2]
    key, passed = parents.get("/" + "/".join(parts), ""), set[str]()
    while key and key not in passed:
        passed.add(key)
        yield key
        key = parents.get(key, "")
