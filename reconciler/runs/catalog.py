"""The catalogue compared with the tenant, and the overlay that the tenant asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.catalog import Catalogue
from reconciler.catalog.compare import Difference, Entry, differences, gone_entries, with_declarations
from reconciler.catalog.live import live_policy, live_recommendations
from reconciler.catalog.overlay import Overlay
from reconciler.catalog.overlay_text import overlay_text
from reconciler.catalog.refresh import LiveFacts, gone, refreshed, unknown_policies
from reconciler.declarations import Loaded
from reconciler.model import STANDARD_ASSIGNMENTS, Settings, Unread, Verdict
from reconciler.runs.context import Context
from reconciler.runs.files import write_file
from reconciler.runs.loading import OVERLAY, load_for_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRun:
    """What differs, what could not be read, and the file that was written, if one was."""

    entries: tuple[Entry, ...]
    unread: tuple[Unread, ...] = ()
    written: Path | None = None

    @property
    def verdict(self) -> Verdict:
        """Incomplete, differing or the same. That something is no longer told of is no difference to act on."""
        if self.unread:
            return Verdict.INCOMPLETE
        differs = any(entry.difference is not Difference.GONE for entry in self.entries)
        return Verdict.CHANGES if differs else Verdict.DONE


def diff(root: Path, context: Context, *, custom: bool, offline: bool) -> CatalogRun:
    """What differs between the repository's catalogue and the tenant, or (offline) the bundled facts. Writes nothing.
    `custom`: each subscription's custom recommendations too.

    Raises:
        InvalidRepositoryError: reconciler.yaml or catalog.yaml has errors.
        ReconcilerError: Azure refuses.
    """
    settings, loaded, current = load_for_catalogue(root, context)
    if offline:
        return CatalogRun(entries=tuple(differences(current.bundled, current, loaded.declarations)))
    return _compare(settings, loaded, current, context, custom=custom)[1]


def refresh(root: Path, context: Context, *, custom: bool) -> CatalogRun:
    """Writes catalog.yaml as the tenant asks for, and says what that changes.

    Raises:
        InvalidRepositoryError: reconciler.yaml or catalog.yaml has errors.
        ReconcilerError: Azure refuses, or the file cannot be written.
    """
    settings, loaded, current = load_for_catalogue(root, context)
    overlay, compared = _compare(settings, loaded, current, context, custom=custom)
    path = root / OVERLAY
    needed = overlay != current.overlay or (path.exists() and path.read_text(encoding="utf-8") != overlay_text(overlay))
    if needed:
        write_file(path, overlay_text(overlay))
    return CatalogRun(entries=compared.entries, unread=compared.unread, written=path if needed else None)


def _compare(
    settings: Settings, loaded: Loaded, current: Catalogue, context: Context, *, custom: bool
) -> tuple[Overlay, CatalogRun]:
    """The overlay that the tenant asks for, what it would change, and what could not be read."""
    from reconciler.azure import metadata  # noqa: PLC0415 - loads the SDK
    from reconciler.azure.session import connect  # noqa: PLC0415

    bundled = current.bundled
    with (
        connect(settings, context.environment, context.observer.warning) as azure,
        context.observer.reading("reading") as progress,
    ):
        snapshot = azure.reader().snapshot(settings, progress=progress)
        subscriptions = [scope for scope in snapshot.expected if scope.subscription] if custom else []
        recommendations = live_recommendations(metadata.read_metadata(azure.client, subscriptions))
        initiatives = tuple(snapshot.initiatives[key] for key in sorted(snapshot.initiatives))
        live = LiveFacts(recommendations=recommendations, initiatives=initiatives)
        unknown = unknown_policies(bundled, current.overlay, live)
        policies = [live_policy(row) for row in metadata.read_definitions(azure.client, unknown)]
    live = replace(live, policies=tuple(policy for policy in policies if policy))
    overlay = refreshed(bundled, current.overlay, live)
    proposed = Catalogue(current.cloud, overlay)
    entries = differences(current, proposed, loaded.declarations)
    lost = with_declarations(gone_entries(gone(bundled, live)), current, proposed, loaded.declarations)
    unread = tuple(unread for unread in snapshot.unread if unread.what not in {"exemptions", STANDARD_ASSIGNMENTS})
    return overlay, CatalogRun(entries=(*entries, *lost), unread=unread)
