"""`exempt catalog diff` and `refresh`: the repository's facts against a tenant's."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.catalog import Catalogue
from reconciler.catalog.compare import Difference, Entry, differences, gone_entries, with_declarations
from reconciler.catalog.live import live_policy, live_recommendations
from reconciler.catalog.overlay import Overlay
from reconciler.catalog.overlay_file import overlay_text
from reconciler.catalog.refresh import LiveFacts, gone, refreshed, unknown_policies
from reconciler.cli import common
from reconciler.cli.exits import Exit
from reconciler.cli.files import write_file
from reconciler.cli.terminal import reading, say, say_warning, write, write_lines
from reconciler.declarations import Loaded
from reconciler.model import Initiative, Settings, Snapshot, Unread
from reconciler.problems import has_errors
from reconciler.reports import catalogue_facts as report


def diff(args: argparse.Namespace) -> int:
    """Shows what differs; writes nothing."""
    loaded, current = _load(args.root)
    shipped = Catalogue(current.cloud)
    if args.offline:
        entries = differences(shipped, current, loaded.declarations)
        unread: tuple[Unread, ...] = ()
    else:
        _, entries, unread = _compared(args, loaded, current, shipped)
    _report(args, entries)
    if unread:
        return Exit.FAILED
    differs = any(entry.difference is not Difference.GONE for entry in entries)
    return Exit.CHANGES if differs and args.detailed_exitcode else Exit.DONE


def refresh(args: argparse.Namespace) -> int:
    """Writes catalog.yaml, and shows what that changes."""
    loaded, current = _load(args.root)
    overlay, entries, unread = _compared(args, loaded, current, Catalogue(current.cloud))
    _report(args, entries)
    path = args.root / common.OVERLAY
    if overlay != current.overlay or (path.exists() and path.read_text(encoding="utf-8") != overlay_text(overlay)):
        write_file(path, overlay_text(overlay))
        say(f"wrote {path.name}; review it in a pull request before it changes what declarations mean")
    else:
        say(f"{path.name} needs no change")
    return Exit.FAILED if unread else Exit.DONE


def _load(root: Path) -> tuple[Loaded, Catalogue]:
    """Settings and overlay must be valid; declarations need not be, for a refresh may be what they lack."""
    loaded, current = common.load_all(root)
    if loaded.settings is None or has_errors(current.problems):
        found = [*current.problems, *(one for one in loaded.problems if one.source.file == "reconciler.yaml")]
        common.show_problems(found)
        raise common.InvalidRepositoryError(
            "the repository has errors", "correct them; 'exempt validate' shows them again"
        )
    return loaded, current


def _compared(
    args: argparse.Namespace, loaded: Loaded, current: Catalogue, shipped: Catalogue
) -> tuple[Overlay, tuple[Entry, ...], tuple[Unread, ...]]:
    """The overlay that the tenant asks for, what it would change, and what could not be read."""
    assert loaded.settings is not None
    live, unread = _read(loaded.settings, shipped, current.overlay, custom=args.custom)
    for one in unread:
        say_warning(f"not read: {one.what} at {one.scope}: {one.message}")
    overlay = refreshed(shipped, current.overlay, live)
    wanted = Catalogue(current.cloud, overlay)
    entries = differences(current, wanted, loaded.declarations)
    lost = with_declarations(gone_entries(gone(shipped, live)), current, wanted, loaded.declarations)
    return overlay, (*entries, *lost), unread


def _read(
    settings: Settings, shipped: Catalogue, overlay: Overlay, *, custom: bool
) -> tuple[LiveFacts, tuple[Unread, ...]]:
    from reconciler.azure import metadata  # noqa: PLC0415 - loads the SDK
    from reconciler.azure.session import connect  # noqa: PLC0415

    with connect(settings, os.environ) as azure, reading("reading") as progress:
        snapshot = azure.reader().snapshot(settings, progress=progress)
        subscriptions = [scope for scope in snapshot.expected if scope.subscription] if custom else []
        rows = metadata.read_metadata(azure.client, subscriptions)
        found = LiveFacts(recommendations=live_recommendations(rows), initiatives=_initiatives(snapshot))
        unknown = unknown_policies(shipped, overlay, found)
        policies = [live_policy(row) for row in metadata.read_definitions(azure.client, unknown)]
    facts = LiveFacts(
        recommendations=found.recommendations,
        initiatives=found.initiatives,
        policies=tuple(one for one in policies if one),
    )
    return facts, tuple(one for one in snapshot.unread if one.what != "exemptions")


def _initiatives(snapshot: Snapshot) -> tuple[Initiative, ...]:
    return tuple(snapshot.initiatives[key] for key in sorted(snapshot.initiatives))


def _report(args: argparse.Namespace, entries: Iterable[Entry]) -> None:
    found = tuple(entries)
    if args.format == "json":
        write(report.differences_json(found))
    else:
        write_lines(report.difference_lines(found))
    say(report.difference_summary(found))
