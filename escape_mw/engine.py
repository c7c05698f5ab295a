"""From a request to an answer: the one place that fails open, that tells observers, and that measures.

Whatever goes wrong in here lets the request pass, with one log record.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import NamedTuple

from .decide import decide
from .environ import Environ, is_plain, path_of, short_body, visit_of
from .events.measurement import VISIT, Measurement, token_for_site
from .events.sinks import Sink
from .lab import places as lab
from .logs import logger
from .model import Answer, AskSite, Decision, Page, Pass, Redirect, Visit
from .page import redirect
from .policy import Rules
from .reload import RulesSource
from .rules import Source
from .schema import EventOptions

# Set while an application of ours runs inside another: applied twice, the outer one acts and the inner one passes.
INSIDE: ContextVar[bool] = ContextVar("escape_mw_inside", default=False)
ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()  # of this process, for `record`
PLACES = "/_escape/"  # all our own addresses begin so
LOCAL = ("localhost", "127.", "10.", "192.168.")
UNSENDABLE = re.compile(r"[^\t -~]")
Observer = Callable[[Visit, Decision], object]


class Passed(NamedTuple):
    """A request that goes on to the site, after a closer look, by the rules that were in force then.

    `asked` says whether the site's own redirect decides what is done.
    """

    visit: Visit
    rules: Rules
    asked: bool

    @property
    def watched(self) -> bool:
        """Whether a redirect of the site's is to be shown to us."""
        return self.asked or self.visit.marker is not None


