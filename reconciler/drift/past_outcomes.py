"""Reads the outcomes of an earlier apply, so that drift says what became of an exemption that is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.model import JSON, Status, exemption_path
from reconciler.problems import UsageError

_MAKE: Final = "save them with: exempt apply --out FILE"
_EXISTS: Final = frozenset({Status.DONE.value, Status.UNCHANGED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOutcome:
    """What became of one exemption: whether it `existed` after the run; else the `message` of Azure or of the run."""

    existed: bool
    message: str = ""


def read_outcomes(text: str) -> Mapping[str, PastOutcome]:
    """The creates and updates of an apply (schemas/outcome.schema.json) by folded exemption id.

    Raises:
        UsageError: these are no outcomes.
    """
    try:
        document = json.loads(text)
        return dict(
            _outcome(outcome)
            for outcome in document["outcomes"]
            if outcome["actions"] != ["delete"] and outcome["status"] != Status.AWAITING.value
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--outcomes: not the outcomes of an apply: not JSON ({error})", _MAKE) from None
    except (KeyError, TypeError, AttributeError):
        raise UsageError("--outcomes: not the outcomes of an apply: they do not have that form", _MAKE) from None


def _outcome(value: JSON) -> tuple[str, PastOutcome]:
    key = exemption_path(value["key"]["scope"], value["key"]["name"]).lower()
    return key, PastOutcome(existed=value["status"] in _EXISTS, message=str(value["message"]))
