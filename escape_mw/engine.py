"""From a request to an answer: the one place that knows WSGI's environ, that fails open, and that tells observers.

Whatever goes wrong in here lets the request pass, with one log record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from .decide import decide
from .destinations import MAX_URL
from .model import Answer, Decision, Observe, Page, Pass, Redirect, Visit
from .page import redirect
from .policy import Rules
from .reload import RulesSource
from .rules import Source
from .visitors import BROWSER, MAX_AGENT

logger = logging.getLogger("escape_mw")

# Set while an application of ours runs inside another: applied twice, the outer one acts and the inner one passes.
INSIDE: ContextVar[bool] = ContextVar("escape_mw_inside", default=False)
INNER = Pass("inner")

Environ = dict[str, Any]
Observer = Callable[[Visit, Decision], object]

HEADERS = {
    f"HTTP_{name.upper().replace('-', '_')}": name
    for name in (
        "accept",
        "accept-language",
        "purpose",
        "sec-ch-ua",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-purpose",
        "x-moz",
        "x-purpose",
        "x-requested-with",
    )
}
SITE = re.compile(r"((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(:\d{1,5})?", re.ASCII)
SAFE_PATH = "/:@!$&'()*+,;=-._~"
SAFE_QUERY = "!$&'()*+,-./:;=?@[]_~%"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
LOCAL = ("localhost", "127.", "10.", "192.168.")
UNSENDABLE = re.compile(r"[^\t -~]")


class Engine:
    """Answers requests by the rules in force.

    `rules` is a YAML file's path (looked at again as it is edited), a mapping, `Rules`, or None for the default.
    `observers` are called with every visit and decision that went beyond the quick look. Raises RulesError.
    """

    def __init__(self, rules: Source = None, observers: Iterable[Observer] = ()) -> None:
        self._source = RulesSource(rules)
        self._observers = tuple(observers)
        self._plain_http_told = False

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._source.rules

    def answer(self, environ: Environ) -> Answer | Observe | Pass | None:
        """What to answer instead of the site, or how to let it pass.

        None after the quick look at a plain browser; a `Pass` where more was looked at; `Observe` to ask the site and
        come back with its redirect. Takes our marker out of QUERY_STRING; nothing else of `environ` is ever changed,
        and the body is not read.
        """
        try:
            rules = self._source.current()
            if _is_plain(environ, rules):
                return None
            if INSIDE.get():
                return INNER
            visit = self.visit(environ, rules)
            if visit.marker is not None:
                environ["QUERY_STRING"] = visit.query
            return self._answer(visit, decide(visit, rules), rules)
        except Exception:
            logger.exception("passed a request because of a fault of ours")
            return None

    def answer_redirect(self, visit: Visit, location: str) -> Answer | None:
        """What to answer instead of the site's redirect to `location`; None to let it stand."""
        try:
            rules = self._source.rules
            answer = self._answer(visit, decide(visit, rules, location), rules)
            return answer if isinstance(answer, Answer) else None
        except Exception:
            logger.exception("passed a redirect because of a fault of ours")
            return None

    def varies(self, environ: Environ) -> bool:
        """Whether the answers of this path depend on the user agent and the rules want caches to know."""
        rules = self._source.rules
        if not rules.vary or rules.mode != "act":
            return False
        path = _path(environ)
        return not rules.excluded(path) and any(rule.path.fullmatch(path) for rule in rules.rules)

    def visit(self, environ: Environ, rules: Rules) -> Visit:
        """The facts of a request, from its environ alone."""
        marker, query = rules.markers.take(environ.get("QUERY_STRING", ""))
        return Visit(
            method=environ.get("REQUEST_METHOD", ""),
            path=_path(environ),
            query=query,
            url=self._address(environ, query, rules),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            headers={name: environ[key] for key, name in HEADERS.items() if key in environ},
            marker=marker,
        )

    def _address(self, environ: Environ, query: str, rules: Rules) -> str | None:
        """Our own page's address as the visitor's browser has it, or None where that cannot be told safely."""
        raw = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if not raw.startswith("/") or raw.startswith(("//", "/\\")):
            return None
        origin = rules.base_url or self._origin(environ, rules)
        if origin is None:
            return None
        url = origin + quote(raw, safe=SAFE_PATH, encoding="latin-1")
        if query:
            url += "?" + quote(query, safe=SAFE_QUERY, encoding="latin-1")
        return url if len(url) <= MAX_URL else None

    def _origin(self, environ: Environ, rules: Rules) -> str | None:
        scheme = environ.get("wsgi.url_scheme")
        match = SITE.fullmatch(environ.get("HTTP_HOST", "").lower())
        if scheme not in DEFAULT_PORTS or not match or (rules.allowed_hosts and match[1] not in rules.allowed_hosts):
            return None
        if scheme == "http" and not self._plain_http_told and not match[1].startswith(LOCAL):
            self._plain_http_told = True
            logger.warning("%r is served over plain http as far as we can see; behind a proxy that ends TLS, use ProxyFix or base_url", match[0])
        return f"{scheme}://{match[1]}" if match[2] == DEFAULT_PORTS[scheme] else f"{scheme}://{match[0]}"

    def _answer(self, visit: Visit, decision: Decision, rules: Rules) -> Answer | Observe | Pass:
        self._tell(visit, decision)
        if isinstance(decision, Observe | Pass):
            return decision
        if rules.mode == "observe":
            return Pass("observe", decision.visitor, decision.destination, decision.rule)
        answer = render(visit, decision, rules)
        if any(UNSENDABLE.search(value) for _, value in answer.headers):
            raise ValueError("a header of ours holds what no header may hold")
        return answer

    def _tell(self, visit: Visit, decision: Decision) -> None:
        if not isinstance(decision, Pass | Observe):
            seen = decision.visitor
            logger.info("%s: %s in %s on %s to %s", type(decision).__name__.lower(), decision.rule, seen.app, seen.platform, decision.destination.service)
        for observer in self._observers:
            try:
                observer(visit, decision)
            except Exception:
                logger.exception("an observer failed")


def render(visit: Visit, decision: Redirect | Page, rules: Rules) -> Answer:
    """The response for a decision to act."""
    if isinstance(decision, Redirect):
        return redirect(decision)
    return rules.page.answer(decision, visit.headers.get("accept-language", ""))


def _is_plain(environ: Environ, rules: Rules) -> bool:
    """The quick look: a browser that everybody knows, on an unmarked URL."""
    return rules.mode == "off" or (
        rules.visitors.recognise(environ.get("HTTP_USER_AGENT", "")[:MAX_AGENT], "", False) is BROWSER
        and rules.markers.name not in environ.get("QUERY_STRING", "")
        and "HTTP_X_REQUESTED_WITH" not in environ
        and "WebView" not in environ.get("HTTP_SEC_CH_UA", "")
    )


def _path(environ: Environ) -> str:
    """The path as people write it: WSGI's latin-1 text is the bytes of UTF-8 (PEP 3333)."""
    raw: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
