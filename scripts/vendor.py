"""Copies what the register's page is made with out of npm's packages into `reconciler/site/vendor`, with licences.

npm checks the packages against the hashes of `scripts/vendor/package-lock.json`; what was copied is noted with its own
hashes in `files.json`, which a test compares with the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "scripts" / "vendor"
TARGET: Final = ROOT / "reconciler" / "site" / "vendor"
FILES: Final = {
    "tabulator.js": "tabulator-tables/dist/js/tabulator.min.js",
    "tabulator.css": "tabulator-tables/dist/css/tabulator_simple.min.css",
    "tabulator.LICENSE": "tabulator-tables/LICENSE",
    "chart.js": "chart.js/dist/chart.umd.min.js",
    "chart.LICENSE": "chart.js/LICENSE.md",
    "chart-color.LICENSE": "@kurkle/color/LICENSE.md",  # part of chart.js
}


def main() -> None:
    """Installs in a folder of its own, copies, notes."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--omit=dev", "--silent"], cwd=folder, check=True)
        modules = Path(folder) / "node_modules"
        TARGET.mkdir(parents=True, exist_ok=True)
        notes = {}
        for name, source in FILES.items():
            package = "/".join(source.split("/")[: 2 if source.startswith("@") else 1])
            data = (modules / source).read_bytes()
            data = b"\n".join(row for row in data.split(b"\n") if not row.startswith(b"//# sourceMappingURL="))
            (TARGET / name).write_bytes(data)
            version = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))["version"]
            notes[name] = {"package": package, "version": version, "sha256": hashlib.sha256(data).hexdigest()}
    (TARGET / "files.json").write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
