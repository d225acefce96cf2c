"""A register of everything that is exempt in Azure, ours or not. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.drift import DriftInputs, take_inventory
from reconciler.drift.inventory import Inventory
from reconciler.model import ArmId, Unread, Verdict
from reconciler.planning.provenance import NoHistory
from reconciler.planning.stages import ResolvedDeclarations
from reconciler.runs.context import Context
from reconciler.runs.loading import OVERLAY, load_settings
from reconciler.runs.reading import display_names, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What to list: what the settings at `root` manage, narrowed to `scope`, from a saved `snapshot`."""

    root: Path
    scope: ArmId | None = None
    snapshot: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRun:
    """The inventory; `names` are display names by folded id, `unread` what could not be read."""

    inventory: Inventory
    names: dict[str, str]
    unread: tuple[Unread, ...]

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something could not be read."""
        return Verdict.INCOMPLETE if self.unread else Verdict.DONE


def run(request: ListRequest, context: Context) -> ListRun:
    """Reads and looks up.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        ReconcilerError: Azure or a file refuses.
    """
    settings, declarations = load_settings(request.root, context)
    # What only declarations need is not read.
    snapshot = read_snapshot(settings, (), context, file=request.snapshot, scope=request.scope)
    catalogue = load_catalogue(settings.cloud, request.root / OVERLAY)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of(declarations, catalogue),
        catalogue=catalogue,
        settings=settings,
        history=NoHistory(),
        now=context.now,
    )
    return ListRun(
        inventory=take_inventory(inputs, request.scope),
        names=display_names(snapshot, catalogue),
        unread=snapshot.unread,
    )
