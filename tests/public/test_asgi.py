"""The middleware for ASGI, beyond what `test_shells` holds in every framework alike."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from escape_mw import RulesError, load
from escape_mw.asgi import EscapeMiddleware

from ..support import agents
from ..support.examples import SECRET, TRACK
from ..support.marked import marked
from ..support.sites import ask_asgi

RULES = {
    "version": 1,
    "secret": SECRET,
    "events": {"log": True},
    "rules": [
        {"path": "/music", "links": True},
        {"path": "/presave/**", "to": "page"},
        {"path": "/**", "to": "redirect"},
    ],
}
HTML = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"41")]
PAGE = b"<!doctype html><title>x</title><p>A page."


def scope_of(path="/x", agent=agents.TIKTOK_IOS, query=b"", **more):
    headers = [(b"host", b"site.example"), (b"user-agent", agent.encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "GET",
        "scheme": "https",
        "path": path,
        "query_string": query,
        "headers": [*headers, *more.pop("headers", [])],
        **more,
    }


class Site:
    """An application that plays what it is given, and remembers what it was called with."""

    def __init__(self, *messages, page=None):
        self.messages = messages
        self.page = page
        self.called = []

    async def __call__(self, scope, receive, send):
        self.called.append((scope, receive, send))
        if self.page:
            scope["escape_mw.page"] = self.page
        for message in self.messages:
            await send(message)


def asked(app, scope, *received):
    """The messages that an application sends, each request message received in its turn."""
    sent, waiting = [], list(received)

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def started(status=200, headers=()):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


UNTOUCHED = [
    pytest.param({"type": "lifespan"}, id="the lifespan"),
    pytest.param({"type": "websocket", "path": "/", "headers": []}, id="a websocket"),
    pytest.param(scope_of(agent=agents.SAFARI), id="a browser"),
    pytest.param(scope_of(agent=""), id="nobody"),
    pytest.param(
        {"type": "http", "method": "GET", "path": "/", "headers": []},
        id="the least there may be",
    ),
]


@pytest.mark.parametrize("scope", UNTOUCHED)
def test_what_is_not_looked_at_is_passed_as_it_is(scope):
    site, receive, send = Site(), object(), object()
    asyncio.run(EscapeMiddleware(site, RULES)(scope, receive, send))
    [(seen, *more)] = site.called
    assert (seen is scope, more) == (True, [receive, send])


def test_messages_of_a_passed_response_are_the_same_objects():
    messages = [started(200), body(b"a", more=True), {"type": "http.response.trailers"}, body()]
    sent = asked(EscapeMiddleware(Site(*messages)), scope_of())
    assert [one is other for one, other in zip(sent, messages, strict=True)] == [True] * 4


def test_the_site_gets_a_copy_without_the_marker_and_with_the_visit():
    site = Site(started(), body())
    path = marked(load(RULES).policy, "/presave/x", "menu", rule=1, visit="0123456789ab")
    scope = scope_of(
        "/presave/x", agents.SAFARI, b"a=1&%s&b=%%2F" % path.partition("?")[2].encode()
    )
    before = dict(scope)
    asked(EscapeMiddleware(site, RULES), scope)
    [(seen, *_)] = site.called
    assert (seen["query_string"], seen["escape_mw.visit"][:2]) == (b"a=1&b=%2F", "2~")
    assert scope == before


def test_the_page_says_what_the_site_says_of_the_release():
    redirect = started(302, [(b"location", TRACK.encode())])
    site = Site(redirect, body(), page={"title": "Harbour Lights", "artist": "Paper Lanterns"})
    page = asked(EscapeMiddleware(site, RULES), scope_of())[1]["body"].decode()
    assert "<bdi>Harbour Lights</bdi>" in page
    assert "Paper Lanterns" in page


def test_applied_twice_it_acts_once():
    redirect = started(302, [(b"location", TRACK.encode()), (b"set-cookie", b"seen=1")])
    inner = EscapeMiddleware(Site(redirect, body()), {"version": 1})
    sent = asked(EscapeMiddleware(inner, RULES), scope_of())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (b"set-cookie", b"seen=1") in sent[0]["headers"]
    assert b'data-visit="' in sent[1]["body"], "the outer one measures"


def test_a_cancelled_request_leaves_nothing_applied():
    async def cancelled(*_):
        raise asyncio.CancelledError

    async def both():
        for app in (cancelled, Site(started(302, [(b"location", TRACK.encode())]), body())):
            try:
                await EscapeMiddleware(app, RULES)(scope_of(), None, send)
            except asyncio.CancelledError:
                continue

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(both())
    assert sent[0]["status"] == 200, "the second request is answered with a page"


# --- this package's own addresses -----------------------------------------------------------------


def test_its_own_addresses_are_answered_in_a_thread():
    seen = []
    app = EscapeMiddleware(Site(), RULES)
    app.engine.clock = lambda: seen.append(threading.current_thread()) or 1_800_000_000
    scope = scope_of("/_escape/e", method="POST", headers=[(b"content-length", b"2")])
    sent = asked(app, scope, {"type": "http.request", "body": b"ab"})
    assert sent[0]["status"] == 204
    assert threading.main_thread() not in seen


def test_without_asyncio_they_are_answered_all_the_same():
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"ab"}

    async def send(message):
        sent.append(message)

    scope = scope_of("/_escape/e", method="POST", headers=[(b"content-length", b"2")])
    coroutine = EscapeMiddleware(Site(), RULES)(scope, receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert sent[0]["status"] == 204


BODIES = [
    pytest.param([b"ab"], b"2", id="whole"),
    pytest.param([b"a", b"b"], b"2", id="in parts"),
    pytest.param([b"a" * 3000, b"b" * 3000], b"6000", id="longer than ours are"),
    pytest.param([b"ab"], None, id="of unknown length"),
    pytest.param([], b"2", id="cut short"),
]


@pytest.mark.parametrize(("parts", "length"), BODIES)
def test_a_body_that_is_none_of_ours_reaches_the_site(parts, length):
    """At an address below ours, which the middleware may read, and leaves to the site."""
    received = []

    async def site(_scope, receive, send):
        received.append(await receive())
        while received[-1].get("more_body"):
            received.append(await receive())
        await send(started())

    messages = [
        {"type": "http.request", "body": part, "more_body": number + 1 < len(parts)}
        for number, part in enumerate(parts)
    ] or [{"type": "http.disconnect"}]
    headers = [(b"content-length", length)] if length else []
    scope = scope_of("/_escape/theirs", method="POST", headers=headers)
    sent = asked(EscapeMiddleware(site, RULES), scope, *messages)
    assert (received, sent) == (messages, [started()])


# --- a page of the site's own ---------------------------------------------------------------------

PARTS = [
    pytest.param([PAGE], id="whole"),
    pytest.param([PAGE[:9], PAGE[9:30], PAGE[30:]], id="in parts"),
    pytest.param([PAGE, b""], id="with an empty end"),
]


@pytest.mark.parametrize("parts", PARTS)
def test_a_page_gets_its_tag_as_it_comes(parts):
    last = len(parts) - 1
    messages = [body(part, more=number < last) for number, part in enumerate(parts)]
    sent = asked(EscapeMiddleware(Site(started(200, HTML), *messages), RULES), scope_of("/music"))
    whole = b"".join(message["body"] for message in sent[1:])
    assert [message["more_body"] for message in sent[1:]] == [one["more_body"] for one in messages]
    [tag] = re.findall(rb"<script[^>]*></script>", whole)
    assert (whole.replace(tag, b""), b"/_escape/links-" in tag) == (PAGE, True)
    assert b"content-length" not in dict(sent[0]["headers"])


def test_a_page_that_gets_a_tag_is_not_sent_by_the_server():
    """A file that the server sends by itself never passes by here."""
    offered = {"http.response.pathsend": {}, "http.response.early_hint": {}}
    site = Site(started(200, HTML), body(PAGE))
    headers = [(b"accept-encoding", b"gzip"), (b"if-none-match", b'"x"'), (b"accept", b"*/*")]
    scope = scope_of("/music", extensions=offered, headers=headers)
    asked(EscapeMiddleware(site, RULES), scope)
    [(seen, *_)] = site.called
    assert seen["extensions"] == {"http.response.early_hint": {}}
    assert dict(seen["headers"]) == {
        b"host": b"site.example",
        b"user-agent": agents.TIKTOK_IOS.encode(),
        b"accept": b"*/*",
        b"accept-encoding": b"identity",
    }
    assert scope["extensions"] == offered


@pytest.mark.parametrize("mount", ["", "/shop"])
def test_starlettes_request_says_it_too(mount):
    async def listen(request):
        request.scope["escape_mw.page"] = {"title": "Harbour Lights"}
        return RedirectResponse(TRACK)

    routes = [Mount(mount, routes=[Route("/listen", listen)])]
    app = Starlette(routes=routes, middleware=[Middleware(EscapeMiddleware, rules=RULES)])
    _, _, page = ask_asgi(app, f"{mount}/listen", agents.TIKTOK_IOS)
    assert b"<bdi>Harbour Lights</bdi>" in page


# --- where it stands ------------------------------------------------------------------------------

MOUNTS = [
    pytest.param("", "/presave/x", 200, id="at the root"),
    pytest.param("/shop", "/shop/presave/x", 200, id="a path with its mount"),
    pytest.param("/shop", "/presave/x", 200, id="a path without it"),
    pytest.param("/shop/", "/shop/presave/x", 200, id="a mount that ends in a slash"),
    pytest.param("/pre", "/presave/x", 200, id="a path that begins like its mount"),
    pytest.param("/", "/presave/x", 200, id="a mount that is a slash"),
    pytest.param("/shop", "/shop/other", 404, id="another path"),
]


@pytest.mark.parametrize(("mount", "path", "status"), MOUNTS)
def test_below_a_mount(mount, path, status):
    site = Site(started(404), body())
    sent = asked(EscapeMiddleware(site, RULES), scope_of(path, root_path=mount))
    assert sent[0]["status"] == status
    if status == 200:
        stay = f'href="https://site.example{mount.rstrip("/")}/presave/x?_esc='
        assert stay in sent[1]["body"].decode()


def test_who_stays_has_a_cookie_though_the_site_names_no_headers():
    site = Site({"type": "http.response.start", "status": 200}, body())
    app = EscapeMiddleware(site, RULES)
    page = asked(app, scope_of("/presave/x"))[1]["body"].decode()
    query = re.search(r"_esc=2~stay[^\"&]*", page)[0].encode()
    start = asked(app, scope_of("/presave/x", query=query))[0]
    assert b"set-cookie" in dict(start["headers"])


@pytest.mark.parametrize("app", [None, "module:app", 3])
def test_what_is_no_application_is_refused(app):
    with pytest.raises(TypeError, match="is not an ASGI application: it cannot be called"):
        EscapeMiddleware(app)


BROKEN = {"version": 1, "rulez": [], "marker": ""}


def test_rules_that_cannot_be_used_are_an_error_where_it_is_made():
    with pytest.raises(RulesError, match="rulez: unknown key"):
        EscapeMiddleware(Site(), BROKEN)


def test_where_starlette_makes_it_the_start_fails_and_no_request(caplog):
    """Starlette makes its middlewares for the lifespan, and again for each request."""
    site = Site(started(404), body())

    async def made():
        return EscapeMiddleware(site, BROKEN)

    app = asyncio.run(made())
    [failed] = asked(app, {"type": "lifespan"}, {"type": "lifespan.startup"})
    assert failed["type"] == "lifespan.startup.failed"
    assert "rulez: unknown key" in failed["message"]
    assert "marker: " in failed["message"]
    assert caplog.text.count("switched off; the rules cannot be used: ") == 2
    assert asked(app, scope_of("/presave/x")) == [started(404), body()]


def test_an_error_of_ours_lets_the_request_pass(caplog):
    app = EscapeMiddleware(Site(started(), body()), RULES)
    app.engine.clock = None  # every request that is judged asks it
    assert asked(app, scope_of()) == [started(), body()]
    assert "internal error; the request was passed to the site unchanged" in caplog.text


def test_as_its_table_asks():
    """`ask_asgi` calls it as a server does."""
    status, headers, _ = ask_asgi(EscapeMiddleware(Site(), RULES), "/presave/x", agents.TIKTOK_IOS)
    assert (status, dict(headers)["x-escape"]) == (200, "escape; to=site; by=menu")
