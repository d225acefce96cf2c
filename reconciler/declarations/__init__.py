"""What we want: a safe walk of `exemptions/`, strict YAML with places, the schema, and the rules between files.

`load` reads the files and builds values; `check.check` judges them together, against the catalogue and the rules of
reconciler.yaml, and is imported from there: who only reads needs no catalogue. Neither knows a clock, a network or git: the
caller passes the time and what changed.
"""

from reconciler.declarations.load import (
    FOLDER,
    SETTINGS_FILE,
    Loaded,
    SettingsFile,
    declared_in,
    load,
    load_bytes,
    load_files,
    read_settings,
    same_meaning,
    same_rules,
)

__all__ = [
    "FOLDER",
    "SETTINGS_FILE",
    "Loaded",
    "SettingsFile",
    "declared_in",
    "load",
    "load_bytes",
    "load_files",
    "read_settings",
    "same_meaning",
    "same_rules",
]
