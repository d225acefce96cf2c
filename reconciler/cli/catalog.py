"""What can be exempted, under which policies, in which initiatives, and why not."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.catalog import Catalogue, Policy, load
from reconciler.catalog.narrowing import Narrowing, narrowed, type_of
from reconciler.cli.arguments import number_argument, scope_argument
from reconciler.cli.exits import Exit
from reconciler.cli.options import add_log_file, typed
from reconciler.cli.terminal import say, say_unread, show
from reconciler.documents.suggest import did_you_mean
from reconciler.model import ArmId, Cloud
from reconciler.problems import ReconcilerError, UsageError, has_errors
from reconciler.reports.formats import CATALOGUE, DIFFERENCES, LOOKUP, SEARCH

if TYPE_CHECKING:
    from reconciler.runs.catalog import CatalogRun

EXAMPLES: Final = (
    "exempt catalog search public network access storage",
    "exempt catalog search --exemptable --for /subscriptions/6f0e1a2b-3c4d-4e5f-8a6b-7c8d9e0f1a2b",
    "exempt catalog show 651967bf-044e-4bde-8376-3e08e0600105",
    "exempt catalog diff              how the tenant differs from the facts",
    "exempt catalog refresh           write that to catalog.yaml, for review",
)
OVERLAY: Final = "catalog.yaml"
_MAX_LENGTH: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command of `exempt catalog` takes."""

    format: str
    root: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOptions(Options):
    """The command line of `search`, `show` and `info`: they ask the catalogue of one cloud."""

    cloud: str | None
    words: list[str] | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions(OfflineOptions):
    """The command line of `search`."""

    exemptable: bool = False
    type: str | None = None
    resource: ArmId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions(Options):
    """The command line of `diff` and `refresh`: they ask the tenant."""

    custom: bool
    offline: bool = False
    detailed_exitcode: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own commands, each with its options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=type(parser))
    search = _add_search(commands)
    show = _command(commands, "show", _show, "everything about one recommendation, policy or initiative")
    show.add_argument(
        "words", nargs="+", metavar="WHAT", help="a key, an exact title, a policy or initiative, or an address"
    )
    info = _command(commands, "info", _info, "the sources of the facts, with commits and dates")
    for command in (search, show, info):
        clouds = [cloud.value for cloud in Cloud]
        command.add_argument(
            "--cloud", choices=clouds, help="which Azure (default: as reconciler.yaml says, else AzureCloud)"
        )
    diff = _command(commands, "diff", _diff, "how the tenant differs, and which declarations that touches")
    diff.add_argument("--offline", action="store_true", help="compare catalog.yaml with the bundled facts instead")
    diff.add_argument("--detailed-exitcode", action="store_true", help="exit 2 where something differs")
    refresh = _command(commands, "refresh", _refresh, "write what differs to catalog.yaml, for review")
    for command in (diff, refresh):
        add_log_file(command)
        command.add_argument(
            "--custom", action="store_true", help="read each subscription's custom recommendations too"
        )


def _add_search(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    search = _command(commands, "search", _search, "find by words, typos forgiven, best first")
    search.add_argument(
        "words", nargs="*", metavar="WORD", help="words of a title, an abbreviation, or the start of a key"
    )
    about = search.add_mutually_exclusive_group()
    about.add_argument(
        "--type", metavar="TYPE", help="only what evaluates this type, as Microsoft.Storage/storageAccounts"
    )
    about.add_argument(
        "--for",
        dest="resource",
        type=scope_argument,
        metavar="RESOURCE-ID",
        help="only what evaluates the type of this resource",
    )
    search.add_argument("--exemptable", action="store_true", help="only what can be exempted")
    search.add_argument(
        "--limit",
        type=number_argument("a number from 1 to 1000", 1, 1000),
        default=10,
        metavar="N",
        help="how many at most (default: 10)",
    )
    return search


def run(args: argparse.Namespace) -> int:
    """Runs the one that was asked for."""
    command: Callable[[argparse.Namespace], int] = args.command
    return command(args)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int],
    about: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(command=function)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="the form of the output (default: text)"
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="the folder of catalog.yaml (default: this one)"
    )
    return parser


# --- with a tenant ---------------------------------------------------------------------------------------------------


def _diff(args: argparse.Namespace) -> int:
    from reconciler.cli import common, exits  # noqa: PLC0415 - the others load nothing of a run
    from reconciler.model import Verdict  # noqa: PLC0415
    from reconciler.runs import catalog  # noqa: PLC0415

    options = typed(LiveOptions, args)
    compared = catalog.diff(options.root, common.context(), custom=options.custom, offline=options.offline)
    _show_differences(compared, options)
    if compared.verdict is Verdict.CHANGES and not options.detailed_exitcode:
        return Exit.DONE
    return exits.of_run(compared.verdict)


