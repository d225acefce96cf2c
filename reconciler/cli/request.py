"""Ask for an exemption: finds the recommendation and the resource from whatever you paste, writes the declaration, and opens
the pull request. Your own files and index stay as they are. On a terminal it asks for what you do not say.

Exit codes: 0 the pull request is open, or its page is named; 1 something is missing, unclear or against the rules.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import common, conversation, exits
from reconciler.cli.exits import Exit
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.prompts import can_converse, prompts
from reconciler.cli.terminal import say, write, write_lines
from reconciler.documents.named_files import read_file
from reconciler.model import Category, Verdict
from reconciler.reports.problems import problem_lines
from reconciler.reports.requests import (
    answer_opened,
    answer_unclear,
    diagnostic_lines,
    effect_lines,
    fix_lines,
    request_lines,
)
from reconciler.reports.styled import BLANK, Style, line
from reconciler.requesting.subjects import Unclear
from reconciler.runs import choosing, from_issue, proposing, request
from reconciler.runs.answering import RequestFields
from reconciler.runs.context import Context

EXAMPLES: Final = (
    "exempt request                                         a short conversation",
    "exempt request https://portal.azure.com/#view/…        of what this page shows",
    "exempt request --recommendation 651967bf-044e-4bde-8376-3e08e0600105 --tag purpose=legacy",
)
_MOST_OF_ISSUE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt request`."""

    pasted: list[str]
    root: Path
    recommendation: str
    resource: list[str]
    tag: list[tuple[str, str]]
    category: str
    until: str
    cve: list[str]
    min_severity: str
    cvss_below: float | None
    justification: str
    owner: str
    ticket: str
    name: str
    from_issue: Path | None
    dry_run: bool
    yes: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt request`."""
    parser.add_argument(
        "pasted", nargs="*", metavar="ADDRESS", help="addresses of the portal, of the recommendation and of resources"
    )
    common.add_root(parser)
    add_log_file(parser)
    _add_pointers(parser)
    parser.add_argument(
        "--category",
        choices=[category.value for category in Category],
        default="",
        help="Waiver: the risk is accepted; Mitigated: met in another way",
    )
    parser.add_argument(
        "--until", default="", metavar="DAY", help="the last day (default: the longest that is allowed)"
    )
    _add_conditions(parser)
    parser.add_argument("--justification", default="", metavar="TEXT", help="why this is acceptable")
    parser.add_argument(
        "--owner", default="", metavar="WHO", help="who answers for the risk (default: you, as git knows you)"
    )
    parser.add_argument("--ticket", default="", metavar="KEY", help="where this was decided")
    parser.add_argument(
        "--name", default="", metavar="NAME", help="the declaration's name (default: made of resource and title)"
    )
    parser.add_argument(
        "--from-issue",
        type=Path,
        metavar="FILE",
        help="take it all from a filled issue form: the JSON of the issue or its event",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the file and propose nothing")
    parser.add_argument("--yes", action="store_true", help="ask nothing")


def _add_pointers(parser: argparse.ArgumentParser) -> None:
    """What is to be exempted, and where."""
    parser.add_argument(
        "--recommendation", default="", metavar="R", help="an address of the portal, a key, a title or a category"
    )
    parser.add_argument(
        "--resource",
        action="append",
        default=[],
        metavar="R",
        help="an address of the portal, an id or a unique name; may be repeated",
    )
    parser.add_argument(
        "--tag", action="append", type=tag_argument, default=[], metavar="NAME=VALUE",
        help="today's resources that bear this tag, of the recommendation's types; may be repeated",
    )  # fmt: skip


def _add_conditions(parser: argparse.ArgumentParser) -> None:
    """Which findings of vulnerabilities, where not all of them."""
    parser.add_argument(
        "--cve", action="append", default=[], metavar="CVE", help="only the findings of this CVE; may be repeated"
    )
    parser.add_argument(
        "--min-severity", choices=("Low", "Medium", "High", "Critical"), default="",
        help="only findings of vulnerabilities below this severity",
    )  # fmt: skip
    parser.add_argument(
        "--cvss-below", type=float, metavar="N", help="only findings with a CVSS score below this number"
    )


def tag_argument(text: str) -> tuple[str, str]:
    """A tag on the command line."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def run(args: argparse.Namespace) -> int:
    """Finds, asks, writes, shows and proposes."""
    options = typed(Options, args)
    context = common.context()
    if options.from_issue is not None:
        return _from_issue(options.from_issue, options, context)
    converses = not options.yes and can_converse()
    if converses:
        say("one moment: what the remote and Azure have now …")
    with (
        proposing.open_desk(options.root, context, proposes=not options.dry_run) as desk,
        choosing.azure_if_reachable(desk, context) as azure,
    ):
        fields = _fields(options)
        if converses:
            fields = conversation.complete(fields, desk, azure, context)
        prepared = request.prepare(fields, desk, azure, context)
        _show(prepared, desk, context, was_told=converses)
        if prepared.draft is not None and prepared.preview is not None and prepared.verdict is Verdict.DONE:
            question = "Open the pull request all the same?" if prepared.does_nothing else "Open the pull request?"
            if converses and not prompts().confirmed(question, default=not prepared.does_nothing):
                say("nothing was proposed")
            else:
                show_proposed(request.propose_draft(prepared.draft, desk, context))
    return exits.of_run(prepared.verdict)


def _fields(options: Options) -> RequestFields:
    conditions = {"cves": options.cve, "minSeverity": options.min_severity, "cvssBelow": options.cvss_below}
    return RequestFields(
        recommendation=options.recommendation,
        resources=tuple(options.resource),
        pasted="\n".join(options.pasted),
        tags=dict(options.tag),
        category=Category(options.category) if options.category else None,
        until=options.until,
        justification=options.justification,
        owner=options.owner,
        ticket=options.ticket,
        name=options.name,
        vulnerabilities={name: value for name, value in conditions.items() if value not in ([], "", None)},
    )


def _show(prepared: request.Prepared, desk: proposing.Desk, context: Context, *, was_told: bool) -> None:
    """All that a person should know before it is proposed. `was_told`: the conversation said what is better already."""
    draft, preview = prepared.draft, prepared.preview
    if draft is None or prepared.verdict is not Verdict.DONE:
        say(*diagnostic_lines(prepared.unclear, Style.ERROR, "error: "), *problem_lines(prepared.problems))
        return
    choice = draft.answers.choice
    if preview is None:
        write(draft.text)
        if not was_told:
            say(*diagnostic_lines(draft.notes), *fix_lines(choice, desk.contents.settings.cloud))
        say(f"this would be {draft.file}; without --dry-run its pull request is opened")
        return
    names = preview.run.names if preview.run else {}
    say(BLANK, *request_lines(draft.declaration, choice, context.now, names), *problem_lines(prepared.problems))
    if not was_told:
        say(*diagnostic_lines(draft.notes), *fix_lines(choice, desk.contents.settings.cloud))
    plan = preview.run.plan if preview.run else None
    say(*effect_lines(plan, [draft.declaration.name], preview.assignments, preview.why_not))


def show_proposed(proposed: proposing.Proposed) -> None:
    """Where the pull request is, or how a person opens it. The address alone goes to standard output."""
    pull_request, branch = proposed.pull_request, proposed.branch
    if pull_request.is_open:
        say(line((Style.GOOD, "the pull request is open:")))
    else:
        say(line((Style.WARNING, "not opened: "), pull_request.why))
        if branch.remote:
            place = "here:" if pull_request.address else "there"
            say(f"the branch {branch.name} is on the remote {branch.remote}: open its pull request {place}")
    sys.stderr.flush()
    if pull_request.address:
        write_lines([line(pull_request.address)])
    sys.stdout.flush()


def _from_issue(file: Path, options: Options, context: Context) -> int:
    """Standard output is the answer on the issue, whatever came of it."""
    data = read_file(file, label="issue", remedy="give the JSON of an issue, or of its event", limit=_MOST_OF_ISSUE)
    try:
        outcome = from_issue.run(data, str(file), options.root, context, dry_run=options.dry_run)
    except Exception:
        write(answer_unclear((Unclear(message="the run failed; its log says why"),), ()))
        raise
    if outcome.draft is None or not outcome.draft.is_valid:
        write(answer_unclear(outcome.unclear, outcome.draft.problems if outcome.draft else ()))
        say(*diagnostic_lines(outcome.unclear, Style.ERROR, "error: "))
        return Exit.FAILED
    if outcome.proposed is None:
        write(outcome.draft.text)
        return Exit.DONE
    pull_request = outcome.proposed.pull_request
    write(
        answer_opened(
            outcome.proposed.branch.name,
            pull_request.address,
            outcome.draft.declaration,
            outcome.draft.notes,
            is_open=pull_request.is_open,
        )
    )
    say(pull_request.address or pull_request.why)
    return Exit.DONE
