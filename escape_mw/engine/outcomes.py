"""Outcomes: which of this process's middlewares a visit's token is of, and `record`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from ..decision.policy import Policy
from ..events.measurement import Measurement
from ..events.sinks import Sink
from ..events.tokens import read_outcome, record_outcome
from ..web.logs import logger
from .state import State


class Measuring(Protocol):
    """A middleware's engine, as far as outcomes ask about it."""

    state: State
    sinks: tuple[Sink, ...]
    clock: Callable[[], float]


# Of this process. A list, whose single steps need no lock that a fork could find held.
ENGINES: list[weakref.ref[Measuring]] = []


def register(engine: Measuring) -> None:
    """Let outcomes find an engine; warn where its visits cannot be told from another's."""
    if any(_are_alike(engine, other) for other in measuring()):
        logger.warning(
            "two middlewares of this process have the same secret and the same site, and record"
            " events in different places; give each a 'site' of its own, or outcomes may be lost"
        )
    ENGINES.append(weakref.ref(engine))


def measuring() -> list[Measuring]:
    """The engines that measure, whatever another thread makes meanwhile."""
    found = []
    for reference in tuple(ENGINES):
        engine = reference()
        if engine is None:
            with suppress(ValueError):  # another thread was quicker
                ENGINES.remove(reference)
        elif engine.state.measurement:
            found.append(engine)
    return found


def owner_of(token: str, engines: Iterable[Measuring]) -> tuple[Policy, Measurement] | None:
    """Whose site token this is: the policy that made it, and what its visits are measured with."""
    for engine in engines:
        policy, measurement = engine.state.rules.policy, engine.state.measurement
        if measurement and policy.tokens.read_site(token, int(engine.clock())):
            return policy, measurement
    return None


def record(outcome: str, visit: str | None) -> bool:
    """Record that what the site wanted has happened in a visit, such as a pre-save.

    `outcome` is the site's own word for it, `visit` what stood in environ["escape_mw.visit"],
    within a day and once; None and "" stand for a visit that is not measured. Returns whether the
    visit is one of this process's middlewares. Never raises: a failure is logged.
    """
    if not isinstance(outcome, str) or not isinstance(visit, str) or not visit:
        return False
    try:
        return _record(outcome, visit)
    except Exception:
        logger.exception("internal error; the outcome was not recorded")
        return False


def _record(outcome: str, visit: str) -> bool:
    engines = measuring()
    if not engines:
        return False
    first = engines[0].state  # any of them counts a forged one
    policy, measurement = owner_of(visit, engines) or (first.rules.policy, first.measurement)
    if measurement is None:
        return False
    recorder, moment = measurement.recorder, int(engines[0].clock())
    reading = read_outcome(visit, policy, recorder, moment)
    return reading is not None and record_outcome(reading, outcome, policy, recorder, moment)


def _are_alike(one: Measuring, other: Measuring) -> bool:
    """Whether two engines believe the same tokens, and measure in different places."""
    mine, theirs = one.state.measurement, other.state.measurement
    if mine is None or theirs is None:
        return False
    if one.state.rules.policy.tokens.owner != other.state.rules.policy.tokens.owner:
        return False
    return mine.options != theirs.options or one.sinks != other.sinks
