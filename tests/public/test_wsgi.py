"""A redirect that is replaced leaves nothing behind but its cookies.

No internal error is anybody's.
"""

from __future__ import annotations

import logging
import re
import time

import pytest

from escape_mw import EscapeMiddleware, load
from escape_mw.engine.notices import MAX_WARNED_OF

from ..support import faults
from ..support.agents import LINE_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.examples import SECRET, TRACK
from ..support.marked import marked, short
from ..support.wsgi import environ_of, redirecting, send

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
    pytest.param("///evil.example/", "///evil.example/", id="three slashes are browsers' two"),
    pytest.param("/\\evil.example/", "/\\evil.example/", id="a backslash, browsers' second slash"),
    pytest.param("/\t/evil.example/", "/\t/evil.example/", id="a tab, which browsers drop"),
    pytest.param("https:///evil.example/", "https:///evil.example/", id="a scheme, three slashes"),
    pytest.param("https:evil.example/", "https:evil.example/", id="a scheme, no slash"),
    pytest.param("https://?a=1", "https://?a=1", id="a scheme and no host"),
    pytest.param(
        "https://site.example:443@evil.example/",
        "https://site.example:443@evil.example/",
        id="our host as a user's name",
    ),
    pytest.param(
        "//site.example:@evil.example/", "//site.example:@evil.example/", id="the same, no scheme"
    ),
    pytest.param("x//y", "x//y?_esc={M}", id="a path of this directory"),
    pytest.param("https://news.example/", "https://news.example/", id="anywhere else"),
]


@pytest.mark.parametrize(("location", "expected"), SAME_SITE)
def test_a_marked_visit_stays_marked_through_the_sites_own_redirects(location, expected):
    """Or it would begin anew, and never end."""
    rules = load({"version": 1})
    app = EscapeMiddleware(redirecting(location), rules)
    path = marked(rules.policy, "/presave/x", "intent")
    led = dict(send(app, environ_of(TIKTOK_IOS, *path.split("?"))).headers)["Location"]
    assert short(led) == expected.replace("{M}", "intent")
    assert ("Location", location) in send(app, environ_of(TIKTOK_IOS, "/presave/x")).headers


def test_a_marker_that_is_carried_over_holds_where_it_is_carried_to():
    rules = load({"version": 1})
    app = EscapeMiddleware(redirecting("/presave/x/"), rules)
    path = marked(rules.policy, "/presave/x", "intent")
    led = dict(send(app, environ_of(TIKTOK_IOS, *path.split("?"))).headers)["Location"]
    value, _ = rules.policy.markers.extract(led.split("?")[1])
    for place, holds in [("/presave/x/", True), ("/presave/x", False)]:
        read = rules.policy.markers.read(value, f"https://site.example{place}", int(time.time()))
        assert read.is_verified is holds


def test_loop_of_two_host_names_ends():
    """base_url says label.example, the site redirects that to www.

    The visitor climbs, and nothing happens by itself on the way.
    """
    source = {
        "version": 1,
        "base_url": "https://label.example",
        "rules": [{"path": "/**", "to": "page"}],
    }

    def site(environ, start_response):
        start_response(
            "301 Moved", [("Location", "https://www.label.example" + environ["PATH_INFO"])]
        )
        return []

    rules = load(source)
    app = EscapeMiddleware(site, rules)
    statuses, first = [], []
    for technique in ("line-external", "x-safari", "menu"):
        path = marked(rules.policy, "/listen", technique, site="https://label.example")
        got = send(app, environ_of(LINE_IOS, *path.split("?"), HTTP_HOST="www.label.example"))
        page = got.body.decode()
        statuses.append(got.status)
        first.append(re.findall('data-technique="([^"]+)" data-trigger="([^"]+)"', page)[0])
    assert statuses == ["200 OK"] * 3
    assert first == [("x-safari", "tap"), ("line-external", "tap"), ("line-external", "tap")]


