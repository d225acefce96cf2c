"""Where each of Azure's clouds listens, and which audiences its tokens are for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from reconciler.model import Cloud, Settings
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


def endpoints(settings: Settings, environment: Mapping[str, str]) -> Endpoints:
    """The addresses of the settings' cloud, with what the environment overrides. No address ends with a slash.

    Raises:
        UsageError: the environment names a Resource Manager without TLS, which would show our token to everybody, or
            one that is neither this machine, a cloud's, nor permitted by the settings.
    """
    addresses = _CLOUDS[settings.cloud]
    if arm := environment.get(ARM_ENDPOINT):
        _check_arm_endpoint(arm, settings)
        addresses = replace(addresses, resource_manager=arm.rstrip("/"))
    if authority := environment.get(AUTHORITY_HOST):
        host = authority.rstrip("/")
        address = host if "://" in host else f"https://{host}"
        is_known = any(address == cloud.authority for cloud in _CLOUDS.values())
        addresses = replace(addresses, authority=address, known_authority=is_known)
    return addresses


def _check_arm_endpoint(arm: str, settings: Settings) -> None:
    """Two must agree before a token goes to another host: who set the environment, and who reviewed reconciler.yaml."""
    correct = "correct or unset the variable"
    try:
        parts = urlsplit(arm)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{ARM_ENDPOINT} is {arm!r}, which is no address: {error}", correct) from error
    if parts.scheme.lower() != "https" or not host:
        raise UsageError(f"{ARM_ENDPOINT} is {arm!r}, which is no https address", correct)
    if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"{ARM_ENDPOINT} is {arm!r}; only a host and a port are expected", correct)
    permitted = {cloud.resource_manager for cloud in _CLOUDS.values()} | {settings.arm_endpoint}
    address = f"https://{host}" if port in {None, 443} else f"https://{host}:{port}"
    if address not in {text.lower().rstrip("/").removesuffix(":443") for text in permitted if text} and not is_loopback(
        host
    ):
        raise UsageError(
            f"{ARM_ENDPOINT} names {address}, which is neither a cloud's Resource Manager nor this machine",
            f"unset the variable; or, if Azure is reached that way, let reconciler.yaml permit it: armEndpoint: {address}",
        )


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def elsewhere(addresses: Endpoints, cloud: Cloud) -> str | None:
    """The host that requests go to where it is neither this machine nor the cloud's own; None where it is."""
    host = urlsplit(addresses.resource_manager).hostname or ""
    own = urlsplit(_CLOUDS[cloud].resource_manager).hostname
    return None if host == own or is_loopback(host) else host
