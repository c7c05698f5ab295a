"""A redirect that is replaced leaves nothing behind but its cookies.

No internal error is anybody's.
"""

from __future__ import annotations

import logging
from wsgiref.util import setup_testing_defaults

import pytest
from webtest import TestApp

from escape_mw import EscapeMiddleware

from ..agents import CHROME_DESKTOP, LINE_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..conftest import TOKEN

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"


def environ_of(agent=CHROME_DESKTOP, path="/", query="", **more):
    environ = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": "site.example",
        "wsgi.url_scheme": "https",
        **more,
    }
    setup_testing_defaults(environ)
    return environ


class Server:
    """A server's side: what start_response was told."""

    def __init__(self):
        self.started = []
        self.write = [].append

    def start_response(self, status, headers, exc_info=None):
        self.started.append((status, headers, exc_info))
        return self.write


def redirecting(location=TRACK, status="302 Found", headers=()):
    def app(_, start_response):
        start_response(status, [("Location", location), *headers])
        return [b"moved"]

    return app


SAME_SITE = [
    pytest.param("/presave/x/", "/presave/x/?_esc={M}", id="a slash"),
    pytest.param(
        "https://www.site.example/presave/x",
        "https://www.site.example/presave/x",
        id="another host",
    ),
    pytest.param(
        "https://site.example/presave/x?a=1#b",
        "https://site.example/presave/x?a=1&_esc={M}#b",
        id="the same host",
    ),
    pytest.param("http://site.example", "http://site.example?_esc={M}", id="another scheme"),
    pytest.param("//evil.example/", "//evil.example/", id="no scheme"),
    pytest.param("https://news.example/", "https://news.example/", id="anywhere else"),
]


@pytest.mark.parametrize("marker", ["stay", f"0.0-{TOKEN}"])
@pytest.mark.parametrize(("location", "expected"), SAME_SITE)
def test_a_marked_visit_stays_marked_through_the_sites_own_redirects(
    fixed, marker, location, expected
):
    """Or it would begin anew, and never end."""
    app = EscapeMiddleware(redirecting(location), fixed({"version": 1}))
    server = Server()
    app(environ_of(TIKTOK_IOS, "/presave/x", f"_esc={marker}"), server.start_response)
    assert dict(server.started[0][1])["Location"] == expected.replace("{M}", marker)
    app(environ_of(TIKTOK_IOS, "/presave/x"), server.start_response)
    assert dict(server.started[1][1])["Location"] == location


def test_loop_of_two_host_names_ends(fixed):
    """base_url says label.example, the site redirects that to www.

    The visitor climbs, and ends at the words.
    """
    rules = fixed(
        {
            "version": 1,
            "base_url": "https://label.example",
            "rules": [{"path": "/**", "to": "page"}],
        }
    )

    def site(environ, start_response):
        start_response(
            "301 Moved", [("Location", "https://www.label.example" + environ["PATH_INFO"])]
        )
        return []

    app = EscapeMiddleware(site, rules)
    for step in range(3):
        server = Server()
        page = b"".join(
            app(
                environ_of(
                    LINE_IOS, "/listen", f"_esc={step}.0-{TOKEN}", HTTP_HOST="www.label.example"
                ),
                server.start_response,
            )
        )
        assert server.started[0][0] == "200 OK"
    assert b'class="button"' not in page


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_every_redirect_is_replaced(status):
    def app(_, start_response):
        start_response(status, [("location", TRACK)])
        return [b"moved"]

    server = Server()
    ours = EscapeMiddleware(app)(environ_of(TIKTOK_IOS), server.start_response)
    assert server.started[0][0] == "200 OK"
    assert b"Open in Spotify" in b"".join(ours)


def test_cookies_of_a_replaced_redirect_are_kept():
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")]
    server = Server()
    EscapeMiddleware(redirecting(headers=[*cookies, ("X-Own", "1")]))(
        environ_of(TIKTOK_IOS), server.start_response
    )
    headers = server.started[0][1]
    assert headers[-2:] == cookies
    assert ("X-Own", "1") not in headers


def test_head_has_headers_and_no_body():
    app = TestApp(EscapeMiddleware(redirecting()), lint=True)
    agent = {"User-Agent": TIKTOK_ANDROID}
    got, head = app.get("/", headers=agent), app.head("/", headers=agent)
    assert head.body == b""
    names = [name for name, _ in got.headerlist]
    assert [name for name, _ in head.headerlist] == names
    assert abs(int(head.headers["Content-Length"]) - len(got.body)) == 0


