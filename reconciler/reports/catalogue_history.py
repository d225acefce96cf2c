"""What became of a recommendation, as `exempt catalog show` tells it: retired, replaced, or known from a recording."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalog import Recommendation
from reconciler.catalog.retirement import retirement_cause
from reconciler.model import JSON


def history_fields(recommendation: Recommendation) -> Iterator[tuple[str, str]]:
    """Label and text of each fact; none for a recommendation of today's documentation."""
    if recommendation.retirement:
        yield "retired", retirement_cause(recommendation.retirement)
        if recommendation.retirement.successors:
            yield "successors", ", ".join(recommendation.retirement.successors)
        if recommendation.retirement.category:
            yield "category", f"{recommendation.retirement.category}, of the recommendations that its findings are now"
    if recommendation.recorded:
        yield "known from", f"a recording of {recommendation.recorded} only; it may be gone by now"
    for policy in recommendation.read_by:
        yield "read by", f"{policy.text}, which an exemption of this recommendation leaves alone"


def history_json(recommendation: Recommendation) -> dict[str, JSON]:
    """`{recorded, retired: {reason, date, category, successors} | null, readBy}`."""
    retirement = recommendation.retirement
    return {
        "recorded": recommendation.recorded or None,
        "retired": None
        if retirement is None
        else {
            "reason": retirement.reason.value,
            "date": retirement.date or None,
            "category": retirement.category or None,
            "successors": list(retirement.successors),
        },
        "readBy": [policy.text for policy in recommendation.read_by],
    }
