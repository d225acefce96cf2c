"""What is known to be adopted, as JSON (schemas/record.schema.json): for the runs that come after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler import __version__
from reconciler.reports.escape import json_document
from reconciler.reports.json_values import header

FORMAT_VERSION: Final = "1.0"


def record_json(tenant_id: str, owner: str, adopted: Iterable[str], tool_version: str = __version__) -> str:
    """The record as a JSON document: one line for each folded id in `adopted`."""
    return json_document(
        {
            **header(FORMAT_VERSION, tool_version),
            "tenantId": tenant_id,
            "owner": owner,
            "adopted": sorted(adopted),
        }
    )
