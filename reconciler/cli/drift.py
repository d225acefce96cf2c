"""Report every difference between the repository and Azure: since when, by whom, why, and what to do. Writes nothing.

Exit codes: 0 nothing of that severity; 1 invalid, or not everything could be read; 2 drift: a finding of severity
warning or worse (--fail-on changes that).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.applying import approvals
from reconciler.azure.session import Azure
from reconciler.catalog.live import live_recommendations
from reconciler.cli import common, planning
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import say_warning, write, write_lines
from reconciler.drift import HEALING, Facts, catalogue_findings, find_drift, read_earlier, with_patches
from reconciler.model import JSON, Snapshot, SubjectKind, owner_scope
from reconciler.planning.guards import Allowances, GuardContext, refusals
from reconciler.planning.values import Action, Change, Finding, FindingKind, Plan, Refusal, Severity
from reconciler.problems import AzureError, UsageError
from reconciler.reports.drift import DriftReport
from reconciler.reports.drift_html import drift_html
from reconciler.reports.drift_json import drift_json
from reconciler.reports.drift_markdown import drift_markdown
from reconciler.reports.drift_sarif import drift_sarif
from reconciler.reports.drift_text import drift_lines

_NEVER: Final = "never"
_SEVERITIES: Final = tuple(Severity)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt drift`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_format(parser, "text", "json", "markdown", "sarif", "html")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the report as JSON, for a later --since")
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="also save the report as SARIF, for code scanning")
    parser.add_argument("--since", type=Path, metavar="FILE", help="compare with an earlier report in its JSON form")
    parser.add_argument(
        "--kind",
        type=_kinds,
        metavar="KINDS",
        help="only findings of these kinds, such as missing,modified; what could not be read is always told",
    )
    parser.add_argument(
        "--fail-on",
        choices=[*(severity.value for severity in _SEVERITIES), _NEVER],
        default=Severity.WARNING.value,
        help="exit 2 from this severity on (default: warning); an incomplete read is 1 all the same",
    )
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="judge a saved snapshot instead of Azure")


def run(args: argparse.Namespace) -> int:
    """Load, check, read, plan, diagnose, compare, render."""
    at = common.now()
    repository = common.load_repository(args.root, args.base, at)
    earlier = _earlier(args, repository)
    seen = _seen(args, repository, at)
    heals, stopped = _healing(seen, repository)
    facts = _facts(seen, repository, at, heals)
    findings = _chosen(find_drift(seen.plan, facts, seen.live), args.kind)
    findings = with_patches(findings, facts, lambda file: _text(repository.root / file))
    report = _report(seen.plan, findings, earlier, stopped)
    names = common.display_names(seen.snapshot)
    _save(args, report, names)
    _show(report, args.format, names)
    return _exit_code(report, args.fail_on, invalid=planning.is_invalid(seen.plan, repository))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What this run knows of Azure: the plan, what the live catalogue says, and from which assignments (folded ids)
    this identity may not exempt, None where that is not known.
    """

    snapshot: Snapshot
    plan: Plan
    live: tuple[Finding, ...] = ()
    forbidden: frozenset[str] | None = None


def _seen(args: argparse.Namespace, repository: common.Repository, at: datetime) -> _Seen:
    if args.snapshot:
        snapshot = planning.saved_snapshot(args.snapshot, repository.settings)
        return _Seen(snapshot=snapshot, plan=planning.plan_for(repository, snapshot, at, Allowances(), None))
    with planning.connected(repository) as azure:
        snapshot = planning.read(azure, repository, None)
        plan = planning.plan_for(repository, snapshot, at, Allowances(), None)
        return _Seen(
            snapshot=snapshot,
            plan=plan,
            live=_catalogue(azure, snapshot, repository),
            forbidden=_forbidden(azure, plan),
        )


def _facts(seen: _Seen, repository: common.Repository, at: datetime, heals: frozenset[str]) -> Facts:
    return Facts(
        snapshot=seen.snapshot,
        declarations=repository.declarations,
        catalogue=repository.catalogue,
        settings=repository.settings,
        history=repository.history,
        now=at,
        heals=heals,
        forbidden=seen.forbidden,
    )


# --- options -----------------------------------------------------------------------------------------------------


