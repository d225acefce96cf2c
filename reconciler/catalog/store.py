"""Reads the shipped facts, a shard at a time and only when something in it is asked for.

The shards are JSON with one record a line, so that a newer source shows as a readable difference in review, and the
build is reproducible byte for byte. `scripts/build_catalog.py` writes them; nobody edits them by hand.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Final

from reconciler.model import JSON, Cloud

DATA: Final = Path(__file__).resolve().parent / "data"


def edition(cloud: Cloud) -> str:
    """Which shipped edition of policies and initiatives serves a cloud.

    No public source has China's, so there it is the public one; exemptions are resolved from what is live in any case.
    """
    return "usgov" if cloud is Cloud.US_GOVERNMENT else "public"


@functools.cache
def shard(name: str) -> JSON:
    """One shard's records, parsed once. `name` is its path below the data folder without `.json`."""
    return json.loads((DATA / f"{name}.json").read_bytes())
