"""From a request to an answer: the one place that knows WSGI's environ, that fails open, and that tells observers.

Whatever goes wrong in here lets the request pass, with one log record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import quote

from .decide import decide
from .destinations import MAX_URL
from .lab import places as lab
from .model import Answer, AskSite, Decision, Page, Pass, Redirect, Visit
from .page import redirect
from .policy import Rules
from .reload import RulesSource
from .rules import Source
from .visitors import MAX_AGENT

logger = logging.getLogger("escape_mw")

# Set while an application of ours runs inside another: applied twice, the outer one acts and the inner one passes.
INSIDE: ContextVar[bool] = ContextVar("escape_mw_inside", default=False)
Environ = dict[str, Any]
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


HEADERS = {
    f"HTTP_{name.upper().replace('-', '_')}": name
    for name in (
        "accept",
        "accept-encoding",
        "accept-language",
        "purpose",
        "referer",
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
        self.source = RulesSource(rules)
        self._observers = tuple(observers)
        self._plain_http_told = False

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.source.rules

    def answer(self, environ: Environ) -> Answer | Passed | None:
        """What to answer instead of the site; `Passed` or, after the quick look at a plain browser, None to let it.

        Takes our marker out of QUERY_STRING; nothing else of `environ` is ever changed. The body is not read, but for an
        answer to the lab, with its token.
        """
        try:
            rules = self.source.current()
            if rules.lab is not None and environ.get("PATH_INFO", "").startswith(lab.PAGE) and (answer := self._lab(environ, rules)):
                return answer
            if _is_plain(environ, rules):
                return None
            if INSIDE.get():
                return None
            visit = self.visit(environ, rules)
            if visit.marker is not None:
                environ["QUERY_STRING"] = visit.query
            decision = decide(visit, rules)
            return self._answer(visit, decision, rules) or Passed(visit, rules, isinstance(decision, AskSite))
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
        path = _path(environ)
        return not rules.excluded(path) and any(rule.path.fullmatch(path) for rule in rules.rules)

    def _lab(self, environ: Environ, rules: Rules) -> Answer | None:
        """The lab's answer on its own paths, to whoever has its token."""
        if rules.mode == "off":
            return None
        answer = lab.answer(self.visit(environ, rules), environ["PATH_INFO"], lambda: _short_body(environ), rules)
        return answer and _sendable(answer)

    def visit(self, environ: Environ, rules: Rules) -> Visit:
        """The facts of a request, from its environ alone."""
        marker, query = rules.markers.take(environ.get("QUERY_STRING", ""))
        return Visit(
            method=environ.get("REQUEST_METHOD", ""),
            path=_path(environ),
            query=query,
            host=environ.get("HTTP_HOST", "").lower(),
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

    def _answer(self, visit: Visit, decision: Decision, rules: Rules) -> Answer | None:
        self._tell(visit, decision)
        if isinstance(decision, AskSite | Pass) or rules.mode == "observe":
            return None
        return _sendable(render(visit, decision, rules))

    def _tell(self, visit: Visit, decision: Decision) -> None:
        if not isinstance(decision, Pass | AskSite):
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
    return rules.page.answer(decision, visit.headers.get("accept-language", ""), visit.headers.get("accept-encoding", ""))


def _sendable(answer: Answer) -> Answer:
    if any(UNSENDABLE.search(value) for _, value in answer.headers):
        raise ValueError("a header of ours holds what no header may hold")
    return answer


def _short_body(environ: Environ) -> bytes | None:
    """The request's body, None where it is longer than the lab's forms, or does not say how long it is."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) < 8 and int(length) <= lab.MAX_BODY):
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


def _is_plain(environ: Environ, rules: Rules) -> bool:
    """The quick look: a browser that everybody knows, on an unmarked URL."""
    get = environ.get
    agent = get("HTTP_USER_AGENT", "")
    return rules.mode == "off" or (
        rules.visitors.is_browser(agent if len(agent) <= MAX_AGENT else agent[:MAX_AGENT])
        and rules.markers.name not in get("QUERY_STRING", "")
        and "HTTP_X_REQUESTED_WITH" not in environ
        and "WebView" not in get("HTTP_SEC_CH_UA", "")
    )


def _leads_to_itself(location: str, visit: Visit) -> bool:
    """Whether a redirect stays on the site: a path, or a URL of the host that was asked or of our own address."""
    if location.startswith("/") and not location.startswith(("//", "/\\")):
        return True
    host = location.partition("://")[2].partition("/")[0].partition("?")[0].lower()
    return location.startswith(("http://", "https://")) and host in (visit.host, (visit.url or "").partition("://")[2].partition("/")[0])


def _path(environ: Environ) -> str:
    """The path as people write it: WSGI's latin-1 text is the bytes of UTF-8 (PEP 3333)."""
    raw: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
