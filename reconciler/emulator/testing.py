"""A pytest plugin: an Azure for each test, with the environment that clients read.

    @pytest.fixture
    def azure_content():
        return {"subscriptions": [{"id": "6f0e0000-0000-4000-8000-000000000001"}]}

    def test_mine(azure_emulator):
        subprocess.run(["my-tool", "--arm", azure_emulator.arm_endpoint], check=True)

The fixtures are there wherever this project is installed; `-p no:exempt_emulator` turns them off. Nothing is loaded
before a test asks for one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reconciler.emulator.server import Azure


@pytest.fixture
def azure_content() -> Mapping[str, Any]:
    """What the tenant of `azure_emulator` holds at start, in the form of a tenant file; override it."""
    return {}


@pytest.fixture
def azure_emulator(azure_content: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """A running Azure, fresh for each test. The environment names it, and no proxy, as long as the test runs."""
    from reconciler.emulator.server import running  # noqa: PLC0415 - the plugin is loaded by every pytest

    with running(azure_content) as azure:
        for name, value in azure.env.items():
            monkeypatch.setenv(name, value)
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield azure


@pytest.fixture
def azure_emulators() -> Iterator[Callable[[Mapping[str, Any]], Azure]]:
    """Starts as many as a test needs: `azure_emulators(content)`. The environment is left alone."""
    from reconciler.emulator.server import running  # noqa: PLC0415 - the plugin is loaded by every pytest

    with contextlib.ExitStack() as stack:
        yield lambda content: stack.enter_context(running(content))
