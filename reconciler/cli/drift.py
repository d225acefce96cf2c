"""Report every difference between the repository and Azure: since when, by whom, why, and what to do. Writes nothing.

Exit codes: 0 nothing of that severity; 1 invalid, or not everything could be read; 2 drift: a finding of severity
warning or worse (--fail-on changes that).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import show
from reconciler.kinds import FindingKind
from reconciler.model import Severity
from reconciler.reports.context import ReportContext
from reconciler.reports.drift_json import drift_json
from reconciler.reports.drift_markdown import drift_comment
from reconciler.reports.drift_sarif import drift_sarif
from reconciler.reports.formats import DRIFT
from reconciler.runs import drift
from reconciler.runs.files import require_places, write_file

EXAMPLES: Final = (
    "exempt drift                               every difference",
    "exempt drift --kind missing,modified       only these kinds",
    "exempt drift --out today.json --since yesterday.json",
)
_NEVER: Final = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt drift`."""

    root: Path
    base: str | None
    format: str
    out: Path | None
    sarif: Path | None
    comment: Path | None
    since: Path | None
    outcomes: Path | None
    event: Path | None
    notify: bool
    kind: frozenset[FindingKind] | None
    fail_on: str
    snapshot: Path | None
    record: Path | None
    approved: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt drift`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_base(parser)
    common.add_format(parser, DRIFT.names)
    _add_files(parser)
    parser.add_argument(
        "--kind",
        type=_kinds,
        metavar="KINDS",
        help="only findings of these kinds, such as missing,modified; what could not be read is always told",
    )
    parser.add_argument(
        "--fail-on",
        choices=[*(severity.value for severity in Severity), _NEVER],
        default=Severity.WARNING.value,
        help="exit 2 from this severity on (default: warning); an incomplete read is 1 all the same",
    )
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="judge a saved snapshot instead of Azure")
    common.add_record(parser)
    parser.add_argument(
        "--notify",
        action="store_true",
        help="tell the channels under 'notify' in reconciler.yaml what is new since --since",
    )
    parser.add_argument(
        "--event",
        type=Path,
        metavar="FILE",
        help="only the exemption that an activity log alert or Event Grid event is about, as new",
    )
    parser.add_argument(
        "--approved", metavar="REV", help="say what 'exempt apply --approved REV' would heal now; empty: nothing"
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    """What is saved of the report, and what earlier runs saved."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the report as JSON, for a later --since")
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="also save the report as SARIF, for code scanning")
    parser.add_argument(
        "--comment",
        type=Path,
        metavar="FILE",
        help="also save what is new since the earlier report as Markdown, if anything is",
    )
    parser.add_argument("--since", type=Path, metavar="FILE", help="compare with an earlier report in its JSON form")
    parser.add_argument(
        "--outcomes", type=Path, metavar="FILE", help="what 'exempt apply --out FILE' saved: tells refused from deleted"
    )


def run(args: argparse.Namespace) -> int:
    """Reports, saves and shows."""
    options = typed(Options, args)
    require_places((options.out, options.sarif, options.comment))
    request = drift.DriftRequest(
        root=options.root,
        base=options.base,
        snapshot=options.snapshot,
        record=options.record,
        revision=options.approved,
        since=options.since,
        outcomes=options.outcomes,
        kinds=options.kind,
        event=options.event,
        notify=options.notify,
        fail_on=None if options.fail_on == _NEVER else Severity(options.fail_on),
    )
    reported = drift.run(request, common.context())
    report, names = reported.report, reported.names
    if options.out:
        write_file(options.out, drift_json(report))
    if options.sarif:
        write_file(options.sarif, drift_sarif(report, names))
    if options.comment and (comment := drift_comment(report, names)):
        write_file(options.comment, comment)
    show(DRIFT.render(options.format, report, ReportContext(names=names)))
    return exits.of_run(reported.verdict)


def _kinds(text: str) -> frozenset[FindingKind]:
    """The kinds of `--kind missing,modified`."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    kinds = {kind.value: kind for kind in FindingKind}
    unknown = sorted(set(names) - kinds.keys())
    if unknown or not names:
        mistake = f"{', '.join(unknown)!r} is no kind" if unknown else "no kind given"
        raise argparse.ArgumentTypeError(f"{mistake}; one or more of {', '.join(FindingKind)}")
    return frozenset(kinds[name] for name in names)
