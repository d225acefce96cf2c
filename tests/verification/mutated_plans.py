"""Mutated plans and outcomes by the hundred thousand: the checker accepts none of them, and refuses no plan of ours.

    PYTHONPATH=tests python -m verification.mutated_plans [COUNT]

Draws worlds as the laws do, anew in every run, until COUNT mutations (default 100,000) were judged; prints how many of
each kind. Those that the checker got wrong are kept, each as a file in build/wrong-proofs that says which mutation it is,
with the documents that `verify` takes, and the end is 1.
"""

import contextlib
import json
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from laws.scenarios import scenarios
from verification.mutations import mutated
from verification.raw import case

from reconciler.verification import verify

WORLDS = 10_000_000
"""More than any count needs."""


KEPT = Path(__file__).parents[2] / "build" / "wrong-proofs"


class EnoughError(Exception):
    """The count is reached."""


def keep(name, documents):
    """One proof that the checker got wrong, as a file."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}-{len(list(KEPT.iterdir()))}.json"
    path.write_text(json.dumps({key: value for key, value in documents.items() if key != "facts"}, indent=1))
    sys.stderr.write(f"{name}: see {path}\n")


def main(count):
    """Draws, mutates, judges, tells; 1 where the checker got any wrong."""
    judged: Counter[str] = Counter()
    wrong: Counter[str] = Counter()

    @settings(
        max_examples=WORLDS, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(scenarios(), st.integers(0, 2**32))
    def draw(scenario, seed):
        whole = replace(scenario, only=None)
        judged["good"] += 1
        good = case(whole, whole.plan(is_proven=False))
        if verify(**good):
            wrong["good"] += 1
            keep("good", good)
            return
        for mutation in mutated(whole, random.Random(seed)):
            judged[mutation.name] += 1
            if not verify(**mutation.documents):
                wrong[mutation.name] += 1
                keep(mutation.name, mutation.documents)
        bad = judged.total() - judged["good"]
        if judged["good"] % 500 == 0:
            sys.stderr.write(f"{bad} mutations of {judged['good']} plans judged\n")
        if bad >= count:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        draw()
    for name, number in sorted(judged.items()):
        sys.stdout.write(f"{number:7} {name}{f', {wrong[name]} judged wrong' if wrong[name] else ''}\n")
    bad = judged.total() - judged["good"]
    accepted = wrong.total() - wrong["good"]
    sys.stdout.write(
        f"{bad} mutations, {accepted} of them accepted; {judged['good']} plans, {wrong['good']} of them refused\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
