"""One plan with a bit of everything, and the pieces it is made of."""

import dataclasses
from datetime import UTC, datetime

from reconciler.kinds import FindingKind, HeldCause
from reconciler.model import Exemption, Severity, Source, SystemData, Unread, arm_id
from reconciler.planning.evidence import Evidence, FieldDifference
from reconciler.planning.fingerprint import digest, fingerprint
from reconciler.planning.values import Change, Finding, Held, Plan, Reason, Refusal, Widening
from reconciler.reports.context import ReportContext
from reconciler.reports.drift import DriftReport
from reconciler.reports.markdown import LIMIT
from reconciler.reports.plan import plan_report
from reconciler.reports.plan_markdown import plan_markdown
from reconciler.reports.plan_text import plan_text

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TENANT = "b8f0c6d2-4f0e-4a57-9a1c-0d7f3c1e5a90"
PAYMENTS = "/subscriptions/6f0e1a2b-3c4d-4e5f-8a6b-7c8d9e0f1a2b"
SANDBOX = "/subscriptions/0d1c2b3a-4f5e-4d6c-9b8a-a7b6c5d4e3f2"
GROUP = "/providers/Microsoft.Management/managementGroups/contoso-lz"
SQL = f"{PAYMENTS}/resourceGroups/rg-data/providers/Microsoft.Sql/servers/legacy-sql"
BENCHMARK = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/asb-baseline"
NIST = f"{PAYMENTS}/providers/Microsoft.Authorization/policyAssignments/nist-800-53"
NAMES = {
    PAYMENTS.lower(): "Payments",
    GROUP.lower(): "Landing zones",
    BENCHMARK.lower(): "Microsoft cloud security benchmark",
    NIST.lower(): "NIST SP 800-53 R5",
}
MARKS = {"managedBy": "exempt", "owner": "contoso/exemptions"}


def exemption(name="legacy-sql-tde-1a2b3c", scope=SQL, assignment=BENCHMARK, **fields):
    made = {
        "category": "Waiver",
        "reference_ids": ("sqlTransparentDataEncryption",),
        "display_name": "legacy-sql-tde: Transparent data encryption should be on",
        "description": "Server retires with project Lyra in January 2027.",
        "expires_on": "2027-01-31T23:59:59Z",
        "metadata": {**MARKS, "declaration": "legacy-sql-tde", "target": scope, "ticket": "SEC-1432"},
        **fields,
    }
    return Exemption(
        id=arm_id(f"{scope}/providers/Microsoft.Authorization/policyExemptions/{name}"),
        assignment=arm_id(assignment),
        **made,
    )


def change(before=None, after=None, reason=Reason.DECLARED, declaration="legacy-sql-tde", line=1, **fields):
    source = Source(f"exemptions/data/{declaration}.yaml", line, 1) if declaration and line else None
    return Change(
        before=before,
        after=after,
        reason=reason,
        fingerprint=fingerprint(TENANT, "contoso/exemptions", before, after),
        declaration=declaration,
        source=source,
        **fields,
    )


def web(**fields):
    metadata = {**MARKS, "declaration": "web-public-ip", "ticket": "SEC-1500"}
    made = {"reference_ids": ("publicIp", "ddos"), "metadata": metadata, "expires_on": "2026-12-01T23:59:59Z", **fields}
    return exemption("web-public-ip-77aa", PAYMENTS, NIST, **made)


def changes():
    batch = exemption(
        "old-batch-9f9f", f"{SANDBOX}/resourceGroups/rg-batch", metadata={**MARKS, "declaration": "old-batch"}
    )
    portal = exemption("3d5bda8b", f"{PAYMENTS}/resourceGroups/rg-web", metadata={}, display_name="made by hand", expires_on="",
        system=SystemData(created_by="alice@contoso.example", created_by_type="User", created_at=datetime(2025, 3, 1, tzinfo=UTC)))  # fmt: skip
    adopted = dataclasses.replace(portal, display_name="web-adopted: Diagnostics", expires_on="2027-06-30T12:00:00Z",
        metadata={**MARKS, "declaration": "web-adopted"})  # fmt: skip
    wider = web(expires_on="2027-01-31T23:59:59Z", reference_ids=("publicIp", "firewall"), category="Mitigated",
        metadata={**MARKS, "declaration": "web-public-ip", "ticket": "SEC-1501"})  # fmt: skip
    expired = exemption("expired-1", SQL, NIST, expires_on="2026-11-17T23:59:59Z")
    return (
        change(None, exemption(), also_exempts=("SQL servers should be encrypted",)),
        change(None, exemption("legacy-sql-tde-4d5e6f", SQL, NIST, reference_ids=("a", "b", "c", "d", "e")), Reason.FAN_OUT),
        change(None, exemption("all-of-it", GROUP, BENCHMARK, reference_ids=()), declaration="sandbox-all", widens=(Widening.SCOPE,)),
        change(web(), wider, Reason.EDITED, "web-public-ip", 4, widens=(Widening.EXPIRY, Widening.REFERENCES)),
        change(portal, adopted, Reason.ADOPT, "web-adopted"),
        change(batch, None, Reason.REMOVED, "old-batch", 0),
        change(expired, None, Reason.EXPIRED, "legacy-sql-tde"),
    )  # fmt: skip


def held():
    return Held(declaration="payments-legacy", scope=arm_id(f"{PAYMENTS}/resourceGroups/rg-pay"), assignment=arm_id(BENCHMARK), reference_ids=("tls",), cause=HeldCause.FOREIGN_OWNER,
        message="the owner epac-prod exempts these policies already (exemption tls-exempt)",
        remedy="add takeOver: epac-prod to the declaration, or drop the declaration", source=Source("exemptions/payments-legacy.yaml", 3, 1))  # fmt: skip