def _refresh(args: argparse.Namespace) -> int:
    from reconciler.cli import common  # noqa: PLC0415 - as above
    from reconciler.runs import catalog  # noqa: PLC0415

    options = typed(LiveOptions, args)
    compared = catalog.refresh(options.root, common.context(), custom=options.custom)
    _show_differences(compared, options)
    if compared.written:
        say(f"wrote {OVERLAY}; review it in a pull request before it changes what declarations mean")
    else:
        say(f"{OVERLAY} needs no change")
    return Exit.FAILED if compared.unread else Exit.DONE


def _show_differences(compared: CatalogRun, options: LiveOptions) -> None:
    from reconciler.reports import catalogue_facts as report  # noqa: PLC0415 - as above

    say_unread(compared.unread)
    show(DIFFERENCES.render(options.format, compared.entries))
    say(report.difference_summary(compared.entries))


# --- offline ---------------------------------------------------------------------------------------------------------


def _search(args: argparse.Namespace) -> int:
    options = typed(SearchOptions, args)
    kind = (options.type or "").lower() or (type_of(options.resource) if options.resource else "")
    narrowing = Narrowing(type=kind, exemptable=options.exemptable)
    query = _text(options.words) if options.words or not (narrowing or options.resource) else ""
    catalogue = _catalogue(options)
    show(SEARCH.render(options.format, (narrowed(catalogue, query, narrowing, options.limit), catalogue, query)))
    return Exit.DONE


def _show(args: argparse.Namespace) -> int:
    from reconciler.catalog.lookup import look_up  # noqa: PLC0415 - as above

    options = typed(OfflineOptions, args)
    query = _text(options.words)
    catalogue = _catalogue(options)
    subject = look_up(catalogue, query)
    if subject.is_empty:
        near = [f"{recommendation.title!r} ({recommendation.key})" for recommendation in catalogue.nearest(query)]
        match catalogue.nearest_title(query):  # unless a policy or an initiative is more like it
            case Policy() as policy:
                near = [f"{policy.title!r} ({policy.id.name})"]
            case str() as key:
                near = [f"{catalogue.initiative_titles[key]!r} ({key.rsplit('/', 1)[-1]})"]
        remedy = did_you_mean(
            near, "'exempt catalog search WORDS' finds by words; 'exempt catalog refresh' adds new ones"
        )
        raise UsageError(f"nothing in the catalogue has the key, title, name or address {query!r}", remedy)
    show(LOOKUP.render(options.format, (subject, catalogue, query)))
    return Exit.DONE


def _info(args: argparse.Namespace) -> int:
    options = typed(OfflineOptions, args)
    catalogue = _catalogue(options)
    show(CATALOGUE.render(options.format, catalogue))
    return Exit.DONE


def _text(words: list[str] | None) -> str:
    text = " ".join(words or ()).strip()
    if not text or len(text) > _MAX_LENGTH:
        raise UsageError(f"the text has {len(text):,} characters", f"between 1 and {_MAX_LENGTH:,} can be looked up")
    return text


def _catalogue(options: OfflineOptions) -> Catalogue:
    """The catalogue for the cloud of this repository, or for any cloud outside of one."""
    cloud = Cloud(options.cloud) if options.cloud else _cloud(options.root)
    catalogue = load(cloud, options.root / OVERLAY)
    if has_errors(catalogue.problems):
        from reconciler.reports.problems import problem_lines  # noqa: PLC0415

        say(*problem_lines(catalogue.problems))
        raise ReconcilerError(
            f"{OVERLAY} has errors", "correct it, or delete it and write it anew with exempt catalog refresh"
        )
    return catalogue


def _cloud(root: Path) -> Cloud:
    """The cloud that reconciler.yaml names. Looking something up is no occasion to judge the rest of that file."""
    try:
        content = (root / "reconciler.yaml").read_bytes()
    except OSError:
        return Cloud.PUBLIC
    if not any(sign in content for sign in (b"cloud", b"\\", b"\x00")):  # not as an escape or in UTF-16 either
        return Cloud.PUBLIC
    from reconciler.documents.reading import read_document  # noqa: PLC0415

    document, _ = read_document(content, "reconciler.yaml")
    named = document.data.get("cloud") if document else None
    return Cloud(named) if isinstance(named, str) and named in {cloud.value for cloud in Cloud} else Cloud.PUBLIC
