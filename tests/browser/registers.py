"""Registers of any size as values, and the page that is made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from reconciler.drift.inventory import Inventory, InventoryEntry, State
from reconciler.drift.register import DeclarationRecord, DeclarationStatus, Register
from reconciler.kinds import FindingKind
from reconciler.model import Exemption, SystemData, arm_id
from reconciler.planning.marks import Ownership
from reconciler.planning.provenance import Approval, Commit, Step, StepKind
from reconciler.planning.score.actual import ActualScore, ScoreReport
from reconciler.planning.score.formula import Score
from reconciler.planning.values import Finding
from reconciler.reports.register_html import register_html
from reconciler.runs.register import site_assets

NOW = datetime(2026, 11, 28, tzinfo=UTC)
HOSTILE_TEXTS = (
    (
        "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>"
        "{{constructor.constructor('window.ran=1')()}}\u202e=HYPERLINK(1)<!--"
    ),
    "<!--<script>",
    "]]>\x00\x1b[31m",
    '"><svg onload=alert(1)>',
)
SHA = "3f2c1abd9e0f" * 3 + "abcd"


def entry(number: int, text: str = "") -> InventoryEntry:
    """An exemption; two belong to each declaration. `text` is what somebody wrote wherever people write."""
    subscription = f"/subscriptions/00000000-0000-4000-8000-{number % 200:012d}"
    scope = (
        f"{subscription}/resourceGroups/rg-{number % 977}/providers/Microsoft.Storage/storageAccounts/st{number // 2}"
    )
    name = f"decl-{number // 2}"
    ends = NOW + timedelta(days=number % 700 + 3)
    group = "/providers/Microsoft.Management/managementGroups/contoso"
    exemption = Exemption(
        id=arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/{name}-{number:08x}"),
        assignment=arm_id(f"{group}/providers/Microsoft.Authorization/policyAssignments/initiative-{number % 4}"),
        category="Waiver" if number % 3 else "Mitigated",
        reference_ids=(f"reference{number % 300}",),
        description=text or f"It retires with project {number % 500} in spring; until then nobody reads it ({number}).",
        expires_on="" if number % 9 == 4 else f"{ends:%Y-%m-%dT23:59:59Z}",
        system=SystemData(created_by=text or "0b1e", created_at=NOW, last_modified_at=NOW),
    )
    return InventoryEntry(
        exemption=exemption,
        ownership=Ownership.OURS if number % 11 else Ownership.UNOWNED,
        state=State.ACTIVE,
        declaration=text or name,
        is_declared=True,
        recommendations=(text or f"Recommendation {number % 150} should be enabled on storage accounts",),
        severity=("High", "Medium", "Low")[number % 3],
        owner=text or f"team-{number % 60}@contoso.example",
        requested_by=text or f"developer-{number % 900}@contoso.example",
        ticket=text or f"SEC-{number % 5000}",
        commit=SHA,
        approval=Approval(
            author=text or "Ann", pull_request=str(number % 4000), approvers=(f"reviewer-{number % 20}",)
        ),
    )


def record(name: str, text: str = "") -> DeclarationRecord:
    approval = Approval(author=text or "Ann <ann@contoso.example>", pull_request="12", approvers=("Bob",))
    steps = (Step(commit=Commit(SHA, NOW), kind=StepKind.ADDED, approval=approval, file=f"exemptions/{name}.yaml"),)
    return DeclarationRecord(
        name=name, status=DeclarationStatus.DECLARED, title=text or "Secure transfer", severity="High", steps=steps
    )


def register(size: int, text: str = "") -> Register:
    entries = tuple(entry(number, text) for number in range(size))
    inventory = Inventory(
        tenant_id="c0ffee00-0000-4000-8000-000000000001", owner=text or "contoso/exemptions",
        taken_at=NOW, now=NOW, entries=entries,
    )  # fmt: skip
    names = sorted({text or each.declaration for each in entries})
    finding = Finding(
        kind=FindingKind.MODIFIED, subject=entries[0].exemption.id if entries else arm_id("/subscriptions/x"),
        message=text or "is not what its declaration asks for", remedy=text or "exempt apply", declaration=names[0] if names else None,
    )  # fmt: skip
    retired = DeclarationRecord(
        name="long-gone", status=DeclarationStatus.RETIRED, steps=record("long-gone", text).steps
    )
    return Register(
        inventory=inventory,
        records=(*(record(name, text) for name in names), retired),
        findings=(finding,) if size else (),
        revision=SHA,
    )


SCORE = ScoreReport(
    subscriptions=(
        ActualScore(
            subscription=arm_id("/subscriptions/00000000-0000-4000-8000-000000000001"),
            reported=Score(current=Fraction(3175, 100), max=56, weight=1441), raw=Score(current=Fraction(30), max=56, weight=1441), exempt=4,
        ),
    ),
    without_score=(),
)  # fmt: skip


def in_force_of(size: int) -> dict[str, str]:
    return {entry(number).exemption.id.key: "in force" for number in range(0, size, 2)}


def write_page(path: Path, size: int, text: str = "") -> Path:
    path.write_text(register_html(register(size, text), site_assets(), {}, in_force_of(size), SCORE), encoding="utf-8")
    return path
