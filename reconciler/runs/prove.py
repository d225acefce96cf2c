"""Compares the embedded Azure with the real one at a sandbox. Writes only where it is told to."""

from __future__ import annotations

from pathlib import Path

from reconciler.azure.session import connect
from reconciler.emulator.proving import prove
from reconciler.emulator.proving.exchanges import Reply, parse_reply, quoted
from reconciler.emulator.proving.prove import Proof, SandboxError
from reconciler.model import JSON, ArmId
from reconciler.problems import UsageError
from reconciler.runs.context import Context
from reconciler.runs.loading import load_settings


def run(root: Path, scope: ArmId, context: Context, *, write: bool) -> Proof:
    """Runs the scenarios at the scope as the present identity, and on an emulator.

    Raises:
        InvalidRepositoryError: reconciler.yaml has errors.
        UsageError: the scope cannot be used.
        ReconcilerError: Azure gives no answer.
    """
    settings, _ = load_settings(root, context)
    with connect(settings, context.environment, context.observer.warning) as azure:

        def send(method: str, target: str, body: JSON) -> Reply:
            status, headers, content = azure.client.raw(method, quoted(target), body)
            return parse_reply(status, headers.items(), content)

        try:
            claims = azure.claims
            name = claims.get("upn") or claims.get("unique_name")
            object_id = str(claims.get("oid", ""))
            return prove.prove(
                send,
                scope,
                prove.Caller(
                    tenant=azure.settings.tenant_id,
                    object_id=object_id,
                    name=str(name or object_id),
                    is_user=name is not None and claims.get("idtyp") != "app",
                ),
                context.now,
                write=write,
            )
        except SandboxError as error:
            raise UsageError(
                str(error), "name a scope that is small, that you may read, and that nobody else needs"
            ) from None