ACCEPTED = [
    pytest.param({}, "en", None, id="nothing"),
    pytest.param({"HTTP_ACCEPT_LANGUAGE": "de-AT,en;q=0.5"}, "de", None, id="a language"),
    pytest.param({"HTTP_ACCEPT_ENCODING": "gzip, br"}, "en", "gzip", id="gzip"),
]


@pytest.mark.parametrize(("headers", "language", "encoding"), ACCEPTED)
def test_the_page_is_in_what_the_browser_accepts(headers, language, encoding):
    app = EscapeMiddleware(redirecting())
    found = dict(send(app, environ_of(TIKTOK_ANDROID, "/listen", **headers)).headers)
    assert (found["Content-Language"], found.get("Content-Encoding")) == (language, encoding)


def test_a_page_is_the_same_with_gzip():
    app = EscapeMiddleware(redirecting())
    plain, packed = (
        send(app, environ_of(TIKTOK_ANDROID, "/listen", HTTP_ACCEPT_ENCODING=accept))
        for accept in ("", "gzip")
    )
    own = {"Content-Encoding", "Content-Length", "Vary"}
    assert {*packed.headers} >= {item for item in plain.headers if item[0] not in own}


REPORTING = [
    pytest.param({}, False, id="not measured"),
    pytest.param({"events": {"log": True}, "secret": SECRET, "site": "a"}, True, id="measured"),
]


@pytest.mark.parametrize(("more", "expected"), REPORTING)
def test_only_a_measured_page_may_report(more, expected):
    app = EscapeMiddleware(redirecting(), {"version": 1, **more})
    headers = dict(send(app, environ_of(TIKTOK_ANDROID, "/listen")).headers)
    assert ("connect-src 'self'" in headers["Content-Security-Policy"]) is expected


def test_a_bare_redirect_says_that_it_has_no_body():
    app = EscapeMiddleware(redirecting(), {"version": 1, "rules": [{"path": "/**", "to": "page"}]})
    got = send(app, environ_of(LINE_IOS, "/listen"))
    headers = dict(got.headers)
    assert (got.status, got.body) == ("302 Found", b"")
    assert (headers["Content-Length"], headers["Content-Type"]) == ("0", "text/html; charset=utf-8")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_every_redirect_is_replaced(status):
    def app(_, start_response):
        start_response(status, [("location", TRACK)])
        return [b"moved"]

    got = send(EscapeMiddleware(app), environ_of(TIKTOK_IOS))
    assert got.status == "200 OK"
    assert b"Play on Spotify" in got.body


def test_cookies_of_a_replaced_redirect_are_kept():
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")]
    app = EscapeMiddleware(redirecting(headers=[*cookies, ("X-Own", "1")]))
    headers = send(app, environ_of(TIKTOK_IOS)).headers
    assert headers[-2:] == cookies
    assert ("X-Own", "1") not in headers


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

    got = send(EscapeMiddleware(app), environ_of(TIKTOK_ANDROID, "/shop/smart", "a=1"))
    text = got.body.decode()
    assert "intent://site.example/shop/smart?a=1&amp;_esc=intent#" in short(text)


def test_a_fault_of_ours_lets_the_request_pass(caplog):
    middleware = EscapeMiddleware(redirecting())
    faults.break_clock(middleware)
    with caplog.at_level(logging.ERROR, "escape_mw"):
        assert send(middleware, environ_of(TIKTOK_IOS)).status == "302 Found"
    assert len(caplog.records) == 1


def test_a_fault_while_judging_a_redirect_lets_it_stand(tmp_path, caplog):
    middleware = EscapeMiddleware(redirecting(), faults.failing_template(tmp_path, TRACK))
    with caplog.at_level(logging.ERROR, "escape_mw"):
        got = send(middleware, environ_of(TIKTOK_IOS))
    assert (got.status, got.body) == ("302 Found", b"moved")
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
def test_a_page_with_our_tag_tells_caches_of_the_user_agent(headers, expected):
    def site(_, start_response):
        start_response("200 OK", [("Content-Type", "text/html"), *headers])
        return [b"<!doctype html><title>x</title>"]

    rules = {"version": 1, "rules": [{"path": "/**", "to": "redirect", "links": True}]}
    sent = send(EscapeMiddleware(site, rules), environ_of(TIKTOK_IOS)).headers
    assert [value for name, value in sent if name.lower() == "vary"] == [expected]


