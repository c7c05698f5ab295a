"""From a request to an answer: the one place that fails open, notifies observers, and measures.

Whatever goes wrong in here lets the request pass, with one log record.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urljoin

from ..decision.decide import decide
from ..decision.forms import FOLLOWED_BY_GET
from ..decision.journeys import site_token, stay_cookie
from ..decision.model import AskSite, Decision, Page, Pass, Redirect, Visit
from ..decision.policy import Policy
from ..decision.visits import visit_of
from ..events.measurement import Measurement
from ..events.sinks import Sink
from ..page.render import render
from ..rules import Rules, RulesLike
from ..rules.reload import RulesSource
from ..web.addresses import PREFIX
from ..web.answers import Answer
from ..web.logs import logger
from ..web.request import Environ, Request, from_environ, readable
from ..web.routes import answer_by
from ..web.urls import normalise_location
from .notices import announce, warn_of_plain_http
from .outcomes import measuring, owner_of, register
from .quick_look import is_plain
from .state import State, state_for

# Set while an application runs inside this middleware: applied twice, the outer one acts and the
# inner one passes.
APPLIED: ContextVar[bool] = ContextVar("escape_mw_applied", default=False)
# What RFC 3986 and browsers resolve alike: a host after two slashes or no scheme; no blank, control
# character or backslash.
REFERENCE = re.compile(
    r"(?:(?:https?:)?//(?![/?#])|(?!//|[a-z][a-z0-9+.-]*:))[!-\[\]-~\x80-\xff]+",
    re.ASCII | re.IGNORECASE,
)
REDIRECTS = ("301", "302", "303", "307", "308")
Observer = Callable[[Visit, Decision], object]


class Passthrough(NamedTuple):
    """A request that goes on to the site, after a closer look, by what was in force then.

    `is_asked` says whether the site's own redirect decides what is done. `token` is the visit's
    token for the site's own flow, if it gets one; `cookie` is a Set-Cookie to add to the response,
    "" for none.
    """

    visit: Visit
    state: State
    is_asked: bool
    token: str | None
    cookie: str = ""

    @property
    def is_watched(self) -> bool:
        """Whether a redirect of the site's is to be looked at."""
        return self.is_asked or self.visit.marker is not None


