"""A model of visitors, who go through the real middleware as browsers do.

What each of them would do in either arm is drawn before the arm is: so the true lift is known, and
the lift of those who came, by the arm that they met. What is printed beyond that is the
measurement's own fault.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

import escape_mw
from escape_mw import EscapeMiddleware

from ..support.agents import (
    CHROME_ANDROID,
    INSTAGRAM_ANDROID,
    INSTAGRAM_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
)
from ..support.examples import SECRET, SITE
from ..support.marked import set_clock
from ..support.measured import MARKER, STAY, flush
from ..support.wsgi import environ_of, send

DAY = 24 * 3600
FIRST_DAY = 20_576  # counted from 1970: 2026-05-03
WEBVIEWS = (TIKTOK_IOS, TIKTOK_ANDROID, INSTAGRAM_IOS, INSTAGRAM_ANDROID)
BROWSERS = (SAFARI, CHROME_ANDROID, SAFARI, CHROME_ANDROID)
OUT, STAYS = 0.7, 0.1  # of those who see the page: who get out; of the others, who continue here
LOOKS_ON = 0.3  # who open a flow's second page, though they will not finish it
STEP = re.compile(r'href="([^"]*)" data-technique="([^"]*)"')
BEACON = re.compile(r'data-visit="([^"]*)"')
MENU = re.compile(r'data-menu="([^"]*)"')
OWN = "the site's own page "
FLUSH = 500  # visitors; less than the recorder's queue holds


class Habits(NamedTuple):
    """What visitors do: rates of the outcome, and shares of the visitors unless said otherwise.

    - `base`: the rate of the outcome in the webview; `lift`: what the escape page adds to it.
    - `reloads`: of those whose try fails in the webview, who load the page again; `again`: how good
      their second try is, against the first.
    - `lost`: of the beacons. `private`: those whose browser asks for privacy, half of them in the
      webview too. `scriptless`: those whose webview runs no script.
    - `shares`: of those who see the page, whose address a friend opens, on a phone of the same
      system; `elsewhere`: on another.
    - `is_flow`: the outcome needs two pages, both of which the rule guards.
    """

    lift: float = 0.5
    base: float = 0.2
    reloads: float = 0
    again: float = 0
    lost: float = 0
    private: float = 0
    scriptless: float = 0
    shares: float = 0
    elsewhere: float = 0
    is_flow: bool = False

    @property
    def there(self) -> float:
        """The rate in the real browser, which makes the lift."""
        return self.base * ((1 + self.lift) - (1 - OUT) * STAYS) / OUT


class Try(NamedTuple):
    """What a visitor would do: pre-save `here`, in the webview, or `there`, in the browser."""

    here: bool
    there: bool
    gets_out: bool
    stays: bool

    def outcome(self, is_escaped: bool) -> bool:
        """Whether it ends in a pre-save."""
        if not is_escaped:
            return self.here
        return self.there if self.gets_out else self.stays and self.here


class Visitor(NamedTuple):
    """One visitor, all of whose doings are drawn."""

    phone: int
    first: Try
    second: Try
    reloads: bool
    looks_on: bool
    is_private: bool
    is_private_here: bool
    has_scripts: bool
    loses_tapped: bool
    loses_left: bool
    friend: str  # the browser of one who opens the address; "" for none
    friend_presaves: bool
    moment: float


def crowd(rng: Any, size: int, day: int, habits: Habits) -> list[Visitor]:
    """The visitors of one day."""

    def drawn(share: float) -> list[bool]:
        return list(rng.random(size) < share)

    def tries(quality: float) -> list[Try]:
        rates = habits.base * quality, habits.there * quality, OUT, STAYS
        return [Try(*row) for row in zip(*map(drawn, rates), strict=True)]

    phones = rng.integers(0, len(WEBVIEWS), size).tolist()
    luck = rng.random(size)
    friends = [_friend(*row, habits) for row in zip(phones, luck, strict=True)]
    private = drawn(habits.private)
    return [
        Visitor(*row)
        for row in zip(
            phones,
            tries(1),
            tries(habits.again),
            drawn(habits.reloads),
            drawn(LOOKS_ON),
            private,
            [one and other for one, other in zip(private, drawn(0.5), strict=True)],
            [not one for one in drawn(habits.scriptless)],
            drawn(habits.lost),
            drawn(habits.lost),
            friends,
            drawn(habits.there),
            np.sort(rng.integers(day * DAY, (day + 1) * DAY, size)).tolist(),
            strict=True,
        )
    ]


def _friend(phone: int, luck: float, habits: Habits) -> str:
    if luck < habits.shares:
        return BROWSERS[phone]
    return BROWSERS[phone - 1] if luck < habits.shares + habits.elsewhere else ""


def answer_with_token(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The site: its own page, with the visit's token for whoever tests it."""
    start_response("200 OK", [("Content-Type", "text/html")])
    return [f"{OWN}{environ.get('escape_mw.visit', '')}".encode()]


class Seen(NamedTuple):
    """What a browser was answered: the escape page, or the site's own with a token or none."""

    page: str
    token: str
    cookie: str