SITES_RULES = {
    "version": 1,
    "exclude": ["/admin/**"],
    "rules": [
        {"path": "/presave/**", "to": "page"},
        {"path": "/s/**", "to": "redirect"},
        {"path": "/inner", "to": "page"},
    ],
}
MOUNTS = [
    pytest.param("", "/inner", True, id="no mount"),
    pytest.param("/shop", "/inner", True, id="the path below the mount"),
    pytest.param("/presave", "/x", True, id="the whole path"),
    pytest.param("/inner", "/x", False, id="the mount alone"),
    pytest.param("/presave", "/admin/x", False, id="the path below the mount, excluded"),
    pytest.param("/admin", "/inner", False, id="the whole path, excluded"),
]


@pytest.mark.parametrize(("mount", "path", "is_ours"), MOUNTS)
def test_rules_fit_the_whole_path_or_the_part_below_the_mount(mount, path, is_ours):
    app = EscapeMiddleware(redirecting("/elsewhere"), SITES_RULES)
    got = send(app, environ_of(TIKTOK_IOS, path, SCRIPT_NAME=mount))
    assert got.status == ("200 OK" if is_ours else "302 Found")


ASKED = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST"]
ASKED += ["SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme"]


@pytest.mark.parametrize("agent", [SAFARI, TIKTOK_IOS])
@pytest.mark.parametrize("missing", ASKED)
def test_what_a_server_leaves_out_is_no_fault(missing, agent, caplog):
    """PEP 3333 lets some of it be absent, and servers leave out more."""
    environ = environ_of(agent, "/listen")
    environ.pop(missing, None)
    app = EscapeMiddleware(redirecting())
    assert send(app, environ).status in ("302 Found", "200 OK")
    assert [record.getMessage() for record in caplog.records] == []


def test_modes(monkeypatch, caplog):
    """Observe decides, logs and passes; off does nothing; the environment overrides the file."""
    app = redirecting()
    for mode, logged in [("observe", 1), ("off", 0)]:
        wrapped = EscapeMiddleware(app, {"version": 1, "mode": mode})
        caplog.clear()
        with caplog.at_level(logging.INFO, "escape_mw"):
            assert send(wrapped, environ_of(TIKTOK_IOS)).status == "302 Found"
        assert len(caplog.records) == logged
    monkeypatch.setenv("ESCAPE_MW_MODE", "off")
    acting = EscapeMiddleware(app, {"version": 1, "mode": "act"})
    assert send(acting, environ_of(TIKTOK_IOS)).status == "302 Found"


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
    send(app, environ_of(TIKTOK_IOS, "/listen"))
    assert seen == [("/listen", "AskSite", "no-redirect"), ("/listen", "Page", "escape")]
    assert "an observer raised an exception" in caplog.text


LOCAL = ("localhost:8000", "127.0.0.1:8000", "10.0.0.7", "192.168.1.9:5000")


def test_plain_http_is_told_once_a_process_and_host(caplog):
    with caplog.at_level(logging.WARNING, "escape_mw"):
        for host in ("site.example", *LOCAL, "site.example", "www.site.example") * 2:
            app = EscapeMiddleware(redirecting())
            environ = environ_of(TIKTOK_IOS, HTTP_HOST=host, **{"wsgi.url_scheme": "http"})
            send(app, environ)
    told = [record.args[0] for record in caplog.records]
    assert told == ["site.example", "www.site.example"]


def test_plain_http_of_any_host_that_strangers_send_is_not_told_for_ever(caplog):
    app = EscapeMiddleware(redirecting())
    with caplog.at_level(logging.WARNING, "escape_mw"):
        for number in range(MAX_WARNED_OF + 50):
            host = f"{number}.site.example"
            environ = environ_of(TIKTOK_IOS, HTTP_HOST=host, **{"wsgi.url_scheme": "http"})
            send(app, environ)
    assert len(caplog.records) == MAX_WARNED_OF
