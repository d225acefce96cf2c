"""Reads a tenant's recommendations: assessment metadata, and the policies behind them that the catalogue does not know."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient
from reconciler.model import JSON, ArmId
from reconciler.problems import AzureError

_TRIED = 3
_LIST = "/providers/Microsoft.Security/assessmentMetadata"


def read_metadata(client: ArmClient, subscriptions: Sequence[ArmId] = ()) -> list[JSON]:
    """The metadata of every built-in recommendation of the tenant, then what each given subscription adds of its own.

    The tenant's list needs no right on any subscription. A subscription repeats all built-in ones, which is a lot to
    read for its few custom ones, so none is asked unless given.

    Raises:
        AzureError: a list could not be read.
    """
    metadata = client.pages(_LIST, Api.METADATA)
    for answer in client.each(
        lambda subscription: client.pages(subscription.text + _LIST, Api.METADATA), subscriptions
    ):
        if isinstance(answer, AzureError):
            raise answer
        metadata += answer
    return metadata


def read_built_in(client: ArmClient, subscriptions: Sequence[ArmId]) -> list[JSON]:
    """The metadata of every built-in recommendation: the tenant's list or, where that is refused, the first
    subscription's that may be read, which repeats it.

    Raises:
        AzureError: none of them could be read; the tenant's refusal.
    """
    try:
        return client.pages(_LIST, Api.METADATA)
    except AzureError as refused:
        if refused.status != 403:
            raise
        for subscription in subscriptions[:_TRIED]:
            with contextlib.suppress(AzureError):
                return client.pages(subscription.text + _LIST, Api.METADATA)
        raise


def read_definitions(client: ArmClient, policies: Sequence[ArmId]) -> list[JSON]:
    """Policy definitions, as far as they can be read: titles are worth a request each, not a failed run."""
    answers = client.each(lambda policy: client.get(policy.text, Api.POLICIES).body, policies)
    return [answer for answer in answers if not isinstance(answer, AzureError)]
