"""Small tenants as values: builds snapshots, declarations and live exemptions for tests of the pure core."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.catalog.catalogue import Catalogue, load
from reconciler.model import (
    ArmId,
    Assignment,
    Category,
    Declaration,
    Exemption,
    Initiative,
    Member,
    Settings,
    Snapshot,
    Source,
    Subject,
    SubjectKind,
    SystemData,
    arm_id,
)
from reconciler.planning.allowances import Allowances
from reconciler.planning.planner import make_plan
from reconciler.planning.provenance import Commit, NoHistory
from reconciler.planning.values import Plan

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TENANT = "00000000-0000-4000-8000-00000000aaaa"
ROOT = arm_id("/providers/Microsoft.Management/managementGroups/contoso")
LEFT = arm_id("/providers/Microsoft.Management/managementGroups/left")
SUB = arm_id("/subscriptions/00000000-0000-4000-8000-000000000001")
OTHER_SUB = arm_id("/subscriptions/00000000-0000-4000-8000-000000000002")
RG = arm_id(f"{SUB}/resourceGroups/rg-data")
RESOURCE = arm_id(f"{RG}/providers/Microsoft.Sql/servers/legacy-sql")
POLICY_PREFIX = "/providers/Microsoft.Authorization/policyDefinitions/"
SETTINGS = Settings(owner="contoso/exemptions", tenant_id=TENANT, scopes=(ROOT,))
CATALOGUE: Catalogue = load()


@dataclass(frozen=True)
class Git:
    """A history in which each file has a commit of its own, and no revision contains any."""

    head: str | None = "c"
    dirty: bool = False
    asked_by: str = ""

    def last_commit(self, file: str) -> Commit:
        return Commit(f"sha of {file}", datetime(2026, 11, 1, tzinfo=UTC))

    def requester(self, file: str) -> str:
        return self.asked_by

    def contains(self, revision: str, commit: str) -> bool:
        return False


def policy(name: str) -> ArmId:
    return arm_id(POLICY_PREFIX + name)


def initiative(name: str, **references: str) -> Initiative:
    """References by name: `initiative("mcsb", refA="a", refB="b")` holds policy a under refA."""
    members = tuple(
        Member(definition=policy(definition), reference_id=reference) for reference, definition in references.items()
    )
    return Initiative(
        id=arm_id(f"/providers/Microsoft.Authorization/policySetDefinitions/{name}"),
        members=members,
        version="1.0.0",
        display_name=name,
    )


def assignment(scope: ArmId, name: str, definition: ArmId, **more: object) -> Assignment:
    identifier = arm_id(f"{scope}/providers/Microsoft.Authorization/policyAssignments/{name}")
    return Assignment(id=identifier, definition=definition, display_name=name, **more)  # type: ignore[arg-type]


BENCHMARK = initiative("mcsb", refA="a", refB="b", refC="c")
STANDARD = initiative("nist", nistA="a", nistA2="a", nistD="d")
AT_ROOT = assignment(ROOT, "mcsb", BENCHMARK.id)


def declaration(name: str, *scopes: ArmId, what: str = "a", **more: object) -> Declaration:
    return replace(
        Declaration(
            name=name,
            subject=Subject(kind=SubjectKind.POLICY, value=what),
            scopes=scopes or (RG,),
            category=Category.WAIVER,
            justification="Because it retires.",
            owner="data@contoso.example",
            source=Source(f"exemptions/{name}.yaml"),
        ),
        **more,  # type: ignore[arg-type]
    )


def live(
    name: str, scope: ArmId = RG, references: tuple[str, ...] = ("refA",), to: Assignment = AT_ROOT, *,
    by: str = "User", made: int = 1, **more: object,
) -> Exemption:  # fmt: skip
    """An exemption that a user made in the portal on the given day of November."""
    identifier = arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/{name}")
    made_at = datetime(2026, 11, made, tzinfo=UTC)
    system = SystemData(
        created_by="ann@contoso.example",
        created_by_type=by,
        created_at=made_at,
        last_modified_by="ann@contoso.example",
        last_modified_by_type=by,
        last_modified_at=made_at,
    )
    return replace(
        Exemption(id=identifier, assignment=to.id, category="Waiver", reference_ids=references, system=system),
        **more,  # type: ignore[arg-type]
    )


def ours(name: str, mark: str, target: ArmId = RG, **more: object) -> Exemption:
    """One of ours, as some earlier run left it."""
    scope = more.pop("scope", target)
    metadata = {"managedBy": "exempt", "owner": SETTINGS.owner, "declaration": mark, "target": target.text}
    return live(name, scope, metadata=metadata, by="Application", **more)  # type: ignore[arg-type]


def snapshot(
    *exemptions: Exemption,
    assignments: tuple[Assignment, ...] = (AT_ROOT,),
    initiatives: tuple[Initiative, ...] = (BENCHMARK, STANDARD),
    **more: object,
) -> Snapshot:
    sets = {each.id.key: each for each in initiatives}
    return replace(
        Snapshot(
            tenant_id=TENANT,
            taken_at=NOW,
            parents={LEFT.key: ROOT, SUB.key: LEFT, OTHER_SUB.key: ROOT},
            expected=(ROOT, LEFT, SUB, OTHER_SUB),
            assignments={each.id.key: each for each in assignments},
            initiatives={each.id.key: sets[each.definition.key] for each in assignments if each.definition.key in sets},
            exemptions=exemptions,
        ),
        **more,  # type: ignore[arg-type]
    )


def plan(
    found: Snapshot,
    *declarations: Declaration,
    settings: Settings = SETTINGS,
    allowed: Allowances = Allowances(),  # noqa: B008 - frozen
    **more: object,
) -> Plan:
    return make_plan(declarations, CATALOGUE, found, settings, NoHistory(), NOW, allowed, **more)  # type: ignore[arg-type]


def applied(found: Snapshot, done: Plan) -> Snapshot:
    """The tenant after every change of the plan was carried out."""
    kept = {each.id.key: each for each in found.exemptions}
    for change in done.changes:
        kept.pop(change.id.key, None)
        if change.after is not None:
            kept[change.id.key] = replace(change.after, system=change.before.system if change.before else None)
    return replace(found, exemptions=tuple(kept.values()))


def shape(done: Plan) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """The changes in short: action, reason, name, references after (before, for a delete)."""
    return [
        (c.action.value, c.reason.value, c.exemption.name.rsplit("-", 1)[0] if c.before is None else c.exemption.name,
         tuple(sorted(c.exemption.reference_ids)))
        for c in done.changes
    ]  # fmt: skip
