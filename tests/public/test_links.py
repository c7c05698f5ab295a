"""`links: true` in every shell: one tag more, for visitors in webviews, and nothing else."""

from __future__ import annotations

import gzip
import re
import sys

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from escape_mw import EscapeMiddleware, Tag, load

from ..support import agents
from ..support.examples import SECRET
from ..support.sites import ask_django_asgi, ask_django_wsgi, ask_wsgi, wrapped_shells
from ..support.wsgi import environ_of

RULES = {"version": 1, "rules": [{"path": "/**", "links": True}]}
TAP = "/_escape/go?u=https%3A%2F%2Fopen.spotify.com%2Ftrack%2F4uLU6hMCjMI75M1A2tKUQC&visit="
TAG = re.compile(rb'<script async="" src="/_escape/links-[0-9a-f]{16}\.js"[^>]*></script>')
START, END = b"<!doctype html><html><head>", b"<title>Links</title></head><body>Home"
HEADLESS = b"<!doctype html>\n"
HTML = [("Content-Type", "text/html; charset=utf-8")]
OURS = "escape_mw.django.EscapeMiddleware"


def is_tagged(body):
    """The tag stands behind <head>, and all else is the site's own."""
    return TAG.split(body) == [START, END]


def site(environ, start_response):
    """Asked for by its path: how a page may come."""
    name = environ["PATH_INFO"].strip("/")
    headers = [*HTML, ("ETag", '"1"')]
    if name == "write":
        write = start_response("200 OK", headers)
        write(START[:9])
        write(START[9:] + END[:9])
        return [END[9:]]
    if name == "late":
        return late(start_response, headers)
    if name == "anew":
        return anew(start_response, headers)
    statuses = {"error": "404 Not Found", "part": "206 Partial Content", "kept": "304 Not Modified"}
    start_response(statuses.get(name, "200 OK"), headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    if name == "headless":
        return [HEADLESS[:4], HEADLESS[4:]]
    if name == "bytes":
        return [bytes([one]) for one in START + END]
    return [START + END]


def late(start_response, headers):
    start_response("200 OK", headers)
    yield START
    yield END


def anew(start_response, headers):
    """An application that fails before anything was sent, and begins again (PEP 3333)."""
    start_response("200 OK", headers)
    try:
        raise ValueError("after the start")
    except ValueError:
        start_response("200 OK", headers, sys.exc_info())
    return [START, END]


@pytest.mark.parametrize("name", ["whole", "write", "late", "anew", "bytes"])
def test_a_page_gets_the_tag_however_it_comes(name):
    status, headers, body = ask_wsgi(EscapeMiddleware(site, RULES), f"/{name}", agents.TIKTOK_IOS)
    assert status == 200
    assert is_tagged(body)
    assert "etag" not in dict(headers)
    assert dict(headers)["vary"] == "User-Agent"
    assert dict(headers)["cache-control"] == "private, no-cache"


def test_a_page_that_ends_before_its_head_is_sent_whole():
    body = ask_wsgi(EscapeMiddleware(site, RULES), "/headless", agents.TIKTOK_IOS)[2]
    assert body == HEADLESS


SAME = [
    pytest.param("/whole", agents.SAFARI, {}, id="a browser"),
    pytest.param("/whole", agents.FACEBOOK_PREVIEW, {}, id="a preview"),
    pytest.param("/error", agents.TIKTOK_IOS, {}, id="an error page"),
    pytest.param("/part", agents.TIKTOK_IOS, {}, id="a part"),
    pytest.param("/whole", agents.TIKTOK_IOS, {"Range": "bytes=0-9"}, id="a range"),
    pytest.param("/whole", agents.TIKTOK_IOS, {"HX-Request": "true"}, id="a fragment"),
    pytest.param("/whole", agents.TIKTOK_IOS, {"Sec-Fetch-Dest": "iframe"}, id="a frame"),
    pytest.param("/whole", agents.TIKTOK_IOS, {"method": "POST"}, id="a form"),
    pytest.param(
        "/whole",
        agents.TIKTOK_IOS,
        {"method": "POST", "Accept": "text/html", "Referer": "https://site.example/music"},
        id="a form whose page is known",
    ),
]


def test_a_redirect_to_nowhere_is_no_page():
    def nowhere(environ, start_response):  # noqa: ARG001
        start_response("302 Found", [("Location", "")])
        return []

    decisions = []
    app = EscapeMiddleware(nowhere, RULES, observers=[lambda _, found: decisions.append(found)])
    status, headers, _ = ask_wsgi(app, "/whole", agents.TIKTOK_IOS)
    assert (status, headers) == (302, [("location", "")])
    assert not any(isinstance(found, Tag) for found in decisions)


@pytest.mark.parametrize(("where", "agent", "headers"), SAME)
def test_everything_else_is_the_sites_own(where, agent, headers):
    bare = ask_wsgi(site, where, agent, **headers)
    assert ask_wsgi(EscapeMiddleware(site, RULES), where, agent, **headers) == bare


CONDITIONS = {"HTTP_IF_NONE_MATCH": '"1"', "HTTP_ACCEPT_ENCODING": "br, gzip"}


def test_a_page_that_gets_a_tag_is_asked_for_whole():
    seen = {}

    def inner(environ, start_response):
        seen.update(environ)
        return site(environ, start_response)

    environ = environ_of(agents.TIKTOK_IOS, "/whole", **CONDITIONS)
    before = dict(environ)
    b"".join(EscapeMiddleware(inner, RULES)(environ, lambda *_: None))
    assert environ == before, "what stands further out compresses and compares as ever"
    assert seen["HTTP_ACCEPT_ENCODING"] == "identity"
    assert "HTTP_IF_NONE_MATCH" not in seen
    b"".join(
        EscapeMiddleware(inner, RULES)(environ_of(agents.SAFARI, **CONDITIONS), lambda *_: None)
    )
    assert seen["HTTP_ACCEPT_ENCODING"] == "br, gzip"


def test_head_has_the_headers_of_get():
    app = EscapeMiddleware(site, RULES)
    status, headers, body = ask_wsgi(app, "/whole", agents.TIKTOK_IOS, method="HEAD")
    assert (status, body) == (200, b"")
    of_get = ask_wsgi(app, "/whole", agents.TIKTOK_IOS)[1]
    assert headers == [item for item in of_get if item[0] != "content-length"], "webtest's own"


def whole(_):
    return HttpResponse(START + END)


def streamed(_):
    return StreamingHttpResponse([START[:5], START[5:], END])


async def streamed_async(_):
    async def parts():
        for part in (START[:5], START[5:], END):
            yield part

    return StreamingHttpResponse(parts())


def of_policy(_):
    return HttpResponse(START + END, headers={"Content-Security-Policy": "script-src 'nonce-a1'"})


urlpatterns = [
    path("whole", whole),
    path("streamed", streamed),
    path("async", streamed_async),
    path("policy", of_policy),
]


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        pytest.param(ask_django_wsgi, "/whole", id="WSGI"),
        pytest.param(ask_django_wsgi, "/streamed", id="WSGI, a stream"),
        pytest.param(ask_django_asgi, "/whole", id="ASGI"),
        pytest.param(ask_django_asgi, "/async", id="ASGI, a stream"),
        pytest.param(ask_django_wsgi, "/policy", id="with a nonce"),
    ],
)
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")
def test_django(ask, where):
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_RULES=RULES, ROOT_URLCONF=__name__):
        status, headers, body = ask(where, agents.TIKTOK_IOS)
        assert status == 200
        assert is_tagged(body)
        assert dict(headers)["cache-control"] == "private, no-cache"
        length = dict(headers).get("content-length")
        assert length in (None, str(len(body)))
        assert (b' nonce="a1"' in body) is (where == "/policy")
        assert ask(where, agents.SAFARI)[2] == START + END