def test_application_that_moves_path_segments():
    """A dispatcher inside shifts SCRIPT_NAME and PATH_INFO.

    Our address is the one that was asked for.
    """

    def app(environ, start_response):
        environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"] = (
            "/shop",
            "/other",
            "changed=1",
        )
        return redirecting("https://paperlanterns.lnk.to/harbour")(environ, start_response)

    text = b"".join(
        EscapeMiddleware(app)(
            environ_of(TIKTOK_ANDROID, "/shop/smart", "a=1"), Server().start_response
        )
    ).decode()
    assert "intent://site.example/shop/smart?a=1&amp;_esc=0.0-" in text


def test_a_fault_of_ours_lets_the_request_pass(monkeypatch, caplog):
    middleware = EscapeMiddleware(redirecting())
    monkeypatch.setattr("escape_mw.engine.engine.decide", lambda *_: 1 / 0)
    server = Server()
    with caplog.at_level(logging.ERROR, "escape_mw"):
        b"".join(middleware(environ_of(TIKTOK_IOS), server.start_response))
    assert server.started[0][0] == "302 Found"
    assert len(caplog.records) == 1


def test_a_fault_while_judging_a_redirect_lets_it_stand(monkeypatch, caplog):
    middleware = EscapeMiddleware(redirecting())
    monkeypatch.setattr("escape_mw.page.interstitial.Interstitial.answer", lambda *_: 1 / 0)
    server = Server()
    with caplog.at_level(logging.ERROR, "escape_mw"):
        body = middleware(environ_of(TIKTOK_IOS), server.start_response)
    assert (server.started[0][0], b"".join(body)) == ("302 Found", b"moved")
    assert len(caplog.records) == 1


VARY = [
    pytest.param([], "User-Agent", id="none yet"),
    pytest.param([("Vary", "Accept-Encoding")], "Accept-Encoding, User-Agent", id="another header"),
    pytest.param(
        [("Vary", "Cookie"), ("vary", "Accept")], "Cookie, Accept, User-Agent", id="two headers"
    ),
    pytest.param([("Vary", "*")], "*", id="everything"),
    pytest.param([("Vary", "user-agent")], "user-agent", id="already there"),
]


@pytest.mark.parametrize(("headers", "expected"), VARY)
def test_vary_is_added_where_the_rules_ask_for_it(headers, expected):
    rules = {"version": 1, "vary": True, "exclude": ["/static/**"]}
    app = EscapeMiddleware(lambda _, start: start("200 OK", list(headers)) and [], rules)
    server = Server()
    app(environ_of(SAFARI), server.start_response)
    assert [value for name, value in server.started[0][1] if name.lower() == "vary"] == [expected]
    app(environ_of(SAFARI, "/static/site.css"), server.start_response)
    assert server.started[1][1] == headers


def test_vary_and_an_error_after_the_start():
    def app(_, start_response):
        start_response("500 Oh", [], exc_info=(None, None, None))
        return []

    server = Server()
    EscapeMiddleware(app, {"version": 1, "vary": True})(environ_of(SAFARI), server.start_response)
    assert server.started[0][:2] == ("500 Oh", [("Vary", "User-Agent")])


def test_modes(monkeypatch, caplog):
    """Observe decides, logs and passes; off does nothing; the environment overrides the file."""
    app = redirecting()
    for mode, logged in [("observe", 1), ("off", 0)]:
        caplog.clear()
        server = Server()
        with caplog.at_level(logging.INFO, "escape_mw"):
            EscapeMiddleware(app, {"version": 1, "mode": mode})(
                environ_of(TIKTOK_IOS), server.start_response
            )
        assert server.started[0][0] == "302 Found"
        assert len(caplog.records) == logged
    monkeypatch.setenv("ESCAPE_MW", "off")
    server = Server()
    EscapeMiddleware(app, {"version": 1, "mode": "act"})(
        environ_of(TIKTOK_IOS), server.start_response
    )
    assert server.started[0][0] == "302 Found"


def test_observers_see_every_decision_and_may_fail(caplog):
    seen = []

    def broken(*_):
        raise RuntimeError("observer")

    app = EscapeMiddleware(
        redirecting(),
        observers=[
            broken,
            lambda visit, decision: seen.append(
                (visit.path, type(decision).__name__, decision.reason)
            ),
        ],
    )
    b"".join(app(environ_of(TIKTOK_IOS, "/listen"), Server().start_response))
    assert seen == [("/listen", "AskSite", "no-redirect"), ("/listen", "Page", "escape")]
    assert "an observer raised an exception" in caplog.text


def test_plain_http_is_told_once(caplog):
    app = EscapeMiddleware(redirecting())
    with caplog.at_level(logging.WARNING, "escape_mw"):
        for _ in range(2):
            app(environ_of(TIKTOK_IOS, **{"wsgi.url_scheme": "http"}), Server().start_response)
        app(
            environ_of(TIKTOK_IOS, HTTP_HOST="localhost:8000", **{"wsgi.url_scheme": "http"}),
            Server().start_response,
        )
    assert len(caplog.records) == 1
