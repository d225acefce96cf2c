"""The page of environment variables, held to the code and to the packages that it stands on: all that is read, and no more."""

from __future__ import annotations

import ast
import importlib.util
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.identity._constants import EnvironmentVariables

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "environment.md").read_text(encoding="utf-8")
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
SINGLE = re.compile(r"environ(?:ment)?(?:\.get\(|\[)\"([A-Z]+)\"")
READ_BY_A_PACKAGE = re.compile(r"environ(?:\.get\(|\[)\s*[\"']([A-Z][A-Z0-9_]+)[\"']|env_var=\"(\w+)\"")
PACKAGES = ("azure.core", "azure.identity", "certifi", "deepdiff", "git", "jsonschema", "prompt_toolkit", "questionary", "requests", "rich",
    "urllib3", "yaml")  # fmt: skip

NO_VARIABLES = {"CHANGES_REQUESTED", "OBJECT_ID", "O_NOFOLLOW", "O_NONBLOCK"}
"""What looks like one in a module that speaks of the environment."""

NOT_HERE = {
    "AZUREPS_HOST_ENVIRONMENT", "REGION_NAME", "SYSTEMROOT", "PROGRAMDATA", "PATHEXT", "LOCALAPPDATA",  # Azure's own machines, Windows
    "PATH", "HOME", "XDG_CONFIG_HOME", "BROWSER", "LINES", "NETRC", "GIT_COMMON_DIR",  # any program's; a .netrc is not used
    "JSON_SCHEMA_DEBUG", "JSON_SCHEMA_TEST_SUITE", "JSON_SCHEMA_EXPECTED_FAILURES", "JUPYTER_LINES", "JUPYTER_COLUMNS",
    "SYSTEM_OIDCREQUESTURI", "AZURE_HTTP_USER_AGENT", "AZURE_SDK_LOGGING_MULTIRECORD", "DEEPDIFF_USE_VECTORIZED",
}  # fmt: skip
"""What a package reads that nobody sets for this tool."""


def variables(page: str) -> set[str]:
    """The names in the first column of the page's tables."""
    return {
        name for row in page.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }


def of_the_code() -> set[str]:
    """Names of that form in every module that speaks of the environment."""
    names: set[str] = set()
    for path in (CHECKOUT / "reconciler").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "environ" in text:
            constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
            names |= {value for value in constants if isinstance(value, str) and NAME.fullmatch(value)}
            names |= set(SINGLE.findall(text))
    return names - NO_VARIABLES


def sources() -> Iterator[str]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        for path in Path(spec.origin).parent.rglob("*.py"):
            yield path.read_text(encoding="utf-8", errors="replace")


def test_every_variable_of_the_code_is_on_the_page() -> None:
    assert of_the_code() - set(re.findall(r"`(\w+)`", PAGE)) == set()


def test_every_variable_of_the_packages_is_on_the_page() -> None:
    names = {
        name for text in sources() for match in READ_BY_A_PACKAGE.finditer(text) for name in match.groups() if name
    }
    names |= {
        value
        for name, value in vars(EnvironmentVariables).items()
        if isinstance(value, str) and not name.startswith("__")
    }
    assert names - NOT_HERE - variables(PAGE) == set()


def test_nothing_on_the_page_is_read_by_nobody() -> None:
    own = of_the_code()
    text = "\n".join(sources())
    by_python = {"COLUMNS", "SSLKEYLOGFILE"}  # shutil's and ssl's
    assert [
        name for name in variables(PAGE) - own - by_python if name not in text and not name.endswith("_PROXY")
    ] == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"])
def test_proxies_are_read_in_capitals_and_small_letters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"`{name}`" in PAGE
    for spelling in (name, name.lower()):
        with monkeypatch.context() as patched:
            patched.setenv(spelling, "http://proxy.contoso.example")
            assert (
                urllib.request.getproxies_environment()[name.partition("_")[0].lower()]
                == "http://proxy.contoso.example"
            )
