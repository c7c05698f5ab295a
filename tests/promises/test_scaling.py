"""Longer agents, more rules, more destinations: the work grows no faster than they do.

`benchmarks/scaling.py` has the times.
"""

from __future__ import annotations

import json
import sys

import pytest

from escape_mw import EscapeMiddleware, RulesError, load

from ..support import agents
from ..support.marked import stay
from ..support.wsgi import environ_of, redirecting

FIXED = 5_000  # instructions that one kind of request may take more than another, whatever its size


def instructions(call):
    """How many instructions the interpreter runs for a call."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def works(make, sizes):
    """What each size costs, the first time that this visitor is seen.

    In a process that has been at work for a while.
    """
    for size in sizes:
        make(size)()
    return [instructions(make(size)) for size in sizes]


def asked(environ, source=None, site=None):
    """A request that no memo of a visitor knows."""
    app = EscapeMiddleware(site or redirecting("https://news.example/"), source)
    return lambda: b"".join(app(dict(environ), lambda *_: lambda _: None))


def filled(head, piece, tail=""):
    return lambda size: head + (piece * size)[: size - len(head) - len(tail)] + tail


def rules(size, **more):
    return {
        "version": 1,
        "rules": [{"path": f"/r{number}/{{slug}}", "to": "page", **more} for number in range(size)],
    }


def destinations(size):
    return {
        "version": 1,
        "destinations": {
            "add": [
                {"id": f"ours-{number}", "name": "Ours", "hosts": [f"go{number}.label.example"]}
                for number in range(size)
            ]
        },
    }


def told(source):
    def call():
        with pytest.raises(RulesError):
            load(source)

    return call


def of_agent(text):
    return lambda size: asked(environ_of(text(size), "/listen"))


def of_path(size):
    return asked(environ_of(agents.TIKTOK_IOS, filled("/", "x/")(size)))


def of_query(size):
    return asked(environ_of(agents.TIKTOK_IOS, "/listen", filled("", "a=b&")(size)))


def of_marked(size):
    head = stay(load(None).policy, "/listen").partition("?")[2]
    return asked(environ_of(agents.TIKTOK_IOS, "/listen", filled(f"{head}&", "a=b&")(size)))


def of_markers(size):
    query = "&".join(f"_esc=2~menu~~~~.{number:x}." for number in range(size // 15))
    return asked(environ_of(agents.TIKTOK_IOS, "/listen", query))


def of_header(name, text):
    return lambda size: asked(environ_of(agents.TIKTOK_IOS, "/listen", **{name: text(size)}))


def of_location(size):
    return asked(
        environ_of(agents.TIKTOK_IOS),
        site=redirecting(filled("https://open.spotify.com/", "a/")(size)),
    )


def from_text(source, path):
    path.write_text(json.dumps(source))
    return lambda: load(path)


LENGTHS = [
    pytest.param(
        of_agent(filled("Mozilla/5.0 (Windows NT 10.0; ", "x", ") Gecko/1 Firefox/1")),
        id="the agent, a browser's",
    ),
    pytest.param(
        of_agent(filled("Mozilla/5.0 (iPhone", "; x", ") Mobile/15E148 musical_ly_41.9.0")),
        id="the agent, TikTok's token at its end",
    ),
    pytest.param(of_agent(filled("Mozilla/5.0 ", "(")), id="the agent, nothing but brackets"),
    pytest.param(
        of_agent(filled("Mozilla/5.0 (Linux; Android 1) ", "musical_l Version/1. Chrome/1. bo ")),
        id="the agent, nothing but near misses",
    ),
    pytest.param(
        of_agent(filled("Mozilla/5.0 (iPhone) ", "cubot ", "bot")),
        id="the agent, nothing but crawlers' letters",
    ),
    pytest.param(of_path, id="the path"),
    pytest.param(of_query, id="the query"),
    pytest.param(of_marked, id="a query with a marker"),
    pytest.param(of_markers, id="a query of markers"),
    pytest.param(of_location, id="the site's Location"),
    pytest.param(
        of_header("QUERY_STRING", filled("url=https://open.spotify.com/", "a/")),
        id="a target in the query",
    ),
    pytest.param(of_header("HTTP_ACCEPT_LANGUAGE", filled("", "xx,")), id="the languages"),
    pytest.param(
        of_header("HTTP_REFERER", filled("https://site.example/?", "a&")), id="the referrer"
    ),
]


@pytest.mark.parametrize("make", LENGTHS)
def test_work_grows_no_faster_than_what_a_request_holds(make):
    hundred, thousand, ten_thousand = works(make, (100, 1_000, 10_000))
    assert thousand <= 10 * hundred + FIXED
    assert ten_thousand <= 10 * thousand + FIXED


SOME, MANY = (5, 50, 500), (10, 100, 1_000)
NUMBERS = [
    pytest.param(
        MANY,
        lambda size: asked(environ_of(agents.TIKTOK_IOS, f"/r{size - 1}/x"), rules(size)),
        id="rules, a visitor of the last one",
    ),
    pytest.param(
        MANY,
        lambda size: asked(environ_of(agents.TIKTOK_IOS, "/none"), rules(size)),
        id="rules, a visitor of none",
    ),
    pytest.param(
        MANY,
        lambda size: asked(
            environ_of(agents.TIKTOK_IOS, "/none", HTTP_ACCEPT_LANGUAGE="en"),
            rules(size, path="/**", when={"languages": ["de"]}),
        ),
        id="rules, all of this path and none of this language",
    ),
    pytest.param(SOME, lambda size: lambda: load(rules(size)), id="rules, when they are loaded"),
    pytest.param(
        SOME, lambda size: lambda: load(destinations(size)), id="destinations, when they are loaded"
    ),
    pytest.param(
        SOME,
        lambda size: told(rules(size, to="https://evil.example/")),
        id="rules, each of which leads nowhere",
    ),
    pytest.param(
        SOME,
        lambda size: told(rules(size, when={"apps": ["tiktoc"]})),
        id="rules, each for an app that nobody knows",
    ),
]


def grows_no_faster(few, more, many):
    """Ten times as much at most, for each tenfold; what every size costs is taken off."""
    assert many - more <= 10 * (more - few) * 1.1 + FIXED


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "make"), NUMBERS)
def test_work_grows_no_faster_than_the_rules(sizes, make):
    grows_no_faster(*works(make, sizes))


@pytest.mark.parametrize("make", [rules, destinations])
def test_reading_a_file_grows_no_faster_than_the_file(tmp_path, make):
    grows_no_faster(*works(lambda size: from_text(make(size), tmp_path / f"{size}.yaml"), SOME))


FLAT = [
    pytest.param(
        lambda size: asked(environ_of(agents.SAFARI, f"/r{size - 1}/x"), rules(size)),
        id="rules, a browser",
    ),
    pytest.param(
        lambda size: asked(environ_of(agents.SAFARI), destinations(size)),
        id="destinations, a browser",
    ),
    pytest.param(
        lambda size: asked(
            environ_of(agents.TIKTOK_IOS),
            destinations(size),
            redirecting(f"https://go{size - 1}.label.example/x"),
        ),
        id="destinations, a redirect to the last one",
    ),
]


@pytest.mark.parametrize("make", FLAT)
def test_work_that_does_not_grow_at_all(make):
    few, many = works(make, (1, 1_000))
    assert many <= few + 100
