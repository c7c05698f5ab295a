"""Stages that a visitor's browser reports: the page's beacon, and an outcome by its name.

Both are POSTs, answered with 204 and nothing else, whatever the token is worth (`events.tokens`).
What is signed and comes too fast is counted as capped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from ..decision.policy import Policy
from ..web.addresses import BEACON, OUTCOME
from ..web.answers import NO_STORE, Answer
from ..web.request import Request
from ..web.routes import POST, Route
from .event import Tally
from .measurement import Measurement
from .recorder import Recorder
from .tokens import read_beacon, read_outcome, record_beacon, record_outcome

MAX_BODY = 512  # bytes
EMPTY = ("Content-Length", "0")
DONE = Answer("204 No Content", NO_STORE, b"")
TOO_LARGE = Answer("413 Content Too Large", (*NO_STORE, EMPTY), b"")
TOO_MANY = Answer("429 Too Many Requests", (*NO_STORE, EMPTY), b"")
Owner = Callable[[str], tuple[Policy, Measurement] | None]


def routes(policy: Policy, measurement: Measurement, owner_of: Owner) -> tuple[Route, ...]:
    """The addresses of what browsers report.

    `owner_of` tells whose a site token is, among the middlewares of this process; None for a forged
    one.
    """
    reports = Reports(policy, measurement, owner_of)
    return (Route(POST, BEACON, reports.beacon), Route(POST, OUTCOME, reports.outcome))


@dataclass(frozen=True)
class Reports:
    """What browsers report, recorded."""

    policy: Policy
    measurement: Measurement
    owner_of: Owner

    def beacon(self, request: Request, moment: int) -> Answer:
        """Record what the page reports."""
        line = _body(request)
        if line is None:
            return TOO_LARGE
        recorder = self.measurement.recorder
        reading = read_beacon(line, self.policy, recorder, moment)
        if reading is None:
            return DONE
        if not self.measurement.limiter.allow():
            return _capped(recorder)
        record_beacon(reading, line, self.policy, recorder, moment)
        return DONE

    def outcome(self, request: Request, moment: int) -> Answer | None:
        """Record an outcome that the rules name, with the middleware whose visit it is."""
        name = request.path.removeprefix(OUTCOME)
        if name not in self.measurement.options.outcomes:
            return None
        body = _body(request)
        if body is None:
            return TOO_LARGE
        token = unquote(body.removeprefix("visit="))  # forms escape "~" (WHATWG URL, 5.2)
        policy, measurement = self.owner_of(token) or (self.policy, self.measurement)
        recorder = measurement.recorder
        reading = read_outcome(token, policy, recorder, moment)
        if reading is None:
            return DONE
        if not self.measurement.limiter.allow():
            return _capped(recorder)
        record_outcome(reading, name, policy, recorder, moment)
        return DONE


def _body(request: Request) -> str | None:
    """The request's body as text, None where it is too large."""
    body = request.read_body(MAX_BODY)
    return None if body is None else body.decode("latin-1")


def _capped(recorder: Recorder) -> Answer:
    """What comes too fast. What nobody signed is not counted here: it must not use up the limit."""
    recorder.count(Tally("capped"))
    return TOO_MANY
