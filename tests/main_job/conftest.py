"""Every plan and apply of a scenario is proven by the independent checker."""

import proofs
import pytest


@pytest.fixture(autouse=True)
def proving(monkeypatch):
    monkeypatch.setattr(proofs, "EVERY_COMMAND", True)
