"""Our own two addresses for what happens in a browser.

POST /_escape/e                  a beacon of the page: "TOKEN tapped intent-app", one line for one step
POST /_escape/outcome/NAME       a page of the site says that NAME has happened: the body is the visit's token

Both are answered with 204 and nothing else. What nobody signed is counted as forged, what came twice as a repeat, what
came too fast as capped; none of it changes anything else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ..decide import BEACON
from ..model import Answer, Journey
from ..page import COMMON
from ..policy import Rules
from .event import Event
from .recorder import Recorder
from .stages import event, ladder_of

OUTCOME = "/_escape/outcome/"
WITH_TECHNIQUE = ("attempt", "tapped", "left")
WITHOUT = ("copied", "continued")
MAX_BODY = 512  # bytes
PAGE_AGE, OUTCOME_AGE = (
    3600,
    24 * 3600,
)  # seconds that a page is believed, and that an outcome may take
RATE, BURST = 500, 2_000  # beacons a second in one process, and how many at once
DONE = Answer("204 No Content", COMMON, b"")
TOO_LARGE = Answer("413 Content Too Large", (*COMMON, ("Content-Length", "0")), b"")
TOO_MANY = Answer("429 Too Many Requests", (*COMMON, ("Content-Length", "0")), b"")


class Gate:
    """Lets `RATE` requests a second through, and `BURST` at once (a token bucket). `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left, self._last = float(BURST), clock()

    def lets(self) -> bool:
        """Whether one more is let through."""
        with self._lock:
            now = self._clock()
            self._left = min(BURST, self._left + (now - self._last) * RATE)
            self._last = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Places:
    """Answers our own addresses by recording what they are told."""

    def __init__(self, recorder: Recorder, outcomes: list[str]) -> None:
        self._recorder = recorder
        self._outcomes = frozenset(outcomes)
        self._gate = Gate()

    def answer(
        self, method: str, place: str, body: Callable[[int], bytes | None], rules: Rules
    ) -> Answer | None:
        """The answer to a POST at one of our addresses, None to leave the request to the site.

        `place` is the path below the site's own; `body` reads at most that many bytes, None where there are more.
        """
        named = place.removeprefix(OUTCOME)
        if method != "POST" or (
            place != BEACON and (named == place or named not in self._outcomes)
        ):
            return None
        if not self._gate.lets():
            self._recorder.count(Event(0, "", "capped"))
            return TOO_MANY
        text = body(MAX_BODY)
        if text is None:
            return TOO_LARGE
        if place == BEACON:
            self._beacon(text.decode("latin-1"), rules)
        else:
            self.outcome(named, text.decode("latin-1").removeprefix("visit="), rules)
        return DONE

    def outcome(self, name: str, token: str, rules: Rules) -> bool:
        """Record an outcome of the visit that a token was made for; returns whether it was one of ours."""
        journey = self._journey(token, OUTCOME_AGE, rules)
        if journey is None:
            return False
        self._recorder.record(
            event(journey, "outcome", rules, int(self._recorder.clock()), outcome=name)
        )
        return True

    def _beacon(self, line: str, rules: Rules) -> None:
        token, name, technique = ([*line.split(" "), "", ""])[:3]
        journey = self._journey(token, PAGE_AGE, rules)
        if journey is None:
            return
        rung = next(
            (rung for rung in ladder_of(journey, rules) if rung.technique == technique), None
        )
        if (name in WITH_TECHNIQUE and rung is not None) or (name in WITHOUT and not technique):
            fired = (
                replace(rung, trigger="tap")
                if rung and name == "tapped" and rung.trigger != "written"
                else rung
            )
            self._recorder.record(event(journey, name, rules, int(self._recorder.clock()), fired))
        else:
            self._count("forged")

    def _journey(self, token: str, max_age: int, rules: Rules) -> Journey | None:
        payload = rules.markers.open(token, max_age)
        journey = Journey.read(payload) if payload else None
        if journey is None:
            self._count("repeat" if payload == "" else "forged")
        return journey

    def _count(self, name: str) -> None:
        self._recorder.count(Event(0, "", name))