class Engine:
    """Answers requests by the rules in force.

    `rules` is a YAML file's path (read again as it is edited), a mapping, `Rules`, or None for the
    default. `observers` are called with every visit and decision that went beyond the quick look.
    `sinks` are called with lists of events, from a thread of their own; they switch measuring on
    where the rules do not. `clock` gives seconds since 1970; it is asked once a request. Raises
    RulesError.
    """

    def __init__(
        self,
        rules: RulesLike = None,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.sinks = tuple(sinks)
        self._observers = tuple(observers)
        self.source = RulesSource(rules, self._adopt, needs_secret=bool(self.sinks))
        self.state = self._state_for(self.source.rules)
        register(self)
        announce(self.state.rules.policy)

    def _now(self) -> float:
        return self.clock()

    def _adopt(self, rules: Rules) -> None:
        before = self.state
        self.state = self._state_for(rules, before)
        before.retire(self.state)

    def _state_for(self, rules: Rules, before: State | None = None) -> State:
        return state_for(rules, self.sinks, self._now, self._owner_of, before)

    def answer(
        self, environ: Environ, request_of: Callable[[Environ], Request] = from_environ
    ) -> Answer | Passthrough | None:
        """What to answer instead of the site, or how the request goes on to it.

        `environ` is the server's own mapping with CGI's names. It is read for the quick look at a
        plain browser, which is let through with None; of others, `request_of` makes the neutral
        request. Nothing is changed, and no body is read but what is sent to this package's own
        addresses.
        """
        try:
            self.source.look_now_and_then()
            state = self.state
            is_own = state.routes and environ.get("PATH_INFO", "").startswith(PREFIX)
            if is_own and (answer := self._own_answer(request_of(environ), state)):
                return answer
            if is_plain(environ, state.rules.policy) or APPLIED.get():
                return None
            return self._decide(request_of(environ), state)
        except Exception:
            logger.exception("internal error; the request was passed to the site unchanged")
            return None

    def answer_redirect(self, passed: Passthrough, status: str, location: str) -> Answer | str:
        """What to answer instead of the site's redirect to `location`, or the location to send.

        `status` is its three digits. The location to send is the same, but for a marked visit that
        the site leads to another page of its own (a slash, a host name, https): it stays marked, or
        it would begin anew and never end.
        """
        visit, policy = passed.visit, passed.state.rules.policy
        try:
            if passed.is_asked and (visit.method != "POST" or status in FOLLOWED_BY_GET):
                decision = decide(visit, policy, location)
                if answer := self._carry_out(visit, decision, passed.state):
                    return answer
            whole = _own_url(location, visit, policy) if visit.marker else None
            if visit.marker and whole:
                return policy.markers.carry_over(location, whole, visit.marker)
        except Exception:
            logger.exception("internal error; the site's redirect was sent unchanged")
        return location

    def varies(self, mount: str, path: str, status: str) -> bool:
        """Whether a response of the site's stands where another visitor gets ours.

        Caches are then told that it depends on the user agent. `mount` and `path` are SCRIPT_NAME
        and PATH_INFO, `status` begins with the three digits.
        """
        try:
            policy = self.state.rules.policy
            if not policy.vary or policy.mode != "act":
                return False
            whole = readable(mount + path)
            paths = (whole, readable(path)) if mount else (whole,)
            return policy.guards(paths, is_redirect=str(status).startswith(REDIRECTS))
        except Exception:
            logger.exception("internal error; the request was passed to the site unchanged")
            return False

    def _own_answer(self, request: Request, state: State) -> Answer | None:
        if state.rules.policy.mode == "off":
            return None
        return answer_by(state.routes, request, int(self.clock()))

    def _owner_of(self, token: str) -> tuple[Policy, Measurement] | None:
        """Whose site token this is: this engine's, or another's of this process."""
        return owner_of(token, [self, *measuring()])

    def _decide(self, request: Request, state: State) -> Answer | Passthrough:
        policy, is_measured = state.rules.policy, state.measurement is not None
        visit = visit_of(request, policy, int(self.clock()), measured=is_measured)
        warn_of_plain_http(visit, policy)
        decision = decide(visit, policy)
        token = site_token(decision, policy, visit.moment) if decision.journey else None
        cookie = stay_cookie(visit, decision, policy) if visit.stay else ""
        answer = self._carry_out(visit, decision, state)
        if answer is None:
            return Passthrough(visit, state, isinstance(decision, AskSite), token, cookie)
        if cookie:
            return replace(answer, headers=(*answer.headers, ("Set-Cookie", cookie)))
        return answer

    def _carry_out(self, visit: Visit, decision: Decision, state: State) -> Answer | None:
        rules = state.rules
        self._notify(visit, decision, rules)
        if state.measurement:
            state.measurement.observe(visit, decision, rules.policy)
        if isinstance(decision, AskSite | Pass) or rules.policy.mode == "observe":
            return None
        return render(visit, decision, rules.page)

    def _notify(self, visit: Visit, decision: Decision, rules: Rules) -> None:
        if isinstance(decision, Redirect | Page) and logger.isEnabledFor(logging.INFO):
            _log(decision, rules.policy.mode)
        for observer in self._observers:
            try:
                observer(visit, decision)
            except Exception:
                logger.exception("an observer raised an exception")


def _log(decision: Redirect | Page, mode: str) -> None:
    visitor = decision.visitor
    fields = {
        "rule": decision.rule,
        "app": visitor.app,
        "platform": visitor.platform,
        "service": decision.destination.service if decision.destination else None,
    }
    logger.info(
        "%s%s rule=%r app=%s platform=%s service=%s",
        "observe: " if mode == "observe" else "",
        type(decision).__name__.lower(),
        *fields.values(),
        extra={"decision": type(decision).__name__.lower(), **fields},
    )


def _own_url(location: str, visit: Visit, policy: Policy) -> str | None:
    """The whole URL of a redirect that stays on the site, None for one that leaves it.

    A location is a URL, or a reference relative to the requested one (RFC 9110, 10.2.2). What
    browsers read otherwise than RFC 3986 does is left alone.
    """
    if visit.url is None or not REFERENCE.fullmatch(location):
        return None
    whole = urljoin(visit.url, normalise_location(location))
    return whole if policy.owns(whole, visit) else None
