"""Every command line of the Azure CLI that a message or a page proposes has its options; `make test-az` runs them."""

from __future__ import annotations

import pytest
from cli.az_proposals import OPTIONS, proposals

PROPOSED = sorted({(where, command, tuple(sorted(options))) for where, command, options in proposals()})


@pytest.mark.parametrize(("where", "command", "options"), PROPOSED)
def test_a_proposed_command_of_az_has_these_options(where: str, command: str, options: tuple[str, ...]) -> None:
    assert command in OPTIONS, f"{where} proposes 'az {command}'"
    assert set(options) <= OPTIONS[command], f"{where} proposes 'az {command} {' '.join(options)}'"


def test_there_are_proposals_to_try_and_none_is_kept_for_nothing() -> None:
    assert len(PROPOSED) > 25
    assert {command for _, command, _ in PROPOSED} == OPTIONS.keys()
