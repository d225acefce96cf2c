"""Every benchmark of this folder, one after the other: python -m benchmarks [NAME…]

Each is a module of its own with a `main()` that prints its table; it runs in a process of its own, so that none warms
up, slows down or fills the memory of another.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    asked = sys.argv[1:] or names
    unknown = sorted(set(asked) - set(names))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}", file=sys.stderr)
        return 1
    failed = 0
    for name in asked:
        print(f"\n== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
