"""exempt catalog: what can be exempted, under which policies, in which initiatives, and why not.

exempt catalog search public network access storage
exempt catalog show 651967bf-044e-4bde-8376-3e08e0600105    a key, a title, a policy, or the portal's address
exempt catalog info                                         where the facts come from
exempt catalog diff                                         how the tenant differs, and which declarations that touches
exempt catalog refresh                                      write these differences to catalog.yaml, for review
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reconciler.catalog import Catalogue, Policy, load
from reconciler.catalog.lookup import look_up
from reconciler.cli.exits import Exit
from reconciler.cli.log_file import add_log_file
from reconciler.cli.terminal import say, write, write_lines
from reconciler.model import Cloud
from reconciler.problems import ReconcilerError, UsageError, has_errors

OVERLAY: Final = "catalog.yaml"
_MAX_LENGTH: Final = 2000
_LIKE: Final = 0.65


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own commands, each with its options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=type(parser))
    search = _command(commands, "search", _search, "find by words, typos forgiven, best first")
    search.add_argument(
        "words", nargs="+", metavar="WORD", help="words of a title, an abbreviation, or the start of a key"
    )
    search.add_argument("--limit", type=_limit, default=10, metavar="N", help="how many at most (default: 10)")
    show = _command(commands, "show", _show, "everything about one recommendation, policy or initiative")
    show.add_argument(
        "what", nargs="+", metavar="WHAT", help="a key, an exact title, a policy or initiative, or an address"
    )
    _command(commands, "info", _info, "the sources of the facts, with commits and dates")
    diff = _command(commands, "diff", _live("diff"), "how the tenant differs, and which declarations that touches")
    diff.add_argument("--offline", action="store_true", help="compare catalog.yaml with the shipped facts instead")
    diff.add_argument("--detailed-exitcode", action="store_true", help="exit 2 where something differs")
    refresh = _command(commands, "refresh", _live("refresh"), "write what differs to catalog.yaml, for review")
    for command in (diff, refresh):
        add_log_file(command)
        command.add_argument(
            "--custom", action="store_true", help="read each subscription's custom recommendations too"
        )


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
    if name in {"search", "show", "info"}:
        clouds = [cloud.value for cloud in Cloud]
        parser.add_argument(
            "--cloud", choices=clouds, help="which Azure (default: as reconciler.yaml says, else AzureCloud)"
        )
    return parser


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _live(name: str) -> Callable[[argparse.Namespace], int]:
    """The commands that compare with a tenant are a module of their own, which loads what the others never need."""

    def command(args: argparse.Namespace) -> int:
        from reconciler.cli import catalog_live  # noqa: PLC0415

        return catalog_live.diff(args) if name == "diff" else catalog_live.refresh(args)

    return command


# --- offline ---------------------------------------------------------------------------------------------------------


def _search(args: argparse.Namespace) -> int:
    from reconciler.reports import catalogue as report  # noqa: PLC0415

    query = _text(args.words)
    catalogue = _catalogue(args)
    hits = catalogue.search(query, args.limit)
    if args.format == "json":
        write(report.search_json(hits, catalogue, query))
    else:
        write_lines(report.search_lines(hits, catalogue, query))
    return Exit.DONE


def _show(args: argparse.Namespace) -> int:
    from reconciler.reports import catalogue as report  # noqa: PLC0415

    query = _text(args.what)
    catalogue = _catalogue(args)
    found = look_up(catalogue, query)
    if found.is_empty:
        raise _not_found(catalogue, query)
    if args.format == "json":
        write(report.show_json(found, catalogue, query))
    else:
        write_lines(report.show_lines(found, catalogue))
    return Exit.DONE


def _info(args: argparse.Namespace) -> int:
    from reconciler.reports import catalogue_facts as report  # noqa: PLC0415

    catalogue = _catalogue(args)
    if args.format == "json":
        write(report.info_json(catalogue))
    else:
        write_lines(report.info_lines(catalogue))
    return Exit.DONE


def _text(words: list[str]) -> str:
    text = " ".join(words).strip()
    if not text or len(text) > _MAX_LENGTH:
        raise UsageError(f"the text has {len(text):,} characters", f"between 1 and {_MAX_LENGTH:,} can be looked up")
    return text


def _not_found(catalogue: Catalogue, query: str) -> UsageError:
    near = _like(catalogue, query) or [f"{found.title!r} ({found.key})" for found in catalogue.nearest(query)]
    remedy = "exempt catalog search WORDS finds by words; exempt catalog refresh adds new ones"
    if near:
        remedy = f"did you mean {' or '.join(near)}?"
    return UsageError(f"nothing in the catalogue has the key, title, name or address {query!r}", remedy)


def _like(catalogue: Catalogue, query: str) -> list[str]:
    """The policy or initiative whose title is most like the text, if one is and no recommendation is more so."""
    match next((hit.found for hit in catalogue.search(query, 1) if hit.score > _LIKE), None):
        case Policy() as found:
            return [f"{found.title!r} ({found.id.name})"]
        case str() as key:
            return [f"{catalogue.initiative_titles[key]!r} ({key.rsplit('/', 1)[-1]})"]
        case _:
            return []


def _catalogue(args: argparse.Namespace) -> Catalogue:
    """The catalogue for the cloud of this repository, or for any cloud outside of one."""
    cloud = Cloud(args.cloud) if args.cloud else _cloud(args.root)
    catalogue = load(cloud, args.root / OVERLAY)
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
    from reconciler.documents.reading import read_document  # noqa: PLC0415

    document, _ = read_document(content, "reconciler.yaml")
    named = document.data.get("cloud") if document else None
    return Cloud(named) if isinstance(named, str) and named in {cloud.value for cloud in Cloud} else Cloud.PUBLIC
