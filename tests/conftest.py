"""What every test shares: golden files, the option that rewrites them, and where generated examples come from."""

import gc
import os
import sys

import pytest
from hypothesis import settings

# A usual run tries the same examples each time, so that it fails for what changed and not by chance; `make test-laws`
# and every run with EXEMPT_LAW_EXAMPLES draw new ones.
settings.register_profile("repeatable", derandomize=True)
if "EXEMPT_LAW_EXAMPLES" not in os.environ:
    settings.load_profile("repeatable")


def pytest_collection_modifyitems(config, items):
    """A law that is tried on more examples than usual may take as much longer: cut off by the limit of a single test it
    would look as if an example had failed, and not again.
    """
    times = int(os.environ.get("EXEMPT_LAW_EXAMPLES", "400")) / 400
    if times > 1:
        for item in items:
            if getattr(item.obj, "is_hypothesis_test", False) or getattr(item.cls, "is_hypothesis_test", False):
                item.add_marker(pytest.mark.timeout(float(config.getini("timeout")) * times))


def pytest_collection_finish():
    """What was imported and collected lives to the end: looking for garbage among it is a seventh of the tests' time. What
    the tests leave behind is still looked for, less often, and all of it at the end (pytest does that itself).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish():
    """What was covered is saved before xdist is told that its process is done: it kills one that takes longer to end than
    ten seconds, and with it half of what `make coverage` counts.
    """
    if "coverage" in sys.modules and (counting := sys.modules["coverage"].Coverage.current()):
        counting.save()


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write golden files anew instead of comparing with them")


@pytest.fixture
def golden(request):
    """`golden(name, text)` compares with tests/<room>/golden/<name>; `pytest --update` writes it."""

    def check(name, text):
        path = request.path.parent / "golden" / name
        if request.config.getoption("--update"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"differs from {path}; if that is right, run pytest --update"

    return check
