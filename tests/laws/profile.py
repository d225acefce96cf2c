"""How many examples each law is tried on: few in every run, many by `make test-laws` (EXEMPT_LAW_EXAMPLES)."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("EXEMPT_LAW_EXAMPLES", "400"))
LAW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
