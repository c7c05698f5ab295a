"""The page in real engines: every ladder, step by step.

As a host app that refuses, opens, or loads it again.

What no engine here can tell: Android's WebView, iOS's own, universal links, and what a host app's
delegate really does.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from escape_mw import catalogue

from ..support.marked import MARKER, short
from .site import ORIGIN
from .steps import MENU_FIRST, NOW, SHOWN, attempts, expected, shown, waited
from .table import AGENTS, ASKS, LADDERS, PATHS

HINTS = (
    "[...document.querySelectorAll('.step')].map(step => "
    "/asks first/.test((step.querySelector('small') || {}).textContent))"
)
# A few Android rows in the other engine too: by itself, by a tap, a redirect, words alone.
ALSO_WEBKIT = [
    ("facebook", "android", "browser"),
    ("tiktok", "android", "app"),
    ("line", "android", "browser"),
    ("wechat", "android", "app"),
]


def test_the_table_is_whole():
    assert set(LADDERS) == {
        (row.app, row.platform, row.goal) for row in catalogue.load().techniques
    }


class Row(NamedTuple):
    """One row in one engine: the address to open, who the visitor is, the ways.

    `asks` says whether the host app asks first, which the page says of each step.
    """

    engine: object
    url: str
    agent: str
    ways: list
    asks: bool


ROWS = [(key, "webkit" if key[1] == "ios" else "chromium") for key in LADDERS] + [
    (key, "webkit") for key in ALSO_WEBKIT
]
SAID = "!/its own browser|inside an app/.test(document.querySelector('[role=status]').textContent)"
OPENS = [row for row in ROWS if LADDERS[row[0]] and not LADDERS[row[0]][0].uri.startswith("https:")]
MARKED = [row for row in ROWS if any("_esc" in way.uri for way in LADDERS[row[0]])]


def name(row):
    return f"{' '.join(row[0])} in {row[1]}"


every_row = pytest.mark.parametrize("row", ROWS, indirect=True, ids=name)


@pytest.fixture
def row(request, site):
    (app, platform, goal), engine = request.param
    site.asked.clear()
    return Row(
        request.getfixturevalue(engine),
        site.url + PATHS[goal],
        AGENTS[app, platform],
        LADDERS[app, platform, goal],
        app in ASKS,
    )


def markers(engine):
    """The markers of what the page or the redirect hands over, one for each step."""
    links = engine.script(
        "return [...document.querySelectorAll('.step a')].map(link => link.getAttribute('href'))"
    )
    uris = map(unquote, [attempt.uri for attempt in engine.attempts()] + links)
    return list(dict.fromkeys(found[0] for uri in uris if (found := MARKER.search(uri))))


def next_step_follows(engine, ways):
    """After a step that did nothing the next one stands in its place.

    After the last one there are words; either way it is said.
    """
    number = engine.script("return document.querySelectorAll('.step').length") - len(ways)
    follows = f"({SHOWN}).join() === String({number})" if ways else MENU_FIRST
    engine.until(f"!document.hidden && ({follows})")
    assert engine.script(f"return {SAID}")


@every_row
def test_refused_the_whole_ladder_in_place(row, site):
    """Each step is attempted once, with exactly its URI.

    In the visitor's own gesture where it is a tap.
    """
    engine, ways, loads = row.engine, row.ways, 1
    engine.open(row.url, row.agent)
    assert set(engine.script(f"return {HINTS}")) <= {row.asks}
    for number, way in enumerate(ways):
        if way.trigger == "tap":
            assert engine.script(f"return document.querySelector('{NOW}').dataset.settle") == str(
                way.settle
            )
            engine.tap(NOW)
        assert attempts(engine, number + 1) == expected(ways[: number + 1])
        if way.uri.startswith(
            ORIGIN
        ):  # a page of the web: what does not open outside is loaded in here
            engine.load(site.here(engine.attempts()[number].uri))
            loads += 1
        elif not way.uri.startswith("https:"):
            next_step_follows(engine, ways[number + 1 :])
    if not ways:
        assert engine.script(f"return !!({MENU_FIRST})")
    assert attempts(engine) == expected(ways)
    assert len(site.asked) == loads
    assert engine.script("return refused") == []


@pytest.mark.parametrize("row", OPENS, indirect=True, ids=name)
def test_opened_and_come_back_the_next_step_too_and_no_second_launch(row):
    """A hidden page is no proof: it may have been a question that the visitor refused."""
    engine, way = row.engine, row.ways[0]
    for _ in range(5):
        engine.open(row.url, row.agent, opens="everything")
        if way.trigger == "tap":
            engine.tap(NOW)
        assert attempts(engine, 1) == expected([way])
        engine.opened()
        if not engine.script(f"return {SAID}"):
            break  # else this machine was slower than the page waits
    assert engine.script("return document.hidden")
    assert not engine.script(f"return {SAID}")
    engine.come_back()
    waited(engine, way)
    assert shown(engine) == [0, 1][: len(row.ways)]
    assert attempts(engine) == expected([way])


@pytest.mark.parametrize("row", MARKED, indirect=True, ids=name)
def test_come_back_marked_nothing_happens_by_itself(row):
    """The host app loads the page that was handed over.

    Its next steps wait for a tap, and the address is clean.
    """
    engine = row.engine
    engine.open(row.url, row.agent)
    tried = [marker for marker in markers(engine) if "_esc=stay" not in marker]
    assert tried
    for marker in tried:
        engine.open(f"{row.url}?{marker}", row.agent)
        links = engine.script(
            "return [...document.querySelectorAll('.step a')].map(link => "
            "[link.getAttribute('href'), link.dataset.trigger])"
        )
        hands_over = re.compile(rf"{short(marker)}(?![\w-])").search
        at = next(at for at, way in enumerate(row.ways) if hands_over(unquote(way.uri)))
        rest = row.ways[at + 1 :] or row.ways
        assert [(short(uri), trigger) for uri, trigger in links] == [
            (way.uri, "tap") for way in rest
        ]
        assert shown(engine) == [0]
        assert engine.script("return location.search") == ""
        assert attempts(engine) == []
