"""From a loaded repository to a plan: what `plan`, `apply` and `drift` share, and the guards' options."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path

from reconciler.azure.session import Azure, connect
from reconciler.cli.common import Repository, count_argument
from reconciler.cli.terminal import reading
from reconciler.model import ArmId, Settings, Snapshot
from reconciler.planning.guards import Allowances
from reconciler.planning.planner import make_plan
from reconciler.planning.values import HeldCause, Plan
from reconciler.problems import UsageError


def add_guards(parser: argparse.ArgumentParser) -> None:
    """The options that raise a guard, each to exactly a number."""
    group = parser.add_argument_group(
        "guards", "each accepts up to exactly N, so that an accident larger than expected stops"
    )
    group.add_argument("--allow-deletes", type=count_argument, metavar="N", help="replaces both delete limits")
    group.add_argument("--allow-creates", type=count_argument, metavar="N", help="replaces limits.creates")
    group.add_argument("--allow-adoptions", type=count_argument, metavar="N", help="replaces limits.adoptions")
    group.add_argument(
        "--allow-unmanaged-deletes", type=count_argument, metavar="N", help="replaces limits.unmanagedDeletes"
    )
    group.add_argument(
        "--delete-orphans",
        type=count_argument,
        metavar="N",
        help="also delete up to N of ours whose assignment is gone",
    )
    group.add_argument("--strict", action="store_true", help="refuse beside exemptions of a whole assignment")


def allowances(args: argparse.Namespace) -> Allowances:
    """The guards' options as values."""
    return Allowances(
        deletes=args.allow_deletes,
        creates=args.allow_creates,
        adoptions=args.allow_adoptions,
        unmanaged=args.allow_unmanaged_deletes,
        delete_orphans=args.delete_orphans,
        strict=args.strict,
    )


def connected(repository: Repository) -> Azure:
    """The connection to the tenant that reconciler.yaml names."""
    return connect(repository.settings, os.environ)


def read(azure: Azure, repository: Repository, scope: ArmId | None) -> Snapshot:
    """Everything that a plan needs, with progress on a terminal."""
    with reading("reading Azure") as progress:
        return azure.reader().snapshot(repository.settings, repository.declarations, scope, progress)


def saved_snapshot(path: Path, settings: Settings) -> Snapshot:
    """A snapshot from a file instead of Azure.

    Raises:
        UsageError: it is of another tenant.
    """
    from reconciler.azure.snapshot_file import load_snapshot  # noqa: PLC0415 - rarely needed

    snapshot = load_snapshot(path)
    if snapshot.tenant_id.lower() != settings.tenant_id.lower():
        raise UsageError(
            f"--snapshot: {path} is of tenant {snapshot.tenant_id}, but reconciler.yaml names {settings.tenant_id}",
            "take a new one with 'exempt snapshot --out FILE'",
        )
    return snapshot


def plan_for(
    repository: Repository, snapshot: Snapshot, at: datetime, allowed: Allowances, scope: ArmId | None
) -> Plan:
    """The plan of this run."""
    return make_plan(
        repository.declarations,
        repository.catalogue,
        snapshot,
        repository.settings,
        repository.history,
        at,
        allowed,
        scope,
    )


def is_invalid(plan: Plan, repository: Repository) -> bool:
    """Whether a declaration that changed names a target that Azure's hierarchy shows to be outside the scopes.

    Without `changed` all count as changed; one that did not change is a finding, so that a subscription which somebody
    moves blocks nobody else's pull request.
    """
    return any(
        held.cause is HeldCause.OUTSIDE_SCOPES
        and (repository.changed is None or held.declaration in repository.changed)
        for held in plan.held
    )
