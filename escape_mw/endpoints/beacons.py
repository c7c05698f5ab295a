"""What happens in a browser, reported to two addresses.

POST /_escape/e                  a beacon of the page: "TOKEN tapped intent-app", one stage a line
POST /_escape/outcome/NAME       a page of the site reports NAME: the body is the visit's token

Both are answered with 204 and nothing else, whatever the token is worth (`events.tokens`). What
comes too fast is counted as capped.
"""

from __future__ import annotations

from ..events.event import Event
from ..events.recorder import Recorder
from ..events.tokens import record_beacon, record_outcome
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
    recorder = context.measurement.recorder
    body = _body(context, recorder)
    if isinstance(body, Answer):
        return body
    record_beacon(body, context.policy, recorder)
    return DONE


def outcome(context: Context) -> Answer | None:
    """Record an outcome that the rules name."""
    name = context.request.path.removeprefix(OUTCOME)
    if context.measurement is None or name not in context.measurement.options.outcomes:
        return None
    recorder = context.measurement.recorder
    body = _body(context, recorder)
    if isinstance(body, Answer):
        return body
    record_outcome(name, body.removeprefix("visit="), context.policy, recorder)
    return DONE


def _body(context: Context, recorder: Recorder) -> str | Answer:
    """The request's body as text, or the answer that refuses it."""
    if not context.limiter.allow():
        recorder.count(Event(0, "", "capped"))
        return TOO_MANY
    body = context.request.read_body(MAX_BODY)
    return TOO_LARGE if body is None else body.decode("latin-1")
