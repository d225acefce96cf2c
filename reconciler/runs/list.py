"""A register of everything that is exempt in Azure, ours or not. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from reconciler.assessments.report import effect_report, states_by_exemption
from reconciler.assessments.values import EffectState
from reconciler.azure.session import Azure, Login, connect
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.drift import DriftInputs, take_inventory
from reconciler.drift.inventory import Inventory, Selection, select
from reconciler.drift.silencers import count_silencers
from reconciler.model import ArmId, Cloud, Declaration, ScopeKind, Settings, Snapshot, Unread, Verdict, arm_id
from reconciler.planning.desired.assessments import known_standards
from reconciler.planning.inputs import ResolvedDeclarations
from reconciler.planning.marks import with_adopted
from reconciler.planning.provenance import Approval, History, NoHistory
from reconciler.problems import AzureError, ReconcilerError
from reconciler.runs.context import Context
from reconciler.runs.loading import OVERLAY, load_repository, load_settings
from reconciler.runs.reading import display_names, load_record, read_azure, read_declared, saved_snapshot

_GROUPS: Final = "/providers/Microsoft.Management/managementGroups/"
_EVERYTHING: Final = Selection()
_MOST_REVIEWS: Final = 200
"""So many commits are asked of the hosting service, with up to two requests each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What to list: what the settings at `root` manage, narrowed to `scope` and to a `selection`, from a saved
    `snapshot`. With `tenant` no repository is needed: everything below `scope`, or below the tenant's root group, of
    which nothing is known to be ours. `record` is a file with what earlier runs adopted. `silenced`: count what else keeps
    Defender silent. `in_force`: ask Defender what became of the declared ones.
    """

    root: Path
    scope: ArmId | None = None
    snapshot: Path | None = None
    tenant: str | None = None
    cloud: Cloud = Cloud.PUBLIC
    selection: Selection = _EVERYTHING
    record: Path | None = None
    silenced: bool = False
    in_force: bool = False


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
    declarations: tuple[Declaration, ...] = ()
    if request.tenant is None:
        settings, declarations = load_settings(request.root, context)
        catalogue = load_catalogue(settings.cloud, request.root / OVERLAY)
    else:
        root = request.scope or arm_id(f"{_GROUPS}{request.tenant}")
        settings = Settings(owner="", tenant_id=request.tenant, scopes=(root,), cloud=request.cloud)
        catalogue = load_catalogue(settings.cloud)
    resolved = ResolvedDeclarations.of(declarations, catalogue)
    recorded = load_record(request.record, settings, context)
    if request.snapshot is not None:
        read = _Read(snapshot=with_adopted(saved_snapshot(request.snapshot, settings), recorded))
    elif request.in_force:
        read = _with_effects(request, recorded, context)
    else:  # of what declarations need, only what no list shows is read
        standards = known_standards(declarations, resolved.subjects, settings)
        with connect(settings, context.environment, context.observer.warning) as azure:
            snapshot = read_azure(azure, context, scope=request.scope, standards=standards)
            read = _Read(snapshot=with_adopted(snapshot, recorded), plans=_plans(request, azure, snapshot, context))
    history, approvals = _history(request, declarations, context)
    inputs = DriftInputs(
        snapshot=read.snapshot,
        resolved=resolved,
        catalogue=catalogue,
        settings=settings,
        history=history,
        now=context.now,
    )
    inventory = select(take_inventory(inputs, request.scope, approvals, read.effects), request.selection)
    if request.silenced:
        inventory = replace(inventory, silencers=count_silencers(read.snapshot, read.plans))
    return ListRun(inventory=inventory, names=display_names(read.snapshot, catalogue), unread=read.snapshot.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What is exempt; what became of each declared exemption, by folded id, where that was asked for and can be read; and
    Defender's plans of all subscriptions, likewise (None: not known).
    """

    snapshot: Snapshot
    effects: Mapping[str, EffectState] = field(default_factory=dict)
    plans: Mapping[ArmId, Mapping[str, bool]] | None = None


def _with_effects(request: ListRequest, recorded: frozenset[str], context: Context) -> _Read:
    """With what became of the declared ones; nothing where Defender cannot be read, which a warning says."""
    from reconciler.runs.status import read_effects  # noqa: PLC0415 - asked for rarely

    login = Login(context.environment)
    repository = load_repository(request.root, None, context, login.begin)
    with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
        snapshot = with_adopted(read_declared(azure, context, repository, request.scope), recorded)
        read = _Read(snapshot=snapshot, plans=_plans(request, azure, snapshot, context))
        try:
            inputs = read_effects(azure, repository, snapshot, context, request.scope)
        except AzureError as error:
            context.observer.warning(f"what is in force is not known: {error.message}")
            return read
    return replace(read, effects=states_by_exemption(effect_report(inputs)))


def _plans(
    request: ListRequest, azure: Azure, snapshot: Snapshot, context: Context
) -> Mapping[ArmId, Mapping[str, bool]] | None:
    """Defender's plans of all subscriptions; None where nobody asks for them or they cannot be read, which a warning says."""
    if not request.silenced:
        return None
    from reconciler.azure.posture import read_plans  # noqa: PLC0415 - loads the SDK

    subscriptions = [scope for scope in snapshot.expected if scope.kind is ScopeKind.SUBSCRIPTION]
    try:
        return read_plans(azure.client, subscriptions)
    except AzureError as error:
        context.observer.warning(f"Defender's plans could not be read: {error.message}")
        return None


def _history(
    request: ListRequest, declarations: Sequence[Declaration], context: Context
) -> tuple[History, Mapping[str, Approval]]:
    """What git and the hosting service know of the declarations; nothing where there are none. GitHub or Azure DevOps is
    asked about the commits whose message names no approver.
    """
    if not declarations:
        return NoHistory(), {}
    from reconciler import repository  # noqa: PLC0415 - GitPython is slow to import
    from reconciler.repository.reviews import reviews_of  # noqa: PLC0415 - asked for rarely
    from reconciler.repository.work_tree import remote_of  # noqa: PLC0415

    history = repository.read(repository.open_work_tree(request.root))
    commits = [history.last_commit(declaration.source.file) for declaration in declarations]
    hashes = list(dict.fromkeys(commit.sha for commit in commits if commit))
    approvals = dict(repository.approvals(request.root, hashes))
    unanswered = [sha for sha in hashes if not approvals[sha].approvers][:_MOST_REVIEWS]
    if unanswered and (remote := remote_of(request.root)):
        try:
            reviews = reviews_of(remote, unanswered, context.environment)
        except ReconcilerError as error:
            context.observer.warning(f"who approved is known from the history alone: {error.message}")
            return history, approvals
        for sha, review in reviews.items():
            number = approvals[sha].pull_request or review.number
            approvals[sha] = replace(approvals[sha], pull_request=number, approvers=review.approvers)
    return history, approvals
