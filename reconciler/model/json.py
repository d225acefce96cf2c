"""The seam where types end: JSON as the standard library gives it."""

from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""A JSON value as `json.loads` gives it."""
