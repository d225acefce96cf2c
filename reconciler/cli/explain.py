"""Say why a resource is exempt: what is authoritative, what else covers it, until when, and what if it were removed.
With --declaration, say what a declaration comes to and why each assignment is in or out. Writes nothing.

Exit codes: 0 done; 1 invalid, or something that matters could not be read.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.cli import common, planning
from reconciler.cli.exits import Exit
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import write, write_lines
from reconciler.model import Declaration, Snapshot, Subject, SubjectKind
from reconciler.planning.desired.subjects import ResolvedSubject, resolve_subject
from reconciler.planning.explain.declaration import DeclarationExplanation, explain_declaration
from reconciler.planning.explain.resource import explain_resource
from reconciler.planning.explain.values import ResourceExplanation
from reconciler.planning.guards import Allowances
from reconciler.planning.planner import assemble_plan
from reconciler.planning.stages import Decisions, PlanInputs, ResolvedDeclarations, decide
from reconciler.problems import UsageError
from reconciler.reports.explain_json import explanation_json, fan_out_json
from reconciler.reports.explain_text import explanation_lines, fan_out_lines

_POLICY: Final = "/policydefinitions/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt explain`."""
    common.add_root(parser)
    add_log_file(parser)
    common.add_format(parser, "text", "json")
    parser.add_argument(
        "resource", nargs="?", type=common.scope_argument, metavar="RESOURCE", help="the ARM id of a resource or scope"
    )
    parser.add_argument(
        "--recommendation", metavar="R", help="only this one: a key, an exact title, or a policy definition's id"
    )
    parser.add_argument("--declaration", metavar="NAME", help="instead of a resource: a declaration of the repository")
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="read a saved snapshot instead of Azure")


def run(args: argparse.Namespace) -> int:
    """Load, check, read, decide as the plan does, explain."""
    if (args.resource is None) == (args.declaration is None):
        raise UsageError(
            "explain one thing: a RESOURCE or --declaration NAME", "exempt explain --help shows both forms"
        )
    if args.declaration is not None and args.recommendation is not None:
        raise UsageError("--recommendation goes with a RESOURCE", "leave it out: a declaration is about one already")
    at = common.now()
    repository = common.load_repository(args.root, None, at)
    declared = _declaration(repository, args.declaration) if args.declaration is not None else None
    asked = _asked(repository, args.recommendation) if args.recommendation is not None else None
    snapshot = _snapshot(args.snapshot, repository)
    decided = _decided(repository, snapshot, at)
    names = common.display_names(snapshot)
    if declared is not None:
        return _show_fan_out(explain_declaration(decided, assemble_plan(decided), declared), args.format, names)
    return _show(explain_resource(decided, assemble_plan(decided), args.resource, asked), args.format, names)


def _snapshot(path: Path | None, repository: common.Repository) -> Snapshot:
    if path is not None:
        return planning.saved_snapshot(path, repository.settings)
    with planning.connected(repository) as azure:
        return planning.read(azure, repository, None)


def _decided(repository: common.Repository, snapshot: Snapshot, at: datetime) -> Decisions:
    resolved = ResolvedDeclarations.of(repository.declarations, repository.catalogue)
    inputs = PlanInputs(
        declarations=resolved,
        catalogue=repository.catalogue,
        snapshot=snapshot,
        settings=repository.settings,
        history=repository.history,
        now=at,
        allowed=Allowances(),
        only=None,
    )
    return decide(inputs)


def _declaration(repository: common.Repository, name: str) -> Declaration:
    import difflib  # noqa: PLC0415 - only a typo pays for it

    found = {declaration.name: declaration for declaration in repository.declarations}
    if name in found:
        return found[name]
    other_case = next((each for known, each in found.items() if known.casefold() == name.casefold()), None)
    if other_case is not None:
        return other_case
    near = difflib.get_close_matches(name, found, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "'exempt validate' loads all of them"
    raise UsageError(f"--declaration: there is no declaration {name!r}", remedy)


def _asked(repository: common.Repository, text: str) -> ResolvedSubject:
    """What `--recommendation` means, looked up as a declaration's own field would be."""
    kind = SubjectKind.POLICY if _POLICY in text.lower() else SubjectKind.RECOMMENDATION
    found = resolve_subject(Subject(kind=kind, value=text), repository.catalogue)
    if found is not None:
        return found
    known = repository.catalogue.find(text)
    if known:
        keys = ", ".join(one.key for one in known)
        raise UsageError(f"--recommendation: {text!r} is the title of several recommendations", f"name a key: {keys}")
    near = [f"{one.title} ({one.key})" for one in repository.catalogue.nearest(text)]
    remedy = f"did you mean {' or '.join(near)}?" if near else "'exempt catalog search WORDS' finds it"
    raise UsageError(f"--recommendation: the catalogue has no recommendation {text!r}", remedy)


def _show(found: ResourceExplanation, form: str, names: dict[str, str]) -> Exit:
    if form == "json":
        write(explanation_json(found))
    else:
        write_lines(explanation_lines(found, names))
    return Exit.FAILED if found.unread else Exit.DONE


def _show_fan_out(found: DeclarationExplanation, form: str, names: dict[str, str]) -> Exit:
    if form == "json":
        write(fan_out_json(found))
    else:
        write_lines(fan_out_lines(found, names))
    return Exit.FAILED if found.unread else Exit.DONE
