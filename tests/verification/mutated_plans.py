"""Mutated plans and outcomes by the hundred thousand: the checker accepts none of them, and refuses no plan of ours.

    PYTHONPATH=tests python -m verification.mutated_plans [COUNT]

Draws worlds as the laws do, anew in every run, until COUNT mutations (default 100,000) were judged; prints how many of
each kind. Fails with the world and the seed that draw the first that the checker got wrong.
"""

import contextlib
import random
import sys
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from laws.scenarios import scenarios
from verification.mutations import mutated
from verification.raw import case

from reconciler.verification import verify

WORLDS = 10_000_000
"""More than any count needs."""


class EnoughError(Exception):
    """The count is reached."""


def main(count):
    """Draws, mutates, judges, tells."""
    judged: Counter[str] = Counter()

    @settings(
        max_examples=WORLDS, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(scenarios(), st.integers(0, 2**32))
    def draw(scenario, seed):
        whole = replace(scenario, only=None)
        judged["good"] += 1
        broken = verify(**case(whole))
        assert not broken, f"a plan of ours is refused: {broken}"
        for found in mutated(whole, random.Random(seed)):
            judged[found.name] += 1
            assert verify(**found.documents), f"{found.name} is accepted (seed {seed})"
        bad = judged.total() - judged["good"]
        if judged["good"] % 500 == 0:
            sys.stderr.write(f"{bad} mutations of {judged['good']} plans judged\n")
        if bad >= count:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        draw()
    for name, number in sorted(judged.items()):
        sys.stdout.write(f"{number:7} {name}\n")
    sys.stdout.write(
        f"{judged.total() - judged['good']} mutations refuted, {judged['good']} plans proven; none bad accepted, none good refused\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