class Engine:
    """Answers requests by the rules in force.

    `rules` is a YAML file's path (looked at again as it is edited), a mapping, `Rules`, or None for the default.
    `observers` are called with every visit and decision that went beyond the quick look. `sinks` are called with lists of
    events, from a thread of their own; they switch measuring on where the rules do not. Raises RulesError.
    """

    def __init__(
        self, rules: Source = None, observers: Iterable[Observer] = (), sinks: Iterable[Sink] = ()
    ) -> None:
        self.source = RulesSource(rules)
        self._observers = tuple(observers)
        self._sinks = tuple(sinks)
        self._plain_http_told = False
        self._lock = threading.Lock()
        self._options = (
            EventOptions() if self._sinks else None
        )  # where the rules say nothing of events
        self._measured: EventOptions | None = None
        self._measurement: Measurement | None = None
        self._measures(self.rules)
        ENGINES.add(self)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.source.rules

    def answer(self, environ: Environ) -> Answer | Passed | None:
        """What to answer instead of the site; `Passed` or, after the quick look at a plain browser, None to let it.

        Takes our marker out of QUERY_STRING, and puts in "escape_mw.visit" where the site may want it for an outcome;
        nothing else of `environ` is ever changed. The body is not read, but for what is sent to our own addresses.
        """
        try:
            rules = self.source.current()
            if (
                (rules.lab or rules.events or self._options)
                and environ.get("PATH_INFO", "").startswith(PLACES)
                and (answer := self._own(environ, rules))
            ):
                return answer
            if is_plain(environ, rules):
                return None
            if INSIDE.get():
                return None
            visit = self.visit(environ, rules)
            if visit.marker is not None:
                environ["QUERY_STRING"] = visit.query
            decision = decide(visit, rules)
            if token := token_for_site(decision, rules):
                environ[VISIT] = token
            return self._answer(visit, decision, rules) or Passed(
                visit, rules, isinstance(decision, AskSite)
            )
        except Exception:
            logger.exception("passed a request because of a fault of ours")
            return None

    def answer_redirect(self, passed: Passed, location: str) -> Answer | str:
        """What to answer instead of the site's redirect to `location`, or the location to send.

        That is `location` itself, but for a marked visit that the site leads to another page of its own (a slash, a
        host name, https): it stays marked, or it would begin anew and never end.
        """
        visit, rules, asked = passed
        try:
            answer = self._answer(visit, decide(visit, rules, location), rules) if asked else None
            if answer is None and visit.marker is not None and _leads_to_itself(location, visit):
                return rules.markers.again(location, visit.marker)
        except Exception:
            logger.exception("passed a redirect because of a fault of ours")
            return location
        return answer or location

    def varies(self, environ: Environ) -> bool:
        """Whether the answers of this path depend on the user agent and the rules want caches to know."""
        rules = self.source.rules
        if not rules.vary or rules.mode != "act":
            return False
        path = path_of(environ)
        return not rules.excluded(path) and any(rule.path.fullmatch(path) for rule in rules.rules)

    def visit(self, environ: Environ, rules: Rules) -> Visit:
        """The facts of a request, with an id where it is measured."""
        visit = visit_of(environ, rules, measured=self._measures(rules) is not None)
        if rules.base_url is None:
            self._tell_plain_http(visit)
        return visit

    def record(self, outcome: str, visit: str) -> bool:
        """Record what the site wanted to happen, for a visit's token; returns whether the token was one of ours."""
        measurement = self._measures(self.rules)
        return measurement is not None and measurement.outcome(outcome, visit, self.rules)

    def _measures(self, rules: Rules) -> Measurement | None:
        """What these rules measure with; another one once an edit has changed what is measured or who is told."""
        options = rules.events or self._options
        if options is not self._measured:
            with self._lock:
                held, self._measured = self._measurement, options
                if options != (held and held.options):
                    self._measurement = Measurement(options, self._sinks) if options else None
                    if held:
                        held.recorder.close()
        return self._measurement

    def _own(self, environ: Environ, rules: Rules) -> Answer | None:
        """The answer at our own addresses: the lab's, to whoever has its token, and those of what is measured."""
        place = environ["PATH_INFO"]
        if rules.mode == "off":
            return None
        if place.startswith(lab.PAGE):
            answer = lab.answer(
                self.visit(environ, rules), place, lambda: short_body(environ, lab.MAX_BODY), rules
            )
            return answer and _sendable(answer)
        measurement = self._measures(rules)
        return (
            measurement.answer(
                environ.get("REQUEST_METHOD", ""),
                place,
                lambda limit: short_body(environ, limit),
                rules,
            )
            if measurement
            else None
        )

    def _tell_plain_http(self, visit: Visit) -> None:
        if (
            not self._plain_http_told
            and (visit.url or "").startswith("http:")
            and not visit.host.startswith(LOCAL)
        ):
            self._plain_http_told = True
            logger.warning(
                "%r is served over plain http as far as we can see; behind a proxy that ends TLS, use ProxyFix or base_url",
                visit.host,
            )

    def _answer(self, visit: Visit, decision: Decision, rules: Rules) -> Answer | None:
        self._tell(visit, decision)
        if self._measurement:
            self._record(self._measurement, visit, decision, rules)
        if isinstance(decision, AskSite | Pass) or rules.mode == "observe":
            return None
        return _sendable(render(visit, decision, rules))

    def _record(
        self, measurement: Measurement, visit: Visit, decision: Decision, rules: Rules
    ) -> None:
        try:
            measurement.told(visit, decision, rules)
        except Exception:
            logger.exception("a visit was not recorded because of a fault of ours")

    def _tell(self, visit: Visit, decision: Decision) -> None:
        if not isinstance(decision, Pass | AskSite):
            seen = decision.visitor
            logger.info(
                "%s: %s in %s on %s to %s",
                type(decision).__name__.lower(),
                decision.rule,
                seen.app,
                seen.platform,
                decision.destination.service,
            )
        for observer in self._observers:
            try:
                observer(visit, decision)
            except Exception:
                logger.exception("an observer failed")


def render(visit: Visit, decision: Redirect | Page, rules: Rules) -> Answer:
    """The response for a decision to act."""
    if isinstance(decision, Redirect):
        return redirect(decision)
    return rules.page.answer(
        decision, visit.headers.get("accept-language", ""), visit.headers.get("accept-encoding", "")
    )


def _sendable(answer: Answer) -> Answer:
    if any(UNSENDABLE.search(value) for _, value in answer.headers):
        raise ValueError("a header of ours holds what no header may hold")
    return answer


def _leads_to_itself(location: str, visit: Visit) -> bool:
    """Whether a redirect stays on the site: a path, or a URL of the host that was asked or of our own address."""
    if location.startswith("/") and not location.startswith(("//", "/\\")):
        return True
    host = location.partition("://")[2].partition("/")[0].partition("?")[0].lower()
    return location.startswith(("http://", "https://")) and host in (
        visit.host,
        (visit.url or "").partition("://")[2].partition("/")[0],
    )
