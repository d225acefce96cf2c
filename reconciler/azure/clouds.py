"""Where each of Azure's clouds listens, and which audiences its tokens are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model import Cloud
from reconciler.problems import UsageError

ARM_ENDPOINT: Final = "EXEMPT_ARM_ENDPOINT"
"""Environment variable that names another Resource Manager, such as the embedded Azure; tokens stay the cloud's."""

AUTHORITY_HOST: Final = "AZURE_AUTHORITY_HOST"
"""Environment variable of azure-identity that names another login service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """One cloud's addresses. `oauth_scope` is what a Resource Manager token is asked for; `exchange_audience` is the
    audience that an identity provider's assertion must bear to be exchanged for one.
    """

    resource_manager: str
    oauth_scope: str
    authority: str
    exchange_audience: str
    known_authority: bool = True


_CLOUDS: Final = {
    Cloud.PUBLIC: Endpoints(
        resource_manager="https://management.azure.com",
        oauth_scope="https://management.azure.com/.default",
        authority="https://login.microsoftonline.com",
        exchange_audience="api://AzureADTokenExchange",
    ),
    Cloud.US_GOVERNMENT: Endpoints(
        resource_manager="https://management.usgovcloudapi.net",
        oauth_scope="https://management.core.usgovcloudapi.net/.default",
        authority="https://login.microsoftonline.us",
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    Cloud.CHINA: Endpoints(
        resource_manager="https://management.chinacloudapi.cn",
        oauth_scope="https://management.chinacloudapi.cn/.default",
        authority="https://login.chinacloudapi.cn",
        exchange_audience="api://AzureADTokenExchangeChina",
    ),
}


def endpoints(cloud: Cloud, environment: Mapping[str, str]) -> Endpoints:
    """The cloud's addresses, with what the environment overrides. No address ends with a slash.

    Raises:
        UsageError: the environment names a Resource Manager without TLS, which would show our token to everybody.
    """
    addresses = _CLOUDS[cloud]
    if arm := environment.get(ARM_ENDPOINT):
        if not arm.lower().startswith("https://"):
            raise UsageError(f"{ARM_ENDPOINT} is {arm!r}, which is no https address", "correct or unset the variable")
        addresses = replace(addresses, resource_manager=arm.rstrip("/"))
    if authority := environment.get(AUTHORITY_HOST):
        host = authority.rstrip("/")
        address = host if "://" in host else f"https://{host}"
        is_known = any(address == cloud.authority for cloud in _CLOUDS.values())
        addresses = replace(addresses, authority=address, known_authority=is_known)
    return addresses
