"""The control endpoint, on the plain port under `/emulator`: a test's hand on clock, faults, log and state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reconciler.emulator.call import answer, empty
from reconciler.emulator.faults.injection import FaultInjection
from reconciler.emulator.faults.scripted import parse_faults
from reconciler.emulator.gateway import Gateway
from reconciler.emulator.state.clock import arm_instant, parse_instant
from reconciler.emulator.tenantfile import schema_problems
from reconciler.emulator.wire.http import Request, Response
from reconciler.emulator.wire.jsontext import decode
from reconciler.model import JSON

PREFIX = "/emulator"


class Control:
    """Answers `/emulator/…`. `dump` gives the state as a tenant file."""

    def __init__(self, gateway: Gateway, dump: Callable[[], dict[str, JSON]]) -> None:
        self._gateway = gateway
        self._verbs: dict[tuple[str, str], Callable[[Any], Response]] = {
            ("GET", "clock"): lambda _: self._clock(),
            ("PUT", "clock"): self._move_clock,
            ("GET", "faultInjection"): lambda _: answer(200, gateway.faults.settings),
            ("PUT", "faultInjection"): self._replace_injection,
            ("GET", "weather"): lambda _: answer(200, gateway.faults.settings),
            ("PUT", "weather"): self._replace_injection,
            ("GET", "faults"): lambda _: answer(
                200,
                {"value": [{"matched": fault.matched, "struck": fault.struck} for fault in gateway.faults.scripted]},
            ),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): lambda _: _cleared(gateway.faults.scripted),
            ("GET", "requests"): lambda _: answer(
                200,
                {"value": [{**asdict(entry), "body": entry.body.decode("utf-8", "replace")} for entry in gateway.log]},
            ),
            ("DELETE", "requests"): lambda _: _cleared(gateway.log),
            ("GET", "state"): lambda _: answer(200, dump()),
        }

    def __call__(self, request: Request) -> Response | None:
        """Answer what is ours; None for other paths."""
        if not request.path.startswith(PREFIX + "/"):
            return None
        verb = self._verbs.get((request.method, request.path.removeprefix(PREFIX + "/").rstrip("/")))
        if verb is None:
            return answer(404, {"message": f"{request.method} {request.path} is not of the control endpoint"})
        try:
            return verb(decode(request.body) if request.body else {})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            return answer(400, {"message": f"{type(error).__name__}: {error}"})

    def _replace_injection(self, body: Any) -> Response:
        if problems := schema_problems({"faultInjection": body}):
            raise ValueError("; ".join(problems))
        self._gateway.faults = FaultInjection(body, self._gateway.tenant)
        return answer(200, self._gateway.faults.settings)

    def _add_faults(self, body: Any) -> Response:
        new = parse_faults(body if isinstance(body, list) else [body], "faults")
        self._gateway.faults.scripted += new
        return answer(201, {"added": len(new)})

    def _clock(self) -> Response:
        return answer(200, {"now": arm_instant(self._gateway.tenant.clock.now())})

    def _move_clock(self, body: Any) -> Response:
        """`{"now": instant}` sets the time, `{"advance": seconds}` lets time pass."""
        clock = self._gateway.tenant.clock
        if "advance" in body:
            clock.advance(float(body["advance"]))
        else:
            instant = parse_instant(body["now"])
            if instant is None:
                raise ValueError(f"not an instant: {body['now']!r}")
            clock.move_to(instant)
        return self._clock()


def _cleared(log: list[Any] | deque[Any]) -> Response:
    log.clear()
    return empty(204)
