"""A redirect that is replaced was an application's response all the same: its clean-up runs."""

from __future__ import annotations

import logging

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.test import override_settings
from flask import Flask
from flask import redirect as flask_redirect
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from escape_mw import EscapeMiddleware

from ..support.agents import CHROME_DESKTOP, TIKTOK_IOS
from ..support.sites import ask_django_asgi, ask_django_wsgi
from ..support.wsgi import Server, environ_of, redirecting, send

VISITS = 50


def asked(app, agent=TIKTOK_IOS):
    got = send(app, environ_of(agent, "/listen"))
    return got.status, got.body


def wrapper(app):
    """A middleware as many are written."""

    def wrapped(environ, start_response):
        body = app(environ, start_response)

        def generate():
            try:
                yield from body
            finally:
                if hasattr(body, "close"):
                    body.close()

        return generate()

    return wrapped


def late(app):
    """The same, started only as the body is asked for."""

    def wrapped(environ, start_response):
        body = app(environ, start_response)
        try:
            yield from body
        finally:
            if hasattr(body, "close"):
                body.close()

    return wrapped


@pytest.fixture
def finished():
    """How often Django said that a request is finished."""
    count = []

    def receive(**_):
        count.append(1)

    request_finished.connect(receive)
    yield count
    request_finished.disconnect(receive)


BETWEEN = [
    pytest.param(lambda app: app, id="nothing between"),
    pytest.param(wrapper, id="a generator between"),
    pytest.param(late, id="a late start between"),
]


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("agent", [TIKTOK_IOS, CHROME_DESKTOP], ids=["replaced", "passed"])
def test_opentelemetry_ends_every_span(between, agent):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = OpenTelemetryMiddleware(redirecting(), tracer_provider=provider)
    ours = EscapeMiddleware(between(app))
    for _ in range(VISITS):
        asked(ours, agent)
    assert len(exporter.get_finished_spans()) == VISITS


@pytest.mark.parametrize("between", BETWEEN)
def test_django_inside_finishes_every_request(between, finished):
    with override_settings(MIDDLEWARE=[]):
        ours = EscapeMiddleware(between(WSGIHandler()))
    for _ in range(VISITS):
        assert b"Play on Spotify" in asked(ours)[1]
    assert len(finished) == VISITS


@pytest.mark.parametrize("ask", [ask_django_wsgi, ask_django_asgi], ids=["WSGI", "ASGI"])
def test_djangos_own_middleware_finishes_a_request_once(ask, finished):
    with override_settings(MIDDLEWARE=["escape_mw.django.EscapeMiddleware"]):
        assert b"Play on Spotify" in ask("/listen", TIKTOK_IOS)[2]
    assert len(finished) == 1


@pytest.mark.parametrize("between", BETWEEN)
def test_flask_calls_on_close_every_time(between):
    app, closed = Flask(__name__), []

    @app.get("/listen")
    def listen():
        response = flask_redirect("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC")
        response.call_on_close(lambda: closed.append(1))
        return response

    ours = EscapeMiddleware(between(app))
    for _ in range(VISITS):
        assert b"Play on Spotify" in asked(ours)[1]
    assert len(closed) == VISITS


def site(items, notes):
    def app(environ, start_response):
        redirecting()(environ, start_response)

        def generate():
            try:
                for item in items:
                    notes.append("item")
                    yield item
                notes.append("end")
            finally:
                notes.append("clean-up")

        return generate()

    return app


def failing():
    yield b"moved"
    raise RuntimeError("lost")


def endless(item):
    while True:
        yield item


BODIES = [
    pytest.param([b"moved"], ["item", "end", "clean-up"], id="one item, then code of the site"),
    pytest.param([], ["end", "clean-up"], id="no item"),
    pytest.param([b"a", b"", b"c"], ["item"] * 3 + ["end", "clean-up"], id="three items"),
    pytest.param(endless(b"x"), ["item"] * 16 + ["clean-up"], id="endless items"),
    pytest.param(endless(b"x" * 60_000), ["item"] * 2 + ["clean-up"], id="endless bytes"),
]


@pytest.mark.parametrize(("items", "expected"), BODIES)
def test_the_replaced_body_is_drained_within_a_bound(items, expected):
    notes = []
    status, page = asked(EscapeMiddleware(site(items, notes)))
    assert (status, notes) == ("200 OK", expected)
    assert b"Play on Spotify" in page


def test_it_is_drained_only_once_the_page_is_sent():
    """A slow body keeps nobody waiting."""
    notes, server = [], Server()
    body = EscapeMiddleware(site([b"moved"], notes))(
        environ_of(TIKTOK_IOS, "/listen"), server.start_response
    )
    assert b"Play on Spotify" in b"".join(body)
    assert notes == []


@pytest.mark.parametrize(
    "items", [failing(), None, [1]], ids=["it raises", "it is none", "it holds no bytes"]
)
def test_a_body_that_fails_is_logged_and_the_page_is_sent(items, caplog):
    class Body:
        closed = False

        def __iter__(self):
            return iter(items)

        def close(self):
            self.closed = True

    body = Body()

    def app(environ, start_response):
        redirecting()(environ, start_response)
        return body

    with caplog.at_level(logging.ERROR, "escape_mw"):
        status, page = asked(EscapeMiddleware(app))
    assert status == "200 OK"
    assert b"Play on Spotify" in page
    assert [record.getMessage() for record in caplog.records] == [
        "the body of a replaced redirect raised an exception"
    ]
    assert body.closed
