"""How big the catalogue is in a wheel, and how long opening, looking up and searching take.

    python -m benchmarks.catalogue

Each time is the best of several: CPU of a fresh process for `process`, wall of a fresh catalogue in this one for the
others. The floor of a process is an interpreter with what it needs of the standard library. `catalog search` is measured
without a `catalog.yaml`, and with one of 100 and of 1,000 recommendations, beside which nothing shipped is ready to search.
"""

import resource
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from operator import methodcaller
from pathlib import Path

from benchmarks import limits
from reconciler.catalog import Catalogue, initiative_id, load, policy_id, store
from reconciler.model import Cloud

DATA = Path(store.DATA)
QUERIES = ("mfa", "public network access storage", "disk encryption", "transprent data encrpytion", "keyvault firewall")
KEY = "651967bf-044e-4bde-8376-3e08e0600105"
MCSB = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
DECLARATIONS = 100_000
STANDARD = ("argparse", "dataclasses", "enum", "json", "pathlib", "typing")
OVERLAID = (0, 100, 1_000)


def best(function: Callable[[], object], times: int = 7) -> float:
    """The shortest of several runs, in milliseconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        found.append(1000 * (time.perf_counter() - start))
    return min(found)


def fresh(question: Callable[[Catalogue], object]) -> Callable[[], None]:
    """A catalogue that has read nothing answers one question."""

    def run() -> None:
        store.shard.cache_clear()
        question(load(Cloud.PUBLIC))

    return run


def wheel_bytes() -> int:
    """What the data takes in a wheel: a zip with deflate."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(DATA.rglob("*.*")):
            archive.write(path, path.relative_to(DATA))
    return buffer.tell()


def process(*arguments: str, times: int = 9, overlaid: int = 0) -> float:
    """Milliseconds of CPU of one command as a user runs it, in a folder with nothing but so many overlaid recommendations."""
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        if overlaid:
            rows = (
                f"  - {{key: {uuid.UUID(int=n + 1)}, title: Overlaid {n}, severity: Low}}\n" for n in range(overlaid)
            )
            Path(folder, "catalog.yaml").write_text(f"recommendations:\n{''.join(rows)}", encoding="utf-8")
        for _ in range(times):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(spent)


def lookups(catalogue: Catalogue) -> None:
    """What planning asks of the catalogue for so many declarations."""
    keys = list(catalogue.recommendations)
    policies = [one.policies[0] for one in catalogue.recommendations.values() if one.policies]
    for number in range(DECLARATIONS):
        catalogue.find(keys[number % len(keys)])
        catalogue.resting_on(policies[number % len(policies)])


def main() -> None:
    files = list(DATA.rglob("*.*"))
    print(f"size         {sum(path.stat().st_size for path in files):>9,} bytes in {len(files)} files")
    print(f"in a wheel   {wheel_bytes():>9,} bytes (limit 2,000,000)")
    limits.at_most(2_000_000, wheel_bytes(), "bytes of the catalogue in a wheel")
    print(f"open         {best(fresh(lambda _: None)):9.2f} ms (limit 50)")
    print(f"find a key   {best(fresh(lambda one: one.find(KEY))):9.2f} ms, from nothing")
    print(f"initiative   {best(fresh(lambda one: one.initiative(initiative_id(MCSB)))):9.2f} ms, from nothing")
    policy = policy_id("404c3081-a854-4457-ae30-26a93ef643f9")
    print(f"holders      {best(fresh(lambda one: one.initiatives_with(policy))):9.2f} ms, from nothing")
    for query in QUERIES:
        first = best(fresh(methodcaller("search", query)))
        warm = load(Cloud.PUBLIC)
        warm.search("")
        again = best(partial(warm.search, query))
        print(f"search       {first:9.2f} ms from nothing, then {again:.2f} ms: {query} (limit 100)")
    ready = load(Cloud.PUBLIC)
    print(f"look up      {best(lambda: lookups(ready), 3):9.2f} ms for {DECLARATIONS:,} declarations")
    print(f"process      {process('-c', 'pass'):9.2f} ms of CPU for Python alone")
    floor = process("-c", f"import {', '.join(STANDARD)}")
    print(f"process      {floor:9.2f} ms with the standard library, the floor")
    print(f"process      {process('-c', 'import reconciler.catalog'):9.2f} ms with the catalogue's import")
    for words in (*(("search", query) for query in QUERIES[:3]), ("show", KEY)):
        spent = process("-m", "reconciler", "catalog", *words)
        print(f"process      {spent:9.2f} ms, {spent / floor:.1f} x the floor: {' '.join(words)}")
    print(f"{'overlaid':>9} {'search, CPU ms':>15} {'floor ms':>9} {'ratio':>6}   (wanted 80)")
    for overlaid in OVERLAID:
        spent = process("-m", "reconciler", "catalog", "search", "mfa", overlaid=overlaid)
        floor = process("-c", f"import {', '.join(STANDARD)}")
        print(f"{overlaid:>9,} {spent:>15.1f} {floor:>9.1f} {spent / floor:>6.1f}")
        limits.at_most(12, spent / floor, f"CPU of a search beside {overlaid:,} overlaid, to its floor")


if __name__ == "__main__":
    main()
    sys.exit(limits.exit_code())
