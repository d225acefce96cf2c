"""Start a repository of exemptions that uses this tool at a pinned commit, so that a pull request cannot change what
judges it: settings, folders, schemas, pipelines, code owners, editor and first steps. The folder may be new, or a clone
of an empty repository. On a terminal it asks for the tenant, the root, the owner and the team that no option names.
--upgrade moves such a repository to the version that runs, in one change for a pull request.
"""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.azure.az_login import az_login
from reconciler.cli import common
from reconciler.cli.arguments import scope_argument, word_argument
from reconciler.cli.exits import Exit
from reconciler.cli.options import typed
from reconciler.cli.prompts import can_converse, prompts
from reconciler.cli.terminal import say, write
from reconciler.model import ArmId, count, parse_scope
from reconciler.problems import UsageError
from reconciler.repository.hosting import hosted
from reconciler.repository.work_tree import remote_of
from reconciler.runs import init
from reconciler.runs.scaffold import NO_TENANT, Part, Pipelines

EXAMPLES: Final = (
    "exempt init my-exemptions --tenant 11111111-2222-4333-8444-555566667777 --team @contoso/security-reviewers",
    "exempt init . --pipelines azure-devops",
    "exempt init try-it --template demo --pipelines none",
    "exempt init --upgrade .",
    "exempt init --upgrade . --part shop=/providers/Microsoft.Management/managementGroups/shop",
)
_FIRST_ONLY: Final = ("owner", "tenant", "scope", "team", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `exempt init`."""

    folder: Path
    owner: str | None
    tenant: str | None
    scope: list[ArmId]
    team: str | None
    tool: str | None
    pipelines: Pipelines | None
    part: list[Part]
    template: str | None
    upgrade: bool
    yes: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `exempt init`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder, or a clone of an empty repository")
    parser.add_argument("--owner", metavar="NAME", help="the id written on each exemption (default: the folder's name)")
    parser.add_argument("--tenant", metavar="GUID", help="the tenant (default: zeros, to be filled in)")
    parser.add_argument(
        "--scope",
        type=scope_argument,
        action="append",
        default=[],
        metavar="ID",
        help="a managed root, may be repeated (default: the tenant's root group)",
    )
    parser.add_argument(
        "--team",
        metavar="@ORG/TEAM",
        help="who must approve, on GitHub and GitLab (default: @contoso/security-reviewers)",
    )
    parser.add_argument(
        "--tool",
        metavar="ORG/REPO@COMMIT",
        help="where this tool comes from; also https://HOST/PATH@COMMIT (default: what runs)",
    )
    parser.add_argument(
        "--pipelines",
        type=word_argument(Pipelines),
        metavar="{" + ",".join(Pipelines) + "}",
        help="for which system (default: that of the clone's remote, else github)",
    )
    parser.add_argument(
        "--part",
        type=_part,
        action="append",
        default=[],
        metavar="NAME=ID",
        help="a scope that is read and written on a runner of its own by identities of its own; may be repeated",
    )
    parser.add_argument(
        "--template", choices=["demo"], help="with the demo's declarations and a tenant for the embedded Azure"
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="move pin, schemas and pipelines to the version that runs"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the defaults")


def _part(text: str) -> Part:
    name, _, scope = text.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name) or name in {"rest", "groups"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=ID, NAME of small letters, digits and _")
    return Part(name=name, scope=scope_argument(scope))


def run(args: argparse.Namespace) -> int:
    """Writes the files and says what to do next."""
    options = typed(Options, args)
    if options.upgrade:
        return _upgrade(options)
    folder = options.folder
    request = init.InitRequest(
        folder=folder,
        tenant=options.tenant or NO_TENANT,
        team=options.team or "@contoso/security-reviewers",
        owner=options.owner,
        scopes=tuple(options.scope),
        tool=options.tool,
        pipelines=options.pipelines,
        parts=tuple(options.part),
        demo_on=common.now().date() if options.template else None,
    )
    if can_converse() and not options.template and not options.yes:
        request = _completed(request, options)
    started = init.run(request)
    guide = folder / ("EXEMPTIONS.md" if "EXEMPTIONS.md" in started.files else "README.md")
    if not started.written:
        say(f"nothing changed: {folder} has all {len(started.files)} files already; {guide} says what to do next")
        return Exit.DONE
    write("\n".join(started.written))
    number_there = len(started.files) - len(started.written)
    there = f", {number_there} were there already" if number_there else ""
    say(f"{count(len(started.written), 'file')} written in {folder}{there}; {guide} says what to do next")
    if options.template:
        say(f"try it: cd {folder} && exempt emulator --tenant tenant.yaml -- exempt plan")
    else:
        say(f"'exempt validate --root {folder}' checks it")
    return Exit.DONE


def _completed(request: init.InitRequest, options: Options) -> init.InitRequest:
    """With what the person at the terminal answers to what no option says."""
    scaffold, _ = init.prepared(request)  # what is refused whatever the answers are is refused before the questions
    ask = prompts()
    login = az_login() if not (options.tenant and options.scope) else None
    if not options.tenant:
        tenant = ask.text(
            "Tenant (its GUID; empty: later):",
            login.tenant if login else "",
            lambda text: not text.strip() or _has_form("tenant", text),
        )
        request = replace(request, tenant=tenant or NO_TENANT)
    if not options.scope:
        root = init.root_group(request.tenant)
        choices: list[tuple[str, ArmId | None]] = [("the whole tenant: its root management group", root)]
        if login and login.subscription and login.tenant.lower() == request.tenant.lower():
            choices.insert(0, (f"the subscription {login.name}, to begin with", login.subscription))
        picked = ask.one("Managed root, outside of which nothing is touched:", [*choices, ("another scope", None)])
        request = replace(request, scopes=(picked or parse_scope(ask.text("Its id:", check=_is_scope)),))
    if not options.owner:
        owner = ask.text(
            "Owner, written on each exemption (choose it once):", scaffold.owner, lambda text: _has_form("owner", text)
        )
        request = replace(request, owner=owner)
    if not options.team and scaffold.pipelines.has_code_owners:
        home = hosted(remote_of(request.folder), os.environ)
        proposal = f"@{home.owner}/security-reviewers" if home else ""
        team = ask.text(
            "Who must approve (@ORGANISATION/TEAM or @USER):", proposal, lambda text: _has_form("team", text)
        )
        request = replace(request, team=team)
    return request


def _has_form(name: str, text: str) -> bool | str:
    form = init.form_of(name, text.strip())
    return f"give {form}" if form else True


def _is_scope(text: str) -> bool | str:
    try:
        parse_scope(text.strip())
    except ValueError:
        return "not the id of a management group, subscription, resource group or resource"
    return True


def _upgrade(options: Options) -> int:
    stray = [f"--{name}" for name in _FIRST_ONLY if getattr(options, name)]
    if stray:
        raise UsageError(f"--upgrade keeps what was chosen: {', '.join(stray)} has no effect", "leave it out")
    upgraded = init.upgrade(options.folder, tool=options.tool, pipelines=options.pipelines, parts=options.part)
    pin = upgraded.pin
    say(f"{options.folder} uses exempt {pin.version}" + (f" at commit {pin.commit}" if pin.commit else ""))
    outcomes = (
        ("written", upgraded.written),
        ("merged with your changes", upgraded.merged),
        ("conflict", upgraded.conflicts),
        ("not used any more", upgraded.obsolete),
    )
    changed = [f"{label}: {name}" for label, names in outcomes for name in names]
    write("\n".join(changed) or "nothing to change")
    if upgraded.conflicts:
        say("settle the marked places, then commit; 'git diff' shows everything that changed")
        return Exit.FAILED
    if changed:
        say("'git diff' shows what changed; commit it in a pull request of its own")
    return Exit.DONE
