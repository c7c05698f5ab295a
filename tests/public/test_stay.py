"""Who taps "Continue here" stays: through redirects, forms and flows, in whatever site."""

from __future__ import annotations

from http.cookiejar import CookieJar
from urllib.parse import urljoin

import pytest
from bs4 import BeautifulSoup
from webtest import TestApp

from escape_mw import EscapeMiddleware

from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.examples import SECRET

RULES = {
    "version": 1,
    "secret": SECRET,
    "events": {"log": True},
    "rules": [{"name": "guarded", "path": "/presave/**", "to": "page"}],
}
LED = {"/presave/turn": "?c=1", "/presave/hop": "../presave/x", "/presave/done": "/presave/thanks"}


def site(environ, start_response):
    """A flow of guarded pages: relative redirects, a form that answers 303, and pages."""
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    to = LED.get(path) if not query else None
    if environ["REQUEST_METHOD"] == "POST":
        start_response("303 See Other", [("Location", LED["/presave/done"])])
        return [b""]
    if to:
        start_response("302 Found", [("Location", to)])
        return [b""]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{path}?{query} {environ.get('escape_mw.visit', '')[:2]}".encode()]


def lazy(environ, start_response):
    """The same, started only as its body is asked for."""
    yield from site(environ, start_response)


class Visitor:
    """TikTok's visitor with a cookie jar; `refuses` has none."""

    def __init__(self, app=site, rules=RULES, host="site.example", refuses=False):
        self.app = TestApp(EscapeMiddleware(app, rules), lint=True)
        self.app.cookiejar = CookieJar() if refuses else self.app.cookiejar
        self.refuses, self.host = refuses, host

    def ask(self, path, method="GET", agent=TIKTOK_IOS):
        if self.refuses:
            self.app.cookiejar.clear()
        url = path if "://" in path else f"https://{self.host}{path}"
        url = url.replace("https://label.example", f"https://{self.host}")
        return self.app.request(url, method=method, headers={"User-Agent": agent})

    def stays(self, path):
        """Tap "Continue here" on the page at a path, and follow the site's redirects."""
        page = BeautifulSoup(self.ask(path).body, "html.parser")
        return self.follow(self.ask(page.select_one(".stay a")["href"]))

    def follow(self, answer):
        while answer.status_int in (302, 303):
            answer = self.ask(urljoin(answer.request.url, answer.location))
        return answer

    def is_let_in(self, path, method="GET"):
        return self.follow(self.ask(path, method)).content_type == "text/plain"


FLOWS = [
    pytest.param({}, id="a site"),
    pytest.param({"app": lazy}, id="one that starts late"),
    pytest.param(
        {"rules": RULES | {"base_url": "https://label.example"}, "host": "10.0.0.7:8000"},
        id="another Host than base_url",
    ),
    pytest.param({"host": "site.example:443"}, id="the default port spelt out"),
]


@pytest.mark.parametrize("given", FLOWS)
@pytest.mark.parametrize("path", ["/presave/x", "/presave/turn", "/presave/hop"])
def test_the_choice_holds_through_a_flow(given, path):
    visitor = Visitor(**given)
    assert not visitor.is_let_in(path)
    assert visitor.stays(path).content_type == "text/plain"
    for onward in ("/presave/next", "/presave/turn", "/presave/hop", "/presave/x?a=1"):
        assert visitor.is_let_in(onward)
    assert visitor.is_let_in("/presave/form", "POST")


def public(environ, start_response):  # noqa: ARG001
    start_response(
        "200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "public, s-maxage=9")]
    )
    return [b"the same for everybody"]


def test_no_shared_cache_keeps_the_choice():
    visitor = Visitor(public)
    chosen, later = visitor.stays("/presave/x"), visitor.ask("/presave/x")
    assert "Set-Cookie" in chosen.headers
    assert chosen.headers.getall("Cache-Control") == ["private, no-cache"]
    assert chosen.headers["CDN-Cache-Control"] == "no-store"
    assert later.headers.getall("Cache-Control") == ["public, s-maxage=9"]


def test_the_site_has_the_visits_token_on_every_page_of_the_flow():
    visitor = Visitor()
    visitor.stays("/presave/x")
    for path in ("/presave/next", "/presave/done"):
        assert visitor.follow(visitor.ask(path)).text.endswith(" 2~")


def test_where_cookies_are_refused_this_page_passes_and_the_next_asks_again():
    visitor = Visitor(refuses=True)
    assert visitor.stays("/presave/x").content_type == "text/plain"
    assert not visitor.is_let_in("/presave/next")


def test_a_link_that_was_shared_sets_nothing_in_a_real_browser():
    visitor, friend = Visitor(), Visitor()
    tap = BeautifulSoup(visitor.ask("/presave/x").body, "html.parser").select_one(".stay a")["href"]
    answer = friend.ask(tap, agent=SAFARI)
    assert answer.location.endswith("/presave/x")
    assert "Set-Cookie" not in answer.headers


FORGED = ["_esc=stay", "_esc=2~stay", f"_esc=2~stay~.6b0a6a75.{'A' * 27}"]


@pytest.mark.parametrize("query", FORGED)
def test_what_nobody_signed_means_nothing(query):
    assert not Visitor().is_let_in(f"/presave/x?{query}")
