"""Measuring by one set of event options: from decisions and beacons to the recorder and its sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..environ import asks_for_privacy
from ..model import Answer, AskSite, Decision, Page, Redirect, Visit
from ..policy import Rules
from ..schema import EventOptions
from .event import Event
from .places import Places
from .recorder import Recorder
from .sinks import Sink, open_sinks
from .stages import stages

VISIT = "escape_mw.visit"  # environ's key for the visit's token


class Measurement:
    """What an engine measures with, for as long as the rules' `events:` stay the same.

    `sinks` are the site's own, besides those that the rules name.
    """

    def __init__(self, options: EventOptions, sinks: Iterable[Sink] = ()) -> None:
        self.options = options
        self.recorder = Recorder([*open_sinks(options), *sinks], _at_once(options))
        self._places = Places(self.recorder, options.outcomes)

    def told(self, visit: Visit, decision: Decision, rules: Rules) -> None:
        """Record what a decision means for its visit."""
        for event in stages(visit, decision, rules, int(self.recorder.clock())):
            self.recorder.record(event)
        if visit.method != "GET" or visit.marker is not None or not asks_for_privacy(visit.headers):
            return
        if isinstance(decision, Page | Redirect) and decision.reason == "escape":
            seen = decision.visitor
            self.recorder.count(
                Event(0, "", "eligible", decision.rule, seen.app or "", platform=seen.platform)
            )

    def answer(
        self, method: str, place: str, body: Callable[[int], bytes | None], rules: Rules
    ) -> Answer | None:
        """The answer to our own addresses, None to leave the request to the site."""
        return self._places.answer(method, place, body, rules)

    def outcome(self, name: str, token: str, rules: Rules) -> bool:
        """Record an outcome; returns whether the token was one of ours."""
        return self._places.outcome(name, token, rules)


def token_for_site(decision: Decision, rules: Rules) -> str | None:
    """The visit's token for the site's own flow: of an arrival, of who stays, and of whoever an experiment lets through."""
    journey = decision.journey
    if journey is None:
        return None
    handed = decision.reason in ("arrived", "stay", "holdout") or (
        isinstance(decision, AskSite) and journey.experiment
    )
    return rules.markers.token(journey.payload) if handed else None


def _at_once(options: EventOptions) -> Iterable[Callable[[Event], object]]:
    if options.opentelemetry:
        from .opentelemetry import annotate_span  # noqa: PLC0415 - an extra

        yield annotate_span
