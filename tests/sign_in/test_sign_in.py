"""A sign-in that begins in a webview ends in the visitor's real browser, whatever library it is of.

Each browser keeps its cookies, as real ones do: what a sign-in begun elsewhere brings is refused.
"""

from __future__ import annotations

import re
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import pytest

from ..support import intent_uri
from ..support.agents import CHROME_ANDROID, INSTAGRAM_ANDROID
from ..support.marked import short
from ..support.real_http import NoRedirect, Served

ALLAUTH = "/accounts/spotify/login/"
SPOTIFY = "https://accounts.spotify.com/authorize"
BUTTON = re.compile(r'class="button" href="(intent:[^"]+)"')
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Browser:
    """A browser at one site: its agent, its cookies, and the page that it shows."""

    def __init__(self, site: str, agent: str) -> None:
        self.site = site
        self.agent = agent
        self.url = ""
        self.status = 0
        self.location = ""
        self.body = ""
        self._open = build_opener(
            NoRedirect, ProxyHandler({}), HTTPCookieProcessor(CookieJar())
        ).open

    def get(self, path: str, **headers: str) -> Browser:
        """Open a page."""
        return self._ask(Request(self.site + path), headers)

    def post(self, path: str, referer: str = "") -> Browser:
        """Send the form of the page that is shown."""
        token = CSRF.search(self.body)
        data = urlencode({"csrfmiddlewaretoken": token[1]} if token else {}).encode()
        headers = {"Origin": self.site, **({"Referer": referer} if referer else {})}
        return self._ask(Request(self.site + path, data), headers)

    def _ask(self, request: Request, headers: dict[str, str]) -> Browser:
        wanted = {"User-Agent": self.agent, "Accept": "text/html", **headers}
        for name, value in wanted.items():
            request.add_header(name, value)
        try:
            answer = self._open(request, timeout=10)
        except HTTPError as error:
            answer = error
        with answer:
            self.status, self.location = answer.status, answer.headers.get("Location", "")
            self.body = answer.read().decode()
        return self

    def arrive(self, path: str) -> Browser:
        """Open a page that was handed over: its address loses its marker first."""
        self.get(path)
        assert (self.status, "_esc" in self.location) == (302, False)
        return self.get(self.location)

    @property
    def handed_over(self) -> str:
        """The path that the page's first button opens in the real browser."""
        button = BUTTON.search(self.body)
        assert button, self.body
        return intent_uri.parse(unescape(button[1]))["data"].removeprefix(self.site)


@pytest.fixture(scope="module")
def sites():
    folder = Path(__file__).parents[2]
    served = {
        name: Served("-m", f"tests.sign_in.{name}", "PORT", folder=folder)
        for name in ("allauth_site", "flask_site")
    }
    yield {name: one.url for name, one in served.items()}
    for one in served.values():
        one.stop()


FORMS = [
    pytest.param("allauth_site", ALLAUTH, ALLAUTH, id="django-allauth as it ships"),
    pytest.param(
        "flask_site", "/join?from=bio", "/authlib", id="Authlib, from another page's form"
    ),
]


@pytest.mark.parametrize(("name", "page", "action"), FORMS)
def test_a_form_is_handed_over_as_the_page_that_it_stands_on(sites, name, page, action):
    webview, chrome = (Browser(sites[name], agent) for agent in (INSTAGRAM_ANDROID, CHROME_ANDROID))
    assert webview.get(page).status == 200
    webview.post(action, referer=sites[name] + page)
    mark = "&" if "?" in page else "?"
    assert (webview.status, short(webview.handed_over)) == (200, f"{page}{mark}_esc=intent")
    assert "<form" in chrome.arrive(webview.handed_over).body
    chrome.post(action, referer=sites[name] + page)
    assert (chrome.status, chrome.location.partition("?")[0]) == (302, SPOTIFY)


@pytest.mark.parametrize(("name", "page", "action"), FORMS)
@pytest.mark.parametrize("referer", ["", "SITE", "https://evil.example/join"])
def test_a_form_whose_page_nobody_tells_signs_in_where_it_is(sites, name, page, action, referer):
    webview = Browser(sites[name], INSTAGRAM_ANDROID).get(page)
    webview.post(action, referer=referer.replace("SITE", sites[name]))
    assert (webview.status, webview.location.partition("?")[0]) == (302, SPOTIFY)


def test_a_link_begins_anew_in_the_real_browser(sites):
    """Flask-Dance keeps the state in the session; the webview's is of no use elsewhere."""
    webview, chrome = (
        Browser(sites["flask_site"], agent) for agent in (INSTAGRAM_ANDROID, CHROME_ANDROID)
    )
    assert webview.get("/dance/spotify").status == 200
    assert short(webview.handed_over) == "/dance/spotify?_esc=intent"
    chrome.arrive(webview.handed_over)
    assert (chrome.status, chrome.location.partition("?")[0]) == (302, SPOTIFY)


def test_a_sign_in_ends_in_the_browser_that_it_began_in(sites):
    webview, chrome = (
        Browser(sites["flask_site"], agent) for agent in (INSTAGRAM_ANDROID, CHROME_ANDROID)
    )
    start = chrome.get("/join").post("/authlib", referer=f"{chrome.site}/join").location
    (state,) = parse_qs(urlsplit(start).query)["state"]
    back = f"/authlib/callback?code=a&state={state}"
    assert "Refused: mismatching_state" in webview.get(back).body
    assert "Welcome" in chrome.get(back).body


REFUSED = [
    pytest.param("allauth_site", f"{ALLAUTH}callback/", id="django-allauth"),
    pytest.param("flask_site", "/dance/spotify/authorized", id="Flask-Dance"),
    pytest.param("flask_site", "/authlib/callback", id="Authlib"),
]


@pytest.mark.parametrize(("name", "callback"), REFUSED)
@pytest.mark.parametrize("query", ["error=access_denied", "error=access_denied&state=a"])
def test_a_refusal_reaches_the_library(sites, name, callback, query):
    """With and without a state (RFC 6749, 4.1.2.1): both browsers meet the same answer."""
    seen = {
        (browser.status, browser.location, 'class="button"' in browser.body)
        for browser in (
            Browser(sites[name], agent).get(f"{callback}?{query}")
            for agent in (INSTAGRAM_ANDROID, CHROME_ANDROID)
        )
    }
    assert len(seen) == 1
    assert not next(iter(seen))[2]
