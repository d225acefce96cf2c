"""How long the reports take: a plan of half creates and half updates, at 1,000, 10,000 and 100,000 changes.

    python -m benchmarks.rendering

The JSON form is what pipelines save, in pieces, and must stay a matter of seconds; Markdown is cut at GitHub's limit, so it hardly
grows; text tells the first decisions in full, compared field by field with deepdiff, and the rest by their number. The
floor is a line for each change, with what each form has to say of it at least: its action, name and id.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import limits
from reconciler.model import Exemption, Source, arm_id
from reconciler.planning.fingerprint import digest, fingerprint
from reconciler.planning.values import Change, Plan, Reason
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_json import plan_json_pieces
from reconciler.reports.plan_markdown import plan_markdown
from reconciler.reports.plan_text import plan_text

TENANT, OWNER = "00000000-0000-4000-8000-000000000000", "contoso/exemptions"
ASSIGNMENT = arm_id(
    "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policyAssignments/asb"
)


def exemption(number: int, expiry: str) -> Exemption:
    subscription = f"/subscriptions/00000000-0000-4000-8000-{number % 1000:012d}"
    scope = f"{subscription}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct{number:06d}"
    return Exemption(
        id=arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/exemption-{number}"), assignment=ASSIGNMENT, category="Waiver",
        reference_ids=("secureTransfer",), display_name=f"acct-{number}: Secure transfer", description="Moves to a private endpoint.", expires_on=expiry,
        metadata={"managedBy": "exempt", "owner": OWNER, "declaration": f"acct-{number}", "target": scope},
    )  # fmt: skip


def change(number: int) -> Change:
    after = exemption(number, "2027-06-30T23:59:59Z")
    before = exemption(number, "2027-01-31T23:59:59Z") if number % 2 else None
    source = Source(f"exemptions/acct-{number}.yaml", 1, 1)
    reason = Reason.EDITED if before else Reason.DECLARED
    return Change(
        before=before,
        after=after,
        reason=reason,
        fingerprint=fingerprint(TENANT, OWNER, before, after),
        declaration=f"acct-{number}",
        source=source,
    )


def plan(number: int) -> Plan:
    changes = tuple(sorted((change(n) for n in range(number)), key=lambda each: each.id.key))
    taken = datetime(2026, 11, 20, tzinfo=UTC)
    return Plan(
        tenant_id=TENANT,
        owner=OWNER,
        scopes=(),
        revision=None,
        taken_at=taken,
        changes=changes,
        unchanged=(),
        foreign=(),
        held=(),
        findings=(),
        refusals=(),
        unread=(),
        digest=digest(each.fingerprint for each in changes),
    )


SIZES = (1_000, 10_000, 100_000)
RATIOS = {"json": 150, "markdown": 60, "text": 60}
"""The most that each form may take of the floor, at the last size."""


def peak() -> int:
    """The most memory this process has held, in MiB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main() -> None:
    gc.set_threshold(1_000_000, 20, 100)  # as the command does
    print(f"{'changes':>8}  {'form':<9} {'CPU s':>7} {'floor s':>8} {'ratio':>6} {'MB':>7} {'peak MiB':>9}")
    for number in SIZES:
        planned = plan(number)
        forms: dict[str, Callable[[Plan], Iterable[str]]] = {
            "json": lambda planned: plan_json_pieces(plan_report(planned)),
            "markdown": lambda planned: [plan_markdown(plan_report(planned))],
            "text": lambda planned: [plan_text(plan_report(planned))],
        }
        began = time.process_time()
        "\n".join(f"{each.action.value} {each.declaration} {each.id.text}" for each in planned.changes)
        floor = time.process_time() - began
        for name, pieces in forms.items():
            began = time.process_time()
            size = sum(map(len, pieces(planned))) / 1_000_000
            cpu = time.process_time() - began
            print(
                f"{number:>8,}  {name:<9} {cpu:>7.2f} {floor:>8.2f} {cpu / floor:>6.1f} {size:>7.2f} {peak():>9,}",
                flush=True,
            )
            if number == SIZES[-1]:  # the floor of fewer is too short to measure
                limits.at_most(
                    RATIOS[name], cpu / floor, f"CPU of a plan of {number:,} changes as {name}, to its floor"
                )


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
