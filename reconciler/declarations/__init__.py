"""What we want: a safe walk of `exemptions/`, strict YAML with places, the schema, and the rules between files.

`load` reads the files and builds values; `check` judges them together, against the catalogue and the rules of
reconciler.yaml. Neither knows a clock, a network or git: the caller passes the time and what changed.
"""

from reconciler.declarations.check import check
from reconciler.declarations.load import (
    FOLDER,
    SETTINGS_FILE,
    Loaded,
    declared_in,
    load,
    load_bytes,
    load_files,
    same_meaning,
    same_rules,
)

__all__ = [
    "FOLDER",
    "SETTINGS_FILE",
    "Loaded",
    "check",
    "declared_in",
    "load",
    "load_bytes",
    "load_files",
    "same_meaning",
    "same_rules",
]
