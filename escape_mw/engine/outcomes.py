"""Outcomes: whose token a visit's is, `record`, and a recorder for processes without a site."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from ..decision.policy import Policy
from ..events.measurement import Measurement
from ..events.sinks import Sink
from ..events.tokens import read_outcome, record_outcome
from ..rules import RulesError, RulesLike, load, require_secret
from ..web.logs import logger
from .state import State, state_for


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
    return _recorded(outcome, visit, measuring())


def recorder(rules: RulesLike, sinks: Iterable[Sink] = ()) -> OutcomeRecorder:
    """A recorder of outcomes for a process without a middleware: a worker of Celery or RQ, cron.

    `rules` are the site's, as its middleware takes them, and `sinks` the site's own. Make it once
    for the process. Raises RulesError, also for rules that measure nothing.
    """
    return OutcomeRecorder(rules, tuple(sinks))


class OutcomeRecorder:
    """What `recorder` makes; `clock` gives seconds since 1970."""

    def __init__(
        self, rules: RulesLike, sinks: tuple[Sink, ...], clock: Callable[[], float] = time.time
    ) -> None:
        self.sinks, self.clock = sinks, clock
        found = load(rules)
        if sinks:
            require_secret(found)
        self.state = state_for(found, self.sinks, clock, lambda _: None)
        if self.state.measurement is None:
            raise RulesError(["the rules have no 'events:', so that nothing would be recorded"])
        self.state.measurement.recorder.close()  # so that each outcome is delivered at once

    def record(self, outcome: str, visit: str | None) -> bool:
        """The same as `escape_mw.record`; the outcome has reached the sinks when this returns.

        Where a sink fails, that is logged, and the outcome goes with the next one, or at the end of
        the process.
        """
        return _recorded(outcome, visit, [self])


def _recorded(outcome: object, visit: object, engines: Sequence[Measuring]) -> bool:
    if not isinstance(outcome, str) or not isinstance(visit, str) or not (visit and engines):
        return False
    try:
        first = engines[0].state  # any of them counts a forged one
        policy, measurement = owner_of(visit, engines) or (first.rules.policy, first.measurement)
        if measurement is None:
            return False
        recorder, moment = measurement.recorder, int(engines[0].clock())
        reading = read_outcome(visit, policy, recorder, moment)
        return reading is not None and record_outcome(reading, outcome, policy, recorder, moment)
    except Exception:
        logger.exception("internal error; the outcome was not recorded")
        return False


def _are_alike(one: Measuring, other: Measuring) -> bool:
    """Whether two engines believe the same tokens, and measure in different places."""
    mine, theirs = one.state.measurement, other.state.measurement
    if mine is None or theirs is None:
        return False
    if one.state.rules.policy.tokens.owner != other.state.rules.policy.tokens.owner:
        return False
    return mine.options != theirs.options or one.sinks != other.sinks
