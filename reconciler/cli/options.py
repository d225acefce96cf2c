"""From argparse's untyped namespace to a command's own frozen dataclass, once; and the one option of nearly all commands."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

Options = TypeVar("Options")


def typed(options: type[Options], args: argparse.Namespace) -> Options:
    """The parsed command line as the command's dataclass, whose fields are named as the options are."""
    names = {field.name for field in fields(options)}  # type: ignore[arg-type]
    values: dict[str, Any] = {name: value for name, value in vars(args).items() if name in names}
    return options(**values)


def add_log_file(parser: argparse.ArgumentParser) -> None:
    """The option, for every command that talks to Azure."""
    parser.add_argument(
        "--log-file",
        type=Path,
        metavar="FILE",
        help="append every request with Azure's correlation id, for a support case; no tokens or bodies",
    )
