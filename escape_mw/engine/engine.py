"""From a request to an answer: the one place that fails open, notifies observers, and measures.

Whatever goes wrong in here lets the request pass, with one log record.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from ..decision.decide import PAGE
from ..decision.decisions import Act, AskSite, Decision, Tag
from ..decision.dress import own_dress
from ..decision.journeys import VISIT, site_token, stay_cookie
from ..decision.model import Visit
from ..decision.policy import Policy
from ..decision.taps import is_known, page_of_tap, read_tap
from ..decision.visits import visit_of
from ..events.measurement import Measurement
from ..events.sinks import Sink
from ..links.tagging import script_tag
from ..page.render import redirect_to
from ..rules import Rules, RulesLike
from ..rules.reload import RulesSource
from ..web.addresses import GO, PREFIX
from ..web.answers import Answer
from ..web.logs import logger
from ..web.request import Request, paths_of
from ..web.routes import READ, answer_by
from ..web.urls import path_of
from .notices import announce, warn_of_plain_http, warn_of_words
from .outcomes import measuring, owner_of, register
from .passthrough import Passthrough
from .quick_look import is_plain
from .respond import answer_to_everyone, respond
from .state import State, state_for

# Set while an application runs inside this middleware: applied twice, the outer one acts and the
# inner one passes.
APPLIED: ContextVar[bool] = ContextVar("escape_mw_applied", default=False)
# Environ keys of who asks, where the rules say `detect: true`; VISIT's own stands in journeys.
APP, PLATFORM = "escape_mw.app", "escape_mw.platform"
# What would make a page less than whole, so that no tag could be put in.
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_RANGE")
Observer = Callable[[Visit, Decision], object]


class Engine:
    """Answers requests by the rules in force.

    `rules` is a YAML file's path (read again as it is edited), a mapping, `Rules`, or None for the
    default. `observers` are called with every visit and decision that went beyond the quick look.
    `sinks` are called with lists of events, from a thread of their own; they switch measuring on
    where the rules do not. `clock` gives seconds since 1970. Raises RulesError.
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
        """The time by `clock`, which may be replaced."""
        return self.clock()

    def _adopt(self, rules: Rules) -> None:
        before = self.state
        self.state = self._state_for(rules, before)
        before.retire(self.state)

    def _state_for(self, rules: Rules, before: State | None = None) -> State:
        return state_for(rules, self.sinks, self._now, self._owner_of, before)

    def is_plain(
        self,
        mount: str,
        path: str,
        agent: str,
        query: str,
        requested_with: str | None,
        brands: str,
    ) -> bool:
        """The quick look: whether the request is none of this package's business.

        The strings are SCRIPT_NAME, PATH_INFO, User-Agent, the query, X-Requested-With (None where
        it was not sent) and Sec-CH-UA.
        """
        try:
            self.source.look_now_and_then()
            state = self.state
            policy = state.rules.policy
            if policy.everyone and policy.may_redirect_everyone(*paths_of(mount, path)):
                return False
            if policy.mode == "off":
                return not (policy.has_links and path.startswith(PREFIX))
            if state.routes and path.startswith(PREFIX):
                return False
            return is_plain(policy, agent, query, requested_with, brands)
        except Exception:
            logger.exception("internal error; the request was passed to the site unchanged")
            return True

    def is_own(self, path: str) -> bool:
        """Whether this package answers at a path, and may read a body, a file or a database."""
        return bool(self.state.routes) and path.startswith(PREFIX)

    def answer(self, request_of: Callable[[], Request]) -> Answer | Passthrough | None:
        """What to answer instead of the site, or how a request goes on to it, None for untouched.

        `request_of` makes the neutral request of one that the quick look did not let through. No
        body is read but what is sent to this package's own addresses.
        """
        try:
            request, state = request_of(), self.state
            if state.routes and (answer := self._own_answer(request, state)):
                return answer
            if APPLIED.get():
                return None
            return self._decide(request, state)
        except Exception:
            logger.exception("internal error; the request was passed to the site unchanged")
            return None

    def _own_answer(self, request: Request, state: State) -> Answer | None:
        if not request.path.startswith(PREFIX):
            return None
        if request.path == GO and request.method in READ and state.script:
            return self._go(request, state)
        return answer_by(state.routes, request, int(self.clock()))

    def _go(self, request: Request, state: State) -> Answer:
        """Answer a tap on a plain link: with an escape, or with a redirect to the link itself.

        Visitors outside a webview are redirected to the page with the link; those who come from
        another site, or from nowhere, to the front page.
        """
        policy, is_measured = state.rules.policy, state.measurement is not None
        moment = int(self.clock())
        visit = visit_of(request, policy, moment, measured=is_measured, is_tap=True)
        page, tap = page_of_tap(visit, policy), read_tap(visit.query)
        if page is None:
            return redirect_to(f"{visit.root}/")
        decision, answer = self._carry_out(page, state, tap=tap)
        if answer is not None:
            return answer
        is_of_webview = decision.visitor and decision.visitor.kind in ("in-app", "webview")
        if is_of_webview and is_known(tap, policy):
            return redirect_to(tap.url)
        return redirect_to(path_of(page.url) if page.url else f"{visit.root}/")

    def _decide(self, request: Request, state: State) -> Answer | Passthrough:
        policy, is_measured = state.rules.policy, state.measurement is not None
        visit = visit_of(request, policy, int(self.clock()), measured=is_measured)
        warn_of_plain_http(visit, policy)
        decision, answer = self._carry_out(visit, state)
        cookie = stay_cookie(visit, decision, policy) if visit.stay else ""
        answer = answer or answer_to_everyone(visit, decision, policy)
        if answer is None:
            return self._passed(visit, decision, state, cookie)
        if cookie:
            return replace(answer, headers=(*answer.headers, ("Set-Cookie", cookie)))
        return answer

    def _passed(self, visit: Visit, decision: Decision, state: State, cookie: str) -> Passthrough:
        policy = state.rules.policy
        changes = {"QUERY_STRING": visit.query} if visit.is_marked else {}
        links = isinstance(decision, AskSite) and decision.links
        if links:
            changes["HTTP_ACCEPT_ENCODING"] = "identity"
        token = site_token(decision, policy, visit.moment) if decision.journey else None
        if token is not None:
            changes[VISIT] = token
        visitor = decision.visitor
        if policy.detect and visitor and visitor.app:
            changes |= {APP: visitor.app, PLATFORM: visitor.platform}
        is_asked = isinstance(decision, AskSite)
        return Passthrough(
            policy,
            changes,
            visit if is_asked or visit.marker else None,
            cookie,
            partial(self._ask, visit, state) if is_asked else None,
            tag=partial(self._tag, visit, state) if is_asked and policy.has_links else None,
            removals=CONDITIONS if links else (),
        )

    def _tag(self, visit: Visit, state: State, nonce: str) -> bytes:
        """The script's tag for the page that the site has answered with, b"" for none."""
        decision, _ = self._carry_out(visit, state, location=PAGE)
        if not isinstance(decision, Tag) or state.rules.policy.mode != "act" or not state.script:
            return b""
        return script_tag(decision, visit.root + state.script.path, nonce)

    def _ask(self, visit: Visit, state: State, location: str, words: object) -> Answer | None:
        """What to answer instead of the site's redirect to a location, in the site's own words."""
        if words is not None:
            dress, ignored = own_dress(words, state.rules.policy.artwork_hosts)
            visit = replace(visit, dress=dress)
            if ignored:
                warn_of_words(tuple(ignored))
        return self._carry_out(visit, state, location=location)[1]

    def _carry_out(self, visit: Visit, state: State, **more: Any) -> tuple[Decision, Answer | None]:
        rules = state.rules
        decision, answer = respond(visit, rules, **more)
        is_tag = isinstance(decision, Tag) and rules.policy.mode == "act"
        is_carried_out = answer is not None or is_tag
        self._notify(visit, decision, is_carried_out=is_carried_out)
        if state.measurement:
            state.measurement.observe(visit, decision, rules.policy, is_carried_out=is_carried_out)
        return decision, answer

    def _notify(self, visit: Visit, decision: Decision, *, is_carried_out: bool) -> None:
        if isinstance(decision, Act | Tag) and logger.isEnabledFor(logging.INFO):
            _log(decision, "" if is_carried_out else "observe: ")
        for observer in self._observers:
            try:
                observer(visit, decision)
            except Exception:
                logger.exception("an observer raised an exception")

    def _owner_of(self, token: str) -> tuple[Policy, Measurement] | None:
        """Whose site token this is: this engine's, or another's of this process."""
        return owner_of(token, [self, *measuring()])


def _log(decision: Act | Tag, prefix: str) -> None:
    visitor = decision.visitor
    fields = {
        "rule": decision.rule,
        "app": visitor.app,
        "platform": visitor.platform,
        "service": decision.destination.service if decision.destination else None,
    }
    logger.info(
        "%s%s rule=%r app=%s platform=%s service=%s",
        prefix,
        type(decision).__name__.lower(),
        *fields.values(),
        extra={"decision": type(decision).__name__.lower(), **fields},
    )
