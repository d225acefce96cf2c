"""Edits of what one write says, each of which makes it another object than its declaration says: see `mutations`."""

from __future__ import annotations

from typing import Any

Documents = dict[str, Any]


def another_title(change: Documents) -> None:
    """As a write of another declaration would call it."""
    change["after"]["displayName"] = "nobody: another thing"


def no_title(change: Documents) -> None:
    """Or any, where one that goes on exempting what two declarations want has none."""
    if change["after"].pop("displayName", None) is None:
        change["after"]["displayName"] = "untitled"


def another_file(change: Documents) -> None:
    """The plan sends whoever reviews it to the file of another declaration."""
    change["source"]["file"] = "exemptions/nobody.yaml"


def a_further_note(change: Documents) -> None:
    change["after"]["metadata"]["approvedBy"] = "ann@contoso.example"


def a_foreign_mark(change: Documents) -> None:
    """Ours, and another tool takes it for its own."""
    change["after"]["metadata"]["pacOwnerId"] = "epac"


def a_foreign_deployer(change: Documents) -> None:
    change["after"]["metadata"]["deployedBy"] = "epac"


def declares_more(change: Documents) -> None:
    """So that a later run takes out what somebody else noted."""
    metadata = change["after"]["metadata"]
    metadata["declared"] = sorted({*metadata.get("declared", ()), "costCentre", "notDeclared"})


def a_further_property(change: Documents) -> None:
    change["after"]["notInAnyDeclaration"] = {"since": "2026-11-20"}


OF_BODIES = (
    another_title, no_title, another_file, a_further_note, a_foreign_mark, a_foreign_deployer, declares_more, a_further_property,
)  # fmt: skip
