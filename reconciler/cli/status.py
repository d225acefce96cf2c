"""Say what Defender makes of every declared exemption now: in force and since when, waiting and how long, without effect
and why, or not looked at. With --unneeded, which ones nobody needs any more. Writes nothing.

Exit codes: 0 in force, or still within its time; 1 invalid, or something could not be seen; 2 something has no effect,
is gone or was not applied, or is still waiting after --wait.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.cli import common, exits
from reconciler.cli.arguments import scope_argument
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, say_unread, show
from reconciler.documents.json_input import read_json
from reconciler.documents.named_files import read_file
from reconciler.model import ArmId
from reconciler.problems import UsageError
from reconciler.reports.context import ReportContext
from reconciler.reports.formats import SCORE, STATUS
from reconciler.reports.posture import score_json
from reconciler.reports.status_json import status_json
from reconciler.runs import score, status
from reconciler.runs.files import make_folder, require_places, write_file

EXAMPLES: Final = (
    "exempt status                              every declared exemption",
    "exempt status legacy-sql-tde --wait 24h    until it is in force, or a day is over",
    "exempt status --unneeded                   what can be retired",
    "exempt status --score plan.json            the secure score, beside what that plan estimated",
)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_LIMIT: Final = 64 << 20
_NO_STATUS: Final = "save one with: exempt status --out FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt status`."""

    root: Path
    declarations: list[str]
    scope: ArmId | None
    format: str
    out: Path | None
    unneeded: bool
    within: timedelta | None
    wait: timedelta | None
    watch: bool
    interval: timedelta
    since: Path | None
    comments: Path | None
    outcomes: Path | None
    record: Path | None
    score: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt status`."""
    parser.add_argument("declarations", nargs="*", metavar="NAME", help="only these declarations (default: all)")
    common.add_root(parser)
    add_log_file(parser)
    parser.add_argument("--scope", type=scope_argument, metavar="ID", help="only targets at and below this scope")
    common.add_format(parser, STATUS.names)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also save the report as JSON, for a later --since")
    parser.add_argument(
        "--unneeded", action="store_true", help="say which ones nobody needs any more, and what says so"
    )
    _add_times(parser)
    _add_earlier(parser)
    parser.add_argument(
        "--score",
        nargs="?",
        const="",
        metavar="PLAN",
        help="the secure score instead, with exemptions and without, beside what a saved plan estimated",
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    """How long Defender may take, and how long this waits for it."""
    parser.add_argument(
        "--within",
        type=duration,
        metavar="TIME",
        help="how long Defender may take, such as 24h or 90m (default: evaluationHours of reconciler.yaml, 24)",
    )
    loop = parser.add_mutually_exclusive_group()
    loop.add_argument(
        "--wait", type=duration, metavar="TIME", help="ask again until nothing is waiting, or TIME is over"
    )
    loop.add_argument(
        "--watch", action="store_true", help="show it again and again until nothing is waiting; Ctrl-C ends"
    )
    parser.add_argument(
        "--interval",
        type=duration,
        default=timedelta(minutes=5),
        metavar="TIME",
        help="how long --wait and --watch pause between two questions (default: 5m)",
    )


def _add_earlier(parser: argparse.ArgumentParser) -> None:
    """What earlier runs saved, and what is told because of it."""
    parser.add_argument("--since", type=Path, metavar="FILE", help="an earlier report in its JSON form, for --comments")
    parser.add_argument(
        "--comments",
        type=Path,
        metavar="DIR",
        help="save what to tell on each pull request whose exemptions took effect (or did not) since the earlier report, as "
        "DIR/NUMBER.md",
    )
    parser.add_argument(
        "--outcomes",
        type=Path,
        metavar="FILE",
        help="what 'exempt apply --out FILE' saved: tells what was deleted and is back",
    )
    common.add_record(parser)


def run(args: argparse.Namespace) -> int:
    """Asks, waits where that is wanted, saves and shows."""
    options = typed(Options, args)
    require_places([options.out], folders=[options.comments])
    if options.score is not None:
        return _show_score(options, options.score)
    earlier = None
    if options.since:
        data = read_file(options.since, label="status", remedy=_NO_STATUS, limit=_LIMIT)
        document = read_json(data, origin=f"--since: {options.since}", remedy=_NO_STATUS)
        document.check_format(document="a status", reads="1.0")
        rows = document.member("declarations").items()
        earlier = {row.member("declaration").as_text(): row.member("state").as_text() for row in rows}
    request = status.StatusRequest(
        root=options.root,
        names=tuple(options.declarations),
        scope=options.scope,
        within=options.within,
        with_needs=options.unneeded,
        outcomes=options.outcomes,
        record=options.record,
        is_waited_for=options.wait is not None,
    )
    observed = _last(request, options)
    report, names = observed.report, observed.names
    if options.out:
        write_file(options.out, status_json(report))
    if options.comments:
        from reconciler.reports.status_markdown import settled_comments  # noqa: PLC0415 - only with --comments

        make_folder(options.comments)
        for number, text in settled_comments(report, earlier, names).items():
            write_file(options.comments / f"{number}.md", text)
    if not options.watch:
        show(STATUS.render(options.format, report, ReportContext(names=names)))
    return exits.of_run(observed.verdict)


def _show_score(options: Options, estimate: str) -> int:
    """The other report. What only exemptions have is refused beside it."""
    others = (options.declarations, options.unneeded, options.wait, options.watch, options.since, options.comments)
    if any(others):
        raise UsageError(
            "--score is a report of its own", "leave out the names, --unneeded, --wait, --watch, --since and --comments"
        )
    request = score.ScoreRequest(root=options.root, scope=options.scope, estimate=Path(estimate) if estimate else None)
    scored = score.run(request, common.context())
    if options.out:
        write_file(options.out, score_json(scored.report))
    say_unread(scored.unread)
    show(SCORE.render(options.format, scored.report, ReportContext(names=scored.names)))
    return exits.of_run(scored.verdict)


def _last(request: status.StatusRequest, options: Options) -> status.StatusRun:
    """The report after which nobody waits any longer."""
    end = time.monotonic() + (options.wait.total_seconds() if options.wait else 0)
    reports = status.observe(request, common.context())
    try:
        for observed in reports:
            if options.watch:
                show(STATUS.render(options.format, observed.report, ReportContext(names=observed.names)))
            remaining = end - time.monotonic()
            if observed.report.is_settled or (not options.watch and remaining <= 0):
                break
            pause = options.interval.total_seconds()
            waiting = sum(item.due is not None for item in observed.report.declarations)
            say(f"{waiting} waiting; asking again in {pause:g} seconds")
            time.sleep(pause if options.watch else min(pause, remaining))
    finally:
        reports.close()
    return observed


def duration(text: str) -> timedelta:
    """A time on the command line: `90m`, `24h`, `2d`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90m, 24h or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