def _kinds(text: str) -> frozenset[FindingKind]:
    """The kinds of `--kind missing,modified`."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    kinds = {kind.value: kind for kind in FindingKind}
    unknown = sorted(set(names) - kinds.keys())
    if unknown or not names:
        what = f"{', '.join(unknown)!r} is no kind" if unknown else "no kind given"
        raise argparse.ArgumentTypeError(f"{what}; one or more of {', '.join(FindingKind)}")
    return frozenset(kinds[name] for name in names)


def _earlier(args: argparse.Namespace, repository: common.Repository) -> dict[str, JSON] | None:
    """The findings of the earlier report, of the asked kinds."""
    if args.since is None:
        return None
    try:
        text = args.since.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"--since: {args.since} is not a drift report: it is not UTF-8 text") from None
    found = read_earlier(text, repository.settings)
    asked = args.kind or frozenset(FindingKind)
    return {key: value for key, value in found.items() if value["kind"] in asked | {FindingKind.INCOMPLETE}}


# --- what else is asked ------------------------------------------------------------------------------------------


def _catalogue(azure: Azure, snapshot: Snapshot, repository: common.Repository) -> tuple[Finding, ...]:
    """What the tenant says of declared recommendations. Not to know it makes no exemption wrong, so it fails nothing."""
    from reconciler.azure.metadata import read_built_in  # noqa: PLC0415 - loads the SDK

    if not any(each.subject.kind is SubjectKind.RECOMMENDATION for each in repository.declarations):
        return ()
    try:
        rows = read_built_in(azure.client, [scope for scope in snapshot.expected if scope.subscription])
    except AzureError as error:
        say_warning(f"the catalogue was not compared with the tenant: {error.message}")
        return ()
    return catalogue_findings(repository.catalogue, live_recommendations(rows), repository.declarations)


def _forbidden(azure: Azure, plan: Plan) -> frozenset[str] | None:
    """Folded ids of assignments that lack an exemption and from which this identity may not exempt.

    Asked only where something is missing. An identity that may not exempt anywhere, such as one that only reads, says
    nothing about the one that applies: None.
    """
    from reconciler.azure.rights import EXEMPT_ACTION, missing_actions, read_permissions  # noqa: PLC0415 - loads the SDK

    missing = {change.exemption.assignment for change in plan.changes if change.action is Action.CREATE}
    if not missing:
        return frozenset()
    known = missing | {exemption.assignment for exemption in plan.unchanged}
    scopes = sorted({owner_scope(assignment) for assignment in known})
    answers = azure.client.each(lambda scope: read_permissions(azure.client, scope), scopes)
    asked = [(scope.key, answer) for scope, answer in zip(scopes, answers, strict=True)]
    lacks = {
        key: bool(missing_actions(answer, [EXEMPT_ACTION]))
        for key, answer in asked
        if not isinstance(answer, AzureError)
    }
    if all(lacks.values()):
        return None
    return frozenset(assignment.key for assignment in missing if lacks.get(owner_scope(assignment).key))


def _healing(seen: _Seen, repository: common.Repository) -> tuple[frozenset[str], tuple[Refusal, ...]]:
    """The folded ids that `apply --only recreate,fan-out,expired` would write now, or the guards that stop it."""
    plan = seen.plan
    selected = approvals.select(plan, None, frozenset(HEALING)).approved
    facts = GuardContext(owned=plan.owned, declarations=plan.declared, findings=plan.findings)
    stopped = refusals(selected, repository.settings.limits, Allowances(), facts)
    healed = () if stopped else [change for change in selected if not _is_forbidden(change, seen.forbidden)]
    return frozenset(change.id.key for change in healed), stopped


def _is_forbidden(change: Change, forbidden: frozenset[str] | None) -> bool:
    return change.action is Action.CREATE and change.exemption.assignment.key in (forbidden or ())


def _text(path: Path) -> str:
    """A declaration's own text, for patches; none where it is no text that could be patched."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


# --- the report --------------------------------------------------------------------------------------------------


def _chosen(findings: Iterable[Finding], kinds: frozenset[FindingKind] | None) -> tuple[Finding, ...]:
    """The findings of the asked kinds; silence must never come from what could not be read."""
    if kinds is None:
        return tuple(findings)
    return tuple(finding for finding in findings if finding.kind in kinds | {FindingKind.INCOMPLETE})


def _report(
    plan: Plan, findings: tuple[Finding, ...], earlier: dict[str, JSON] | None, stopped: tuple[Refusal, ...]
) -> DriftReport:
    return DriftReport(
        tenant_id=plan.tenant_id,
        owner=plan.owner,
        scopes=plan.scopes,
        revision=plan.revision,
        taken_at=plan.taken_at,
        findings=findings,
        unread=plan.unread,
        earlier=earlier,
        refusals=stopped,
    )


def _save(args: argparse.Namespace, report: DriftReport, names: dict[str, str]) -> None:
    if args.out:
        write_file(args.out, drift_json(report))
    if args.sarif:
        write_file(args.sarif, drift_sarif(report, names))


def _show(report: DriftReport, form: str, names: dict[str, str]) -> None:
    match form:
        case "json":
            write(drift_json(report))
        case "markdown":
            write(drift_markdown(report, names))
        case "sarif":
            write(drift_sarif(report, names))
        case "html":
            write(drift_html(report, names))
        case _:
            write_lines(drift_lines(report, names))


def _exit_code(report: DriftReport, fail_on: str, *, invalid: bool) -> Exit:
    if invalid or not report.complete:
        return Exit.FAILED
    if fail_on == _NEVER:
        return Exit.DONE
    bad = _SEVERITIES[_SEVERITIES.index(Severity(fail_on)) :]
    return Exit.CHANGES if any(finding.severity in bad for finding in report.findings) else Exit.DONE
