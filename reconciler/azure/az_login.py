"""Who is logged in with the Azure CLI, as `az account show` says, which reads a file of its own and no network."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

from reconciler.documents.json_input import JsonInputError, read_json
from reconciler.model import ArmId, parse_scope

_SECONDS: Final = 20
"""The Azure CLI takes one or two to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzLogin:
    """The login that `az` uses now: the tenant's GUID, and the subscription that is set, with its name; None where the
    login is to a tenant alone (`az login --allow-no-subscriptions`).
    """

    tenant: str
    subscription: ArmId | None
    name: str


def az_login() -> AzLogin | None:
    """The login; None where there is no `az`, or nobody is logged in."""
    az = shutil.which("az")
    if az is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the user's own az
            [az, "account", "show", "--output", "json", "--only-show-errors"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        account = read_json(done.stdout, origin="az account show")
        tenant, subscription = account.member("tenantId").as_text(), account.member("id").as_text()
        return AzLogin(
            tenant=tenant,
            subscription=None if subscription == tenant else parse_scope(f"/subscriptions/{subscription}"),
            name=account.member("name").as_text(),
        )
    except (OSError, subprocess.SubprocessError, JsonInputError, ValueError):
        return None
