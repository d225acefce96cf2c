"""From argparse's untyped namespace to a command's own frozen dataclass, once."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any, TypeVar

Options = TypeVar("Options")


def typed(options: type[Options], args: argparse.Namespace) -> Options:
    """The parsed command line as the command's dataclass, whose fields are named as the options are."""
    names = {field.name for field in fields(options)}  # type: ignore[arg-type]
    values: dict[str, Any] = {name: value for name, value in vars(args).items() if name in names}
    return options(**values)
