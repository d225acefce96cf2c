"""A register of everything that is exempt in Azure, ours or not. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.azure.session import connect
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.drift import DriftInputs, take_inventory
from reconciler.drift.inventory import Inventory, Selection, select
from reconciler.drift.silencers import count_silencers
from reconciler.model import ArmId, Cloud, Declaration, ScopeKind, Settings, Snapshot, Unread, Verdict, arm_id
from reconciler.planning.marks import with_adopted
from reconciler.planning.provenance import Approval, History, NoHistory
from reconciler.planning.stages import ResolvedDeclarations
from reconciler.problems import AzureError
from reconciler.runs.context import Context
from reconciler.runs.loading import OVERLAY, load_settings
from reconciler.runs.reading import display_names, load_record, read_snapshot

_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"
_EVERYTHING: Final = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What to list: what the settings at `root` manage, narrowed to `scope` and to a `selection`, from a saved
    `snapshot`. With `tenant` no repository is needed: everything below `scope`, or below the tenant's root group, of
    which nothing is known to be ours. `record` is a file with what earlier runs adopted. `silenced`: count what else keeps
    Defender silent.
    """

    root: Path
    scope: ArmId | None = None
    snapshot: Path | None = None
    tenant: str | None = None
    cloud: Cloud = Cloud.PUBLIC
    selection: Selection = _EVERYTHING
    record: Path | None = None
    silenced: bool = False


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
    settings, declarations = _settings(request, context)
    # What only declarations need is not read.
    recorded = load_record(request.record, settings, context)
    snapshot = with_adopted(read_snapshot(settings, (), context, file=request.snapshot, scope=request.scope), recorded)
    overlay = None if request.tenant else request.root / OVERLAY
    catalogue = load_catalogue(settings.cloud, overlay) if overlay else load_catalogue(settings.cloud)
    history, approvals = _history(request, declarations)
    inputs = DriftInputs(
        snapshot=snapshot,
        resolved=ResolvedDeclarations.of(declarations, catalogue),
        catalogue=catalogue,
        settings=settings,
        history=history,
        now=context.now,
    )
    inventory = select(take_inventory(inputs, request.scope, approvals), request.selection)
    if request.silenced:
        plans = None if request.snapshot else _plans(settings, snapshot, context)
        inventory = replace(inventory, silencers=count_silencers(snapshot, plans))
    return ListRun(inventory=inventory, names=display_names(snapshot, catalogue), unread=snapshot.unread)


def _plans(settings: Settings, snapshot: Snapshot, context: Context) -> Mapping[ArmId, Mapping[str, bool]] | None:
    """Defender's plans of all subscriptions; None where they cannot be read, which a warning says."""
    from reconciler.azure.posture import read_plans  # noqa: PLC0415 - loads the SDK

    subscriptions = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
    with connect(settings, context.environment, context.observer.warning) as azure:
        try:
            return read_plans(azure.client, subscriptions)
        except AzureError as error:
            context.observer.warning(f"Defender's plans could not be read: {error.message}")
            return None


def _settings(request: ListRequest, context: Context) -> tuple[Settings, tuple[Declaration, ...]]:
    if request.tenant is None:
        return load_settings(request.root, context)
    root = request.scope or arm_id(f"{_GROUPS}{request.tenant}")
    settings = Settings(owner="", tenant_id=request.tenant, scopes=(root,), cloud=request.cloud)
    return settings, ()


def _history(request: ListRequest, declarations: Sequence[Declaration]) -> tuple[History, Mapping[str, Approval]]:
    """What git knows of the declarations; nothing where there are none."""
    if not declarations:
        return NoHistory(), {}
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import

    history = repository.read(request.root)
    commits = [history.last_commit(declaration.source.file) for declaration in declarations]
    return history, repository.approvals(request.root, [commit.sha for commit in commits if commit])
