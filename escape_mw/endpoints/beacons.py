"""What happens in a browser, reported to two addresses.

POST /_escape/e                  a beacon of the page: "TOKEN tapped intent-app", one stage a line
POST /_escape/outcome/NAME       a page of the site reports NAME: the body is the visit's token

Both are answered with 204 and nothing else, whatever the token is worth (`events.tokens`). What is
signed and comes too fast is counted as capped.
"""

from __future__ import annotations

from ..events.event import Event
from ..events.recorder import Recorder
from ..events.tokens import read_beacon, read_outcome, record_beacon, record_outcome
from ..web.addresses import OUTCOME
from ..web.answers import NO_STORE, Answer
from .context import Context

MAX_BODY = 512  # bytes
EMPTY = ("Content-Length", "0")
DONE = Answer("204 No Content", NO_STORE, b"")
TOO_LARGE = Answer("413 Content Too Large", (*NO_STORE, EMPTY), b"")
TOO_MANY = Answer("429 Too Many Requests", (*NO_STORE, EMPTY), b"")


def beacon(context: Context) -> Answer | None:
    """Record what the page reports."""
    if context.measurement is None:
        return None
    line = _body(context)
    if line is None:
        return TOO_LARGE
    recorder, moment = context.measurement.recorder, context.moment
    reading = read_beacon(line, context.policy, recorder, moment)
    if reading is None:
        return DONE
    if not context.limiter.allow():
        return _capped(recorder)
    record_beacon(reading, line, context.policy, recorder, moment)
    return DONE


def outcome(context: Context) -> Answer | None:
    """Record an outcome that the rules name, with the middleware whose visit it is."""
    name = context.request.path.removeprefix(OUTCOME)
    if context.measurement is None or name not in context.measurement.options.outcomes:
        return None
    body = _body(context)
    if body is None:
        return TOO_LARGE
    token = body.removeprefix("visit=")
    policy, measurement = context.owner_of(token) or (context.policy, context.measurement)
    recorder, moment = measurement.recorder, context.moment
    reading = read_outcome(token, policy, recorder, moment)
    if reading is None:
        return DONE
    if not context.limiter.allow():
        return _capped(recorder)
    record_outcome(reading, name, policy, recorder, moment)
    return DONE


def _body(context: Context) -> str | None:
    """The request's body as text, None where it is too large."""
    body = context.request.read_body(MAX_BODY)
    return None if body is None else body.decode("latin-1")


def _capped(recorder: Recorder) -> Answer:
    """What comes too fast. What nobody signed is not counted here: it must not use up the limit."""
    recorder.count(Event(0, "", "capped"))
    return TOO_MANY
