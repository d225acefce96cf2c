"""What the tests of the catalogue share: a run of the command line, and short ways to name things."""

from dataclasses import dataclass

from reconciler.catalog.facts import POLICY_PREFIX
from reconciler.cli.main import guarded
from reconciler.model import ArmId

MCSB = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
NIST_R5 = "179d1daa-458f-4e47-8086-2a68d0d6c38f"
CIS_2 = "06f19060-9e68-4070-92ca-f15cc126059e"
SECURE_TRANSFER = "404c3081-a854-4457-ae30-26a93ef643f9"
TDE_KEY = "651967bf-044e-4bde-8376-3e08e0600105"
TDE_POLICY = "17k78e20-9358-41c9-923c-fb736d382a12"


def policy(name):
    text = POLICY_PREFIX + name
    return ArmId(text.lower(), text)


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run(capsys, *argv):
    """One command line, as the console script runs it."""
    capsys.readouterr()
    try:
        code = guarded(["catalog", *map(str, argv)])
    except SystemExit as left:
        code = left.code
    out, err = capsys.readouterr()
    return Ran(code, out, err)
