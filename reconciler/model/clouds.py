"""Azure's clouds: which one a tenant lives in."""

from __future__ import annotations

import enum


class Cloud(enum.StrEnum):
    """Azure's clouds, as the Azure CLI names them."""

    PUBLIC = "AzureCloud"
    US_GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"

    @property
    def portal(self) -> str:
        """The address of its portal, without a slash at the end."""
        return {
            Cloud.PUBLIC: "https://portal.azure.com",
            Cloud.US_GOVERNMENT: "https://portal.azure.us",
            Cloud.CHINA: "https://portal.azure.cn",
        }[self]