def findings():
    exemption_id = arm_id(f"{PAYMENTS}/providers/Microsoft.Authorization/policyExemptions/by-hand")
    return (
        Finding(kind=FindingKind.UNMANAGED, severity_override=Severity.INFO, subject=exemption_id, message="nobody declared this exemption", remedy="declare it, or delete it in the portal",
            assignment=arm_id(NIST), evidence=Evidence(system=SystemData(created_by="alice@contoso.example"))),
        Finding(kind=FindingKind.EXPIRING, severity_override=Severity.WARNING, subject=arm_id(SQL), message="expires in 9 days", remedy="write a later expiresOn, or let it end",
            declaration="legacy-sql-tde", source=Source("exemptions/data/legacy-sql-tde.yaml", 8, 1)),
    )  # fmt: skip


def plan(the_changes=None, **fields):
    found = changes() if the_changes is None else the_changes
    made = {
        "tenant_id": TENANT,
        "owner": "contoso/exemptions",
        "scopes": (arm_id(GROUP), arm_id(SANDBOX)),
        "revision": "3f2c1abd9e0f4c5b8a7d6e5f4c3b2a1908f7e6d5",
        "taken_at": NOW,
        "changes": tuple(sorted(found, key=lambda each: each.id.key)),
        "unchanged": tuple(
            exemption(f"unchanged-{n}", metadata={**MARKS, "declaration": f"other-{n}"}) for n in range(41)
        ),
        "foreign": tuple(exemption(f"foreign-{n}") for n in range(3)),
        "held": (),
        "findings": (),
        "refusals": (),
        "unread": (),
        "digest": digest(each.fingerprint for each in found),
        "requests": {},
        **fields,
    }
    return Plan(**made)


def full_plan():
    unread = Unread(scope=arm_id(SANDBOX), what="exemptions", message="AuthorizationFailed: no right to read policy exemptions",
        remedy="grant the role Reader on the subscription to the pipeline's identity")  # fmt: skip
    refusal = Refusal(rule="deletes", message="2 deletes are over the limit of 1", remedy="--allow-deletes 2")
    return plan(held=(held(),), findings=findings(), refusals=(refusal,), unread=(unread,), dirty=True)


def text_of(the_plan, names=None, *, changed=None, **fields):
    """The plan as plain text."""
    return plan_text(plan_report(the_plan, changed), ReportContext(names=names or {}, **fields))


def comment_of(the_plan, names=None, *, changed=None, warnings=(), limit=LIMIT, **fields):
    """The plan as a comment."""
    return plan_markdown(plan_report(the_plan, changed, warnings), ReportContext(names=names or {}, **fields), limit)


def drift_report(**fields):
    system = SystemData(
        created_by="alice@contoso.example",
        created_by_type="User",
        created_at=datetime(2025, 3, 1, tzinfo=UTC),
        last_modified_by="bob@contoso.example",
        last_modified_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    by_hand = f"{PAYMENTS}/providers/Microsoft.Authorization/policyExemptions/by-hand"
    ours = f"{SQL}/providers/Microsoft.Authorization/policyExemptions/legacy-sql-tde-1a2b3c"
    portal = "https://portal.azure.com/#view/Microsoft_Azure_Policy/ExemptionDetail/id/x"
    place = Source("exemptions/data/legacy-sql-tde.yaml", 8, 1)
    found = (
        *findings(),
        Finding(kind=FindingKind.MISSING, severity_override=Severity.ERROR, subject=arm_id(SQL), message="no exemption covers sqlTransparentDataEncryption here",
            remedy="exempt apply --only recreate", declaration="legacy-sql-tde", source=Source("exemptions/data/legacy-sql-tde.yaml", 1, 1), assignment=arm_id(NIST),
            evidence=Evidence(healed_by="recreate")),
        Finding(kind=FindingKind.MODIFIED, severity_override=Severity.WARNING, subject=arm_id(ours), message="somebody changed 2 fields",
            remedy="exempt apply puts them back; the patch keeps the new expiry", declaration="legacy-sql-tde", source=place, assignment=arm_id(BENCHMARK),
            evidence=Evidence(system=system, portal=portal, changed=(
                FieldDifference(path="expiresOn", declared="2027-01-31T23:59:59Z", existing="2029-01-31T23:59:59Z"),
                FieldDifference(path="exemptionCategory", declared="Waiver", existing="Mitigated")),
                cause="changed in Azure", patch="--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-category: Waiver\n+category: Mitigated\n")),
        Finding(kind=FindingKind.UNMANAGED, severity_override=Severity.WARNING, subject=arm_id(by_hand), message="exempts 12 policies and never expires",
            remedy="declare it, or delete it in the portal", assignment=arm_id(BENCHMARK), evidence=Evidence(system=system, portal=portal, count=12)),
    )  # fmt: skip
    made = {
        "tenant_id": TENANT,
        "owner": "contoso/exemptions",
        "scopes": (arm_id(GROUP), arm_id(SANDBOX)),
        "revision": "3f2c1abd9e0f4c5b8a7d6e5f4c3b2a1908f7e6d5",
        "taken_at": NOW,
        "findings": found,
        "unread": (),
        **fields,
    }
    return DriftReport(**made)


def incomplete_report(*more, **fields):
    """What a run says that could not read everything."""
    unread = full_plan().unread
    said = tuple(
        Finding(kind=FindingKind.INCOMPLETE, severity_override=Severity.ERROR, subject=u.scope, message=f"{u.what} could not be read: {u.message}", remedy=u.remedy, evidence=Evidence(aspect=u.what))
        for u in unread
    )  # fmt: skip
    return drift_report(findings=(*said, *more), unread=unread, **fields)