class Site:
    """A site behind the middleware, and its visitors."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self.middleware = EscapeMiddleware(answer_with_token, rules)

    def ask(self, agent: str, path: str, query: str = "", **headers: str) -> Seen:
        """One request for a page; `headers` by their names in an environ."""
        environ = environ_of(agent, path, query, HTTP_ACCEPT="text/html,*/*;q=0.8", **headers)
        page = send(self.middleware, environ)
        cookie = dict(page.headers).get("Set-Cookie", "").partition(";")[0]
        body = page.body.decode()
        if body.startswith(OWN):
            return Seen("", body.removeprefix(OWN), cookie)
        return Seen(body, "", cookie)

    def report(self, agent: str, line: str) -> None:
        """One beacon of the page."""
        body = line.encode()
        more = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body))}
        environ = environ_of(agent, "/_escape/e", **more)
        environ["wsgi.input"].write(body)
        environ["wsgi.input"].seek(0)
        self.middleware(environ, lambda *_: None)

    def at(self, moment: float) -> None:
        """Let what follows happen at a moment, in seconds since 1970."""
        set_clock(self.middleware, moment)

    def receive(
        self, experiment: str, visitors: list[Visitor], habits: Habits
    ) -> list[tuple[bool, bool]]:
        """Let visitors come; of each that is measured, whether escaped, and the model's outcome."""
        found = []
        for number, visitor in enumerate(visitors):
            is_escaped = Coming(self, f"/{experiment}/presave", visitor, habits).comes()
            if not visitor.is_private_here:
                found.append((is_escaped, visitor.first.outcome(is_escaped)))
            if number % FLUSH == 0:
                flush(self.middleware)
        flush(self.middleware)
        return found


class Coming:
    """One visitor's doings at a site. A browser's session keeps the visit's token, as it should."""

    def __init__(self, site: Site, page: str, visitor: Visitor, habits: Habits) -> None:
        self.site, self.page, self.visitor, self.habits = site, page, visitor, habits
        self.webview, self.browser = WEBVIEWS[visitor.phone], BROWSERS[visitor.phone]
        self.moment = visitor.moment
        self.sessions: dict[str, str] = {}
        self.cookie = ""  # of the webview

    def comes(self) -> bool:
        """The first try, and where it fails perhaps a second; returns whether it was escaped."""
        visitor, first = self.visitor, self.visitor.first
        seen, query = self._look(self.webview), ""
        is_escaped = bool(seen.page)
        if is_escaped:
            query = self._escape(seen.page, first)
        else:
            self._finish(self.webview, first.here)
        is_still_here = not (is_escaped and (first.gets_out or first.stays))
        if visitor.reloads and is_still_here and not first.outcome(is_escaped):
            self._reload(query)
        return is_escaped

    def _reload(self, query: str) -> None:
        """Load the page again: held-out visitors begin anew, a marked address is the same visit."""
        self.moment += 60
        again = self._look(self.webview, query)
        if not again.page:
            self._finish(self.webview, self.visitor.second.here)
        elif not query:
            self._escape(again.page, self.visitor.second)

    def _escape(self, page: str, doing: Try) -> str:
        """Follow the page, or leave it; returns what its address's query has become."""
        menu, steps, markers = MENU.search(page), STEP.findall(page), MARKER.findall(unquote(page))
        query = f"_esc={menu[1]}" if menu and self.visitor.has_scripts else ""
        marked = MARKER.search(unquote(unescape(steps[0][0])))[0] if steps else query
        self._tell(page, "tapped", steps, self.visitor.loses_tapped)
        self.moment += 20
        if doing.gets_out:
            self._tell(page, "left", steps, self.visitor.loses_left)
            self._look(self.browser, marked)
            self._finish(self.browser, doing.there)
        elif doing.stays:
            stay = next(one for one in markers if one.startswith(STAY))
            self.cookie = self._look(self.webview, stay).cookie
            self._finish(self.webview, doing.here)
        if self.visitor.friend:
            self.moment += 300
            self._keep(self.visitor.friend, self.site.ask(self.visitor.friend, self.page, marked))
            self._finish(self.visitor.friend, self.visitor.friend_presaves)
        return query

    def _tell(self, page: str, stage: str, steps: list[tuple[str, str]], is_lost: bool) -> None:
        token = BEACON.search(page)
        if token and steps and self.visitor.has_scripts and not is_lost:
            self.site.report(self.webview, f"{token[1]} {stage} {steps[0][1]}")

    def _look(self, agent: str, query: str = "", path: str = "", **headers: str) -> Seen:
        """A page in one of the visitor's own browsers."""
        self.site.at(self.moment)
        is_here = agent == self.webview
        if self.visitor.is_private_here if is_here else self.visitor.is_private:
            headers["HTTP_SEC_GPC"] = "1"
        if is_here and self.cookie:
            headers["HTTP_COOKIE"] = self.cookie
        seen = self.site.ask(agent, path or self.page, query, **headers)
        self._keep(agent, seen)
        return seen

    def _keep(self, agent: str, seen: Seen) -> None:
        """What docs/measuring.md tells a site to do with a token."""
        if seen.token:
            self.sessions[agent] = seen.token

    def _finish(self, agent: str, presaves: bool) -> None:
        """On the site, a few seconds later: the flow's second page, if any, and the pre-save."""
        self.moment += 5
        self.site.at(self.moment)
        if self.habits.is_flow and (presaves or self.visitor.looks_on):
            seen = self._look(agent, path=f"{self.page}/choose", HTTP_REFERER=SITE + self.page)
            if seen.page:  # it should be the same visit, and is another
                self._escape(seen.page, self.visitor.first)
                return
        if presaves:
            escape_mw.record("presave", self.sessions.get(agent))


def rules(url: str, experiments: int, **more: Any) -> dict[str, Any]:
    """Rules with experiments, each on pages of its own, whose events go to a database.

    The simulated days may be old.
    """
    return {
        "version": 1,
        "secret": SECRET,
        "events": {"database": url, "keep": "99999d"},
        "rules": [
            {
                "name": name,
                "path": f"/{name}/**",
                "to": "page",
                "experiment": {"name": name, "holdout": 0.5, **more},
            }
            for name in names(experiments)
        ],
    }


def names(experiments: int) -> list[str]:
    """The names of so many experiments, which stand in their pages' paths."""
    return [f"single-{number:03}" for number in range(experiments)]
