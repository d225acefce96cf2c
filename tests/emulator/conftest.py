"""The tenant of this room, fresh for each test."""

import contextlib

import contoso
import emulated
import pytest


@pytest.fixture
def cloud():
    with emulated.running(contoso.tenant()) as azure:
        yield azure


@pytest.fixture
def arm(cloud):
    """The default application's client."""
    return emulated.Client(cloud)


@pytest.fixture
def start():
    """`start(**lists)` gives an emulator with the lists added to the tenant of this room."""
    with contextlib.ExitStack() as stack:
        yield lambda **more: stack.enter_context(emulated.running(contoso.tenant(**more)))