class NonceMiddleware:
    """What sends its policy last, with a nonce that was read meanwhile (django-csp)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.csp_nonce = "late"
        response = self.get_response(request)
        response["Content-Security-Policy"] = f"script-src 'nonce-{request.csp_nonce}'"
        return response


def test_a_nonce_of_middleware_further_out_is_used():
    order = [f"{__name__}.NonceMiddleware", OURS]
    with override_settings(MIDDLEWARE=order, ESCAPE_MW_RULES=RULES, ROOT_URLCONF=__name__):
        _, headers, body = ask_django_wsgi("/whole", agents.TIKTOK_IOS)
    assert b' nonce="late"' in body
    assert dict(headers)["content-security-policy"] == "script-src 'nonce-late'"


class FailingNonceMiddleware(NonceMiddleware):
    """Its nonce cannot be read."""

    def __call__(self, request):
        request.csp_nonce = SimpleLazyObject(lambda: 1 / 0)
        return self.get_response(request)


def test_a_nonce_that_cannot_be_read_leaves_the_page_alone():
    order = [f"{__name__}.FailingNonceMiddleware", OURS]
    with override_settings(MIDDLEWARE=order, ESCAPE_MW_RULES=RULES, ROOT_URLCONF=__name__):
        status, _, body = ask_django_wsgi("/whole", agents.TIKTOK_IOS)
    assert (status, body) == (200, START + END)


GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"


def test_django_compresses_further_out_and_not_within():
    page = {"Accept-Encoding": "gzip", "If-None-Match": '"x"'}
    for order in ([GZIP, OURS], [OURS, GZIP, CONDITIONAL]):
        with override_settings(MIDDLEWARE=order, ESCAPE_MW_RULES=RULES, ROOT_URLCONF=__name__):
            status, _, body = ask_django_asgi("/whole", agents.TIKTOK_IOS, **page)
            assert (status, is_tagged(body)) == (200, True), "too short for gzip to help"


@pytest.mark.parametrize("name", ["plain", "flask", "django", "django async", "starlette"])
def test_a_tap_is_answered_in_every_shell(name):
    headers = {"Accept": "text/html", "Referer": "https://site.example/music?a=1"}
    with wrapped_shells(load(RULES)) as shells:
        status, found, _ = shells[name](TAP, agents.TIKTOK_IOS, **headers)
        assert (status, dict(found)["location"]) == (302, "spotify:track:4uLU6hMCjMI75M1A2tKUQC")
        status, found, body = shells[name](f"{TAP}&after=first", agents.TIKTOK_IOS, **headers)
        assert (status, b'data-home="/music?a=1"' in body) == (200, True)


NOWHERE = [
    pytest.param({}, agents.TIKTOK_IOS, "/", id="a shared link"),
    pytest.param({"Referer": "https://evil.example/"}, agents.TIKTOK_IOS, "/", id="another site"),
    pytest.param(
        {"Sec-Fetch-Site": "cross-site", "Referer": "https://site.example/music"},
        agents.TIKTOK_IOS,
        "/",
        id="a browser that says so",
    ),
    pytest.param(
        {"Referer": "https://site.example/music?a=1"}, agents.SAFARI, "/music?a=1", id="a browser"
    ),
    pytest.param({}, agents.SAFARI, "/", id="a browser, a shared link"),
]


@pytest.mark.parametrize(("headers", "agent", "expected"), NOWHERE)
def test_nobody_is_led_off_the_site(headers, agent, expected):
    app = EscapeMiddleware(site, RULES)
    status, found, _ = ask_wsgi(app, TAP, agent, Accept="text/html", **headers)
    assert (status, dict(found)["location"]) == (302, expected)


@pytest.mark.parametrize("to", ["https://evil.example/", "javascript:alert(1)", "//evil.example"])
def test_a_tap_never_leads_to_a_host_that_no_rule_lists(to):
    headers = {"Accept": "text/html", "Referer": "https://site.example/music"}
    app = EscapeMiddleware(site, RULES)
    status, found, _ = ask_wsgi(app, f"/_escape/go?u={to}", agents.TIKTOK_IOS, **headers)
    assert (status, dict(found)["location"]) == (302, "/music")


def measured(**more):
    events = []
    rules = {**RULES, "secret": SECRET, "site": "labels", **more}
    app = EscapeMiddleware(site, rules, sinks=[events.extend])
    return app, events


def test_a_visit_begins_with_the_page_and_goes_on_with_its_tap():
    app, events = measured()
    page = ask_wsgi(app, "/whole", agents.TIKTOK_IOS)[2]
    token = re.search(rb'data-visit="([^"]+)"', page)[1].decode()
    headers = {"Accept": "text/html", "Referer": "https://site.example/whole"}
    ask_wsgi(app, f"{TAP}{token}", agents.TIKTOK_IOS, **headers)
    ask_wsgi(app, f"{TAP}{token}&after=first", agents.TIKTOK_IOS, **headers)
    app.engine.state.measurement.recorder.flush()
    assert [(one.name, one.technique) for one in events] == [
        ("eligible", ""),
        ("tapped", "app-scheme"),
        ("shown", "app-scheme"),
    ]
    assert len({one.visit for one in events}) == 1
    assert [one.service for one in events] == ["", "spotify", "spotify"]


def test_the_holdout_gets_the_sites_own_bytes():
    tried = {"path": "/**", "links": True, "experiment": {"name": "links", "holdout": 0.5}}
    app, events = measured(rules=[tried], events={"log": True})
    bare, arms = ask_wsgi(site, "/whole", agents.TIKTOK_IOS), set()
    for _ in range(40):
        got = ask_wsgi(app, "/whole", agents.TIKTOK_IOS)
        assert is_tagged(got[2]) or got == bare
        arms.add(is_tagged(got[2]))
    app.engine.state.measurement.recorder.flush()
    assert arms == {True, False}
    assert {one.arm for one in events} == {"escape", "holdout"}
    assert {one.name for one in events} == {"eligible"}


def compressing(app):
    """An application that compresses what it may, and knows what the browser has."""

    def compressed(environ, start_response):
        if environ.get("HTTP_IF_NONE_MATCH"):
            start_response("304 Not Modified", [("ETag", '"1"')])
            return []
        if "gzip" not in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return app(environ, start_response)
        start_response("200 OK", [*HTML, ("Content-Encoding", "gzip")])
        return [gzip.compress(START + END)]

    return compressed


@pytest.mark.parametrize("name", ["Accept-Encoding", "If-None-Match"])
def test_both_arms_are_recorded_whatever_the_browser_sends(name):
    """A browser always accepts gzip, and the page of the holdout is what it gets without us."""
    events = []
    tried = {"path": "/**", "links": True, "experiment": {"name": "links", "holdout": 0.5}}
    rules = {**RULES, "rules": [tried], "secret": SECRET, "site": "labels"}
    app = EscapeMiddleware(
        compressing(site), {**rules, "events": {"log": True}}, sinks=[events.extend]
    )
    header = {f"HTTP_{name.upper().replace('-', '_')}": "gzip"}
    for _ in range(60):
        b"".join(app(environ_of(agents.TIKTOK_IOS, "/whole", **header), lambda *_: None))
    app.engine.state.measurement.recorder.flush()
    arms = [one.arm for one in events]
    assert (len(arms), set(arms)) == (60, {"escape", "holdout"})


def test_a_visitor_who_asks_for_privacy_is_counted_at_the_page():
    app, _ = measured()
    counted = []
    app.engine.state.measurement.recorder.count = counted.append
    b"".join(app(environ_of(agents.TIKTOK_IOS, "/whole", HTTP_SEC_GPC="1"), lambda *_: None))
    assert [(one.name, one.app) for one in counted] == [("eligible", "tiktok")]


def test_a_tag_is_logged_as_what_it_is(caplog):
    caplog.set_level("INFO", "escape_mw")
    ask_wsgi(EscapeMiddleware(site, RULES), "/whole", agents.TIKTOK_IOS)
    expected = "tag rule='rule 1' app=tiktok platform=ios service=None"
    assert caplog.messages[-1] == expected


def test_observe_records_and_changes_nothing():
    app, events = measured(mode="observe")
    assert ask_wsgi(app, "/whole", agents.TIKTOK_IOS) == ask_wsgi(site, "/whole", agents.TIKTOK_IOS)
    app.engine.state.measurement.recorder.flush()
    assert [one.name for one in events] == ["eligible"]


def test_observe_hands_on_what_the_browser_sent():
    seen = {}

    def inner(environ, start_response):
        seen.update(environ)
        return site(environ, start_response)

    app = EscapeMiddleware(inner, RULES | {"mode": "observe"})
    b"".join(app(environ_of(agents.TIKTOK_IOS, "/whole", **CONDITIONS), lambda *_: None))
    assert {name: seen.get(name) for name in CONDITIONS} == CONDITIONS
