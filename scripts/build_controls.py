"""Builds what the embedded Azure knows of secure score's controls, in reconciler/emulator/data/controls.json.

    python scripts/build_controls.py --recording FILE

FILE is `test_security_secure_score.yaml` of https://github.com/Azure/azure-cli (src/azure-cli/azure/cli/command_modules/
security/tests/latest/recordings), which holds an answer of secureScoreControlDefinitions. Only facts are taken over:
keys, titles, highest scores, and which recommendations are members of which control. One control a line.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import yaml

OUT: Final = Path(__file__).resolve().parent.parent / "reconciler" / "emulator" / "data" / "controls.json"
_DEFINITIONS: Final = "/providers/Microsoft.Security/secureScoreControlDefinitions?"


def main() -> None:
    """Reads the recording and writes the controls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path, required=True, metavar="FILE", help="the recorded test")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="default: the package's own data")
    arguments = parser.parse_args()
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in controls(arguments.recording)]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8", newline="\n")


def controls(recording: Path) -> list[dict[str, Any]]:
    """The controls that a recorded list of definitions tells, in its order.

    Raises:
        SystemExit: the recording has no such list.
    """
    interactions = yaml.safe_load(recording.read_text(encoding="utf-8"))["interactions"]
    listed = [item for item in interactions if _DEFINITIONS in item["request"]["uri"]]
    if not listed:
        raise SystemExit(f"{recording}: no answer of secureScoreControlDefinitions")
    definitions = json.loads(listed[0]["response"]["body"]["string"])["value"]
    return [
        {
            "key": definition["name"],
            "title": definition["properties"]["displayName"],
            "maxScore": definition["properties"]["maxScore"],
            "members": [item["id"].rsplit("/", 1)[-1] for item in definition["properties"]["assessmentDefinitions"]],
        }
        for definition in definitions
    ]


if __name__ == "__main__":
    main()
